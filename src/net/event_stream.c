/* event_stream.c - events told to subscribers, in order, whatever the subscribers do meanwhile.
 *
 * An event is borrowed, so that it can be told only while its emission is on the stack, and not
 * queued. Order needs no queue: all emissions under way are on the stack of one thread, the oldest
 * outermost, and a new one first finishes those before it.
 *
 *     emit(1) -> a hears 1, and calls
 *         emit(2) -> b hears 1, c hears 1; a, b, c hear 2
 *     <- nothing of 1 is left to tell
 *
 * An emission is a place in the list of subscribers. Whoever takes a subscriber out moves the
 * places that stood before it. */
#include "base/bytes.h"

#include <mytosis/event_stream.h>

struct mt_subscription {
    const mt_mem *mem;
    mt_event_stream *stream; /* held; NULL: it has completed */
    mt_subscriber subscriber;
    uint64_t number; /* ascends in the list */
    mt_subscription *previous;
    mt_subscription *next;
};

typedef struct emission {
    const void *event;
    mt_subscription *at;    /* who is told next; NULL: nobody */
    uint64_t last;          /* later subscribers are not told */
    struct emission *newer; /* made while this one was under way */
} emission;

struct mt_event_stream {
    const mt_mem *mem;
    size_t refs;
    mt_event_source source;
    mt_subscription *first;
    mt_subscription *last;
    uint64_t count;     /* subscribers ever */
    emission *emission; /* the oldest one under way */
    bool open;          /* the source is */
    bool busy;          /* the source is being opened or closed */
    bool completed;
};

mt_status mt_event_stream_new(const mt_mem *mem, const mt_event_source *source,
                              mt_event_stream **out)
{
    mt_event_stream *stream = mti_mem_alloc(mem, sizeof *stream);

    if (!stream) return MT_NO_MEMORY;
    *stream = (mt_event_stream){.mem = mem, .refs = 1};
    if (source) stream->source = *source;
    *out = stream;
    return MT_OK;
}

mt_event_stream *mt_event_stream_ref(mt_event_stream *stream)
{
    if (stream) stream->refs++;
    return stream;
}

void mt_event_stream_unref(mt_event_stream *stream)
{
    if (!stream || --stream->refs) return;
    mti_mem_free(stream->mem, stream, sizeof *stream);
}

bool mt_event_stream_subscribed(const mt_event_stream *stream)
{
    return stream->first != NULL;
}

bool mt_event_stream_completed(const mt_event_stream *stream)
{
    return stream->completed;
}

/* ---- The source ---- */

static void source_close(mt_event_stream *stream)
{
    if (!stream->open) return;
    stream->open = false;
    if (!stream->source.close) return;
    stream->busy = true;
    stream->source.close(stream->source.ctx, stream);
    stream->busy = false;
}

static mt_status source_open(mt_event_stream *stream)
{
    mt_status st = MT_OK;

    if (stream->open) return MT_OK;
    if (stream->source.open) {
        stream->busy = true;
        st = stream->source.open(stream->source.ctx, stream);
        stream->busy = false;
    }
    if (st != MT_OK) return st;
    stream->open = true;
    if (!stream->completed) return MT_OK;
    source_close(stream);
    return MT_END;
}

/* ---- Subscribers ---- */

static void link_last(mt_event_stream *stream, mt_subscription *subscription)
{
    subscription->stream = mt_event_stream_ref(stream);
    subscription->number = ++stream->count;
    subscription->previous = stream->last;
    if (stream->last) stream->last->next = subscription;
    else stream->first = subscription;
    stream->last = subscription;
}

/* The stream is still held for the subscription. */
static void unlink_from(mt_event_stream *stream, mt_subscription *subscription)
{
    mt_subscription *previous = subscription->previous;
    mt_subscription *next = subscription->next;

    for (emission *under_way = stream->emission; under_way; under_way = under_way->newer) {
        if (under_way->at == subscription) under_way->at = next;
    }
    if (previous) previous->next = next;
    else stream->first = next;
    if (next) next->previous = previous;
    else stream->last = previous;
    subscription->stream = NULL;
}

mt_status mt_event_stream_subscribe(mt_event_stream *stream, const mt_subscriber *subscriber,
                                    mt_subscription **out)
{
    mt_subscription *subscription;
    mt_status st;

    if (stream->completed) return MT_END;
    if (stream->busy) return MT_BUSY;
    if (!(subscription = mti_mem_alloc(stream->mem, sizeof *subscription))) return MT_NO_MEMORY;
    *subscription = (mt_subscription){.mem = stream->mem, .subscriber = *subscriber};
    mt_event_stream_ref(stream); /* the source may let go of it */
    st = source_open(stream);
    if (st == MT_OK) {
        link_last(stream, subscription);
        *out = subscription;
    } else {
        mti_mem_free(stream->mem, subscription, sizeof *subscription);
    }
    mt_event_stream_unref(stream);
    return st;
}

void mt_subscription_dispose(mt_subscription *subscription)
{
    mt_event_stream *stream;

    if (!subscription) return;
    stream = subscription->stream;
    if (stream) unlink_from(stream, subscription);
    mti_mem_free(subscription->mem, subscription, sizeof *subscription);
    if (!stream) return;
    if (!stream->first) source_close(stream);
    mt_event_stream_unref(stream);
}

/* ---- Emitting ---- */

/* Tells all that is under way to whoever has not heard it, the oldest first. */
static void finish(mt_event_stream *stream)
{
    for (emission *under_way = stream->emission; under_way; under_way = under_way->newer) {
        mt_subscription *told;

        while ((told = under_way->at) && told->number <= under_way->last) {
            under_way->at = told->next;
            told->subscriber.on_event(told->subscriber.ctx, under_way->event);
        }
    }
}

mt_status mt_event_stream_emit(mt_event_stream *stream, const void *event)
{
    emission own = {.event = event, .at = stream->first, .last = stream->count};
    emission **place = &stream->emission;

    if (stream->completed) return MT_CLOSED;
    if (!stream->first) return MT_OK;
    mt_event_stream_ref(stream);
    while (*place) place = &(*place)->newer;
    *place = &own;
    finish(stream);
    *place = NULL;
    mt_event_stream_unref(stream);
    return MT_OK;
}

mt_status mt_event_stream_complete(mt_event_stream *stream, const mt_error *error)
{
    mt_subscription *ended;

    if (stream->completed) return MT_CLOSED;
    stream->completed = true;
    mt_event_stream_ref(stream);
    finish(stream);
    source_close(stream);
    while ((ended = stream->first)) {
        mt_subscriber subscriber = ended->subscriber;

        unlink_from(stream, ended);
        mt_event_stream_unref(stream);
        if (subscriber.on_end) subscriber.on_end(subscriber.ctx, error);
    }
    mt_event_stream_unref(stream);
    return MT_OK;
}
