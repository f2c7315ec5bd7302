/* loop.c - an environment on a libuv loop, ours or the application's.
 *
 * A round fires the timers that are due. Who asks for one:
 *
 *     mt_env.turn      after it has polled, that is run the libuv loop once, if it did
 *     uv_run by the    `idle` is active while a timer is due at once, which also keeps libuv from
 *     application      waiting; `timer` is set to when the first of the others is due
 *
 * During our own turns the callbacks of `idle` and `timer` do nothing: the round comes after.
 * `prepare` and `check` are called just before and just after libuv asks the kernel, and so tell
 * when a turn must not begin. They alone do not keep the libuv loop alive.
 *
 * libuv closes handles later. A loop that is freed lives on until all four are closed and all
 * works are done. */
#include <mytosis/host.h>
#include <mytosis/loop.h>

#include <time.h>
#include <uv.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "host/timers.h"

/* How long timers that are due at once may keep us from asking the kernel. That costs 1.6
 * microseconds where it was measured, and a turn without it less than 0.1. */
#define POLL_EVERY_NS 50000u

#define NEVER UINT64_MAX

struct mt_loop {
    mt_env env;
    uv_loop_t *uv; /* &own, or the application's */
    uv_loop_t own;
    uv_idle_t idle;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_check_t check;
    mti_timers timers;
    uint64_t armed_ms;    /* when `timer` is set to; NEVER: it is not */
    uint64_t polled_ns;   /* when a turn last polled */
    uint64_t wait_end_ms; /* as a turn polls: when the first timer of the libuv loop is due */
    size_t work_count;    /* works under way */
    unsigned open_count;  /* handles not closed yet */
    bool idling;          /* `idle` is active */
    bool firing;          /* inside a round; its end sees to the handles */
    bool turning;         /* inside a turn, or in the wait for a loop's end */
    bool called;          /* inside a callback of a uv_run that may be the application's */
    bool stopped;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- Clocks ---- */

static uint64_t loop_now_ms(void *ctx)
{
    struct timespec now;

    (void)ctx;
    (void)timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* uv_now is this clock too, as it was when libuv last looked. Fresh, so that a delay counts from
 * when it was set and not from when some long callback began. */
static uint64_t loop_ticks_ms(void *ctx)
{
    (void)ctx;
    return uv_hrtime() / 1000000;
}

static mt_status loop_entropy(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return mt_entropy(out, len);
}

/* ---- Timers ---- */

static void idle_called(uv_idle_t *idle);
static void timer_called(uv_timer_t *timer);

/* Has libuv call when the next timer is due, and be alive while there is one. */
static void arm(mt_loop *loop)
{
    bool soon = mti_timers_any_soon(&loop->timers);
    uint64_t due_ms = mti_timers_due_ms(&loop->timers), now_ms;

    if (loop->firing || loop->closing) return;
    if (soon && !loop->idling) (void)uv_idle_start(&loop->idle, idle_called);
    if (!soon && loop->idling) (void)uv_idle_stop(&loop->idle);
    loop->idling = soon;
    if (due_ms == loop->armed_ms) return;
    loop->armed_ms = due_ms;
    if (due_ms == NEVER) {
        (void)uv_timer_stop(&loop->timer);
        return;
    }
    now_ms = uv_now(loop->uv);
    (void)uv_timer_start(&loop->timer, timer_called, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void fire_round(mt_loop *loop)
{
    uint64_t now_ms = uv_now(loop->uv);
    mt_timer *timer;

    loop->firing = true;
    mti_timers_round(&loop->timers);
    while (!loop->closing && (timer = mti_timers_take(&loop->timers, now_ms)) != NULL)
        timer->fire(timer->arg);
    loop->firing = false;
    arm(loop);
}

static void loop_timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    mt_loop *loop = ctx;
    uint64_t now_ms;

    if (delay_ms == 0) {
        mti_timers_set_soon(&loop->timers, timer, uv_now(loop->uv));
    } else {
        now_ms = loop_ticks_ms(loop);
        mti_timers_set_due(&loop->timers, timer,
                           delay_ms < NEVER - 1 - now_ms ? now_ms + delay_ms : NEVER - 1);
    }
    arm(loop);
}

static void loop_timer_stop(void *ctx, mt_timer *timer)
{
    mt_loop *loop = ctx;

    mti_timers_stop(&loop->timers, timer);
    arm(loop);
}

/* ---- What libuv calls ---- */

static void idle_called(uv_idle_t *idle)
{
    mt_loop *loop = idle->data;
    uint64_t begin_ns;

    if (loop->turning) return;
    loop->called = true;
    begin_ns = uv_hrtime();
    do {
        fire_round(loop);
    } while (loop->idling && !loop->closing && uv_hrtime() - begin_ns < POLL_EVERY_NS);
    loop->called = false;
}

static void timer_called(uv_timer_t *timer)
{
    mt_loop *loop = timer->data;

    loop->armed_ms = NEVER;
    if (loop->turning) return;
    loop->called = true;
    fire_round(loop);
    loop->called = false;
}

/* libuv before 1.45 calls timers first and then waits, whatever they did. So a turn in which any
 * timer was due, an application's too, is kept from waiting. */
static void prepare_called(uv_prepare_t *prepare)
{
    mt_loop *loop = prepare->data;

    loop->called = true;
    if (loop->turning && uv_now(loop->uv) >= loop->wait_end_ms) uv_stop(loop->uv);
}

static void check_called(uv_check_t *check)
{
    mt_loop *loop = check->data;

    loop->called = false;
}

/* ---- Turns ---- */

static void finish(mt_loop *loop);

static void poll_events(mt_loop *loop, uv_run_mode mode)
{
    int timeout_ms;

    uv_update_time(loop->uv);
    timeout_ms = uv_backend_timeout(loop->uv);
    loop->wait_end_ms = timeout_ms < 0 ? NEVER : uv_now(loop->uv) + (uint64_t)timeout_ms;
    (void)uv_run(loop->uv, mode);
    loop->polled_ns = uv_hrtime();
}

static mt_status loop_turn(void *ctx)
{
    mt_loop *loop = ctx;

    if (loop->turning || loop->called) return MT_INVALID;
    if (!uv_loop_alive(loop->uv)) return MT_END;
    loop->turning = true;
    if (!loop->idling) poll_events(loop, UV_RUN_ONCE);
    else if (uv_hrtime() - loop->polled_ns >= POLL_EVERY_NS) poll_events(loop, UV_RUN_NOWAIT);
    fire_round(loop);
    loop->turning = false;
    if (!loop->closing) return MT_OK;
    finish(loop);
    return MT_END;
}

mt_status mt_loop_run(mt_loop *loop)
{
    mt_status st = MT_OK;

    if (loop->turning || loop->called) return MT_INVALID;
    while (!loop->stopped && st == MT_OK) {
        st = loop_turn(loop);
        if (st == MT_END) return MT_OK; /* the loop may be gone */
    }
    loop->stopped = false;
    return st;
}

void mt_loop_stop(mt_loop *loop)
{
    loop->stopped = true;
}

/* ---- Works ---- */

typedef struct loop_work {
    uv_work_t request;
    mt_loop *loop;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
} loop_work;

static void work_run(uv_work_t *request)
{
    loop_work *work = request->data;

    work->run(work->arg);
}

static void work_done(uv_work_t *request, int status)
{
    loop_work *work = request->data;
    mt_loop *loop = work->loop;
    void (*done)(void *arg) = work->done;
    void *arg = work->arg;
    bool called = loop->called;

    mti_assert(status == 0); /* nobody cancels them */
    mti_mem_free(loop->env.mem, work, sizeof *work);
    loop->called = true; /* also when `prepare` is closed */
    done(arg);
    loop->called = called;
    loop->work_count--;
    if (loop->closing && !loop->turning) finish(loop);
}

static mt_status loop_work_begin(void *ctx, void (*run)(void *arg), void (*done)(void *arg),
                                 void *arg)
{
    mt_loop *loop = ctx;
    loop_work *work;
    int code;

    if (loop->closing) return MT_CLOSED;
    work = mti_mem_alloc(loop->env.mem, sizeof *work);
    if (!work) return MT_NO_MEMORY;
    work->request.data = work;
    work->loop = loop;
    work->run = run;
    work->done = done;
    work->arg = arg;
    code = uv_queue_work(loop->uv, &work->request, work_run, work_done);
    mti_assert(code == 0);
    loop->work_count++;
    return MT_OK;
}

/* ---- Beginning and end ---- */

static void handles_open(mt_loop *loop)
{
    (void)uv_idle_init(loop->uv, &loop->idle);
    (void)uv_timer_init(loop->uv, &loop->timer);
    (void)uv_prepare_init(loop->uv, &loop->prepare);
    (void)uv_check_init(loop->uv, &loop->check);
    loop->idle.data = loop->timer.data = loop->prepare.data = loop->check.data = loop;
    loop->open_count = 4;
    (void)uv_prepare_start(&loop->prepare, prepare_called);
    (void)uv_check_start(&loop->check, check_called);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
}

/* Joins `uv`, or a new loop if that is NULL. */
static mt_status loop_new(const mt_mem *mem, uv_loop_t *uv, mt_loop **out)
{
    mt_loop *loop = mti_mem_alloc(mem, sizeof *loop);
    int code;

    if (!loop) return MT_NO_MEMORY;
    memset(loop, 0, sizeof *loop);
    if (!uv && (code = uv_loop_init(&loop->own)) != 0) {
        mti_mem_free(mem, loop, sizeof *loop);
        return code == UV_ENOMEM ? MT_NO_MEMORY : MT_IO;
    }
    loop->uv = uv ? uv : &loop->own;
    loop->env = (mt_env){.abi = MT_ENV_ABI,
                         .size = sizeof(mt_env),
                         .mem = mem,
                         .now_ms = loop_now_ms,
                         .ticks_ms = loop_ticks_ms,
                         .entropy = loop_entropy,
                         .timer_set = loop_timer_set,
                         .timer_stop = loop_timer_stop,
                         .work = loop_work_begin,
                         .turn = loop_turn,
                         .ctx = loop};
    loop->armed_ms = NEVER;
    mti_timers_init(&loop->timers);
    handles_open(loop);
    *out = loop;
    return MT_OK;
}

mt_status mt_loop_new(const mt_mem *mem, mt_loop **out)
{
    return loop_new(mem, NULL, out);
}

mt_status mt_loop_join(const mt_mem *mem, struct uv_loop_s *uv, mt_loop **out)
{
    return uv ? loop_new(mem, uv, out) : MT_INVALID;
}

const mt_env *mt_loop_env(mt_loop *loop)
{
    return &loop->env;
}

mt_loop *mt_loop_of(const mt_env *env)
{
    return env->turn == loop_turn ? env->ctx : NULL;
}

struct uv_loop_s *mt_loop_uv(mt_loop *loop)
{
    return loop->uv;
}

/* Frees a closing loop: a joined one if its handles are closed and its works done, one of ours
 * after waiting for that. */
static void finish(mt_loop *loop)
{
    bool own = loop->uv == &loop->own;
    void (*closed)(void *ctx) = loop->closed;
    void *closed_ctx = loop->closed_ctx;
    int code;

    loop->turning = own;
    while (own && (loop->open_count > 0 || loop->work_count > 0))
        (void)uv_run(loop->uv, UV_RUN_ONCE);
    if (loop->open_count > 0 || loop->work_count > 0) return;
    if (own) {
        code = uv_loop_close(loop->uv);
        mti_assert(code == 0); /* else somebody left a handle open on it */
    }
    mti_mem_free(loop->env.mem, loop, sizeof *loop);
    if (closed) closed(closed_ctx);
}

static void handle_closed(uv_handle_t *handle)
{
    mt_loop *loop = handle->data;

    loop->open_count--;
    if (!loop->turning) finish(loop);
}

void mt_loop_close(mt_loop *loop, void (*closed)(void *ctx), void *ctx)
{
    if (!loop) return;
    mti_assert(!loop->closing);
    mti_assert(loop->uv != &loop->own || loop->turning || !loop->called);
    loop->closing = true;
    loop->closed = closed;
    loop->closed_ctx = ctx;
    uv_close((uv_handle_t *)&loop->idle, handle_closed);
    uv_close((uv_handle_t *)&loop->timer, handle_closed);
    uv_close((uv_handle_t *)&loop->prepare, handle_closed);
    uv_close((uv_handle_t *)&loop->check, handle_closed);
    if (!loop->turning) finish(loop);
}

void mt_loop_free(mt_loop *loop)
{
    mt_loop_close(loop, NULL, NULL);
}
