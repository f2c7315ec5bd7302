/* What a copy is written in: columns, where both peers compress. */
#include "sync/message.h"
#include "test_meeting.h"

#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

#define NODES 3000

typedef struct watcher {
    size_t rows, columns; /* frames of a copy */
    size_t bytes;
} watcher;

static void hear(void *ctx, const void *event)
{
    const mt_message *message = event;
    watcher *w = ctx;
    mt_error err = {MT_OK, ""};
    mti_parse in;
    unsigned type;
    uint64_t flags;

    CHECK(mti_parse_head(message->bytes, &type, &in, &err) == MT_OK);
    if (type != MTI_DATA) return;
    (void)mti_parse_number(&in, "the subscription");
    flags = mti_parse_number(&in, "the flags");
    if (!(flags & MTI_DATA_COPY) || flags & MTI_DATA_POSITION) return;
    w->bytes += message->bytes.len;
    w->rows += in.at[1] == 1;
    w->columns += in.at[1] == 2;
}

static watcher copy(const mt_compressor *theirs, const mt_compressor *ours)
{
    mt_sync_options gives = {.size = sizeof gives, .compressor = theirs};
    mt_sync_options takes = {.size = sizeof takes, .compressor = ours};
    mt_subscription *subscription;
    watcher w = {0, 0, 0};
    mt_subscriber subscriber = {.on_event = hear, .ctx = &w};
    mt_connection *link;
    test_meeting m;
    char uid[32];

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &gives, (mt_config){.size = 0});
    test_meeting_open_with(&m, 1, &takes, (mt_config){.size = 0});
    for (int i = 0; i < NODES; i++) {
        snprintf(uid, sizeof uid, "node/%04d", i);
        test_text_set(m.peers[0].db, uid, "the same words in each of them");
    }
    link = test_meeting_join(&m, 1, 0);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(link), &subscriber, &subscription) ==
          MT_OK);
    test_meeting_rest(&m);
    CHECK(test_standing_of(m.peers[1].db).peer.nodes_in == NODES);
    CHECK(test_text_is(m.peers[1].db, "node/2999", "the same words in each of them"));
    mt_subscription_dispose(subscription);
    test_meeting_end(&m);
    return w;
}

TEST(copy_is_in_columns_where_both_compress)
{
    const mt_compressor *zstd = mt_compressor_zstd();
    watcher w = copy(zstd, zstd), plain = copy(NULL, NULL);

    CHECK(w.columns > 0 && w.rows == 0);
    CHECK(plain.rows > 0 && plain.columns == 0);
    CHECK(w.bytes < plain.bytes / 4);
}

TEST(copy_is_in_rows_where_one_of_them_does_not)
{
    watcher w = copy(mt_compressor_zstd(), NULL);

    CHECK(w.columns == 0 && w.rows > 0);
    w = copy(NULL, mt_compressor_zstd());
    CHECK(w.columns == 0 && w.rows > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_is_in_columns_where_both_compress),
        cmocka_unit_test(copy_is_in_rows_where_one_of_them_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
