/* What applications add: extensions and query engines, by name. */
#include "test.h"
#include "test_calls.h"

#include <stdlib.h>
#include <string.h>

/* ---- Extensions ---- */

static void one(void)
{
}

static void two(void)
{
}

TEST(extension_is_found_by_name_on_databases_and_on_nodes)
{
    static int data;
    mt_extension extensions[] = {
        {.name = "count", .extends = MT_EXTENDS_DB, .function = one},
        {.name = "count", .extends = MT_EXTENDS_NODE, .function = two, .data = &data},
    };
    mt_config config = {.size = sizeof config, .extensions = extensions, .extension_count = 2};
    mt_handle *ada;
    test_db t;

    test_db_begin(&t);
    test_db_open(&t, &config);
    test_write(t.db, "ada a=1");
    ada = test_hold_node(t.db, "ada");
    CHECK(mt_db_extension(t.db, "count")->function == one);
    CHECK(mt_handle_extension(ada, "count")->function == two);
    CHECK(mt_handle_extension(ada, "count")->data == &data);
    CHECK(mt_db_extension(t.db, "coun") == NULL && mt_handle_extension(ada, "x") == NULL);
    mt_handle_unref(ada);
    test_db_end(&t);
}

TEST(of_extensions_and_engines_with_one_name_the_later_config_wins)
{
    mt_extension first = {.name = "x", .function = one}, last = {.name = "x", .function = two};
    mt_config a = {.size = sizeof a, .extensions = &first, .extension_count = 1};
    mt_config b = {.size = sizeof b, .extensions = &last, .extension_count = 1};
    const mt_config *both[2] = {&a, &b};
    test_db t;

    test_db_begin(&t);
    a.env = &t.te.env;
    CHECK(mt_db_open(both, 2, &t.db, &t.error) == MT_OK);
    CHECK(mt_db_extension(t.db, "x")->function == two);
    test_db_end(&t);
}

/* ---- Query engines ---- */

/* An engine that answers at once, later, or never by itself. */
typedef struct engine {
    enum { AT_ONCE, LATER, REFUSES, ANSWERS_AND_REFUSES } does;
    mt_status status;
    const char *text;
    mt_db *db;
    uint64_t id;
    char query[32];
    void *app;
} engine;

static void answer(engine *e)
{
    mt_query_done(e->db, e->id, e->status, e->text, mt_str("forty-two"));
}

static mt_status execute(void *ctx, mt_db *db, uint64_t id, mt_bytes query,
                         const mt_options *options)
{
    engine *e = ctx;

    e->db = db;
    e->id = id;
    e->app = options->app;
    CHECK(query.len < sizeof e->query && options->size == sizeof *options);
    memcpy(e->query, query.data, query.len);
    e->query[query.len] = '\0';
    if (e->does == AT_ONCE || e->does == ANSWERS_AND_REFUSES) answer(e);
    return e->does >= REFUSES ? MT_UNSUPPORTED : MT_OK;
}

typedef struct asked {
    test_answer a; /* first: see `heard` */
    char answer[32];
} asked;

static void heard(void *ctx, mt_db *db, const mt_result *result)
{
    asked *q = ctx;

    test_answered(ctx, db, result);
    CHECK(result->answer.len < sizeof q->answer);
    memcpy(q->answer, result->answer.data, result->answer.len);
    q->answer[result->answer.len] = '\0';
}

static void open_engines(test_db *t, engine *e)
{
    mt_query_engine engines[] = {{.name = "sql", .execute = execute, .ctx = e},
                                 {.name = "gql", .execute = execute, .ctx = e}};
    mt_config config = {.size = sizeof config, .engines = engines, .engine_count = 2};

    test_db_begin(t);
    test_db_open(t, &config);
}

TEST(query_is_answered_at_once_or_later)
{
    engine e = {.does = AT_ONCE};
    mt_options options = {.size = sizeof options, .app = &e};
    asked q = {.a = {.count = 0}};
    test_db t;

    open_engines(&t, &e);
    CHECK(mt_query(t.db, "sql", mt_str("select"), &options, heard, &q, NULL) == MT_OK);
    CHECK(q.a.count == 0);
    test_env_run(&t.te);
    CHECK(q.a.count == 1 && q.a.status == MT_OK && q.a.app == &e && e.app == &e);
    assert_string_equal(q.answer, "forty-two");
    assert_string_equal(e.query, "select");
    e.does = LATER;
    CHECK(mt_query(t.db, "gql", mt_str(""), NULL, heard, &q, NULL) == MT_OK);
    test_env_run(&t.te);
    CHECK(q.a.count == 1);
    answer(&e);
    answer(&e);
    test_env_run(&t.te);
    CHECK(q.a.count == 2);
    answer(&e);
    test_db_end(&t);
}

TEST(query_that_fails_says_why)
{
    engine e = {.does = AT_ONCE, .status = MT_INVALID, .text = "no such table"};
    test_answer a = {.count = 0};
    test_db t;

    open_engines(&t, &e);
    CHECK(mt_query(t.db, "sql", mt_str("x"), NULL, test_answered, &a, NULL) == MT_OK);
    test_env_run(&t.te);
    CHECK(a.status == MT_INVALID);
    assert_string_equal(a.text, "no such table");
    e.does = REFUSES;
    CHECK(mt_query(t.db, "sql", mt_str("x"), NULL, test_answered, &a, NULL) == MT_OK);
    test_env_run(&t.te);
    CHECK(a.count == 2 && a.status == MT_UNSUPPORTED);
    e = (engine){.does = ANSWERS_AND_REFUSES};
    CHECK(mt_query(t.db, "sql", mt_str("x"), NULL, test_answered, &a, NULL) == MT_OK);
    test_env_run(&t.te);
    CHECK(a.count == 3);
    test_db_end(&t);
}

TEST(engine_that_is_not_there_is_refused_with_a_list_of_those_that_are)
{
    engine e = {.does = AT_ONCE};
    test_db t;

    open_engines(&t, &e);
    CHECK(mt_query(t.db, "xql", mt_str("x"), NULL, NULL, NULL, NULL) == MT_NOT_FOUND);
    assert_string_equal(mt_db_error(t.db)->text,
                        "there is no query engine \"xql\"; those known are \"sql\", \"gql\"");
    test_db_end(&t);
    test_db_memory(&t);
    CHECK(mt_query(t.db, "xql", mt_str("x"), NULL, NULL, NULL, NULL) == MT_NOT_FOUND);
    assert_string_equal(mt_db_error(t.db)->text, "there is no query engine \"xql\", nor any other");
    test_db_end(&t);
}

TEST(query_may_be_canceled_and_answered_afterwards)
{
    engine e = {.does = LATER};
    test_answer a = {.count = 0};
    uint64_t id;
    test_db t;

    open_engines(&t, &e);
    CHECK(mt_query(t.db, "sql", mt_str("x"), NULL, test_answered, &a, &id) == MT_OK);
    mt_cancel(t.db, id);
    test_env_run(&t.te);
    CHECK(a.count == 1 && a.status == MT_CANCELED);
    answer(&e);
    test_env_run(&t.te);
    CHECK(a.count == 1);
    test_db_end(&t);
}

static void note_gone(void *ctx)
{
    *(bool *)ctx = true;
}

TEST(database_waits_for_an_engine_before_it_is_closed)
{
    engine e = {.does = LATER};
    test_answer a = {.count = 0};
    bool gone = false;
    test_db t;

    open_engines(&t, &e);
    CHECK(mt_query(t.db, "sql", mt_str("x"), NULL, test_answered, &a, NULL) == MT_OK);
    mt_db_close(t.db, note_gone, &gone);
    t.db = NULL;
    test_env_run(&t.te);
    CHECK(a.count == 1 && a.status == MT_CANCELED && !gone);
    answer(&e);
    test_env_run(&t.te);
    CHECK(gone);
    test_db_end(&t);
}

TEST(query_wait_gives_the_answer_to_keep)
{
    engine e = {.does = AT_ONCE};
    mt_buf text = {.mem = test_mem()};
    test_db t;

    open_engines(&t, &e);
    CHECK(mt_query_wait(t.db, "sql", mt_str("x"), NULL, &text) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&text), mt_str("forty-two")));
    mt_buf_free(&text);
    test_db_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extension_is_found_by_name_on_databases_and_on_nodes),
        cmocka_unit_test(of_extensions_and_engines_with_one_name_the_later_config_wins),
        cmocka_unit_test(query_is_answered_at_once_or_later),
        cmocka_unit_test(query_that_fails_says_why),
        cmocka_unit_test(engine_that_is_not_there_is_refused_with_a_list_of_those_that_are),
        cmocka_unit_test(query_may_be_canceled_and_answered_afterwards),
        cmocka_unit_test(database_waits_for_an_engine_before_it_is_closed),
        cmocka_unit_test(query_wait_gives_the_answer_to_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
