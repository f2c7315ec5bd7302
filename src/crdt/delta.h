/* crdt/delta.h - how a delta is kept, and how a change is taken back with it.
 *
 * While a patch or merge runs, its delta is the log of what it did to the graph; should it fail,
 * the log is undone from its end. Afterwards the same log is what update, history and conflict
 * are views of. */
#ifndef MTI_DELTA_H
#define MTI_DELTA_H

#include "crdt/node.h"

typedef struct mti_change {
    mt_node *before;   /* held; NULL: created */
    mt_node *after;    /* held; the same as `before`: nothing changed */
    mt_node *incoming; /* held; only if something in it came too late */
    bool foreign;      /* `incoming` is of the other family */
} mti_change;

struct mt_delta {
    const mt_mem *mem;
    mti_family *family;  /* held */
    mti_family *foreign; /* held; NULL: there is none */
    mti_change *changes; /* in uid order, a uid once, after mti_delta_settle */
    size_t count;
    size_t cap;
    mti_change first; /* where `changes` points while there is but one */
    bool sorted;
    bool changed;
    bool late;
};

/* An empty log. `foreign` may be NULL or `family` itself. */
mt_status mti_delta_new(const mt_mem *mem, mti_family *family, mti_family *foreign, mt_delta **out);

/* Empties a log for another use. */
void mti_delta_reset(mt_delta *delta);

/* Makes room for `extra` more changes. */
mt_status mti_delta_reserve(mt_delta *delta, size_t extra);

/* Adds a change, for which there is room; its nodes are MOVED. */
void mti_delta_add(mt_delta *delta, mti_change change);

/* Puts the changes in order and joins those of one uid. MT_NO_MEMORY leaves them as they were. */
mt_status mti_delta_settle(mt_delta *delta);

/* Starts before the node at `at`, counted from 0, instead of the first. */
static inline void mti_delta_iter_at(mt_delta_iter *iter, const mt_delta *delta, mt_delta_part part,
                                     size_t at)
{
    mt_delta_iter_init(iter, delta, part);
    iter->at = at;
}

#endif
