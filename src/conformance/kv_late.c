/* kv_late.c - an engine that answers late, in an order drawn from a seed, and may fail.
 *
 * Every request has a timer, and is answered when that has fired. A read is passed on to the inner
 * engine either at once, and its answer kept, or when its timer fires. A commit is passed on when
 * its timer fires or that of one started after it; so they take effect in order, while their
 * answers come in any:
 *
 *     commits  1 waits  2 fires  3 waits       1 and 2 are passed on, 2 is answered
 *     commits  1 fires           3 waits       1 is answered, by what was kept */
#include "conformance/trial.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DELAY_MS 3

typedef struct late {
    mt_kv_ops ops; /* with the inner engine's key length */
    const mt_env *env;
    mt_kv inner;
    mt_kv_host host; /* for the inner engine */
    mt_kv_fault *fault;
    uint64_t delay_ms;
    uint64_t rng;
    uint64_t last_inner_id;
    size_t live;                       /* requests */
    struct late_request *commits;      /* not passed on yet, in order */
    struct late_request **commits_end; /* where the next one is linked */
    struct late_request *inside;       /* under way in the inner engine */
} late;

typedef enum late_kind { LATE_GET = 1, LATE_SCAN = 2, LATE_COMMIT = 4 } late_kind;

typedef struct late_request {
    mt_timer timer;
    struct late_request *next; /* in `commits` or `inside` */
    late *engine;
    size_t size; /* with what lies behind it */
    const mt_kv_host *host;
    uint64_t id, inner_id;
    late_kind kind;
    const mt_bytes *runs; /* get: `count` keys; scan: after, end. Lie behind it */
    const mt_kv_op *ops;  /* commit: `count`, pinned by the caller */
    size_t count;
    size_t limit;
    bool fired;
    bool passed;         /* to the inner engine */
    bool settled;        /* `answer` is what it came to, and waits for the timer */
    mt_kv_answer answer; /* its pairs lie in `held` */
    void *held;
    size_t held_size;
    char text[128];
} late_request;

/* ---- Answering ---- */

/* Gives the answer, and frees the request; the engine may be closed inside. */
static void deliver(late_request *r, const mt_kv_answer *answer)
{
    const mt_mem *mem = r->engine->env->mem;

    r->engine->live--;
    r->host->answer(r->host->ctx, r->id, answer);
    if (r->held) mem->resize(mem->ctx, r->held, r->held_size, 0);
    mem->resize(mem->ctx, r, r->size, 0);
}

static mt_bytes run_copy(mt_bytes run, uint8_t **to)
{
    mt_bytes copy = {*to, run.len};

    if (!run.data) return run;
    memcpy(*to, run.data, run.len);
    *to += run.len;
    return copy;
}

/* Copies pairs into a block of the request. False: no memory. */
static bool pairs_hold(late_request *r, const mt_kv_pair *from, size_t count)
{
    const mt_mem *mem = r->engine->env->mem;
    size_t size = count * sizeof *from;
    mt_kv_pair *pairs;
    uint8_t *to;

    if (count == 0) return true;
    for (size_t i = 0; i < count; i++) size += from[i].key.len + from[i].value.len;
    pairs = mem->resize(mem->ctx, NULL, 0, size);
    if (!pairs) return false;
    to = (uint8_t *)(pairs + count);
    for (size_t i = 0; i < count; i++) {
        pairs[i].key = run_copy(from[i].key, &to);
        pairs[i].value = run_copy(from[i].value, &to);
    }
    r->held = pairs;
    r->held_size = size;
    r->answer.pairs = pairs;
    return true;
}

/* What a request came to: delivered if its time has come, else kept. */
static void settle(late_request *r, const mt_kv_answer *answer)
{
    if (r->fired) {
        deliver(r, answer);
        return;
    }
    r->settled = true;
    r->answer = *answer;
    if (answer->text) {
        snprintf(r->text, sizeof r->text, "%s", answer->text);
        r->answer.text = r->text;
    }
    if (!pairs_hold(r, answer->pairs, answer->count))
        r->answer = (mt_kv_answer){.status = MT_NO_MEMORY};
}

static void inner_answer(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    late *l = ctx;

    for (late_request **at = &l->inside; *at; at = &(*at)->next) {
        late_request *r = *at;

        if (r->inner_id != id) continue;
        *at = r->next;
        settle(r, answer);
        return;
    }
    assert(false && "the inner engine answered what is not under way");
}

/* Passes a request on to the inner engine, which may answer it at once, and so free it. Another
 * status than MT_OK: it did not start. */
static mt_status pass(late *l, late_request *r)
{
    const mt_kv_ops *ops = l->inner.ops;
    mt_status st = MT_INVALID;

    r->passed = true;
    r->inner_id = ++l->last_inner_id;
    r->next = l->inside;
    l->inside = r;
    switch (r->kind) {
    case LATE_GET: st = ops->get(l->inner.ctx, &l->host, r->inner_id, r->runs, r->count); break;
    case LATE_SCAN:
        st = ops->scan(l->inner.ctx, &l->host, r->inner_id, r->runs[0], r->runs[1], r->limit);
        break;
    case LATE_COMMIT:
        st = ops->commit(l->inner.ctx, &l->host, r->inner_id, r->ops, r->count);
        break;
    }
    if (st != MT_OK) {
        assert(l->inside == r);
        l->inside = r->next;
    }
    return st;
}

static void pass_or_settle(late *l, late_request *r)
{
    mt_status st = pass(l, r);

    if (st != MT_OK) settle(r, &(mt_kv_answer){.status = st});
}

/* Passes on the commits before `r`, and `r`. */
static void pass_commits(late *l, const late_request *r)
{
    for (bool last = false; !last;) {
        late_request *first = l->commits;

        l->commits = first->next;
        if (!l->commits) l->commits_end = &l->commits;
        last = first == r;
        pass_or_settle(l, first);
    }
}

static void request_fire(void *arg)
{
    late_request *r = arg;

    r->fired = true;
    if (r->settled) deliver(r, &r->answer);
    else if (!r->passed && r->kind == LATE_COMMIT) pass_commits(r->engine, r);
    else if (!r->passed) pass_or_settle(r->engine, r);
}

/* ---- Starting ---- */

static uint64_t below(late *l, uint64_t bound)
{
    return mti_trial_draw(&l->rng) % bound;
}

/* Counts a call, and answers what it should come to. */
static mt_status fault_status(mt_kv_fault *f, late_kind kind)
{
    uint64_t number;

    if (!f || (f->calls & (uint32_t)kind) == 0) return MT_OK;
    number = f->count++;
    if (f->status == MT_OK || number < f->fail_at) return MT_OK;
    if (number > f->fail_at && !f->from_then_on) return MT_OK;
    f->tripped = true;
    return f->status;
}

/* A request with a copy of the runs, its timer set. MT_NO_MEMORY, or what a fault makes of it. */
static mt_status request_new(late *l, late_kind kind, const mt_bytes *runs, size_t count,
                             late_request **out)
{
    mt_status fault = fault_status(l->fault, kind);
    size_t size = sizeof(late_request) + count * sizeof *runs;
    late_request *r;
    mt_bytes *copies;
    uint8_t *to;

    if (fault != MT_OK && l->fault->at_start) return fault;
    for (size_t i = 0; i < count; i++) size += runs[i].len;
    r = l->env->mem->resize(l->env->mem->ctx, NULL, 0, size);
    if (!r) return MT_NO_MEMORY;
    *r = (late_request){.engine = l, .size = size, .kind = kind, .count = count};
    copies = (mt_bytes *)(r + 1);
    to = (uint8_t *)(copies + count);
    for (size_t i = 0; i < count; i++) copies[i] = run_copy(runs[i], &to);
    r->runs = copies;
    r->timer = (mt_timer){.fire = request_fire, .arg = r};
    l->env->timer_set(l->env->ctx, &r->timer, below(l, l->delay_ms + 1));
    l->live++;
    if (fault != MT_OK)
        settle(r, &(mt_kv_answer){.status = fault, .text = "the test made it fail"});
    *out = r;
    return MT_OK;
}

static void request_drop(late *l, late_request *r)
{
    l->live--;
    l->env->timer_stop(l->env->ctx, &r->timer);
    l->env->mem->resize(l->env->mem->ctx, r, r->size, 0);
}

/* Half of the reads see the engine as it is now, the others as it will be. */
static mt_status read_start(late *l, late_request *r, const mt_kv_host *host, uint64_t id)
{
    mt_status st;

    r->host = host;
    r->id = id;
    if (r->settled || below(l, 2) == 0) return MT_OK;
    st = pass(l, r);
    if (st != MT_OK) request_drop(l, r);
    return st;
}

static mt_status late_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                          size_t count)
{
    late *l = ctx;
    late_request *r;
    mt_status st = request_new(l, LATE_GET, keys, count, &r);

    return st == MT_OK ? read_start(l, r, host, id) : st;
}

static mt_status late_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                           mt_bytes end, size_t limit)
{
    late *l = ctx;
    mt_bytes runs[2] = {after, end};
    late_request *r;
    mt_status st = request_new(l, LATE_SCAN, runs, 2, &r);

    if (st != MT_OK) return st;
    r->limit = limit;
    return read_start(l, r, host, id);
}

static mt_status late_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                             size_t count)
{
    late *l = ctx;
    late_request *r;
    mt_status st = request_new(l, LATE_COMMIT, NULL, 0, &r);

    if (st != MT_OK) return st;
    r->host = host;
    r->id = id;
    r->ops = ops;
    r->count = count;
    if (r->settled) return MT_OK;
    *l->commits_end = r;
    l->commits_end = &r->next;
    return MT_OK;
}

static void late_close(void *ctx)
{
    late *l = ctx;

    assert(l->live == 0);
    l->inner.ops->close(l->inner.ctx);
    l->env->mem->resize(l->env->mem->ctx, l, sizeof *l, 0);
}

static uint64_t late_bytes(void *ctx)
{
    late *l = ctx;

    return l->inner.ops->bytes ? l->inner.ops->bytes(l->inner.ctx) : 0;
}

mt_status mt_kv_late(const mt_env *env, mt_kv inner, const mt_kv_late_options *options, mt_kv *out)
{
    mt_kv_late_options own = {0};
    late *l = env->mem->resize(env->mem->ctx, NULL, 0, sizeof *l);

    if (!l) return MT_NO_MEMORY;
    if (options) memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    *l = (late){.ops = {.abi = MT_KV_ABI,
                        .size = sizeof(mt_kv_ops),
                        .name = "late",
                        .key_len_max = inner.ops->key_len_max,
                        .get = late_get,
                        .scan = late_scan,
                        .commit = late_commit,
                        .close = late_close,
                        .bytes = late_bytes},
                .env = env,
                .inner = inner,
                .host = {inner_answer, l},
                .fault = own.fault,
                .delay_ms = own.delay_ms > 0 ? own.delay_ms : DELAY_MS,
                .rng = own.seed};
    l->commits_end = &l->commits;
    *out = (mt_kv){&l->ops, l};
    return MT_OK;
}
