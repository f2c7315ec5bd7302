#include "sim/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- From inside ---- */

size_t mt_sim_peers(const mt_sim *sim)
{
    return sim->peer_count;
}

mt_db *mt_sim_db(mt_sim *sim, size_t peer)
{
    bool up = peer < sim->peer_count && mti_sim_peer_up(&sim->peers[peer]) &&
              !sim->peers[peer].role->lies;

    return up ? sim->peers[peer].db : NULL;
}

uint64_t mt_sim_draw(mt_sim *sim, uint64_t bound)
{
    return mti_sim_below(&sim->draws, bound);
}

void mt_sim_fail(mt_sim *sim, const char *text)
{
    mti_sim_violate(sim, "what the application checks", "%s", text);
}

/* ---- A run ---- */

void mti_sim_run_plan(const mt_sim_options *options, const mti_sim_plan *plan,
                      mt_sim_report *report)
{
    mt_sim sim;

    memset(report, 0, sizeof *report);
    mti_sim_plan_line(plan, report->replay);
    mti_sim_world_begin(&sim, options, plan, report);
    if (options->begin) options->begin(options->ctx, &sim);
    for (size_t i = 0; i < sim.peer_count; i++) mti_sim_peer_start(&sim.peers[i]);
    for (size_t i = 0; i < plan->action_count && !mti_sim_failed(&sim); i++) {
        if (!mti_sim_plan_does(plan, &plan->actions[i])) continue;
        mti_sim_pass(&sim, plan->actions[i].wait_ms);
        if (!mti_sim_failed(&sim)) mti_sim_act(&sim, &plan->actions[i]);
    }
    if (!mti_sim_failed(&sim)) mti_sim_settle(&sim);
    mti_sim_world_end(&sim);
}

void mti_sim_run_twice(const mt_sim_options *options, const mti_sim_plan *plan,
                       mt_sim_report *report)
{
    mt_sim_report again;

    mti_sim_run_plan(options, plan, report);
    if (report->check || options->once) return;
    mti_sim_run_plan(options, plan, &again);
    if (again.trace[0] == report->trace[0] && again.trace[1] == report->trace[1] &&
        again.events == report->events)
        return;
    report->check = "the same seed has the same events";
    snprintf(report->text, sizeof report->text,
             "%s: %" PRIu64 " events the first time, %" PRIu64 " the second", report->check,
             report->events, again.events);
}

mt_sim_options mti_sim_options_of(const mt_sim_options *options)
{
    mt_sim_options own = {0};

    memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    return own;
}

mt_status mt_sim_run(const mt_sim_options *options, mt_sim_report *report)
{
    mt_sim_options own = mti_sim_options_of(options);
    mti_sim_plan plan;
    mt_sim_report unread;

    if (!report) report = &unread;
    memset(report, 0, sizeof *report);
    if (mti_sim_plan_make(&plan, &own) != MT_OK) {
        snprintf(report->text, sizeof report->text, "the options, or the replay, cannot be");
        return MT_INVALID;
    }
    mti_sim_run_twice(&own, &plan, report);
    mti_sim_plan_free(&plan);
    return report->check ? MT_REFUSED : MT_OK;
}
