/* mytosis/conformance.h - the tests that any plugin passes, ours and yours, and a rough host to
 * test what uses them.
 *
 * A suite takes a subject, which says how to make the plugin, and tries all that the contract in
 * mytosis/plugin/ promises. It depends on no test framework: it calls `report` for each check and
 * answers in the end whether all held.
 *
 *     static mt_status open_mine(void *ctx, bool fresh, mt_kv *out, mt_error *err);
 *     static void say(void *ctx, const char *check, const char *violation)
 *     {
 *         printf("%s: %s\n", violation ? violation : "ok", check);
 *     }
 *
 *     mt_conformance_kv subject = {
 *         .size = sizeof subject, .env = env, .open = open_mine, .persistent = true, .report = say};
 *     return mt_conformance_kv_run(&subject, &err) == MT_OK ? 0 : 1;
 *
 * Link libmytosis_conformance and libmytosis: `pkg-config mytosis-conformance`, or in CMake
 * mytosis::conformance, which brings mytosis::mytosis. */
#ifndef MYTOSIS_CONFORMANCE_H
#define MYTOSIS_CONFORMANCE_H

#include <mytosis/plugin/kv.h>
#include <mytosis/plugin/storage.h>
#include <mytosis/plugin/network.h>
#include <mytosis/plugin/router.h>

MT_BEGIN_DECLS

/* Hears of a check that was made: its name, which is a sentence that should be true, and NULL or
 * how it was found not to be. Both are BORROWED until it returns. */
typedef void (*mt_conformance_report)(void *ctx, const char *check, const char *violation);

/* ---- Ordered key-value engines ---- */

/* An engine to try. All zero but for `size`, `env` and `open` is enough. */
typedef struct mt_conformance_kv {
    size_t size;       /* sizeof(mt_conformance_kv) as compiled */
    const mt_env *env; /* BORROWED; its `turn` must not be NULL */

    /* Makes an engine, OWNED by the suite, which closes it before it asks for another. `fresh`:
     * an empty one, whatever the one before kept; else the one before, opened again. A failure ends
     * the suite. */
    mt_status (*open)(void *ctx, bool fresh, mt_kv *out, mt_error *err);

    /* The engine keeps what was committed when it is closed. */
    bool persistent;

    /* Makes the next commit of the engine at hand fail, and only that: a full disk, memory that
     * is out. NULL: the subject has no means to. */
    void (*fail_commit)(void *ctx);

    uint64_t seed; /* of the random histories */
    size_t rounds; /* how long they are; 0: 400, some 10,000 ops */
    void *ctx;
    mt_conformance_report report; /* may be NULL */
} mt_conformance_kv;

/* Tries an engine against mytosis/plugin/kv.h. MT_OK: all checks held. MT_REFUSED: `err` says the
 * first that did not. Else the suite itself could not go on: MT_INVALID (the subject), MT_NO_MEMORY
 * or what `open` answered. `err` may be NULL. The `subject` is BORROWED until it returns.
 *
 * A get or scan under way together with commits may see them or not, but each wholly or not at
 * all, and none without those started before it. */
MT_API MT_MUST_USE mt_status mt_conformance_kv_run(const mt_conformance_kv *subject, mt_error *err);

/* ---- Transports ---- */

/* A transport to try. All zero but for `size`, `env` and `connect` is enough. */
typedef struct mt_conformance_connection {
    size_t size;       /* sizeof(mt_conformance_connection) as compiled */
    const mt_env *env; /* BORROWED; its `turn` must not be NULL */

    /* Makes a link: two connections, SHARED, held by the suite, joined so that what is sent on one
     * arrives at the other. They are online or come online. It may turn the loop. The suite closes
     * both before it asks for others. A failure ends the suite. */
    mt_status (*connect)(void *ctx, mt_connection **a, mt_connection **b, mt_error *err);

    /* Cuts the link made last, so that both ends go offline, now or later, and mends it, so that
     * they come online. NULL: the subject has no means to. */
    void (*cut)(void *ctx);
    void (*mend)(void *ctx);

    uint64_t wait_ms;  /* how long what must come may take; 0: 10,000 */
    uint64_t quiet_ms; /* how long what must not come is waited for; 0: 20 */
    uint64_t seed;     /* of the random traffic */
    void *ctx;
    mt_conformance_report report; /* may be NULL */
} mt_conformance_connection;

/* Tries a transport against mytosis/plugin/network.h. As mt_conformance_kv_run. */
MT_API MT_MUST_USE mt_status mt_conformance_connection_run(const mt_conformance_connection *subject,
                                                           mt_error *err);

/* ---- Storages ---- */

/* A storage to try. All zero but for `size`, `env` and `open` is enough. */
typedef struct mt_conformance_storage {
    size_t size;       /* sizeof(mt_conformance_storage) as compiled */
    const mt_env *env; /* BORROWED; its `turn` must not be NULL */

    /* Makes a storage, OWNED by the suite, which calls its `open` and closes it before it asks for
     * another. `fresh`: an empty one, whatever the one before kept; else the one before, once
     * more. A failure ends the suite. */
    mt_status (*open)(void *ctx, bool fresh, mt_storage *out, mt_error *err);

    /* The storage keeps what was written when it is closed. */
    bool persistent;

    /* Makes the next write of the storage at hand fail, and only that. NULL: the subject has no
     * means to. */
    void (*fail_write)(void *ctx);

    uint64_t seed; /* of the random histories */
    size_t rounds; /* how long they are; 0: 400, some 1,000 writes */
    void *ctx;
    mt_conformance_report report; /* may be NULL */
} mt_conformance_storage;

/* Tries a storage against mytosis/plugin/storage.h: what it may lack is tried if it is there. As
 * mt_conformance_kv_run. */
MT_API MT_MUST_USE mt_status mt_conformance_storage_run(const mt_conformance_storage *subject,
                                                        mt_error *err);

/* ---- Routers ---- */

/* A router to try. All zero but for `size`, `env` and `make` is enough. */
typedef struct mt_conformance_router {
    size_t size;       /* sizeof(mt_conformance_router) as compiled */
    const mt_env *env; /* BORROWED; its `turn` must not be NULL */

    /* Makes a router, OWNED by the suite, which opens a database with it or closes it. Several may
     * be in use at once. A failure ends the suite. */
    mt_status (*make)(void *ctx, mt_router *out, mt_error *err);

    /* What it does that the contract does not ask for, to be tried too. */
    bool tells;      /* peers that are online get what is written */
    bool relays;     /* and pass it on to theirs */
    bool asks;       /* what is missing here is got from a peer that has it */
    bool catches_up; /* peers that were cut off become equal once the link is back */

    uint64_t wait_ms;  /* how long what must come may take; 0: 10,000 */
    uint64_t quiet_ms; /* how long what must not come is waited for; 0: 20 */
    uint64_t seed;     /* of the random histories and bytes */
    void *ctx;
    mt_conformance_report report; /* may be NULL */
} mt_conformance_router;

/* Tries a router against mytosis/plugin/router.h. As mt_conformance_kv_run. */
MT_API MT_MUST_USE mt_status mt_conformance_router_run(const mt_conformance_router *subject,
                                                       mt_error *err);

/* ---- An engine that answers late and may fail ---- */

/* Calls that a fault counts. */
#define MT_KV_FAULT_GET 1u
#define MT_KV_FAULT_SCAN 2u
#define MT_KV_FAULT_COMMIT 4u
#define MT_KV_FAULT_ALL 7u

/* Says which call fails, and how. The same fault, with `fail_at` counted up and `count` and
 * `tripped` set back, fails each call of a scenario in turn, until it is not tripped any more. */
typedef struct mt_kv_fault {
    uint32_t calls;    /* MT_KV_FAULT_...; others neither count nor fail */
    mt_status status;  /* what a failing call comes to; MT_OK: none fails */
    uint64_t fail_at;  /* the number of the call that fails, from 0 */
    bool from_then_on; /* so do all after it */
    bool at_start;     /* it does not start, else its answer says so */
    uint64_t count;    /* calls so far */
    bool tripped;      /* whether one failed */
} mt_kv_fault;

/* All zero but for `size` gives the defaults. */
typedef struct mt_kv_late_options {
    size_t size;        /* sizeof(mt_kv_late_options) as compiled */
    uint64_t seed;      /* of all that it chooses */
    uint64_t delay_ms;  /* the longest that an answer takes; 0: 3 */
    mt_kv_fault *fault; /* BORROWED for the engine's life; NULL: none */
} mt_kv_late_options;

/* Makes an engine of another, which is MOVED if this succeeds: it answers never at once, in an
 * order drawn from a seed, and calls may be made to fail. All the rest of the contract holds, used
 * to its limits: a get sees the engine as it was when it started, or as it is when it is answered,
 * and a commit may be answered before one that was started, and takes effect, before it. What
 * failed did nothing. `env` is BORROWED for the engine's life, `options` COPIED (NULL: defaults).
 * MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_kv_late(const mt_env *env, mt_kv inner,
                                        const mt_kv_late_options *options, mt_kv *out);

MT_END_DECLS
#endif
