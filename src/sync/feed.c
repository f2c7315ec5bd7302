/* feed.c - what changed since a position goes over, as it is now.
 *
 * The log says which nodes, and which fields of them; what they hold is read then, so that a peer that
 * comes late gets the last value alone. What came from the peer itself it is not sent. */
#include "db/handle.h"
#include "db/read.h"
#include "sync/sync.h"

/* Changes that are read at once. */
#define STEP 256

/* Of a node of which more fields changed, everything is read. */
#define NAMES_MAX 64

/* ---- Which nodes ---- */

/* One block: room for STEP keys, and behind them what each of them owns, its uid and its names. */
static mt_storage_key *keys_of(const mti_outbound *out)
{
    return out->wants.data;
}

static mti_block *held_of(const mti_outbound *out)
{
    return (mti_block *)&keys_of(out)[STEP];
}

static mt_status wants_new(mti_outbound *out)
{
    out->wants.size = STEP * (sizeof(mt_storage_key) + sizeof(mti_block));
    out->wants.data = mti_mem_alloc(out->sync->mem, out->wants.size);
    if (!out->wants.data) return MT_NO_MEMORY;
    memset(out->wants.data, 0, out->wants.size);
    return MT_OK;
}

static void wants_free(mti_outbound *out)
{
    for (size_t i = 0; i < out->want_count; i++) mti_block_free(out->sync->mem, &held_of(out)[i]);
    mti_block_free(out->sync->mem, &out->wants);
    out->want_count = 0;
}

/* Where a uid is among the wants, which are in uid order, or belongs. */
static size_t want_search(const mti_outbound *out, mt_bytes uid, bool *found)
{
    const mt_storage_key *keys = keys_of(out);
    size_t first = 0, count = out->want_count;

    *found = false;
    while (count > 0) {
        size_t half = count / 2;
        int order = mt_bytes_compare(keys[first + half].uid, uid);
        if (order == 0) {
            *found = true;
            return first + half;
        }
        first = order < 0 ? first + half + 1 : first;
        count = order < 0 ? count - half - 1 : half;
    }
    return first;
}

/* The names of both, in order, each once; none if they are more than NAMES_MAX. */
static size_t join_names(const mt_storage_key *key, const mt_storage_change *change,
                         mt_bytes names[NAMES_MAX])
{
    size_t i = 0, k = 0, count = 0;

    while (i < key->name_count || k < change->name_count) {
        int order = i == key->name_count      ? 1
                    : k == change->name_count ? -1
                                              : mt_bytes_compare(key->names[i], change->names[k]);
        if (count == NAMES_MAX) return 0;
        names[count++] = order <= 0 ? key->names[i] : change->names[k];
        i += order <= 0;
        k += order >= 0;
    }
    return count;
}

/* What is wanted of a node by now, copied: with a change, more of it. No names: everything. */
static mt_status want_fill(const mt_mem *mem, const mt_storage_key *before,
                           const mt_storage_change *change, mt_storage_key *key, mti_block *held)
{
    bool all = change->all || change->since > 0;
    mt_bytes bytes[1 + NAMES_MAX];
    size_t count = all ? 0 : join_names(before, change, bytes + 1);
    mt_bytes *copy;

    bytes[0] = change->uid;
    if (mti_keys_copy(mem, bytes, 1 + count, held) != MT_OK) return MT_NO_MEMORY;
    copy = held->data;
    *key = (mt_storage_key){.uid = copy[0], .names = &copy[1], .name_count = count};
    key->whole = count == 0;
    return MT_OK;
}

/* Notes what to read. */
static mt_status want_add(mti_outbound *out, const mt_storage_change *change)
{
    static const mt_storage_key nothing;
    mt_storage_key *keys = keys_of(out), key;
    mti_block *held = held_of(out), block;
    bool found;
    size_t at = want_search(out, change->uid, &found);

    if (found && keys[at].whole) return MT_OK;
    if (!found && out->want_count == STEP) return MT_TOO_LARGE;
    if (want_fill(out->sync->mem, found ? &keys[at] : &nothing, change, &key, &block) != MT_OK)
        return MT_NO_MEMORY;
    if (found) {
        mti_block_free(out->sync->mem, &held[at]);
    } else {
        memmove(&keys[at + 1], &keys[at], (out->want_count - at) * sizeof *keys);
        memmove(&held[at + 1], &held[at], (out->want_count - at) * sizeof *held);
        out->want_count++;
    }
    keys[at] = key;
    held[at] = block;
    return MT_OK;
}

/* ---- The feed ---- */

/* All up to `next_position` is in the rows, or there is nothing to send of it. */
static void step_done(mti_outbound *out)
{
    mt_cursor before = out->position;
    mt_status st = mti_gather_end(&out->rows);

    out->position = out->next_position;
    if (st == MT_OK && mti_gather_waits(&out->rows))
        st = mti_gather_send(out, 0, MTI_DATA_POSITION);
    else out->position_owed = true;
    out->sends = st == MT_AGAIN;
    if (out->sends) out->position = before; /* the rest goes when there is room */
    else if (st != MT_OK) mti_outbound_fail(out, st, NULL);
    else mti_session_flush_soon(out->session);
}

bool mti_feed_is_ahead(const mt_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->nodes[i]->unstored > 0) return true;
    return false;
}

static void take_stored(mti_outbound *out, const mt_storage_answer *answer)
{
    mt_status st = answer->status;

    for (size_t i = 0; out->session && st == MT_OK && i < answer->row_count; i++) {
        const mt_row *row = &answer->rows[i].row;
        if (row->count > 0 || row->floor > 0 || out->rows.within)
            st = mti_gather_add(&out->rows, row);
    }
    if (st != MT_OK) mti_outbound_fail(out, st, NULL);
}

static void stored_read(void *ctx, const mt_storage_answer *answer)
{
    mti_outbound *out = ctx;

    take_stored(out, answer);
    if (answer->more) return;
    wants_free(out);
    if (out->session) step_done(out);
    mti_outbound_release(out);
}

/* Of nodes that hold what storage has not answered for, asks storage for the wants. Answers whether it
 * does. */
static bool read_stored(mti_outbound *out, const mt_result *result)
{
    mt_db *db = out->sync->db;
    uint64_t id = 0;
    mt_status st;

    if (!out->session || result->status != MT_OK || !mti_feed_is_ahead(result)) return false;
    if ((st = mti_request_begin(db, stored_read, out, &id)) == MT_OK) {
        st = db->storage.read(db->storage_ctx, &db->storage_host, id, out->wants.data,
                              out->want_count);
        if (st != MT_OK) mti_request_end(db, id);
    }
    if (st != MT_OK) mti_outbound_fail(out, st, NULL);
    return st == MT_OK;
}

static void nodes_read(void *ctx, mt_db *db, const mt_result *result)
{
    mti_outbound *out = ctx;
    const mt_storage_key *keys = keys_of(out);
    mt_status st = result->status;

    (void)db;
    if (read_stored(out, result)) return;
    for (size_t i = 0; out->session && st == MT_OK && i < result->count; i++)
        st = mti_gather_node(&out->rows, mti_handle_resident(result->nodes[i]), &keys[i]);
    wants_free(out);
    if (out->session && st != MT_OK)
        mti_outbound_fail(out, st, result->status != MT_OK ? result->text : NULL);
    else if (out->session) step_done(out);
    mti_outbound_release(out);
}

/* The position is not known here: the peer finds out what it lacks, or all goes over. */
static void begin_anew(mti_outbound *out)
{
    if (!out->session->compares || out->range.uids) {
        mti_outbound_copy(out);
        return;
    }
    out->mode = OUT_ASKED;
    out->position = mti_log_head(out->sync);
    mti_outbound_say_subscribed(out, 0);
    mti_status_note(out->session);
}

static void take_changes(mti_outbound *out, const mti_log_answer *answer)
{
    const mti_session *session = out->session;
    mt_bytes peer = {session->origin, sizeof session->origin};

    for (size_t i = 0; i < answer->count; i++) {
        const mt_storage_change *change = &answer->changes[i];
        if (!mti_range_has(&out->range, change->uid) || mt_bytes_equal(change->origin, peer))
            continue;
        if (want_add(out, change) == MT_OK) continue;
        mti_outbound_fail(out, MT_NO_MEMORY, NULL);
        return;
    }
}

static void changed(void *ctx, const mti_log_answer *answer)
{
    mti_outbound *out = ctx;

    if (out->session && answer->status == MT_OK) take_changes(out, answer);
    if (answer->more) return;
    if (!out->session || answer->status != MT_OK) {
        wants_free(out);
        if (out->session && answer->status == MT_STALE) begin_anew(out);
        else if (out->session) mti_outbound_fail(out, answer->status, answer->text);
        mti_outbound_release(out);
        return;
    }
    out->next_position = answer->next;
    /* The log knows the position: at its end it is the head, of whatever opening of the store. */
    if (answer->end && answer->next.number == mti_log_head(out->sync).number)
        out->next_position = mti_log_head(out->sync);
    if (out->want_count > 0 &&
        mti_read_raw(out->sync->db, keys_of(out), out->want_count, nodes_read, out) == MT_OK)
        return;
    if (out->want_count > 0) mti_outbound_fail(out, MT_NO_MEMORY, mt_db_error(out->sync->db)->text);
    else step_done(out);
    wants_free(out);
    mti_outbound_release(out);
}

/* Nothing is left that the peer has not been sent. */
static void up_to_date(mti_outbound *out)
{
    unsigned flags = MTI_DATA_ALL | (out->position_owed ? MTI_DATA_POSITION : 0);
    mt_status st = mti_gather_send_none(out, flags);

    if (st == MT_AGAIN) return;
    if (st != MT_OK) {
        mti_outbound_fail(out, st, NULL);
        return;
    }
    out->ended = out->once;
    out->mode = OUT_LIVE;
    out->since_ms = out->sync->env->now_ms(out->sync->env->ctx);
    mti_status_note(out->session);
}

void mti_feed_step(mti_outbound *out)
{
    mt_status st = MT_NO_MEMORY;

    if (out->sends) {
        step_done(out);
        return;
    }
    if (mti_log_at_head(out->sync, &out->position)) {
        up_to_date(out);
        return;
    }
    if (wants_new(out) == MT_OK) {
        out->busy = true;
        st = mti_log_changes(out->sync, &out->position, STEP, changed, out);
    }
    if (st == MT_OK) return;
    out->busy = false;
    wants_free(out);
    mti_outbound_fail(out, st, NULL);
}
