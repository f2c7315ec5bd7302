/* store/plan.h - what a write does to the engine: ops for one commit, and the state of the log
 * after it.
 *
 * A plan is made, then committed, and then either done or undone; there is one at a time. Only
 * mti_plan_done changes what the store knows, and it cannot fail.
 *
 *     write -> commits -> nodes touched -> touches, with their steps -> records of nodes and fields
 *                                       -> entries of the log
 */
#ifndef MTI_PLAN_H
#define MTI_PLAN_H

#include "store/batch.h"
#include "store/log_entry.h"
#include "store/window.h"

#include <mytosis/plugin/storage.h>

struct mti_node_store;

/* What a commit moves. */
typedef struct mti_log {
    uint64_t head;    /* the number of the last change; 0: none */
    uint64_t trimmed; /* changes up to this one are no longer in the log */
    uint64_t count;   /* entries in the log */
    uint64_t clock;   /* the highest written */
    uint8_t clock_mode;
    bool formatted; /* the store says its format */
    bool booted;    /* this opening has its boot record */
} mti_log;

/* The oldest entries of the log, to be deleted. */
typedef struct mti_trim {
    uint64_t last; /* up to this number; 0: none */
    uint64_t count;
} mti_trim;

/* A node that a commit touched: a place in its delta. */
typedef struct mti_step {
    const mt_delta *delta;
    size_t at;
    size_t next; /* of the same touch, counted from 1; 0: none */
} mti_step;

/* A node that the write touched, in one commit or several. */
typedef struct mti_touch {
    const mt_node *before; /* the first of them; NULL: there was none */
    const mt_node *after;  /* the last of them */
    size_t first, last;    /* steps, counted from 1 */
    bool whole;            /* to be written whole */
} mti_touch;

/* An entry of the log on its way: its key, and behind it the entry. */
typedef struct mti_new_entry {
    uint8_t *key;
    size_t len; /* of the entry, without its seal */
    bool dead;  /* absorbed by a later one of this write */
} mti_new_entry;

typedef struct mti_plan {
    mti_batch batch;
    mti_window window;
    mti_log next;          /* the log after it; while there is no plan, as it is */
    bool restructures;     /* takes nodes apart: see readers.h */
    uint64_t run, run_end; /* numbers of absorbed entries that follow one another */
    mti_step *steps;
    mti_touch *touches;
    mti_new_entry *entries; /* by number, from the one after the log's head */
    size_t step_count, step_cap;
    size_t touch_count, touch_cap;
    size_t entry_count, entry_cap;
    mt_buf names;   /* of the fields that a commit changed */
    mt_buf measure; /* where a record is made that is only measured */
} mti_plan;

void mti_plan_init(mti_plan *plan, const mt_mem *mem, uint64_t seed);
void mti_plan_free(mti_plan *plan);

/* Make a plan, in the store's. A failure leaves none. MT_NO_MEMORY, MT_INVALID, MT_TOO_LARGE, MT_IO:
 * no randomness for the boot's id. */
mt_status mti_plan_write(struct mti_node_store *store, const mt_storage_write *write,
                         const mti_trim *trim, mt_error *err);
mt_status mti_plan_remove(struct mti_node_store *store, const mt_bytes *uids, size_t count,
                          mt_error *err);

/* The engine has committed the plan, or has not. */
void mti_plan_done(struct mti_node_store *store);
void mti_plan_undo(struct mti_node_store *store);

/* ---- Within plans ---- */

/* Adds an op whose key and value are copied. MT_NO_MEMORY. */
mt_status mti_plan_put(mti_plan *plan, mt_kv_op_kind kind, mt_bytes key, mt_bytes value);

/* Adds a put of `content` with its seal. MT_NO_MEMORY. */
mt_status mti_plan_put_sealed(mti_plan *plan, mt_bytes key, mt_bytes content);

/* Adds the records of a node that was touched: node_plan.c. */
mt_status mti_plan_touch(struct mti_node_store *store, const mti_touch *touch, mt_error *err);

/* Adds to the log what a commit did to a node, which `iter` stands at; `*touch` gets its touch in
 * this write, or `count` if it is the first: log_plan.c. */
mt_status mti_plan_log(struct mti_node_store *store, const mt_storage_commit *commit,
                       const mt_delta_node *node, mt_delta_iter *iter, size_t count, size_t *touch);

/* Adds the ops of the log; the clock goes with them. The oldest entries are given up before any is
 * logged. */
void mti_plan_log_begin(struct mti_node_store *store, const mti_trim *trim);
mt_status mti_plan_log_end(struct mti_node_store *store, mt_error *err);

#endif
