/* db/load.h - bringing nodes into memory, each by one request at a time.
 *
 * A node that is read from storage must not be written meanwhile by somebody who read it earlier
 * and has since let it go from memory: what arrives late would be old. So there is never more
 * than one load of a node, whoever needs it waits for that, and a node that is loaded stays in
 * memory until then. That storage does not have a node is remembered by its handle. */
#ifndef MTI_LOAD_H
#define MTI_LOAD_H

#include "db/call.h"
#include "db/handle.h"

/* What a call needs of a node. */
typedef struct mti_need {
    mt_handle *handle; /* held by the call until the load is over */
    const mt_bytes *names;
    size_t name_count;
    bool whole;
    bool force; /* read it although it is in memory */
    bool fresh; /* of a fetch: nothing of it was in memory */
} mti_need;

/* Whether that much of the node is in memory, or known not to be. */
bool mti_need_met(const mti_need *need);

/* Loads what is not in memory. MT_OK and `*waits`: `stage` runs when something has come, and
 * asks again; not `*waits`: all is there. MT_BUDGET, MT_NO_MEMORY, or what storage says: the
 * text is in the database's error. Needs are in uid order, of each uid one. */
mt_status mti_load(mt_action *action, const mti_need *needs, size_t count, mti_stage *stage,
                   bool *waits);

/* Removes nodes from storage, as mti_load loads them: whoever needs one meanwhile waits. None of
 * them is being loaded. */
mt_status mti_remove(mt_action *action, const mti_need *needs, size_t count, mti_stage *stage,
                     bool *waits);

/* Lets nodes go from memory until the budget is kept. Answers whether it is. */
bool mti_cache_has_room(mt_db *db);

/* Drops every node from memory: none is unstored. */
void mti_cache_clear(mt_db *db);

/* Drops a node from memory, wherever it is. */
void mti_cache_drop(mt_db *db, mt_bytes uid);

#endif
