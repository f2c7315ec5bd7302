/* sim/role.h - what a peer is in a run: whether it lies, which version it is of, what it may. */
#ifndef MTI_SIM_ROLE_H
#define MTI_SIM_ROLE_H

#include "sim/draw.h"

#include <mytosis/sim.h>

typedef enum mti_sim_version {
    MTI_SIM_PRESENT,
    MTI_SIM_EARLIER, /* it lacks features */
    MTI_SIM_LATER,   /* it has more, and says what we do not know */
    MTI_SIM_FOREIGN  /* it has no version of the protocol that the others have */
} mti_sim_version;

typedef struct mti_sim_role {
    bool lies, pushes; /* what nobody asked for */
    mti_sim_version version;
    uint8_t features; /* of an earlier version: those that it has */

    /* In a space: */
    unsigned rights; /* MT_RIGHT_... */
    const char *prefix;
} mti_sim_role;

/* Draws those of all peers, and whether they are devices of a space. */
void mti_sim_roles_draw(mti_sim_role *roles, size_t count, const mt_sim_options *options,
                        mti_sim_draws *d, bool *space);

/* Whether two peers with a link to each other come to hold the same. */
bool mti_sim_roles_agree(const mti_sim_role *a, const mti_sim_role *b);

/* Whether it may write a node. */
bool mti_sim_role_writes(const mti_sim_role *role, mt_bytes uid);

/* Writes what is special about it, in words; answers false if nothing is. */
bool mti_sim_role_describe(const mti_sim_role *role, bool space, char *out, size_t out_size);

#endif
