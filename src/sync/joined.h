/* sync/joined.h - the rows of several frames as one array: a commit that is longer than a frame. */
#ifndef MTI_JOINED_H
#define MTI_JOINED_H

#include "base/bytes.h"
#include "db/copy.h"

/* All zero but for `mem` is none. */
typedef struct mti_joined {
    const mt_mem *mem;
    mt_row *rows;
    size_t count, cap;
    mti_block *blocks; /* what the rows are views of */
    size_t block_count, block_cap;
} mti_joined;

/* Adds rows, COPIED. MT_NO_MEMORY. */
mt_status mti_joined_add(mti_joined *joined, const mt_row *rows, size_t count);
void mti_joined_free(mti_joined *joined);

#endif
