#include "test_shelf.h"
#include "base/bytes.h"
#include "store/key.h"
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>
#include <string.h>

#define MANY 100000

/* ---- The engine in between ---- */

/* An answer on its way, which comes while it is asked for. */
typedef struct bent {
    test_shelf *shelf;
    bool get;
    const mt_kv_host *host;
} bent;

static void bend(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    bent *b = ctx;
    mt_kv_answer other = *answer;

    if (b->shelf->bend) b->shelf->bend(b->shelf, b->get, b->host, &other);
    b->host->answer(b->host->ctx, id, &other);
}

static mt_status shelf_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                           size_t count)
{
    bent b = {ctx, true, host};
    mt_kv *engine = &b.shelf->engine;

    return engine->ops->get(engine->ctx, &(mt_kv_host){bend, &b}, id, keys, count);
}

static mt_status shelf_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                            mt_bytes end, size_t limit)
{
    bent b = {ctx, false, host};
    mt_kv *engine = &b.shelf->engine;

    return engine->ops->scan(engine->ctx, &(mt_kv_host){bend, &b}, id, after, end, limit);
}

static void committed(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)ctx;
    (void)id;
    CHECK(answer->status == MT_OK);
}

static mt_status shelf_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                              size_t count)
{
    static const mt_kv_host held = {committed, NULL};
    test_shelf *shelf = ctx;

    shelf->ops += count;
    if (shelf->hold) {
        CHECK(shelf->held_id == 0);
        shelf->held_host = host;
        shelf->held_id = id;
        host = &held;
    }
    return shelf->engine.ops->commit(shelf->engine.ctx, host, id, ops, count);
}

static void shelf_close(void *ctx)
{
    (void)ctx;
}

void test_shelf_release(test_shelf *shelf)
{
    mt_kv_answer answer = {.status = MT_OK};
    uint64_t id = shelf->held_id;

    CHECK(id != 0);
    shelf->hold = false;
    shelf->held_id = 0;
    shelf->held_host->answer(shelf->held_host->ctx, id, &answer);
}

/* ---- Life ---- */

mt_status test_shelf_try(test_shelf *shelf, test_reply *opened)
{
    static const mt_kv_ops ops = {.abi = MT_KV_ABI,
                                  .size = sizeof(mt_kv_ops),
                                  .name = "shelf",
                                  .key_len_max = MT_KV_KEY_LEN_MAX,
                                  .get = shelf_get,
                                  .scan = shelf_scan,
                                  .commit = shelf_commit,
                                  .close = shelf_close};

    return test_asker_try(&shelf->s, &shelf->te, (mt_kv){&ops, shelf}, &shelf->options, opened);
}

void test_shelf_open(test_shelf *shelf)
{
    test_reply opened;

    if (test_shelf_try(shelf, &opened) != MT_OK) fail_msg("%s", opened.text);
    test_reply_end(&opened);
}

void test_shelf_begin(test_shelf *shelf)
{
    shelf->options.size = sizeof shelf->options;
    test_env_init(&shelf->te, 1, shelf->mem ? shelf->mem : test_mem());
    shelf->engine_env = shelf->te.env;
    shelf->engine_env.mem = test_mem();
    CHECK(mt_kv_memory(&shelf->engine_env, &shelf->engine) == MT_OK);
    test_shelf_open(shelf);
    shelf->graph = test_graph_new();
}

void test_shelf_end(test_shelf *shelf)
{
    test_asker_end(&shelf->s);
    mt_kv_close(&shelf->engine);
    mt_graph_free(shelf->graph);
    test_env_end(&shelf->te);
}

void test_shelf_reopen(test_shelf *shelf)
{
    test_asker_end(&shelf->s);
    test_shelf_open(shelf);
}

/* ---- Writing ---- */

mt_cursor test_shelf_write(test_shelf *shelf, const char *rows, const char *origin)
{
    mt_delta *delta = NULL;

    test_worked(shelf->graph, test_merge_rows(shelf->graph, rows, &delta));
    return test_asker_write(&shelf->s, delta, origin);
}

mt_delta *test_large_delta(mt_graph *graph, const char *uid, size_t count, uint64_t state)
{
    test_arena arena = {0};
    mt_field *fields = test_take(&arena, count * sizeof *fields);
    mt_row row = {.uid = mt_str(uid), .fields = fields, .count = count};
    mt_delta *delta = NULL;
    char name[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "f%03zu", i);
        fields[i] = (mt_field){
            .name = test_copy(&arena, mt_str(name)), .value = mt_number(7), .state = state};
    }
    test_worked(graph, mt_graph_merge_rows(graph, &row, 1, &delta));
    test_arena_end(&arena);
    return delta;
}

mt_cursor test_shelf_write_large(test_shelf *shelf, const char *uid, size_t count, uint64_t state)
{
    return test_asker_write(&shelf->s, test_large_delta(shelf->graph, uid, count, state), "");
}

size_t test_shelf_ops(test_shelf *shelf)
{
    size_t ops = shelf->ops;

    shelf->ops = 0;
    return ops;
}

mt_status test_shelf_record(test_shelf *shelf, const char *key, const char *value)
{
    mt_storage_record record = {.key = mt_str(key), .value = mt_str(value)};
    mt_storage_write write = {.records = &record, .record_count = 1};
    test_reply r;
    mt_status st;

    test_ask_write(&shelf->s, &r, &write);
    test_await(&shelf->s, &r);
    st = r.status;
    test_reply_end(&r);
    return st;
}

/* ---- Reading ---- */

/* The words of a text, in an arena. */
static mt_bytes *words(test_arena *arena, const char *text, size_t *count)
{
    mt_bytes *out = test_take(arena, (strlen(text) + 1) * sizeof *out);

    for (*count = 0; *text; text += *text == ' ') {
        size_t len = strcspn(text, " ");

        out[(*count)++] = test_copy(arena, (mt_bytes){(const uint8_t *)text, len});
        text += len;
    }
    return out;
}

static void says(mt_buf *text, const char *expected)
{
    CHECK(mti_buf_append(text, "", 1) == MT_OK);
    assert_string_equal((const char *)text->data, expected);
    mt_buf_free(text);
}

static void add(mt_buf *text, const char *word)
{
    CHECK(mti_buf_append(text, word, strlen(word)) == MT_OK);
}

static void add_bytes(mt_buf *text, mt_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        CHECK(mti_buf_append(text, bytes.data[i] ? &bytes.data[i] : (const uint8_t *)"|", 1) ==
              MT_OK);
}

void test_shelf_reads(test_shelf *shelf, const char *uid, const char *names, bool whole,
                      const char *expected)
{
    test_arena arena = {0};
    mt_storage_key key = {.uid = mt_str(uid), .whole = whole};
    mt_buf text = {.mem = test_mem()};
    test_reply r;

    if (names) key.names = words(&arena, names, &key.name_count);
    r = test_asker_read(&shelf->s, &key, 1);
    for (size_t i = 0; i < r.row_count; i++) {
        mt_buf line = test_row_line(&r.rows[i]);

        if (i > 0) add(&text, "\n");
        add_bytes(&text, mt_buf_bytes(&line));
        mt_buf_free(&line);
    }
    test_reply_end(&r);
    test_arena_end(&arena);
    says(&text, expected);
}

void test_shelf_lists(test_shelf *shelf, const char *prefix, const char *after, size_t limit,
                      const char *expected)
{
    mt_buf text = {.mem = test_mem()};
    test_reply r;

    test_ask_list(&shelf->s, &r, mt_str(prefix), mt_str(after), limit);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
    for (size_t i = 0; i < r.row_count; i++) {
        if (i > 0 && mt_bytes_equal(r.rows[i].row.uid, r.rows[i - 1].row.uid)) continue;
        if (text.len) add(&text, " ");
        add_bytes(&text, r.rows[i].row.uid);
    }
    if (r.end) add(&text, ".");
    test_reply_end(&r);
    says(&text, expected);
}

void test_shelf_records(test_shelf *shelf, const char *prefix, const char *after, size_t limit,
                        const char *expected)
{
    mt_buf text = {.mem = test_mem()};
    test_reply r;

    test_ask_records(&shelf->s, &r, mt_str(prefix), mt_str(after), limit);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
    for (size_t i = 0; i < r.record_count; i++) {
        if (i > 0) add(&text, " ");
        add_bytes(&text, r.records[i].key);
        add(&text, "=");
        add_bytes(&text, r.records[i].value);
    }
    if (r.end) add(&text, ".");
    test_reply_end(&r);
    says(&text, expected);
}

static void add_change(mt_buf *text, const mt_storage_change *change)
{
    char number[32];

    snprintf(number, sizeof number, "%s%llu:", text->len ? " " : "",
             (unsigned long long)change->number);
    add(text, number);
    add_bytes(text, change->uid);
    if (change->all) add(text, "*");
    for (size_t i = 0; i < change->name_count; i++) {
        add(text, i == 0 ? "(" : " ");
        add_bytes(text, change->names[i]);
    }
    if (change->name_count) add(text, ")");
    if (change->origin.len) add(text, "<");
    add_bytes(text, change->origin);
}

mt_cursor test_shelf_log(test_shelf *shelf, mt_cursor since, const char *expected)
{
    test_reply r = test_asker_changes(&shelf->s, since, MANY);
    mt_buf text = {.mem = test_mem()};
    mt_cursor next = r.next;

    CHECK(r.end);
    for (size_t i = 0; i < r.change_count; i++) add_change(&text, &r.changes[i]);
    test_reply_end(&r);
    says(&text, expected);
    return next;
}

mt_status test_shelf_follow(test_shelf *shelf, mt_cursor since)
{
    test_reply r;
    mt_status st;

    test_ask_changes(&shelf->s, &r, &since, MANY);
    test_await(&shelf->s, &r);
    st = r.status;
    test_reply_end(&r);
    return st;
}

/* ---- What lies in the engine ---- */

typedef struct pairs {
    test_arena arena;
    mt_kv_pair *pairs;
    size_t count, room;
} pairs;

/* An engine in memory answers at once. */
static void take_pairs(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    pairs *h = ctx;

    CHECK(id == 1 && answer->status == MT_OK && !answer->more);
    for (size_t i = 0; i < answer->count; i++) {
        h->pairs = test_room(&h->arena, h->pairs, h->count, &h->room, sizeof *h->pairs);
        h->pairs[h->count].key = test_copy(&h->arena, answer->pairs[i].key);
        h->pairs[h->count].value = answer->pairs[i].value;
        if (answer->pairs[i].value.data)
            h->pairs[h->count].value = test_copy(&h->arena, answer->pairs[i].value);
        h->count++;
    }
}

static void scan_kind(test_shelf *shelf, char kind, pairs *h)
{
    char start[2] = {kind, 0}, end[2] = {(char)(kind + 1), 0};
    mt_kv_host host = {take_pairs, h};

    CHECK(shelf->engine.ops->scan(shelf->engine.ctx, &host, 1, mt_str(start), mt_str(end), 1000) ==
          MT_OK);
}

static void add_key(mt_buf *text, mt_bytes key)
{
    char number[32];
    uint64_t value;

    if (text->len) add(text, " ");
    if (!mti_key_number(key, key.data[0], &value)) {
        add_bytes(text, key);
        return;
    }
    snprintf(number, sizeof number, "%c%llu", key.data[0], (unsigned long long)value);
    add(text, number);
}

void test_shelf_keys(test_shelf *shelf, const char *kinds, const char *expected)
{
    mt_buf text = {.mem = test_mem()};
    pairs h = {{0}, NULL, 0, 0};

    for (; *kinds; kinds++)
        if (*kinds != ' ') scan_kind(shelf, *kinds, &h);
    for (size_t i = 0; i < h.count; i++) add_key(&text, h.pairs[i].key);
    test_arena_end(&h.arena);
    says(&text, expected);
}

mt_buf test_shelf_get(test_shelf *shelf, mt_bytes key)
{
    mt_buf value = {.mem = test_mem()};
    pairs h = {{0}, NULL, 0, 0};
    mt_kv_host host = {take_pairs, &h};

    CHECK(shelf->engine.ops->get(shelf->engine.ctx, &host, 1, &key, 1) == MT_OK);
    if (h.pairs[0].value.data)
        CHECK(mti_buf_append(&value, h.pairs[0].value.data, h.pairs[0].value.len) == MT_OK);
    test_arena_end(&h.arena);
    return value;
}

static void commit(test_shelf *shelf, const mt_kv_op *ops, size_t count)
{
    mt_kv_host host = {committed, NULL};

    CHECK(shelf->engine.ops->commit(shelf->engine.ctx, &host, 1, ops, count) == MT_OK);
}

void test_shelf_put(test_shelf *shelf, mt_bytes key, const mt_buf *value)
{
    mt_kv_op op = {.kind = value ? MT_KV_PUT : MT_KV_DELETE, .key = key};

    if (value) op.value = mt_buf_bytes(value);
    commit(shelf, &op, 1);
}

void test_shelf_copy(test_shelf *from, test_shelf *to)
{
    mt_kv_op clear = {MT_KV_DELETE_RANGE, mt_str("a"), mt_str("z")};
    pairs h = {{0}, NULL, 0, 0};

    commit(to, &clear, 1);
    for (const char *kind = "bflmnr"; *kind; kind++) scan_kind(from, *kind, &h);
    for (size_t i = 0; i < h.count; i++) {
        mt_kv_op put = {MT_KV_PUT, h.pairs[i].key, h.pairs[i].value};

        commit(to, &put, 1);
    }
    test_arena_end(&h.arena);
}

void test_pairs_take(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    test_pairs *p = ctx;

    CHECK(id == 1 && answer->status == MT_OK && !answer->more);
    for (size_t i = 0; i < answer->count; i++) {
        p->pairs = test_room(&p->arena, p->pairs, p->count, &p->room, sizeof *p->pairs);
        p->pairs[p->count].key = test_copy(&p->arena, answer->pairs[i].key);
        p->pairs[p->count++].value = test_copy(&p->arena, answer->pairs[i].value);
    }
}
