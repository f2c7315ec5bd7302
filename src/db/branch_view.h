/* db/branch_view.h - a node as a branch sees it: as it was when branched, with the branch's edits
 * on top. */
#ifndef MTI_BRANCH_VIEW_H
#define MTI_BRANCH_VIEW_H

#include "db/branch.h"

typedef struct mti_branch_view {
    mt_storage_row row; /* `state_max` 0: there is no such node */
    mti_block fields;   /* of the row */
} mti_branch_view;

/* Makes the view of a node. `now` is the node in the source, of which at least what `key` asks for
 * is at hand, or NULL: there is none. All but `fields` is BORROWED from the graphs and `key`.
 * MT_NO_MEMORY. */
mt_status mti_branch_view_make(const mti_branch *branch, const mt_storage_key *key,
                               const mt_node *now, mti_branch_view *out);
void mti_branch_view_free(const mti_branch *branch, mti_branch_view *view);

#endif
