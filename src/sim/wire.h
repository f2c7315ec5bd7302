/* sim/wire.h - a link between two peers: two connections, and what is on its way between them.
 *
 * Each message takes a time of its own, and none overtakes another; messages of two wires may. What is on
 * its way may stall, or trickle; a wire may break, and each end notices when it does. */
#ifndef MTI_SIM_WIRE_H
#define MTI_SIM_WIRE_H

#include "sim/draw.h"
#include "sim/tally.h"
#include "sim/trace.h"

#include <mytosis/binary.h>
#include <mytosis/env.h>
#include <mytosis/plugin/network.h>

typedef struct mti_sim_wire mti_sim_wire;
struct mti_sim_packet;

typedef struct mti_sim_end {
    mti_sim_wire *wire;
    struct mti_sim_end *other;
    mt_connection *connection; /* SHARED by whoever made the wire until it lets go; NULL: gone */
    struct mti_sim_packet *first, *last; /* on the way to this end */
    size_t queued;                       /* bytes of these */
    uint64_t last_ms;                    /* when the last of them is due */
    bool full;                           /* the other end was told MT_AGAIN */
    bool listening;
    bool closing, other_closed, over;
    uint64_t closed_ms;  /* of `other_closed`: when it is known here */
    uint64_t offline_ms; /* of a wire that is cut: when it is known here */
    bool stalled;        /* nothing arrives here for now */
    uint64_t per_ms;     /* how many bytes arrive in a millisecond; 0: any number */
    mti_sim_tally came;  /* versions of fields */
    mt_timer timer;
    bool set;
    uint64_t set_ms;
} mti_sim_end;

struct mti_sim_wire {
    const mt_env *env; /* BORROWED: timers */
    mti_sim_trace *trace;
    uint64_t *messages, *bytes; /* counted */
    unsigned *version_most;
    mt_binary_reader *reader; /* BORROWED; NULL: versions are not counted */
    bool *tend;               /* set when an end closes */
    mti_sim_draws draws;
    size_t where; /* which link */
    uint64_t latency_min_ms, latency_more_ms;
    uint64_t lag_ms; /* how long an end may take to learn that the other has closed */
    size_t queued_max;
    uint64_t sent;
    bool cut;
    unsigned ends_left;
    mti_sim_end ends[2];
};

/* Makes a wire of what `like` says. Its connections are SHARED, held by the caller; it is gone with the last
 * holder of the last of them. */
mti_sim_wire *mti_sim_wire_new(const mti_sim_wire *like, const mt_bytes ids[2]);

/* Breaks it: what is on its way is lost. One end learns of it now, the other some time later. */
void mti_sim_wire_cut(mti_sim_wire *wire, size_t end, uint64_t later_ms);

/* It works again, for both ends. */
void mti_sim_wire_mend(mti_sim_wire *wire);

/* All that was held up goes on. */
void mti_sim_wire_stall(mti_sim_wire *wire, size_t end, bool stalled);
void mti_sim_wire_slow(mti_sim_wire *wire, size_t end, uint64_t per_ms);

/* The peer at this end is no more: what is sent there is lost, and nothing arrives. */
void mti_sim_wire_silence(mti_sim_wire *wire, size_t end);

#endif
