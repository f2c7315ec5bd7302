/* sync/lists.h - tags of the peer's nodes, part by part, and which of them are ours, too.
 *
 *     lists     n: number | n times: list
 *     list      m: number | m times: tag, 3 bytes, lowest first */
#ifndef MTI_LISTS_H
#define MTI_LISTS_H

#include "sync/message.h"

#define MTI_TAG_MATCHED (UINT32_C(1) << 31)

typedef struct mti_lists {
    const mt_mem *mem;
    uint32_t *tags; /* sorted within each part; those that were matched are marked */
    size_t tag_count, tag_cap;
    size_t *ends; /* where the tags of each part end */
    size_t count, cap;
    size_t at; /* the part that is matched */
} mti_lists;

void mti_lists_init(mti_lists *lists, const mt_mem *mem);
void mti_lists_free(mti_lists *lists);

/* Reads from 1 to `max` lists, in place of those that are there. What is wrong is said in `in`. */
void mti_parse_lists(mti_parse *in, mti_lists *lists, size_t max);

/* Whether the list at hand has a tag that no other node was matched with. */
bool mti_lists_match(mti_lists *lists, uint32_t tag);

#endif
