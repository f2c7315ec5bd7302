/* shrink.c - what failed, with as little as fails still.
 *
 * Peers are left out one by one, then actions by halves, quarters and so on to single ones, until no single
 * peer or action can be left out: delta debugging. */
#include "sim/run.h"

#include "sim/room.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 2000

typedef struct shrinking {
    const mt_sim_options *options;
    mti_sim_plan plan;
    mt_sim_report *report; /* of the shortest that fails */
    const char *check;     /* which is to fail; NULL: any */
    size_t runs_left;
} shrinking;

/* Whether what is left of the plan fails as it should. */
static bool fails(shrinking *s)
{
    mt_sim_report report;

    if (s->runs_left == 0) return false;
    s->runs_left--;
    mti_sim_run_twice(s->options, &s->plan, &report);
    if (!report.check || (s->check && strcmp(report.check, s->check) != 0)) return false;
    *s->report = report;
    return true;
}

static bool without_peer(shrinking *s, size_t peer)
{
    if (s->plan.peers_out[peer]) return false;
    s->plan.peers_out[peer] = true;
    if (fails(s)) return true;
    s->plan.peers_out[peer] = false;
    return false;
}

/* Leaves out what is never done, which takes no run. */
static void drop_idle(mti_sim_plan *plan)
{
    for (size_t i = 0; i < plan->action_count; i++)
        plan->actions[i].out = !mti_sim_plan_does(plan, &plan->actions[i]);
}

/* The numbers of the actions that are left, to be freed. */
static size_t *left_new(const mti_sim_plan *plan, size_t *count)
{
    size_t *left = mti_sim_new(plan->action_count, sizeof *left);

    *count = 0;
    for (size_t i = 0; i < plan->action_count; i++)
        if (!plan->actions[i].out) left[(*count)++] = i;
    return left;
}

/* Tries to do without each run of `len` actions; answers whether one was not needed. */
static bool without_runs(shrinking *s, size_t len)
{
    size_t count, *left = left_new(&s->plan, &count);
    bool any = false;

    for (size_t end = count; end > 0; end = end > len ? end - len : 0) {
        size_t begin = end > len ? end - len : 0;
        for (size_t i = begin; i < end; i++) s->plan.actions[left[i]].out = true;
        if (fails(s)) {
            any = true;
            continue;
        }
        for (size_t i = begin; i < end; i++) s->plan.actions[left[i]].out = false;
    }
    free(left);
    return any;
}

static bool with_fewer_actions(shrinking *s)
{
    size_t count, *left = left_new(&s->plan, &count);
    bool any = false;

    free(left);
    for (size_t len = (count + 1) / 2; len > 0; len /= 2) any |= without_runs(s, len);
    return any;
}

static bool with_fewer_peers(shrinking *s)
{
    bool any = false;

    for (size_t i = s->plan.peer_count; i > 0; i--) any |= without_peer(s, i - 1);
    drop_idle(&s->plan);
    return any;
}

mt_status mt_sim_shrink(const mt_sim_options *options, size_t runs_max, mt_sim_report *report)
{
    mt_sim_options own = mti_sim_options_of(options);
    shrinking s = {.options = &own, .runs_left = runs_max ? runs_max : RUNS_MAX};
    mt_sim_report unread = {.check = NULL};
    bool any = true;

    s.report = report ? report : &unread;
    memset(s.report, 0, sizeof *s.report);
    if (mti_sim_plan_make(&s.plan, &own) != MT_OK) return MT_INVALID;
    if (!fails(&s)) {
        mti_sim_plan_free(&s.plan);
        return MT_OK;
    }
    s.check = s.report->check;
    while (any && s.runs_left > 0) {
        any = with_fewer_peers(&s);
        any |= with_fewer_actions(&s);
    }
    mti_sim_plan_free(&s.plan);
    return MT_REFUSED;
}

mt_status mt_sim_describe(const mt_sim_options *options, mt_buf *out)
{
    mt_sim_options own = mti_sim_options_of(options);
    mti_sim_plan plan;
    mt_status st;

    if (mti_sim_plan_make(&plan, &own) != MT_OK) return MT_INVALID;
    st = mti_sim_plan_describe(&plan, out);
    mti_sim_plan_free(&plan);
    return st;
}
