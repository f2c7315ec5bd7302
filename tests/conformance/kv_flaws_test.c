/* kv_flaws_test.c - engines that each break one promise are found out by the suite.
 *
 * The engine is the simplest that keeps the contract, a sorted array, but for one flaw. Its memory
 * goes all at once, with the test. */
#include "test_env.h"
#include "test_law.h"
#include <mytosis/conformance.h>
#include <stdlib.h>
#include <string.h>

/* Each flaw, and a part of what the suite says about it. */
#define FLAWS(X)                                                                          \
    X(NO_FLAW, NULL)                                                                      \
    X(OLD_ABI, "it is of abi 0, not 1")                                                   \
    X(SHORT_KEYS, "keys may have 510 bytes")                                              \
    X(NO_SCAN, "a function is missing")                                                   \
    X(NOT_EMPTY, "a new engine is empty")                                                 \
    X(PUT_KEEPS_THE_OLD, "what was put over it")                                          \
    X(EMPTY_IS_MISSING, "an empty value is not a missing one")                            \
    X(SIGNED_ORDER, "keys are in the order of their bytes")                               \
    X(SHORTER_FIRST, "keys are in the order of their bytes")                              \
    X(KEYS_CUT, "keys of every length")                                                   \
    X(VALUES_CUT, "values of 0 bytes to 1 MiB")                                           \
    X(NOT_DELETED, "what was deleted is gone")                                            \
    X(RANGE_WITH_END, "a range is deleted from its first key to before its end")          \
    X(RANGE_WITHOUT_FIRST, "a range is deleted from its first key to before its end")     \
    X(OPS_BACKWARDS, "the ops of a commit apply in their order")                          \
    X(NOTHING_UNANSWERED, "a commit of nothing")                                          \
    X(FEW_AT_ONCE, "ten thousand keys: a get of 10000 keys was answered with 1000 pairs") \
    X(GET_SWAPPED, "is of the key")                                                       \
    X(SCAN_WITH_AFTER, "a scan gave the key")                                             \
    X(SCAN_WITH_END, "a scan that ends before")                                           \
    X(LIMIT_IGNORED, "a scan limited to")                                                 \
    X(NO_MORE, "is missing")                                                              \
    X(ALWAYS_MORE, "a scan gave nothing, and says that there may be more")                \
    X(ANSWERS_TWICE, "which was answered before")                                         \
    X(ANSWERS_ANOTHER, "which was never made")                                            \
    X(ANSWERS_NEVER, "was never answered")                                                \
    X(ANSWERS_AND_FAILS, "a request was answered, and its start came to MT_IO")           \
    X(FAILS, "a get came to MT_IO: it did not start")                                     \
    X(ODD_STATUS, "came to MT_BUSY, which no engine answers")                             \
    X(KEEPS_KEYS, "is of the key")                                                        \
    X(KEEPS_OPS, "what was put is found")                                                 \
    X(COMMITS_SWAPPED, "commits take effect in the order in which they were started")     \
    X(COMMITS_IN_PARTS, "a commit is seen wholly or not at all")                          \
    X(ANSWERS_EARLY, "what was put is found")                                             \
    X(ANSWERS_MOVE, "an answer holds still")                                              \
    X(FAILED_IN_PART, "a commit that failed did nothing")                                 \
    X(FAILED_FOR_GOOD, "a commit that failed did nothing")                                \
    X(FORGETS, "an engine that is opened again has all that it had")                      \
    X(ANSWERS_AFTER_CLOSE, "an answer came after the engine was closed")                  \
    X(FORGETS_THE_TENTH, "after any history")

typedef enum flaw {
#define FLAW_ENUM(name, says) name,
    FLAWS(FLAW_ENUM)
#undef FLAW_ENUM
} flaw;

typedef struct entry {
    mt_bytes key, value;
} entry;

/* A request that waits for the next turn. */
typedef struct waiting {
    mt_kv_host host;
    uint64_t id;
    const mt_bytes *keys; /* of a get */
    const mt_kv_op *ops;  /* of a commit */
    size_t count;
} waiting;

typedef struct bent {
    flaw flaw;
    test_env te;
    test_arena arena;
    mt_mem hoard;
    entry *at; /* in order */
    size_t count, room;
    const mt_kv_pair *given; /* with the last answer */
    size_t given_count;
    bool fail_next, failed;
    mt_timer timer;
    waiting queue[600];
    size_t queued;
    waiting last; /* the get that was answered last */
    mt_kv_ops ops;
} bent;

/* ---- The array ---- */

static int order(const bent *b, mt_bytes x, mt_bytes y)
{
    size_t i = 0;

    if (b->flaw == SHORTER_FIRST && x.len != y.len) return x.len < y.len ? -1 : 1;
    if (b->flaw != SIGNED_ORDER) return mt_bytes_compare(x, y);
    while (i < x.len && i < y.len && x.data[i] == y.data[i]) i++;
    if (i == x.len || i == y.len) return x.len < y.len ? -1 : x.len > y.len;
    return (int8_t)x.data[i] < (int8_t)y.data[i] ? -1 : 1;
}

/* The place of the first entry at or after the key. */
static size_t place(const bent *b, mt_bytes key)
{
    size_t low = 0, high = b->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (order(b, b->at[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool is_at(const bent *b, size_t i, mt_bytes key)
{
    return i < b->count && mt_bytes_equal(b->at[i].key, key);
}

static void erase(bent *b, size_t from, size_t to)
{
    if (to <= from) return;
    memmove(b->at + from, b->at + to, (b->count - to) * sizeof *b->at);
    b->count -= to - from;
}

static mt_bytes kept(bent *b, mt_bytes bytes)
{
    return b->flaw == KEEPS_OPS ? bytes : test_copy(&b->arena, bytes);
}

static void put(bent *b, mt_bytes key, mt_bytes value)
{
    size_t i;

    if (b->flaw == KEYS_CUT && key.len > 255) key.len = 255;
    if (b->flaw == VALUES_CUT && value.len > 65535) value.len = 65535;
    i = place(b, key);
    if (is_at(b, i, key)) {
        if (b->flaw != PUT_KEEPS_THE_OLD) b->at[i].value = kept(b, value);
        return;
    }
    b->at = test_room(&b->arena, b->at, b->count, &b->room, sizeof *b->at);
    memmove(b->at + i + 1, b->at + i, (b->count - i) * sizeof *b->at);
    b->at[i] = (entry){kept(b, key), kept(b, value)};
    b->count++;
}

static void apply(bent *b, const mt_kv_op *op)
{
    size_t from = place(b, op->key), to;

    switch (op->kind) {
    case MT_KV_PUT: put(b, op->key, op->value); break;
    case MT_KV_DELETE:
        if (is_at(b, from, op->key) && b->flaw != NOT_DELETED) erase(b, from, from + 1);
        break;
    case MT_KV_DELETE_RANGE:
        to = place(b, op->value);
        if (b->flaw == RANGE_WITH_END && is_at(b, to, op->value)) to++;
        if (b->flaw == RANGE_WITHOUT_FIRST && is_at(b, from, op->key)) from++;
        erase(b, from, to);
        break;
    }
}

/* ---- Answers ---- */

static void answer(bent *b, const mt_kv_host *host, uint64_t id, mt_kv_answer *a)
{
    if (b->flaw == ODD_STATUS) a->status = MT_BUSY;
    if (b->flaw == ANSWERS_ANOTHER) id += 1000000;
    b->given = a->pairs;
    b->given_count = a->count;
    host->answer(host->ctx, id, a);
    if (b->flaw == ANSWERS_TWICE) host->answer(host->ctx, id, a);
}

static void get_now(bent *b, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                    size_t count)
{
    mt_kv_pair *pairs = test_take(&b->arena, (count + 1) * sizeof *pairs);

    for (size_t i = 0; i < count; i++) {
        size_t at = place(b, keys[i]);

        pairs[i].key = test_copy(&b->arena, keys[i]);
        if (!is_at(b, at, keys[i])) continue;
        pairs[i].value = test_copy(&b->arena, b->at[at].value);
        if (!pairs[i].value.data) pairs[i].value.data = (const uint8_t *)"";
        if (b->flaw == EMPTY_IS_MISSING && pairs[i].value.len == 0) pairs[i].value.data = NULL;
    }
    if (b->flaw == GET_SWAPPED && count > 1) {
        mt_kv_pair first = pairs[0];

        pairs[0] = pairs[1];
        pairs[1] = first;
    }
    if (b->flaw == FEW_AT_ONCE && count > 1000) count = 1000;
    answer(b, host, id, &(mt_kv_answer){.pairs = pairs, .count = count});
}

static void commit_now(bent *b, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                       size_t count)
{
    bool backwards = b->flaw == OPS_BACKWARDS;

    if (b->flaw == ANSWERS_MOVE)
        for (size_t i = 0; i < b->given_count; i++)
            if (b->given[i].value.len > 0)
                memset((uint8_t *)(uintptr_t)b->given[i].value.data, '#', b->given[i].value.len);
    if (b->flaw == FORGETS_THE_TENTH && count == 10) count--;
    for (size_t i = 0; i < count; i++) apply(b, &ops[backwards ? count - 1 - i : i]);
    answer(b, host, id, &(mt_kv_answer){.status = MT_OK});
}

/* ---- Later ---- */

static void wait_for_turn(bent *b, const waiting *w)
{
    CHECK(b->queued < TEST_COUNT(b->queue));
    b->queue[b->queued++] = *w;
    b->te.env.timer_set(b->te.env.ctx, &b->timer, 0);
}

/* Applies the next op of the commit that waits longest. */
static void part_comes(bent *b)
{
    waiting first = b->queue[0];

    if (first.count > 1) {
        apply(b, first.ops);
        b->queue[0].ops++;
        b->queue[0].count--;
    } else {
        memmove(b->queue, b->queue + 1, --b->queued * sizeof *b->queue);
        commit_now(b, &first.host, first.id, first.ops, first.count);
    }
    if (b->queued > 0) b->te.env.timer_set(b->te.env.ctx, &b->timer, 0);
}

/* Does all that waits, in the wrong order or though it is too late. */
static void turn_comes(void *arg)
{
    bent *b = arg;
    waiting now[TEST_COUNT(b->queue)];
    size_t count = b->queued;

    if (b->flaw == COMMITS_IN_PARTS) {
        part_comes(b);
        return;
    }
    memcpy(now, b->queue, count * sizeof *now);
    b->queued = 0;
    for (size_t i = 0; i < count; i++) {
        const waiting *w = &now[b->flaw == COMMITS_SWAPPED ? count - 1 - i : i];

        if (w->keys) {
            get_now(b, &w->host, w->id, w->keys, w->count);
        } else if (b->flaw == ANSWERS_EARLY) {
            for (size_t j = 0; j < w->count; j++) apply(b, &w->ops[j]);
        } else {
            commit_now(b, &w->host, w->id, w->ops, w->count);
        }
    }
}

/* ---- The engine ---- */

static mt_status bent_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                          size_t count)
{
    bent *b = ctx;
    mt_bytes *own;

    if (b->flaw == ANSWERS_NEVER) return MT_OK;
    if (b->flaw == FAILS) return MT_IO;
    if (b->flaw == KEEPS_KEYS && count > 0) {
        /* Where the bytes of the keys are, and not the bytes. */
        own = test_take(&b->arena, count * sizeof *own);
        memcpy(own, keys, count * sizeof *own);
        wait_for_turn(b, &(waiting){*host, id, own, NULL, count});
        return MT_OK;
    }
    get_now(b, host, id, keys, count);
    b->last = (waiting){.host = *host, .id = id};
    return b->flaw == ANSWERS_AND_FAILS ? MT_IO : MT_OK;
}

static mt_status bent_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                           mt_bytes end, size_t limit)
{
    bent *b = ctx;
    size_t from = place(b, after), to = end.len > 0 ? place(b, end) : b->count, count;
    mt_kv_pair *pairs;
    bool more;

    if (is_at(b, from, after) && b->flaw != SCAN_WITH_AFTER) from++;
    if (b->flaw == SCAN_WITH_END && is_at(b, to, end)) to++;
    if (to < from) to = from;
    more = to - from > limit && b->flaw != LIMIT_IGNORED;
    if (more) to = from + limit;
    count = to - from;
    pairs = test_take(&b->arena, (count + 1) * sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (mt_kv_pair){b->at[from + i].key, test_copy(&b->arena, b->at[from + i].value)};
        if (!pairs[i].value.data) pairs[i].value.data = (const uint8_t *)"";
    }
    if (b->flaw == NO_MORE) more = false;
    if (b->flaw == ALWAYS_MORE) more = true;
    answer(b, host, id, &(mt_kv_answer){.pairs = pairs, .count = count, .more = more});
    return MT_OK;
}

static mt_status bent_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                             size_t count)
{
    bent *b = ctx;
    waiting w = {*host, id, NULL, ops, count};

    if (b->fail_next || b->failed) {
        b->fail_next = false;
        b->failed = b->flaw == FAILED_FOR_GOOD;
        if (b->flaw == FAILED_IN_PART) apply(b, ops);
        answer(b, host, id, &(mt_kv_answer){.status = MT_FULL});
        return MT_OK;
    }
    if (b->flaw == NOTHING_UNANSWERED && count == 0) return MT_OK;
    switch ((int)b->flaw) {
    case COMMITS_SWAPPED:
    case COMMITS_IN_PARTS: wait_for_turn(b, &w); break;
    case ANSWERS_EARLY:
        w.ops = test_take(&b->arena, (count + 1) * sizeof *ops);
        for (size_t i = 0; i < count; i++)
            ((mt_kv_op *)(uintptr_t)w.ops)[i] = (mt_kv_op){
                ops[i].kind, test_copy(&b->arena, ops[i].key), test_copy(&b->arena, ops[i].value)};
        wait_for_turn(b, &w);
        answer(b, host, id, &(mt_kv_answer){.status = MT_OK});
        break;
    default: commit_now(b, host, id, ops, count); break;
    }
    return MT_OK;
}

static void bent_close(void *ctx)
{
    bent *b = ctx;

    if (b->flaw == FORGETS && b->count > 0) b->count--;
    b->te.env.timer_stop(b->te.env.ctx, &b->timer);
    b->queued = 0;
    if (b->flaw == ANSWERS_AFTER_CLOSE && b->last.id > 0) wait_for_turn(b, &b->last);
}

/* ---- The tests ---- */

static mt_status bent_open(void *ctx, bool fresh, mt_kv *out, mt_error *err)
{
    bent *b = ctx;

    (void)err;
    if (fresh) b->count = 0;
    b->fail_next = b->failed = false;
    if (b->flaw == NOT_EMPTY) put(b, mt_str("k"), mt_str("v"));
    *out = (mt_kv){&b->ops, b};
    return MT_OK;
}

static void bent_fail_commit(void *ctx)
{
    ((bent *)ctx)->fail_next = true;
}

/* Memory that is never given back before the arena goes, so that an engine which keeps what it
 * borrowed reads what the suite left there. */
static void *hoard_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    void *made;

    if (size == 0) return NULL;
    made = test_take(ctx, size);
    if (ptr) memcpy(made, ptr, old_size < size ? old_size : size);
    return made;
}

/* An engine and the subject that it is; `mem` NULL: a hoard. */
static bent *bent_new(flaw which, const mt_mem *mem, mt_conformance_kv *subject)
{
    bent *b = calloc(1, sizeof *b);

    if (!b) abort();
    b->flaw = which;
    b->timer = (mt_timer){.fire = turn_comes, .arg = b};
    b->hoard = (mt_mem){hoard_resize, &b->arena};
    b->ops = (mt_kv_ops){.abi = which == OLD_ABI ? 0 : MT_KV_ABI,
                         .size = sizeof b->ops,
                         .name = "bent",
                         .key_len_max = which == SHORT_KEYS ? 510 : MT_KV_KEY_LEN_MAX,
                         .get = bent_get,
                         .scan = which == NO_SCAN ? NULL : bent_scan,
                         .commit = bent_commit,
                         .close = bent_close};
    test_env_init(&b->te, 1, mem ? mem : &b->hoard);
    *subject = (mt_conformance_kv){.size = sizeof *subject,
                                   .env = &b->te.env,
                                   .open = bent_open,
                                   .persistent = true,
                                   .fail_commit = bent_fail_commit,
                                   .seed = 1,
                                   .rounds = 60,
                                   .ctx = b};
    return b;
}

static void bent_free(bent *b)
{
    test_env_end(&b->te);
    test_arena_end(&b->arena);
    free(b);
}

static mt_error suite_says(flaw which)
{
    bool keeps = which == KEEPS_KEYS || which == KEEPS_OPS;
    mt_conformance_kv subject;
    bent *b = bent_new(which, keeps ? NULL : test_mem(), &subject);
    mt_error err = {.status = MT_OK};

    CHECK(mt_conformance_kv_run(&subject, &err) == err.status);
    bent_free(b);
    return err;
}

TEST(each_flaw_is_found)
{
    static const char *const says[] = {
#define FLAW_SAYS(name, says) says,
        FLAWS(FLAW_SAYS)
#undef FLAW_SAYS
    };

    for (size_t i = 1; i < TEST_COUNT(says); i++) {
        mt_error err = suite_says((flaw)i);

        if (err.status == MT_REFUSED && strstr(err.text, says[i])) continue;
        fail_msg("flaw %zu should have been \"%s\": %s", i, says[i], err.text);
    }
    CHECK(test_mem_live() == 0);
}

TEST(without_a_flaw_none_is_found)
{
    mt_error err = suite_says(NO_FLAW);

    if (err.status != MT_OK) fail_msg("%s", err.text);
}

TEST(a_suite_without_memory_says_so)
{
    for (size_t n = 0;; n += 1 + n / 8) {
        fail_mem fm = {.fail_at = n};
        mt_conformance_kv subject;
        bent *b = bent_new(NO_FLAW, fail_mem_hook(&fm), &subject);

        subject.rounds = 1;
        CHECK(mt_conformance_kv_run(&subject, NULL) == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(fm.live_bytes == 0);
        bent_free(b);
        if (!fm.tripped) break;
    }
}

TEST(a_subject_that_lacks_something_is_refused)
{
    mt_conformance_kv subject = {.size = sizeof subject};
    mt_error err = {.status = MT_OK};

    CHECK(mt_conformance_kv_run(&subject, &err) == MT_INVALID);
    assert_string_equal(err.text, "the subject lacks a way to open it");
    subject.open = bent_open;
    CHECK(mt_conformance_kv_run(&subject, NULL) == MT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flaw_is_found),
        cmocka_unit_test(without_a_flaw_none_is_found),
        cmocka_unit_test(a_suite_without_memory_says_so),
        cmocka_unit_test(a_subject_that_lacks_something_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
