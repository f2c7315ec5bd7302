#include "test_heard.h"
#include <stdio.h>
#include <string.h>

void test_heard_add(test_heard *heard, const char *format, ...)
{
    char word[128];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(word, sizeof word, format, args);
    va_end(args);
    CHECK(len >= 0 && (size_t)len < sizeof word);
    CHECK(heard->len + (size_t)len + 2 < sizeof heard->text);
    if (heard->len) heard->text[heard->len++] = ' ';
    memcpy(heard->text + heard->len, word, (size_t)len + 1);
    heard->len += (size_t)len;
}

void test_heard_is(test_heard *heard, const char *expected)
{
    heard->text[heard->len] = '\0';
    assert_string_equal(heard->text, expected);
    heard->len = 0;
}

static void on_event(void *ctx, const void *event)
{
    test_listener *listener = ctx;
    void (*then)(test_listener * listener) = listener->then;
    char word[96];

    listener->say(word, sizeof word, event);
    test_heard_add(listener->heard, "%s:%s", listener->name, word);
    listener->then = NULL;
    if (then) then(listener);
}

static void on_end(void *ctx, const mt_error *why)
{
    test_listener *listener = ctx;

    if (why) test_heard_add(listener->heard, "%s!%s", listener->name, why->text);
    else test_heard_add(listener->heard, "%s.", listener->name);
    if (listener->at_end) listener->at_end(listener);
}

mt_subscriber test_subscriber(test_listener *listener)
{
    return (mt_subscriber){on_event, on_end, listener};
}

void test_listen(test_listener *listener, mt_event_stream *stream)
{
    const mt_subscriber subscriber = test_subscriber(listener);

    CHECK(!listener->subscription);
    CHECK(mt_event_stream_subscribe(stream, &subscriber, &listener->subscription) == MT_OK);
}

void test_unlisten(test_listener *listener)
{
    mt_subscription *subscription = listener->subscription;

    listener->subscription = NULL;
    mt_subscription_dispose(subscription);
}

/* ---- Events in words ---- */

static int shown_len(mt_bytes bytes)
{
    return bytes.len < 20 ? (int)bytes.len : 20;
}

void test_say_text(char *out, size_t cap, const void *event)
{
    snprintf(out, cap, "%s", (const char *)event);
}

void test_say_bytes(char *out, size_t cap, const void *event)
{
    const mt_message *message = event;

    snprintf(out, cap, "%.*s", shown_len(message->bytes), (const char *)message->bytes.data);
}

void test_say_message(char *out, size_t cap, const void *event)
{
    const mt_message *message = event;
    mt_bytes id = mt_connection_id(message->connection);

    snprintf(out, cap, "%.*s>%.*s", shown_len(id), (const char *)id.data, shown_len(message->bytes),
             (const char *)message->bytes.data);
}

void test_say_connection_event(char *out, size_t cap, const void *event)
{
    static const char *const words[] = {"online", "offline", "writable", "closed"};
    const mt_connection_event *told = event;

    snprintf(out, cap, "%s", words[told->kind]);
}

void test_say_group_event(char *out, size_t cap, const void *event)
{
    const mt_group_event *told = event;
    mt_bytes id = mt_connection_id(told->connection);

    snprintf(out, cap, "%c%.*s", told->kind == MT_GROUP_ADDED ? '+' : '-', shown_len(id),
             (const char *)id.data);
}
