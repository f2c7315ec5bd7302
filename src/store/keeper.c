#include "store/keeper.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"
#include "store/node_store.h"

/* How many changes come together before the leaves that they concern are stored: the more there are, the
 * fewer times each is written. */
#define LAG_MAX 16384
#define LAG_LEAVES 1 /* of a large index, a change to so many leaves */

#define BYTES_MAX ((size_t)16 * 1024 * 1024)

/* What a turn may read: a request waits for it, and a write should not. */
#define SLICE 8192
#define SLICE_OF_WRITE 4 /* a part of that */

/* How many leaves are stored at once. */
#define LEAVES_MAX 512

/* If more was logged since, it is less work to read all records than those that changed. */
#define RECOVER_MAX 65536
#define RECOVER_LEAVES 16

/* Room for so many prints that are owed is kept. */
#define OWED_KEPT_MAX 8192

/* ---- Life ---- */

void mti_keeper_init(mti_keeper *keeper, const mt_mem *mem)
{
    mti_recovery *recovery = &keeper->recovery;

    memset(keeper, 0, sizeof *keeper);
    keeper->mem = mem;
    keeper->bytes_max = BYTES_MAX;
    keeper->slice = SLICE;
    keeper->storing.most = LEAVES_MAX;
    mti_index_init(&keeper->index, mem);
    mti_changes_init(&keeper->pending, mem);
    mti_changes_init(&keeper->dropped, mem);
    mti_changes_init(&recovery->look, mem);
    mti_changes_init(&recovery->found, mem);
    mti_changes_init(&recovery->unlogged, mem);
    mti_batch_init(&keeper->batch, mem);
    keeper->get.text.mem = keeper->piece.mem = mem;
    keeper->building.first.mem = keeper->building.writer.bytes.mem = mem;
}

static void owe_nothing(mti_keeper *keeper, size_t kept)
{
    keeper->owed_count = 0;
    if (keeper->owed_cap <= kept) return;
    mti_mem_free(keeper->mem, keeper->owed, keeper->owed_cap * sizeof *keeper->owed);
    keeper->owed = NULL;
    keeper->owed_cap = 0;
}

/* Frees all that a state needs beside the index. */
static void states_free(mti_keeper *keeper)
{
    mti_recovery *recovery = &keeper->recovery;

    mti_changes_free(&recovery->look);
    mti_changes_free(&recovery->found);
    mti_changes_free(&recovery->unlogged);
    mti_mem_free(keeper->mem, recovery->large, recovery->large_cap * sizeof *recovery->large);
    recovery->large = NULL;
    recovery->large_at = recovery->large_count = recovery->large_cap = 0;
    mt_buf_free(&keeper->building.first);
    mt_buf_free(&keeper->building.writer.bytes);
}

void mti_keeper_free(mti_keeper *keeper)
{
    states_free(keeper);
    mti_index_free(&keeper->index);
    mti_changes_free(&keeper->pending);
    owe_nothing(keeper, 0);
    mti_changes_free(&keeper->dropped);
    mti_batch_free(&keeper->batch);
    mti_piece_free(&keeper->piece);
    mt_buf_free(&keeper->get.text);
}

uint64_t mti_keeper_lag_max(const mti_keeper *keeper)
{
    uint64_t leaves = keeper->index.count / LAG_LEAVES;

    if (keeper->lag_max) return keeper->lag_max;
    return leaves > LAG_MAX ? leaves : LAG_MAX;
}

void mti_keeper_drop(mti_keeper *keeper)
{
    states_free(keeper);
    mti_index_free(&keeper->index);
    mti_changes_free(&keeper->pending);
    mti_changes_free(&keeper->dropped);
    owe_nothing(keeper, OWED_KEPT_MAX);
    keeper->settled = keeper->settled_len = 0;
    keeper->lag = 0;
    keeper->due = mti_keeper_lag_max(keeper);
    keeper->get.count = 0;
    keeper->storing.runs = false;
    keeper->meta = (mti_index_meta){0, 0};
    keeper->state = MTI_KEEPER_NONE;
}

/* Whether the log still says all that the index lacks, and that is not too much. */
static bool recoverable(const mti_node_store *store, const mti_index_meta *meta)
{
    uint64_t most = RECOVER_MAX;

    if (meta->leaves > RECOVER_MAX / RECOVER_LEAVES) most = meta->leaves * RECOVER_LEAVES;
    return meta->watermark >= store->log.trimmed && meta->watermark <= store->log.head &&
           store->log.head - meta->watermark <= most;
}

void mti_keeper_opened(mti_node_store *store, bool fresh, bool in_store, mt_bytes meta)
{
    mti_keeper *keeper = &store->keeper;

    mti_keeper_drop(keeper);
    keeper->in_store = in_store;
    keeper->head = store->log.head;
    if (keeper->off) return;
    if (fresh) keeper->state = MTI_KEEPER_READY;
    if (!in_store || !mti_index_meta_get(meta, &keeper->meta)) return;
    if (!recoverable(store, &keeper->meta)) return;
    keeper->load_after.len = 0;
    keeper->state = MTI_KEEPER_LOAD;
}

/* ---- Notes ---- */

mt_status mti_keeper_note_small(mti_keeper *keeper, const mt_node *node)
{
    size_t change = keeper->pending.count;
    mti_owed_print *owed;

    if (!mti_keeper_notes(keeper)) return MT_OK;
    owed = mti_vector_reserve(keeper->mem, keeper->owed, &keeper->owed_cap, keeper->owed_count + 1,
                              sizeof *owed);
    if (!owed) return MT_NO_MEMORY;
    keeper->owed = owed;
    owed[keeper->owed_count++] = (mti_owed_print){node, change};
    return mti_changes_add(&keeper->pending, MTI_CHANGE_SET, mt_node_uid(node), NULL);
}

mt_status mti_keeper_note_large(mti_keeper *keeper, const mt_row *row)
{
    mti_print print = {.state_max = 0};

    if (!mti_keeper_notes(keeper)) return MT_OK;
    mti_print_add_row(&print, &mti_space_key, row, true);
    return mti_changes_add(&keeper->pending, MTI_CHANGE_SET, row->uid, &print);
}

/* The key of a field's element: uid | 00 | name. */
static mt_bytes field_key(uint8_t room[MTI_ELEMENT_KEY_MAX + 1], mt_bytes uid, mt_bytes name)
{
    uint8_t *end = mti_key_put_field(room, uid, name);

    return (mt_bytes){room + 1, (size_t)(end - room) - 1};
}

mt_status mti_keeper_note_field(mti_keeper *keeper, mt_bytes uid, const mt_field *field)
{
    uint8_t room[MTI_ELEMENT_KEY_MAX + 1];
    mt_row row = {.uid = uid, .fields = field, .count = 1};
    mti_print print = {.state_max = 0};

    if (!mti_keeper_notes(keeper)) return MT_OK;
    mti_print_add_row(&print, &mti_space_key, &row, false);
    return mti_changes_add(&keeper->pending, MTI_CHANGE_SET, field_key(room, uid, field->name),
                           &print);
}

mt_status mti_keeper_note_no_field(mti_keeper *keeper, mt_bytes uid, mt_bytes name)
{
    uint8_t room[MTI_ELEMENT_KEY_MAX + 1];

    if (!mti_keeper_notes(keeper)) return MT_OK;
    return mti_changes_add(&keeper->pending, MTI_CHANGE_REMOVE, field_key(room, uid, name), NULL);
}

mt_status mti_keeper_note_no_fields(mti_keeper *keeper, mt_bytes uid)
{
    if (!mti_keeper_notes(keeper)) return MT_OK;
    return mti_changes_add(&keeper->pending, MTI_CHANGE_FIELDS, uid, NULL);
}

mt_status mti_keeper_note_no_node(mti_keeper *keeper, mt_bytes uid)
{
    if (!mti_keeper_notes(keeper)) return MT_OK;
    return mti_changes_add(&keeper->pending, MTI_CHANGE_REMOVE, uid, NULL);
}

void mti_keeper_make_prints(mti_keeper *keeper)
{
    for (size_t i = 0; i < keeper->owed_count; i++) {
        const mti_owed_print *owed = &keeper->owed[i];
        keeper->pending.at[owed->change].print = mti_print_node(&mti_space_key, owed->node);
    }
    owe_nothing(keeper, OWED_KEPT_MAX);
}

void mti_keeper_settle(mti_keeper *keeper)
{
    mti_keeper_make_prints(keeper);
    keeper->lag += keeper->pending.count - keeper->settled;
    keeper->settled = keeper->pending.count;
    keeper->settled_len = keeper->pending.text.len;
}

void mti_keeper_undo(mti_keeper *keeper)
{
    owe_nothing(keeper, OWED_KEPT_MAX);
    keeper->pending.count = keeper->settled;
    keeper->pending.text.len = keeper->settled_len;
}

/* ---- Records ---- */

static mt_status settle_reading(mt_status st)
{
    return st == MT_OK || st == MT_NO_MEMORY ? st : MT_NOT_FOUND;
}

mt_status mti_keeper_read_node(mti_node_store *store, mt_bytes key, mt_bytes value,
                               mti_print *print, bool *is_large, mti_large *large)
{
    mti_piece *piece = &store->keeper.piece;
    mt_bytes uid = mti_key_rest(key);
    mt_row row = {.uid = uid};
    mt_status st;

    memset(print, 0, sizeof *print);
    *is_large = mti_is_large(value);
    if (uid.len == 0 || uid.len > MT_UID_LEN_MAX) return MT_NOT_FOUND;
    if (*is_large) {
        if (mti_large_get(key, value, large, NULL) != MT_OK) return MT_NOT_FOUND;
        row.floor = large->floor;
        mti_print_add_row(print, &mti_space_key, &row, true);
        return MT_OK;
    }
    mti_piece_clear(piece);
    if (mti_piece_reserve(piece, 1, value.len) != MT_OK) return MT_NO_MEMORY;
    st = mti_piece_add_node(piece, &store->decoder, uid, value, NULL);
    if (st == MT_OK) mti_print_add_row(print, &mti_space_key, &piece->rows[0].row, true);
    return settle_reading(st);
}

mt_status mti_keeper_read_field(mti_node_store *store, mt_bytes uid, mti_large *large,
                                mt_bytes name, mt_bytes value, mti_print *print)
{
    mti_piece *piece = &store->keeper.piece;
    mt_status st;

    memset(print, 0, sizeof *print);
    mti_piece_clear(piece);
    if (mti_piece_reserve(piece, 1, value.len) != MT_OK) return MT_NO_MEMORY;
    st = mti_piece_add_field(piece, &store->decoder, uid, large, false, name, value, NULL);
    if (st == MT_OK) mti_print_add_row(print, &mti_space_key, &piece->rows[0].row, false);
    return settle_reading(st);
}

/* ---- Questions ---- */

bool mti_lookup_begin(mti_lookup *get)
{
    get->count = 0;
    get->text.len = 0;
    return mti_buf_reserve(&get->text, (size_t)MTI_GET_MAX * MT_KV_KEY_LEN_MAX) == MT_OK;
}

void mti_lookup_add(mti_lookup *get, uint8_t tag, mt_bytes rest, size_t about)
{
    uint8_t *start = get->text.data + get->text.len;

    mti_assert(get->count < MTI_GET_MAX && rest.len < MT_KV_KEY_LEN_MAX);
    get->keys[get->count] = (mt_bytes){start, (size_t)(mti_key_put(start, tag, rest) - start)};
    get->about[get->count++] = about;
    get->text.len += 1 + rest.len;
}

bool mti_keeper_want(mti_keeper *keeper, size_t leaf)
{
    mti_lookup *get = &keeper->get;

    if (get->count > 0 && get->about[get->count - 1] == leaf) return true;
    if (get->count == MTI_GET_MAX) return false;
    if (get->count == 0 && !mti_lookup_begin(get)) {
        mti_keeper_no_memory(keeper);
        return false;
    }
    mti_lookup_add(get, MTI_KEY_INDEX, mti_leaf_first(&keeper->index.leaves[leaf]), leaf);
    return true;
}

bool mti_keeper_wants(const mti_keeper *keeper)
{
    return keeper->get.count > 0;
}

void mti_keeper_ask_leaves(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    keeper->asked = MTI_ASKED_LEAVES;
    mti_ask_get(asking, keeper->get.keys, keeper->get.count);
}

static void take_leaves(mti_keeper *keeper, const mt_kv_answer *answer)
{
    mti_lookup *get = &keeper->get;
    size_t count = get->count;

    get->count = 0;
    for (size_t i = 0; i < count; i++) {
        mt_bytes value = answer->pairs[i].value, bytes;
        mti_leaf_sum sum;
        mt_status st = MT_MALFORMED;

        if (value.data && mti_index_leaf_get(get->keys[i], value, &sum, &bytes))
            st = mti_index_load(&keeper->index, get->about[i], bytes);
        if (st == MT_NO_MEMORY) mti_keeper_no_memory(keeper);
        else if (st != MT_OK) mti_keeper_drop(keeper);
        if (st != MT_OK) return;
    }
}

/* ---- Turns ---- */

bool mti_keeper_wanted(const mti_keeper *keeper)
{
    return mti_keeper_notes(keeper) && mti_keeper_is_due(keeper);
}

void mti_keeper_begin(mti_keeper *keeper, bool request)
{
    keeper->budget = request ? keeper->slice : keeper->slice / SLICE_OF_WRITE + 1;
    keeper->builds = request;
    keeper->sorted = keeper->stored = false;
    keeper->get.count = 0;
    keeper->err = (mt_error){MT_OK, ""};
}

void mti_keeper_fail(mti_keeper *keeper, mt_status status, const char *text)
{
    mti_fail(&keeper->err, status, "%s", text ? text : mt_status_text(status));
}

void mti_keeper_no_memory(mti_keeper *keeper)
{
    mti_no_memory(&keeper->err);
}

size_t mti_keeper_page(const mti_keeper *keeper, size_t most)
{
    return keeper->budget < most ? keeper->budget : most;
}

void mti_keeper_spend(mti_keeper *keeper, size_t count)
{
    keeper->budget -= count < keeper->budget ? count : keeper->budget;
}

void mti_keeper_trim(mti_keeper *keeper)
{
    if (keeper->index.held > keeper->bytes_max) mti_index_unload(&keeper->index);
}

/* Takes changes in, of which no leaf is missing. */
static void take_in(mti_keeper *keeper, mti_changes *changes)
{
    size_t count = keeper->dropped.count, len = keeper->dropped.text.len;

    if (mti_index_apply(&keeper->index, changes, &keeper->dropped) == MT_OK) {
        mti_changes_clear(changes);
        return;
    }
    keeper->dropped.count = count;
    keeper->dropped.text.len = len;
    mti_keeper_no_memory(keeper);
}

bool mti_keeper_apply(mti_asking *asking, mti_changes *changes)
{
    mti_keeper *keeper = &asking->store->keeper;
    size_t leaf;

    if (!keeper->sorted) {
        if (mti_changes_sort(changes) != MT_OK) {
            mti_keeper_no_memory(keeper);
            return false;
        }
        keeper->search = (mti_index_search){.feed.changes = changes};
        keeper->sorted = true;
    }
    while (keeper->get.count < MTI_GET_MAX &&
           (leaf = mti_index_search_next(&keeper->index, &keeper->search)) != SIZE_MAX)
        if (!mti_keeper_want(keeper, leaf)) return false;
    if (mti_keeper_wants(keeper)) {
        mti_keeper_ask_leaves(asking);
        return true;
    }
    keeper->sorted = false;
    take_in(keeper, changes);
    return false;
}

/* ---- READY ---- */

/* Writes that go on storing leaves have no need of what was written since: to take that in with each of
 * them would make most leaves anew each time. */
static bool may_wait(const mti_keeper *keeper)
{
    return !keeper->builds && (keeper->storing.runs || keeper->stored);
}

/* True: the engine was asked. */
static bool ready_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    if (keeper->pending.count > 0 && !may_wait(keeper)) {
        mti_assert(keeper->settled == keeper->pending.count);
        if (mti_keeper_apply(asking, &keeper->pending)) return true;
        if (keeper->err.status != MT_OK || keeper->pending.count > 0) return false;
        keeper->settled = keeper->settled_len = 0;
    }
    if (keeper->state != MTI_KEEPER_READY || keeper->stored || !mti_keeper_is_due(keeper))
        return false;
    return mti_keeper_store_go(asking);
}

/* ---- States ---- */

/* Says how far it is. */
static mti_keeping again(mti_keeper *keeper)
{
    mt_error *err = &keeper->err;

    if (keeper->state == MTI_KEEPER_BUILD)
        mti_fail(err, MT_AGAIN, "the index is being made: %llu nodes so far",
                 (unsigned long long)keeper->building.nodes);
    else if (keeper->state == MTI_KEEPER_LOAD)
        mti_fail(err, MT_AGAIN, "the index is being read: %zu of %llu leaves", keeper->index.count,
                 (unsigned long long)keeper->meta.leaves);
    else
        mti_fail(err, MT_AGAIN, "the index takes in change %llu of %llu",
                 (unsigned long long)keeper->recovery.from, (unsigned long long)keeper->head);
    return MTI_KEEPING_FAILED;
}

/* A write goes on without; the next ones do not try at once. */
static mti_keeping failed(mti_keeper *keeper)
{
    if (keeper->state == MTI_KEEPER_RECOVER) mti_keeper_recover_again(keeper);
    if (!keeper->builds) mti_keeper_store_later(keeper);
    return MTI_KEEPING_FAILED;
}

mti_keeping mti_keeper_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    bool asked = false;

    for (;;) {
        if (keeper->err.status != MT_OK) return failed(keeper);
        if (keeper->budget == 0 && keeper->state != MTI_KEEPER_READY) return again(keeper);
        switch (keeper->state) {
        case MTI_KEEPER_NONE:
            if (!keeper->builds) return MTI_KEEPING_DONE;
            mti_keeper_build_begin(keeper);
            break;
        case MTI_KEEPER_LOAD: asked = mti_keeper_load_go(asking); break;
        case MTI_KEEPER_RECOVER: asked = mti_keeper_recover_go(asking); break;
        case MTI_KEEPER_BUILD: asked = mti_keeper_build_go(asking); break;
        case MTI_KEEPER_READY:
            asked = ready_go(asking);
            if (!asked && keeper->state == MTI_KEEPER_READY && keeper->err.status == MT_OK)
                return MTI_KEEPING_DONE;
            break;
        }
        if (asked) return MTI_KEEPING_WAITS;
    }
}

static void take_stored(mti_asking *asking, const mt_kv_answer *answer)
{
    mti_keeper *keeper = &asking->store->keeper;

    if (keeper->state == MTI_KEEPER_BUILD && answer->status == MT_OK)
        mti_keeper_build_stored(keeper);
    else if (keeper->state == MTI_KEEPER_BUILD)
        mti_keeper_fail(keeper, answer->status, answer->text);
    else if (answer->status == MT_OK) mti_keeper_stored(asking->store);
    else mti_keeper_store_later(keeper);
}

static void take_state(mti_asking *asking, const mt_kv_answer *answer)
{
    switch (asking->store->keeper.state) {
    case MTI_KEEPER_LOAD: mti_keeper_load_take(&asking->store->keeper, answer); break;
    case MTI_KEEPER_RECOVER: mti_keeper_recover_take(asking, answer); break;
    case MTI_KEEPER_BUILD: mti_keeper_build_take(asking, answer); break;
    case MTI_KEEPER_NONE:
    case MTI_KEEPER_READY: break; /* nothing is asked there */
    }
}

void mti_keeper_take(mti_asking *asking, const mt_kv_answer *answer)
{
    mti_keeper *keeper = &asking->store->keeper;

    if (keeper->asked == MTI_ASKED_STORE) {
        take_stored(asking, answer);
        return;
    }
    if (answer->status != MT_OK) {
        mti_keeper_fail(keeper, answer->status, answer->text);
        return;
    }
    if (keeper->asked == MTI_ASKED_LEAVES) take_leaves(keeper, answer);
    else take_state(asking, answer);
}
