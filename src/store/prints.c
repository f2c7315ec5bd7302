/* prints.c - fingerprints and items, out of the index.
 *
 * A request waits in the queue of writes until it is the first, has the keeper make a turn, loads the
 * leaves that it needs to look into, and answers. Fingerprints that are at hand are answered at once. A
 * long list of items lets writes go before it now and then, and goes on behind the last that it told. */
#include "base/bytes.h"
#include "base/status.h"
#include "store/index_query.h"
#include "store/node_store.h"

/* How many leaves are listed before writes that wait have their turn. */
#define LEAVES_MAX 64

typedef struct asking_prints {
    mti_asking asking;
    bool lists; /* items */
    enum { ASK, BEGIN, KEEP, ANSWER } stage;
    mt_storage_span *spans; /* that are not answered yet */
    size_t count;
    void *block; /* they lie in it, with their text */
    size_t size;
    size_t from; /* of the spans' bounds, those before are known */
    mti_item_walk walk;
    size_t leaves;   /* listed since it was the first */
    size_t last_len; /* where the list goes on, if it let writes go before it */
    uint8_t last[MT_UID_LEN_MAX + 1];
    mti_items *items;
} asking_prints;

static void end(asking_prints *a, const mt_storage_answer *answer)
{
    mti_keeper_trim(&a->asking.store->keeper);
    if (a->stage == ASK) mti_asking_end(&a->asking, answer);
    else mti_writes_end(&a->asking, answer);
}

static void fail(asking_prints *a, mt_status status, const char *text)
{
    mt_storage_answer answer = {.status = status, .text = text};

    end(a, &answer);
}

/* ---- Prints ---- */

static void prints_answer(asking_prints *a)
{
    mti_node_store *store = a->asking.store;
    mt_storage_print *prints;
    size_t count;
    mt_storage_answer answer = {.status = MT_OK};

    if (mti_prints_make(&store->keeper.index, a->spans, a->count, &prints, &count) != MT_OK) {
        fail(a, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
        return;
    }
    answer.prints = prints;
    answer.print_count = count;
    mti_store_enter(store);
    end(a, &answer);
    mti_mem_free(store->mem, prints, count * sizeof *prints);
    mti_store_leave(store);
}

/* Wants the leaves in which spans begin and end. */
static void prints_want(asking_prints *a)
{
    mti_keeper *keeper = &a->asking.store->keeper;
    size_t leaf;

    while ((leaf = mti_prints_missing(&keeper->index, a->spans, a->count, &a->from)) != SIZE_MAX) {
        if (!mti_keeper_want(keeper, leaf)) return;
        a->from++;
    }
}

/* ---- Items ---- */

static void walk_begin(asking_prints *a)
{
    a->walk = (mti_item_walk){
        .index = &a->asking.store->keeper.index, .spans = a->spans, .span_count = a->count};
    a->leaves = 0;
}

/* Lets others go first. The node that it has begun with is listed anew. */
static bool yield(asking_prints *a)
{
    mti_item_walk *walk = &a->walk;
    mt_bytes last = {a->last, a->last_len};

    if (a->leaves < LEAVES_MAX || !a->asking.next || walk->span == a->count) return false;
    if (walk->any) {
        memcpy(a->last, walk->uid, walk->uid_len);
        last.len = walk->uid_len;
    }
    a->spans += walk->span;
    a->count -= walk->span;
    if (mt_bytes_compare(a->spans->first, last) < 0) a->spans->first = last;
    a->stage = BEGIN;
    mti_writes_yield(&a->asking);
    return true;
}

/* No uid, and none of its fields, lies between the last that was told and this. */
static void keep_last(asking_prints *a)
{
    mt_bytes uid;

    if (a->items->count == 0) return;
    uid = a->items->at[a->items->count - 1].uid;
    memcpy(a->last, uid.data, uid.len);
    a->last[uid.len] = 1;
    a->last_len = uid.len + 1;
}

static void items_answer(asking_prints *a)
{
    mt_storage_answer answer = {.status = MT_OK};

    if (!mti_items_next(&a->walk, a->items)) {
        end(a, &answer);
        return;
    }
    answer.more = true;
    answer.items = a->items->at;
    answer.item_count = a->items->count;
    keep_last(a);
    a->leaves++;
    a->asking.ready = true;
    mti_keeper_trim(&a->asking.store->keeper);
    if (answer.item_count > 0) mti_asking_tell(&a->asking, &answer);
}

/* ---- Stages ---- */

/* Whether it can be answered without being the first in the queue. */
static bool at_hand(asking_prints *a)
{
    const mti_keeper *keeper = &a->asking.store->keeper;

    if (a->lists || !mti_keeper_current(keeper)) return false;
    return mti_prints_missing(&keeper->index, a->spans, a->count, &a->from) == SIZE_MAX;
}

static void ask(asking_prints *a)
{
    if (at_hand(a)) {
        prints_answer(a);
        return;
    }
    a->stage = BEGIN;
    mti_writes_add(&a->asking);
}

static void keep(asking_prints *a)
{
    mti_keeper *keeper = &a->asking.store->keeper;

    switch (mti_keeper_go(&a->asking)) {
    case MTI_KEEPING_WAITS: return;
    case MTI_KEEPING_FAILED: fail(a, keeper->err.status, keeper->err.text); return;
    case MTI_KEEPING_DONE: break;
    }
    a->stage = ANSWER;
    a->from = 0;
    if (a->lists) walk_begin(a);
    a->asking.ready = true;
}

static void answer(asking_prints *a)
{
    mti_keeper *keeper = &a->asking.store->keeper;
    size_t leaf;

    /* A leaf that was loaded was damaged: the index is made anew. */
    if (keeper->err.status == MT_OK && keeper->state != MTI_KEEPER_READY)
        mti_keeper_fail(keeper, MT_AGAIN, "the index is damaged, and is made anew");
    if (keeper->err.status == MT_OK && !a->lists) prints_want(a);
    if (keeper->err.status == MT_OK && a->lists && (leaf = mti_items_missing(&a->walk)) != SIZE_MAX)
        (void)mti_keeper_want(keeper, leaf);
    if (keeper->err.status != MT_OK) fail(a, keeper->err.status, keeper->err.text);
    else if (mti_keeper_wants(keeper)) mti_keeper_ask_leaves(&a->asking);
    else if (!a->lists) prints_answer(a);
    else if (!yield(a)) items_answer(a);
}

static void prints_go(mti_asking *asking)
{
    asking_prints *a = (asking_prints *)asking;

    switch (a->stage) {
    case ASK: ask(a); break;
    case BEGIN:
        mti_keeper_begin(&asking->store->keeper, true);
        a->stage = KEEP;
        asking->ready = true;
        break;
    case KEEP: keep(a); break;
    case ANSWER: answer(a); break;
    }
}

static void prints_dispose(mti_asking *asking)
{
    asking_prints *a = (asking_prints *)asking;
    const mt_mem *mem = asking->store->mem;

    mti_mem_free(mem, a->block, a->size);
    mti_mem_free(mem, a->items, sizeof *a->items);
}

/* ---- Requests ---- */

static mt_bytes copy(mt_bytes bytes, uint8_t **to)
{
    mt_bytes made = {*to, bytes.len};

    if (bytes.len) memcpy(*to, bytes.data, bytes.len);
    *to += bytes.len;
    return made;
}

static mt_status copy_spans(asking_prints *a, const mt_storage_span *spans, size_t count)
{
    const mt_mem *mem = a->asking.store->mem;
    uint8_t *text;

    a->size = count * sizeof *spans + 1;
    for (size_t i = 0; i < count; i++) a->size += spans[i].first.len + spans[i].end.len;
    if (!(a->block = mti_mem_alloc(mem, a->size))) return MT_NO_MEMORY;
    a->spans = a->block;
    a->count = count;
    text = (uint8_t *)&a->spans[count];
    for (size_t i = 0; i < count; i++)
        a->spans[i] = (mt_storage_span){.first = copy(spans[i].first, &text),
                                        .end = copy(spans[i].end, &text),
                                        .parts = spans[i].parts};
    if (a->lists && !(a->items = mti_mem_alloc(mem, sizeof *a->items))) return MT_NO_MEMORY;
    return MT_OK;
}

static mt_status start(mti_node_store *store, const mt_storage_host *host, uint64_t id,
                       const mt_storage_span *spans, size_t count, bool lists)
{
    asking_prints *a;
    mt_status st;

    if (!store->opened || !mti_spans_valid(spans, count)) return MT_INVALID;
    a = mti_asking_new(store, host, id, sizeof *a, prints_go, mti_keeper_take);
    if (!a) return MT_NO_MEMORY;
    a->asking.dispose = prints_dispose;
    a->lists = lists;
    st = copy_spans(a, spans, count);
    if (st == MT_OK) mti_asking_run(&a->asking);
    else mti_asking_drop(&a->asking);
    return st;
}

mt_status mti_store_fingerprint(void *ctx, const mt_storage_host *host, uint64_t id,
                                const mt_storage_span *spans, size_t count)
{
    return start(ctx, host, id, spans, count, false);
}

mt_status mti_store_items(void *ctx, const mt_storage_host *host, uint64_t id,
                          const mt_storage_span *spans, size_t count)
{
    return start(ctx, host, id, spans, count, true);
}
