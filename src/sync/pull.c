/* pull.c - reads of what is not here: the peers that give it are asked, but for those of which all has
 * come that they have.
 *
 * All peers that may have a node are asked at once. The read ends when every node was found, all peers
 * have answered, or the time is over. What comes within as much time again is merged all the same. */
#include "sync/sync.h"

/* A peer that a read is for. */
typedef struct peer {
    mti_session *session; /* NULL: it has answered, or is gone */
    bool asked;           /* else it is, once it has said what it gives */
} peer;

/* A read. Its peers are asked by its number. */
struct mti_pulling {
    mti_pulling *next;
    mti_sync *sync;
    uint64_t id;
    bool over; /* it has ended, and some peers have not answered */
    bool storage_none, allow_future;
    mt_timer late;
    peer *peers;
    size_t peer_count, left;
    mti_block keys; /* that were asked for ... */
    size_t key_count;
    bool *found; /* ... and whether one peer had it */
    size_t missing;
    mt_status failed; /* what one peer said instead of an answer; MT_OK: none did */
};

static void pulling_free(mti_pulling *p)
{
    mti_sync *sync = p->sync;
    mti_pulling **at = &sync->pulls;

    while (*at != p) at = &(*at)->next;
    *at = p->next;
    sync->env->timer_stop(sync->env->ctx, &p->late);
    mti_mem_free(sync->mem, p->peers, p->peer_count * sizeof *p->peers);
    mti_mem_free(sync->mem, p->found, p->key_count * sizeof *p->found);
    mti_block_free(sync->mem, &p->keys);
    mti_mem_free(sync->mem, p, sizeof *p);
}

/* The last answer, unless there was one. Peers that have not answered may do so yet. */
static void pulling_end(mti_pulling *p, mt_status status, const char *text)
{
    mti_sync *sync = p->sync;
    uint64_t id = p->id;
    bool was_over = p->over;

    p->over = true;
    if (p->left == 0) pulling_free(p);
    else sync->env->timer_set(sync->env->ctx, &p->late, sync->pull_ms);
    if (!was_over) mt_pull_done(sync->db, id, &(mt_pull_answer){.status = status, .text = text});
}

static void is_late(void *arg)
{
    mti_pulling *p = arg;

    if (p->over) pulling_free(p);
    else pulling_end(p, MT_DEADLINE, "the peers that were asked did not answer in time");
}

static mti_pulling *find(const mti_sync *sync, uint64_t id)
{
    mti_pulling *p = sync->pulls;

    while (p && p->id != id) p = p->next;
    return p;
}

void mti_sync_pull_cancel(mti_sync *sync, uint64_t id)
{
    mti_pulling *p = find(sync, id);

    if (p) pulling_free(p);
}

void mti_sync_pull_end_all(mti_sync *sync)
{
    while (sync->pulls) pulling_free(sync->pulls);
}

/* One peer will not answer any more. */
static void gone(mti_pulling *p, const mti_session *session)
{
    for (size_t i = 0; i < p->peer_count; i++) {
        if (p->peers[i].session != session) continue;
        p->peers[i].session = NULL;
        p->left--;
    }
}

void mti_sync_pull_leave(mti_session *session)
{
    mti_pulling *p = session->sync->pulls;

    while (p) {
        gone(p, session);
        if (p->left > 0 || session->sync->closing) {
            p = p->next;
            continue;
        }
        pulling_end(p, MT_OFFLINE, "the link to a peer that was asked went down");
        p = session->sync->pulls; /* hooks may have ended others */
    }
}

void mti_sync_pull_put_off(mti_session *session)
{
    for (mti_pulling *p = session->sync->pulls; p; p = p->next)
        for (size_t i = 0; i < p->peer_count; i++)
            if (p->peers[i].session == session) p->peers[i].asked = false;
}

/* Whether a session is one of those that a read waits for. */
static bool waits_for(const mti_pulling *p, const mti_session *session)
{
    size_t i = 0;

    while (i < p->peer_count && p->peers[i].session != session) i++;
    return i < p->peer_count;
}

void mti_sync_pull_move(mti_session *from, mti_session *to)
{
    for (mti_pulling *p = from->sync->pulls; p; p = p->next) {
        if (waits_for(p, to)) gone(p, from);
        for (size_t i = 0; i < p->peer_count; i++)
            if (p->peers[i].session == from) p->peers[i] = (peer){to, false};
    }
    if (to->stage == SESSION_ACTIVE) mti_sync_pull_ready(to);
}

/* ---- Asking ---- */

/* Whether all that the peer has of a node is here already. */
static bool has_all(const mti_session *session, mt_bytes uid)
{
    for (const mti_inbound *in = session->inbound; in; in = in->next)
        if (in->all && !in->ended && mti_range_has(&in->range, uid)) return true;
    return false;
}

/* Whether the peer may have of a node what is not here. */
static bool may_have(const mti_session *session, mt_bytes uid)
{
    return mti_wishes_give(&session->theirs, uid) && mti_rights_write(session, uid) &&
           !has_all(session, uid);
}

/* Asks one peer for what it may have. Answers whether there is anything. */
static bool ask(mti_pulling *p, mti_session *session)
{
    const mt_bytes *keys = p->keys.data;
    mti_say say;
    size_t count = 0;

    for (size_t i = 0; i < p->key_count; i++) count += may_have(session, keys[i]);
    if (count == 0) return false;
    say = mti_say_begin(&p->sync->message, MTI_PULL);
    mti_say_number(&say, p->id);
    mti_say_number(&say, count);
    for (size_t i = 0; i < p->key_count; i++)
        if (may_have(session, keys[i])) mti_say_bytes(&say, keys[i]);
    mti_session_send(session, &say);
    return true;
}

static mt_status keys_take(mti_pulling *p, const mt_pull *pull)
{
    p->key_count = p->missing = pull->count;
    p->found = mti_mem_alloc(p->sync->mem, pull->count * sizeof *p->found);
    if (!p->found) return MT_NO_MEMORY;
    memset(p->found, 0, pull->count * sizeof *p->found);
    return mti_keys_copy(p->sync->mem, pull->keys, pull->count, &p->keys);
}

static mt_status ask_all(mti_pulling *p, const mt_pull *pull)
{
    mti_sync *sync = p->sync;
    size_t count = 0;

    for (const mti_session *s = sync->sessions; s; s = s->next) count++;
    if (count == 0) return MT_OK;
    p->peers = mti_mem_alloc(sync->mem, count * sizeof *p->peers);
    if (!p->peers) return MT_NO_MEMORY;
    memset(p->peers, 0, count * sizeof *p->peers);
    p->peer_count = count;
    for (mti_session *s = sync->sessions; s; s = s->next) {
        bool coming = s->stage == SESSION_GREETING; /* it has not said yet what it gives */
        if (!mt_group_has(pull->group, s->connection)) continue;
        if (!coming && (s->stage != SESSION_ACTIVE || !ask(p, s))) continue;
        p->peers[p->left++] = (peer){s, !coming};
    }
    return MT_OK;
}

void mti_sync_pull_ready(mti_session *session)
{
    mti_pulling *p = session->sync->pulls;

    while (p) {
        bool asks = true;
        for (size_t i = 0; i < p->peer_count && asks; i++) {
            if (p->peers[i].session != session || p->peers[i].asked) continue;
            p->peers[i].asked = true;
            if (!(asks = ask(p, session))) gone(p, session);
        }
        if (asks || p->left > 0) {
            p = p->next;
            continue;
        }
        pulling_end(p, MT_OK, NULL);
        p = session->sync->pulls; /* hooks may have ended others */
    }
}

mt_status mti_sync_pull_ask(mti_sync *sync, uint64_t id, const mt_pull *pull)
{
    mti_pulling *p;
    mt_status st;

    if (!pull->group) {
        mt_pull_done(sync->db, id, &(mt_pull_answer){.status = MT_OK});
        return MT_OK;
    }
    if (!(p = mti_mem_alloc(sync->mem, sizeof *p))) return MT_NO_MEMORY;
    memset(p, 0, sizeof *p);
    p->sync = sync;
    p->id = id;
    p->storage_none = pull->options->storage_none;
    p->allow_future = pull->options->allow_future;
    p->late = (mt_timer){.fire = is_late, .arg = p};
    p->next = sync->pulls;
    sync->pulls = p;
    if ((st = keys_take(p, pull)) == MT_OK) st = ask_all(p, pull);
    if (st != MT_OK) {
        pulling_free(p);
        return st;
    }
    if (p->left == 0) pulling_end(p, MT_OK, NULL);
    else sync->env->timer_set(sync->env->ctx, &p->late, sync->pull_ms);
    return MT_OK;
}

/* ---- Answers ---- */

/* Whether a uid was asked for. Uids come in order, and so do the keys: `*at` is where it was got to. */
static bool is_key(const mti_pulling *p, mt_bytes uid, size_t *at)
{
    const mt_bytes *keys = p->keys.data;

    while (*at < p->key_count && mt_bytes_compare(keys[*at], uid) < 0) ++*at;
    return *at < p->key_count && mt_bytes_equal(keys[*at], uid);
}

static void note_found(mti_pulling *p, const mt_row *rows, size_t count)
{
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_key(p, rows[i].uid, &at) || p->found[at]) continue;
        p->found[at] = true;
        p->missing--;
    }
}

/* What comes late is merged as far as it was asked for. Nobody waits for it, and where it fails it can
 * be asked for again. */
static void merge_late(const mti_pulling *p, mti_session *from, const mt_row *rows, size_t count)
{
    mt_options options = {.size = sizeof options,
                          .level = MT_LEVEL_APPLIED,
                          .network_none = true,
                          .storage_none = p->storage_none,
                          .allow_future = p->allow_future};
    mt_received what = {.rows = rows, .count = count};
    size_t at = 0;

    for (size_t i = 0; i < count; i++)
        if (!is_key(p, rows[i].uid, &at)) return;
    (void)!mt_db_receive_with(p->sync->db, from->connection, &what, &options, NULL, NULL, NULL);
}

/* Whether the peer may send all of this. */
static bool may_send(const mti_session *session, const mt_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!mti_rights_write(session, rows[i].uid)) return false;
    return true;
}

static void take_found(mti_session *session, uint64_t id, const mt_row *rows, size_t count)
{
    mti_pulling *p = find(session->sync, id);
    mt_pull_answer answer = {
        .rows = rows, .count = count, .from = session->connection, .more = true};

    if (mti_refused_found(session, id, rows, count) || !p) return;
    if (!p->over) {
        note_found(p, rows, count);
        mt_pull_done(session->sync->db, id, &answer);
    } else if (waits_for(p, session)) {
        merge_late(p, session, rows, count);
    }
}

void mti_sync_pull_found(mti_session *session, mti_parse *in)
{
    mti_sync *sync = session->sync;
    uint64_t id = mti_parse_number(in, "the read");
    bool more = mti_parse_byte(in, "whether more follows") != 0;
    mt_status said = mti_parse_status(in);
    mt_bytes bytes = mti_parse_rest(in);
    const mt_row *rows;
    size_t count;
    mti_pulling *p;
    mt_status st;

    if (in->failed) return;
    mt_binary_reader_reset(sync->reader);
    st = bytes.len > 0 ? mt_binary_reader_feed(sync->reader, bytes, true) : MT_END;
    while (st == MT_OK && (st = mt_binary_reader_rows(sync->reader, &rows, &count)) == MT_OK) {
        if (may_send(session, rows, count)) take_found(session, id, rows, count);
        else mti_parse_fail(in, "the rows", "a node that the peer has no right to send");
    }
    if (st == MT_NO_MEMORY && session->stage == SESSION_ACTIVE) {
        mti_session_fail(session, st, NULL, true);
        return;
    }
    if (st != MT_END && !in->failed)
        mti_parse_fail(in, "the rows", mt_binary_reader_error(sync->reader)->text);
    if (more || !(p = find(sync, id))) return;
    gone(p, session);
    if (said != MT_OK) p->failed = said;
    if (p->over && p->left > 0) return;
    if (p->missing == 0) pulling_end(p, MT_OK, NULL);
    else if (p->left == 0) pulling_end(p, p->failed, "a peer that was asked could not answer");
}
