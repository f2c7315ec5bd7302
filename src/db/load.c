#include "db/load.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crdt/part.h"

/* A request of storage for nodes. It lives until storage has answered and everybody has been
 * told. */
struct mti_fetch {
    mt_db *db;
    mti_need *needs; /* handles held; names in `names` */
    mti_block *names;
    size_t count;
    mt_action **waiters; /* held */
    size_t waiter_count, waiter_cap;
    mt_status status;
    bool removing; /* it does not load, it drops */
    bool started;  /* the call that asked storage has returned */
    bool answered;
    char text[MT_ERROR_TEXT_MAX];
};

/* ---- What is in memory ---- */

bool mti_need_met(const mti_need *need)
{
    const mt_node *node = mti_handle_resident(need->handle);
    mt_field field;

    if (!node) return need->handle->absent || !mti_db_has_storage(need->handle->db);
    if (!mti_node_is_partial(node)) return true;
    /* More of it may be on its way: it is not to be taken for one that is always in part. */
    if (need->whole || need->handle->fetch) return false;
    for (size_t i = 0; i < need->name_count; i++)
        if (mt_node_get_any(node, need->names[i], &field) == MT_NOT_LOADED) return false;
    return true;
}

/* ---- Rows from storage ---- */

static mt_status no_room(mt_db *db)
{
    return mti_db_fail(db, MT_BUDGET, "nodes that are held fill the cache of %zu bytes",
                       db->cache_bytes);
}

static mt_status load_failed(mt_db *db, mt_status st)
{
    const mt_error *why = mt_graph_error(db->graph);

    if (st == MT_NO_MEMORY) return mti_no_memory(&db->error);
    return mti_db_fail(db, st, "storage \"%s\" gave what cannot be: %s", db->storage.name,
                       why->text);
}

/* Whether a row is merged: it is a node by itself, or the place has a whole one already. Such rows go
 * into the graph in batches. */
static bool is_plain(const mt_db *db, const mt_storage_row *row, bool within)
{
    const mt_node *node = mt_graph_get(db->graph, row->row.uid);

    if (node) return !mti_node_is_partial(node);
    return !within && !row->partial && !row->row.more;
}

static mt_status load_piece(mt_db *db, const mt_storage_row *row)
{
    mti_part part = {.uid = row->row.uid,
                     .floor = row->row.floor,
                     .state_max = row->state_max,
                     .fields = row->row.fields,
                     .count = row->row.count};

    part.whole = !row->row.more && !row->partial;
    return mti_graph_load_part(db->graph, &part);
}

/* Takes rows into memory that are as they are in storage: no event, no log. */
static mt_status load_rows(mt_db *db, const mt_storage_row *rows, size_t count)
{
    mt_row batch[MTI_TREE_BATCH];
    size_t gathered = 0;
    bool within = false;
    mt_status st = MT_OK;

    for (size_t i = 0; i <= count && st == MT_OK; i++) {
        bool plain = i < count && is_plain(db, &rows[i], within);
        if (gathered > 0 && (!plain || gathered == MTI_TREE_BATCH)) {
            st = mt_graph_merge_rows(db->graph, batch, gathered, NULL);
            gathered = 0;
            if (st == MT_OK && !mti_cache_has_room(db)) return no_room(db);
            if (st != MT_OK) break;
        }
        if (i == count) break;
        if (plain) batch[gathered++] = rows[i].row;
        else st = load_piece(db, &rows[i]);
        within = rows[i].row.more;
    }
    if (st != MT_OK) return load_failed(db, st);
    return mti_cache_has_room(db) ? MT_OK : no_room(db);
}

/* What was asked for and did not come is not there. */
static mt_status note_absent(mt_db *db, const mti_need *need)
{
    const mt_node *node = mti_handle_resident(need->handle);
    mti_part part = {.uid = mt_handle_uid(need->handle),
                     .absent = need->names,
                     .absent_count = need->name_count};

    need->handle->absent = !node;
    if (!node) return MT_OK;
    if (!mti_node_is_partial(node) || (need->name_count == 0 && !need->whole)) return MT_OK;
    part.floor = mt_node_floor(node);
    part.whole = need->whole;
    return mti_graph_load_part(db->graph, &part);
}

/* ---- A fetch ---- */

static void fetch_free(mti_fetch *fetch)
{
    const mt_mem *mem = fetch->db->mem;

    for (size_t i = 0; i < fetch->count; i++) {
        mti_block_free(mem, &fetch->names[i]);
        mt_handle_unref(fetch->needs[i].handle);
    }
    mti_mem_free(mem, fetch->needs, fetch->count * sizeof *fetch->needs);
    mti_mem_free(mem, fetch->names, fetch->count * sizeof *fetch->names);
    mti_mem_free(mem, fetch->waiters, fetch->waiter_cap * sizeof(mt_action *));
    mti_mem_free(mem, fetch, sizeof *fetch);
}

static mt_status need_copy(mti_fetch *fetch, size_t i, const mti_need *need)
{
    mti_need *copy = &fetch->needs[i];

    *copy = *need;
    copy->handle = mt_handle_ref(need->handle);
    copy->fresh = !mti_handle_resident(need->handle);
    copy->names = NULL;
    if (need->name_count == 0) return MT_OK;
    if (mti_keys_copy(fetch->db->mem, need->names, need->name_count, &fetch->names[i]) != MT_OK)
        return MT_NO_MEMORY;
    copy->names = fetch->names[i].data;
    return MT_OK;
}

/* A fetch of the needs that nobody fetches yet. NULL without memory. */
static mti_fetch *fetch_new(mt_db *db, const mti_need *needs, const uint8_t *wanted, size_t count,
                            size_t wanted_count)
{
    mti_fetch *fetch = mti_mem_alloc(db->mem, sizeof *fetch);
    mt_status st = MT_OK;

    if (!fetch) return NULL;
    memset(fetch, 0, sizeof *fetch);
    fetch->db = db;
    fetch->needs = mti_mem_alloc(db->mem, wanted_count * sizeof *fetch->needs);
    fetch->names = mti_mem_alloc(db->mem, wanted_count * sizeof *fetch->names);
    fetch->count = wanted_count;
    if (!fetch->needs || !fetch->names) st = MT_NO_MEMORY;
    if (fetch->needs) memset(fetch->needs, 0, wanted_count * sizeof *fetch->needs);
    if (fetch->names) memset(fetch->names, 0, wanted_count * sizeof *fetch->names);
    for (size_t i = 0, at = 0; i < count && st == MT_OK; i++)
        if (wanted[i]) st = need_copy(fetch, at++, &needs[i]);
    if (st == MT_OK) return fetch;
    if (!fetch->needs || !fetch->names) {
        mti_mem_free(db->mem, fetch->needs, wanted_count * sizeof *fetch->needs);
        mti_mem_free(db->mem, fetch->names, wanted_count * sizeof *fetch->names);
        fetch->needs = NULL;
        fetch->names = NULL;
        fetch->count = 0;
    }
    fetch_free(fetch);
    return NULL;
}

static mt_status wait_for(mti_fetch *fetch, mt_action *action)
{
    mt_action **waiters = mti_vector_reserve(fetch->db->mem, fetch->waiters, &fetch->waiter_cap,
                                             fetch->waiter_count + 1, sizeof(mt_action *));

    if (!waiters) return MT_NO_MEMORY;
    fetch->waiters = waiters;
    /* A call waits once for a fetch, however many nodes it needs of it. */
    if (fetch->waiter_count > 0 && waiters[fetch->waiter_count - 1] == action) return MT_OK;
    waiters[fetch->waiter_count++] = action;
    mti_call_hold(action);
    action->waits++;
    return MT_OK;
}

/* Tells those who wait, and goes. */
static void fetch_end(mti_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) fetch->needs[i].handle->fetch = NULL;
    fetch->db->forgotten += fetch->removing; /* a list may have had them until now */
    for (size_t i = 0; i < fetch->waiter_count; i++) {
        mt_action *action = fetch->waiters[i];
        action->waits--;
        if (fetch->status != MT_OK) mti_call_fail(action, fetch->status, fetch->text);
        else if (action->waits == 0 && !mti_call_over(action)) action->stage(action);
        mti_call_release(action);
    }
    mti_unblock(fetch->db);
    mti_pump_set(fetch->db);
    fetch_free(fetch);
}

static void fetch_note(mti_fetch *fetch, mt_status st, const char *text)
{
    mt_error line;

    if (st == MT_OK || fetch->status != MT_OK) return;
    fetch->status = st;
    mti_fail(&line, st, "%s", text && *text ? text : mt_status_text(st));
    memcpy(fetch->text, line.text, sizeof fetch->text);
}

/* Whether a node was asked for. */
static bool is_needed(const mti_fetch *fetch, mt_bytes uid)
{
    size_t first = 0, len = fetch->count;

    while (len > 0) {
        size_t half = len / 2;
        int order = mt_bytes_compare(mt_handle_uid(fetch->needs[first + half].handle), uid);
        if (order == 0) return true;
        first = order < 0 ? first + half + 1 : first;
        len = order < 0 ? len - half - 1 : half;
    }
    return false;
}

/* Takes the rows of an answer, in runs of those that were asked for. A node that was asked for whole is whole
 * once the last answer has come: until then it may turn out that some of it is damaged. */
static mt_status take_rows(mti_fetch *fetch, const mt_storage_answer *answer)
{
    mt_status st = MT_OK;
    size_t i = 0;

    while (i < answer->row_count && st == MT_OK) {
        bool needed = is_needed(fetch, answer->rows[i].row.uid);
        size_t end = i + 1;
        while (end < answer->row_count && is_needed(fetch, answer->rows[end].row.uid) == needed)
            end++;
        if (needed) st = load_rows(fetch->db, answer->rows + i, end - i);
        i = end;
    }
    return st;
}

/* What came of a node, and is not all that was to come, is no ground to write on: some of the rest may be
 * damaged, and storage does not take short nodes in part. */
static void drop_parts(mti_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        const mti_need *need = &fetch->needs[i];
        const mt_node *node = need->fresh ? mti_handle_resident(need->handle) : NULL;
        if (node && mti_node_is_partial(node))
            mti_cache_drop(fetch->db, mt_handle_uid(need->handle));
    }
}

static void fetched(void *ctx, const mt_storage_answer *answer)
{
    mti_fetch *fetch = ctx;
    mt_status st;

    fetch_note(fetch, answer->status, answer->text);
    if (fetch->status == MT_OK && (st = take_rows(fetch, answer)) != MT_OK)
        fetch_note(fetch, st, fetch->db->error.text);
    if (answer->more) return;
    for (size_t i = 0; i < fetch->count && fetch->status == MT_OK; i++) {
        if (fetch->removing) fetch->needs[i].handle->absent = true;
        else if (note_absent(fetch->db, &fetch->needs[i]) != MT_OK)
            fetch_note(fetch, MT_NO_MEMORY, NULL);
    }
    if (fetch->status != MT_OK) drop_parts(fetch);
    fetch->answered = true;
    /* Within the call that started it, the caller goes on by itself. */
    if (fetch->started) fetch_end(fetch);
}

static mt_status ask_storage(mti_fetch *fetch, uint64_t id)
{
    mt_db *db = fetch->db;
    size_t size = fetch->count * (sizeof(mt_storage_key) + sizeof(mt_bytes));
    mt_storage_key *keys = mti_mem_alloc(db->mem, size);
    mt_bytes *uids;
    mt_status st;

    if (!keys) return MT_NO_MEMORY;
    uids = (mt_bytes *)&keys[fetch->count];
    for (size_t i = 0; i < fetch->count; i++) {
        const mti_need *need = &fetch->needs[i];
        uids[i] = keys[i].uid = mt_handle_uid(need->handle);
        keys[i].names = need->names;
        keys[i].name_count = need->name_count;
        keys[i].whole = need->whole;
    }
    if (fetch->removing)
        st = db->storage.remove(db->storage_ctx, &db->storage_host, id, uids, fetch->count);
    else st = db->storage.read(db->storage_ctx, &db->storage_host, id, keys, fetch->count);
    mti_mem_free(db->mem, keys, size);
    return st;
}

static void fetch_mark(mti_fetch *fetch, mti_fetch *by)
{
    for (size_t i = 0; i < fetch->count; i++) fetch->needs[i].handle->fetch = by;
}

/* Asks storage; `fetch` is MOVED if it has not answered by then. `*going`: it has not. */
static mt_status fetch_start(mti_fetch *fetch, bool *going)
{
    mt_db *db = fetch->db;
    mt_status st;
    uint64_t id = 0;

    *going = false;
    fetch_mark(fetch, fetch);
    if ((st = mti_request_begin(db, fetched, fetch, &id)) == MT_OK) {
        if ((st = ask_storage(fetch, id)) != MT_OK) {
            mti_request_end(db, id);
            mti_db_fail(db, st, "storage \"%s\" did not start: %s", db->storage.name,
                        mt_status_text(st));
        }
    }
    if (st != MT_OK) fetch_note(fetch, st, db->error.text);
    fetch->started = true;
    *going = st == MT_OK && !fetch->answered;
    if (!*going && fetch->status != MT_OK) mti_db_fail(db, fetch->status, "%s", fetch->text);
    return fetch->status;
}

/* Starts a fetch, which is MOVED, for a call that waits for it, should it not answer at once. */
static mt_status fetch_go(mti_fetch *fetch, mt_action *action)
{
    bool going = false;
    mt_status st;

    if (wait_for(fetch, action) != MT_OK) {
        fetch_free(fetch);
        return mti_no_memory(&action->db->error);
    }
    st = fetch_start(fetch, &going);
    if (going) return MT_OK;
    /* The call goes on by itself, after whoever has come to wait meanwhile. */
    fetch->waiters[0] = fetch->waiters[--fetch->waiter_count];
    action->waits--;
    mti_call_release(action);
    fetch_end(fetch);
    return st;
}

/* Fetches what `wanted` marks. */
static mt_status fetch_wanted(mt_action *action, const mti_need *needs, const uint8_t *wanted,
                              size_t count, size_t wanted_count)
{
    mt_db *db = action->db;
    mti_fetch *fetch;

    if (!mti_cache_has_room(db)) return no_room(db);
    if (!(fetch = fetch_new(db, needs, wanted, count, wanted_count)))
        return mti_no_memory(&db->error);
    return fetch_go(fetch, action);
}

mt_status mti_remove(mt_action *action, const mti_need *needs, size_t count, mti_stage *stage,
                     bool *waits)
{
    mt_db *db = action->db;
    uint8_t *wanted = mti_mem_alloc(db->mem, count ? count : 1);
    mti_fetch *fetch;
    mt_status st;

    *waits = false;
    if (!wanted) return mti_no_memory(&db->error);
    memset(wanted, 1, count);
    fetch = fetch_new(db, needs, wanted, count, count);
    mti_mem_free(db->mem, wanted, count ? count : 1);
    if (!fetch) return mti_no_memory(&db->error);
    fetch->removing = true;
    action->stage = stage;
    st = fetch_go(fetch, action);
    *waits = st == MT_OK && action->waits > 0;
    return st;
}

mt_status mti_load(mt_action *action, const mti_need *needs, size_t count, mti_stage *stage,
                   bool *waits)
{
    mt_db *db = action->db;
    uint8_t *wanted;
    size_t wanted_count = 0;
    mt_status st = MT_OK;

    *waits = false;
    for (size_t i = 0; i < count && wanted_count == 0; i++)
        if (needs[i].force || !mti_need_met(&needs[i])) wanted_count = 1;
    if (wanted_count == 0 || !mti_db_has_storage(db)) return MT_OK;
    if (!(wanted = mti_mem_alloc(db->mem, count))) return mti_no_memory(&db->error);
    action->stage = stage;
    wanted_count = 0;
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        wanted[i] = 0;
        if (!needs[i].force && mti_need_met(&needs[i])) continue;
        if (needs[i].handle->fetch) {
            if (wait_for(needs[i].handle->fetch, action) != MT_OK) st = mti_no_memory(&db->error);
            continue;
        }
        wanted[i] = 1;
        wanted_count++;
    }
    if (st == MT_OK && wanted_count > 0)
        st = fetch_wanted(action, needs, wanted, count, wanted_count);
    mti_mem_free(db->mem, wanted, count);
    *waits = st == MT_OK && action->waits > 0;
    return st;
}
