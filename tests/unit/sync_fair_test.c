/* Long copies beside each other: each gets its share of the link. */
#include "sync/sync.h"
#include "test_meeting.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 3000 };

/* Nodes of some 1 kB. */
static void set_many(mt_db *db, const char *prefix)
{
    char uid[32], text[1000];
    mt_field field = {.name = mt_str("text")};
    mt_row row = {.fields = &field, .count = 1};

    memset(text, 'x', sizeof text);
    field.value = mt_string((mt_bytes){(const uint8_t *)text, sizeof text});
    for (size_t i = 0; i < NODES; i++) {
        snprintf(uid, sizeof uid, "%s%06zu", prefix, i);
        row.uid = mt_str(uid);
        CHECK(mt_write(db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    }
}

/* What has come of a/ and of b/. */
typedef struct progress {
    uint64_t bytes[2], nodes[2];
} progress;

static void look(void *ctx, const mt_sync_subscription *one)
{
    progress *p = ctx;
    size_t at;

    if (one->outgoing) return;
    at = mt_bytes_equal(one->range.prefix, mt_str("b/"));
    p->bytes[at] = one->bytes;
    p->nodes[at] = one->nodes;
}

/* By how many bytes one was ahead at most while both were under way. */
static uint64_t most_ahead(mt_pipe_options options)
{
    mt_sync_range parts[2] = {{.prefix = mt_str("a/")}, {.prefix = mt_str("b/")}};
    mt_sync_options two = {.size = sizeof two, .ranges = parts, .range_count = 2};
    uint64_t most = 0;
    progress p = {.bytes = {0}};
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, NULL);
    test_meeting_open_with(&m, 1, &two, (mt_config){.size = 0});
    set_many(m.peers[0].db, "a/");
    set_many(m.peers[0].db, "b/");
    test_env_run_for(&m.te, 10);
    test_meeting_join_with(&m, 0, 1, options);
    while (p.nodes[0] < NODES && p.nodes[1] < NODES) {
        uint64_t less, more;
        CHECK(m.te.env.turn(m.te.env.ctx) == MT_OK && m.te.ticks_ms < 60000);
        CHECK(mt_db_subscriptions(m.peers[1].db, m.ends[0][1], look, &p) == MT_OK);
        less = p.bytes[p.bytes[0] > p.bytes[1]];
        more = p.bytes[p.bytes[0] <= p.bytes[1]];
        if (more - less > most) most = more - less;
    }
    test_meeting_rest(&m);
    CHECK(mt_peek(m.peers[1].db, mt_str("a/002999")) && mt_peek(m.peers[1].db, mt_str("b/002999")));
    test_meeting_end(&m);
    return most;
}

TEST(of_two_long_copies_neither_gets_far_ahead_where_the_link_is_narrow)
{
    CHECK(most_ahead((mt_pipe_options){.queued_max = 65536}) < MTI_IN_FLIGHT_MAX);
}

TEST(of_two_long_copies_neither_gets_far_ahead_where_the_link_is_narrow_and_slow)
{
    CHECK(most_ahead((mt_pipe_options){.queued_max = 65536, .latency_ms = 20}) < MTI_IN_FLIGHT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_long_copies_neither_gets_far_ahead_where_the_link_is_narrow),
        cmocka_unit_test(
            of_two_long_copies_neither_gets_far_ahead_where_the_link_is_narrow_and_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
