#include "test_db.h"

#include <string.h>

void test_db_begin(test_db *t)
{
    memset(t, 0, sizeof *t);
    t->live_before = test_mem_live();
    test_env_init(&t->te, 1, test_mem());
}

void test_db_open(test_db *t, const mt_config *config)
{
    mt_config on = {.size = sizeof on, .env = &t->te.env};
    const mt_config *both[2] = {&on, config};
    mt_status st = mt_db_open(both, config ? 2 : 1, &t->db, &t->error);

    if (st != MT_OK) fail_msg("the database does not open: %s", t->error.text);
}

void test_db_memory(test_db *t)
{
    test_db_begin(t);
    test_db_open(t, NULL);
}

static void closed(void *ctx)
{
    *(mt_db **)ctx = NULL;
}

void test_db_end(test_db *t)
{
    if (t->db) mt_db_close(t->db, closed, &t->db);
    test_env_run(&t->te);
    CHECK(t->db == NULL);
    test_env_end(&t->te);
    assert_int_equal(test_mem_live(), t->live_before);
}

void test_close(mt_db *db)
{
    const mt_env *env = mt_db_env(db);

    mt_db_close(db, closed, &db);
    while (db) CHECK(env->turn(env->ctx) == MT_OK);
}

void test_set(mt_db *db, const char *uid, const char *name, mt_value value)
{
    mt_field field = {.name = mt_str(name), .value = value};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};
    mt_status st = mt_write_wait(db, &row, 1, NULL, NULL);

    if (st != MT_OK) fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
}

void test_field_is(mt_db *db, const char *uid, const char *name, const char *json)
{
    mt_buf text = {.mem = test_mem()};
    mt_handle *node = NULL;
    mt_field field;
    mt_status st = mt_read_wait(db, mt_str(uid), NULL, &node);

    if (st != MT_OK) fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
    st = node ? mt_field_wait(node, mt_str(name), NULL, &field, NULL) : MT_NOT_FOUND;
    if (st == MT_OK) CHECK(mt_value_json(&field.value, &text) == MT_OK);
    if (st == MT_OK && !json) fail_msg("%s.%s is %.*s", uid, name, (int)text.len, text.data);
    if (st == MT_NOT_FOUND && json) fail_msg("%s.%s is not there", uid, name);
    if (st != MT_OK && st != MT_NOT_FOUND)
        fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
    if (json && !mt_bytes_equal(mt_buf_bytes(&text), mt_str(json)))
        fail_msg("%s.%s is %.*s, not %s", uid, name, (int)text.len, text.data, json);
    mt_buf_free(&text);
    mt_handle_unref(node);
}

void test_answered(void *ctx, mt_db *db, const mt_result *result)
{
    test_answer *a = ctx;

    (void)db;
    a->count++;
    a->status = result->status;
    memcpy(a->text, result->text, strlen(result->text) + 1);
    a->reached = result->reached;
    a->received = result->received;
    a->durable = result->durable;
    a->has_delta = result->delta != NULL;
    a->app = result->app;
}
