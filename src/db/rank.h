/* db/rank.h - the order of writes that are on their way together.
 *
 * The order of the program decides what stays, however late hooks answer. A write is on its way
 * from the call until it is merged, or never will be. One that is merged while an earlier one is
 * on its way takes a state that leaves room for that: above what is there when the first of them is
 * merged, each has its place by the number of its call.
 *
 *     what was there | the earliest on its way | the next call | ...
 *          base               base + 1             base + 2
 *
 * So whichever is merged first, states say which came last. The place of a node's first state is
 * remembered until nothing is left on its way, or in a queue for storage, that could still need
 * it. */
#ifndef MTI_RANK_H
#define MTI_RANK_H

#include "db/call.h"

/* Counts a write among those on their way, and out again. */
void mti_rank_enter(mt_action *action);
void mti_rank_leave(mt_action *action);

/* Forgets what nothing on its way can need any more, where that is much, or all: storage has
 * answered. */
void mti_ranks_trim(mt_db *db);
void mti_ranks_free(mt_db *db);

/* Whether earlier writes are on their way. */
bool mti_rank_is_early(const mt_action *action);

/* Whether earlier writes that are on their way are about a node. */
bool mti_rank_expects(const mt_action *action, mt_bytes uid);

/* Whether a write may take any state: no other is on its way before it, nor was merged before it
 * that was made after it. */
bool mti_rank_is_free(const mt_action *action);

/* Whether so much is remembered that a write has to wait for the earlier ones. */
bool mti_rank_must_wait(const mt_action *action);

/* The state of a write in a node of which `highest` is the highest state; 0: it has no place to
 * keep there. MT_NO_MEMORY. */
mt_status mti_rank_state(mt_action *action, mt_bytes uid, uint64_t highest, uint64_t *state);

/* Whether a state in a node where the write has `mine` is one that a write took that was made later:
 * what was there before is lower. A floor may be as high as `mine`. */
bool mti_rank_is_later(const mt_action *action, uint64_t mine, uint64_t state);

#endif
