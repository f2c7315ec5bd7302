/* thread.c - a thread that runs a loop, and the queue of calls to it.
 *
 * Callers append under `lock`. Whoever appends to an empty queue wakes the thread, still under the
 * lock, since a thread that has ended must not be woken; the thread takes the whole queue at once.
 * When it sees, under the same lock, that it is to end, nothing can be appended any more. */
#include <mytosis/loop.h>

#include <uv.h>

#include "base/assert.h"
#include "base/bytes.h"

typedef void call_fn(void *ctx, const mt_env *env);

/* Whoever waits for a call, on its stack. */
typedef struct waiter {
    uv_cond_t ran;
    bool done; /* guarded by `lock` */
} waiter;

typedef struct call {
    struct call *next;
    call_fn *fn;
    void *ctx;
    waiter *waiter; /* NULL: nobody waits, and the call is allocated; else it is on a stack too */
} call;

typedef enum phase { RUNNING, ENDING, ENDED } phase;

struct mt_thread {
    const mt_mem *mem;
    mt_loop *loop;
    uv_async_t wake;
    bool woken; /* the thread's own: there is something to look at */
    uv_thread_t thread;
    uv_mutex_t lock;
    call *first, *last; /* guarded by `lock`, as is what follows */
    phase phase;        /* RUNNING: calls are taken; ENDED: the last thing that the thread did */
    bool joined;
    uv_cond_t on_joined;
};

/* ---- On the thread ---- */

static void wake_called(uv_async_t *wake)
{
    mt_thread *thread = wake->data;

    thread->woken = true;
}

static void call_run(mt_thread *thread, call *c)
{
    call_fn *fn = c->fn;
    void *ctx = c->ctx;
    waiter *w = c->waiter;

    if (!w) mti_mem_free(thread->mem, c, sizeof *c);
    fn(ctx, mt_loop_env(thread->loop));
    if (!w) return;
    uv_mutex_lock(&thread->lock);
    w->done = true;
    uv_cond_signal(&w->ran);
    uv_mutex_unlock(&thread->lock);
}

/* Runs what is queued. Answers whether more may come. */
static bool calls_run(mt_thread *thread)
{
    call *list, *next;
    bool more;

    thread->woken = false;
    uv_mutex_lock(&thread->lock);
    list = thread->first;
    thread->first = thread->last = NULL;
    more = thread->phase == RUNNING;
    uv_mutex_unlock(&thread->lock);
    for (; list; list = next) {
        next = list->next;
        call_run(thread, list);
    }
    return more;
}

static void thread_main(void *arg)
{
    mt_thread *thread = arg;
    const mt_env *env = mt_loop_env(thread->loop);

    do {
        while (!thread->woken) {
            mt_status st = env->turn(env->ctx);

            mti_assert(st == MT_OK); /* `wake` may always come */
        }
    } while (calls_run(thread)); /* and it may have come in a turn of a call's */
    uv_close((uv_handle_t *)&thread->wake, NULL);
    mt_loop_free(thread->loop);
    uv_mutex_lock(&thread->lock);
    thread->phase = ENDED;
    uv_mutex_unlock(&thread->lock);
}

/* ---- On others ---- */

/* Whether this is the thread. Its id may be another's once it has ended. */
static bool is_self(mt_thread *thread)
{
    uv_thread_t self = uv_thread_self();
    bool ended;

    uv_mutex_lock(&thread->lock);
    ended = thread->phase == ENDED;
    uv_mutex_unlock(&thread->lock);
    return !ended && uv_thread_equal(&self, &thread->thread) != 0;
}

/* Appends a call, or answers false: no more are taken. Under `lock`. */
static bool call_append(mt_thread *thread, call *c)
{
    if (thread->phase != RUNNING) return false;
    if (thread->last) thread->last->next = c;
    else thread->first = c;
    if (!thread->last) (void)uv_async_send(&thread->wake);
    thread->last = c;
    return true;
}

mt_status mt_thread_call(mt_thread *thread, call_fn *fn, void *ctx)
{
    call *c = mti_mem_alloc(thread->mem, sizeof *c);
    bool appended;

    if (!c) return MT_NO_MEMORY;
    *c = (call){.fn = fn, .ctx = ctx};
    uv_mutex_lock(&thread->lock);
    appended = call_append(thread, c);
    uv_mutex_unlock(&thread->lock);
    if (appended) return MT_OK;
    mti_mem_free(thread->mem, c, sizeof *c);
    return MT_CLOSED;
}

mt_status mt_thread_call_wait(mt_thread *thread, call_fn *fn, void *ctx)
{
    waiter w = {.done = false};
    call c = {.fn = fn, .ctx = ctx, .waiter = &w};
    bool appended;

    if (is_self(thread)) return MT_INVALID;
    if (uv_cond_init(&w.ran) != 0) return MT_NO_MEMORY;
    uv_mutex_lock(&thread->lock);
    appended = call_append(thread, &c);
    while (appended && !w.done) uv_cond_wait(&w.ran, &thread->lock);
    uv_mutex_unlock(&thread->lock);
    uv_cond_destroy(&w.ran);
    return appended ? MT_OK : MT_CLOSED;
}

/* ---- Beginning and end ---- */

static bool locks_init(mt_thread *thread)
{
    if (uv_mutex_init(&thread->lock) != 0) return false;
    if (uv_cond_init(&thread->on_joined) == 0) return true;
    uv_mutex_destroy(&thread->lock);
    return false;
}

static void locks_destroy(mt_thread *thread)
{
    uv_cond_destroy(&thread->on_joined);
    uv_mutex_destroy(&thread->lock);
}

static mt_status launch(mt_thread *thread)
{
    mt_status st = mt_loop_new(thread->mem, &thread->loop);

    if (st != MT_OK) return st;
    thread->wake.data = thread;
    if (uv_async_init(mt_loop_uv(thread->loop), &thread->wake, wake_called) == 0) {
        if (uv_thread_create(&thread->thread, thread_main, thread) == 0) return MT_OK;
        uv_close((uv_handle_t *)&thread->wake, NULL);
    }
    mt_loop_free(thread->loop);
    return MT_IO;
}

mt_status mt_thread_start(const mt_mem *mem, mt_thread **out)
{
    mt_thread *thread = mti_mem_alloc(mem, sizeof *thread);
    mt_status st = MT_NO_MEMORY;

    if (!thread) return MT_NO_MEMORY;
    memset(thread, 0, sizeof *thread);
    thread->mem = mem;
    if (locks_init(thread)) {
        st = launch(thread);
        if (st != MT_OK) locks_destroy(thread);
    }
    if (st == MT_OK) *out = thread;
    else mti_mem_free(mem, thread, sizeof *thread);
    return st;
}

mt_status mt_thread_stop(mt_thread *thread)
{
    bool first;

    if (is_self(thread)) return MT_INVALID;
    uv_mutex_lock(&thread->lock);
    first = thread->phase == RUNNING;
    if (first) {
        thread->phase = ENDING;
        (void)uv_async_send(&thread->wake);
    }
    while (!first && !thread->joined) uv_cond_wait(&thread->on_joined, &thread->lock);
    uv_mutex_unlock(&thread->lock);
    if (!first) return MT_OK;
    (void)uv_thread_join(&thread->thread);
    uv_mutex_lock(&thread->lock);
    thread->joined = true;
    uv_cond_broadcast(&thread->on_joined);
    uv_mutex_unlock(&thread->lock);
    return MT_OK;
}

void mt_thread_free(mt_thread *thread)
{
    mt_status st;

    if (!thread) return;
    st = mt_thread_stop(thread);
    mti_assert(st == MT_OK);
    locks_destroy(thread);
    mti_mem_free(thread->mem, thread, sizeof *thread);
}
