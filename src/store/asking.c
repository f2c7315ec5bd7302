/* asking.c - how askings run.
 *
 * An engine may answer at once, inside the very call that asks it. Were the next question asked from
 * there, a long list would take the stack with it; so an answer only marks that the asking is ready,
 * and whoever runs it goes on. */
#include "base/assert.h"
#include "base/bytes.h"
#include "store/node_store.h"

void *mti_asking_new(mti_node_store *store, const mt_storage_host *host, uint64_t id, size_t size,
                     void (*go)(mti_asking *asking),
                     void (*take)(mti_asking *asking, const mt_kv_answer *answer))
{
    mti_asking *asking = mti_mem_alloc(store->mem, size);

    if (!asking) return NULL;
    memset(asking, 0, size);
    asking->store = store;
    asking->host = host;
    asking->id = id;
    asking->size = size;
    asking->go = go;
    asking->take = take;
    store->live++;
    return asking;
}

static void asking_free(mti_asking *asking)
{
    if (asking->dispose) asking->dispose(asking);
    mti_mem_free(asking->store->mem, asking, asking->size);
}

void mti_asking_drop(mti_asking *asking)
{
    asking->store->live--;
    asking_free(asking);
}

void mti_asking_run(mti_asking *asking)
{
    mti_node_store *store = asking->store;

    asking->ready = true;
    if (asking->running) return;
    mti_store_enter(store);
    asking->running = true;
    while (asking->ready && !asking->ended) {
        asking->ready = false;
        asking->go(asking);
    }
    asking->running = false;
    if (asking->ended) asking_free(asking);
    mti_store_leave(store);
}

void mti_asking_tell(mti_asking *asking, const mt_storage_answer *answer)
{
    mti_assert(!asking->ended);
    asking->host->answer(asking->host->ctx, asking->id, answer);
}

void mti_asking_end(mti_asking *asking, const mt_storage_answer *answer)
{
    mti_assert(!asking->ended && !answer->more);
    asking->ended = true;
    asking->store->live--;
    asking->host->answer(asking->host->ctx, asking->id, answer);
}

void mti_asking_fail(mti_asking *asking, mt_status status, const char *text)
{
    mt_storage_answer answer = {.status = status, .text = text};

    mti_asking_end(asking, &answer);
}

/* ---- Questions ---- */

/* Gives an asking its answer. It may be gone afterwards. */
static void deliver(mti_asking *asking, const mt_kv_answer *answer)
{
    mti_node_store *store = asking->store;

    mti_store_enter(store);
    asking->take(asking, answer);
    mti_asking_run(asking);
    mti_store_leave(store);
}

/* Whether an answer is one to what was asked: a pair for each key of a get, and of a scan only keys as an
 * engine may have them. */
static bool is_of_question(const mti_asking *asking, const mt_kv_answer *answer)
{
    if (answer->status != MT_OK) return true;
    if (asking->get_count > 0) return answer->count == asking->get_count;
    for (size_t i = 0; i < answer->count; i++) {
        size_t len = answer->pairs[i].key.len;

        if (len == 0 || len > MT_KV_KEY_LEN_MAX) return false;
    }
    return true;
}

/* The engine answers. A number that is not waited for is ignored. */
static void answered(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    static const mt_kv_answer other = {
        .status = MT_MALFORMED,
        .text = "the key-value engine answers to other keys than it was asked for"};
    mti_node_store *store = ctx;
    mti_asking *asking = mti_map_take(&store->asked, id);

    if (asking) deliver(asking, is_of_question(asking, answer) ? answer : &other);
}

static void question_failed(mti_asking *asking, mt_status status)
{
    mt_kv_answer answer = {.status = status};

    deliver(asking, &answer);
}

/* Takes the next number for a question, a get of so many keys or another one; 0: there is no memory, and
 * the asking knows. */
static uint64_t question_begin(mti_asking *asking, size_t get_count)
{
    mti_node_store *store = asking->store;
    uint64_t id = store->last_id + 1;

    mti_assert(asking->running);
    asking->get_count = get_count;
    store->kv_host = (mt_kv_host){answered, store};
    if (mti_map_put(&store->asked, id, asking) != MT_OK) {
        question_failed(asking, MT_NO_MEMORY);
        return 0;
    }
    return store->last_id = id;
}

/* What the engine said to the question. */
static void question_asked(mti_node_store *store, uint64_t id, mt_status status)
{
    mti_asking *asking = status == MT_OK ? NULL : mti_map_take(&store->asked, id);

    if (asking) question_failed(asking, status);
}

void mti_ask_get(mti_asking *asking, const mt_bytes *keys, size_t count)
{
    mti_node_store *store = asking->store;
    uint64_t id = question_begin(asking, count);

    if (id)
        question_asked(store, id, store->kv.get(store->kv_ctx, &store->kv_host, id, keys, count));
}

void mti_ask_scan(mti_asking *asking, mt_bytes after, mt_bytes end, size_t limit)
{
    mti_node_store *store = asking->store;
    uint64_t id = question_begin(asking, 0);

    if (!id) return;
    question_asked(store, id,
                   store->kv.scan(store->kv_ctx, &store->kv_host, id, after, end, limit));
}

void mti_ask_commit(mti_asking *asking, const mt_kv_op *ops, size_t count)
{
    mti_node_store *store = asking->store;
    uint64_t id = question_begin(asking, 0);

    if (!id) return;
    question_asked(store, id, store->kv.commit(store->kv_ctx, &store->kv_host, id, ops, count));
}
