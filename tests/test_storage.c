#include "test_storage.h"

#include "test_notation.h"
#include "test_storage_request.h"

#include <stdlib.h>
#include <string.h>

/* Memory of its own: tests count, or fail, that of the database. */
static void *plain_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    if (size > 0) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

static const mt_mem plain_mem = {.resize = plain_resize};

/* ---- What it hears ---- */

static void say_bytes(char *line, size_t cap, mt_bytes bytes)
{
    size_t len = strlen(line);

    if (len + bytes.len + 1 >= cap) fail_msg("a line of storage is too long: %s", line);
    if (bytes.len) memcpy(line + len, bytes.data, bytes.len);
    line[len + bytes.len] = '\0';
}

static void say(char *line, size_t cap, const char *text)
{
    say_bytes(line, cap, mt_str(text));
}

static void hear(test_storage *ts, const char *line)
{
    if (!ts->quiet) test_heard_add(&ts->heard, "%s", line);
}

static void hear_read(test_storage *ts, const mt_storage_key *keys, size_t count)
{
    char line[120] = "read(";

    if (ts->quiet) return;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) say(line, sizeof line, ",");
        say_bytes(line, sizeof line, keys[i].uid);
        for (size_t j = 0; j < keys[i].name_count; j++) {
            say(line, sizeof line, ":");
            say_bytes(line, sizeof line, keys[i].names[j]);
        }
        if (keys[i].whole) say(line, sizeof line, "!");
    }
    say(line, sizeof line, ")");
    hear(ts, line);
}

static void hear_write(test_storage *ts, const mt_storage_write *write)
{
    char line[120] = "write(";

    if (ts->quiet) return;
    for (size_t i = 0; i < write->commit_count; i++) {
        mt_delta_iter iter;
        mt_delta_node node;
        bool first = true;
        if (i > 0) say(line, sizeof line, "|");
        mt_delta_iter_init(&iter, write->commits[i].delta, MT_UPDATE);
        while (mt_delta_iter_node(&iter, &node)) {
            if (node.empty) continue;
            if (!first) say(line, sizeof line, ",");
            say_bytes(line, sizeof line, node.uid);
            first = false;
        }
        if (write->commits[i].whole) say(line, sizeof line, "!");
        if (write->commits[i].origin.len > 0) say(line, sizeof line, "<");
        say_bytes(line, sizeof line, write->commits[i].origin);
    }
    say(line, sizeof line, ")");
    hear(ts, line);
}

/* ---- Requests ---- */

static test_request *request_new(test_storage *ts, const mt_storage_host *host, uint64_t id,
                                 unsigned call)
{
    test_request *r = calloc(1, sizeof *r);

    CHECK(r && ts->open);
    r->ts = ts;
    r->host = host;
    r->id = id;
    r->call = call;
    ts->calls++;
    if (ts->fault.status == MT_OK || !(ts->fault.calls & call)) return r;
    if (ts->fault.count++ != ts->fault.fail_at) return r;
    ts->fault.tripped = true;
    r->status = ts->fault.status;
    return r;
}

static void request_free(test_request *r)
{
    mt_graph_free(r->seen);
    test_arena_end(&r->arena);
    free(r);
}

/* Answers the request that `at` leads to, which waits no longer. */
static void answer(test_request **at)
{
    test_request *r = *at;

    *at = r->next;
    test_request_give(r);
    request_free(r);
}

static void request_fire(void *arg)
{
    test_request *r = arg, **at = &r->ts->requests;

    while (*at != r) at = &(*at)->next;
    answer(at);
}

/* Whether it answers later. */
static bool is_late(test_storage *ts)
{
    return ts->when == TEST_LATER || (ts->when == TEST_MIXED && test_rng_below(&ts->rng, 4) > 0);
}

/* Puts a request where it waits, or answers it. What a call returns. */
static mt_status request_go(test_request *r)
{
    test_storage *ts = r->ts;
    test_request **end = &ts->requests;
    mt_status st = r->status;

    if (st != MT_OK && ts->fault.at_start) {
        if (r->call == TEST_WRITE) ts->writing = false;
        request_free(r);
        return st;
    }
    while (*end) end = &(*end)->next;
    *end = r;
    if (ts->when == TEST_HELD) return MT_OK;
    if (is_late(ts)) {
        r->timer = (mt_timer){.fire = request_fire, .arg = r};
        ts->env->timer_set(ts->env->ctx, &r->timer,
                           ts->when == TEST_LATER ? 1 : 1 + test_rng_below(&ts->rng, 4));
    } else {
        answer(end);
    }
    return MT_OK;
}

/* ---- The contract ---- */

static mt_status storage_open(void *ctx, const mt_storage_host *host, uint64_t id)
{
    test_storage *ts = ctx;

    CHECK(ts->open == 0);
    ts->open = 1;
    hear(ts, "open");
    return request_go(request_new(ts, host, id, TEST_OPEN));
}

/* What a read or list sees: that of now, in half of the cases where answers are mixed. */
static void see(test_request *r)
{
    if (r->ts->when == TEST_MIXED && test_rng_below(&r->ts->rng, 2))
        CHECK(mt_graph_clone(r->ts->graph, &r->seen) == MT_OK);
}

static mt_bytes *copy_names(test_arena *arena, const mt_bytes *names, size_t count)
{
    mt_bytes *copy = test_take(arena, (count + 1) * sizeof *copy);

    for (size_t i = 0; i < count; i++) {
        if (i > 0) CHECK(mt_bytes_compare(names[i - 1], names[i]) < 0);
        copy[i] = test_copy(arena, names[i]);
    }
    return copy;
}

static mt_status storage_read(void *ctx, const mt_storage_host *host, uint64_t id,
                              const mt_storage_key *keys, size_t count)
{
    test_storage *ts = ctx;
    test_request *r = request_new(ts, host, id, TEST_READ);

    hear_read(ts, keys, count);
    ts->reads++;
    ts->keys += (unsigned)count;
    CHECK(count > 0);
    r->count = count;
    r->keys = test_take(&r->arena, count * sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) CHECK(mt_bytes_compare(keys[i - 1].uid, keys[i].uid) < 0);
        r->keys[i] = keys[i];
        r->keys[i].uid = test_copy(&r->arena, keys[i].uid);
        r->keys[i].names = copy_names(&r->arena, keys[i].names, keys[i].name_count);
    }
    see(r);
    return request_go(r);
}

static mt_status storage_write(void *ctx, const mt_storage_host *host, uint64_t id,
                               const mt_storage_write *write)
{
    test_storage *ts = ctx;
    test_request *r = request_new(ts, host, id, TEST_WRITE);

    hear_write(ts, write);
    CHECK(!ts->writing && write->commit_count + write->record_count > 0);
    ts->writes++;
    ts->commits += (unsigned)write->commit_count;
    ts->writing = true;
    r->write = write;
    if (ts->when == TEST_MIXED && test_rng_below(&ts->rng, 2)) test_request_store(r);
    return request_go(r);
}

static mt_status storage_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                                const mt_bytes *uids, size_t count)
{
    test_storage *ts = ctx;
    test_request *r = request_new(ts, host, id, TEST_REMOVE);
    char line[120] = "remove(";

    r->count = count;
    r->keys = test_take(&r->arena, count * sizeof *r->keys);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) CHECK(mt_bytes_compare(uids[i - 1], uids[i]) < 0);
        r->keys[i].uid = test_copy(&r->arena, uids[i]);
        if (i > 0 && !ts->quiet) say(line, sizeof line, ",");
        if (!ts->quiet) say_bytes(line, sizeof line, uids[i]);
    }
    say(line, sizeof line, ")");
    hear(ts, line);
    return request_go(r);
}

static mt_status storage_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                              mt_bytes after, size_t limit)
{
    test_storage *ts = ctx;
    test_request *r = request_new(ts, host, id, TEST_LIST);
    char line[120] = "list(";

    if (!ts->quiet) {
        say_bytes(line, sizeof line, prefix);
        say(line, sizeof line, ">");
        say_bytes(line, sizeof line, after);
        say(line, sizeof line, ")");
        hear(ts, line);
    }
    CHECK(limit > 0);
    r->prefix = test_copy(&r->arena, prefix);
    r->after = test_copy(&r->arena, after);
    r->limit = limit;
    see(r);
    return request_go(r);
}

static mt_status storage_changes(void *ctx, const mt_storage_host *host, uint64_t id,
                                 const mt_cursor *since, size_t limit)
{
    (void)since;
    (void)limit;
    hear(ctx, "changes");
    return request_go(request_new(ctx, host, id, TEST_CHANGES));
}

static void storage_close(void *ctx)
{
    test_storage *ts = ctx;

    CHECK(ts->open == 1 && !ts->requests);
    ts->open = 0;
    hear(ts, "close");
}

/* ---- Life ---- */

void test_storage_init(test_storage *ts, const mt_env *env)
{
    memset(ts, 0, sizeof *ts);
    ts->env = env;
    ts->rng = test_rng_new(1);
    ts->exact = true;
    ts->ops = (mt_storage_ops){.abi = MT_STORAGE_ABI,
                               .size = sizeof ts->ops,
                               .name = "test",
                               .open = storage_open,
                               .read = storage_read,
                               .write = storage_write,
                               .remove = storage_remove,
                               .close = storage_close,
                               .list = storage_list,
                               .changes = storage_changes};
    ts->storage = (mt_storage){.ops = &ts->ops, .ctx = ts};
    CHECK(mt_graph_new(&plain_mem, NULL, &ts->graph) == MT_OK);
}

void test_storage_end(test_storage *ts)
{
    CHECK(!ts->requests);
    mt_graph_free(ts->graph);
}

size_t test_storage_waiting(const test_storage *ts)
{
    size_t count = 0;

    for (const test_request *r = ts->requests; r; r = r->next) count++;
    return count;
}

void test_storage_answer(test_storage *ts, size_t at)
{
    test_request **which = &ts->requests;

    while (*which && at-- > 0) which = &(*which)->next;
    CHECK(*which != NULL);
    answer(which);
}

void test_storage_answer_all(test_storage *ts)
{
    while (ts->requests) test_storage_answer(ts, 0);
}

void test_storage_put(test_storage *ts, const char *nodes)
{
    if (test_merge_rows(ts->graph, nodes, NULL) != MT_OK)
        fail_msg("%s", mt_graph_error(ts->graph)->text);
}

void test_storage_says(const test_storage *ts, const char *nodes)
{
    test_graph_says(ts->graph, nodes);
}
