/* remote_storage_test.c - the store of a daemon, seen through a connection, keeps the contract of storages. */
#include "test_env.h"
#include "test_law.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "remote_storage.h"

/* What cannot hold, and why: a daemon's database stores no node without a field and a floor, and its clock's mode is that of its
 * store for ever, whatever a command writes. */
static const char *const excused[][2] = {
    {"what was written is read, and what was written over it", "lacks the node bob"},
    {"a list has the nodes of its range in uid order", "user/2 is listed nowhere"},
    {"a list has the nodes of its range in uid order", "a list says that it ended, and it did not"},
    {"a storage that is opened again has all that it had",
     "the clock was 77 in mode 2, and is 77 in mode 1"},
};

static void say(void *ctx, const char *check, const char *violation)
{
    size_t *violations = ctx;

    for (size_t i = 0; violation && i < TEST_COUNT(excused); i++)
        if (strcmp(check, excused[i][0]) == 0 && strstr(violation, excused[i][1])) return;
    if (!violation) return;
    printf("    not so: %s: %s\n", check, violation);
    ++*violations;
}

/* A daemon of one store in memory, and a pipe to it. */
typedef struct subject {
    size_t violations; /* first: what `say` gets */
    test_env te;
    mt_conformance_storage suite;
    mt_kv kept;
    mt_kv_ops ops;
    mt_kv_fault fault;
    bool late, slow;
    mt_db *db;
    cli_admin *admin;
    bool closed;
} subject;

static void stay_open(void *ctx)
{
    (void)ctx;
}

static void note(void *ctx)
{
    *(bool *)ctx = true;
}

static void turn_until(subject *s, const bool *truth)
{
    while (!*truth) CHECK(s->te.env.turn(s->te.env.ctx) == MT_OK);
}

static void daemon_end(subject *s)
{
    bool stopped = false, closed = false;

    if (!s->db) return;
    cli_admin_stop(s->admin, 1000, note, &stopped);
    turn_until(s, &stopped);
    cli_admin_free(s->admin);
    mt_db_close(s->db, note, &closed);
    turn_until(s, &closed);
    s->db = NULL;
}

static void ready(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    CHECK(result->status == MT_OK);
    note(ctx);
}

static mt_status daemon_begin(subject *s, mt_storage store, mt_error *err)
{
    mt_config config = {.size = sizeof config, .env = &s->te.env};
    const mt_config *configs[] = {&config};
    cli_admin_options options = {.env = &s->te.env};
    mt_storage storage;
    bool is_ready = false;
    mt_status st;

    CHECK(cli_shared_storage_new(store, &storage, &options.storage) == MT_OK);
    config.storage = &storage;
    if ((st = mt_db_open(configs, 1, &s->db, err)) != MT_OK) return st;
    CHECK(mt_db_ready(s->db, ready, &is_ready) == MT_OK);
    turn_until(s, &is_ready);
    options.db = s->db;
    return cli_admin_new(&options, &s->admin);
}

static mt_status open_remote(void *ctx, bool fresh, mt_storage *out, mt_error *err)
{
    subject *s = ctx;
    mt_kv_late_options late = {.size = sizeof late, .seed = 7, .fault = &s->fault};
    mt_pipe_options pipe = {
        .size = sizeof pipe, .queued_max = s->slow ? 1 : 0, .latency_ms = s->slow};
    mt_connection *here, *there;
    mt_storage store;
    mt_kv kv;

    daemon_end(s);
    if (fresh) {
        mt_kv_close(&s->kept);
        CHECK(mt_kv_memory(&s->te.env, &s->kept) == MT_OK);
    }
    s->ops = *s->kept.ops;
    s->ops.close = stay_open;
    kv = (mt_kv){&s->ops, s->kept.ctx};
    if (s->late) CHECK(mt_kv_late(&s->te.env, kv, &late, &kv) == MT_OK);
    CHECK(mt_node_store_new(&s->te.env, kv, NULL, &store, err) == MT_OK);
    CHECK(daemon_begin(s, store, err) == MT_OK);
    CHECK(mt_pipe_new(&s->te.env, &pipe, &here, &there, err) == MT_OK);
    CHECK(cli_admin_take(s->admin, there) == MT_OK);
    CHECK(cli_remote_new(here, out) == MT_OK);
    mt_connection_unref(here);
    mt_connection_unref(there);
    return MT_OK;
}

static void fail_write(void *ctx)
{
    subject *s = ctx;

    s->fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_FULL};
}

static void holds(subject *s)
{
    mt_error err = {0};

    s->suite.size = sizeof s->suite;
    s->suite.env = &s->te.env;
    s->suite.seed = 8831;
    s->suite.rounds = TEST_AMOUNT(100);
    s->suite.report = say;
    s->suite.ctx = s;
    s->suite.persistent = true;
    s->suite.open = open_remote;
    test_env_init(&s->te, 1, test_mem());
    CHECK(mt_conformance_storage_run(&s->suite, &err) == MT_REFUSED && s->violations == 0);
    daemon_end(s);
    mt_kv_close(&s->kept);
    test_env_end(&s->te);
}

TEST(the_store_of_a_daemon_conforms)
{
    subject s = {.late = false};

    holds(&s);
}

TEST(over_an_engine_that_answers_late_and_may_fail_it_conforms)
{
    subject s = {.late = true, .suite.fail_write = fail_write};

    holds(&s);
}

TEST(over_a_pipe_that_takes_one_message_at_a_time_it_conforms)
{
    subject s = {.slow = true};

    holds(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_of_a_daemon_conforms),
        cmocka_unit_test(over_an_engine_that_answers_late_and_may_fail_it_conforms),
        cmocka_unit_test(over_a_pipe_that_takes_one_message_at_a_time_it_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
