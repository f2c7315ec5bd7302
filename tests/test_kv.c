#include "test_kv.h"
#include "test_law.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

void test_kv_conforms(mt_conformance_kv *subject)
{
    mt_error err = {.status = MT_OK};

    subject->size = sizeof *subject;
    subject->seed = 8831;
    subject->rounds = TEST_AMOUNT(400);
    subject->report = say;
    if (mt_conformance_kv_run(subject, &err) != MT_OK) fail_msg("%s", err.text);
}

/* ---- Single calls ---- */

static void heard(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    test_kv *t = ctx;

    (void)id;
    t->under_way--;
    t->status = answer->status;
    t->count = answer->count;
    snprintf(t->text, sizeof t->text, "%s", answer->text ? answer->text : "");
    snprintf(t->value, sizeof t->value, "%s", answer->status == MT_OK ? "?" : "!");
    if (answer->status == MT_OK && answer->count == 1 && answer->pairs[0].value.data)
        snprintf(t->value, sizeof t->value, "%.*s", (int)answer->pairs[0].value.len,
                 (const char *)answer->pairs[0].value.data);
}

static void started(test_kv *t, mt_status st)
{
    if (st == MT_OK) return;
    t->under_way--;
    t->status = st;
    snprintf(t->value, sizeof t->value, "!");
    snprintf(t->text, sizeof t->text, "it did not start");
}

static void begin(test_kv *t)
{
    t->host = (mt_kv_host){heard, t};
    t->under_way++;
}

static mt_status await(test_kv *t)
{
    while (t->under_way > 0) CHECK(t->te->env.turn(t->te->env.ctx) == MT_OK);
    return t->status;
}

/* The op lives until the answer: in a block that is freed then. */
typedef struct put {
    mt_kv_host host;
    test_kv *t;
    mt_kv_op op;
} put;

static void put_heard(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    put *p = ctx;

    heard(p->t, id, answer);
    free(p);
}

static void put_start(test_kv *t, mt_bytes key, mt_bytes value)
{
    put *p = malloc(sizeof *p + key.len + value.len);
    uint8_t *to;
    mt_status st;

    if (!p) abort();
    to = (uint8_t *)(p + 1);
    begin(t);
    memcpy(to, key.data, key.len);
    if (value.data) memcpy(to + key.len, value.data, value.len);
    *p = (put){.host = {put_heard, p}, .t = t};
    p->op = (mt_kv_op){MT_KV_PUT, {to, key.len}, {to + key.len, value.len}};
    st = t->kv.ops->commit(t->kv.ctx, &p->host, 1, &p->op, 1);
    started(t, st);
    if (st != MT_OK) free(p);
}

void test_kv_put_start(test_kv *t, const char *key, const char *value)
{
    put_start(t, mt_str(key), mt_str(value));
}

mt_status test_kv_put(test_kv *t, const char *key, const char *value)
{
    put_start(t, mt_str(key), mt_str(value));
    return await(t);
}

mt_status test_kv_put_large(test_kv *t, const char *key, size_t len)
{
    uint8_t *bytes = calloc(1, len);

    CHECK(bytes != NULL);
    put_start(t, mt_str(key), (mt_bytes){bytes, len});
    free(bytes);
    return await(t);
}

mt_status test_kv_commit(test_kv *t, const mt_kv_op *ops, size_t count)
{
    begin(t);
    started(t, t->kv.ops->commit(t->kv.ctx, &t->host, 1, ops, count));
    return await(t);
}

const char *test_kv_get(test_kv *t, const char *key)
{
    mt_bytes keys[1] = {mt_str(key)};

    begin(t);
    started(t, t->kv.ops->get(t->kv.ctx, &t->host, 2, keys, 1));
    await(t);
    return t->value;
}

mt_status test_kv_scan(test_kv *t)
{
    mt_bytes none = {NULL, 0};

    begin(t);
    started(t, t->kv.ops->scan(t->kv.ctx, &t->host, 3, none, none, 1000));
    return await(t);
}

void test_kv_close(test_kv *t)
{
    await(t);
    if (t->kv.ops) t->kv.ops->close(t->kv.ctx);
    t->kv = (mt_kv){NULL, NULL};
}
