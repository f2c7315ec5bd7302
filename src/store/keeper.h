/* store/keeper.h - keeps the fingerprint index beside the records.
 *
 *     write     plan: notes what it does to records -> pending, once it is committed
 *     turn      NONE      there is no index, and nothing is noted
 *               LOAD      the sums of all leaves are read; the leaves stay where they are
 *               RECOVER   whatever the log names behind the watermark is looked at as it is now
 *               BUILD     all records are read
 *               READY     what is pending is taken in; now and then the changed leaves are stored
 *
 * The index that is stored lags behind the records, and nothing is lost by that, since the log says what
 * it lacks: changes up to its watermark are in it. Changes that are noted are states, not differences,
 * so that it does no harm to take in what is there already, or to look at a record that was written again
 * since: that is pending too, and is taken in later.
 *
 * A turn is made by an asking that is the first in the queue of writes, so that nothing is committed
 * meanwhile: by a request, which needs the index, or by a write, where very many changes have come
 * together. It does a bounded amount of work. */
#ifndef MTI_KEEPER_H
#define MTI_KEEPER_H

#include "store/index_record.h"
#include "store/piece.h"

struct mti_node_store;
struct mti_asking;

/* How many keys are looked up at once. */
#define MTI_GET_MAX 128

/* Keys to be looked up, and what each is about. */
typedef struct mti_lookup {
    mt_bytes keys[MTI_GET_MAX];
    size_t about[MTI_GET_MAX];
    size_t count;
    mt_buf text;
} mti_lookup;

/* A large node whose fields are to be looked at. */
typedef struct mti_large_found {
    size_t at; /* its change, in order */
    mti_large large;
} mti_large_found;

typedef struct mti_recovery {
    enum { MTI_RECOVER_LOG, MTI_RECOVER_HEADS, MTI_RECOVER_LARGE, MTI_RECOVER_TAKE } step;
    mti_changes look;     /* what is to be looked at, as if all of it were gone */
    mti_changes found;    /* what it is */
    mti_changes unlogged; /* what goes to the first of `look` */
    uint64_t from, at;    /* the log is taken in up to one, and read up to the other */
    size_t look_at;       /* in its order */
    mti_large_found *large;
    size_t large_at, large_count, large_cap;
    size_t name_at;     /* of a large node, the next field to be looked at; 0: none was */
    mti_key after, end; /* of its fields, if all are; `end` empty: not begun */
} mti_recovery;

typedef struct mti_building {
    enum { MTI_BUILD_CLEAR, MTI_BUILD_NODES, MTI_BUILD_FIELDS, MTI_BUILD_STORE } step;
    mti_leaf_writer writer;
    mt_buf first; /* of the leaf that is being written */
    mti_key node; /* the last that was read */
    mti_large large;
    mti_key after, end; /* of its fields */
    size_t page;
    size_t stored; /* leaves that are */
    uint64_t nodes;
} mti_building;

/* How far leaves that changed are stored. */
typedef struct mti_storing {
    bool runs;
    size_t most;         /* leaves at once, or a few more */
    size_t from, to;     /* those that are being stored */
    size_t put, dropped; /* how many of them are put, and how many that are stored are no more */
    mti_key next;        /* the first key of what comes next */
    uint64_t watermark;  /* as it will be */
    uint64_t lag;        /* changes that are in the leaves then */
    bool marked;         /* since it began, the log did not say something */
} mti_storing;

/* A small node that a plan puts: its print is made while the engine commits. */
typedef struct mti_owed_print {
    const mt_node *node; /* BORROWED from what is written */
    size_t change;       /* of those that are pending */
} mti_owed_print;

typedef enum mti_keeper_state {
    MTI_KEEPER_NONE,
    MTI_KEEPER_LOAD,
    MTI_KEEPER_RECOVER,
    MTI_KEEPER_BUILD,
    MTI_KEEPER_READY
} mti_keeper_state;

typedef struct mti_keeper {
    const mt_mem *mem;
    mti_keeper_state state;
    bool off; /* the store is to have none */
    mti_index index;
    mti_changes pending;
    size_t settled, settled_len; /* how much of it is committed: changes, and bytes of text */
    mti_owed_print *owed;        /* by the plan that is under way */
    size_t owed_count, owed_cap;
    mti_changes dropped; /* leaves that are stored and no more */
    bool in_store;       /* there is a meta record */
    mti_index_meta meta; /* as it is stored */
    uint64_t head;       /* of the log, when the store was opened */
    uint64_t lag;        /* changes since the leaves were stored */
    uint64_t due;        /* so many, and they are stored */
    uint64_t lag_max;    /* an option; 0: none */
    size_t bytes_max;    /* of leaves in memory */
    size_t slice;        /* records to a turn of a request */

    /* The turn. */
    size_t budget; /* records that may still be read */
    bool builds;   /* an index that is not there is made */
    bool stored;   /* leaves were; no more are in this turn */
    bool sorted;   /* the changes that are being taken in */
    mti_index_search search;
    mt_error err;
    mti_lookup get;
    mti_batch batch;
    mti_piece piece;
    enum { MTI_ASKED_STATE, MTI_ASKED_LEAVES, MTI_ASKED_STORE } asked;
    mti_key load_after; /* LOAD */
    mti_recovery recovery;
    mti_building building;
    mti_storing storing;
} mti_keeper;

void mti_keeper_init(mti_keeper *keeper, const mt_mem *mem);
void mti_keeper_free(mti_keeper *keeper);

/* The store is open: a fresh one, or one that has a meta record, or has none. */
void mti_keeper_opened(struct mti_node_store *store, bool fresh, bool in_store, mt_bytes meta);

/* ---- Notes of a plan ---- */

static inline bool mti_keeper_notes(const mti_keeper *keeper)
{
    return keeper->state != MTI_KEEPER_NONE && !keeper->off;
}

/* What a plan does to records. MT_NO_MEMORY. The row is of a large node: its floor. */
mt_status mti_keeper_note_small(mti_keeper *keeper, const mt_node *node);
mt_status mti_keeper_note_large(mti_keeper *keeper, const mt_row *row);
mt_status mti_keeper_note_field(mti_keeper *keeper, mt_bytes uid, const mt_field *field);
mt_status mti_keeper_note_no_field(mti_keeper *keeper, mt_bytes uid, mt_bytes name);
mt_status mti_keeper_note_no_fields(mti_keeper *keeper, mt_bytes uid);
mt_status mti_keeper_note_no_node(mti_keeper *keeper, mt_bytes uid);

/* Adds a mark to a plan: the log does not say all that it does to this node. MT_NO_MEMORY. */
mt_status mti_keeper_mark(mti_keeper *keeper, mti_batch *batch, mt_bytes uid);

/* Makes the prints of small nodes that were noted: once the plan is with the engine, so that neither waits
 * for the other. */
void mti_keeper_make_prints(mti_keeper *keeper);

/* The plan is committed; it is not. */
void mti_keeper_settle(mti_keeper *keeper);
void mti_keeper_undo(mti_keeper *keeper);

/* ---- Turns ---- */

typedef enum mti_keeping {
    MTI_KEEPING_WAITS, /* the engine was asked */
    MTI_KEEPING_DONE,  /* the index has all that was committed; of a write: as much as it needs */
    MTI_KEEPING_FAILED /* `err` says why; MT_AGAIN: another turn is needed */
} mti_keeping;

/* Whether the index has all that was committed, without a turn. */
static inline bool mti_keeper_current(const mti_keeper *keeper)
{
    return keeper->state == MTI_KEEPER_READY && keeper->settled == 0;
}

/* Whether a write is to make a turn before it is planned. */
bool mti_keeper_wanted(const mti_keeper *keeper);

/* Begins a turn, of a request or of a write; only then call the others. */
void mti_keeper_begin(mti_keeper *keeper, bool request);

/* Goes on: from `go` of the asking that makes the turn; and takes what the engine answers. */
mti_keeping mti_keeper_go(struct mti_asking *asking);
void mti_keeper_take(struct mti_asking *asking, const mt_kv_answer *answer);

/* Wants a leaf in memory, in ascending order; false: no more go into one question. Then asks for them.
 * If one is damaged, the state is READY no more. */
bool mti_keeper_want(mti_keeper *keeper, size_t leaf);
bool mti_keeper_wants(const mti_keeper *keeper);
void mti_keeper_ask_leaves(struct mti_asking *asking);

/* Drops leaves from memory if they are too many. */
void mti_keeper_trim(mti_keeper *keeper);

/* ---- Within turns: each file its state ---- */

/* Go on with a state; true: the engine was asked. */
bool mti_keeper_load_go(struct mti_asking *asking);
bool mti_keeper_recover_go(struct mti_asking *asking);
bool mti_keeper_build_go(struct mti_asking *asking);
void mti_keeper_load_take(mti_keeper *keeper, const mt_kv_answer *answer);
void mti_keeper_recover_take(struct mti_asking *asking, const mt_kv_answer *answer);
void mti_keeper_build_take(struct mti_asking *asking, const mt_kv_answer *answer);

/* Take what was committed: the leaves are stored. */
void mti_keeper_build_stored(mti_keeper *keeper);

/* Whether leaves that changed are to be stored; stores some of them; takes what was committed; or leaves
 * them as they are until there are more. */
static inline bool mti_keeper_is_due(const mti_keeper *keeper)
{
    return keeper->storing.runs || keeper->lag >= keeper->due;
}
bool mti_keeper_store_go(struct mti_asking *asking);
void mti_keeper_stored(struct mti_node_store *store);
void mti_keeper_store_later(mti_keeper *keeper);

/* How many changes are to come together before. */
uint64_t mti_keeper_lag_max(const mti_keeper *keeper);

void mti_keeper_recover_begin(mti_keeper *keeper);
void mti_keeper_recover_again(mti_keeper *keeper); /* looks anew at what it was looking at */
void mti_keeper_build_begin(mti_keeper *keeper);

/* The index is of no use: forgets it. */
void mti_keeper_drop(mti_keeper *keeper);

/* Fails the turn. */
void mti_keeper_fail(mti_keeper *keeper, mt_status status, const char *text);
void mti_keeper_no_memory(mti_keeper *keeper);

/* How many records to ask for at once, where `most` would do; and takes what came from the budget. */
size_t mti_keeper_page(const mti_keeper *keeper, size_t most);
void mti_keeper_spend(mti_keeper *keeper, size_t count);

/* Takes sorted changes into the index, and forgets them; true: leaves were asked for first. */
bool mti_keeper_apply(struct mti_asking *asking, mti_changes *changes);

/* Keys to be looked up: begins with none; adds one, which has to fit; asks for them. False: no
 * memory. */
bool mti_lookup_begin(mti_lookup *get);
void mti_lookup_add(mti_lookup *get, uint8_t tag, mt_bytes rest, size_t about);

/* What a record says. MT_NOT_FOUND: nothing, as it is damaged. MT_NO_MEMORY. Of a large node, what is in
 * `large` is BORROWED from its record. */
mt_status mti_keeper_read_node(struct mti_node_store *store, mt_bytes key, mt_bytes value,
                               mti_print *print, bool *is_large, mti_large *large);
mt_status mti_keeper_read_field(struct mti_node_store *store, mt_bytes uid, mti_large *large,
                                mt_bytes name, mt_bytes value, mti_print *print);

#endif
