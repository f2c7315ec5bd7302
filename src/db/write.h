/* db/write.h - writes: of patches, of commits with states, of what peers sent. */
#ifndef MTI_WRITE_H
#define MTI_WRITE_H

#include "db/call.h"

/* How many fields a commit has at most, here. */
#define MTI_COMMIT_FIELDS_MAX 1000000u

/* What makes a write. */
typedef struct mti_write_start {
    const mt_row *rows;
    size_t count;
    bool stamped;
    bool received;
    bool checked; /* as of mt_received */
    bool internal;
    mt_connection *origin;
    const mt_storage_record *records;
    size_t record_count;
    const mt_options *options;
} mti_write_start;

mt_status mti_write_start_call(mt_db *db, const mti_write_start *start, mt_done *done, void *ctx,
                               uint64_t *id);

void mti_write_free(mt_action *action);
void mti_write_result(const mt_action *action, mt_result *result);

/* Whether every row has a uid, names and values that can be: MT_INVALID, MT_TOO_LARGE. */
mt_status mti_rows_check(mt_db *db, const mt_row *rows, size_t count);

/* Writes other rows instead, which are MOVED. */
void mti_write_set_rows(mt_action *action, mti_block *rows, size_t count);

/* Makes mt_action_full. Answers whether it is there; else `stage` runs later, or the call has
 * failed. */
bool mti_write_make_full(mt_action *action, mti_stage *stage);

/* Hooks of catch have ended: those of after.write may have waited for them. */
void mti_write_caught(mt_action *action);

/* The call is answered: a write that is not merged by now will not be. */
void mti_write_leave(mt_action *action);

/* Merges, or merges again after what it was merged on was taken back. What it needs of the nodes
 * is in memory. */
mt_status mti_write_merge(mt_action *action);

/* Whether what a write merged is given to storage. */
static inline bool mti_write_commits(const mt_action *action)
{
    const mti_writing *w = &action->as.write;

    return w->delta && mt_delta_changed(w->delta) && !w->aside;
}

/* Whether storage is given anything of it. */
static inline bool mti_write_stores(const mt_action *action)
{
    return mti_write_commits(action) || action->as.write.record_count > 0;
}

/* Storage has answered, or there is nothing for it: events, push, hooks, the answer. */
void mti_write_stored(mt_action *action, mt_status status, const char *text);

#endif
