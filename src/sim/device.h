/* sim/device.h - peers that are devices of a space: keys, chains, and links that are secured. */
#ifndef MTI_SIM_DEVICE_H
#define MTI_SIM_DEVICE_H

#include <mytosis/sim.h>
#include <mytosis/space.h>

struct mti_sim_peer;

/* Zeros: it is in no space. */
typedef struct mti_sim_device {
    uint8_t seed[MT_KEY_LEN], key[MT_DEVICE_LEN];
    mt_buf chain;
    mt_space *space; /* these two NULL: it is down */
    mt_secure *secure;
} mti_sim_device;

/* Makes the space of a run, with a chain for each device. */
void mti_sim_space_begin(mt_sim *sim);
void mti_sim_space_end(mt_sim *sim);

/* A peer starts, and has ended. */
void mti_sim_device_open(struct mti_sim_peer *peer);
void mti_sim_device_close(struct mti_sim_peer *peer);

/* Puts an end of a link into a secured one, SHARED, held by the caller; who dials knows whom. */
mt_connection *mti_sim_device_secure(struct mti_sim_peer *peer, mt_connection *link,
                                     const struct mti_sim_peer *dials);

/* Makes all learn of a device's chain; or that the root takes it back. */
void mti_sim_device_publish(struct mti_sim_peer *at, const struct mti_sim_peer *of, bool revokes);

#endif
