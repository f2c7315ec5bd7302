/* connection_faults_test.c - a transport that breaks its contract is found out, each time by the
 * check that is about it.
 *
 * The transport leads over a pipe, to and from which it passes everything on, but for one fault. */
#include "test_env.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/pipe.h>
#include <stdio.h>
#include <string.h>

typedef enum fault {
    NONE,
    DROPS,          /* the tenth message */
    REPEATS,        /* the tenth message */
    CUTS_SHORT,     /* messages of more than 1,000 bytes */
    CHANGES,        /* a byte of these */
    DELIVERS_EARLY, /* inside send */
    TAKES_ALL,      /* is never full, but loses what does not fit */
    NEVER_WRITABLE, /* does not tell of room */
    REFUSES_LONG,   /* messages of 1 MiB and more */
    FORGETS,        /* drops what comes while nobody listens */
    NEVER_CLOSED,   /* does not say that it was closed */
    CLOSES_EARLY,   /* inside close */
    LOSES_LAST,     /* what was sent before closing */
    SILENT_CUT,     /* does not say that it is offline */
    CUT_TWICE,      /* says so twice */
    ALWAYS_QUEUED   /* says that something is queued */
} fault;

/* One end: a connection of this transport, over one of a pipe. */
typedef struct end {
    struct end *other;
    mt_connection *outer; /* BORROWED; NULL once it is gone */
    mt_connection *inner; /* held */
    mt_subscription *messages;
    mt_subscription *events;
    fault fault;
    size_t received;
    bool closing;
} end;

/* ---- From the pipe ---- */

static mt_status pass_on(end *e, mt_bytes bytes)
{
    mt_status st = mt_connection_deliver(e->outer, bytes);

    CHECK(st == MT_OK || (st == MT_AGAIN && e->fault == FORGETS) || st == MT_CLOSED);
    return st;
}

static void on_message(void *ctx, const void *event)
{
    end *e = ctx;
    mt_bytes bytes = ((const mt_message *)event)->bytes;
    bool tenth = ++e->received == 10;
    static uint8_t changed[MT_MESSAGE_LEN_MAX];

    if (e->fault == DROPS && tenth) return;
    if (e->fault == LOSES_LAST && e->other->closing) return;
    if (e->fault == CUTS_SHORT && bytes.len > 1000) bytes.len--;
    if (e->fault == REPEATS && tenth) pass_on(e, bytes);
    if (e->fault == CHANGES && bytes.len > 1000) {
        memcpy(changed, bytes.data, bytes.len);
        changed[bytes.len - 1] ^= 1;
        bytes.data = changed;
    }
    pass_on(e, bytes);
}

static void on_event(void *ctx, const void *event)
{
    end *e = ctx;
    const mt_connection_event *told = event;
    bool offline = told->kind == MT_CONNECTION_WENT_OFFLINE;

    switch (told->kind) {
    case MT_CONNECTION_WENT_ONLINE:
    case MT_CONNECTION_WENT_OFFLINE:
        if (e->fault == SILENT_CUT) break;
        mt_connection_set_offline(e->outer, offline);
        if (e->fault != CUT_TWICE) break;
        mt_connection_set_offline(e->outer, !offline);
        mt_connection_set_offline(e->outer, offline);
        break;
    case MT_CONNECTION_WRITABLE:
        if (e->fault != NEVER_WRITABLE) mt_connection_writable(e->outer);
        break;
    case MT_CONNECTION_CLOSED:
        if (e->fault != NEVER_CLOSED) mt_connection_closed(e->outer, NULL);
        break;
    }
}

static void end_start(void *ctx)
{
    end *e = ctx;
    const mt_subscriber subscriber = {on_message, NULL, e};

    if (e->messages || mt_connection_ended(e->inner)) return;
    CHECK(mt_event_stream_subscribe(mt_connection_messages(e->inner), &subscriber, &e->messages) ==
          MT_OK);
}

/* ---- To the pipe ---- */

static mt_status end_send(void *ctx, mt_bytes message)
{
    end *e = ctx;
    mt_status st;

    if (e->fault == DELIVERS_EARLY && e->other->messages) return pass_on(e->other, message);
    if (e->fault == REFUSES_LONG && message.len >= (size_t)1 << 20) return MT_TOO_LARGE;
    st = mt_connection_send(e->inner, message);
    return e->fault == TAKES_ALL && st == MT_AGAIN ? MT_OK : st;
}

static size_t end_queued(void *ctx)
{
    end *e = ctx;

    return mt_connection_queued(e->inner) + (e->fault == ALWAYS_QUEUED);
}

static void end_stop(void *ctx)
{
    end *e = ctx;
    mt_subscription *messages = e->messages;

    if (e->fault == FORGETS) return;
    e->messages = NULL;
    mt_subscription_dispose(messages);
}

static void end_close(void *ctx)
{
    end *e = ctx;

    e->closing = true;
    mt_connection_close(e->inner);
    if (e->fault == CLOSES_EARLY) mt_connection_closed(e->outer, NULL);
}

static void end_free(void *ctx)
{
    end *e = ctx;

    mt_subscription_dispose(e->messages);
    mt_subscription_dispose(e->events);
    mt_connection_unref(e->inner);
    e->outer = e->inner = NULL;
}

static const mt_connection_ops ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof ops,
    .type = "faulty",
    .send = end_send,
    .queued = end_queued,
    .start = end_start,
    .stop = end_stop,
    .close = end_close,
    .free = end_free,
};

/* ---- The suite ---- */

#define PAIRS_MAX 32

typedef struct subject {
    test_env te;
    fault fault;
    end ends[PAIRS_MAX][2]; /* of all links made, the last in use */
    size_t count;
    char found[2048]; /* the checks that were violated, each in a line */
} subject;

static void end_begin(subject *s, end *e, end *other, mt_connection *inner)
{
    const mt_subscriber subscriber = {on_event, NULL, e};

    *e = (end){.other = other, .inner = inner, .fault = s->fault};
    CHECK(mt_connection_new(test_mem(), mt_connection_id(inner), &ops, e, 0, &e->outer, NULL) ==
          MT_OK);
    CHECK(mt_event_stream_subscribe(mt_connection_events(inner), &subscriber, &e->events) == MT_OK);
    if (e->fault == FORGETS) end_start(e);
}

static mt_status subject_connect(void *ctx, mt_connection **a, mt_connection **b, mt_error *err)
{
    subject *s = ctx;
    end *ends = s->ends[s->count++];
    mt_status st = mt_pipe_new(&s->te.env, NULL, a, b, err);

    CHECK(st == MT_OK && s->count <= PAIRS_MAX);
    end_begin(s, &ends[0], &ends[1], *a);
    end_begin(s, &ends[1], &ends[0], *b);
    *a = ends[0].outer;
    *b = ends[1].outer;
    return MT_OK;
}

static void subject_cut(void *ctx)
{
    subject *s = ctx;

    CHECK(mt_pipe_cut(s->ends[s->count - 1][0].inner) == MT_OK);
}

static void subject_mend(void *ctx)
{
    subject *s = ctx;

    CHECK(mt_pipe_restore(s->ends[s->count - 1][0].inner) == MT_OK);
}

static void note(void *ctx, const char *check, const char *violation)
{
    subject *s = ctx;
    size_t len = strlen(s->found);

    if (violation) snprintf(s->found + len, sizeof s->found - len, "%s: %s\n", check, violation);
}

/* Runs the suite on a transport with this fault; fails unless this check finds it, by this
 * violation. */
static void is_found(fault with, const char *check, const char *violation)
{
    static subject s;
    const mt_conformance_connection suite = {.size = sizeof suite,
                                             .env = &s.te.env,
                                             .connect = subject_connect,
                                             .cut = subject_cut,
                                             .mend = subject_mend,
                                             .ctx = &s,
                                             .report = note};
    char line[512];
    mt_error err;

    s = (subject){.fault = with};
    test_env_init(&s.te, 1, test_mem());
    snprintf(line, sizeof line, with ? "%s: %s" : "%s%s", check, violation);
    if (mt_conformance_connection_run(&suite, &err) != (with ? MT_REFUSED : MT_OK) ||
        !strstr(s.found, line)) {
        fail_msg("not found: %s\nfound:\n%s", line, s.found);
    }
    for (size_t i = 0; i < s.count; i++) {
        if (s.ends[i][0].outer) mt_connection_closed(s.ends[i][0].outer, NULL);
        if (s.ends[i][1].outer) mt_connection_closed(s.ends[i][1].outer, NULL);
    }
    test_env_run(&s.te);
    test_env_end(&s.te);
    CHECK(test_mem_live() == 0);
}

/* ---- The faults ---- */

TEST(a_transport_without_a_fault_conforms)
{
    is_found(NONE, "", "");
}

TEST(a_lost_message_is_found)
{
    is_found(DROPS, "messages arrive in the order in which they were sent",
             "at end b, message 9 has 38 bytes, not 31");
}

TEST(a_repeated_message_is_found)
{
    is_found(REPEATS, "messages arrive in the order in which they were sent",
             "at end b, message 10 has 31 bytes, not 38");
}

TEST(a_message_cut_short_is_found)
{
    is_found(CUTS_SHORT, "messages of 0 bytes to 2 MiB arrive whole",
             "at end b, message 30 has 1022 bytes, not 1023");
}

TEST(a_changed_byte_is_found)
{
    is_found(CHANGES, "messages of 0 bytes to 2 MiB arrive whole",
             "at end b, message 30 is not what was sent");
}

TEST(a_message_delivered_inside_send_is_found)
{
    is_found(DELIVERS_EARLY, "messages arrive in the order in which they were sent",
             "at end b, a message is told inside a call");
}

TEST(a_buffer_without_bound_is_found)
{
    is_found(TAKES_ALL, "a full end says so, and tells when there is room",
             "an end takes any amount while nobody listens");
}

TEST(room_that_is_not_told_of_is_found)
{
    is_found(NEVER_WRITABLE, "a full end says so, and tells when there is room",
             "there is room again and nobody is told");
}

TEST(long_messages_that_are_refused_are_found)
{
    is_found(REFUSES_LONG, "messages of 0 bytes to 2 MiB arrive whole",
             "at end a, message 61 of 1048576 bytes is not taken: a limit is exceeded");
}

TEST(messages_lost_while_nobody_listens_are_found)
{
    is_found(FORGETS, "messages wait for somebody to listen", "not all that was sent arrives");
}

TEST(an_end_that_does_not_say_that_it_closed_is_found)
{
    is_found(NEVER_CLOSED, "a new end says what it is", "an end that was closed does not say so");
}

TEST(an_end_that_says_so_inside_close_is_found)
{
    is_found(CLOSES_EARLY, "a new end says what it is", "at end a, an event is told inside a call");
}

TEST(messages_lost_by_closing_are_found)
{
    is_found(LOSES_LAST, "what was sent before closing arrives, and then both ends end",
             "of 20 messages sent before closing 0 arrive");
}

TEST(a_cut_that_is_not_told_of_is_found)
{
    is_found(SILENT_CUT, "both ends tell of a cut, and that it was mended",
             "an end whose link is cut stays online");
}

TEST(a_cut_that_is_told_of_twice_is_found)
{
    is_found(CUT_TWICE, "both ends tell of a cut, and that it was mended",
             "end a was cut and mended 1 times, and tells 3 times that it is offline");
}

TEST(a_wrong_amount_queued_is_found)
{
    is_found(ALWAYS_QUEUED, "a new end says what it is",
             "end a has something queued from the start");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transport_without_a_fault_conforms),
        cmocka_unit_test(a_lost_message_is_found),
        cmocka_unit_test(a_repeated_message_is_found),
        cmocka_unit_test(a_message_cut_short_is_found),
        cmocka_unit_test(a_changed_byte_is_found),
        cmocka_unit_test(a_message_delivered_inside_send_is_found),
        cmocka_unit_test(a_buffer_without_bound_is_found),
        cmocka_unit_test(room_that_is_not_told_of_is_found),
        cmocka_unit_test(long_messages_that_are_refused_are_found),
        cmocka_unit_test(messages_lost_while_nobody_listens_are_found),
        cmocka_unit_test(an_end_that_does_not_say_that_it_closed_is_found),
        cmocka_unit_test(an_end_that_says_so_inside_close_is_found),
        cmocka_unit_test(messages_lost_by_closing_are_found),
        cmocka_unit_test(a_cut_that_is_not_told_of_is_found),
        cmocka_unit_test(a_cut_that_is_told_of_twice_is_found),
        cmocka_unit_test(a_wrong_amount_queued_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
