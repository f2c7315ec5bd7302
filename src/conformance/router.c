/* router.c - what the contract of routers promises, sentence by sentence. */
#include "conformance/router_checks.h"

#include <stdio.h>
#include <string.h>

/* What a check needs of the subject. */
enum { TELLS = 1, RELAYS = 2, ASKS = 4, CATCHES_UP = 8 };

typedef struct router_check {
    const char *name;
    void (*run)(mti_bed *bed);
    int needs;
} router_check;

static const router_check checks[] = {
    {"it opens and closes", mti_router_check_opens_and_closes, 0},
    {"without a peer, pushes and pulls are answered", mti_router_check_alone, 0},
    {"a pull is answered when those who were asked have gone", mti_router_check_pull_ends_with_peer,
     0},
    {"a push is answered when those who were told have gone", mti_router_check_push_ends_with_peer,
     0},
    {"a pull may be canceled", mti_router_check_canceled, 0},
    {"it closes with pushes and pulls pending", mti_router_check_closes_with_pending, 0},
    {"what is for nobody is sent to nobody", mti_router_check_told_to_nobody, 0},
    {"a peer that has left hears nothing", mti_router_check_left_hears_nothing, 0},
    {"links that take nothing hold nothing up", mti_router_check_full_links, 0},
    {"peers may come and go at any time", mti_router_check_comings_and_goings, 0},
    {"random bytes harm nobody", mti_router_check_garbage, 0},
    {"damaged messages harm nobody", mti_router_check_damaged, 0},
    {"a database may be closed while peers talk to it", mti_router_check_closes_while_talking, 0},
    {"peers get what is written", mti_router_check_tells, TELLS},
    {"messages come to an end", mti_router_check_comes_to_rest, TELLS},
    {"a bad peer does not harm a good one", mti_router_check_bad_peer, TELLS},
    {"what comes from a peer is passed on", mti_router_check_relays, RELAYS},
    {"what a peer has is found", mti_router_check_asks, ASKS},
    {"many pulls at once are answered", mti_router_check_asks_again, ASKS},
    {"peers that were cut off catch up", mti_router_check_catches_up, CATCHES_UP},
    {"after any history, all are equal", mti_router_check_any_history, CATCHES_UP | RELAYS},
};

static void check_table(mti_trial *t, const mt_router_ops *ops)
{
    if (ops->abi != MT_ROUTER_ABI)
        mti_trial_violate(t, "it is of abi %u, not %u", ops->abi, MT_ROUTER_ABI);
    else if (ops->size < sizeof *ops)
        mti_trial_violate(t, "it says that it has %u bytes", ops->size);
    else if (!ops->open || !ops->push || !ops->pull || !ops->message || !ops->joined ||
             !ops->left || !ops->close)
        mti_trial_violate(t, "a function is missing");
    else if (!ops->name || !*ops->name) mti_trial_violate(t, "the router has no name");
}

/* Whether the router can be tried at all. */
static bool table_is_complete(const mt_conformance_router *subject, mti_trial *t)
{
    mt_router router = {NULL, NULL};
    mt_error err = {.status = MT_OK};
    mt_status st;
    bool complete;

    mti_trial_begin(t);
    st = subject->make(subject->ctx, &router, &err);
    if (st != MT_OK) {
        mti_trial_violate(t, "it is not made: %s", err.text[0] ? err.text : mt_status_text(st));
        t->first = (mt_error){.status = st};
        memcpy(t->first.text, t->violation, sizeof t->first.text);
    } else {
        check_table(t, router.ops);
        if (router.ops->close) router.ops->close(router.ctx);
    }
    complete = !t->broken;
    mti_trial_end(t, "the table has all that a database needs");
    return complete;
}

/* Whether the suite goes on. */
static bool check_run(mti_bed *bed, const router_check *check)
{
    mti_trial *t = bed->trial;

    mti_trial_begin(t);
    mti_bed_begin(bed);
    check->run(bed);
    mti_bed_end(bed);
    mti_trial_end(t, check->name);
    return t->first.status == MT_OK || t->first.status == MT_REFUSED;
}

static void run_all(const mt_conformance_router *subject, mti_trial *t)
{
    int has = (subject->tells ? TELLS : 0) | (subject->relays ? RELAYS : 0) |
              (subject->asks ? ASKS : 0) | (subject->catches_up ? CATCHES_UP : 0);
    mti_bed bed;

    bed.trial = t;
    bed.subject = subject;
    if (!table_is_complete(subject, t)) return;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if ((checks[i].needs & ~has) != 0) continue;
        if (!check_run(&bed, &checks[i])) return;
    }
}

mt_status mt_conformance_router_run(const mt_conformance_router *subject, mt_error *err)
{
    mt_conformance_router own = {0};
    mti_trial t = {0};

    memcpy(&own, subject, subject->size < sizeof own ? subject->size : sizeof own);
    t = (mti_trial){.env = own.env, .report = own.report, .ctx = own.ctx};
    if (!own.env || !own.env->turn || !own.make) {
        t.first.status = MT_INVALID;
        snprintf(t.first.text, sizeof t.first.text, "the subject lacks %s",
                 own.make ? "an environment that turns" : "a way to make it");
    } else {
        run_all(&own, &t);
    }
    if (err) *err = t.first;
    return t.first.status;
}
