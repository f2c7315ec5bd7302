/* test_env_threads.c - works on real threads, one for each.
 *
 * A thread runs its work and puts it onto the list of those that finished, from which the thread
 * of the test takes it, in a turn. */
#include "test_env.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct thread_work {
    struct thread_work *next;
    struct test_threads *threads;
    pthread_t thread;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
} thread_work;

struct test_threads {
    pthread_mutex_t lock;
    pthread_cond_t finished_some;
    thread_work *finished; /* last first; guarded by `lock` */
};

static void need(bool truth)
{
    if (truth) return;
    fprintf(stderr, "test_env: threads do not work here\n");
    abort();
}

static void *thread_main(void *arg)
{
    thread_work *work = arg;
    struct test_threads *threads = work->threads;

    work->run(work->arg);
    pthread_mutex_lock(&threads->lock);
    work->next = threads->finished;
    threads->finished = work;
    pthread_cond_signal(&threads->finished_some);
    pthread_mutex_unlock(&threads->lock);
    return NULL;
}

static mt_status thread_work_start(void *ctx, void (*run)(void *arg), void (*done)(void *arg),
                                   void *arg)
{
    test_env *te = ctx;
    thread_work *work = calloc(1, sizeof *work);

    need(work);
    *work = (thread_work){.threads = te->threads, .run = run, .done = done, .arg = arg};
    te->work_count++;
    need(pthread_create(&work->thread, NULL, thread_main, work) == 0);
    return MT_OK;
}

/* Takes the list of those that finished, waiting for one. */
static thread_work *finished_take(struct test_threads *threads)
{
    thread_work *list;

    pthread_mutex_lock(&threads->lock);
    while (!threads->finished) pthread_cond_wait(&threads->finished_some, &threads->lock);
    list = threads->finished;
    threads->finished = NULL;
    pthread_mutex_unlock(&threads->lock);
    return list;
}

bool test_threads_turn(test_env *te)
{
    thread_work *list, *work;

    if (te->work_count == 0) return false;
    list = finished_take(te->threads);
    while ((work = list) != NULL) {
        void (*done)(void *arg) = work->done;
        void *arg = work->arg;

        list = work->next;
        pthread_join(work->thread, NULL);
        free(work);
        te->work_count--;
        done(arg);
    }
    return true;
}

void test_threads_end(test_env *te)
{
    pthread_cond_destroy(&te->threads->finished_some);
    pthread_mutex_destroy(&te->threads->lock);
    free(te->threads);
    te->threads = NULL;
}

void test_env_threads(test_env *te)
{
    te->threads = calloc(1, sizeof *te->threads);
    need(te->threads != NULL);
    need(pthread_mutex_init(&te->threads->lock, NULL) == 0);
    need(pthread_cond_init(&te->threads->finished_some, NULL) == 0);
    te->env.work = thread_work_start;
}
