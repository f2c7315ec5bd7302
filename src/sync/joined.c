/* joined.c - the rows of several frames as one array. */
#include "sync/joined.h"

mt_status mti_joined_add(mti_joined *joined, const mt_row *rows, size_t count)
{
    mt_row *more = mti_vector_reserve(joined->mem, joined->rows, &joined->cap,
                                      joined->count + count, sizeof *more);
    mti_block *blocks;
    mti_block copy;

    if (!more) return MT_NO_MEMORY;
    joined->rows = more;
    blocks = mti_vector_reserve(joined->mem, joined->blocks, &joined->block_cap,
                                joined->block_count + 1, sizeof *blocks);
    if (!blocks) return MT_NO_MEMORY;
    joined->blocks = blocks;
    if (mti_rows_copy(joined->mem, rows, count, SIZE_MAX, &copy) != MT_OK) return MT_NO_MEMORY;
    joined->blocks[joined->block_count++] = copy;
    memcpy(&joined->rows[joined->count], copy.data, count * sizeof *more);
    joined->count += count;
    return MT_OK;
}

void mti_joined_free(mti_joined *joined)
{
    for (size_t i = 0; i < joined->block_count; i++)
        mti_block_free(joined->mem, &joined->blocks[i]);
    mti_mem_free(joined->mem, joined->blocks, joined->block_cap * sizeof *joined->blocks);
    mti_mem_free(joined->mem, joined->rows, joined->cap * sizeof *joined->rows);
}
