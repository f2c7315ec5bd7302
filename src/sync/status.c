/* status.c - how it stands with each peer, in words and as data. */
#include "sync/sync.h"

/* A line that is filled; what does not fit is left out. */
static void say(mt_sync_peer *peer, const char *text, mt_bytes what, uint64_t number)
{
    mt_error line;

    mti_fail(&line, MT_OK, text, (int)what.len, (const char *)what.data,
             (unsigned long long)number);
    memcpy(peer->text, line.text, sizeof peer->text - 1);
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

static uint64_t behind_of(const mti_session *session)
{
    uint64_t head = mti_log_head(session->sync).number, most = 0;

    for (const mti_outbound *out = session->outbound; out; out = out->next)
        if (!out->ended && out->mode == OUT_FEED && head - out->position.number > most)
            most = head - out->position.number;
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
    memcpy(peer->text, line.text, sizeof peer->text - 1);
}

static void fill_active(const mti_session *session, mti_refusals refused, mt_sync_peer *peer)
{
    const mti_inbound *in = catching(session);
    const mti_outbound *out = lagging(session);
    mt_bytes none = {NULL, 0};

    if (in && in->standing.copying)
        say(peer, "receiving %.*s, %llu nodes", mti_range_prefix(&in->range), in->nodes);
    else if (out && out->mode == OUT_COPY)
        say(peer, "sending %.*s, up to %llu changes behind", mti_range_prefix(&out->range),
            peer->behind);
    else if (in) say(peer, "%.*scatching up", none, 0);
    else if (out) say(peer, "%.*slagging by %llu changes", none, peer->behind);
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
    mt_bytes none = {NULL, 0};

    if (session->greeted) refused = mti_refused_of(session);
    memset(peer, 0, sizeof *peer);
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
    for (const mti_outbound *out = session->outbound; out; out = out->next)
        peer->unacknowledged += out->in_flight;
    peer->behind = behind_of(session);
    peer->state = state_of(session);
    switch (peer->state) {
    case MT_SYNC_OFFLINE: say(peer, "%.*soffline", none, 0); break;
    case MT_SYNC_GREETING: say(peer, "%.*sgreeting", none, 0); break;
    case MT_SYNC_STANDBY:
        say(peer, "%.*sstandby: the peer is there on another link", none, 0);
        break;
    case MT_SYNC_REFUSED: say(peer, "refused: %.*s", mt_str(session->error.text), 0); break;
    case MT_SYNC_CATCHING:
    case MT_SYNC_LIVE: fill_active(session, refused, peer); break;
    }
    if (peer->state == MT_SYNC_LIVE) peer->since_ms = session->since_ms;
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

static mti_sync *sync_of(mt_db *db)
{
    if (db->router.name && db->router.push == mti_sync_ops.push) return db->router_ctx;
    (void)mti_db_fail(db, MT_UNSUPPORTED, "the router of this database is not that of sync");
    return NULL;
}

mt_status mt_db_status(mt_db *db, void (*show)(void *ctx, const mt_sync_peer *peer), void *ctx)
{
    mti_sync *sync = sync_of(db);
    mt_sync_peer peer;

    if (!sync) return MT_UNSUPPORTED;
    for (const mti_session *s = sync->sessions; s; s = s->next) {
        fill(s, &peer);
        show(ctx, &peer);
    }
    return MT_OK;
}

mt_status mt_db_on_status(mt_db *db, void (*changed)(void *ctx, mt_db *db), void *ctx)
{
    mti_sync *sync = sync_of(db);

    if (!sync) return MT_UNSUPPORTED;
    sync->changed = changed;
    sync->changed_ctx = ctx;
    return MT_OK;
}
