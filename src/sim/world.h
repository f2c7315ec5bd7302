/* sim/world.h - a run: peers, what is between them, and the time that passes for them all. */
#ifndef MTI_SIM_WORLD_H
#define MTI_SIM_WORLD_H

#include "sim/clock.h"
#include "sim/device.h"
#include "sim/engine.h"
#include "sim/filter.h"
#include "sim/plan.h"
#include "sim/wire.h"

#include <mytosis/plugin/sync.h>

#define MTI_SIM_WIRES 2 /* between two peers at once */
#define MTI_SIM_HEARD 8 /* messages that a peer that lies remembers */

typedef struct mti_sim_peer {
    mt_sim *sim;
    size_t number;
    bool out; /* it is left out of the run */
    const mti_sim_role *role;
    mti_sim_device device; /* in a space */
    unsigned mood;         /* of one that lies: how many messages it changes yet */
    mti_sim_draws talk;
    mti_sim_message heard[MTI_SIM_HEARD];
    mt_env env;
    mt_mem mem; /* counted */
    size_t live, peak;
    int64_t ahead_ms;                        /* of its clock */
    mti_sim_draws entropy, disk_draws, life; /* `life`: how its store and its logs are */
    uint64_t disk_ms;
    bool stored; /* on a disk, else in memory alone: then it never stops */
    size_t cache_bytes;
    mti_sim_disk disk, backup;
    bool has_backup;
    mti_sim_faults faults;
    bool harmed;                /* its disk has failed in this run */
    mt_graph *sure, *sure_then; /* what it answered to have stored; and at the time of the backup */
    mt_db *db;                  /* NULL: it is down */
    mt_group *links;
    mti_sim_disk image; /* what its disk holds, of one that crashes */
    uint64_t doomed;    /* after so many of its events it crashes; 0: it does not */
    bool dying;         /* it has, and is to be closed */
    bool linkable;      /* it may have links by now */
    bool closing, closed;
    uint64_t
        leaving_ms; /* since when it is closed, and something of it is there yet; 0: nothing is */
    bool failed;    /* it could not be opened */
} mti_sim_peer;

typedef struct mti_sim_link {
    mti_sim_wire *wires[MTI_SIM_WIRES]; /* NULL: none */
    mti_sim_draws draws;
    bool cut;
    bool doubled;
    size_t made;
    uint64_t opened_ms;
    unsigned short_ones; /* wires in a row that ended soon */
    mt_timer timer;      /* while it is set, no wire is made */
    mt_sim *sim;
} mti_sim_link;

struct mt_sim {
    const mt_sim_options *options;
    const mti_sim_plan *plan;
    mt_env env; /* of links, and of the space */
    mti_sim_draws entropy;
    uint8_t root[MT_KEY_LEN]; /* the seed of its key */
    mt_buf genesis;
    mt_binary_reader *reader; /* of rows on links */
    mti_sim_tally written;    /* what those wrote who may: without states */
    mti_sim_clock clock;
    mti_sim_trace trace;
    mti_sim_peer *peers;
    size_t peer_count;
    mti_sim_link *links;
    mti_sim_draws draws;          /* of the action at hand */
    unsigned uids, names, values; /* what edits are made of */
    int64_t ahead_most_ms;        /* of a clock before it jumped */
    uint64_t still;               /* events since time last moved */
    bool turning;
    bool tend; /* a link or a peer has ended, or may begin */
    mt_sim_report *report;
};

/* ---- world.c: time, links ---- */

void mti_sim_world_begin(mt_sim *sim, const mt_sim_options *options, const mti_sim_plan *plan,
                         mt_sim_report *report);
void mti_sim_world_end(mt_sim *sim);

/* Lets time pass. */
void mti_sim_pass(mt_sim *sim, uint64_t ms);

/* One turn, as mt_env.turn has it. */
mt_status mti_sim_turn(mt_sim *sim);

/* All links are whole. */
void mti_sim_links_heal(mt_sim *sim);

/* The states of a moment, as the hybrid clock has them. */
#define MTI_SIM_STATE_BITS 11
uint64_t mti_sim_state_at(uint64_t now_ms);

/* The time of day where nobody's clock is ahead, at the beginning. */
#define MTI_SIM_EPOCH_MS UINT64_C(1767225600000)

/* Fails the run: `check` is static. */
void mti_sim_violate(mt_sim *sim, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool mti_sim_failed(const mt_sim *sim);

/* ---- peer.c ---- */

void mti_sim_peer_make(mti_sim_peer *peer, mt_sim *sim, size_t number);
void mti_sim_peer_free(mti_sim_peer *peer);
void mti_sim_peer_start(mti_sim_peer *peer);

/* It ends as a program does that is asked to, or crashes after so many of its events, from 1. */
void mti_sim_peer_stop(mti_sim_peer *peer);
void mti_sim_peer_crash(mti_sim_peer *peer, uint64_t events);

/* Its disk fails: what it cannot store comes again, so that versions on its links are counted no more. */
void mti_sim_peer_harmed(mti_sim_peer *peer);

/* One of its events has come: now it may crash. */
void mti_sim_peer_lives(mti_sim_peer *peer);

/* Closes it, if it crashed, and sees whether it is down. */
void mti_sim_peer_tend(mti_sim_peer *peer);

/* Whether it runs, and may have links. */
bool mti_sim_peer_up(const mti_sim_peer *peer);
bool mti_sim_peer_linkable(const mti_sim_peer *peer);

/* Adds an end of a wire to its links, secured and filtered as it is; `other` is at the other end. */
void mti_sim_peer_link(mti_sim_peer *peer, mt_connection *end, const mti_sim_peer *other,
                       bool dials);

/* ---- What a peer, `ctx`, says, where it is not as others are ---- */

void mti_sim_version_speaks(void *ctx, bool sent, mt_bytes message, mti_sim_instead *instead);
void mti_sim_lie_speaks(void *ctx, bool sent, mt_bytes message, mti_sim_instead *instead);

/* Where a HELLO says how many ranges follow; 0: it is none. */
size_t mti_sim_hello_ranges(mt_bytes message);

/* An edit of one that lies. */
void mti_sim_lie(mt_sim *sim, mti_sim_peer *peer);

/* ---- ledger.c: who wrote what ---- */

#define MTI_SIM_ALLOWED "every field was written by a peer that may"
#define MTI_SIM_TIMELY "nothing is of the future"
#define MTI_SIM_EARLY_MS 600000 /* what is further ahead is refused */

/* A hook that notes what a peer writes, or takes from others, if it may write it. */
mt_hook mti_sim_ledger_hook(mti_sim_peer *peer, mt_hook_point point);

/* Notes what a peer that lies says without having it in its database, of what it may write. */
void mti_sim_ledger_said(mti_sim_peer *peer, mt_bytes message);

/* Fails the run if a graph has what nobody wrote who may. */
void mti_sim_ledger_check(mt_sim *sim, const mt_graph *graph, size_t peer);

/* ---- act.c ---- */

void mti_sim_act(mt_sim *sim, const mti_sim_action *action);

/* ---- check.c ---- */

/* How far the clocks were apart at most. */
uint64_t mti_sim_apart_ms(const mt_sim *sim);

/* All faults end; then all is checked. */
void mti_sim_settle(mt_sim *sim);

#endif
