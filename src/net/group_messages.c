/* group_messages.c - the streams of a group. What arrives at its members is listened to only while
 * somebody listens to the group. */
#include "net/group.h"

#include "base/assert.h"

/* ---- Who comes and goes ---- */

static mt_status events_open(void *ctx, mt_event_stream *stream)
{
    (void)stream;
    mt_group_ref(ctx);
    return MT_OK;
}

static void events_close(void *ctx, mt_event_stream *stream)
{
    (void)stream;
    mt_group_unref(ctx);
}

/* ---- What arrives ---- */

static void on_message(void *ctx, const void *event)
{
    const mt_group *group = ctx;
    mt_status st = mt_event_stream_emit(group->messages, event);

    mti_assert(st == MT_OK); /* the stream completes when nobody holds the group */
}

mt_status mti_group_listen(mt_group *group, mt_connection *connection, mt_subscription **out)
{
    const mt_subscriber subscriber = {on_message, NULL, group};
    mt_status st = mt_event_stream_subscribe(mt_connection_messages(connection), &subscriber, out);

    if (st != MT_END) return st;
    *out = NULL; /* it was closed, and leaves as soon as we are told */
    return MT_OK;
}

static void members_ignore(mt_group *group)
{
    group->listening = false;
    mt_subscription_dispose(group->joining_messages);
    group->joining_messages = NULL;
    for (size_t i = 0; i < group->count; i++) {
        mt_subscription *messages = group->members[i].messages;

        group->members[i].messages = NULL;
        mt_subscription_dispose(messages);
    }
}

static mt_status messages_open(void *ctx, mt_event_stream *stream)
{
    mt_group *group = ctx;
    mt_status st;

    (void)stream;
    if ((st = mti_group_ready(group, NULL)) != MT_OK) return st;
    group->listening = true;
    for (size_t i = 0; i < group->count; i++) {
        mti_member *member = &group->members[i];

        st = mti_group_listen(group, member->connection, &member->messages);
        if (st == MT_OK) continue;
        members_ignore(group);
        return st;
    }
    mt_group_ref(group);
    return MT_OK;
}

static void messages_close(void *ctx, mt_event_stream *stream)
{
    mt_group *group = ctx;

    (void)stream;
    members_ignore(group);
    mt_group_unref(group);
}

mt_status mti_group_streams_new(mt_group *group)
{
    const mt_event_source events = {events_open, events_close, group};
    const mt_event_source messages = {messages_open, messages_close, group};
    mt_status st;

    if ((st = mt_event_stream_new(group->mem, &events, &group->events)) != MT_OK) return st;
    st = mt_event_stream_new(group->mem, &messages, &group->messages);
    if (st != MT_OK) mt_event_stream_unref(group->events);
    return st;
}

mt_event_stream *mt_group_events(mt_group *group)
{
    return group->events;
}

mt_event_stream *mt_group_messages(mt_group *group)
{
    return group->messages;
}
