/* copy.c - a whole range goes over, node by node in uid order.
 *
 * What changes meanwhile is in the log behind the position at which the copy began: the feed goes on
 * there. A peer that was cut off says up to which uid it came. */
#include "db/handle.h"
#include "db/read.h"
#include "sync/sync.h"

/* How many of a list are read at once. */
#define LIST_STEP 64

/* Sends what is gathered. Answers whether all of it has gone. */
static bool send_gathered(mti_outbound *out)
{
    mt_status st = mti_gather_send(out, MTI_DATA_COPY, 0);

    if (st != MT_OK && st != MT_AGAIN) mti_outbound_fail(out, st, NULL);
    return st == MT_OK;
}

/* The whole range was read. Once it has gone over, the feed goes on. */
static void copied(mti_outbound *out)
{
    mt_status st = mti_gather_end(&out->rows);

    if (st != MT_OK) mti_outbound_fail(out, st, NULL);
    if (st != MT_OK || !send_gathered(out)) return;
    out->mode = OUT_FEED;
    out->rows.compressor = NULL;
    out->position_owed = true;
    mti_session_flush_soon(out->session);
}

/* ---- From one uid to before another ---- */

static bool take_row(void *ctx, mt_db *db, const mt_row *row)
{
    mti_outbound *out = ctx;
    mt_status st;

    (void)db;
    if (!out->session || out->last_read) return true;
    if (out->range.end.len > 0 && mt_bytes_compare(row->uid, out->range.end) >= 0) {
        out->last_read = true;
        mt_cancel(out->sync->db, out->stream);
        return true;
    }
    if (mt_bytes_compare(row->uid, out->range.first) < 0) return true;
    if ((st = mti_gather_add(&out->rows, row)) != MT_OK) {
        mti_outbound_fail(out, st, NULL);
        return true;
    }
    if (mti_gather_waits(&out->rows) && !send_gathered(out)) out->paused = true;
    return !out->paused;
}

static void streamed(void *ctx, mt_db *db, const mt_result *result)
{
    mti_outbound *out = ctx;

    (void)db;
    out->stream = 0;
    out->paused = false;
    if (out->session && result->status != MT_OK && !out->last_read)
        mti_outbound_fail(out, result->status, result->text);
    else if (out->session) {
        out->last_read = true;
        copied(out);
    }
    mti_outbound_release(out);
}

/* The greatest run of bytes that sorts before every uid from `first` on, as far as uids go: they have
 * no byte 0xFF. */
static mt_bytes before(mt_bytes first, uint8_t room[MT_UID_LEN_MAX])
{
    mt_bytes none = {NULL, 0};

    if (first.len == 0) return none;
    if (first.data[first.len - 1] == 0) return (mt_bytes){first.data, first.len - 1};
    memset(room, 0xFF, MT_UID_LEN_MAX);
    memcpy(room, first.data, first.len);
    room[first.len - 1]--;
    return (mt_bytes){room, MT_UID_LEN_MAX};
}

static void stream_start(mti_outbound *out)
{
    uint8_t room[MT_UID_LEN_MAX];
    mt_range range = {.prefix = mti_range_prefix(&out->range),
                      .after = {out->after, out->after_len},
                      .deleted = true};
    mt_status st;

    if (out->after_len == 0) range.after = before(out->range.first, room);
    out->busy = true;
    st = mt_stream(out->sync->db, &range, take_row, streamed, out, &out->stream);
    if (st == MT_OK) return;
    out->busy = false;
    out->stream = 0;
    mti_outbound_fail(out, st, mt_db_error(out->sync->db)->text);
}

void mti_copy_end(mti_outbound *out)
{
    mt_cancel(out->sync->db, out->stream);
}

/* ---- A list ---- */

static void list_done(mti_outbound *out)
{
    const mt_storage_key *wants = out->wants.data;
    mt_status st;

    if (out->session && out->want_count > 0) {
        mt_bytes last = wants[out->want_count - 1].uid;
        memcpy(out->after, last.data, last.len);
        out->after_len = last.len;
        if ((st = mti_gather_end(&out->rows)) != MT_OK) mti_outbound_fail(out, st, NULL);
        else if (send_gathered(out)) mti_session_flush_soon(out->session);
    }
    mti_block_free(out->sync->mem, &out->wants);
    out->want_count = 0;
    mti_outbound_release(out);
}

/* Storage has not answered for some of them yet: it is looked at them again in a while. What storage
 * itself would give now may be in another order, and a copy goes on behind the last uid. */
static void list_wait(mti_outbound *out)
{
    mti_block_free(out->sync->mem, &out->wants);
    out->want_count = 0;
    mti_session_flush_later(out->session);
    mti_outbound_release(out);
}

static void list_read(void *ctx, mt_db *db, const mt_result *result)
{
    mti_outbound *out = ctx;
    const mt_storage_key *wants = out->wants.data;
    mt_status st = result->status;

    (void)db;
    if (out->session && st == MT_OK && mti_feed_is_ahead(result)) {
        list_wait(out);
        return;
    }
    if (out->session && st != MT_OK) mti_outbound_fail(out, st, result->text);
    for (size_t i = 0; out->session && st == MT_OK && i < result->count; i++) {
        st = mti_gather_node(&out->rows, mti_handle_resident(result->nodes[i]), &wants[i]);
        if (st != MT_OK) mti_outbound_fail(out, st, NULL);
    }
    list_done(out);
}

static void list_step(mti_outbound *out)
{
    const mti_range *list = &out->range;
    mt_bytes after = {out->after, out->after_len};
    mt_storage_key *wants;
    size_t first = 0;

    while (first < list->uid_count && after.len > 0 &&
           mt_bytes_compare(list->uids[first], after) <= 0)
        first++;
    if (first == list->uid_count) {
        out->last_read = true;
        copied(out);
        return;
    }
    out->want_count = list->uid_count - first < LIST_STEP ? list->uid_count - first : LIST_STEP;
    out->wants.size = out->want_count * sizeof *wants;
    out->wants.data = wants = mti_mem_alloc(out->sync->mem, out->wants.size);
    if (!wants) {
        mti_outbound_fail(out, MT_NO_MEMORY, NULL);
        return;
    }
    memset(wants, 0, out->wants.size);
    for (size_t i = 0; i < out->want_count; i++)
        wants[i] = (mt_storage_key){.uid = list->uids[first + i], .whole = true};
    out->busy = true;
    if (mti_read_raw(out->sync->db, wants, out->want_count, list_read, out) == MT_OK) return;
    out->busy = false;
    mti_outbound_fail(out, mt_db_error(out->sync->db)->status, mt_db_error(out->sync->db)->text);
}

/* ---- All ---- */

void mti_copy_step(mti_outbound *out)
{
    if (out->session->compresses) out->rows.compressor = out->sync->compressor;
    if (mti_gather_waits(&out->rows) && !send_gathered(out)) return;
    if (out->paused) {
        out->paused = false;
        mt_stream_resume(out->sync->db, out->stream);
    } else if (out->stream) {
        return;
    } else if (out->last_read) {
        copied(out);
    } else if (out->range.uids) {
        list_step(out);
    } else {
        stream_start(out);
    }
}
