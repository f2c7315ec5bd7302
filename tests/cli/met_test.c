/* met_test.c - when peers were met is noted in a store, and doctor says of whom that was long ago. */
#include "met.h"

#include "test.h"
#include "test_env.h"
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/router.h>

#include <stdio.h>
#include <string.h>

#define DAY (UINT64_C(24) * 3600 * 1000)

static const char peer_id[] = "sixteen byte id.", other_id[] = "another peer id.";

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    CHECK(result->status == MT_OK);
    *(bool *)ctx = true;
}

static mt_db *open_store(test_env *te)
{
    mt_config config = {.size = sizeof config, .env = &te->env};
    mt_storage storage;
    mt_kv kv;
    mt_db *db;

    CHECK(mt_kv_memory(&te->env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&te->env, kv, NULL, &storage, NULL) == MT_OK);
    config.storage = &storage;
    CHECK(mt_db_open((const mt_config *[]){&config}, 1, &db, NULL) == MT_OK);
    return db;
}

static void closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void close_store(test_env *te, mt_db *db)
{
    bool done = false;

    mt_db_close(db, closed, &done);
    while (!done) CHECK(te->env.turn(te->env.ctx) == MT_OK);
    test_env_end(te);
}

static void meet(test_env *te, mt_db *db, const char *id, const char *link)
{
    bool done = false;

    CHECK(cli_met_note(db, mt_str(id), mt_str(link), note, &done) == MT_OK);
    while (!done) CHECK(te->env.turn(te->env.ctx) == MT_OK);
}

/* As the router keeps it: "sync/in/", the peer, and 8 bytes of a range. */
static void keep_position(test_env *te, mt_db *db, const char *id)
{
    uint8_t key[8 + 16 + 8] = "sync/in/";
    mt_storage_record record = {{key, sizeof key}, mt_str("where")};
    mt_received what = {.records = &record, .record_count = 1};
    bool done = false;

    memcpy(key + 8, id, 16);
    CHECK(mt_db_receive_with(db, NULL, &what, NULL, note, &done, NULL) == MT_OK);
    while (!done) CHECK(te->env.turn(te->env.ctx) == MT_OK);
}

typedef struct reading {
    cli_met_list list;
    bool done;
} reading;

static void take(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    reading *r = ctx;

    (void)db;
    CHECK(answer->status == MT_OK);
    for (size_t i = 0; i < answer->record_count; i++)
        CHECK(cli_met_list_take(&r->list, &answer->records[i]));
    r->done = !answer->more;
}

/* What doctor says of the records that are there. */
static size_t examine(test_env *te, mt_db *db, uint64_t now_ms, cli_text *text)
{
    cli_findings findings = {.form = FINDINGS_TEXT, .out = text};
    reading r = {.done = false};
    mt_bytes none = {NULL, 0};

    CHECK(mt_db_records(db, none, none, 1000, take, &r) == MT_OK);
    while (!r.done) CHECK(te->env.turn(te->env.ctx) == MT_OK);
    cli_met_list_examine(&r.list, now_ms, &findings);
    cli_met_list_free(&r.list);
    return findings.count;
}

static bool says(const cli_text *text, const char *what)
{
    size_t len = strlen(what);

    for (size_t i = 0; i + len <= text->buf.len; i++)
        if (memcmp(text->buf.data + i, what, len) == 0) return true;
    return false;
}

TEST(peer_that_was_not_met_for_a_month_is_told_of_if_its_position_is_kept)
{
    cli_text text;
    uint64_t now;
    test_env te;
    mt_db *db;

    test_env_init(&te, 1, test_mem());
    db = open_store(&te);
    cli_text_init(&text);
    now = te.env.now_ms(te.env.ctx);
    meet(&te, db, peer_id, "tcp://192.0.2.7:7117");
    meet(&te, db, other_id, "ws://192.0.2.8:7118"); /* of this one nothing was ever taken */
    keep_position(&te, db, peer_id);

    CHECK(examine(&te, db, now + 30 * DAY - 1000, &text) == 0);
    CHECK(examine(&te, db, now + 94 * DAY, &text) == 1);
    CHECK(says(&text, "The peer 736978746565, by tcp://192.0.2.7:7117, was last met on "));
    CHECK(says(&text, ", 94 days ago, and how far this store came with it is kept.\n"));
    CHECK(examine(&te, db, now - 1, &text) == 0); /* a clock that was put back */

    test_env_run_for(&te, 90 * DAY);
    meet(&te, db, peer_id, "tcp://192.0.2.7:7117");
    CHECK(examine(&te, db, now + 94 * DAY, &text) == 0);
    cli_text_free(&text);
    close_store(&te, db);
}

TEST(of_many_only_some_are_named)
{
    cli_text text;
    uint64_t now;
    test_env te;
    mt_db *db;

    test_env_init(&te, 1, test_mem());
    db = open_store(&te);
    cli_text_init(&text);
    now = te.env.now_ms(te.env.ctx);
    for (unsigned i = 0; i < 25; i++) {
        char id[17];

        (void)snprintf(id, sizeof id, "peer number %04u", i);
        meet(&te, db, id, "tcp://192.0.2.7:7117");
        keep_position(&te, db, id);
    }
    CHECK(examine(&te, db, now + 94 * DAY, &text) == 21);
    CHECK(says(&text, "Peers besides that were not met for as long: 5.\n"));
    cli_text_free(&text);
    close_store(&te, db);
}

TEST(record_that_is_another_is_passed_over)
{
    static const mt_storage_record records[] = {
        {{(const uint8_t *)"met/", 4}, {(const uint8_t *)"12345678", 8}},
        {{(const uint8_t *)"met/a", 5}, {(const uint8_t *)"1234567", 7}},
        {{(const uint8_t *)"sync/in/", 8}, {NULL, 0}},
        {{(const uint8_t *)"sync/self", 9}, {NULL, 0}}};
    cli_met_list list = {.count = 0};

    for (size_t i = 0; i < TEST_COUNT(records); i++) CHECK(cli_met_list_take(&list, &records[i]));
    CHECK(list.count == 0);
    cli_met_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_that_was_not_met_for_a_month_is_told_of_if_its_position_is_kept),
        cmocka_unit_test(of_many_only_some_are_named),
        cmocka_unit_test(record_that_is_another_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
