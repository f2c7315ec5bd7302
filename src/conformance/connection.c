/* connection.c - what the contract of transports promises, sentence by sentence. */
#include "conformance/connection_checks.h"

#include <stdio.h>
#include <string.h>

typedef struct connection_check {
    const char *name;
    void (*run)(mti_pair *p);
    bool cuts; /* it needs a subject that can be cut */
} connection_check;

static const connection_check checks[] = {
    {"a new end says what it is", mti_connection_check_names, false},
    {"messages arrive in the order in which they were sent", mti_connection_check_order, false},
    {"messages of 0 bytes to 2 MiB arrive whole", mti_connection_check_lengths, false},
    {"what is sent inside a message arrives", mti_connection_check_answers, false},
    {"messages wait for somebody to listen", mti_connection_check_held_back, false},
    {"messages wait again when nobody listens any more", mti_connection_check_held_back_again,
     false},
    {"a full end says so, and tells when there is room", mti_connection_check_full, false},
    {"nothing is lost in any traffic", mti_connection_check_traffic, false},
    {"what was sent before closing arrives, and then both ends end", mti_connection_check_close,
     false},
    {"an end that was closed hears nothing, and the other hears that",
     mti_connection_check_close_other, false},
    {"an end may be closed inside a message", mti_connection_check_close_inside, false},
    {"both ends may be closed at once", mti_connection_check_close_both, false},
    {"a closed end takes nothing and gives nothing", mti_connection_check_closed_is_closed, false},
    {"an end that is let go of closes", mti_connection_check_let_go, false},
    {"both ends may be let go of inside a message", mti_connection_check_let_go_inside, false},
    {"both ends tell of a cut, and that it was mended", mti_connection_check_cut, true},
    {"what arrives between any cuts is in order", mti_connection_check_cuts, true},
};

/* Whether the suite goes on. */
static bool check_run(mti_pair *p, const connection_check *check)
{
    mti_trial *t = p->trial;

    mti_trial_begin(t);
    if (mti_pair_open(p)) check->run(p);
    mti_pair_close(p);
    mti_trial_end(t, check->name);
    return t->first.status == MT_OK || t->first.status == MT_REFUSED;
}

static void run_all(const mt_conformance_connection *subject, mti_trial *t)
{
    mti_pair pair = {.trial = t, .subject = subject};
    bool cuts = subject->cut && subject->mend;

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (checks[i].cuts && !cuts) continue;
        if (!check_run(&pair, &checks[i])) return;
    }
}

mt_status mt_conformance_connection_run(const mt_conformance_connection *subject, mt_error *err)
{
    mt_conformance_connection own = {0};
    mti_trial t = {0};

    memcpy(&own, subject, subject->size < sizeof own ? subject->size : sizeof own);
    t = (mti_trial){.env = own.env, .report = own.report, .ctx = own.ctx};
    if (!own.env || !own.env->turn || !own.connect) {
        t.first.status = MT_INVALID;
        snprintf(t.first.text, sizeof t.first.text, "the subject lacks %s",
                 own.connect ? "an environment that turns" : "a way to connect");
    } else {
        run_all(&own, &t);
    }
    if (err) *err = t.first;
    return t.first.status;
}
