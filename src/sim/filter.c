#include "sim/filter.h"

#include "sim/room.h"

#include <mytosis/host.h>

#include <stdlib.h>
#include <string.h>

typedef struct filter {
    mt_connection *inner, *outer; /* `outer` holds this */
    mt_subscription *messages, *events;
    mti_sim_change *change;
    void *ctx;
} filter;

/* ---- Messages ---- */

mti_sim_message *mti_sim_instead_add(mti_sim_instead *instead, mt_bytes message, size_t room)
{
    mti_sim_message *added;

    instead->messages = mti_sim_room(instead->messages, &instead->cap, instead->count + 1,
                                     sizeof *instead->messages);
    added = &instead->messages[instead->count++];
    *added = (mti_sim_message){mti_sim_new(message.len + room, 1), message.len};
    if (message.len > 0) memcpy(added->data, message.data, message.len);
    return added;
}

static mti_sim_instead changed(const filter *f, bool sent, mt_bytes message)
{
    mti_sim_instead instead = {.count = 0};

    f->change(f->ctx, sent, message, &instead);
    return instead;
}

static void instead_end(mti_sim_instead *instead)
{
    for (size_t i = 0; i < instead->count; i++) free(instead->messages[i].data);
    free(instead->messages);
}

static mt_bytes message_at(const mti_sim_instead *instead, size_t i)
{
    return (mt_bytes){instead->messages[i].data, instead->messages[i].len};
}

static void came(void *ctx, const void *event)
{
    const filter *f = ctx;
    mti_sim_instead instead = changed(f, false, ((const mt_message *)event)->bytes);
    mt_connection *held = mt_connection_ref(f->outer);

    for (size_t i = 0; i < instead.count; i++)
        (void)!mt_connection_deliver(held, message_at(&instead, i));
    instead_end(&instead);
    mt_connection_unref(held);
}

static void happened(void *ctx, const void *event)
{
    const mt_connection_event *what = event;
    filter *f = ctx;

    switch (what->kind) {
    case MT_CONNECTION_WENT_ONLINE:
        mt_connection_set_device(f->outer, mt_connection_device(f->inner));
        mt_connection_set_offline(f->outer, false);
        break;
    case MT_CONNECTION_WENT_OFFLINE: mt_connection_set_offline(f->outer, true); break;
    case MT_CONNECTION_WRITABLE: mt_connection_writable(f->outer); break;
    case MT_CONNECTION_CLOSED: mt_connection_closed(f->outer, what->why); break;
    }
}

/* ---- What the connection around it asks for ---- */

/* Of several, only the first may have to wait: what there is no room for behind it is lost. */
static mt_status filter_send(void *ctx, mt_bytes message)
{
    filter *f = ctx;
    mti_sim_instead instead = changed(f, true, message);
    mt_status st = MT_OK;

    for (size_t i = 0; i < instead.count && st == MT_OK; i++) {
        mt_status sent = mt_connection_send(f->inner, message_at(&instead, i));
        if (i == 0) st = sent;
    }
    instead_end(&instead);
    return st;
}

static size_t filter_queued(void *ctx)
{
    return mt_connection_queued(((const filter *)ctx)->inner);
}

static void filter_start(void *ctx)
{
    filter *f = ctx;
    mt_subscriber subscriber = {.on_event = came, .ctx = f};

    if (!f->messages && mt_event_stream_subscribe(mt_connection_messages(f->inner), &subscriber,
                                                  &f->messages) == MT_NO_MEMORY)
        mti_sim_refuse("out of memory");
}

static void filter_stop(void *ctx)
{
    filter *f = ctx;

    mt_subscription_dispose(f->messages);
    f->messages = NULL;
}

static void filter_close(void *ctx)
{
    mt_connection_close(((const filter *)ctx)->inner);
}

static void filter_drop(void *ctx, const mt_error *why)
{
    mt_connection_drop(((const filter *)ctx)->inner, why);
}

static void filter_limit(void *ctx, size_t len)
{
    mt_connection_limit(((const filter *)ctx)->inner, len);
}

static void filter_free(void *ctx)
{
    filter *f = ctx;

    mt_subscription_dispose(f->messages);
    mt_subscription_dispose(f->events);
    mt_connection_unref(f->inner);
    free(f);
}

static const mt_connection_ops filter_ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof filter_ops,
    .type = "filtered",
    .send = filter_send,
    .queued = filter_queued,
    .start = filter_start,
    .stop = filter_stop,
    .close = filter_close,
    .free = filter_free,
    .drop = filter_drop,
    .limit = filter_limit,
};

mt_connection *mti_sim_filter_new(mt_connection *inner, mti_sim_change *change, void *ctx)
{
    filter *f = mti_sim_new(1, sizeof *f);
    mt_subscriber subscriber = {.on_event = happened, .ctx = f};
    unsigned flags = mt_connection_offline(inner) ? MT_CONNECTION_OFFLINE : 0;
    mt_connection *outer;

    f->inner = mt_connection_ref(inner);
    f->change = change;
    f->ctx = ctx;
    if (mt_connection_new(mt_mem_system(), mt_connection_id(inner), &filter_ops, f, flags, &outer,
                          NULL) != MT_OK)
        mti_sim_refuse("out of memory");
    f->outer = outer;
    if (mt_event_stream_subscribe(mt_connection_events(inner), &subscriber, &f->events) != MT_OK)
        mti_sim_refuse("a link cannot be heard");
    return outer;
}
