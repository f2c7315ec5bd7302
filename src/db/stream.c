/* Streams of nodes, the log, records: what goes through storage page by page. */
#include "db/stream.h"

#include "base/bytes.h"
#include "crdt/rows.h"

/* How many nodes a page has. */
#define PAGE_NODES 256

/* ---- Rows for readers ---- */

/* Gives a row to the application, and notes whether to pause. Of a node without living fields it sees
 * nothing; of one that it has seen a row of it sees the last, be it empty. */
static void give_row(mt_action *action, const mt_row *row)
{
    mti_streaming *s = &action->as.stream;

    if (row->count == 0 && !s->range.deleted && (row->more || !s->begun)) return;
    if (!s->begun) s->left--;
    s->begun = true;
    if (!s->row(action->ctx, action->db, row)) s->paused = true;
}

/* The living fields of a row, in pieces. */
static void give_living(mt_action *action, const mt_row *row)
{
    mt_field fields[MTI_ROW_FIELDS];
    mt_row piece = *row;
    size_t count = 0;

    piece.fields = fields;
    piece.shape = NULL;
    piece.floor = 0;
    for (size_t i = 0; i < row->count; i++) {
        if (row->fields[i].kind != MT_FIELD_VALUE) continue;
        if (count == MTI_ROW_FIELDS) {
            piece.count = count;
            piece.more = true;
            give_row(action, &piece);
            count = 0;
        }
        fields[count++] = row->fields[i];
    }
    piece.count = count;
    piece.more = row->more;
    give_row(action, &piece);
}

/* Takes the next row of a page. Paused within a node, the rest of that is still given, for what is
 * read again starts behind a whole one; then the rest of the page is dropped. */
static void take_row(mt_action *action, const mt_row *row)
{
    mti_streaming *s = &action->as.stream;

    if (mti_call_over(action) || s->dropping || row->uid.len > MT_UID_LEN_MAX) return;
    if (!s->within) {
        if (s->paused || s->left == 0) {
            s->dropping = true;
            return;
        }
        s->begun = false;
    }
    s->within = row->more;
    if (!row->more) {
        memcpy(s->after, row->uid.data, row->uid.len);
        s->after_len = row->uid.len;
        s->advanced = true;
    }
    if (s->range.deleted) give_row(action, row);
    else give_living(action, row);
}

/* ---- From storage ---- */

static void stream_page(mt_action *action);

static void listed(void *ctx, const mt_storage_answer *answer)
{
    mt_action *action = ctx;
    mti_streaming *s = &action->as.stream;

    for (size_t i = 0; i < answer->row_count && answer->status == MT_OK; i++)
        take_row(action, &answer->rows[i].row);
    if (answer->status != MT_OK) mti_call_fail(action, answer->status, answer->text);
    if (answer->more) return;
    s->listing = false;
    s->last_page = answer->end && !s->dropping;
    if (!answer->end && !s->dropping && !s->advanced)
        mti_call_fail(action, MT_MALFORMED, "storage lists nothing, and no end");
    if (!mti_call_over(action) && !s->paused && !action->queued)
        mti_call_later(action, stream_page);
    mti_call_release(action);
}

static void list_storage(mt_action *action)
{
    mti_streaming *s = &action->as.stream;
    mt_db *db = action->db;
    mt_bytes after = {s->after, s->after_len};
    size_t limit = s->left < PAGE_NODES ? s->left : PAGE_NODES;
    mt_status st;
    uint64_t id = 0;

    if (!db->storage.list) {
        mti_db_fail(db, MT_UNSUPPORTED, "storage \"%s\" cannot list its nodes", db->storage.name);
        mti_call_fail(action, MT_UNSUPPORTED, db->error.text);
        return;
    }
    s->listing = true;
    s->dropping = s->within = s->advanced = false;
    mti_call_hold(action);
    st = mti_request_begin(db, listed, action, &id);
    if (st == MT_OK) {
        st =
            db->storage.list(db->storage_ctx, &db->storage_host, id, s->range.prefix, after, limit);
        if (st != MT_OK) mti_request_end(db, id);
    }
    if (st == MT_OK) return;
    s->listing = false;
    mti_call_fail(action, st, NULL);
    mti_call_release(action);
}

/* ---- From memory, where there is no storage ---- */

/* Gives a node, which the application may overwrite meanwhile. */
static void give_node(mt_action *action, const mt_node *node)
{
    mti_family *family = action->db->graph->family;
    mt_node *held = (mt_node *)(uintptr_t)node; /* only counted */
    mti_node_rows rows;
    mt_row row;

    mti_hold(held);
    mti_node_rows_init(&rows, node);
    while (mti_node_rows_next(&rows, &row)) take_row(action, &row);
    mti_node_release(family, held);
}

static void list_memory(mt_action *action)
{
    mti_streaming *s = &action->as.stream;
    mt_bytes after = {s->after, s->after_len};
    mt_graph_iter iter;
    const mt_node *node;
    size_t count = 0;

    mt_graph_iter_init(&iter, action->db->graph, s->range.prefix, after);
    while (count < PAGE_NODES && s->left > 0 && !s->paused && !mti_call_over(action)) {
        if (!(node = mt_graph_iter_next(&iter))) {
            s->last_page = true;
            break;
        }
        if (after.len && mt_bytes_compare(mt_node_uid(node), after) <= 0) continue;
        if (mt_node_state_max(node) == 0) continue;
        give_node(action, node);
        count++;
        /* The application may have written: walk on from where we are. */
        after.len = s->after_len;
        mt_graph_iter_init(&iter, action->db->graph, s->range.prefix, after);
    }
    if (!s->paused && !mti_call_over(action)) mti_call_later(action, stream_page);
}

/* ---- The stream ---- */

static void stream_page(mt_action *action)
{
    mti_streaming *s = &action->as.stream;

    if (!mti_call_may_start(action) || s->listing || s->paused) return;
    if (s->last_page || s->left == 0) mti_call_finish(action);
    else if (mti_db_has_storage(action->db)) list_storage(action);
    else list_memory(action);
}

void mt_stream_resume(mt_db *db, uint64_t id)
{
    mt_action *action = mti_call_by_id(db, id);

    if (!action || action->kind != CALL_STREAM || !action->as.stream.paused) return;
    action->as.stream.paused = false;
    if (!action->queued && !action->as.stream.listing && !mti_call_over(action))
        mti_call_later(action, stream_page);
}

mt_status mt_stream(mt_db *db, const mt_range *range, mt_stream_row *row, mt_done *done, void *ctx,
                    uint64_t *id)
{
    static const uint8_t room[MT_UID_LEN_MAX];
    static const mt_range all;
    const mt_bytes *keys;
    mt_bytes start[2] = {{NULL, 0}, {room, sizeof room}};
    mt_action *action;
    mti_streaming *s;
    mt_status st;

    if (!range) range = &all;
    if (range->prefix.len > MT_UID_LEN_MAX || range->after.len > MT_UID_LEN_MAX)
        return mti_db_fail(db, MT_INVALID, "a prefix or start is longer than any uid");
    start[0] = range->prefix;
    if ((st = mti_call_new(db, CALL_STREAM, NULL, done, ctx, &action)) != MT_OK) return st;
    s = &action->as.stream;
    if (mti_keys_copy(db->mem, start, 2, &s->start) != MT_OK) {
        mti_call_drop(action);
        return mti_no_memory(&db->error);
    }
    s->range = *range;
    keys = s->start.data;
    s->range.prefix = keys[0];
    s->after = (uint8_t *)(uintptr_t)keys[1].data; /* in our own block */
    s->after_len = range->after.len;
    if (s->after_len) memcpy(s->after, range->after.data, s->after_len);
    s->left = range->limit ? range->limit : SIZE_MAX;
    s->row = row;
    mti_call_start(action, stream_page, false, id);
    return MT_OK;
}

/* ---- The log and the records ---- */

static void logged(void *ctx, const mt_storage_answer *answer)
{
    mt_action *action = ctx;

    bool over = mti_call_over(action);

    if (!answer->more) action->answered = true;
    if (!over) action->as.log.changed(action->ctx, action->db, answer);
    if (!answer->more) mti_call_release(action);
}

void mti_log_fail(mt_action *action)
{
    mt_storage_answer answer = {.status = action->status, .text = action->text};

    action->as.log.changed(action->ctx, action->db, &answer);
}

static void log_start(mt_action *action)
{
    mti_logging *log = &action->as.log;
    const mt_bytes *keys = log->keys.data;
    mt_db *db = action->db;
    mt_status st;
    uint64_t id = 0;

    if (!mti_call_may_start(action)) return;
    mti_call_hold(action);
    st = mti_request_begin(db, logged, action, &id);
    if (st == MT_OK) {
        if (log->records)
            st = db->storage.records(db->storage_ctx, &db->storage_host, id, keys[0], keys[1],
                                     log->limit);
        else
            st = db->storage.changes(db->storage_ctx, &db->storage_host, id, &log->since,
                                     log->limit);
        if (st != MT_OK) mti_request_end(db, id);
    }
    if (st == MT_OK) return;
    mti_call_fail(action, st, NULL);
    mti_call_release(action);
}

static mt_status log_call(mt_db *db, const mti_logging *log, const mt_bytes keys[2],
                          mt_changes_done *done, void *ctx)
{
    mt_action *action;
    mt_status st;

    if (log->records ? !db->storage.records : !db->storage.changes)
        return mti_db_fail(db, MT_UNSUPPORTED, "the storage keeps no %s",
                           log->records ? "records" : "log of changes");
    if ((st = mti_call_new(db, CALL_LOG, NULL, NULL, ctx, &action)) != MT_OK) return st;
    action->as.log = *log;
    if (mti_keys_copy(db->mem, keys, 2, &action->as.log.keys) != MT_OK) {
        mti_call_drop(action);
        return mti_no_memory(&db->error);
    }
    action->as.log.changed = done;
    mti_call_start(action, log_start, false, NULL);
    return MT_OK;
}

mt_status mt_db_changes(mt_db *db, const mt_cursor *since, size_t limit, mt_changes_done *done,
                        void *ctx)
{
    mti_logging log = {.since = *since, .limit = limit};
    mt_bytes none[2] = {{NULL, 0}, {NULL, 0}};

    return log_call(db, &log, none, done, ctx);
}

mt_status mt_db_records(mt_db *db, mt_bytes prefix, mt_bytes after, size_t limit,
                        mt_changes_done *done, void *ctx)
{
    mti_logging log = {.records = true, .limit = limit};
    mt_bytes keys[2] = {prefix, after};

    return log_call(db, &log, keys, done, ctx);
}
