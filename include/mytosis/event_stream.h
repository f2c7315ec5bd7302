/* mytosis/event_stream.h - events that arrive, told to whoever subscribes.
 *
 *     static void on_message(void *ctx, const void *event)
 *     {
 *         const mt_message *message = (const mt_message *)event;
 *         ...
 *     }
 *
 *     mt_subscriber subscriber = {.on_event = on_message, .ctx = app};
 *     mt_subscription *subscription;
 *     mt_event_stream_subscribe(stream, &subscriber, &subscription);
 *     ...
 *     mt_subscription_dispose(subscription);
 *
 * A stream is lazy: its source is opened at the first subscriber and closed with the last, and an
 * event that comes while nobody subscribes is gone. It completes at most once, by itself or with an
 * error; nothing comes after that.
 *
 * Each subscriber hears every event emitted after it subscribed, in the order of the emissions, and
 * subscribers hear it in the order in which they came. That holds too where a subscriber emits: the
 * event at hand is told to all the others before the new one is told to anyone. Inside a callback
 * any call is allowed. Threads: one, that of whoever made the stream. */
#ifndef MYTOSIS_EVENT_STREAM_H
#define MYTOSIS_EVENT_STREAM_H

#include <mytosis/status.h>

MT_BEGIN_DECLS

/* A stream, SHARED; and one subscriber's hold on it. */
typedef struct mt_event_stream mt_event_stream;
typedef struct mt_subscription mt_subscription;

/* ---- Listening ---- */

/* Who hears of events. */
typedef struct mt_subscriber {
    /* `event` is BORROWED until the call returns; the stream's owner says what it points to. */
    void (*on_event)(void *ctx, const void *event);

    /* The stream completed: once, and nothing after it. `why` is NULL or an error, BORROWED. Not
     * called once the subscription was disposed of. May be NULL. */
    void (*on_end)(void *ctx, const mt_error *why);
    void *ctx;
} mt_subscriber;

/* Subscribes. `subscriber` is COPIED; `*out` is OWNED and keeps the stream, and what its source
 * holds, until it is disposed of. MT_END: the stream has completed, nothing will come. MT_BUSY:
 * its source is being opened or closed, further down the stack. MT_NO_MEMORY, or what opening the
 * source came to. */
MT_API MT_MUST_USE mt_status mt_event_stream_subscribe(mt_event_stream *stream,
                                                       const mt_subscriber *subscriber,
                                                       mt_subscription **out);

/* Ends and frees a subscription: none of its callbacks is called any more. At any time, in any
 * callback, and after the end too, where it must be done as well. NULL is accepted. */
MT_API void mt_subscription_dispose(mt_subscription *subscription);

/* Whether the stream has completed. */
MT_API bool mt_event_stream_completed(const mt_event_stream *stream);

/* One holder more, one less. A stream that nobody holds is gone, without on_end: it had no
 * subscribers. NULL is accepted. */
MT_API mt_event_stream *mt_event_stream_ref(mt_event_stream *stream);
MT_API void mt_event_stream_unref(mt_event_stream *stream);

/* ---- Emitting ---- */

/* Where events come from. */
typedef struct mt_event_source {
    /* Somebody subscribes, and hears what is emitted once this has returned. Anything but MT_OK is
     * the answer to whoever it was. */
    mt_status (*open)(void *ctx, mt_event_stream *stream);

    /* Nobody listens any more, or the stream completes: once for each open that succeeded. */
    void (*close)(void *ctx, mt_event_stream *stream);
    void *ctx;
} mt_event_source;

/* A stream, SHARED: let go of it with mt_event_stream_unref. `source` is COPIED, its `ctx` must
 * live until the stream is gone or has completed; NULL: there is nothing to open. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_event_stream_new(const mt_mem *mem, const mt_event_source *source,
                                                 mt_event_stream **out);

/* Whether somebody subscribes, so that an event is worth making. */
MT_API bool mt_event_stream_subscribed(const mt_event_stream *stream);

/* Tells every subscriber. `event` is BORROWED until the call returns. MT_CLOSED: the stream has
 * completed. */
MT_API MT_MUST_USE mt_status mt_event_stream_emit(mt_event_stream *stream, const void *event);

/* Completes the stream, with an error or (`error` NULL) without. `error` is BORROWED until the call
 * returns. MT_CLOSED: it has completed before. */
MT_API MT_MUST_USE mt_status mt_event_stream_complete(mt_event_stream *stream,
                                                      const mt_error *error);

MT_END_DECLS
#endif
