#include "store/batch.h"

#include "base/bytes.h"

#define CHUNK_LEN ((size_t)64 * 1024)

/* What is kept for the next batch: one chunk and the ops, if they are no larger. */
#define KEPT_LEN_MAX ((size_t)2 * 1024 * 1024)

typedef struct mti_chunk {
    struct mti_chunk *older;
    size_t cap;
    uint8_t data[];
} mti_chunk;

void mti_batch_init(mti_batch *batch, const mt_mem *mem)
{
    memset(batch, 0, sizeof *batch);
    batch->mem = mem;
}

static void chunks_free(mti_batch *batch)
{
    while (batch->chunks) {
        mti_chunk *chunk = batch->chunks;

        batch->chunks = chunk->older;
        mti_mem_free(batch->mem, chunk, sizeof *chunk + chunk->cap);
    }
}

static void ops_free(mti_batch *batch)
{
    mti_mem_free(batch->mem, batch->ops, batch->cap * sizeof *batch->ops);
    batch->ops = NULL;
    batch->cap = 0;
}

void mti_batch_free(mti_batch *batch)
{
    chunks_free(batch);
    ops_free(batch);
}

/* Of the chunks, the newest is the largest, but for one that a single long value got. */
void mti_batch_clear(mti_batch *batch)
{
    mti_chunk *kept = batch->chunks;

    if (kept && kept->cap > KEPT_LEN_MAX) {
        chunks_free(batch);
    } else if (kept) {
        batch->chunks = kept->older;
        chunks_free(batch);
        kept->older = NULL;
        batch->chunks = kept;
    }
    if (batch->cap * sizeof *batch->ops > KEPT_LEN_MAX) ops_free(batch);
    batch->count = 0;
    batch->used = 0;
}

/* Chunks double, so that those of a large batch are few. */
uint8_t *mti_batch_room(mti_batch *batch, size_t len)
{
    mti_chunk *chunk = batch->chunks;
    size_t cap = chunk ? 2 * chunk->cap : CHUNK_LEN, size;

    if (chunk && chunk->cap - batch->used >= len) return chunk->data + batch->used;
    if (cap > KEPT_LEN_MAX) cap = KEPT_LEN_MAX;
    if (cap < len) cap = len;
    if (!mti_size_add(sizeof *chunk, cap, &size)) return NULL;
    chunk = mti_mem_alloc(batch->mem, size);
    if (!chunk) return NULL;
    chunk->older = batch->chunks;
    chunk->cap = cap;
    batch->chunks = chunk;
    batch->used = 0;
    return chunk->data;
}

void mti_batch_take(mti_batch *batch, size_t len)
{
    batch->used += len;
}

mt_status mti_batch_add(mti_batch *batch, mt_kv_op_kind kind, mt_bytes key, mt_bytes value)
{
    mt_kv_op *ops =
        mti_vector_reserve(batch->mem, batch->ops, &batch->cap, batch->count + 1, sizeof *ops);

    if (!ops) return MT_NO_MEMORY;
    batch->ops = ops;
    ops[batch->count++] = (mt_kv_op){kind, key, value};
    return MT_OK;
}
