/* inbound.c - what we subscribed to: it is taken, stored, and acknowledged in the order in which it
 * came.
 *
 *     DATA -> arrival -> one commit of the database for each frame -> all stored -> the standing moves on,
 *     with every arrival before it -> ACK, and a record with the next commit
 *
 * So the standing that is stored never covers what is not. What is refused for what it is (its state is
 * in the future, a hook does not take it) is tried again node by node; the standing passes it. What
 * fails for another reason ends the session, and comes again. */
#include "base/word.h"
#include "sync/joined.h"
#include "sync/sync.h"

/* Positions that wait for data before them. */
#define POSITIONS_MAX 1000u

mti_inbound *mti_inbound_find(const mti_session *session, uint64_t id)
{
    mti_inbound *in = session->inbound;

    while (in && in->id != id) in = in->next;
    return in;
}

static void inbound_free(const mt_mem *mem, mti_inbound *in)
{
    mti_range_free(mem, &in->range);
    mti_mem_free(mem, in, sizeof *in);
}

static void arrival_free(mti_arrival *arrival)
{
    mt_buf_free(&arrival->bytes);
    mti_mem_free(arrival->sync->mem, arrival, sizeof *arrival);
}

void mti_inbound_end_all(mti_session *session)
{
    mti_inbound *in;
    mti_arrival *arrival;

    while ((in = session->inbound)) {
        session->inbound = in->next;
        mti_comparing_end(in);
        inbound_free(session->sync->mem, in);
    }
    while ((arrival = session->arrivals)) {
        session->arrivals = arrival->next;
        arrival->session = NULL;
        if (arrival->waits == 0) arrival_free(arrival);
    }
    session->arrivals_end = &session->arrivals;
    session->arriving = session->positions_in = 0;
}

/* ---- Subscribing ---- */

static void standing_take(mti_inbound *in, const mti_standing *standing)
{
    in->standing = *standing;
    if (standing->after.len) memmove(in->after, standing->after.data, standing->after.len);
    in->standing.after.data = in->after;
}

void mti_inbound_say_subscribe(mti_session *session, const mti_inbound *in, const mti_sip128 *print,
                               uint64_t nodes)
{
    mti_say say = mti_say_begin(&session->sync->message, MTI_SUBSCRIBE);
    uint8_t bytes[16];

    mti_say_number(&say, in->id);
    mti_say_range(&say, &in->range,
                  (in->once ? MTI_RANGE_ONCE : 0) | (print ? MTI_RANGE_COMPARE : 0) |
                      (session->sync->dry ? MTI_RANGE_DRY : 0));
    if (!print) mti_say_standing(&say, &in->standing);
    if (print) {
        mti_store_le64(print->lo, bytes);
        mti_store_le64(print->hi, bytes + 8);
        mti_say_fixed(&say, (mt_bytes){bytes, sizeof bytes});
        mti_say_number(&say, nodes);
    }
    session->asks = true;
    mti_session_send(session, &say);
}

static bool is_subscribed(const mti_session *session, const mti_range *range)
{
    for (const mti_inbound *in = session->inbound; in; in = in->next)
        if (mti_range_equal(&in->range, range)) return true;
    return false;
}

/* Whether there may be anything on both sides that need not go over. */
static bool may_compare(const mti_session *session, const mti_inbound *in, const mti_known *known)
{
    return !known && !in->range.uids && !session->empty && !mti_is_empty(session->sync) &&
           mti_rights_read(session, &in->range);
}

/* Subscribes to a range, which is MOVED. */
static mt_status subscribe(mti_session *session, mti_range *range, bool once)
{
    mti_sync *sync = session->sync;
    mti_inbound *in = mti_mem_alloc(sync->mem, sizeof *in), **at = &session->inbound;
    const mti_known *known = NULL;

    if (!in) return MT_NO_MEMORY;
    memset(in, 0, sizeof *in);
    in->range = *range;
    memset(range, 0, sizeof *range);
    in->id = ++session->last_subscription;
    in->once = once;
    mti_range_key(&in->range, in->key);
    if (!sync->dry && (known = mti_known_get(sync, session, in))) {
        mti_standing standing = mti_known_standing(known);
        standing_take(in, &standing);
    }
    while (*at) at = &(*at)->next;
    *at = in;
    if (session->compares && (sync->dry || may_compare(session, in, known)))
        return mti_comparing_new(session, in);
    if (sync->dry) {
        mti_fail(&in->error, MT_UNSUPPORTED, "it cannot tell what differs");
        in->ended = true;
        return MT_OK;
    }
    mti_inbound_say_subscribe(session, in, NULL, 0);
    return MT_OK;
}

void mti_inbound_subscribe(mti_session *session)
{
    const mti_wishes *wishes = mti_session_wishes(session);
    mti_sync *sync = session->sync;
    mt_status st = MT_OK;

    for (size_t i = 0; i < wishes->count * session->theirs.count && st == MT_OK; i++) {
        const mti_wish *ours = &wishes->at[i / session->theirs.count];
        const mti_wish *theirs = &session->theirs.at[i % session->theirs.count];
        mti_range common;
        bool empty;
        if (!ours->pull || !theirs->push) continue;
        st = mti_range_common(sync->mem, &ours->range, &theirs->range, &common, &empty);
        if (st == MT_OK && !empty && !is_subscribed(session, &common))
            st = subscribe(session, &common, ours->once);
        mti_range_free(sync->mem, &common);
        if (session->stage != SESSION_ACTIVE) return;
    }
    if (st != MT_OK) mti_session_fail(session, st, NULL, true);
    mti_status_note(session);
}

void mti_inbound_granted(mti_session *session, mti_parse *in)
{
    mti_inbound *sub = mti_inbound_find(session, mti_parse_number(in, "the subscription"));
    mti_standing standing;
    uint64_t nodes = 0;

    mti_parse_standing(in, &standing);
    if (standing.how >= MTI_STANDS_ASKED) nodes = mti_parse_number(in, "how many nodes it has");
    if (mti_parse_end(in) != MT_OK || !sub) return;
    sub->nodes_there = nodes;
    if (session->asks) session->round_trips++;
    session->asks = false;
    sub->grant++;
    sub->all = false;
    standing_take(sub, &standing);
    mti_comparing_granted(session, sub);
    mti_status_note(session);
}

void mti_inbound_differs(mti_inbound *in, const mt_env *env, const mti_asker_result *found)
{
    in->differ = *found;
    in->all = in->ended = true;
    in->since_ms = env->now_ms(env->ctx);
}

void mti_inbound_refused(mti_session *session, mti_parse *in)
{
    mti_inbound *sub = mti_inbound_find(session, mti_parse_number(in, "the subscription"));
    mt_error why;

    mti_parse_reason(in, &why);
    if (mti_parse_end(in) != MT_OK || !sub) return;
    session->error = sub->error = why;
    sub->ended = true;
    mti_comparing_refused(sub);
    mti_status_note(session);
}

/* ---- Stored ---- */

/* All before this is stored, or was refused. */
static void arrived(mti_session *session, const mti_arrival *arrival)
{
    mti_inbound *in = mti_inbound_find(session, arrival->subscription);
    bool moved = false;

    if (!arrival->uncounted)
        mti_session_handled(session, arrival->len, arrival->flags & MTI_DATA_PROMPT);
    /* What came before the peer began anew says nothing of where it stands since. */
    if (!in || in->ended || arrival->grant != in->grant) return;
    if (arrival->flags & MTI_DATA_COPY && in->standing.how == MTI_STANDS_COPYING &&
        arrival->last_len > 0) {
        memcpy(in->after, arrival->last, arrival->last_len);
        in->standing.after = (mt_bytes){in->after, arrival->last_len};
        moved = true;
    }
    if (arrival->flags & MTI_DATA_POSITION) {
        in->standing.at = arrival->position;
        in->standing.how = MTI_STANDS_FEED;
        in->standing.after.len = 0;
        moved = true;
        mti_comparing_fed(in);
    }
    /* Of a peer that is not expected back, and where there is no room, nothing is kept. */
    if (moved && !in->overflowed && !mt_connection_ephemeral(session->connection))
        (void)mti_known_set(session->sync, session, in);
    if (!(arrival->flags & MTI_DATA_ALL)) return;
    in->all = true;
    in->since_ms = session->sync->env->now_ms(session->sync->env->ctx);
    mti_known_store(session->sync);
    in->ended = in->once;
}

/* What the peer said behind data that is stored now. */
static void heard(mti_session *session, const mti_arrival *arrival)
{
    mt_error err = {.status = MT_OK};
    mti_parse in = mti_parse_of(mt_buf_bytes(&arrival->bytes), "a question", &err);

    if (arrival->message == MTI_LACK) mti_comparing_take(session, arrival->message, &in);
    else mti_compared_take(session, arrival->message, &in);
    if (in.failed && session->stage == SESSION_ACTIVE)
        mti_session_fail(session, err.status, err.text, false);
}

static void arrivals_settle(mti_session *session)
{
    mti_arrival *arrival;

    mti_session_hold(session);

    while ((arrival = session->arrivals) && arrival->waits == 0) {
        if (!(session->arrivals = arrival->next)) session->arrivals_end = &session->arrivals;
        session->positions_in -= arrival->uncounted;
        session->arriving -= arrival->len;
        if (arrival->message) heard(session, arrival);
        else arrived(session, arrival);
        arrival_free(arrival);
    }
    mti_status_note(session);
    mti_session_release(session);
}

void mti_arrival_leave(mti_arrival *arrival)
{
    if (--arrival->waits > 0) return;
    if (arrival->session) arrivals_settle(arrival->session);
    else arrival_free(arrival);
}

/* ---- Taking rows ---- */

/* Whether what failed is for what it is: then another peer's time, or ours, is not to be spent on it. */
bool mti_is_refusal(mt_status status)
{
    return status == MT_STATE || status == MT_REFUSED || status == MT_INVALID ||
           status == MT_TOO_LARGE || status == MT_UNSUPPORTED || status == MT_MALFORMED;
}

static void stored(void *ctx, mt_db *db, const mt_result *result)
{
    mti_arrival *arrival = ctx;
    mti_session *session = arrival->session;

    (void)db;
    if (session && result->status != MT_OK && !session->sync->closing) {
        if (!mti_is_refusal(result->status))
            mti_session_fail(session, result->status, result->text, true);
        else if (!arrival->refused) {
            arrival->refused = true;
            mti_refused_arrival(arrival, result->status, result->text);
        }
    }
    mti_arrival_leave(arrival);
}

static mt_status receive(mti_arrival *arrival, mti_inbound *in, const mt_row *rows, size_t count)
{
    mti_session *session = arrival->session;
    mt_buf buf = {.mem = session->sync->mem};
    mt_received what = {.rows = rows, .count = count, .checked = true};
    mt_storage_record record;
    mt_status st;

    if (!mt_connection_ephemeral(session->connection) &&
        mti_known_record(session->sync, session, in, &buf, &record)) {
        what.records = &record;
        what.record_count = 1;
    }
    arrival->waits++;
    st = mt_db_receive_with(session->sync->db, session->connection, &what, NULL, stored, arrival,
                            NULL);
    mt_buf_free(&buf);
    if (st != MT_OK) arrival->waits--;
    return st;
}

/* The last node of these rows that is whole; where the message is cut, perhaps not the last. */
static void note_last(mti_arrival *arrival, const mt_row *rows, size_t count)
{
    size_t at = count;

    if (arrival->flags & MTI_DATA_CUT)
        while (at > 0 && mt_bytes_equal(rows[at - 1].uid, rows[count - 1].uid)) at--;
    if (at == 0) return;
    memcpy(arrival->last, rows[at - 1].uid.data, rows[at - 1].uid.len);
    arrival->last_len = rows[at - 1].uid.len;
}

static mt_status rows_check(const mti_session *session, const mti_inbound *in, const mt_row *rows,
                            size_t count, mt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        mt_bytes uid = rows[i].uid;

        if (!mti_rights_write(session, uid))
            return mti_fail(err, MT_REFUSED, "it lacks the right to write %.*s", (int)uid.len,
                            (const char *)uid.data);
        if (!mti_range_has(&in->range, uid))
            return mti_fail(err, MT_INVALID, "data of a node that was not asked for");
    }
    return MT_OK;
}

static mt_status take_frame(mti_arrival *arrival, mti_inbound *in, const mt_row *rows, size_t count,
                            mt_error *err)
{
    mti_session *session = arrival->session;
    uint64_t before = in->nodes;
    mt_status st = rows_check(session, in, rows, count, err);

    if (st != MT_OK) return st;
    for (size_t i = 0; i < count; i++) in->nodes += !rows[i].more;
    session->nodes_in += in->nodes - before;
    note_last(arrival, rows, count);
    if ((st = receive(arrival, in, rows, count)) == MT_OK) return MT_OK;
    return mti_fail(err, st, "%s", mt_db_error(session->sync->db)->text);
}

/* Each frame of the rows is a commit; of one that came as one, all frames together. */
static mt_status take_rows(mti_arrival *arrival, mti_inbound *in, mt_bytes bytes, mt_error *err)
{
    mt_binary_reader *reader = arrival->sync->reader;
    mti_joined joined = {.mem = arrival->sync->mem};
    bool joins = arrival->flags & MTI_DATA_COMMIT;
    const mt_row *rows;
    size_t count;
    mt_status st;

    mt_binary_reader_reset(reader);
    st = mt_binary_reader_feed(reader, bytes, true);
    /* A hook may have taken the link away meanwhile. */
    while (st == MT_OK && arrival->session &&
           (st = mt_binary_reader_rows(reader, &rows, &count)) == MT_OK) {
        if (!joins) st = take_frame(arrival, in, rows, count, err);
        else if ((st = mti_joined_add(&joined, rows, count)) != MT_OK) (void)mti_no_memory(err);
    }
    if (st != MT_END && st != MT_OK && err->status == MT_OK)
        (void)mti_fail(err, st, "%s", mt_binary_reader_error(reader)->text);
    if (st == MT_END) st = MT_OK;
    if (st == MT_OK && joined.count > 0)
        st = take_frame(arrival, in, joined.rows, joined.count, err);
    mti_joined_free(&joined);
    return st;
}

static mti_arrival *arrival_new(mti_session *session, mt_bytes rows, unsigned flags)
{
    const mt_mem *mem = session->sync->mem;
    mti_arrival *arrival = mti_mem_alloc(mem, sizeof *arrival);

    if (!arrival) return NULL;
    memset(arrival, 0, sizeof *arrival);
    arrival->session = session;
    arrival->sync = session->sync;
    arrival->bytes.mem = mem;
    arrival->flags = flags;
    if (mti_buf_append(&arrival->bytes, rows.data, rows.len) != MT_OK) {
        arrival_free(arrival);
        return NULL;
    }
    *session->arrivals_end = arrival;
    session->arrivals_end = &arrival->next;
    return arrival;
}

static const char more_than_window[] = "it sends more than the window";

/* How much a peer that heeds our window has on its way at most. */
static size_t arriving_max(const mti_session *session)
{
    size_t window = session->sync->window, max = window + MT_MESSAGE_LEN_MAX;

    for (const mti_inbound *in = session->inbound; in; in = in->next)
        max += (window < MTI_IN_FLIGHT_MAX ? window : MTI_IN_FLIGHT_MAX) + MT_MESSAGE_LEN_MAX;
    return max;
}

void mti_inbound_position(mti_session *session, uint64_t id, const mt_cursor *position)
{
    mti_inbound *in = mti_inbound_find(session, id);
    mt_bytes none = {NULL, 0};
    mti_arrival *arrival;

    /* One that is not taken is only told later. */
    if (!in || session->positions_in >= POSITIONS_MAX) return;
    arrival = arrival_new(session, none, MTI_DATA_COMMIT | MTI_DATA_POSITION);
    if (!arrival) return;
    arrival->subscription = id;
    arrival->grant = in->grant;
    arrival->position = *position;
    arrival->uncounted = true;
    session->positions_in++;
    arrivals_settle(session);
}

void mti_inbound_message(mti_session *session, unsigned type, mti_parse *in)
{
    mt_bytes body = mti_parse_rest(in);
    mti_arrival *arrival;

    if (session->positions_in >= POSITIONS_MAX) {
        mti_parse_fail(in, "the message", "too many before it are not handled");
        return;
    }
    if (!(arrival = arrival_new(session, body, 0))) {
        mti_session_fail(session, MT_NO_MEMORY, NULL, true);
        return;
    }
    arrival->message = type;
    arrival->uncounted = true;
    session->positions_in++;
    arrival->len = body.len;
    session->arriving += arrival->len;
    if (session->arriving <= arriving_max(session)) arrivals_settle(session);
    else mti_session_fail(session, MT_INVALID, more_than_window, false);
}

void mti_inbound_data(mti_session *session, mti_parse *in)
{
    uint64_t id = mti_parse_number(in, "the subscription");
    unsigned flags = (unsigned)mti_parse_number(in, "the flags");
    mt_cursor position = {{0}, 0};
    mti_arrival *arrival;
    mti_inbound *sub = mti_inbound_find(session, id);
    mt_error err = {.status = MT_OK};
    mt_status st = MT_OK;
    mt_bytes rows;

    if (flags & MTI_DATA_POSITION) mti_parse_cursor(in, &position);
    rows = mti_parse_rest(in);
    if (in->failed) return;
    if (!(arrival = arrival_new(session, rows, flags))) {
        mti_session_fail(session, MT_NO_MEMORY, NULL, true);
        return;
    }
    arrival->subscription = id;
    arrival->grant = sub ? sub->grant : 0;
    arrival->position = position;
    arrival->len = (size_t)(in->end - in->start);
    if (sub) sub->bytes += arrival->len;
    arrival->waits = 1; /* until all was given to the database */
    session->arriving += arrival->len;
    if (session->arriving > arriving_max(session))
        st = mti_fail(&err, MT_INVALID, "%s", more_than_window);
    else if (sub && !sub->ended && rows.len > 0) st = take_rows(arrival, sub, rows, &err);
    if (st != MT_OK) mti_session_fail(session, st, err.text, !mti_is_refusal(st));
    mti_arrival_leave(arrival);
}
