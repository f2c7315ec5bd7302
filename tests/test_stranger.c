#include "test_stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hear(void *ctx, const void *event)
{
    const mt_message *m = event;
    test_stranger *s = ctx;
    unsigned type = 0, flags;
    mt_error err;
    mti_parse in;
    mti_hello hello;
    mti_range range;

    CHECK(mti_parse_head(m->bytes, &type, &in, &err) == MT_OK);
    CHECK(type < TEST_COUNT(s->heard));
    s->heard[type]++;
    for (size_t i = 0; i + 6 <= m->bytes.len; i++)
        s->undone |= memcmp(m->bytes.data + i, "undone", 6) == 0;
    if (type == MTI_HELLO && mti_parse_hello(&in, &hello) == MT_OK) s->session = hello.nonce;
    if (type == MTI_REFUSED) s->refused_id = mti_parse_number(&in, "");
    if (type == MTI_REFUSED || type == MTI_BYE) mti_parse_reason(&in, &s->why);
    if (type == MTI_SUBSCRIBED) {
        s->granted = mti_parse_number(&in, "");
        (void)mti_parse_fixed(&in, "", 16);
        (void)mti_parse_number(&in, "");
        s->how = mti_parse_byte(&in, "");
    }
    if (type == MTI_PULL) {
        s->pulled = mti_parse_number(&in, "");
        s->pulled_keys = mti_parse_number(&in, "");
    }
    if (type != MTI_SUBSCRIBE) return;
    s->asked = mti_parse_number(&in, "");
    CHECK(mti_parse_range(&in, test_mem(), &range, &flags) == MT_OK);
    s->asked_flags = flags;
    memset(&s->standing, 0, sizeof s->standing);
    if (!(flags & MTI_RANGE_COMPARE)) mti_parse_standing(&in, &s->standing);
    if (s->standing.how == MTI_STANDS_COPYING)
        memcpy(s->after, s->standing.after.data, s->standing.after.len);
    s->standing.after.data = s->after;
    mti_range_free(test_mem(), &range);
}

void test_stranger_come(test_meeting *w, test_stranger *s, mt_pipe_options options)
{
    mt_subscriber subscriber = {.on_event = hear, .ctx = s};

    memset(s, 0, sizeof *s);
    s->message.mem = test_mem();
    options.size = sizeof options;
    options.a_id = mt_str("stranger");
    CHECK(mt_pipe_new(&w->te.env, &options, &s->here, &s->there, NULL) == MT_OK);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(s->there), &subscriber,
                                    &s->subscription) == MT_OK);
    CHECK(mt_group_add(w->peers[0].links, s->here) == MT_OK);
    test_env_run_for(&w->te, 100);
}

void test_stranger_leave(test_stranger *s)
{
    if (s->subscription) mt_subscription_dispose(s->subscription);
    mt_connection_close(s->there);
    mt_connection_unref(s->there);
    mt_connection_unref(s->here);
    mt_buf_free(&s->message);
}

mti_say test_stranger_speak(test_stranger *s, mti_message_type type)
{
    return mti_say_begin(&s->message, type);
}

void test_stranger_send(test_stranger *s)
{
    CHECK(mt_connection_send(s->there, mt_buf_bytes(&s->message)) == MT_OK);
}

void test_stranger_greet(test_meeting *w, test_stranger *s, char who, uint64_t session,
                         size_t ranges)
{
    uint8_t self[16], boot[16];
    mti_hello hello = {.version_min = 1,
                       .version_max = 1,
                       .clock = 1,
                       .peer = {self, 16},
                       .boot = {boot, 16},
                       .nonce = session,
                       .heard = s->session,
                       .window = 1 << 22,
                       .features = s->features};
    mti_say say = test_stranger_speak(s, MTI_HELLO);

    memset(self, who, sizeof self);
    memset(boot, who + 1, sizeof boot);
    mti_say_hello(&say, &hello);
    mti_say_number(&say, ranges ? ranges : 1);
    for (size_t i = 0; i < (ranges ? ranges : 1); i++) {
        char first[32], last[32];
        mti_range range = {.first = {NULL, 0}};
        snprintf(first, sizeof first, "r%04zu", i);
        snprintf(last, sizeof last, "r%04zu/", i);
        if (ranges) range.first = mt_str(first), range.end = mt_str(last);
        mti_say_range(&say, &range, MTI_RANGE_PULL | MTI_RANGE_PUSH);
    }
    test_stranger_send(s);
    test_env_run_for(&w->te, 100);
}

void test_say_cursor(mti_say *say, uint8_t boot, uint64_t number)
{
    mt_cursor cursor = {.number = number};

    memset(cursor.boot, boot, sizeof cursor.boot);
    mti_say_fixed(say, (mt_bytes){cursor.boot, sizeof cursor.boot});
    mti_say_number(say, number);
}

void test_stranger_subscribes(test_stranger *s, uint64_t id, uint8_t boot, uint64_t number)
{
    mti_range all = {.first = {NULL, 0}};
    mti_say say = test_stranger_speak(s, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, &all, 0);
    test_say_cursor(&say, boot, number);
    mti_say_byte(&say, 0);
    test_stranger_send(s);
}

void test_stranger_compares(test_stranger *s, uint64_t id, const mti_range *range, unsigned flags)
{
    mti_say say = test_stranger_speak(s, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, range, MTI_RANGE_COMPARE | flags);
    for (unsigned i = 0; i < 16; i++) mti_say_byte(&say, i);
    mti_say_number(&say, 1000);
    test_stranger_send(s);
}

void test_stranger_grants(test_stranger *s, uint64_t id, unsigned how)
{
    mti_say say = test_stranger_speak(s, MTI_SUBSCRIBED);

    mti_say_number(&say, id);
    test_say_cursor(&say, 7, 10);
    mti_say_byte(&say, how);
    if (how == MTI_STANDS_COPYING) mti_say_number(&say, 0);
    if (how >= MTI_STANDS_ASKED) mti_say_number(&say, 1000);
    test_stranger_send(s);
}

void test_stranger_copies(test_stranger *s, uint64_t id, uint8_t boot, uint64_t number)
{
    mti_say say = test_stranger_speak(s, MTI_SUBSCRIBED);

    mti_say_number(&say, id);
    test_say_cursor(&say, boot, number);
    mti_say_byte(&say, 1);
    mti_say_number(&say, 0);
    test_stranger_send(s);
}

void test_stranger_copied(test_stranger *s, uint64_t id, const char *uid, size_t count, size_t len,
                          uint64_t state)
{
    uint8_t *text = malloc(len);
    mt_field field = {.name = mt_str("text"), .state = state};
    mt_row row = {.fields = &field, .count = 1};
    mti_say say = test_stranger_speak(s, MTI_DATA);
    mt_binary_writer *writer;

    if (!text) abort();
    memset(text, 'x', len);
    field.value = mt_string((mt_bytes){text, len});
    mti_say_number(&say, id);
    mti_say_number(&say, MTI_DATA_COPY);
    CHECK(mt_binary_writer_new(test_mem(), NULL, NULL, &s->message, &writer) == MT_OK);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, i ? "%s/%05zu" : "%s", uid, i);
        row.uid = mt_str(name);
        CHECK(mt_binary_row(writer, &row) == MT_OK);
    }
    CHECK(mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    free(text);
    test_stranger_send(s);
}

test_finding test_stranger_finds(test_stranger *s, uint64_t id, bool more, mt_status status)
{
    mti_say say = test_stranger_speak(s, MTI_FOUND);

    mti_say_number(&say, id);
    mti_say_byte(&say, more);
    mti_say_status(&say, status);
    return (test_finding){.s = s};
}

void test_finding_row(test_finding *found, const char *uid, const char *name, uint64_t state,
                      bool more)
{
    mt_field field = {.name = mt_str(name), .value = mt_text("found"), .state = state};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1, .more = more};

    if (!found->writer)
        CHECK(mt_binary_writer_new(test_mem(), NULL, NULL, &found->s->message, &found->writer) ==
              MT_OK);
    CHECK(mt_binary_row(found->writer, &row) == MT_OK);
}

void test_finding_send(test_finding *found)
{
    if (found->writer) CHECK(mt_binary_finish(found->writer) == MT_OK);
    mt_binary_writer_free(found->writer);
    test_stranger_send(found->s);
}
