/* db/join.h - several rows of a patch about one node, as one. */
#ifndef MTI_JOIN_H
#define MTI_JOIN_H

#include "db/copy.h"

/* Makes rows of which each uid has one, in uid order: as if they were written one after the other.
 * They lie in `out` and are views of `rows`. A name that one row has twice stays twice, for whoever
 * checks. MT_NO_MEMORY. */
mt_status mti_rows_join(const mt_mem *mem, const mt_row *rows, size_t count, mti_block *out,
                        size_t *out_count);

#endif
