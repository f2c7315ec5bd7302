/* sim/engine.c
 *
 *     length of the ops: 8 bytes | checksum: 8 bytes | ops
 *     op      kind: byte | length of key: 8 | length of value: 8 | key | value
 *
 * The checksum begins with that of the commit before, so that what is left of a longer one behind a
 * shorter one is never taken for a commit that follows. Numbers are those of the machine. */
#include "sim/engine.h"

#include "sim/room.h"

#include <mytosis/host.h>
#include <mytosis/plugin/kv_memory.h>

#include <stdlib.h>
#include <string.h>

#define HEAD_LEN 16
#define OP_LEN 17

typedef struct engine {
    mt_kv_ops ops;
    mti_sim_engine_options with;
    mt_env env; /* of the memory, which is the disk's and not the peer's */
    mt_kv memory;
    uint64_t at;     /* where the next commit goes */
    uint64_t sum;    /* of the one before */
    uint64_t due_ms; /* commits are answered in their order */
    bool failed;
} engine;

/* What is answered later: a commit, or a copy of what was read. */
typedef struct request {
    mt_timer timer;
    engine *e;
    const mt_kv_host *host;
    uint64_t id;
    const mt_kv_op *ops; /* PINNED; NULL: a read, or nothing was written */
    size_t count;
    mt_kv_answer answer;
    mt_kv_pair *pairs;
    uint8_t *bytes;
} request;

static void request_answer(request *r)
{
    request last = *r;

    mti_sim_note(last.e->with.trace, MTI_SIM_ANSWERED, last.e->with.where, last.id,
                 (uint64_t)last.answer.status);
    free(r);
    last.host->answer(last.host->ctx, last.id, &last.answer);
    free(last.pairs);
    free(last.bytes);
}

static request *request_new(engine *e, const mt_kv_host *host, uint64_t id)
{
    request *r = mti_sim_new(1, sizeof *r);

    r->e = e;
    r->host = host;
    r->id = id;
    r->timer.arg = r;
    return r;
}

static void request_later(request *r, void (*fire)(void *arg), uint64_t due_ms)
{
    const mt_env *env = r->e->with.env;
    uint64_t now_ms = env->ticks_ms(env->ctx);

    r->timer.fire = fire;
    env->timer_set(env->ctx, &r->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

static uint64_t draw_due(engine *e)
{
    const mt_env *env = e->with.env;

    return env->ticks_ms(env->ctx) + mti_sim_below(e->with.draws, e->with.delay_ms + 1);
}

/* ---- Reading ---- */

/* Keeps a copy of what the memory answers. */
static void keep(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    request *r = ctx;
    size_t len = 0, at = 0;

    (void)id;
    for (size_t i = 0; i < answer->count; i++)
        len += answer->pairs[i].key.len + answer->pairs[i].value.len;
    r->answer = *answer;
    r->answer.pairs = r->pairs = mti_sim_new(answer->count, sizeof *r->pairs);
    r->bytes = mti_sim_new(len, 1);
    for (size_t i = 0; i < answer->count; i++) {
        mt_kv_pair pair = answer->pairs[i];
        uint8_t *to = r->bytes + at;
        if (pair.key.len) memcpy(to, pair.key.data, pair.key.len);
        if (pair.value.len) memcpy(to + pair.key.len, pair.value.data, pair.value.len);
        at += pair.key.len + pair.value.len;
        pair.key.data = to;
        if (pair.value.data) pair.value.data = to + pair.key.len;
        r->pairs[i] = pair;
    }
}

/* Flips a bit of a value. */
static void flip(engine *e, request *r)
{
    mt_kv_pair *pair;
    size_t at;

    if (r->answer.count == 0) return;
    pair = &r->pairs[mti_sim_below(e->with.draws, r->answer.count)];
    if (pair->value.len == 0) return;
    at = (size_t)(pair->value.data - r->bytes) + mti_sim_below(e->with.draws, pair->value.len);
    r->bytes[at] ^= (uint8_t)(1u << mti_sim_below(e->with.draws, 8));
    e->with.faults->harmed = e->with.faults->flipped = true;
}

static void read_fire(void *arg)
{
    request_answer(arg);
}

static bool happens(engine *e, unsigned one_in)
{
    return one_in && mti_sim_once_in(e->with.draws, one_in);
}

static mt_status read_done(engine *e, request *r, mt_status st)
{
    if (st != MT_OK) {
        free(r);
        return st;
    }
    if (happens(e, e->with.faults->reads_flip)) flip(e, r);
    if (e->with.disk->dead || happens(e, e->with.faults->reads_fail)) {
        r->answer = (mt_kv_answer){.status = MT_IO, .text = "the disk cannot be read"};
        e->with.faults->harmed = true;
    }
    if (e->with.delay_ms > 0) request_later(r, read_fire, draw_due(e));
    else request_answer(r);
    return MT_OK;
}

static mt_status engine_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                            size_t count)
{
    engine *e = ctx;
    request *r = request_new(e, host, id);
    mt_kv_host own = {keep, r};

    return read_done(e, r, e->memory.ops->get(e->memory.ctx, &own, 1, keys, count));
}

static mt_status engine_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                             mt_bytes end, size_t limit)
{
    engine *e = ctx;
    request *r = request_new(e, host, id);
    mt_kv_host own = {keep, r};

    return read_done(e, r, e->memory.ops->scan(e->memory.ctx, &own, 1, after, end, limit));
}

/* ---- Commits ---- */

static uint8_t *add(uint8_t *to, const void *from, size_t len)
{
    if (len) memcpy(to, from, len);
    return to + len;
}

/* A commit as it is written: `len` bytes, to be freed. */
static uint8_t *commit_bytes(engine *e, const mt_kv_op *ops, size_t count, size_t *len)
{
    uint64_t words[2];
    uint8_t *out, *to;

    *len = HEAD_LEN;
    for (size_t i = 0; i < count; i++) *len += OP_LEN + ops[i].key.len + ops[i].value.len;
    out = mti_sim_new(*len, 1);
    to = out + HEAD_LEN;
    for (size_t i = 0; i < count; i++) {
        uint8_t kind = (uint8_t)ops[i].kind;
        words[0] = ops[i].key.len;
        words[1] = ops[i].value.len;
        to = add(to, &kind, 1);
        to = add(to, words, sizeof words);
        to = add(to, ops[i].key.data, ops[i].key.len);
        to = add(to, ops[i].value.data, ops[i].value.len);
    }
    words[0] = *len - HEAD_LEN;
    words[1] = e->sum = mti_sim_hash((mt_bytes){out + HEAD_LEN, *len - HEAD_LEN}, e->sum + 1);
    memcpy(out, words, sizeof words);
    return out;
}

static void applied(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)ctx;
    (void)id;
    if (answer->status != MT_OK) mti_sim_refuse("the memory of a disk has failed");
}

static void apply(engine *e, const mt_kv_op *ops, size_t count)
{
    mt_kv_host host = {applied, NULL};

    if (e->memory.ops->commit(e->memory.ctx, &host, 1, ops, count) != MT_OK)
        mti_sim_refuse("the memory of a disk has failed");
}

static void commit_fire(void *arg)
{
    request *r = arg;
    engine *e = r->e;

    if (r->ops && !e->failed && e->with.faults->sync_fails)
        e->failed = e->with.faults->harmed = true;
    if (r->ops && !e->failed && !mti_sim_disk_sync(e->with.disk)) e->failed = true;
    if (e->failed) {
        r->answer = (mt_kv_answer){.status = MT_IO, .text = "the disk has failed"};
    } else if (r->ops) {
        mti_sim_note(e->with.trace, MTI_SIM_SYNCED, e->with.where, e->at, e->sum);
        apply(e, r->ops, r->count);
    }
    request_answer(r);
}

static mt_status engine_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                               size_t count)
{
    engine *e = ctx;
    request *r = request_new(e, host, id);
    uint64_t due_ms = draw_due(e);
    uint8_t *bytes;
    size_t len;

    if (!e->failed && e->with.faults->full) {
        r->answer = (mt_kv_answer){.status = MT_FULL, .text = "the disk is full"};
    } else if (!e->failed) {
        r->ops = ops;
        r->count = count;
        bytes = commit_bytes(e, ops, count, &len);
        mti_sim_note(e->with.trace, MTI_SIM_WROTE, e->with.where, e->at, e->sum);
        e->failed = !mti_sim_disk_write(e->with.disk, e->at, bytes, len);
        e->at += len;
        free(bytes);
    }
    e->due_ms = due_ms > e->due_ms ? due_ms : e->due_ms;
    if (e->with.delay_ms > 0) request_later(r, commit_fire, e->due_ms);
    else commit_fire(r);
    return MT_OK;
}

/* ---- Opening ---- */

static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, 8);
    return word;
}

/* Replays a commit whose checksum is right. */
static void replay(engine *e, mt_bytes body)
{
    while (body.len > 0) {
        mt_kv_op op = {.kind = (mt_kv_op_kind)body.data[0]};

        op.key.len = (size_t)word_at(body.data + 1);
        op.value.len = (size_t)word_at(body.data + 9);
        op.key.data = body.data + OP_LEN;
        op.value.data = op.key.data + op.key.len;
        apply(e, &op, 1);
        body.data = op.value.data + op.value.len;
        body.len -= OP_LEN + op.key.len + op.value.len;
    }
}

static void recover(engine *e)
{
    const mti_sim_disk *disk = e->with.disk;

    while (disk->len - e->at >= HEAD_LEN) {
        const uint8_t *head = disk->data + e->at;
        mt_bytes body = {head + HEAD_LEN, (size_t)word_at(head)};
        uint64_t sum = word_at(head + 8);

        if (body.len == 0 || body.len > disk->len - e->at - HEAD_LEN ||
            mti_sim_hash(body, e->sum + 1) != sum)
            break;
        replay(e, body);
        e->sum = sum;
        e->at += HEAD_LEN + body.len;
    }
}

static void engine_close(void *ctx)
{
    engine *e = ctx;

    mt_kv_close(&e->memory);
    free(e);
}

mt_kv mti_sim_engine(const mti_sim_engine_options *options)
{
    engine *e = mti_sim_new(1, sizeof *e);

    e->with = *options;
    e->env = *options->env;
    e->env.mem = mt_mem_system();
    e->ops = (mt_kv_ops){.abi = MT_KV_ABI,
                         .size = sizeof(mt_kv_ops),
                         .name = "simulated",
                         .key_len_max = MT_KV_KEY_LEN_MAX,
                         .get = engine_get,
                         .scan = engine_scan,
                         .commit = engine_commit,
                         .close = engine_close};
    if (mt_kv_memory(&e->env, &e->memory) != MT_OK) mti_sim_refuse("out of memory");
    recover(e);
    return (mt_kv){&e->ops, e};
}
