/* What a peer sent, with records of the router's own: they are stored together or not at all; and where
 * the log ends. */
#include "test_db.h"

#include <mytosis/conformance.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <stdio.h>
#include <string.h>

typedef struct scene {
    test_db t;
    mt_kv_fault fault;
    char records[256]; /* "key=value " of each */
    char changes[256]; /* "uid<origin " of each */
} scene;

static mt_storage store_of(scene *s)
{
    mt_kv_late_options late = {.size = sizeof late, .seed = 1, .fault = &s->fault};
    mt_storage storage;
    mt_kv inner, kv;

    CHECK(mt_kv_memory(&s->t.te.env, &inner) == MT_OK);
    CHECK(mt_kv_late(&s->t.te.env, inner, &late, &kv) == MT_OK);
    CHECK(mt_node_store_new(&s->t.te.env, kv, NULL, &storage, NULL) == MT_OK);
    return storage;
}

static void begin(scene *s, const mt_hook *hooks, size_t count)
{
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = count};
    mt_storage storage;

    memset(s, 0, sizeof *s);
    test_db_begin(&s->t);
    storage = store_of(s);
    config.env = &s->t.te.env;
    config.storage = &storage;
    test_db_open(&s->t, &config);
    test_env_run_for(&s->t.te, 100);
}

static void note_records(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    scene *s = ctx;

    (void)db;
    CHECK(answer->status == MT_OK);
    for (size_t i = 0; i < answer->record_count; i++) {
        const mt_storage_record *r = &answer->records[i];
        size_t len = strlen(s->records);
        snprintf(s->records + len, sizeof s->records - len, "%.*s=%.*s ", (int)r->key.len,
                 (const char *)r->key.data, (int)r->value.len, (const char *)r->value.data);
    }
}

static void records_are(scene *s, const char *wanted)
{
    mt_bytes none = {NULL, 0};

    s->records[0] = '\0';
    CHECK(mt_db_records(s->t.db, mt_str("test/"), none, 100, note_records, s) == MT_OK);
    test_env_run_for(&s->t.te, 100);
    assert_string_equal(s->records, wanted);
}

static void note_changes(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    scene *s = ctx;

    (void)db;
    CHECK(answer->status == MT_OK);
    for (size_t i = 0; i < answer->change_count; i++) {
        const mt_storage_change *c = &answer->changes[i];
        size_t len = strlen(s->changes);
        snprintf(s->changes + len, sizeof s->changes - len, "%.*s<%.*s ", (int)c->uid.len,
                 (const char *)c->uid.data, (int)c->origin.len, (const char *)c->origin.data);
    }
}

static test_answer receive(scene *s, mt_connection *from, const char *uid, const char *key,
                           const char *value)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text("sent"), .state = 7};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};
    mt_storage_record record = {mt_str(key), mt_str(value)};
    mt_received what = {.rows = &row, .count = uid != NULL, .records = &record};
    test_answer a = {.count = 0};

    what.record_count = key != NULL;
    if (!value) record.value.data = NULL;
    CHECK(mt_db_receive_with(s->t.db, from, &what, NULL, test_answered, &a, NULL) == MT_OK);
    test_env_run_for(&s->t.te, 100);
    CHECK(a.count == 1);
    return a;
}

TEST(records_are_stored_with_the_rows_and_without_them)
{
    scene s;

    begin(&s, NULL, 0);
    CHECK(receive(&s, NULL, "ada", "test/a", "1").status == MT_OK);
    records_are(&s, "test/a=1 ");
    CHECK(receive(&s, NULL, NULL, "test/b", "2").status == MT_OK);
    CHECK(receive(&s, NULL, "ada", "test/a", "3").status == MT_OK); /* changes nothing */
    records_are(&s, "test/a=3 test/b=2 ");
    CHECK(receive(&s, NULL, NULL, "test/a", NULL).status == MT_OK);
    records_are(&s, "test/b=2 ");
    test_db_end(&s.t);
}

TEST(record_is_not_stored_where_the_rows_are_not)
{
    scene s;

    begin(&s, NULL, 0);
    s.fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_IO};
    CHECK(receive(&s, NULL, "ada", "test/a", "1").status == MT_IO);
    s.fault.status = MT_OK;
    records_are(&s, "");
    CHECK(!mt_peek(s.t.db, mt_str("ada")));
    test_db_end(&s.t);
}

static void refuse(void *ctx, mt_action *action)
{
    ++*(unsigned *)ctx;
    mt_action_refuse(action, MT_REFUSED, "no");
}

TEST(record_of_a_refused_update_is_not_stored_and_one_alone_is_no_update)
{
    unsigned count = 0;
    mt_hook hook = {.point = MT_ON_UPDATE, .run = refuse, .ctx = &count};
    scene s;

    begin(&s, &hook, 1);
    CHECK(receive(&s, NULL, "ada", "test/a", "1").status == MT_REFUSED);
    CHECK(receive(&s, NULL, NULL, "test/b", "2").status == MT_OK);
    records_are(&s, "test/b=2 ");
    CHECK(count == 1);
    test_db_end(&s.t);
}

TEST(head_moves_with_changes_and_not_with_records)
{
    mt_cursor first, next;
    scene s;

    begin(&s, NULL, 0);
    CHECK(mt_db_head(s.t.db, &first) && first.number == 0);
    receive(&s, NULL, "ada", "test/a", "1");
    CHECK(mt_db_head(s.t.db, &first) && first.number == 1);
    receive(&s, NULL, NULL, "test/a", "2");
    CHECK(mt_db_head(s.t.db, &next) && memcmp(&first, &next, sizeof first) == 0);
    test_db_end(&s.t);
}

TEST(database_without_a_log_has_no_head)
{
    mt_cursor head;
    test_db t;

    test_db_memory(&t);
    CHECK(!mt_db_head(t.db, &head));
    test_db_end(&t);
}

TEST(log_names_the_peer_of_a_connection_if_it_is_known)
{
    mt_cursor start = {{0}, 0};
    mt_connection *a, *b;
    scene s;

    begin(&s, NULL, 0);
    CHECK(mt_pipe_new(&s.t.te.env, NULL, &a, &b, NULL) == MT_OK);
    receive(&s, a, "ada", NULL, NULL);
    CHECK(mt_connection_peer(a).len == 0);
    CHECK(mt_connection_set_peer(a, mt_str("phone")) == MT_OK);
    receive(&s, a, "bob", NULL, NULL);
    CHECK(mt_connection_set_peer(a, (mt_bytes){(const uint8_t *)s.records, 33}) == MT_TOO_LARGE);
    CHECK(mt_db_changes(s.t.db, &start, 10, note_changes, &s) == MT_OK);
    test_env_run_for(&s.t.te, 100);
    assert_string_equal(s.changes, "ada<a bob<phone ");
    mt_connection_close(a);
    mt_connection_unref(a);
    mt_connection_unref(b);
    test_env_run_for(&s.t.te, 100);
    test_db_end(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_stored_with_the_rows_and_without_them),
        cmocka_unit_test(record_is_not_stored_where_the_rows_are_not),
        cmocka_unit_test(record_of_a_refused_update_is_not_stored_and_one_alone_is_no_update),
        cmocka_unit_test(head_moves_with_changes_and_not_with_records),
        cmocka_unit_test(database_without_a_log_has_no_head),
        cmocka_unit_test(log_names_the_peer_of_a_connection_if_it_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
