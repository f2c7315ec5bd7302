/* sim/plan.h - what will happen in a run, drawn from its seed before anything does.
 *
 * Each action has numbers of its own, so that what it does depends on nothing but what it finds: a part of
 * the actions, at a part of the peers, is a run too. Its line is
 *
 *     8831                    all that is drawn from the seed 8831
 *     8831 at 0,2 do 3,17-19  of it only these actions, at these peers
 */
#ifndef MTI_SIM_PLAN_H
#define MTI_SIM_PLAN_H

#include "sim/draw.h"
#include "sim/role.h"

#include <mytosis/sim.h>

typedef enum mti_sim_kind {
    MTI_SIM_EDIT,
    MTI_SIM_CUT, /* of a link ... */
    MTI_SIM_CLOSE,
    MTI_SIM_STALL,
    MTI_SIM_SLOW,
    MTI_SIM_DOUBLE,
    MTI_SIM_MEND,
    MTI_SIM_CRASH, /* of a peer ... */
    MTI_SIM_STOP,
    MTI_SIM_START,
    MTI_SIM_BACK_UP,
    MTI_SIM_RESTORE,
    MTI_SIM_FULL,
    MTI_SIM_NO_READ,
    MTI_SIM_NO_SYNC,
    MTI_SIM_FLIP,
    MTI_SIM_REPAIR,
    MTI_SIM_JUMP,
    MTI_SIM_KINDS
} mti_sim_kind;

typedef struct mti_sim_action {
    mti_sim_kind kind;
    size_t where; /* a peer, or a link */
    uint64_t draw;
    uint64_t wait_ms; /* before it */
    bool out;         /* it is left out */
} mti_sim_action;

typedef struct mti_sim_plan {
    uint64_t seed;
    size_t peer_count;
    bool *peers_out; /* which are left out */
    mti_sim_role *roles;
    bool space; /* they are devices of one */
    size_t (*links)[2];
    size_t link_count, link_cap;
    mti_sim_action *actions;
    size_t action_count, action_cap;
    bool clocks; /* they are apart */
} mti_sim_plan;

/* Draws it, or what a line says. MT_INVALID. */
mt_status mti_sim_plan_make(mti_sim_plan *plan, const mt_sim_options *options);
void mti_sim_plan_free(mti_sim_plan *plan);

/* Whether both ends of a link are in it. */
bool mti_sim_plan_links(const mti_sim_plan *plan, size_t link);

/* Whether two that have a link come to hold the same by it. */
bool mti_sim_plan_agrees(const mti_sim_plan *plan, size_t link);

/* Whether an action is, with the peers that it is about. */
bool mti_sim_plan_does(const mti_sim_plan *plan, const mti_sim_action *action);

/* Its line; of one that is too long, only the seed. */
void mti_sim_plan_line(const mti_sim_plan *plan, char out[MT_SIM_REPLAY_MAX]);

/* Appends a line for each peer that is not as others are, and for each action that is in it. MT_NO_MEMORY. */
mt_status mti_sim_plan_describe(const mti_sim_plan *plan, mt_buf *out);

/* Whether an action is about a link. */
bool mti_sim_kind_of_link(mti_sim_kind kind);

#endif
