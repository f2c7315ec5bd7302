#include "conformance/kv_caller.h"

#include <string.h>

#define TURNS_MAX 1000000
#define SPOILED 0xDB

/* ---- Requests ---- */

/* How many bytes copies of `count` runs take. */
static size_t bytes_len(const mt_bytes *runs, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) len += runs[i].len;
    return len;
}

/* Copies a run to `*to` and moves that behind it. No data stays no data. */
static mt_bytes bytes_copy(mt_bytes run, uint8_t **to)
{
    mt_bytes copy = {*to, run.len};

    if (!run.data) return run;
    memcpy(*to, run.data, run.len);
    *to += run.len;
    return copy;
}

/* A request with `extra` bytes of room behind it; NULL: the trial is broken. */
static mti_kv_request *request_new(mti_kv_caller *c, mti_kv_kind kind, size_t extra)
{
    mti_kv_request *r = mti_trial_alloc(c->trial, sizeof *r + extra);

    if (!r) return NULL;
    *r = (mti_kv_request){.size = sizeof *r + extra, .id = ++c->last_id, .kind = kind};
    r->next = c->under_way;
    c->under_way = r;
    return r;
}

/* Spoils it, so that an engine that still uses it is found out. */
static void request_free(mti_kv_caller *c, mti_kv_request *r)
{
    size_t size = r->size;

    memset(r, SPOILED, size);
    mti_trial_free(c->trial, r, size);
}

static mti_kv_request *request_take(mti_kv_caller *c, uint64_t id)
{
    for (mti_kv_request **at = &c->under_way; *at; at = &(*at)->next) {
        mti_kv_request *r = *at;

        if (r->id != id) continue;
        *at = r->next;
        return r;
    }
    return NULL;
}

static const char *kind_name(mti_kv_kind kind)
{
    static const char *const names[] = {"get", "scan", "commit"};

    return names[kind];
}

/* ---- Answers ---- */

void mti_kv_need_ok(mti_kv_caller *c, const mti_kv_request *request, const mt_kv_answer *answer)
{
    if (answer->status == MT_OK) return;
    mti_trial_violate(c->trial, "a %s came to %s: %s", kind_name(request->kind),
                      mt_status_name(answer->status), answer->text ? answer->text : "no text");
}

static void check_get(mti_trial *t, const mti_kv_request *r, const mt_kv_answer *answer)
{
    if (answer->count != r->count) {
        mti_trial_violate(t, "a get of %zu keys was answered with %zu pairs", r->count,
                          answer->count);
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        const mt_kv_pair *pair = &answer->pairs[i];

        if (!mt_bytes_equal(pair->key, r->keys[i]))
            mti_trial_violate(t, "pair %zu of a get is of the key %s, asked for was %s", i,
                              mti_show(pair->key).text, mti_show(r->keys[i]).text);
        if (!pair->value.data && pair->value.len > 0)
            mti_trial_violate(t, "the missing key %s has a value length", mti_show(pair->key).text);
    }
}

static void check_scan(mti_trial *t, const mti_kv_request *r, const mt_kv_answer *answer)
{
    mt_bytes last = r->keys[0], end = r->keys[1];

    if (answer->count > r->limit)
        mti_trial_violate(t, "a scan limited to %zu gave %zu pairs", r->limit, answer->count);
    if (answer->count == 0 && answer->more)
        mti_trial_violate(t, "a scan gave nothing, and says that there may be more");
    for (size_t i = 0; i < answer->count && !t->broken; i++) {
        const mt_kv_pair *pair = &answer->pairs[i];

        if (mt_bytes_compare(pair->key, last) <= 0)
            mti_trial_violate(t, "a scan gave the key %s after %s", mti_show(pair->key).text,
                              mti_show(last).text);
        if (end.len > 0 && mt_bytes_compare(pair->key, end) >= 0)
            mti_trial_violate(t, "a scan that ends before %s gave the key %s", mti_show(end).text,
                              mti_show(pair->key).text);
        if (!pair->value.data)
            mti_trial_violate(t, "a scan gave the key %s without value", mti_show(pair->key).text);
        last = pair->key;
    }
}

static void check_answer(mti_trial *t, const mti_kv_request *r, const mt_kv_answer *answer)
{
    switch (answer->status) {
    case MT_OK: break;
    case MT_NO_MEMORY:
    case MT_IO:
    case MT_FULL:
    case MT_MALFORMED: return;
    default:
        mti_trial_violate(t, "a %s came to %s, which no engine answers", kind_name(r->kind),
                          mt_status_name(answer->status));
        return;
    }
    switch (r->kind) {
    case MTI_KV_GET: check_get(t, r, answer); break;
    case MTI_KV_SCAN: check_scan(t, r, answer); break;
    case MTI_KV_COMMIT: break;
    }
}

static void caller_answer(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    mti_kv_caller *c = ctx;
    mti_kv_request *r = request_take(c, id);

    if (!c->kv.ops) mti_trial_violate(c->trial, "an answer came after the engine was closed");
    if (!r) {
        mti_trial_violate(c->trial, "an answer to request %llu, which %s", (unsigned long long)id,
                          id - 1 < c->last_id ? "was answered before" : "was never made");
        return;
    }
    if (!c->trial->broken) check_answer(c->trial, r, answer);
    if (!c->trial->broken) {
        if (r->hear) r->hear(r->arg, r, answer);
        else mti_kv_need_ok(c, r, answer);
    }
    request_free(c, r);
}

/* ---- Starting ---- */

/* After the engine was called: a request that did not start must be unanswered, and stays so. */
static void start_end(mti_kv_caller *c, uint64_t id, mt_status st, bool may_fail)
{
    mti_kv_request *r;

    if (st == MT_OK) return;
    r = request_take(c, id);
    if (!r) {
        mti_trial_violate(c->trial, "a request was answered, and its start came to %s",
                          mt_status_name(st));
        return;
    }
    if (may_fail) r->hear(r->arg, r, &(mt_kv_answer){.status = st});
    else mti_kv_need_ok(c, r, &(mt_kv_answer){.status = st, .text = "it did not start"});
    request_free(c, r);
}

/* Runs in a block of their own, as the engine borrows them: it ends where the last run ends. */
static mt_bytes *lend(mti_trial *t, const mt_bytes *runs, size_t count, size_t *size)
{
    mt_bytes *lent;
    uint8_t *to;

    *size = count * sizeof *runs + bytes_len(runs, count);
    if (*size == 0) *size = 1;
    lent = mti_trial_alloc(t, *size);
    if (!lent) return NULL;
    to = (uint8_t *)(lent + count);
    for (size_t i = 0; i < count; i++) lent[i] = bytes_copy(runs[i], &to);
    return lent;
}

static void lend_end(mti_trial *t, mt_bytes *lent, size_t size)
{
    memset(lent, SPOILED, size);
    mti_trial_free(t, lent, size);
}

/* A request that keeps its own copy of some runs. */
static mti_kv_request *request_of_runs(mti_kv_caller *c, mti_kv_kind kind, const mt_bytes *runs,
                                       size_t count)
{
    mti_kv_request *r = request_new(c, kind, count * sizeof *runs + bytes_len(runs, count));
    mt_bytes *keys;
    uint8_t *to;

    if (!r) return NULL;
    keys = (mt_bytes *)(r + 1);
    to = (uint8_t *)(keys + count);
    for (size_t i = 0; i < count; i++) keys[i] = bytes_copy(runs[i], &to);
    r->keys = keys;
    r->count = count;
    return r;
}

/* Starts a get, or, if `limit` is not 0, a scan. */
static void start_read(mti_kv_caller *c, const mt_bytes *runs, size_t count, size_t limit,
                       const mti_kv_request *asked)
{
    mti_kv_request *r;
    size_t size;
    mt_bytes *lent = lend(c->trial, runs, count, &size);
    mt_status st;
    uint64_t id;

    if (!lent) return;
    r = request_of_runs(c, limit > 0 ? MTI_KV_SCAN : MTI_KV_GET, runs, count);
    if (r) {
        r->limit = limit;
        r->note = asked->note;
        r->hear = asked->hear;
        r->arg = asked->arg;
        id = r->id;
        if (limit > 0) st = c->kv.ops->scan(c->kv.ctx, &c->host, id, lent[0], lent[1], limit);
        else st = c->kv.ops->get(c->kv.ctx, &c->host, id, lent, count);
        start_end(c, id, st, false);
    }
    lend_end(c->trial, lent, size);
}

void mti_kv_get(mti_kv_caller *c, const mt_bytes *keys, size_t count, uint64_t note,
                mti_kv_hear hear, void *arg)
{
    start_read(c, keys, count, 0, &(mti_kv_request){.note = note, .hear = hear, .arg = arg});
}

void mti_kv_scan(mti_kv_caller *c, mt_bytes after, mt_bytes end, size_t limit, uint64_t note,
                 mti_kv_hear hear, void *arg)
{
    mt_bytes runs[2] = {after, end};

    start_read(c, runs, 2, limit, &(mti_kv_request){.note = note, .hear = hear, .arg = arg});
}

static void start_commit(mti_kv_caller *c, const mt_kv_op *ops, size_t count, bool may_fail,
                         const mti_kv_request *asked)
{
    size_t extra = count * sizeof *ops;
    mti_kv_request *r;
    mt_status st;
    uint8_t *to;
    uint64_t id;

    for (size_t i = 0; i < count; i++) extra += ops[i].key.len + ops[i].value.len;
    r = request_new(c, MTI_KV_COMMIT, extra);
    if (!r) return;
    id = r->id;
    r->note = asked->note;
    r->hear = asked->hear;
    r->arg = asked->arg;
    r->ops = (mt_kv_op *)(r + 1);
    r->count = count;
    to = (uint8_t *)(r->ops + count);
    for (size_t i = 0; i < count; i++) {
        r->ops[i].kind = ops[i].kind;
        r->ops[i].key = bytes_copy(ops[i].key, &to);
        r->ops[i].value = bytes_copy(ops[i].value, &to);
    }
    st = c->kv.ops->commit(c->kv.ctx, &c->host, id, r->ops, count);
    start_end(c, id, st, may_fail);
}

void mti_kv_commit(mti_kv_caller *c, const mt_kv_op *ops, size_t count, uint64_t note,
                   mti_kv_hear hear, void *arg)
{
    start_commit(c, ops, count, false, &(mti_kv_request){.note = note, .hear = hear, .arg = arg});
}

void mti_kv_commit_or_fail(mti_kv_caller *c, const mt_kv_op *ops, size_t count, mti_kv_hear hear,
                           void *arg)
{
    start_commit(c, ops, count, true, &(mti_kv_request){.hear = hear, .arg = arg});
}

/* ---- Opening, waiting, closing ---- */

bool mti_kv_turn(mti_kv_caller *c)
{
    mt_status st = c->trial->env->turn(c->trial->env->ctx);

    if (st != MT_OK && st != MT_END)
        mti_trial_violate(c->trial, "the loop came to %s", mt_status_name(st));
    return st == MT_OK;
}

void mti_kv_await(mti_kv_caller *c)
{
    for (size_t turns = 0; c->under_way; turns++) {
        if (mti_kv_turn(c) && turns < TURNS_MAX) continue;
        if (c->under_way)
            mti_trial_violate(c->trial, "a %s was never answered", kind_name(c->under_way->kind));
        break;
    }
}

bool mti_kv_caller_open(mti_kv_caller *c, bool fresh)
{
    mt_error err = {0};
    mt_status st;

    c->kv = (mt_kv){0};
    c->host = (mt_kv_host){caller_answer, c};
    st = c->subject->open(c->subject->ctx, fresh, &c->kv, &err);
    if (st == MT_OK) return true;
    c->kv = (mt_kv){0};
    mti_trial_violate(c->trial, "the engine does not open: %s: %s", mt_status_name(st), err.text);
    if (c->trial->first.status == MT_OK) {
        c->trial->first = err;
        c->trial->first.status = st;
    }
    return false;
}

void mti_kv_caller_close(mti_kv_caller *c)
{
    mt_kv kv = c->kv;

    if (!kv.ops) return;
    mti_kv_await(c);
    while (c->under_way) request_free(c, request_take(c, c->under_way->id));
    c->kv = (mt_kv){0};
    kv.ops->close(kv.ctx);
    for (size_t turns = 0; turns < 100 && mti_kv_turn(c); turns++) {
    }
}

typedef struct walk {
    mti_kv_caller *c;
    void (*each)(void *arg, const mt_kv_pair *pair);
    void *arg;
    bool more;
    size_t last_len;
    uint8_t last[MTI_KV_TRIED_LEN_MAX];
} walk;

static void walk_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    walk *w = arg;

    mti_kv_need_ok(w->c, request, answer);
    for (size_t i = 0; i < answer->count && !w->c->trial->broken; i++) {
        mt_bytes key = answer->pairs[i].key;

        w->each(w->arg, &answer->pairs[i]);
        if (key.len > sizeof w->last) {
            mti_trial_violate(w->c->trial, "a scan gave the key %s, never put", mti_show(key).text);
            return;
        }
        memcpy(w->last, key.data, key.len);
        w->last_len = key.len;
    }
    w->more = answer->more;
}

void mti_kv_walk(mti_kv_caller *c, mt_bytes after, mt_bytes end, size_t limit,
                 void (*each)(void *arg, const mt_kv_pair *pair), void *arg)
{
    walk w = {.c = c, .each = each, .arg = arg};

    do {
        w.more = false;
        mti_kv_scan(c, after, end, limit, 0, walk_hear, &w);
        mti_kv_await(c);
        after = (mt_bytes){w.last, w.last_len};
    } while (w.more && !c->trial->broken);
}

/* ---- In words ---- */

#define WORDS_MAX 32

/* "a=1" as a put, "a?" as one of no data, "-a" as a delete, "a..b" as that of a range. */
static size_t words_parse(mti_trial *t, const char *text, mt_kv_op *ops)
{
    size_t count = 0;

    while (*text) {
        mt_kv_op op = {.kind = MT_KV_PUT};
        size_t len = strcspn(text, " "), split;
        const uint8_t *word = (const uint8_t *)text;

        text += len + (text[len] == ' ');
        if (word[0] == '-') {
            op.kind = MT_KV_DELETE;
            op.key = (mt_bytes){word + 1, len - 1};
        } else {
            split = strcspn((const char *)word, "=?.");
            op.key = (mt_bytes){word, split};
            if (word[split] == '.') op.kind = MT_KV_DELETE_RANGE;
            if (word[split] == '.') split++;
            if (word[split] != '?') op.value = (mt_bytes){word + split + 1, len - split - 1};
        }
        if (count == WORDS_MAX) mti_trial_violate(t, "the suite is wrong: too many words");
        else ops[count++] = op;
    }
    return count;
}

void mti_kv_apply(mti_kv_caller *c, const char *text)
{
    mt_kv_op ops[WORDS_MAX];
    size_t count = words_parse(c->trial, text, ops);

    mti_kv_commit(c, ops, count, 0, NULL, NULL);
    mti_kv_await(c);
}

typedef struct expectation {
    mti_kv_caller *c;
    mt_kv_op ops[WORDS_MAX];
    size_t count;
    size_t seen;
} expectation;

static void expect_pair(void *arg, const mt_kv_pair *pair)
{
    expectation *e = arg;
    const mt_kv_op *op = &e->ops[e->seen];
    mti_trial *t = e->c->trial;

    if (e->seen++ >= e->count) {
        mti_trial_violate(t, "there is a key %s, which should not be", mti_show(pair->key).text);
    } else if (!mt_bytes_equal(pair->key, op->key)) {
        mti_trial_violate(t, "there is a key %s where %s should be", mti_show(pair->key).text,
                          mti_show(op->key).text);
    } else if (!pair->value.data != !op->value.data) {
        mti_trial_violate(t, "the key %s is %s", mti_show(pair->key).text,
                          pair->value.data ? "there, and should not be" : "missing");
    } else if (!mt_bytes_equal(pair->value, op->value)) {
        mti_trial_violate(t, "the value of %s is %s, it should be %s", mti_show(pair->key).text,
                          mti_show(pair->value).text, mti_show(op->value).text);
    }
}

void mti_kv_expect_range(mti_kv_caller *c, const char *after, const char *end, const char *pairs)
{
    expectation e = {.c = c};

    e.count = words_parse(c->trial, pairs, e.ops);
    mti_kv_walk(c, mt_str(after), mt_str(end), 100, expect_pair, &e);
    if (e.seen < e.count)
        mti_trial_violate(c->trial, "the key %s is missing", mti_show(e.ops[e.seen].key).text);
}

void mti_kv_expect_all(mti_kv_caller *c, const char *pairs)
{
    mti_kv_expect_range(c, "", "", pairs);
}

static void expect_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    expectation *e = arg;

    mti_kv_need_ok(e->c, request, answer);
    for (size_t i = 0; i < answer->count && !e->c->trial->broken; i++)
        expect_pair(e, &answer->pairs[i]);
}

void mti_kv_expect_get(mti_kv_caller *c, const char *pairs)
{
    expectation e = {.c = c};
    mt_bytes keys[WORDS_MAX];

    e.count = words_parse(c->trial, pairs, e.ops);
    for (size_t i = 0; i < e.count; i++) keys[i] = e.ops[i].key;
    mti_kv_get(c, keys, e.count, 0, expect_hear, &e);
    mti_kv_await(c);
}
