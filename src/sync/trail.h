/* sync/trail.h - where the nodes were that a coded table was made of.
 *
 * Which of them differ is known only when both tables are at hand, and then by keys, which say nothing of
 * uids. So the keys are kept as the nodes pass by, and for some dozens of nodes at a time where these begin;
 * only those are looked at again that have a key of interest. Of too many nodes nothing is kept, and all
 * are looked at again. */
#ifndef MTI_TRAIL_H
#define MTI_TRAIL_H

#include "sync/compare.h"

/* Nodes of which keys are kept: 4 MiB. */
#define MTI_TRAIL_MAX (1u << 20)

typedef struct mti_trail_group {
    uint32_t first_at; /* the uid it begins with, in the text */
    uint32_t part;     /* that it is in */
    uint32_t keys_end;
    uint8_t first_len;
} mti_trail_group;

typedef struct mti_trail {
    uint32_t *keys; /* their low bits */
    size_t count, cap;
    mti_trail_group *groups;
    size_t group_count, group_cap;
    mt_buf text;
    size_t part; /* the one that nodes come of */
    bool lost;   /* there were too many */
} mti_trail;

void mti_trail_init(mti_trail *trail, const mt_mem *mem);
void mti_trail_free(mti_trail *trail);
void mti_trail_clear(mti_trail *trail);

/* Adds nodes, in order and in `parts`, to a table, and notes where they were. MT_NO_MEMORY. */
mt_status mti_trail_code(mti_trail *trail, mti_cells *cells, const mti_tag_key *key,
                         const mti_parts *parts, const mt_storage_item *items, size_t count);

/* Fills an empty list with the parts of `parts` in which there are nodes whose keys' low bits, and one
 * more, are in a map; all of the parts, if it was lost. MT_NO_MEMORY. */
mt_status mti_trail_find(const mti_trail *trail, const mti_parts *parts, const mti_key_map *map,
                         mti_parts *out);

#endif
