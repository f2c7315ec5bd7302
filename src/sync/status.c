/* status.c - how it stands with each peer, in words and as data. */
#include "sync/sync.h"

/* How long a line is; what does not fit is left out. */
#define TEXT_LEN (sizeof((mt_sync_peer *)NULL)->text)

static void say_line(char text[TEXT_LEN], const mt_error *line)
{
    memcpy(text, line->text, TEXT_LEN - 1);
    text[TEXT_LEN - 1] = '\0';
}

static void say_only(char text[TEXT_LEN], const char *what)
{
    mt_error line;

    mti_fail(&line, MT_OK, "%s", what);
    say_line(text, &line);
}

/* A number with its thousands apart. */
typedef struct grouped {
    char text[27];
} grouped;

static grouped grouped_of(uint64_t number)
{
    char digits[20];
    size_t count = 0;
    grouped out = {""};
    char *at = out.text;

    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count-- > 0) {
        *at++ = digits[count];
        if (count > 0 && count % 3 == 0) *at++ = ',';
    }
    *at = '\0';
    return out;
}

/* What is done, with how many, of what; `name` may be empty. */
static void say_count(char text[TEXT_LEN], const char *what, mt_bytes name, uint64_t count)
{
    grouped number = grouped_of(count);
    mt_error line;

    mti_fail(&line, MT_OK, "%s%s%.*s, %s nodes", what, name.len ? " " : "", (int)name.len,
             (const char *)name.data, number.text);
    say_line(text, &line);
}

static void say_lag(char text[TEXT_LEN], uint64_t behind)
{
    grouped number = grouped_of(behind);
    mt_error line;

    mti_fail(&line, MT_OK, "lagging by %s changes", number.text);
    say_line(text, &line);
}

static void say_refused(char text[TEXT_LEN], const char *why)
{
    mt_error line;

    mti_fail(&line, MT_OK, "refused: %s", why);
    say_line(text, &line);
}

static const mti_inbound *catching(const mti_session *session)
{
    const mti_inbound *in = session->inbound;

    while (in && (in->ended || in->all)) in = in->next;
    return in;
}

static const mti_outbound *lagging(const mti_session *session)
{
    const mti_outbound *out = session->outbound;

    while (out && (out->ended || out->mode == OUT_LIVE)) out = out->next;
    return out;
}

static uint64_t behind_of(const mti_outbound *out)
{
    uint64_t head = mti_log_head(out->sync).number, at = out->position.number;

    if (out->ended || (out->mode == OUT_LIVE && !out->skipped)) return 0;
    return head > at ? head - at : 0; /* the peer may say that it is anywhere */
}

static uint64_t most_behind(const mti_session *session)
{
    uint64_t most = 0;

    for (const mti_outbound *out = session->outbound; out; out = out->next)
        if (behind_of(out) > most) most = behind_of(out);
    return most;
}

static void fill_live(mti_refusals refused, mt_sync_peer *peer)
{
    mt_error line;

    if (refused.count == 0) mti_fail(&line, MT_OK, "live");
    else if (refused.due == 0) mti_fail(&line, MT_OK, "live, but for %zu refused", refused.count);
    else
        mti_fail(&line, MT_OK, "live, but for %zu refused: %zu due in %llu min", refused.count,
                 refused.due, (unsigned long long)(refused.soonest_ms + 59999) / 60000);
    say_line(peer->text, &line);
}

static mt_bytes name_of(const mti_range *range)
{
    mt_bytes prefix = mti_range_prefix(range);

    if (prefix.len > 0) return prefix;
    if (range->uids) return mt_str("a list");
    return mt_str(range->first.len + range->end.len > 0 ? "a range" : "everything");
}

/* "comparing notes/", "receiving notes/, 1,200 of 5,000 nodes that differ"; `name` may be empty. */
static void say_progress(char text[TEXT_LEN], mti_progress p, mt_bytes name)
{
    grouped done = grouped_of(p.done), total = grouped_of(p.total);
    const char *space = name.len ? " " : "";
    mt_error line;

    if (p.making) mti_fail(&line, MT_OK, "%s", p.making);
    else if (p.total == 0)
        mti_fail(&line, MT_OK, "%s%s%.*s", p.what, space, (int)name.len, (const char *)name.data);
    else
        mti_fail(&line, MT_OK, "%s%s%.*s, %s of %s nodes that differ", p.what, space, (int)name.len,
                 (const char *)name.data, done.text, total.text);
    say_line(text, &line);
}

static bool is_compared(const mti_outbound *out)
{
    return out->mode == OUT_CHECK || out->mode == OUT_ASKED || out->mode == OUT_COMPARE;
}

static void fill_active(const mti_session *session, mti_refusals refused, mt_sync_peer *peer)
{
    const mti_inbound *in = catching(session);
    const mti_outbound *out = lagging(session);

    if (in && in->comparing)
        say_progress(peer->text, mti_comparing_progress(in), name_of(&in->range));
    else if (out && is_compared(out))
        say_progress(peer->text, mti_sending_progress(out), name_of(&out->range));
    else if (in && in->standing.how == MTI_STANDS_COPYING)
        say_count(peer->text, "receiving", name_of(&in->range), in->nodes);
    else if (out && out->mode == OUT_COPY)
        say_count(peer->text, "sending", name_of(&out->range), out->nodes);
    else if (in) say_only(peer->text, "catching up");
    else if (out) say_lag(peer->text, peer->behind);
    else fill_live(refused, peer);
}

static mt_sync_state state_of(const mti_session *session)
{
    switch (session->stage) {
    case SESSION_OFFLINE: return MT_SYNC_OFFLINE;
    case SESSION_GREETING: return MT_SYNC_GREETING;
    case SESSION_STANDBY: return MT_SYNC_STANDBY;
    case SESSION_ENDED: return MT_SYNC_REFUSED;
    case SESSION_ACTIVE: break;
    }
    return catching(session) || lagging(session) ? MT_SYNC_CATCHING : MT_SYNC_LIVE;
}

static void fill(const mti_session *session, mt_sync_peer *peer)
{
    mti_refusals refused = {.count = 0};

    if (session->greeted) refused = mti_refused_of(session);
    memset(peer, 0, sizeof *peer);
    peer->size = sizeof *peer;
    peer->connection = session->connection;
    if (session->greeted) peer->id = (mt_bytes){session->peer, sizeof session->peer};
    peer->error = session->error.text;
    peer->nodes_in = session->nodes_in;
    peer->nodes_out = session->nodes_out;
    peer->bytes_in = session->bytes_in;
    peer->bytes_out = session->bytes_out;
    peer->refused = refused.count;
    peer->unstored = session->greeted && !mti_known_is_stored(session);
    peer->round_trip_ms = session->round_trip_ms;
    peer->round_trips = session->round_trips;
    peer->clock_ahead_ms = session->clock_ahead_ms;
    peer->status = session->error.text[0] ? session->error.status : MT_OK;
    peer->lacks = session->lacks;
    for (const mti_outbound *out = session->outbound; out; out = out->next)
        peer->unacknowledged += out->in_flight;
    peer->behind = most_behind(session);
    peer->state = state_of(session);
    switch (peer->state) {
    case MT_SYNC_OFFLINE: say_only(peer->text, "offline"); break;
    case MT_SYNC_GREETING: say_only(peer->text, "greeting"); break;
    case MT_SYNC_STANDBY: say_only(peer->text, "standby: the peer is there on another link"); break;
    case MT_SYNC_REFUSED: say_refused(peer->text, session->error.text); break;
    case MT_SYNC_CATCHING:
    case MT_SYNC_LIVE:
    case MT_SYNC_DONE: fill_active(session, refused, peer); break;
    }
    if (peer->state == MT_SYNC_LIVE) peer->since_ms = session->since_ms;
}

/* ---- Subscriptions ---- */

static void fill_inbound(const mti_inbound *in, mt_sync_subscription *sub)
{
    *sub = (mt_sync_subscription){.range = mti_range_show(&in->range),
                                  .state = MT_SYNC_CATCHING,
                                  .error = in->error.text,
                                  .nodes = in->nodes,
                                  .bytes = in->bytes};
    sub->range.once = in->once;
    if (in->error.text[0]) sub->state = MT_SYNC_REFUSED;
    else if (in->all) sub->state = in->ended ? MT_SYNC_DONE : MT_SYNC_LIVE;
    if (in->all) sub->since_ms = in->since_ms;
    sub->only_there = in->differ.theirs;
    sub->only_here = in->differ.ours;
    sub->on_both = in->differ.both;
    sub->nodes_there = in->nodes_there;
    if (sub->state == MT_SYNC_REFUSED) say_refused(sub->text, in->error.text);
    else if (in->all) say_only(sub->text, in->ended ? "done" : "live");
    else if (in->comparing) say_progress(sub->text, mti_comparing_progress(in), mt_str(""));
    else if (in->standing.how == MTI_STANDS_COPYING)
        say_count(sub->text, "receiving", mt_str(""), in->nodes);
    else say_only(sub->text, "catching up");
}

static void fill_outbound(const mti_outbound *out, mt_sync_subscription *sub)
{
    bool live = out->mode == OUT_LIVE;

    *sub = (mt_sync_subscription){.outgoing = true,
                                  .range = mti_range_show(&out->range),
                                  .state = MT_SYNC_CATCHING,
                                  .error = "",
                                  .nodes = out->nodes,
                                  .bytes = out->bytes,
                                  .behind = behind_of(out),
                                  .unacknowledged = out->in_flight};
    sub->range.once = out->once;
    if (live) {
        sub->state = out->ended ? MT_SYNC_DONE : MT_SYNC_LIVE;
        sub->since_ms = out->since_ms;
        say_only(sub->text, out->ended ? "done" : "live");
    } else if (out->mode == OUT_COPY) {
        say_count(sub->text, "sending", mt_str(""), out->nodes);
    } else if (is_compared(out)) {
        say_progress(sub->text, mti_sending_progress(out), mt_str(""));
    } else {
        say_lag(sub->text, sub->behind);
    }
}

/* Notes since when it is live. Called wherever that may change. */
void mti_status_note(mti_session *session)
{
    mti_sync *sync = session->sync;
    mt_sync_state state = state_of(session);

    if (state == session->shown) return;
    session->shown = state;
    if (state == MT_SYNC_LIVE) session->since_ms = sync->env->now_ms(sync->env->ctx);
    if (sync->changed && !sync->closing)
        sync->env->timer_set(sync->env->ctx, &sync->tell_changed, 0);
}

mti_sync *mti_sync_of(mt_db *db)
{
    if (db->router.name && db->router.push == mti_sync_ops.push) return db->router_ctx;
    (void)mti_db_fail(db, MT_UNSUPPORTED, "the router of this database is not that of sync");
    return NULL;
}

mt_status mt_db_status(mt_db *db, void (*show)(void *ctx, const mt_sync_peer *peer), void *ctx)
{
    mti_sync *sync = mti_sync_of(db);
    mt_sync_peer peer;

    if (!sync) return MT_UNSUPPORTED;
    for (const mti_session *s = sync->sessions; s; s = s->next) {
        fill(s, &peer);
        show(ctx, &peer);
    }
    return MT_OK;
}

/* They take turns in their list; by their numbers they always come in one order. */
static const mti_outbound *next_outbound(const mti_session *session, uint64_t after)
{
    const mti_outbound *next = NULL;

    for (const mti_outbound *out = session->outbound; out; out = out->next)
        if (out->id > after && (!next || out->id < next->id)) next = out;
    return next;
}

mt_status mt_db_subscriptions(mt_db *db, const mt_connection *connection,
                              void (*show)(void *ctx, const mt_sync_subscription *subscription),
                              void *ctx)
{
    mti_sync *sync = mti_sync_of(db);
    const mti_session *session;
    mt_sync_subscription sub;

    if (!sync) return MT_UNSUPPORTED;
    if (!(session = mti_session_of(sync, connection)))
        return mti_db_fail(db, MT_NOT_FOUND, "the connection is none of this database");
    for (const mti_inbound *in = session->inbound; in; in = in->next) {
        fill_inbound(in, &sub);
        show(ctx, &sub);
    }
    for (const mti_outbound *out = next_outbound(session, 0); out;
         out = next_outbound(session, out->id)) {
        fill_outbound(out, &sub);
        show(ctx, &sub);
    }
    return MT_OK;
}

mt_status mt_db_on_status(mt_db *db, void (*changed)(void *ctx, mt_db *db), void *ctx)
{
    mti_sync *sync = mti_sync_of(db);

    if (!sync) return MT_UNSUPPORTED;
    sync->changed = changed;
    sync->changed_ctx = ctx;
    return MT_OK;
}
