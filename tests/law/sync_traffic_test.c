/* No version of a field crosses a link more than twice in one direction, however peers are joined. (A node
 * that is made while all is copied may go with the copy, whole with the log, and a field of it that changes
 * meanwhile once more: one of some ten thousand cases has that.) */
#include "base/checksum.h"
#include "sync/message.h"
#include "test_peers.h"

#include <stdlib.h>
#include <string.h>

/* One direction of a link: how often each version has come. */
typedef struct meter {
    mt_subscription *subscription;
    mt_binary_reader *reader;
    uint64_t *keys;
    uint8_t *counts;
    size_t cap, count;
    unsigned most, flags;
} meter;

#define CAP 65536

/* Two peers may give one state to different values: each is a version. */
static void count_version(meter *m, mt_bytes uid, const mt_field *field)
{
    mt_buf text = {.mem = test_mem()};
    uint64_t key = mti_checksum(uid, field->state + field->kind);
    size_t at;

    if (field->kind == MT_FIELD_VALUE) HOLDS(mt_value_json(&field->value, &text) == MT_OK);
    key = mti_checksum(field->name, key);
    key = mti_checksum(mt_buf_bytes(&text), key) | 1;
    mt_buf_free(&text);
    for (at = key >> 40 & (CAP - 1); m->keys[at] && m->keys[at] != key;) at = (at + 1) & (CAP - 1);
    if (!m->keys[at]) HOLDS(++m->count < CAP / 2);
    m->keys[at] = key;
    if (++m->counts[at] > m->most) m->most = m->counts[at];
}

static void heard(void *ctx, const void *event)
{
    const mt_message *message = event;
    meter *m = ctx;
    mt_error err;
    mti_parse in;
    unsigned type = 0;
    mt_field floor = {.name = mt_str("floor"), .kind = MT_FIELD_DELETED};
    bool goes_on = false;
    mt_bytes rows;
    mt_row row;

    HOLDS(mti_parse_head(message->bytes, &type, &in, &err) == MT_OK);
    if (type != MTI_DATA) return;
    (void)mti_parse_number(&in, "");
    m->flags = (unsigned)mti_parse_number(&in, "");
    if (m->flags & MTI_DATA_POSITION) {
        (void)mti_parse_fixed(&in, "", 16);
        (void)mti_parse_number(&in, "");
    }
    rows = mti_parse_rest(&in);
    if (rows.len == 0) return;
    mt_binary_reader_reset(m->reader);
    HOLDS(mt_binary_reader_feed(m->reader, rows, true) == MT_OK);
    while (mt_binary_reader_next(m->reader, &row) == MT_OK) {
        for (size_t i = 0; i < row.count; i++) count_version(m, row.uid, &row.fields[i]);
        floor.state = row.floor;
        if (row.floor && !goes_on) count_version(m, row.uid, &floor);
        goes_on = row.more; /* each row of a node has its floor */
    }
}

static void meter_begin(meter *m, mt_connection *connection)
{
    mt_subscriber subscriber = {.on_event = heard, .ctx = m};

    memset(m, 0, sizeof *m);
    m->keys = calloc(CAP, sizeof *m->keys);
    m->counts = calloc(CAP, 1);
    if (!m->keys || !m->counts) abort();
    HOLDS(mt_binary_reader_new(test_mem(), NULL, NULL, "data", &m->reader) == MT_OK);
    HOLDS(mt_event_stream_subscribe(mt_connection_messages(connection), &subscriber,
                                    &m->subscription) == MT_OK);
}

static void meter_end(meter *m)
{
    HOLDS(m->most <= 2);
    mt_subscription_dispose(m->subscription);
    mt_binary_reader_free(m->reader);
    free(m->keys);
    free(m->counts);
}

static void every_version_crosses_at_most_twice(test_case *c)
{
    static meter meters[TEST_LINKS_MAX][2];
    test_peers p;

    test_peers_begin(&p, c, 2 + test_below(c, 5), true);
    for (size_t i = test_below(c, 20); i > 0; i--) test_peers_write(&p, test_below(c, p.count));
    test_peers_join(&p);
    for (size_t i = 0; i < p.link_count; i++)
        for (size_t k = 0; k < 2; k++) meter_begin(&meters[i][k], p.links[i].connections[k]);
    for (size_t i = test_below(c, 60); i > 0; i--) {
        test_peers_write(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 50));
    }
    test_peers_settle(&p);
    for (size_t i = 0; i < p.link_count; i++)
        for (size_t k = 0; k < 2; k++) meter_end(&meters[i][k]);
    test_peers_end(&p);
}

TEST(every_version_crosses_at_most_twice_for_all)
{
    test_law(300, every_version_crosses_at_most_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_crosses_at_most_twice_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
