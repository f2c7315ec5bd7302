/* store/batch.h - what goes to the engine in one commit: ops, and the bytes that they are about.
 *
 * The bytes lie in chunks that never move, since the ops point at them. The memory is kept for the
 * next batch. */
#ifndef MTI_BATCH_H
#define MTI_BATCH_H

#include <mytosis/plugin/kv.h>

typedef struct mti_batch {
    const mt_mem *mem;
    mt_kv_op *ops;
    size_t count, cap;
    struct mti_chunk *chunks; /* newest first */
    size_t used;              /* of the newest */
} mti_batch;

void mti_batch_init(mti_batch *batch, const mt_mem *mem);
void mti_batch_free(mti_batch *batch);

/* Empties the batch. What it grew to beyond some MiB is given back. */
void mti_batch_clear(mti_batch *batch);

/* Room for `len` bytes, BORROWED until the batch is cleared; what is used of it is taken with
 * mti_batch_take, from its start, before more room is asked for. NULL without memory. */
uint8_t *mti_batch_room(mti_batch *batch, size_t len);
void mti_batch_take(mti_batch *batch, size_t len);

/* Adds an op, whose key and value stay where they are until the batch is cleared. MT_NO_MEMORY. */
mt_status mti_batch_add(mti_batch *batch, mt_kv_op_kind kind, mt_bytes key, mt_bytes value);

#endif
