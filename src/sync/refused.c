/* refused.c - nodes of a peer that were not taken, and are asked for again when they may be.
 *
 *     a commit is refused      each of its nodes is noted
 *     other rows are refused   they are tried one by one, then field by field, and what is refused still
 *                              is noted
 *
 * What came from the future is due when it no longer is; what a hook refused is not due at all, but comes
 * with the next change of the node. Notes lie in the store as records, written before the standing that
 * passes what they are about. Of a peer with more than REFUSED_MAX all is copied anew the next time. */
#include "base/checksum.h"
#include "db/call.h"
#include "db/stamp.h"
#include "sync/sync.h"

#define REFUSED_MAX 10000u

/* How many are asked for at once, how long until one is tried again at the least, and how far states
 * may be ahead, as in db/stamp.c. */
#define FETCH_MAX 256u
#define AGAIN_MS 60000u
#define TRIES_MAX 10u  /* each doubles that */
#define STORE_MS 1000u /* until positions are stored that go with a note */
#define FUTURE_MS 600000u

/* Reads with this bit are ours, not the database's. */
#define FETCH_BIT (UINT64_C(1) << 62)

struct mti_refused {
    mti_refused *next, *previous;
    mti_refused *same; /* the next whose uid has this sum */
    uint8_t peer[16];
    mt_status status;
    uint64_t due_ms; /* of the time of day; 0: never */
    uint64_t state;  /* the highest that was refused; 0: of another opening */
    uint8_t tries;   /* how often it was asked for, and something older came */
    uint8_t uid_len;
    uint8_t uid[];
};

static mt_bytes uid_of(const mti_refused *r)
{
    return (mt_bytes){r->uid, r->uid_len};
}

static void refused_free(mti_sync *sync, mti_refused *r)
{
    mti_mem_free(sync->mem, r, sizeof *r + r->uid_len);
}

void mti_refused_end(mti_sync *sync)
{
    mti_refused *r;

    while ((r = sync->refused)) {
        sync->refused = r->next;
        refused_free(sync, r);
    }
}

/* Those whose uid has the sum of this one. */
static mti_refused **same_as(mti_sync *sync, mt_bytes uid)
{
    return &sync->refused_by[mti_checksum(uid, 0) % MTI_REFUSED_SUMS];
}

static mti_refused *find(mti_sync *sync, const uint8_t peer[16], mt_bytes uid)
{
    mti_refused *r = *same_as(sync, uid);

    while (r && (memcmp(r->peer, peer, 16) != 0 || !mt_bytes_equal(uid_of(r), uid))) r = r->same;
    return r;
}

mti_refusals mti_refused_of(const mti_session *session)
{
    uint64_t now = session->sync->env->now_ms(session->sync->env->ctx);
    uint64_t left_ms;
    mti_refusals found = {.count = 0};

    for (const mti_refused *r = session->sync->refused; r; r = r->next) {
        if (memcmp(r->peer, session->peer, 16) != 0) continue;
        found.count++;
        if (r->due_ms == 0) continue;
        found.due++;
        left_ms = r->due_ms > now ? r->due_ms - now : 1;
        if (found.soonest_ms == 0 || left_ms < found.soonest_ms) found.soonest_ms = left_ms;
    }
    return found;
}

mt_status mti_refused_show(const mti_session *session, mti_asker *asker)
{
    mt_status st = MT_OK;

    for (const mti_refused *r = session->sync->refused; r && st == MT_OK; r = r->next)
        if (memcmp(r->peer, session->peer, 16) == 0) st = mti_asker_refuse(asker, uid_of(r));
    return st;
}

/* Lets what is due be asked for then, unless it is sooner. Timers know nothing of a clock that is set, so
 * that the time of day is looked at again and again meanwhile. */
static void ask_at(mti_sync *sync, uint64_t due_ms)
{
    uint64_t now = sync->env->now_ms(sync->env->ctx);
    uint64_t left_ms = due_ms > now ? due_ms - now : 1;

    if (due_ms == 0 || (sync->refused_due_ms > 0 && sync->refused_due_ms <= due_ms)) return;
    sync->refused_due_ms = due_ms;
    sync->env->timer_set(sync->env->ctx, &sync->refused_due,
                         left_ms < AGAIN_MS ? left_ms : AGAIN_MS);
}

/* ---- In the store ---- */

static const char prefix[] = "sync/no/";
#define PREFIX_LEN (sizeof prefix - 1)

/* All of the peer goes over again the next time. */
static void forget_standing(mti_session *session)
{
    mti_sync *sync = session->sync;

    if (session->inbound && session->inbound->overflowed) return; /* all were at once */
    for (mti_inbound *in = session->inbound; in; in = in->next) in->overflowed = true;
    for (size_t i = 0; i < sync->known_count; i++) {
        mti_known *known = &sync->known[i];
        if (memcmp(known->peer, session->peer, 16) != 0) continue;
        memset(&known->at, 0, sizeof known->at);
        known->copying = false;
        known->after_len = 0;
        known->unstored = true;
    }
}

/* A note that could not be stored is gone with the next close, and what it is about lies behind the position:
 * so positions go too. */
static void note_stored(void *ctx, mt_db *db, const mt_result *result)
{
    mti_sync *sync = ctx;

    (void)db;
    if (result->status == MT_OK || sync->closing) return;
    sync->notes_unstored = true;
    for (mti_session *s = sync->sessions; s; s = s->next)
        if (s->greeted) forget_standing(s);
    sync->env->timer_set(sync->env->ctx, &sync->store_known, STORE_MS);
}

/* Stores a note, or that there is none any more. */
static void store(mti_sync *sync, const mti_refused *r, bool gone)
{
    mt_buf buf = {.mem = sync->mem};
    mti_say say = {.out = &buf};
    uint64_t sum = mti_checksum(uid_of(r), 0);
    uint8_t key[8];
    mt_storage_record record;
    size_t key_len;

    mti_say_fixed(&say, (mt_bytes){(const uint8_t *)prefix, PREFIX_LEN});
    mti_say_fixed(&say, (mt_bytes){r->peer, sizeof r->peer});
    for (int i = 0; i < 8; i++) key[i] = (uint8_t)(sum >> (8 * i));
    mti_say_fixed(&say, (mt_bytes){key, sizeof key});
    key_len = buf.len;
    mti_say_status(&say, r->status);
    mti_say_number(&say, r->due_ms);
    mti_say_fixed(&say, uid_of(r));
    if (mti_say_end(&say) == MT_OK) {
        record.key = (mt_bytes){buf.data, key_len};
        record.value = (mt_bytes){gone ? NULL : buf.data + key_len, gone ? 0 : buf.len - key_len};
        (void)!mti_store_record(sync, &record, gone ? NULL : note_stored, sync);
    }
    mt_buf_free(&buf);
}

/* All of them, before positions that pass what they are about: which of them are lacking is not known. */
void mti_refused_store(mti_sync *sync)
{
    if (!sync->notes_unstored) return;
    sync->notes_unstored = false;
    for (const mti_refused *r = sync->refused; r; r = r->next) store(sync, r, false);
}

static mti_refused *refused_new(mti_sync *sync, const uint8_t peer[16], mt_bytes uid)
{
    mti_refused *r = mti_mem_alloc(sync->mem, sizeof *r + uid.len);

    if (!r) return NULL;
    memset(r, 0, sizeof *r);
    memcpy(r->peer, peer, 16);
    r->uid_len = (uint8_t)uid.len;
    memcpy(r->uid, uid.data, uid.len);
    if ((r->next = sync->refused)) r->next->previous = r;
    sync->refused = r;
    r->same = *same_as(sync, uid);
    *same_as(sync, uid) = r;
    return r;
}

void mti_refused_read(mti_sync *sync, const mt_storage_record *record)
{
    mt_error err;
    mti_parse in = mti_parse_of(record->value, "a record", &err);
    mt_status status;
    uint64_t due_ms;
    mti_refused *r;
    mt_bytes uid;

    if (record->key.len != PREFIX_LEN + 24 || memcmp(record->key.data, prefix, PREFIX_LEN) != 0)
        return;
    status = mti_parse_status(&in);
    due_ms = mti_parse_number(&in, "the time");
    uid = mti_parse_rest(&in);
    if (in.failed || uid.len == 0 || uid.len > MT_UID_LEN_MAX) return;
    if (!(r = refused_new(sync, record->key.data + PREFIX_LEN, uid))) return;
    r->status = status;
    r->due_ms = due_ms;
    ask_at(sync, due_ms);
}

/* ---- Noting ---- */

/* When a state is no longer too far ahead. */
static uint64_t due_of(const mti_sync *sync, mt_status status, uint64_t state)
{
    uint64_t now = sync->env->now_ms(sync->env->ctx), state_now = mti_clock_now(sync->db);
    uint64_t ahead_ms = state > state_now ? (state - state_now) >> 11 : 0;

    if (status != MT_STATE || mt_db_clock(sync->db) != MT_CLOCK_HYBRID) return 0;
    return now + (ahead_ms > FUTURE_MS + AGAIN_MS ? ahead_ms - FUTURE_MS : AGAIN_MS);
}

void mti_refused_note(mti_session *session, mt_bytes uid, mt_status status, const char *text,
                      uint64_t state)
{
    mti_sync *sync = session->sync;
    mti_refused *r = find(sync, session->peer, uid);

    mti_fail(&session->error, status, "%s", text);
    if (!r && session->noted < REFUSED_MAX && (r = refused_new(sync, session->peer, uid)))
        session->noted++;
    if (!r) {
        forget_standing(session);
        return;
    }
    r->status = status;
    r->due_ms = due_of(sync, status, state);
    if (state > r->state) r->state = state;
    r->tries = 0;
    store(sync, r, false);
    ask_at(sync, r->due_ms);
}

static void drop(mti_session *session, mt_bytes uid)
{
    mti_sync *sync = session->sync;
    mti_refused *r = find(sync, session->peer, uid), **at = same_as(sync, uid);

    if (!r) return;
    while (*at != r) at = &(*at)->same;
    *at = r->same;
    if (r->next) r->next->previous = r->previous;
    if (r->previous) r->previous->next = r->next;
    else sync->refused = r->next;
    if (session->noted > 0) session->noted--;
    store(sync, r, true);
    refused_free(sync, r);
}

/* Whether another copy of the peer's store is linked: who restores a backup has the name of whoever made it. */
static bool has_copy(const mti_session *session)
{
    for (const mti_session *s = session->sync->sessions; s; s = s->next)
        if (s != session && s->greeted && memcmp(s->peer, session->peer, 16) == 0 &&
            memcmp(s->origin, session->origin, 16) != 0)
            return true;
    return false;
}

/* The subscription of the peer that has a node. */
static mti_outbound *outbound_of(const mti_session *session, mt_bytes uid)
{
    mti_outbound *out = session->outbound;

    while (out && (out->ended || !mti_range_has(&out->range, uid))) out = out->next;
    return out;
}

/* Sends the peer all of a node: while it was noted it counted as a difference that is known, so that the peer may lack
 * what is here beside what was refused. MT_AGAIN: not now. One of more than a message goes when it next changes. */
static mt_status give(mti_session *session, mt_bytes uid)
{
    const mt_node *node = mt_graph_get(session->sync->db->graph, uid);
    const mt_storage_key whole = {.uid = uid, .whole = true};
    mti_outbound *out = outbound_of(session, uid);
    mti_gather rows;
    mti_message m;
    mt_status st;

    if (!out || !node || mt_node_partial(node)) return MT_OK;
    if (out->mode != OUT_LIVE && out->mode != OUT_FEED) return MT_AGAIN;
    mti_gather_init(&rows, session->sync->mem);
    st = mti_gather_node(&rows, node, &whole);
    if (st == MT_OK) st = mti_gather_end(&rows);
    if (st == MT_OK && mti_gather_first(&rows, &m) && m.last) {
        st = mti_outbound_say_data(out, 0, NULL, m.rows);
        if (st == MT_OK) st = mti_session_send_data(session, out, false);
    }
    mti_gather_free(&rows);
    return st;
}

/* A node that was asked for has come, up to a state. If what was refused is not among that, it was another copy of the
 * store that said it: all are asked again, less and less often. */
static void settle(mti_session *session, mt_bytes uid, uint64_t state)
{
    mti_refused *r = find(session->sync, session->peer, uid);

    if (!r) return;
    if ((r->state > 0 ? state >= r->state : !has_copy(session)) && give(session, uid) == MT_OK)
        drop(session, uid);
    else if (r->tries < TRIES_MAX) r->tries++;
}

/* ---- One by one ---- */

/* Rows that are tried by themselves: of an arrival that was refused, or that were asked for again. */
typedef struct attempt {
    mti_arrival *arrival; /* NULL: asked for again */
    mti_sync *sync;
    mt_connection *connection; /* held */
    mti_block rows;            /* of one node */
    size_t count;
    bool part; /* of what was refused as a whole */
} attempt;

static uint64_t state_of(const mt_row *row)
{
    uint64_t most = row->floor;

    for (size_t i = 0; i < row->count; i++)
        if (row->fields[i].state > most) most = row->fields[i].state;
    return most;
}

static uint64_t state_of_all(const mt_row *rows, size_t count)
{
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++)
        if (state_of(&rows[i]) > most) most = state_of(&rows[i]);
    return most;
}

static void tried(void *ctx, mt_db *db, const mt_result *result);

static mt_status try_rows(mti_arrival *arrival, mti_session *session, const mt_row *rows,
                          size_t count, bool part)
{
    mti_sync *sync = session->sync;
    attempt *a = mti_mem_alloc(sync->mem, sizeof *a);
    mt_received what = {.rows = rows, .count = count};
    mt_status st;

    if (!a) return MT_NO_MEMORY;
    memset(a, 0, sizeof *a);
    a->arrival = arrival;
    a->count = count;
    a->part = part;
    a->sync = sync;
    a->connection = mt_connection_ref(session->connection);
    st = mti_rows_copy(sync->mem, rows, count, SIZE_MAX, &a->rows);
    if (st == MT_OK)
        st = mt_db_receive_with(sync->db, session->connection, &what, NULL, tried, a, NULL);
    if (st == MT_OK) {
        if (arrival) arrival->waits++;
        return MT_OK;
    }
    mt_connection_unref(a->connection);
    mti_block_free(sync->mem, &a->rows);
    mti_mem_free(sync->mem, a, sizeof *a);
    return st;
}

/* The parts of a row, each by itself. */
static mt_status try_parts(mti_arrival *arrival, mti_session *session, const mt_row *rows,
                           size_t count)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++) {
        mt_row part = {.uid = rows[i].uid, .floor = rows[i].floor};
        if (part.floor > 0) st = try_rows(arrival, session, &part, 1, true);
        part.floor = 0;
        part.count = 1;
        for (size_t k = 0; k < rows[i].count && st == MT_OK; k++) {
            part.fields = &rows[i].fields[k];
            st = try_rows(arrival, session, &part, 1, true);
        }
    }
    return st;
}

/* Of a node that was asked for again and taken in parts the note stays: it is asked for once more. */
static void tried(void *ctx, mt_db *db, const mt_result *result)
{
    attempt *a = ctx;
    const mt_row *row = a->rows.data;
    mti_session *session = mti_session_of(a->sync, a->connection);
    bool has_parts = a->count > 1 || row->count + (row->floor > 0) > 1;
    mt_status st = result->status;

    (void)db;
    if (session) mti_session_hold(session);
    if (session && session->stage == SESSION_ACTIVE && !a->sync->closing) {
        if (st == MT_OK && !a->arrival && !a->part)
            settle(session, row->uid, state_of_all(row, a->count));
        else if (st != MT_OK && !mti_is_refusal(st))
            mti_session_fail(session, st, result->text, true);
        else if (st != MT_OK && has_parts) st = try_parts(a->arrival, session, row, a->count);
        else if (st != MT_OK) mti_refused_note(session, row->uid, st, result->text, state_of(row));
        if (st != result->status && st != MT_OK) mti_session_fail(session, st, NULL, true);
    }
    if (session) mti_session_release(session);
    if (a->arrival) mti_arrival_leave(a->arrival);
    mt_connection_unref(a->connection);
    mti_block_free(a->sync->mem, &a->rows);
    mti_mem_free(a->sync->mem, a, sizeof *a);
}

void mti_refused_arrival(mti_arrival *arrival, mt_status status, const char *text)
{
    mti_session *session = arrival->session;
    mt_binary_reader *reader = session->sync->reader;
    mt_bytes bytes = mt_buf_bytes(&arrival->bytes);
    const mt_row *rows;
    size_t count;
    mt_status st;

    mti_session_hold(session); /* what is tried may have hooks, which take the link away */
    mt_binary_reader_reset(reader);
    st = mt_binary_reader_feed(reader, bytes, true);
    while (st == MT_OK && (st = mt_binary_reader_rows(reader, &rows, &count)) == MT_OK)
        for (size_t i = 0; i < count && st == MT_OK && arrival->session; i++) {
            if (arrival->flags & MTI_DATA_COMMIT)
                mti_refused_note(session, rows[i].uid, status, text, state_of(&rows[i]));
            else st = try_rows(arrival, session, &rows[i], 1, false);
        }
    if (st != MT_END && st != MT_OK) mti_session_fail(session, st, NULL, true);
    mti_session_release(session);
}

/* ---- Asking again ---- */

/* Whether an item of the peer may come now, if it still has a right to send it. */
static bool is_due(const mti_session *session, const mti_refused *r, uint64_t now)
{
    return memcmp(r->peer, session->peer, 16) == 0 && r->due_ms > 0 && r->due_ms <= now &&
           mti_rights_write(session, uid_of(r));
}

static void fetch_of(mti_session *session, uint64_t now)
{
    mti_sync *sync = session->sync;
    mti_say say = mti_say_begin(&sync->message, MTI_PULL);
    size_t count = 0;

    for (const mti_refused *r = sync->refused; r && count < FETCH_MAX; r = r->next)
        count += is_due(session, r, now);
    if (count == 0) return;
    mti_say_number(&say, FETCH_BIT);
    mti_say_number(&say, count);
    for (const mti_refused *r = sync->refused; r && count > 0; r = r->next) {
        if (!is_due(session, r, now)) continue;
        mti_say_bytes(&say, uid_of(r));
        count--;
    }
    mti_session_send(session, &say);
}

void mti_refused_fetch(void *arg)
{
    mti_sync *sync = arg;
    uint64_t now = sync->env->now_ms(sync->env->ctx), soonest = 0;

    for (mti_session *s = sync->sessions; s; s = s->next)
        if (s->stage == SESSION_ACTIVE) fetch_of(s, now);
    /* Unless it comes, or is refused again. */
    for (mti_refused *r = sync->refused; r; r = r->next)
        if (r->due_ms > 0 && r->due_ms <= now) r->due_ms = now + ((uint64_t)AGAIN_MS << r->tries);
    sync->refused_due_ms = 0;
    for (const mti_refused *r = sync->refused; r; r = r->next)
        if (r->due_ms > 0 && (soonest == 0 || r->due_ms < soonest)) soonest = r->due_ms;
    ask_at(sync, soonest);
}

bool mti_refused_found(mti_session *session, uint64_t id, const mt_row *rows, size_t count)
{
    mt_status st = MT_OK;
    size_t rows_of;

    if (id != FETCH_BIT) return false;
    for (size_t i = 0; i < count && st == MT_OK; i += rows_of) {
        rows_of = 1;
        while (i + rows_of < count && mt_bytes_equal(rows[i].uid, rows[i + rows_of].uid)) rows_of++;
        if (find(session->sync, session->peer, rows[i].uid))
            st = try_rows(NULL, session, &rows[i], rows_of, false);
    }
    if (st != MT_OK) mti_session_fail(session, st, NULL, true);
    return true;
}
