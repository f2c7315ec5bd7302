/* The framing of TCP and Unix sockets: bytes in, frames out. */
#include "test.h"
#include <string.h>

#include "plugins/stream_frame.h"

static mti_stream_reader begin(const mt_mem *mem)
{
    return (mti_stream_reader){.body.mem = mem};
}

static size_t read(mti_stream_reader *r, const char *bytes, size_t len, bool hold, mti_frame *out)
{
    return mti_stream_read(r, (const uint8_t *)bytes, len, hold, out);
}

TEST(a_message_that_is_there_as_a_whole_is_not_copied)
{
    static const char bytes[] = "\x10\x03\0\0abc\x11\0\0\0";
    mti_stream_reader r = begin(test_mem());
    mti_frame frame;

    CHECK(read(&r, bytes, 11, false, &frame) == 7);
    CHECK(frame.kind == MTI_FRAME_MESSAGE && frame.bytes.len == 3);
    CHECK(frame.bytes.data == (const uint8_t *)bytes + 4);
    CHECK(mti_stream_between(&r) && test_mem_live() == 0);
    CHECK(read(&r, bytes + 7, 4, false, &frame) == 4 && frame.kind == MTI_FRAME_PING);
    CHECK(read(&r, NULL, 0, false, &frame) == 0 && frame.kind == MTI_FRAME_NONE);
}

TEST(a_message_may_come_byte_by_byte)
{
    static const char bytes[] = "\x10\x05\0\0hello\x12\0\0\0\x10\0\0\0";
    mti_stream_reader r = begin(test_mem());
    mti_frame frame;
    size_t messages = 0, pongs = 0;

    for (size_t i = 0; i < 17; i++) {
        CHECK(read(&r, bytes + i, 1, false, &frame) == 1);
        if (frame.kind == MTI_FRAME_MESSAGE && messages++ == 0)
            CHECK(mt_bytes_equal(frame.bytes, mt_str("hello")));
        pongs += frame.kind == MTI_FRAME_PONG;
        CHECK(test_mem_live() <= 8);
    }
    CHECK(messages == 2 && pongs == 1 && mti_stream_between(&r));
    CHECK(test_mem_live() == 0);
}

TEST(a_message_that_nobody_wants_yet_is_held_at_its_head)
{
    static const char bytes[] = "\x11\0\0\0\x10\x02\0\0ok";
    mti_stream_reader r = begin(test_mem());
    mti_frame frame;

    CHECK(read(&r, bytes, 10, true, &frame) == 4 && frame.kind == MTI_FRAME_PING);
    CHECK(read(&r, bytes + 4, 6, true, &frame) == 4 && frame.kind == MTI_FRAME_HELD);
    CHECK(read(&r, bytes + 8, 2, true, &frame) == 0 && frame.kind == MTI_FRAME_HELD);
    CHECK(!mti_stream_between(&r));
    CHECK(read(&r, bytes + 8, 2, false, &frame) == 2 && frame.kind == MTI_FRAME_MESSAGE);
    CHECK(mt_bytes_equal(frame.bytes, mt_str("ok")));
}

TEST(what_is_no_frame_is_refused_by_name)
{
    static const struct {
        const char *bytes;
        mt_status status;
        const char *text;
    } cases[] = {
        {"\x47\x45\x54\x20", MT_UNSUPPORTED, "an unknown kind of frame: 0x47"},
        {"\x20\0\0\0", MT_UNSUPPORTED, "an unknown kind of frame: 0x20"},
        {"\x10\x01\0\x20", MT_TOO_LARGE, "a message of 2097153 bytes, and 2097152 are the most"},
        {"\x10\xFF\xFF\xFF", MT_TOO_LARGE, "a message of 16777215 bytes, and 2097152 are the most"},
        {"\x11\x01\0\0", MT_MALFORMED, "a ping of 1 bytes, which has none"},
        {"\x12\0\x01\0", MT_MALFORMED, "a ping of 256 bytes, which has none"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        mti_stream_reader r = begin(test_mem());
        mti_frame frame;

        read(&r, cases[i].bytes, 4, false, &frame);
        CHECK(frame.kind == MTI_FRAME_BAD && frame.error.status == cases[i].status);
        assert_string_equal(frame.error.text, cases[i].text);
        CHECK(test_mem_live() == 0);
    }
}

TEST(memory_grows_with_what_came_and_not_with_what_was_said)
{
    mti_stream_reader r = begin(test_mem());
    mti_frame frame;
    uint8_t head[MTI_STREAM_HEAD_LEN];
    char piece[1000] = {0};
    size_t sent = 0;

    mti_stream_head(head, MTI_STREAM_MESSAGE, MT_MESSAGE_LEN_MAX);
    CHECK(mti_stream_read(&r, head, sizeof head, false, &frame) == sizeof head);
    while (frame.kind == MTI_FRAME_NONE) {
        size_t len = MT_MESSAGE_LEN_MAX - sent < 1000 ? MT_MESSAGE_LEN_MAX - sent : 1000;

        CHECK(test_mem_live() <= 2 * sent + 1000);
        sent += read(&r, piece, len, false, &frame);
    }
    CHECK(frame.kind == MTI_FRAME_MESSAGE && frame.bytes.len == MT_MESSAGE_LEN_MAX);
    CHECK(test_mem_live() == MT_MESSAGE_LEN_MAX);
    mti_stream_reset(&r);
    CHECK(test_mem_live() == 0);
}

TEST(a_reader_without_memory_says_so)
{
    fail_mem fm = {.fail_at = 0};
    mti_stream_reader r = begin(fail_mem_hook(&fm));
    mti_frame frame;

    read(&r, "\x10\x05\0\0he", 6, false, &frame);
    CHECK(frame.kind == MTI_FRAME_BAD && frame.error.status == MT_NO_MEMORY);
    mti_stream_reset(&r);
    CHECK(fm.live_bytes == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_is_there_as_a_whole_is_not_copied),
        cmocka_unit_test(a_message_may_come_byte_by_byte),
        cmocka_unit_test(a_message_that_nobody_wants_yet_is_held_at_its_head),
        cmocka_unit_test(what_is_no_frame_is_refused_by_name),
        cmocka_unit_test(memory_grows_with_what_came_and_not_with_what_was_said),
        cmocka_unit_test(a_reader_without_memory_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
