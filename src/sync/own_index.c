/* own_index.c - prints and items of our nodes: those that the storage keeps, or, where it keeps none, an
 * index in memory.
 *
 * The one in memory is made from a stream of all nodes when it is first needed, and from then on takes in
 * every commit. What is committed while the stream runs is noted, and taken in after it. Where it cannot be
 * made, whoever asks is told why, and it is tried again after a while. */
#include "db/read.h"
#include "store/index_query.h"
#include "sync/sync.h"

/* How long until it is made again where that failed. */
#define FAILED_MS 1000u

void mti_own_index_init(mti_sync *sync)
{
    mti_own_index *own = &sync->index;

    mti_index_init(&own->index, sync->mem);
    mti_changes_init(&own->read, sync->mem);
    mti_changes_init(&own->noted, sync->mem);
}

void mti_own_index_free(mti_sync *sync)
{
    mti_own_index *own = &sync->index;

    mti_index_free(&own->index);
    mti_changes_free(&own->read);
    mti_changes_free(&own->noted);
}

/* Nothing is known any more: it is made again when it is needed, and the stream of before has ended. */
static void drop(mti_sync *sync)
{
    mti_own_index_free(sync);
    sync->index.stage = INDEX_NONE;
    sync->index.any = false;
    if (sync->index.stream) mt_cancel(sync->db, sync->index.stream);
}

/* ---- Commits ---- */

static mt_status note_node(mti_own_index *own, const mt_delta_node *node)
{
    mti_print print;

    if (!node->after || mt_node_state_max(node->after) == 0)
        return mti_changes_add(&own->noted, MTI_CHANGE_REMOVE, node->uid, NULL);
    if (mt_node_partial(node->after)) return MT_AGAIN;
    print = mti_print_node(&mti_space_key, node->after);
    return mti_changes_add(&own->noted, MTI_CHANGE_SET, node->uid, &print);
}

/* So many changes are taken in at once. */
#define NOTED_MAX 16384u

static mt_status take_in(mti_own_index *own, mti_changes *changes)
{
    mt_status st = mti_changes_sort(changes);

    if (st == MT_OK) st = mti_index_apply(&own->index, changes, NULL);
    if (st == MT_OK) mti_changes_clear(changes);
    return st;
}

void mti_own_index_note(mti_sync *sync, const mt_push *push)
{
    mti_own_index *own = &sync->index;
    mt_delta_iter iter;
    mt_delta_node node;
    mt_status st = MT_OK;

    if (own->stage == INDEX_NONE) return;
    mt_delta_iter_init(&iter, push->delta, MT_UPDATE);
    while (st == MT_OK && mt_delta_iter_node(&iter, &node))
        if (!node.empty) st = note_node(own, &node);
    if (st == MT_OK && own->stage == INDEX_MADE && own->noted.count >= NOTED_MAX)
        st = take_in(own, &own->noted);
    if (st != MT_OK) drop(sync);
}

/* ---- Making it ---- */

static mt_status end_node(mti_own_index *own)
{
    mt_bytes uid = {own->uid, own->uid_len};

    own->any = false;
    own->nodes++;
    return mti_changes_add(&own->read, MTI_CHANGE_SET, uid, &own->print);
}

static bool take_row(void *ctx, mt_db *db, const mt_row *row)
{
    mti_sync *sync = ctx;
    mti_own_index *own = &sync->index;
    mt_status st = MT_OK;

    (void)db;
    if (own->stage != INDEX_MAKING) return true;
    if (!own->any) own->print = (mti_print){.state_max = 0};
    mti_print_add_row(&own->print, &mti_space_key, row, !own->any);
    own->any = true;
    memcpy(own->uid, row->uid.data, row->uid.len);
    own->uid_len = (uint8_t)row->uid.len;
    if (!row->more) st = end_node(own);
    if (st == MT_OK && own->read.count >= NOTED_MAX) st = take_in(own, &own->read);
    if (st != MT_OK) own->failed = st;
    return true;
}

static void streamed(void *ctx, mt_db *db, const mt_result *result)
{
    mti_sync *sync = ctx;
    mti_own_index *own = &sync->index;
    mt_status st = own->failed;

    (void)db;
    own->stream = 0;
    if (own->stage != INDEX_MAKING) return; /* it was dropped meanwhile */
    if (st == MT_OK) st = result->status;
    if (st == MT_OK) st = take_in(own, &own->read);
    if (st == MT_OK) {
        own->stage = INDEX_MADE;
        return;
    }
    mti_fail(&own->why, st, "%s", st == result->status ? result->text : mt_status_text(st));
    own->again_ms = sync->env->ticks_ms(sync->env->ctx) + FAILED_MS;
    drop(sync);
}

static mt_status make(mti_sync *sync)
{
    static const mt_range all = {.deleted = true};
    mti_own_index *own = &sync->index;

    own->forgotten = sync->db->forgotten;
    own->nodes = 0;
    own->failed = own->why.status = MT_OK;
    own->stage = INDEX_MAKING;
    if (mt_stream(sync->db, &all, take_row, streamed, sync, &own->stream) == MT_OK) return MT_OK;
    own->stage = INDEX_NONE;
    return mt_db_error(sync->db)->status;
}

/* ---- Asked ---- */

static void say_failed(mt_status st, const char *text, mti_index_done *done, void *ctx)
{
    mt_storage_answer answer = {.status = st, .text = text};

    done(ctx, &answer);
}

static void answer_prints(mti_sync *sync, const mt_storage_span *spans, size_t count,
                          mti_index_done *done, void *ctx)
{
    mt_storage_print *prints;
    size_t print_count;
    mt_storage_answer answer = {.status = MT_OK};

    if (mti_prints_make(&sync->index.index, spans, count, &prints, &print_count) != MT_OK) {
        say_failed(MT_NO_MEMORY, NULL, done, ctx);
        return;
    }
    answer.prints = prints;
    answer.print_count = print_count;
    done(ctx, &answer);
    mti_mem_free(sync->mem, prints, print_count * sizeof *prints);
}

static void answer_items(mti_sync *sync, const mt_storage_span *spans, size_t count,
                         mti_index_done *done, void *ctx)
{
    mti_item_walk walk = {.index = &sync->index.index, .spans = spans, .span_count = count};
    mti_items *items = mti_mem_alloc(sync->mem, sizeof *items);

    if (!items) {
        say_failed(MT_NO_MEMORY, NULL, done, ctx);
        return;
    }
    while (mti_items_next(&walk, items)) {
        mt_storage_answer piece = {.items = items->at, .item_count = items->count, .more = true};
        if (items->count > 0) done(ctx, &piece);
    }
    mti_mem_free(sync->mem, items, sizeof *items);
    say_failed(MT_OK, NULL, done, ctx);
}

static mt_status ask_memory(mti_sync *sync, bool items, const mt_storage_span *spans, size_t count,
                            mti_index_done *done, void *ctx)
{
    mti_own_index *own = &sync->index;
    mt_error line;
    mt_status st;

    /* Forgetting a node is no commit. */
    if (own->stage != INDEX_NONE && own->forgotten != sync->db->forgotten) drop(sync);
    if (own->stage == INDEX_NONE && own->why.status != MT_OK &&
        sync->env->ticks_ms(sync->env->ctx) < own->again_ms) {
        say_failed(own->why.status, own->why.text, done, ctx);
        return MT_OK;
    }
    if (own->stage == INDEX_NONE && own->stream == 0 && (st = make(sync)) != MT_OK) return st;
    if (own->stage != INDEX_MADE) {
        mti_fail(&line, MT_AGAIN, "the index is being made, %llu nodes",
                 (unsigned long long)own->nodes);
        say_failed(MT_AGAIN, line.text, done, ctx);
        return MT_OK;
    }
    if (own->noted.count > 0 && (st = take_in(own, &own->noted)) != MT_OK) {
        drop(sync);
        return st;
    }
    if (items) answer_items(sync, spans, count, done, ctx);
    else answer_prints(sync, spans, count, done, ctx);
    return MT_OK;
}

static bool is_of_storage(const mti_sync *sync)
{
    const mt_db *db = sync->db;

    return db->storage.name && db->storage.fingerprint && db->storage.items;
}

bool mti_own_index_ready(const mti_sync *sync)
{
    return is_of_storage(sync) ? !mti_is_empty(sync) : sync->index.stage == INDEX_MADE;
}

mt_status mti_own_index_ask(mti_sync *sync, bool items, const mt_storage_span *spans, size_t count,
                            mti_index_done *done, void *ctx)
{
    mt_db *db = sync->db;
    uint64_t id = 0;
    mt_status st;

    if (!is_of_storage(sync)) return ask_memory(sync, items, spans, count, done, ctx);
    if ((st = mti_request_begin(db, done, ctx, &id)) != MT_OK) return st;
    st = items ? db->storage.items(db->storage_ctx, &db->storage_host, id, spans, count)
               : db->storage.fingerprint(db->storage_ctx, &db->storage_host, id, spans, count);
    if (st != MT_OK) mti_request_end(db, id);
    return st;
}
