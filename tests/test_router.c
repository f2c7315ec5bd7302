#include "test_router.h"

#include "test_notation.h"

#include <string.h>

static void add(char *line, size_t cap, mt_bytes word)
{
    size_t len = strlen(line);

    CHECK(len + word.len + 2 < cap);
    if (len > 0) line[len++] = ',';
    if (word.len) memcpy(line + len, word.data, word.len);
    line[len + word.len] = '\0';
}

static void take(uint64_t *ids, size_t *count, size_t at)
{
    CHECK(at < *count);
    --*count;
    memmove(&ids[at], &ids[at + 1], (*count - at) * sizeof *ids);
}

static void hold(uint64_t *ids, size_t *count, uint64_t id)
{
    CHECK(*count < TEST_ROUTER_MAX);
    ids[(*count)++] = id;
}

/* Gives rows that stand in a text. */
static void give(test_router *r, uint64_t id, mt_pull_answer answer, const char *rows)
{
    test_arena arena = {.left = 0};

    if (rows) answer.rows = test_rows_read(&arena, rows, &answer.count);
    mt_pull_done(r->db, id, &answer);
    test_arena_end(&arena);
}

static mt_status router_open(void *ctx, mt_db *db, mt_group *group)
{
    test_router *r = ctx;

    r->db = db;
    r->group = group;
    test_heard_add(r->heard, "open");
    return MT_OK;
}

static mt_status router_push(void *ctx, uint64_t id, const mt_push *push)
{
    test_router *r = ctx;
    char uids[128] = "";
    mt_delta_iter iter;
    mt_delta_node node;

    mt_delta_iter_init(&iter, push->delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node))
        if (!node.empty) add(uids, sizeof uids, node.uid);
    test_heard_add(r->heard, push->group ? "push(%s)" : "untold(%s)", uids);
    r->pushed = *push;
    r->level = push->options->level;
    if (r->push_start != MT_OK) return r->push_start;
    if (r->holds) hold(r->pushes, &r->push_count, id);
    else mt_push_done(r->db, id, &r->push);
    return MT_OK;
}

static mt_status router_pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    test_router *r = ctx;
    char uids[128] = "";

    for (size_t i = 0; i < pull->count; i++) {
        if (i > 0) CHECK(mt_bytes_compare(pull->keys[i - 1], pull->keys[i]) < 0);
        add(uids, sizeof uids, pull->keys[i]);
    }
    test_heard_add(r->heard, "pull(%s)", uids);
    r->pull_group = pull->group;
    if (r->pull_start != MT_OK) return r->pull_start;
    if (r->holds) hold(r->pulls, &r->pull_count, id);
    else give(r, id, r->pull, r->pull_rows);
    return MT_OK;
}

static void router_message(void *ctx, mt_connection *from, mt_bytes bytes)
{
    test_router *r = ctx;
    mt_bytes id = mt_connection_id(from);

    test_heard_add(r->heard, "message(%.*s:%.*s)", (int)id.len, (const char *)id.data,
                   (int)bytes.len, bytes.len ? (const char *)bytes.data : "");
}

static void hear_connection(test_router *r, const char *what, mt_connection *connection)
{
    mt_bytes id = mt_connection_id(connection);

    test_heard_add(r->heard, "%s(%.*s)", what, (int)id.len, (const char *)id.data);
}

static void router_joined(void *ctx, mt_connection *connection)
{
    hear_connection(ctx, "joined", connection);
}

static void router_left(void *ctx, mt_connection *connection)
{
    hear_connection(ctx, "left", connection);
}

static void router_cancel(void *ctx, uint64_t id)
{
    test_router *r = ctx;

    test_heard_add(r->heard, "cancel");
    for (size_t i = 0; i < r->pull_count; i++) {
        if (r->pulls[i] != id) continue;
        take(r->pulls, &r->pull_count, i);
        return;
    }
    fail_msg("what is canceled is no pull that was held");
}

static void router_close(void *ctx)
{
    test_router *r = ctx;

    test_heard_add(r->heard, "close");
    r->push_count = r->pull_count = 0;
    r->db = NULL;
}

void test_router_init(test_router *r, test_heard *heard)
{
    memset(r, 0, sizeof *r);
    r->heard = heard;
    r->ops = (mt_router_ops){.abi = MT_ROUTER_ABI,
                             .size = sizeof r->ops,
                             .name = "test",
                             .open = router_open,
                             .push = router_push,
                             .pull = router_pull,
                             .message = router_message,
                             .joined = router_joined,
                             .left = router_left,
                             .cancel = router_cancel,
                             .close = router_close};
    r->router = (mt_router){&r->ops, r};
}

void test_router_push(test_router *r, size_t at, mt_push_answer answer)
{
    uint64_t id = r->pushes[at];

    if (!answer.more || answer.status != MT_OK) take(r->pushes, &r->push_count, at);
    mt_push_done(r->db, id, &answer);
}

void test_router_pull(test_router *r, size_t at, mt_pull_answer answer, const char *rows)
{
    uint64_t id = r->pulls[at];

    if (!answer.more || answer.status != MT_OK) take(r->pulls, &r->pull_count, at);
    give(r, id, answer, rows);
}

/* ---- A database with it ---- */

void test_routed_init(test_routed *t)
{
    test_stage_init(&t->s);
    test_router_init(&t->r, &t->s.heard);
    t->s.ts.quiet = true;
}

void test_routed_open(test_routed *t, const mt_config *config)
{
    mt_config own = {.size = sizeof own};

    if (config) own = *config;
    own.clock = MT_CLOCK_LAMPORT;
    own.router = &t->r.router;
    test_stage_open(&t->s, &own);
    t->db = t->s.db;
    test_heard_is(&t->s.heard, "open");
}

void test_routed_begin(test_routed *t)
{
    test_routed_init(t);
    test_routed_open(t, NULL);
}

void test_routed_end(test_routed *t)
{
    test_stage_close(&t->s);
    CHECK(strstr(t->s.heard.text, "close") != NULL);
    test_stage_end(&t->s);
}
