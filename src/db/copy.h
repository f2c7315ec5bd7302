/* db/copy.h - what a caller passed in, copied into one block of memory. */
#ifndef MTI_COPY_H
#define MTI_COPY_H

#include <mytosis/node.h>
#include <mytosis/plugin/storage.h>
#include <mytosis/status.h>

/* One allocation. All zero is none. */
typedef struct mti_block {
    void *data;
    size_t size;
} mti_block;

void mti_block_free(const mt_mem *mem, mti_block *block);

/* Keys, the array first in the block. MT_NO_MEMORY. */
mt_status mti_keys_copy(const mt_mem *mem, const mt_bytes *keys, size_t count, mti_block *out);

/* Records, the array first in the block. MT_NO_MEMORY. */
mt_status mti_records_copy(const mt_mem *mem, const mt_storage_record *records, size_t count,
                           mti_block *out);

/* Rows with their fields, the array of rows first in the block. The fields are ours to write.
 * MT_NO_MEMORY; MT_TOO_LARGE: more fields than `fields_max`. */
mt_status mti_rows_copy(const mt_mem *mem, const mt_row *rows, size_t count, size_t fields_max,
                        mti_block *out);

#endif
