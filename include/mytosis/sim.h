/* mytosis/sim.h - a simulator: peers with the real library, on a clock, disks and links that are not.
 *
 *     mt_sim_options options = {.size = sizeof options, .seed = 8831};
 *     mt_sim_report report;
 *     if (mt_sim_run(&options, &report) != MT_OK) puts(report.text);
 *
 * One number, the seed, decides all that happens: how many peers there are and how they are joined, what
 * each writes, when links stall, break and are doubled, when peers crash, what their disks lose, and how
 * far their clocks are apart. The same seed gives the same events to the byte. Days pass in a second.
 *
 * A run draws a list of actions from its seed and carries them out one after the other, with some time
 * between them. Then all faults end, and two rounds later all must be well: see mt_sim_run. What is found
 * is found again with `report.replay`, and mt_sim_shrink makes it as short as it gets.
 *
 * An application puts its own hooks, extensions or router into the peers, makes its own edits, and checks
 * its own invariants: examples/simulate.c. docs/sim.md says what is simulated and what is not.
 *
 * For tests only: where there is no memory for the simulator itself, it aborts. Threads: one for each run;
 * runs know nothing of each other. Link libmytosis_sim and libmytosis: `pkg-config mytosis-sim`, or in
 * CMake mytosis::sim, which brings mytosis::mytosis. */
#ifndef MYTOSIS_SIM_H
#define MYTOSIS_SIM_H

#include <mytosis/db.h>

MT_BEGIN_DECLS

/* A run, while it lasts. */
typedef struct mt_sim mt_sim;

/* ---- What can go wrong ---- */

#define MT_SIM_STALLS 1u  /* links that stall in one direction, and readers that are slow */
#define MT_SIM_BREAKS 2u  /* links that break, one by one or in a row; each end may notice late */
#define MT_SIM_DOUBLES 4u /* two peers that have two links to each other */
#define MT_SIM_CRASHES \
    8u /* peers that stop at any event; of what was not synced the disk keeps anything */
#define MT_SIM_BACKUPS 16u /* peers that come back with the disk of an earlier time */
#define MT_SIM_DISKS \
    32u /* disks that are full, fail to read or to sync, or read with a bit flipped */
#define MT_SIM_CLOCKS 64u /* clocks that differ by up to a day, and jump, backwards too */
#define MT_SIM_SPACES \
    128u /* no fault: in a third of the seeds the peers are devices of a space, on \
                            * secured links */
#define MT_SIM_LIES \
    256u /* in a third: peers that lie. They write what they may not, and what no write can be; what they
          * say to others is changed, left out, and said again */
#define MT_SIM_VERSIONS \
    512u /* in a quarter: peers of an earlier version of the protocol, of a later one, of one that the
          * others do not speak */
#define MT_SIM_ALL 1023u /* all of these */

/* ---- A run ---- */

/* All zero but for `size` is a run of seed 0. BORROWED until the call returns. */
typedef struct mt_sim_options {
    size_t size; /* sizeof(mt_sim_options) as compiled */
    uint64_t seed;
    size_t peers;       /* 0: 2 to 6, as the seed decides */
    size_t actions;     /* about how many are drawn; 0: 150 */
    uint32_t without;   /* what never goes wrong: MT_SIM_STALLS | ... */
    size_t cache_bytes; /* of each peer: see mt_config; 0: some have little, as the seed decides */
    bool once;          /* the run is not repeated to compare the two */

    /* A line that a report gave, instead of `seed`: also one of a part of its actions. NULL: none. */
    const char *replay;

    /* The most that one version of a field may cross one link in one direction, for one subscription and while
     * disks work at both ends; 0: MT_SIM_VERSION_MAX. Links of a space and of peers that lie do not count, nor
     * runs whose clocks are apart. */
    unsigned version_max;

    /* ---- The application's own: each may be NULL ---- */

    /* A run begins, of which there are several: whatever the application keeps begins anew. */
    void (*begin)(void *ctx, mt_sim *sim);

    /* A peer that does not lie is about to start: what `config` is given joins what the simulator gives, which is
     * environment, storage and group, a clock, and the sync router unless there is one here. */
    void (*configure)(void *ctx, mt_sim *sim, size_t peer, mt_config *config);

    /* A peer that is up, and does not lie, is to write something, with mt_sim_write: the edits of the
     * simulator otherwise. */
    void (*edit)(void *ctx, mt_sim *sim, size_t peer);

    /* All is quiet and all peers are up: whether it is as it should be. Anything but MT_OK fails the run,
     * with the text in `why`. Calls that block may be made. */
    mt_status (*check)(void *ctx, mt_sim *sim, mt_error *why);

    void *ctx;
} mt_sim_options;

/* The longest line of a replay, with its zero byte. */
#define MT_SIM_REPLAY_MAX 512

/* As it changed, or with a copy; as the log names it; and once more where a field changes between the log and its
 * node being read, or two peers have deleted the node. Of a thousand seeds all but one or two have 2 at most,
 * and in 90,000 none had more than 4. */
#define MT_SIM_VERSION_MAX 4u

/* What a run came to. */
typedef struct mt_sim_report {
    const char *check;              /* which one failed, static; NULL: none */
    char text[MT_ERROR_TEXT_MAX];   /* how it failed, in a line */
    char replay[MT_SIM_REPLAY_MAX]; /* the run, for mt_sim_options: the seed, and which of it */
    uint64_t trace
        [2]; /* a hash of all events, in their order, with all bytes that were sent or written */
    uint64_t events; /* timers that fired, messages sent and delivered, writes to disks, answers */
    uint64_t virtual_ms; /* how much time passed for the peers */
    size_t peers, links;
    size_t liars, others; /* of the peers: that lie, and that are of another version */
    size_t actions;       /* carried out, edits and faults */
    size_t edits, faults;
    size_t acknowledged; /* writes that were answered with MT_OK */
    size_t crashes;
    uint64_t messages, bytes; /* sent over all links */
    size_t memory_peak;       /* of the peer that took the most */
    unsigned
        version_most; /* how often a version of a field crossed a link in one direction at most */
} mt_sim_report;

/* Runs one seed, twice, and checks, once all is quiet:
 *
 *   - peers that are joined, directly or by others, hold the same to the byte, within two rounds, each a
 *     minute without faults, after the clocks that were ahead are met; those that lie, or have no version
 *     in common with the others, join nobody
 *   - no write is lost that was answered with MT_OK, unless a backup took it back
 *   - what was deleted has not come back
 *   - every field, delete marker and floor was written by a peer that may
 *   - nothing has a state more than ten minutes ahead of all clocks
 *   - no version of a field crosses a link too often in one direction: see `version_max`
 *   - the log of each store, if it goes back to its beginning, names each node in the store, once
 *   - a peer that reads and writes does not exceed its memory budget, and gives all back when it ends
 *   - nothing goes on for ever
 *   - the two runs had the same events
 *   - what the application checks
 *
 * MT_OK: all held. MT_REFUSED: `report->check` did not. MT_INVALID: options or a replay that cannot be.
 * `report` is filled in any case; it may be NULL. */
MT_API MT_MUST_USE mt_status mt_sim_run(const mt_sim_options *options, mt_sim_report *report);

/* Runs what failed again and again without some of its peers and actions, as long as the same check fails,
 * until none can be left out; `report` is that of the shortest, to be replayed. `runs_max` bounds the runs;
 * 0: 2,000. MT_REFUSED: it failed, as expected. MT_OK: it does not fail. MT_INVALID: as mt_sim_run. */
MT_API MT_MUST_USE mt_status mt_sim_shrink(const mt_sim_options *options, size_t runs_max,
                                           mt_sim_report *report);

/* Appends the actions of a run to `out`, a line for each: number, time before it, what, where. As
 * mt_sim_run: MT_OK, MT_INVALID, MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_sim_describe(const mt_sim_options *options, mt_buf *out);

/* ---- From inside ---- */

/* How many peers there are; they are numbered from 0. */
MT_API size_t mt_sim_peers(const mt_sim *sim);

/* The database of a peer, or NULL while it is down, and of one that lies. BORROWED until the callback returns. */
MT_API mt_db *mt_sim_db(mt_sim *sim, size_t peer);

/* 0 to bound - 1, `bound` not 0, as the action at hand has it: the same in each replay. */
MT_API uint64_t mt_sim_draw(mt_sim *sim, uint64_t bound);

/* Writes at a peer, and holds it to the answer: as mt_write. MT_CLOSED: it is down, or lies. `done` may be NULL. */
MT_API MT_MUST_USE mt_status mt_sim_write(mt_sim *sim, size_t peer, const mt_row *rows,
                                          size_t count, const mt_options *options, mt_done *done,
                                          void *ctx);

/* Makes an edit of the simulator's own. */
MT_API void mt_sim_edit(mt_sim *sim, size_t peer);

/* All that a peer holds, deleted nodes too, as a new graph, OWNED. MT_CLOSED: it is down, or lies; or what a stream
 * of its nodes came to. Not inside a hook. */
MT_API MT_MUST_USE mt_status mt_sim_graph(mt_sim *sim, size_t peer, mt_graph **out);

/* Fails the run, now or within a hook: only the first time counts. `text` is COPIED. */
MT_API void mt_sim_fail(mt_sim *sim, const char *text);

MT_END_DECLS
#endif
