#include "db/branch.h"

#include "base/bytes.h"
#include "db/branch_base.h"
#include "db/branch_storage.h"
#include "db/call.h"
#include "db/open.h"

mt_db *mti_branch_root(mt_db *db)
{
    while (db->branch) db = db->branch->source;
    return db;
}

mt_status mt_branch(mt_db *source, mt_db **out)
{
    mti_branch *branch;
    mt_status st;

    if (!source->is_ready || source->opening.status != MT_OK)
        return mti_db_fail(source, MT_INVALID, "a database that is not open has no branches yet");
    if (source->closing) return mti_db_fail(source, MT_CLOSED, "the database is being closed");
    if (!(branch = mti_mem_alloc(source->mem, sizeof *branch)))
        return mti_no_memory(&source->error);
    memset(branch, 0, sizeof *branch);
    branch->source = source;
    st = mt_graph_new(source->mem, &source->limits, &branch->base);
    if (st == MT_OK) st = mt_graph_new(source->mem, &source->limits, &branch->edits);
    if (st == MT_OK) st = mti_branch_keep_unstored(branch);
    if (st == MT_OK) st = mti_db_new_branch(branch, &branch->db);
    if (st != MT_OK) {
        mt_graph_free(branch->base);
        mt_graph_free(branch->edits);
        mti_mem_free(source->mem, branch, sizeof *branch);
        return mti_no_memory(&source->error);
    }
    branch->next = source->branches;
    source->branches = branch;
    *out = branch->db;
    return MT_OK;
}

void mti_branch_free(mti_branch *branch)
{
    mti_branch **at = &branch->source->branches;

    while (*at != branch) at = &(*at)->next;
    *at = branch->next;
    mt_graph_free(branch->base);
    mt_graph_free(branch->edits);
    if (branch->source->closing) mti_pump_set(branch->source);
    mti_mem_free(branch->source->mem, branch, sizeof *branch);
}

/* Edits that are merged but not in `edits` yet are in the queue to it. */
mt_status mt_branch_edits(mt_db *branch, mt_graph **out)
{
    if (!branch->branch) return mti_db_fail(branch, MT_INVALID, "the database is no branch");
    if (mt_graph_clone(branch->branch->edits, out) != MT_OK) return mti_no_memory(&branch->error);
    for (const mt_action *a = branch->to_store.first; a; a = a->next_stored) {
        if (mti_edits_add(*out, a->as.write.delta) == MT_OK) continue;
        mt_graph_free(*out);
        return mti_no_memory(&branch->error);
    }
    return MT_OK;
}
