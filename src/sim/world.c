#include "sim/world.h"

#include "sim/room.h"

#include <mytosis/host.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STILL_MAX 1000000 /* events without time going on, before that is taken for a loop */
#define NOBODY 255        /* whose timers those of links are */
#define REOPEN_MS 3000
#define LAG_MS 30000
#define SHORT_MS 10000
#define SHORT_ONES_MAX 40

/* ---- Failing ---- */

void mti_sim_violate(mt_sim *sim, const char *check, const char *format, ...)
{
    mt_sim_report *report = sim->report;
    size_t len;
    va_list args;

    if (report->check) return;
    report->check = check;
    len = (size_t)snprintf(report->text, sizeof report->text, "%s: ", check);
    va_start(args, format);
    vsnprintf(report->text + len, sizeof report->text - len, format, args);
    va_end(args);
}

bool mti_sim_failed(const mt_sim *sim)
{
    return sim->report->check != NULL;
}

/* ---- Time ---- */

#define STATES_FROM_MS UINT64_C(1577836800000) /* the hybrid clock's year 2020 */

uint64_t mti_sim_state_at(uint64_t now_ms)
{
    return (now_ms - STATES_FROM_MS) << MTI_SIM_STATE_BITS;
}

static bool fire_due(mt_sim *sim)
{
    uint64_t before = sim->clock.set_count;
    mti_sim_alarm alarm;
    bool fired = false;

    while (mti_sim_clock_take(&sim->clock, before, &alarm)) {
        mti_sim_note(&sim->trace, MTI_SIM_FIRED, alarm.owner, sim->clock.ticks_ms, alarm.number);
        if (alarm.owner < sim->peer_count) mti_sim_peer_lives(&sim->peers[alarm.owner]);
        alarm.timer->fire(alarm.timer->arg);
        sim->still++;
        fired = true;
    }
    return fired;
}

static void move_to(mt_sim *sim, uint64_t ms)
{
    if (ms > sim->clock.ticks_ms) sim->still = 0;
    sim->clock.ticks_ms = ms;
}

static bool goes_on_for_ever(mt_sim *sim)
{
    if (sim->still < STILL_MAX) return false;
    mti_sim_violate(sim, "nothing goes on for ever", "%u events in one millisecond", STILL_MAX);
    return true;
}

static void tend(mt_sim *sim);

/* What can be done without moving time. */
static bool turn_now(mt_sim *sim)
{
    bool fired = fire_due(sim);

    if (sim->tend) tend(sim);
    return fired;
}

mt_status mti_sim_turn(mt_sim *sim)
{
    mt_status st = MT_OK;

    if (sim->turning) return MT_INVALID;
    if (goes_on_for_ever(sim)) return MT_END;
    sim->turning = true;
    if (!turn_now(sim)) {
        if (sim->clock.count == 0) st = MT_END;
        else move_to(sim, sim->clock.alarms[0].due_ms);
        turn_now(sim);
    }
    sim->turning = false;
    return st;
}

void mti_sim_pass(mt_sim *sim, uint64_t ms)
{
    uint64_t end_ms = sim->clock.ticks_ms + ms;

    sim->turning = true;
    while (!mti_sim_failed(sim) && !goes_on_for_ever(sim)) {
        if (turn_now(sim)) continue;
        if (sim->clock.count == 0 || sim->clock.alarms[0].due_ms > end_ms) break;
        move_to(sim, sim->clock.alarms[0].due_ms);
    }
    move_to(sim, end_ms);
    sim->turning = false;
}

/* ---- The environment of links ---- */

static uint64_t world_now_ms(void *ctx)
{
    return MTI_SIM_EPOCH_MS + ((mt_sim *)ctx)->clock.ticks_ms;
}

static uint64_t world_ticks_ms(void *ctx)
{
    return ((mt_sim *)ctx)->clock.ticks_ms;
}

static mt_status world_entropy(void *ctx, uint8_t *out, size_t len)
{
    mt_sim *sim = ctx;

    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)mti_sim_draw(&sim->entropy);
    return MT_OK;
}

static void world_timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    mti_sim_clock_set(&((mt_sim *)ctx)->clock, NOBODY, timer, delay_ms);
}

static void world_timer_stop(void *ctx, mt_timer *timer)
{
    mti_sim_clock_stop(&((mt_sim *)ctx)->clock, timer);
}

/* ---- Links ---- */

static void let_go(mti_sim_wire *wire)
{
    mt_connection *held[2] = {wire->ends[0].connection, wire->ends[1].connection};

    for (size_t i = 0; i < 2; i++) mt_connection_unref(held[i]);
}

static bool has_ended(const mti_sim_wire *wire)
{
    return mt_connection_ended(wire->ends[0].connection) ||
           mt_connection_ended(wire->ends[1].connection);
}

static bool is_well(const mti_sim_peer *peer)
{
    return !peer->harmed && !peer->role->lies;
}

/* Whether versions are counted on a link: what is secured cannot be read, and what was refused as too early comes again. */
static bool is_counted(const mt_sim *sim, size_t link)
{
    const size_t *ends = sim->plan->links[link];

    return !sim->plan->space && !sim->plan->clocks && is_well(&sim->peers[ends[0]]) &&
           is_well(&sim->peers[ends[1]]);
}

static void wire_open(mt_sim *sim, size_t at, size_t slot)
{
    mti_sim_link *link = &sim->links[at];
    mti_sim_draws *d = &link->draws;
    mti_sim_wire like = {.env = &sim->env,
                         .trace = &sim->trace,
                         .messages = &sim->report->messages,
                         .bytes = &sim->report->bytes,
                         .version_most = &sim->report->version_most,
                         .reader = is_counted(sim, at) ? sim->reader : NULL,
                         .tend = &sim->tend,
                         .where = at,
                         .latency_min_ms = mti_sim_spread(d, 200),
                         .latency_more_ms = mti_sim_spread(d, 500)};
    char texts[2][64];
    mt_bytes ids[2];

    like.draws = mti_sim_draws_new(mti_sim_draw(d), 1);
    like.queued_max = mti_sim_once_in(d, 3) ? 20000 : (size_t)256 * 1024;
    if (!(sim->options->without & MT_SIM_BREAKS)) like.lag_ms = mti_sim_spread(d, LAG_MS);
    for (size_t i = 0; i < 2; i++) {
        snprintf(texts[i], sizeof texts[i], "to%zu#%zu.%zu", sim->plan->links[at][1 - i], at,
                 link->made);
        ids[i] = mt_str(texts[i]);
    }
    link->made++;
    link->opened_ms = sim->clock.ticks_ms;
    link->wires[slot] = mti_sim_wire_new(&like, ids);
    for (size_t i = 0; i < 2; i++)
        mti_sim_peer_link(&sim->peers[sim->plan->links[at][i]],
                          link->wires[slot]->ends[i].connection,
                          &sim->peers[sim->plan->links[at][1 - i]], i == 1);
}

/* A link that ends again and again is tried less and less often. */
static void reopen(mt_sim *sim, mti_sim_link *link)
{
    uint64_t lasted_ms = sim->clock.ticks_ms - link->opened_ms;

    if (lasted_ms > SHORT_MS) link->short_ones = 0;
    else if (link->short_ones < SHORT_ONES_MAX) link->short_ones++;
    world_timer_set(sim, &link->timer,
                    mti_sim_spread(&link->draws, REOPEN_MS) << link->short_ones / 4);
}

static void link_tend(mt_sim *sim, size_t at)
{
    mti_sim_link *link = &sim->links[at];
    bool up = mti_sim_peer_linkable(&sim->peers[sim->plan->links[at][0]]) &&
              mti_sim_peer_linkable(&sim->peers[sim->plan->links[at][1]]);

    for (size_t slot = 0; slot < MTI_SIM_WIRES; slot++) {
        if (link->wires[slot] && has_ended(link->wires[slot])) {
            let_go(link->wires[slot]);
            link->wires[slot] = NULL;
            reopen(sim, link);
        }
        if (!link->wires[slot] && up && !link->cut && !link->timer.host[0] &&
            (slot == 0 || link->doubled))
            wire_open(sim, at, slot);
    }
}

static void tend(mt_sim *sim)
{
    sim->tend = false;
    for (size_t i = 0; i < sim->peer_count; i++) mti_sim_peer_tend(&sim->peers[i]);
    for (size_t i = 0; i < sim->plan->link_count; i++)
        if (mti_sim_plan_links(sim->plan, i)) link_tend(sim, i);
}

static void link_fire(void *arg)
{
    mti_sim_link *link = arg;

    link->sim->tend = true;
}

void mti_sim_links_heal(mt_sim *sim)
{
    for (size_t i = 0; i < sim->plan->link_count; i++) {
        mti_sim_link *link = &sim->links[i];
        link->cut = false;
        link->short_ones = 0;
        world_timer_stop(sim, &link->timer);
        for (size_t slot = 0; slot < MTI_SIM_WIRES; slot++) {
            mti_sim_wire *wire = link->wires[slot];
            if (!wire || has_ended(wire)) continue;
            for (size_t end = 0; end < 2; end++) {
                mti_sim_wire_stall(wire, end, false);
                mti_sim_wire_slow(wire, end, 0);
            }
            mti_sim_wire_mend(wire);
        }
    }
    sim->tend = true;
}

/* ---- All ---- */

void mti_sim_world_begin(mt_sim *sim, const mt_sim_options *options, const mti_sim_plan *plan,
                         mt_sim_report *report)
{
    mti_sim_draws d = mti_sim_draws_new(plan->seed, 1);

    memset(sim, 0, sizeof *sim);
    sim->options = options;
    sim->plan = plan;
    sim->report = report;
    sim->env = (mt_env){.abi = MT_ENV_ABI,
                        .size = sizeof sim->env,
                        .mem = mt_mem_system(),
                        .now_ms = world_now_ms,
                        .ticks_ms = world_ticks_ms,
                        .entropy = world_entropy,
                        .timer_set = world_timer_set,
                        .timer_stop = world_timer_stop,
                        .ctx = sim};
    sim->uids = 2 + (unsigned)mti_sim_spread(&d, 300);
    sim->names = 1 + (unsigned)mti_sim_spread(&d, 40);
    sim->values = 2 + (unsigned)mti_sim_spread(&d, 1000);
    sim->peer_count = report->peers = plan->peer_count;
    sim->peers = mti_sim_new(plan->peer_count, sizeof *sim->peers);
    for (size_t i = 0; i < sim->peer_count; i++) {
        mti_sim_peer_make(&sim->peers[i], sim, i);
        if (sim->peers[i].out) report->peers--;
        else if (plan->roles[i].lies) report->liars++;
        else if (plan->roles[i].version != MTI_SIM_PRESENT) report->others++;
    }
    sim->entropy = mti_sim_draws_new(plan->seed, 4);
    if (plan->space) mti_sim_space_begin(sim);
    if (mt_binary_reader_new(mt_mem_system(), NULL, mt_compressor_zstd(), "link", &sim->reader) !=
        MT_OK)
        mti_sim_refuse("out of memory");
    sim->links = mti_sim_new(plan->link_count, sizeof *sim->links);
    for (size_t i = 0; i < plan->link_count; i++) {
        sim->links[i].sim = sim;
        sim->links[i].draws = mti_sim_draws_new(plan->seed, 1000000 + i);
        sim->links[i].timer = (mt_timer){.fire = link_fire, .arg = &sim->links[i]};
        if (mti_sim_plan_links(plan, i)) report->links++;
    }
}

static bool some_are_up(const mt_sim *sim)
{
    for (size_t i = 0; i < sim->peer_count; i++)
        if (sim->peers[i].db) return true;
    return false;
}

/* Ends all, also after a failure; what is left of a loop that never ends is left. */
void mti_sim_world_end(mt_sim *sim)
{
    sim->still = 0;
    for (size_t i = 0; i < sim->peer_count; i++) mti_sim_peer_stop(&sim->peers[i]);
    for (size_t i = 0; i < sim->plan->link_count; i++) world_timer_stop(sim, &sim->links[i].timer);
    while (some_are_up(sim) || sim->clock.count > 0)
        if (mti_sim_turn(sim) != MT_OK) break;
    if (some_are_up(sim)) mti_sim_refuse("peers do not end");
    sim->report->trace[0] = sim->trace.lo;
    sim->report->trace[1] = sim->trace.hi;
    sim->report->events = sim->trace.events;
    sim->report->virtual_ms = sim->clock.ticks_ms;
    for (size_t i = 0; i < sim->peer_count; i++) mti_sim_peer_free(&sim->peers[i]);
    if (sim->plan->space) mti_sim_space_end(sim);
    mt_binary_reader_free(sim->reader);
    mti_sim_tally_end(&sim->written);
    mti_sim_clock_end(&sim->clock);
    free(sim->peers);
    free(sim->links);
}
