/* Frames of WebSocket: bytes in, messages out. */
#include "test.h"
#include <stdio.h>
#include <string.h>

#include "plugins/websocket_frame.h"

static mti_websocket_reader begin(bool masked)
{
    return (mti_websocket_reader){.masked = masked, .body.mem = test_mem()};
}

/* What bytes come to, read in pieces of `step`: "m:hello" a message, "p:" a ping, "o:" a pong,
 * "c1000:" a close, "!1002" a frame that is bad. */
static void come_to(const char *bytes, size_t len, bool masked, size_t step, const char *expected)
{
    mti_websocket_reader r = begin(masked);
    char out[512] = "";
    uint8_t own[256];
    bool bad = false;

    memcpy(own, bytes, len);
    for (size_t at = 0; at < len && !bad; at += step) {
        uint8_t *data = own + at;
        size_t left = len - at < step ? len - at : step, end;
        mti_frame frame;

        do {
            size_t read = mti_websocket_read(&r, data, left, false, &frame);
            int size = (int)frame.bytes.len;
            const char *text = size ? (const char *)frame.bytes.data : "";

            data += read;
            left -= read;
            end = strlen(out);
            switch (frame.kind) {
            case MTI_FRAME_NONE: CHECK(left == 0); break;
            case MTI_FRAME_HELD: fail(); break;
            case MTI_FRAME_MESSAGE:
                snprintf(out + end, sizeof out - end, "m:%.*s ", size, text);
                break;
            case MTI_FRAME_PING:
                snprintf(out + end, sizeof out - end, "p:%.*s ", size, text);
                break;
            case MTI_FRAME_PONG:
                snprintf(out + end, sizeof out - end, "o:%.*s ", size, text);
                break;
            case MTI_FRAME_CLOSE:
                snprintf(out + end, sizeof out - end, "c%u:%.*s ", frame.code, size, text);
                break;
            case MTI_FRAME_BAD:
                snprintf(out + end, sizeof out - end, "!%u ", frame.code);
                bad = true;
                break;
            }
        } while (frame.kind != MTI_FRAME_NONE && !bad);
    }
    mti_websocket_reset(&r);
    assert_string_equal(out, expected);
    CHECK(test_mem_live() == 0);
}

/* At once, and split at every byte and every other. */
static void all_come_to(const char *bytes, size_t len, bool masked, const char *expected)
{
    come_to(bytes, len, masked, len, expected);
    come_to(bytes, len, masked, 1, expected);
    come_to(bytes, len, masked, 2, expected);
    come_to(bytes, len, masked, 3, expected);
}

#define FROM_SERVER(bytes, expected) all_come_to(bytes, sizeof(bytes) - 1, false, expected)
#define FROM_CLIENT(bytes, expected) all_come_to(bytes, sizeof(bytes) - 1, true, expected)

/* RFC 6455, section 5.7, with the opcode of binary messages where it has text. */
TEST(the_examples_of_the_rfc_are_read)
{
    FROM_SERVER("\x82\x05Hello", "m:Hello ");
    FROM_CLIENT("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "m:Hello ");
    FROM_SERVER("\x02\x03Hel\x80\x02lo", "m:Hello ");
    FROM_SERVER("\x89\x05Hello", "p:Hello ");
    FROM_CLIENT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "o:Hello ");
}

TEST(messages_may_be_split_anyhow_with_control_between)
{
    FROM_SERVER("\x02\x00\x89\x01p\x00\x01m\x8a\x00\x00\x00\x80\x00\x82\x01n", "p:p o: m:m m:n ");
    FROM_SERVER("\x82\x00\x82\x00", "m: m: ");
    FROM_CLIENT("\x02\x83\0\0\0\0one\x89\x80\0\0\0\0\x80\x83\1\1\1\1uvw", "p: m:onetwv ");
}

TEST(a_close_has_a_code_and_a_reason_or_neither)
{
    FROM_SERVER("\x88\x00", "c1005: ");
    FROM_SERVER("\x88\x02\x03\xe8", "c1000: ");
    FROM_SERVER("\x88\x05\x0b\xb8why", "c3000:why ");
    FROM_SERVER("\x88\x01\x03", "!1002 ");
    FROM_SERVER("\x88\x02\x03\xe7", "!1002 "); /* 999 */
    FROM_SERVER("\x88\x02\x03\xed", "!1002 "); /* 1005 may not be sent */
    FROM_SERVER("\x88\x02\x03\xee", "!1002 ");
    FROM_SERVER("\x88\x02\x13\x88", "!1002 "); /* 5000 */
    FROM_SERVER("\x88\x03\x03\xe8\xff", "!1007 ");
    FROM_SERVER("\x88\x05\x03\xe8\xed\xa0\x80", "!1007 ");
    FROM_SERVER("\x88\x04\x03\xe8\xc0\x80", "!1007 ");
    FROM_SERVER("\x88\x06\x03\xe8\xf0\x9f\x98\x80", "c1000:\xf0\x9f\x98\x80 ");
    FROM_SERVER("\x88\x05\x03\xe8\xf0\x9f\x98", "!1007 ");
}

TEST(what_the_rfc_forbids_is_refused)
{
    FROM_SERVER("\x81\x02hi", "!1003 "); /* text */
    FROM_SERVER("\xc2\x00", "!1002 ");   /* a bit of an extension */
    FROM_SERVER("\x92\x00", "!1002 ");
    FROM_SERVER("\x83\x00", "!1002 "); /* opcodes that are not given out */
    FROM_SERVER("\x8b\x00", "!1002 ");
    FROM_SERVER("\x80\x00", "!1002 ");         /* goes on with nothing */
    FROM_SERVER("\x02\x00\x82\x00", "!1002 "); /* begins inside another */
    FROM_SERVER("\x02\x00\x81\x00", "!1002 ");
    FROM_SERVER("\x09\x00", "!1002 ");         /* control that is split */
    FROM_SERVER("\x89\x7e\x00\x7e", "!1002 "); /* control that is long */
    FROM_SERVER("\x82\x7e\x00\x7d", "!1002 "); /* lengths that are not the shortest */
    FROM_SERVER("\x82\x7f\0\0\0\0\0\0\xff\xff", "!1002 ");
    FROM_SERVER("\x82\x7f\x80\0\0\0\0\0\0\0", "!1002 ");
    FROM_SERVER("\x82\x80\0\0\0\0", "!1002 "); /* masked by a server */
    FROM_CLIENT("\x82\x00", "!1002 ");         /* not masked by a client */
    FROM_CLIENT("\x89\x00", "!1002 ");
}

TEST(a_message_has_its_limit_whole_and_in_pieces)
{
    mti_websocket_reader r = begin(false);
    uint8_t most[] = {0x02, 0x7F, 0, 0, 0, 0, 0, 0x20, 0, 0}, one[] = {0x80, 0x01, 'x'};
    static uint8_t zeros[MT_MESSAGE_LEN_MAX];
    mti_frame frame;

    FROM_SERVER("\x82\x7f\0\0\0\0\0\x20\0\x01", "!1009 ");
    FROM_SERVER("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "!1009 ");
    CHECK(mti_websocket_read(&r, most, sizeof most, false, &frame) == sizeof most);
    CHECK(frame.kind == MTI_FRAME_NONE && test_mem_live() == 0);
    CHECK(mti_websocket_read(&r, zeros, sizeof zeros, false, &frame) == sizeof zeros);
    CHECK(frame.kind == MTI_FRAME_NONE);
    mti_websocket_read(&r, one, sizeof one, false, &frame);
    CHECK(frame.kind == MTI_FRAME_BAD && frame.error.status == MT_TOO_LARGE);
    mti_websocket_reset(&r);
    CHECK(test_mem_live() == 0);
}

TEST(a_message_that_nobody_wants_yet_is_held_before_its_payload)
{
    uint8_t bytes[] = "\x89\x01p\x02\x01"
                      "a\x80\x01"
                      "b";
    mti_websocket_reader r = begin(false);
    mti_frame frame;

    CHECK(mti_websocket_read(&r, bytes, 9, true, &frame) == 3 && frame.kind == MTI_FRAME_PING);
    CHECK(mti_websocket_read(&r, bytes + 3, 6, true, &frame) == 2 && frame.kind == MTI_FRAME_HELD);
    CHECK(mti_websocket_read(&r, bytes + 5, 4, true, &frame) == 0 && frame.kind == MTI_FRAME_HELD);
    CHECK(!mti_websocket_between(&r));
    CHECK(mti_websocket_read(&r, bytes + 5, 4, false, &frame) == 4);
    CHECK(frame.kind == MTI_FRAME_MESSAGE && mt_bytes_equal(frame.bytes, mt_str("ab")));
    CHECK(mti_websocket_read(&r, NULL, 0, false, &frame) == 0 && frame.kind == MTI_FRAME_NONE);
    CHECK(mti_websocket_between(&r) && test_mem_live() == 0);
}

/* What is written is read back, with and without a mask, around the steps of lengths. */
TEST(heads_are_written_as_they_are_read)
{
    static const size_t lens[] = {0, 1, 125, 126, 127, 65535, 65536, 70001, MT_MESSAGE_LEN_MAX};
    static const uint8_t mask[4] = {1, 2, 3, 0xF4};
    static uint8_t bytes[MTI_WEBSOCKET_HEAD_MAX + MT_MESSAGE_LEN_MAX];

    for (size_t i = 0; i < 2 * TEST_COUNT(lens); i++) {
        size_t len = lens[i / 2], head;
        mti_websocket_reader r = begin(i % 2);
        mti_frame frame;

        head = mti_websocket_head(bytes, MTI_WEBSOCKET_BINARY, len, i % 2 ? mask : NULL);
        for (size_t k = 0; k < len; k++) bytes[head + k] = (uint8_t)(k * 7);
        if (i % 2) mti_websocket_mask(bytes + head, len, mask, 0);
        CHECK(mti_websocket_read(&r, bytes, head + len, false, &frame) == head + len);
        CHECK(frame.kind == MTI_FRAME_MESSAGE && frame.bytes.len == len);
        for (size_t k = 0; k < len; k++) CHECK(frame.bytes.data[k] == (uint8_t)(k * 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_read),
        cmocka_unit_test(messages_may_be_split_anyhow_with_control_between),
        cmocka_unit_test(a_close_has_a_code_and_a_reason_or_neither),
        cmocka_unit_test(what_the_rfc_forbids_is_refused),
        cmocka_unit_test(a_message_has_its_limit_whole_and_in_pieces),
        cmocka_unit_test(a_message_that_nobody_wants_yet_is_held_before_its_payload),
        cmocka_unit_test(heads_are_written_as_they_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
