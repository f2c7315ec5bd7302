#include "test_meter.h"

#include "base/checksum.h"
#include "sync/message.h"

#include <stdlib.h>
#include <string.h>

#define CAP 65536

/* Two peers may give one state to different values: each is a version. */
static void count_version(test_meter *m, mt_bytes uid, const mt_field *field)
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
    test_meter *m = ctx;
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
    m->copies |= (m->flags & MTI_DATA_COPY) != 0;
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
        m->nodes += !row.more;
        if (m->moved) HOLDS(mt_graph_merge_rows(m->moved, &row, 1, NULL) == MT_OK);
        goes_on = row.more; /* each row of a node has its floor */
    }
}

void test_meter_begin(test_meter *m, mt_connection *connection, bool keeps)
{
    mt_subscriber subscriber = {.on_event = heard, .ctx = m};

    memset(m, 0, sizeof *m);
    m->keys = calloc(CAP, sizeof *m->keys);
    m->counts = calloc(CAP, 1);
    if (!m->keys || !m->counts) abort();
    if (keeps) HOLDS(mt_graph_new(test_mem(), NULL, &m->moved) == MT_OK);
    HOLDS(mt_binary_reader_new(test_mem(), NULL, mt_compressor_zstd(), "data", &m->reader) ==
          MT_OK);
    HOLDS(mt_event_stream_subscribe(mt_connection_messages(connection), &subscriber,
                                    &m->subscription) == MT_OK);
}

void test_meter_end(test_meter *m)
{
    mt_subscription_dispose(m->subscription);
    mt_binary_reader_free(m->reader);
    mt_graph_free(m->moved);
    free(m->keys);
    free(m->counts);
}
