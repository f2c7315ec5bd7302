/* mytosis/loop.h - a database on libuv: on a loop of our own, on the application's, or on a thread.
 *
 *     mt_loop *loop;
 *     mt_loop_new(mt_mem_system(), &loop);
 *     mt_config config = {.size = sizeof config, .env = mt_loop_env(loop)};
 *     ... mt_db_open ...
 *     mt_loop_run(loop);
 *     mt_loop_free(loop);
 *
 * A turn of the loop asks the kernel what arrived, waiting if there is nothing to do, and then
 * fires the timers that are due. While timers are due at once the kernel is asked only every 50
 * microseconds, since one question costs as much as a hundred timers.
 *
 * Works run on libuv's pool of threads (UV_THREADPOOL_SIZE; 4), which the whole program shares.
 * libuv takes the memory of its own loops from malloc.
 *
 * Left out of builds with MYTOSIS_WITH_UV=OFF. Threads: a loop, its environment and all that is
 * on it belong to one thread; mt_thread_call is the one way in for others. */
#ifndef MYTOSIS_LOOP_H
#define MYTOSIS_LOOP_H

#include <mytosis/env.h>

MT_BEGIN_DECLS

struct uv_loop_s; /* libuv's uv_loop_t */

/* ---- Loops ---- */

/* A loop: libuv's, and an environment on it. */
typedef struct mt_loop mt_loop;

/* A loop of its own, OWNED: mt_loop_free. `mem` is BORROWED until it is freed. MT_IO: the system
 * gives none, mostly for lack of file descriptors. */
MT_API MT_MUST_USE mt_status mt_loop_new(const mt_mem *mem, mt_loop **out);

/* Joins the application's libuv loop, on the thread that runs it: everything then happens inside
 * its uv_run. Keeps that loop alive only while a timer is set or a work under way. One uv_run may
 * hold several turns, of 50 microseconds together. OWNED: mt_loop_free. `uv` is BORROWED. */
MT_API MT_MUST_USE mt_status mt_loop_join(const mt_mem *mem, struct uv_loop_s *uv, mt_loop **out);

/* What a database is given; `mem` of it is the loop's. BORROWED until the loop is freed.
 *
 * Its `turn` runs the libuv loop, the application's too, and is refused with MT_INVALID wherever
 * that is running already: in any callback of mytosis, and on a joined loop in any callback of
 * libuv's for input or output. Other callbacks of the application's own (its uv_timer_t,
 * uv_idle_t, uv_prepare_t, uv_check_t) cannot be told apart, and must not call it. */
MT_API const mt_env *mt_loop_env(mt_loop *loop);

/* The loop that an environment is of, or NULL if it is another kind. For plugins. */
MT_API mt_loop *mt_loop_of(const mt_env *env);

/* The libuv loop below, for what an application or a plugin puts on it. BORROWED. */
MT_API struct uv_loop_s *mt_loop_uv(mt_loop *loop);

/* Runs turns until nothing is left that could happen, or until mt_loop_stop; on a joined loop,
 * nothing of the application's either. MT_INVALID: it is running already. */
MT_API MT_MUST_USE mt_status mt_loop_run(mt_loop *loop);

/* Lets mt_loop_run return after the turn that it is in; if it is not running, the next one returns
 * at once. It does not end the application's own uv_run. */
MT_API void mt_loop_stop(mt_loop *loop);

/* Frees a loop. NULL is accepted. Timers that are set never fire; works under way run and are done
 * first. Nothing new may be set or begun: timers do not fire, works are refused with MT_CLOSED.
 *
 * A loop of its own is gone when this returns, or, called from inside one of its turns, when that
 * turn ends. What others put on it must have been closed (uv_close), and databases too.
 *
 * A joined loop is only taken off: libuv closes handles in the loop's next iteration, and works
 * still end there, so the application runs its loop once more, as it does for handles of its own
 * before uv_loop_close; uv_run until it returns 0 is enough. `mem` is needed until then. */
MT_API void mt_loop_free(mt_loop *loop);

/* As mt_loop_free, and calls `closed(ctx)` (may be NULL) when all of it is gone: for those who
 * must know when. May come before this returns. */
MT_API void mt_loop_close(mt_loop *loop, void (*closed)(void *ctx), void *ctx);

/* ---- Threads ---- */

/* A thread that runs a loop, for programs that have none. What is on it is reached by calls:
 *
 *     static void store(void *ctx, const mt_env *env)     on the thread; blocking calls are allowed
 *     ...
 *     mt_thread_call_wait(thread, store, &what);          from any other */
typedef struct mt_thread mt_thread;

/* Starts one, OWNED: mt_thread_free. `mem` is BORROWED until then, and is called by all threads
 * that use this, at the same time. MT_IO: the system gives no thread or no loop. */
MT_API MT_MUST_USE mt_status mt_thread_start(const mt_mem *mem, mt_thread **out);

/* Has `fn(ctx, env)` run on the thread soon, after what was called before, between two turns: so it
 * may use blocking calls, and meanwhile later ones wait. `env` is BORROWED until the thread is
 * stopped. MT_CLOSED: it was; after anything but MT_OK `fn` never runs. Threads: any, the thread's
 * own too. */
MT_API MT_MUST_USE mt_status mt_thread_call(mt_thread *thread,
                                            void (*fn)(void *ctx, const mt_env *env), void *ctx);

/* The same, and returns when `fn` has. MT_INVALID: this is the thread itself. */
MT_API MT_MUST_USE mt_status mt_thread_call_wait(mt_thread *thread,
                                                 void (*fn)(void *ctx, const mt_env *env),
                                                 void *ctx);

/* Ends the thread, after all that was called has run, and waits for it. Its loop is freed as by
 * mt_loop_free: databases must have been closed, by calls. May be repeated; from several threads,
 * each waits. MT_INVALID: this is the thread itself. */
MT_API MT_MUST_USE mt_status mt_thread_stop(mt_thread *thread);

/* Stops the thread, if nobody has, and frees it: no other call may be under way, nor come. Not on
 * the thread itself. NULL is accepted. */
MT_API void mt_thread_free(mt_thread *thread);

MT_END_DECLS
#endif
