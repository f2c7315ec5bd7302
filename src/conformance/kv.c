/* kv.c - what the contract of ordered key-value engines promises, sentence by sentence. */
#include "conformance/kv_checks.h"
#include "conformance/kv_history.h"

#include <stdio.h>
#include <string.h>

/* What a check needs of the subject. */
enum { PERSISTENT = 1, FAILING = 2 };

typedef struct kv_check {
    const char *name;
    void (*run)(mti_kv_caller *c);
    int needs;
} kv_check;

static const kv_check checks[] = {
    {"a new engine is empty", mti_kv_check_new_is_empty, 0},
    {"what was put is found, and what was put over it", mti_kv_check_put_is_found, 0},
    {"an empty value is not a missing one", mti_kv_check_empty_is_a_value, 0},
    {"keys are in the order of their bytes", mti_kv_check_keys_are_in_byte_order, 0},
    {"keys of every length are told apart", mti_kv_check_keys_of_every_length, 0},
    {"values of 0 bytes to 1 MiB come back", mti_kv_check_values_of_every_length, 0},
    {"what was deleted is gone", mti_kv_check_deleted_is_gone, 0},
    {"a range is deleted from its first key to before its end", mti_kv_check_range_has_its_bounds,
     0},
    {"the ops of a commit apply in their order", mti_kv_check_ops_are_in_order, 0},
    {"a commit of nothing and a get of nothing are answered", mti_kv_check_nothing_is_answered, 0},
    {"a commit and a get may be of ten thousand keys", mti_kv_check_many_fit, 0},
    {"a scan is from after one key to before another", mti_kv_check_scan_bounds, 0},
    {"the pages of a scan meet without gap or overlap", mti_kv_check_pages_meet, 0},
    {"each request is answered once", mti_kv_check_answered_once, 0},
    {"commits take effect in the order in which they were started",
     mti_kv_check_commits_are_in_order, 0},
    {"a commit is seen wholly or not at all", mti_kv_check_commits_are_whole, 0},
    {"what a commit did is seen by what starts after its answer", mti_kv_check_answered_is_seen, 0},
    {"an answer holds still while requests are made inside it", mti_kv_check_answers_hold_still, 0},
    {"a commit that failed did nothing", mti_kv_check_failed_did_nothing, FAILING},
    {"an engine that is opened again has all that it had", mti_kv_check_reopened_has_all,
     PERSISTENT},
    {"after any history, all is as in a plain map", mti_kv_history_run, 0},
};

/* What is there before the engine is used at all. */
static void check_table(mti_trial *t, const mt_kv_ops *ops)
{
    if (ops->abi != MT_KV_ABI) mti_trial_violate(t, "it is of abi %u, not %u", ops->abi, MT_KV_ABI);
    else if (ops->size < sizeof *ops)
        mti_trial_violate(t, "it says that it has %u bytes", ops->size);
    else if (!ops->get || !ops->scan || !ops->commit || !ops->close)
        mti_trial_violate(t, "a function is missing");
    else if (!ops->name || !*ops->name) mti_trial_violate(t, "the engine has no name");
    else if (ops->key_len_max < MT_KV_KEY_LEN_MAX)
        mti_trial_violate(t, "keys may have %zu bytes, less than %d", ops->key_len_max,
                          MT_KV_KEY_LEN_MAX);
}

/* Whether the engine can be tried at all. */
static bool table_is_complete(mti_kv_caller *c)
{
    bool complete;

    mti_trial_begin(c->trial);
    if (mti_kv_caller_open(c, true)) check_table(c->trial, c->kv.ops);
    complete = !c->trial->broken;
    if (c->kv.ops && c->kv.ops->close) mti_kv_caller_close(c);
    mti_trial_end(c->trial, "the table has all that a host needs");
    return complete;
}

/* Whether the suite goes on. */
static bool check_run(mti_kv_caller *c, const kv_check *check)
{
    mti_trial_begin(c->trial);
    if (mti_kv_caller_open(c, true)) {
        check->run(c);
        if (c->kv.ops && c->kv.ops->bytes) c->kv.ops->bytes(c->kv.ctx);
    }
    mti_kv_caller_close(c);
    mti_trial_end(c->trial, check->name);
    return c->trial->first.status == MT_OK || c->trial->first.status == MT_REFUSED;
}

static void run_all(const mt_conformance_kv *subject, mti_trial *t)
{
    mti_kv_caller caller = {.trial = t, .subject = subject};
    int has = (subject->persistent ? PERSISTENT : 0) | (subject->fail_commit ? FAILING : 0);

    if (!table_is_complete(&caller)) return;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if ((checks[i].needs & ~has) != 0) continue;
        if (!check_run(&caller, &checks[i])) return;
    }
}

mt_status mt_conformance_kv_run(const mt_conformance_kv *subject, mt_error *err)
{
    mt_conformance_kv own = {0};
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
