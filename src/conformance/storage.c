/* storage.c - what the contract of storages promises, sentence by sentence. */
#include "conformance/storage_checks.h"

#include <stdio.h>
#include <string.h>

/* What a check needs of the subject. */
enum { PERSISTENT = 1, FAILING = 2, LISTS = 4, CHANGES = 8, RECORDS = 16, PRINTS = 32 };

typedef struct storage_check {
    const char *name;
    void (*run)(mti_storage_caller *c);
    int needs;
} storage_check;

static const storage_check checks[] = {
    {"a new storage is empty", mti_storage_check_new_is_empty, 0},
    {"what was written is read, and what was written over it", mti_storage_check_written_is_read,
     0},
    {"delete markers and floors are kept", mti_storage_check_markers_and_floors, 0},
    {"every kind of value comes back as it was", mti_storage_check_every_value, 0},
    {"uids and names of every length are told apart", mti_storage_check_every_key, 0},
    {"nodes of many fields come back, and become small again", mti_storage_check_large_nodes, 0},
    {"of a node, the fields that are asked for come", mti_storage_check_parts, 0},
    {"a commit that is to be written whole leaves nothing of before", mti_storage_check_whole, 0},
    {"ten thousand nodes are written and read in one go", mti_storage_check_many, 0},
    {"what was removed is gone, and may come back", mti_storage_check_removed, 0},
    {"requests of nothing are answered", mti_storage_check_nothing, 0},
    {"each request is answered once", mti_storage_check_answered_once, 0},
    {"writes take effect in the order in which they were started", mti_storage_check_order, 0},
    {"a write is seen wholly or not at all", mti_storage_check_atomic, 0},
    {"what a write did is seen by what starts after its answer", mti_storage_check_seen, 0},
    {"an answer holds still while requests are made inside it", mti_storage_check_hold_still, 0},
    {"a write that failed did nothing", mti_storage_check_failed, FAILING},
    {"a list has the nodes of its range in uid order", mti_storage_check_lists, LISTS},
    {"the pages of a list meet without gap or overlap", mti_storage_check_pages, LISTS},
    {"records are found again", mti_storage_check_records, RECORDS},
    {"fingerprints and items are of what is in their spans", mti_storage_check_prints, PRINTS},
    {"what a write did is in the fingerprints after its answer", mti_storage_check_prints_seen,
     PRINTS},
    {"changes name what changed, and no more", mti_storage_check_changes, CHANGES},
    {"a cursor is valid in its own history alone", mti_storage_check_cursors, CHANGES},
    {"who follows the changes misses nothing", mti_storage_check_follow, CHANGES},
    {"a storage that is opened again has all that it had", mti_storage_check_reopened, PERSISTENT},
    {"after any history, all is as in a graph", mti_storage_check_history, 0},
};

static void check_table(mti_trial *t, const mt_storage_ops *ops)
{
    if (ops->abi != MT_STORAGE_ABI)
        mti_trial_violate(t, "it is of abi %u, not %u", ops->abi, MT_STORAGE_ABI);
    else if (ops->size < offsetof(mt_storage_ops, list))
        mti_trial_violate(t, "it says that it has %u bytes", ops->size);
    else if (!ops->read || !ops->write || !ops->remove || !ops->close)
        mti_trial_violate(t, "a function is missing");
    else if (ops->size >= sizeof *ops && !ops->fingerprint != !ops->items)
        mti_trial_violate(t, "it has only one of fingerprint and items");
    else if (!ops->name || !*ops->name) mti_trial_violate(t, "the storage has no name");
}

/* Whether the storage can be tried at all; and what it has. */
static bool table_is_complete(mti_storage_caller *c, int *has)
{
    mt_storage storage = {NULL, NULL};
    mt_error err = {MT_OK, ""};
    mt_status st;

    mti_trial_begin(c->trial);
    st = c->subject->open(c->subject->ctx, true, &storage, &err);
    if (st != MT_OK) {
        mti_trial_violate(c->trial, "it did not open: %.200s", err.text);
    } else {
        mt_storage_ops ops;

        check_table(c->trial, storage.ops);
        memset(&ops, 0, sizeof ops);
        memcpy(&ops, storage.ops, storage.ops->size < sizeof ops ? storage.ops->size : sizeof ops);
        *has |= (ops.list ? LISTS : 0) | (ops.changes ? CHANGES : 0) | (ops.records ? RECORDS : 0) |
                (ops.fingerprint ? PRINTS : 0);
        if (ops.close) mt_storage_close(&storage);
    }
    mti_trial_end(c->trial, "the table has all that a host needs");
    if (st != MT_OK) c->trial->first = err.status == st ? err : (mt_error){.status = st};
    return c->trial->first.status == MT_OK;
}

/* Whether the suite goes on. */
static bool check_run(mti_storage_caller *c, const storage_check *check)
{
    mti_trial_begin(c->trial);
    if (mti_storage_caller_open(c, true)) {
        check->run(c);
        if (c->storage.ops && c->ops.bytes) c->ops.bytes(c->storage.ctx);
    }
    mti_storage_caller_close(c);
    mti_trial_end(c->trial, check->name);
    return c->trial->first.status == MT_OK || c->trial->first.status == MT_REFUSED;
}

static void run_all(const mt_conformance_storage *subject, mti_trial *t)
{
    mti_storage_caller caller = {.trial = t, .subject = subject};
    int has = (subject->persistent ? PERSISTENT : 0) | (subject->fail_write ? FAILING : 0);

    if (!table_is_complete(&caller, &has)) return;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if ((checks[i].needs & ~has) != 0) continue;
        if (!check_run(&caller, &checks[i])) break;
    }
    mti_storage_caller_end(&caller);
}

mt_status mt_conformance_storage_run(const mt_conformance_storage *subject, mt_error *err)
{
    mt_conformance_storage own = {0};
    mti_trial t = {0};

    memcpy(&own, subject, subject->size < sizeof own ? subject->size : sizeof own);
    t = (mti_trial){.env = own.env, .report = own.report, .ctx = own.ctx};
    if (!own.env || !own.env->turn || !own.open) {
        t.first.status = MT_INVALID;
        snprintf(t.first.text, sizeof t.first.text, "the subject lacks %s",
                 own.open ? "an environment that turns" : "a way to open it");
    } else {
        run_all(&own, &t);
    }
    if (err) *err = t.first;
    return t.first.status;
}
