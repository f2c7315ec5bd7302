/* test_heard.h - who heard what of event streams, in words.
 *
 *     test_heard heard = {0};
 *     test_listener ann = {.heard = &heard, .name = "ann", .say = test_say_text};
 *     test_listen(&ann, stream);
 *     CHECK(mt_event_stream_emit(stream, "hello") == MT_OK);
 *     test_heard_is(&heard, "ann:hello");
 *     test_unlisten(&ann);
 */
#ifndef TEST_HEARD_H
#define TEST_HEARD_H

#include "test.h"
#include <mytosis/network.h>

/* What was heard since it was last looked at, separated by spaces. All zero: nothing. */
typedef struct test_heard {
    size_t len;
    char text[2048];
} test_heard;

void test_heard_add(test_heard *heard, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fails unless this, and no more, was heard since the last call. */
void test_heard_is(test_heard *heard, const char *expected);

/* A subscriber. It adds "NAME:EVENT" for an event, "NAME." for the end, "NAME!WHY" for one with an
 * error. */
typedef struct test_listener test_listener;
struct test_listener {
    test_heard *heard;
    const char *name;
    void (*say)(char *out, size_t cap, const void *event); /* the event in a word */
    void (*then)(test_listener *listener);                 /* done in the next event, if not NULL */
    void (*at_end)(test_listener *listener);               /* done in the end, if not NULL */
    void *arg;                                             /* for these */
    mt_subscription *subscription;                         /* NULL: not listening */
};

/* Subscribes; it must succeed. */
void test_listen(test_listener *listener, mt_event_stream *stream);

/* The subscriber, for a subscription that need not succeed. */
mt_subscriber test_subscriber(test_listener *listener);

/* Disposes of the subscription, if there is one. */
void test_unlisten(test_listener *listener);

/* Events in words: a C string as it is; the bytes of a message, with a sender "a>bytes"; "online",
 * "offline", "writable", "closed"; "+a" and "-a" of groups. */
void test_say_text(char *out, size_t cap, const void *event);
void test_say_bytes(char *out, size_t cap, const void *event);
void test_say_message(char *out, size_t cap, const void *event);
void test_say_connection_event(char *out, size_t cap, const void *event);
void test_say_group_event(char *out, size_t cap, const void *event);

#endif
