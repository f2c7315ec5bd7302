/* outbound.c - what a peer subscribed to here, from its beginning to its end.
 *
 *     SUBSCRIBE --position known--> feed --nothing left--> live --no room--> feed
 *         |                          ^
 *         +-----not known----> copy -+
 *
 * One request of the database is under way for it at a time; whoever wants it to go on meanwhile has
 * it step again afterwards. */
#include "base/word.h"
#include "sync/sync.h"

/* How many subscriptions one session has. */
#define SUBSCRIPTIONS_MAX 1000u

mti_outbound *mti_outbound_find(const mti_session *session, uint64_t id)
{
    mti_outbound *out = session->outbound;

    while (out && out->id != id) out = out->next;
    return out;
}

static void destroy(mti_outbound *out)
{
    const mt_mem *mem = out->sync->mem;

    mti_range_free(mem, &out->range);
    mti_block_free(mem, &out->wants);
    mti_gather_free(&out->rows);
    mti_mem_free(mem, out, sizeof *out);
}

void mti_outbound_release(mti_outbound *out)
{
    out->busy = false;
    if (!out->session) destroy(out);
    else if (out->again) mti_session_flush_soon(out->session);
}

void mti_outbound_fail(mti_outbound *out, mt_status status, const char *text)
{
    if (out->session) mti_session_fail(out->session, status, text, true);
}

static void leave(mti_outbound *out)
{
    mti_compared_end(out);
    out->session = NULL;
    if (out->stream) mti_copy_end(out);
    if (!out->busy) destroy(out);
}

void mti_outbound_end_all(mti_session *session)
{
    mti_outbound *out;

    while ((out = session->outbound)) {
        session->outbound = out->next;
        leave(out);
    }
}

void mti_outbound_stop(mti_session *session, uint64_t id)
{
    mti_outbound **at = &session->outbound, *out;

    while (*at && (*at)->id != id) at = &(*at)->next;
    if (!(out = *at)) return;
    *at = out->next;
    leave(out);
    mti_session_flush_soon(session); /* what was sent to it is over */
}

/* ---- Rows on their way ---- */

mt_status mti_outbound_say_data(const mti_outbound *out, unsigned flags, const mt_cursor *position,
                                mt_bytes rows)
{
    mti_say say = mti_say_begin(&out->sync->message, MTI_DATA);

    mti_say_number(&say, out->id);
    mti_say_number(&say, flags);
    if (flags & MTI_DATA_POSITION) mti_say_cursor(&say, position);
    mti_say_fixed(&say, rows);
    return mti_say_end(&say);
}

static size_t in_flight_max(const mti_outbound *out)
{
    size_t window = out->session->window;

    return window < MTI_IN_FLIGHT_MAX ? window : MTI_IN_FLIGHT_MAX;
}

bool mti_outbound_has_room(const mti_outbound *out)
{
    return out->in_flight < in_flight_max(out) && mti_session_has_room(out->session);
}

void mti_outbound_stalls(const mti_outbound *out)
{
    mti_session *s = out->session;

    if (out->in_flight >= in_flight_max(out) && s->stalls_till == 0)
        s->stalls_till = s->sent_number;
}

bool mti_outbound_concerns(const mti_outbound *out, const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;

    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node))
        if (!node.empty && mti_range_has(&out->range, node.uid)) return true;
    return false;
}

/* ---- Beginning ---- */

void mti_outbound_say_subscribed(mti_outbound *out, uint64_t nodes)
{
    mti_say say = mti_say_begin(&out->sync->message, MTI_SUBSCRIBED);
    mti_standing standing = {out->position, MTI_STANDS_FEED, {out->after, out->after_len}};

    if (out->mode == OUT_COPY) standing.how = MTI_STANDS_COPYING;
    if (out->mode == OUT_ASKED) standing.how = MTI_STANDS_ASKED;
    if (out->mode == OUT_COMPARE) standing.how = MTI_STANDS_COMPARED;
    mti_say_number(&say, out->id);
    mti_say_standing(&say, &standing);
    if (standing.how >= MTI_STANDS_ASKED) mti_say_number(&say, nodes);
    mti_session_send(out->session, &say);
}

static void refuse(mti_session *session, uint64_t id, mt_status status, const char *why)
{
    mti_say say = mti_say_begin(&session->sync->message, MTI_REFUSED);

    mti_say_number(&say, id);
    mti_say_reason(&say, status, why);
    mti_session_send(session, &say);
}

/* Whether all of a range is given. One that spans several of ours is not: it is asked for in parts. */
static mt_status is_given(const mti_session *session, const mti_range *range, bool *given)
{
    const mti_wishes *wishes = mti_session_wishes(session);
    const mti_sync *sync = session->sync;

    *given = false;
    for (size_t i = 0; i < wishes->count && !*given; i++) {
        const mti_wish *wish = &wishes->at[i];
        mti_range common;
        bool empty;
        if (!wish->push) continue;
        if (mti_range_common(sync->mem, &wish->range, range, &common, &empty) != MT_OK)
            return MT_NO_MEMORY;
        *given = !empty && mti_range_equal(&common, range);
        mti_range_free(sync->mem, &common);
    }
    return MT_OK;
}

/* Where the peer stands decides how it goes on. A position that the log does not know, the feed finds
 * out. */
static void begin(mti_outbound *out, const mti_standing *standing)
{
    static const mt_cursor nothing;

    out->position = standing->at;
    out->mode = OUT_FEED;
    if (memcmp(&standing->at, &nothing, sizeof nothing) == 0 ||
        standing->how == MTI_STANDS_COPYING) {
        out->mode = OUT_COPY;
        if (standing->how != MTI_STANDS_COPYING) out->position = mti_log_head(out->sync);
        out->after_len = standing->after.len;
        if (out->after_len) memcpy(out->after, standing->after.data, out->after_len);
    }
    mti_outbound_say_subscribed(out, 0);
    mti_session_flush_soon(out->session);
}

/* The peer has something of the range, and does not know where it stands. */
static void begin_compared(mti_outbound *out, const mti_sip128 *print, uint64_t nodes)
{
    out->position = mti_log_head(out->sync);
    out->mode = OUT_CHECK;
    mti_compared_check(out, print, nodes);
}

void mti_outbound_feed(mti_outbound *out)
{
    mti_compared_end(out);
    out->mode = OUT_FEED;
    out->position_owed = true;
    mti_session_flush_soon(out->session);
    mti_status_note(out->session);
}

void mti_outbound_copy(mti_outbound *out)
{
    mti_compared_end(out);
    out->mode = OUT_COPY;
    out->after_len = 0;
    out->last_read = false;
    out->position = mti_log_head(out->sync);
    mti_outbound_say_subscribed(out, 0);
    mti_session_flush_soon(out->session);
}

static mti_outbound *outbound_new(mti_session *session, uint64_t id, mti_range *range)
{
    mti_outbound *out = mti_mem_alloc(session->sync->mem, sizeof *out), **at = &session->outbound;

    if (!out) return NULL;
    memset(out, 0, sizeof *out);
    out->session = session;
    out->sync = session->sync;
    out->id = id;
    out->range = *range;
    memset(range, 0, sizeof *range);
    while (*at) at = &(*at)->next;
    mti_gather_init(&out->rows, session->sync->mem);
    *at = out;
    return out;
}

static size_t count_of(const mti_session *session)
{
    size_t count = 0;

    for (const mti_outbound *out = session->outbound; out; out = out->next) count++;
    return count;
}

static void parse_print(mti_parse *in, const mti_range *range, mti_sip128 *print, uint64_t *nodes)
{
    mt_bytes bytes = mti_parse_fixed(in, "the print", 16);

    *nodes = mti_parse_number(in, "how many nodes it has");
    if (range->uids) mti_parse_fail(in, "the print", "a list has none");
    if (in->failed) return;
    *print = (mti_sip128){mti_load_le64(bytes.data), mti_load_le64(bytes.data + 8)};
}

/* One that subscribes again to what it has is given it once: it began anew, and we had heard of the one before
 * only then. */
static void replace(mti_session *session, const mti_range *range)
{
    mti_outbound *out = session->outbound;

    while (out && !mti_range_equal(&out->range, range)) out = out->next;
    if (out) mti_outbound_stop(session, out->id);
}

void mti_outbound_start(mti_session *session, mti_parse *in)
{
    const mt_mem *mem = session->sync->mem;
    uint64_t id = mti_parse_number(in, "the subscription");
    mti_standing standing;
    mti_outbound *out;
    unsigned flags;
    mti_range range;
    mti_sip128 print = {0, 0};
    uint64_t nodes = 0;
    bool given = false;
    mt_status st = mti_parse_range(in, mem, &range, &flags);

    if (st == MT_OK) {
        if (!(flags & MTI_RANGE_COMPARE)) mti_parse_standing(in, &standing);
        else parse_print(in, &range, &print, &nodes);
        st = mti_parse_end(in);
    }
    if (st == MT_OK && (id == 0 || mti_outbound_find(session, id))) {
        mti_parse_fail(in, "the subscription", "its number is 0, or in use");
        st = MT_MALFORMED;
    }
    if (st == MT_OK && (st = is_given(session, &range, &given)) != MT_OK)
        (void)mti_no_memory(in->err);
    if (st != MT_OK) {
        mti_range_free(mem, &range);
        mti_session_fail(session, st, in->err->text, st == MT_NO_MEMORY);
        return;
    }
    if (given) replace(session, &range);
    if (!given)
        refuse(session, id, MT_REFUSED,
               session->sync->rights ? "the right to read all of that range is lacking"
                                     : "this peer does not give that range");
    else if (count_of(session) >= SUBSCRIPTIONS_MAX)
        refuse(session, id, MT_TOO_LARGE, "too many subscriptions");
    else if (!(out = outbound_new(session, id, &range)))
        mti_session_fail(session, MT_NO_MEMORY, NULL, true);
    else {
        out->once = flags & MTI_RANGE_ONCE;
        out->dry = flags & MTI_RANGE_DRY && flags & MTI_RANGE_COMPARE;
        if (flags & MTI_RANGE_COMPARE) begin_compared(out, &print, nodes);
        else begin(out, &standing);
    }
    mti_range_free(mem, &range);
}

/* ---- Going on ---- */

void mti_outbound_step(mti_outbound *out)
{
    if (out->busy) {
        out->again = true;
        if (out->paused) mti_copy_step(out);
        return;
    }
    out->again = false;
    if (out->ended || out->mode == OUT_LIVE) return;
    if (!mti_outbound_has_room(out)) {
        mti_outbound_stalls(out);
        return;
    }
    switch (out->mode) {
    case OUT_COPY: mti_copy_step(out); break;
    case OUT_FEED: mti_feed_step(out); break;
    case OUT_ASKED:
    case OUT_COMPARE:
        if (out->sending.sends) mti_sending_step(out);
        break;
    case OUT_CHECK:
    case OUT_LIVE: break;
    }
}

/* Each in turn: the one that comes first now comes last the next time. */
void mti_outbound_step_all(mti_session *session)
{
    mti_outbound *first = session->outbound, **at = &session->outbound;

    for (mti_outbound *out = session->outbound, *next; out; out = next) {
        next = out->next;
        mti_outbound_step(out);
        if (session->stage != SESSION_ACTIVE) return;
    }
    if (!first || !first->next) return;
    session->outbound = first->next;
    while (*at) at = &(*at)->next;
    *at = first;
    first->next = NULL;
}

void mti_outbound_acked(mti_session *session, uint64_t count)
{
    while (count-- > 0 && session->sent_count > 0) {
        mti_sent sent = session->sent[session->sent_first & (session->sent_cap - 1)];
        mti_outbound *out = mti_outbound_find(session, sent.subscription);

        session->sent_first = (session->sent_first + 1) & (session->sent_cap - 1);
        session->sent_count--;
        if (sent.live) session->live_in_flight -= sent.size;
        /* Another subscription may have its number now. */
        if (out) out->in_flight -= sent.size < out->in_flight ? sent.size : out->in_flight;
    }
}
