/* db/branch_list.h - the nodes of a branch in uid order, page by page. */
#ifndef MTI_BRANCH_LIST_H
#define MTI_BRANCH_LIST_H

#include "db/branch.h"

/* As `list` of the storage contract; ctx: mti_branch. */
mt_status mti_branch_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                          mt_bytes after, size_t limit);

#endif
