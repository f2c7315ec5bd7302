/* What goes to a peer that was away: what has changed since, and nothing that it has. */
#include "test_meeting.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/storage.h>
#include <stdlib.h>
#include <string.h>

#define LARGE 200000u

static mt_db *open_peer(test_meeting *m, size_t at, bool stored)
{
    mt_sync_options options = {.size = sizeof options};
    mt_config config = {.size = 0};
    mt_storage storage;
    mt_kv kv;

    if (!stored) return test_meeting_open(m, at, NULL);
    CHECK(mt_kv_memory(&m->te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&m->te.env, kv, NULL, &storage, NULL) == MT_OK);
    config.storage = &storage;
    return test_meeting_open_with(m, at, &options, config);
}

static void write_field(mt_db *db, const char *name, size_t len)
{
    uint8_t *bytes = calloc(1, len);
    mt_field field = {.name = mt_str(name), .value = mt_blob((mt_bytes){bytes, len})};
    mt_row row = {.uid = mt_str("node"), .fields = &field, .count = 1};

    if (!bytes) abort();
    bytes[0] = (uint8_t)name[0];
    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
    free(bytes);
}

static uint64_t received(mt_db *db)
{
    return test_standing_of(db).peer.bytes_in;
}

/* However often they part. */
static void large_field_goes_once(bool stored)
{
    static const char *const names[] = {"a", "b", "c", "a", "d", "b"};
    mt_connection *link;
    test_meeting m;
    mt_db *here, *there;
    uint64_t before;

    test_meeting_begin(&m);
    here = open_peer(&m, 0, stored);
    there = open_peer(&m, 1, false);
    write_field(here, "large", 10);
    link = test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    write_field(here, "large", LARGE);
    test_meeting_rest(&m);
    CHECK(received(there) > LARGE);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        before = received(there);
        CHECK(mt_pipe_cut(link) == MT_OK);
        write_field(here, names[i], 10);
        test_meeting_rest(&m);
        CHECK(mt_pipe_restore(link) == MT_OK);
        test_meeting_rest(&m);
        CHECK(mt_node_equal(mt_peek(here, mt_str("node")), mt_peek(there, mt_str("node"))));
        CHECK(received(there) - before < 500);
    }
    test_meeting_end(&m);
}

TEST(field_that_a_peer_has_does_not_go_again_because_others_changed)
{
    large_field_goes_once(false);
}

TEST(field_that_a_peer_has_does_not_go_again_because_others_changed_in_a_store)
{
    large_field_goes_once(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_that_a_peer_has_does_not_go_again_because_others_changed),
        cmocka_unit_test(field_that_a_peer_has_does_not_go_again_because_others_changed_in_a_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
