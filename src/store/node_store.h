/* store/node_store.h - the node store inside.
 *
 *     storage contract     open    read, list    changes, records    write, remove    fingerprint, items
 *                            |          |               |                 |                  |
 *     askings             opening    reading         (log.c)      writing -- plan         prints
 *                            |          |               |                 |       keeper     |
 *     kv contract          get, scan  get, scan        scan        one commit at a time, get, scan
 *
 * Whatever the host asked for is an asking until it is answered: it asks the engine something, takes
 * the answer, asks the next thing, and so on. At most one question of an asking is under way. */
#ifndef MTI_NODE_STORE_H
#define MTI_NODE_STORE_H

#include "base/map.h"
#include "store/contract.h"
#include "store/keeper.h"
#include "store/key.h"
#include "store/piece.h"
#include "store/plan.h"

#include <mytosis/plugin/node_store.h>

typedef struct mti_node_store mti_node_store;
typedef struct mti_asking mti_asking;

/* ---- Checking ---- */

/* Whether a record may be found under its key by who looks for it. MT_MALFORMED, MT_NO_MEMORY. */
mt_status mti_store_check(mti_node_store *store, const mt_kv_pair *pair, mt_error *err);

/* ---- Askings ---- */

struct mti_asking {
    mti_node_store *store;
    const mt_storage_host *host;
    uint64_t id;
    size_t size; /* of the whole asking, which this is the beginning of */

    /* Goes on: asks the engine, waits for something that calls mti_asking_run, or ends. */
    void (*go)(mti_asking *asking);

    /* Takes what the engine answered, MT_OK or not, and may end. */
    void (*take)(mti_asking *asking, const mt_kv_answer *answer);

    /* Frees what the asking holds beside itself. May be NULL. */
    void (*dispose)(mti_asking *asking);

    size_t get_count; /* keys of the get that is under way; 0: none, or it is another question */
    mti_asking *next; /* in a queue */
    bool running;     /* `go` is on the stack */
    bool ready;       /* to go on */
    bool ended;
};

/* Makes an asking, all zero but for what is given. NULL without memory, or before the store is
 * open. */
void *mti_asking_new(mti_node_store *store, const mt_storage_host *host, uint64_t id, size_t size,
                     void (*go)(mti_asking *asking),
                     void (*take)(mti_asking *asking, const mt_kv_answer *answer));

/* Runs an asking as far as it goes at once. It may be gone afterwards. */
void mti_asking_run(mti_asking *asking);

/* Hands out a piece of the answer; another follows. */
void mti_asking_tell(mti_asking *asking, const mt_storage_answer *answer);

/* Ends an asking with the last piece; with a failure; with that of the engine. */
void mti_asking_end(mti_asking *asking, const mt_storage_answer *answer);
void mti_asking_fail(mti_asking *asking, mt_status status, const char *text);

/* Frees one that was never run. */
void mti_asking_drop(mti_asking *asking);

/* Ask the engine; only from `go`, once. What they are given is BORROWED as kv.h says. A question
 * that did not start is answered with why. */
void mti_ask_get(mti_asking *asking, const mt_bytes *keys, size_t count);
void mti_ask_scan(mti_asking *asking, mt_bytes after, mt_bytes end, size_t limit);
void mti_ask_commit(mti_asking *asking, const mt_kv_op *ops, size_t count);

/* ---- The store ---- */

/* How many openings are remembered. */
#define MTI_BOOTS_MAX 1024

/* Numbers of changes are below this. */
#define MTI_NUMBER_END (UINT64_C(1) << 62)

typedef struct mti_boot {
    uint64_t first; /* the number of the first change logged in it */
    uint8_t id[16];
    bool known; /* its record is sound */
} mti_boot;

struct mti_node_store {
    mt_storage_ops ops;
    const mt_env *env;
    const mt_mem *mem;
    mt_kv_ops kv;
    void *kv_ctx;
    mt_kv_host kv_host;
    mt_limits limits;
    uint64_t log_max;
    bool check;           /* all keys, when it is opened */
    size_t small_len_max; /* of a store that is there, what it was made with */

    size_t depth; /* calls into the store that are on the stack */
    bool closed;  /* as soon as `depth` is 0, all goes */
    bool opened;
    uint64_t last_id;
    mti_map asked; /* questions to the engine, by id: the asking */
    size_t live;   /* askings that have not ended */

    mti_decoder decoder;
    mti_piece spare; /* for the next reading */

    mti_log log; /* as it is in the engine */
    mti_boot *boots;
    size_t boot_count, boot_cap;
    uint8_t boot_id[16]; /* of this opening, if `boot_drawn` */
    bool boot_drawn;

    /* Writes happen one after the other: see writing.c. */
    mti_asking *writes, *last_write;
    bool writing;        /* the first of them is under way */
    bool writes_running; /* they are being started, further up the stack */
    mti_plan plan;
    mti_keeper keeper;

    /* Who reads fields of large nodes, and who takes whole nodes apart: see readers.h. */
    size_t readers;
    mti_asking *waiting, *last_waiting; /* readings */
    bool restructuring;                 /* a write that does waits for readers, or is under way */
    uint64_t restructured;              /* counts how often one began or ended */
};

/* Marks that a call into the store is on the stack. After mti_store_leave the store may be gone. */
void mti_store_enter(mti_node_store *store);
void mti_store_leave(mti_node_store *store);

/* ---- The requests ---- */

mt_status mti_store_open(void *ctx, const mt_storage_host *host, uint64_t id);
mt_status mti_store_read(void *ctx, const mt_storage_host *host, uint64_t id,
                         const mt_storage_key *keys, size_t count);
mt_status mti_store_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                         mt_bytes after, size_t limit);
mt_status mti_store_write(void *ctx, const mt_storage_host *host, uint64_t id,
                          const mt_storage_write *write);
mt_status mti_store_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                           const mt_bytes *uids, size_t count);
mt_status mti_store_changes(void *ctx, const mt_storage_host *host, uint64_t id,
                            const mt_cursor *since, size_t limit);
mt_status mti_store_records(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                            mt_bytes after, size_t limit);

mt_status mti_store_fingerprint(void *ctx, const mt_storage_host *host, uint64_t id,
                                const mt_storage_span *spans, size_t count);
mt_status mti_store_items(void *ctx, const mt_storage_host *host, uint64_t id,
                          const mt_storage_span *spans, size_t count);

/* ---- The queue of writes: writing.c ---- */

/* Puts an asking behind all others, and runs what can be run. It goes on once it is the first. */
void mti_writes_add(mti_asking *asking);

/* The first one lets the others go before it; there are some. */
void mti_writes_yield(mti_asking *asking);

/* Ends the first. */
void mti_writes_end(mti_asking *asking, const mt_storage_answer *answer);

/* ---- Boots and cursors: boot.c ---- */

/* Adds a boot, for which mti_boots_reserve made room; forgets the oldest of too many. */
mt_status mti_boots_reserve(mti_node_store *store);
void mti_boots_add(mti_node_store *store, const mti_boot *boot);

/* Where a reader stands that has seen all changes up to `number`. */
mt_cursor mti_cursor_at(const mti_node_store *store, uint64_t number);

/* Whether nothing that a reader at the cursor has not seen was trimmed, and what it has seen is what
 * happened here. */
bool mti_cursor_valid(const mti_node_store *store, const mt_cursor *cursor);

#endif
