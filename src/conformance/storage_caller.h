/* conformance/storage_caller.h - a host of a storage that trusts nothing.
 *
 * It keeps a list of what was asked, and beside it the graph that was written. Each answer must be of a
 * request on the list, and of the form that its kind has; what the storage borrowed is spoiled the moment
 * it should have let go of it. */
#ifndef MTI_STORAGE_CALLER_H
#define MTI_STORAGE_CALLER_H

#include "conformance/trial.h"

#include <mytosis/graph.h>

typedef enum mti_storage_kind {
    MTI_STORAGE_OPEN,
    MTI_STORAGE_READ,
    MTI_STORAGE_WRITE,
    MTI_STORAGE_REMOVE,
    MTI_STORAGE_LIST,
    MTI_STORAGE_CHANGES,
    MTI_STORAGE_RECORDS,
    MTI_STORAGE_FINGERPRINT,
    MTI_STORAGE_ITEMS
} mti_storage_kind;

typedef struct mti_storage_request mti_storage_request;

/* Hears the last piece of an answer that is well formed, MT_OK or not. What earlier pieces said is in
 * the request. */
typedef void (*mti_storage_hear)(void *arg, const mti_storage_request *request,
                                 const mt_storage_answer *answer);

/* Hears a piece of changes, records, prints or items. */
typedef void (*mti_storage_piece)(void *arg, const mt_storage_answer *answer);

/* What the request has been told of nodes so far. */
typedef struct mti_storage_told {
    mt_graph *graph; /* all rows, merged */
    size_t nodes;
    bool within; /* the last row goes on */
    bool partial;
    uint64_t floor, state_max; /* of the last node */
    uint64_t seen;             /* its floor or highest state, of what came */
    size_t uid_len, name_len;  /* its uid, and the last name */
    uint8_t uid[MT_UID_LEN_MAX], name[MT_NAME_LEN_MAX];
} mti_storage_told;

struct mti_storage_request {
    mti_storage_request *next;
    size_t size; /* of the request and all behind it */
    uint64_t id;
    mti_storage_kind kind;
    const mt_storage_key *keys; /* read */
    mt_storage_span *spans;     /* fingerprint, items */
    size_t count;
    mt_bytes prefix, after; /* list, records */
    mt_cursor since;        /* changes */
    uint64_t last_number;   /* changes: of the last that came */
    size_t limit;
    size_t items; /* changes, records or items so far */
    mt_storage_write write;
    mt_storage_commit commit;
    mt_delta *delta; /* held for the write */
    mti_storage_told told;
    mti_storage_piece piece;
    mti_storage_hear hear;
    void *arg;
    uint64_t note; /* the asker's own */
};

typedef struct mti_storage_caller {
    mti_trial *trial;
    const mt_conformance_storage *subject;
    mt_storage storage;
    mt_storage_ops ops; /* as much of the table as there is */
    mt_storage_host host;
    uint64_t last_id;
    mti_storage_request *under_way;
    mt_graph *graph;      /* what was written */
    mt_storage_info info; /* when it was opened */
    mt_cursor head;       /* the last that was told */
} mti_storage_caller;

/* Makes and opens the subject's storage, and forgets what was written if it is a fresh one. False: that
 * did not work, which is a violation. */
bool mti_storage_caller_open(mti_storage_caller *c, bool fresh);

/* Waits for what is under way, closes the storage and sees that it is silent. One that is not open is
 * accepted. */
void mti_storage_caller_close(mti_storage_caller *c);

/* Frees the graph. */
void mti_storage_caller_end(mti_storage_caller *c);

/* ---- Requests; all is COPIED. `hear` may be NULL: then a failure is a violation ---- */

void mti_storage_read(mti_storage_caller *c, const mt_storage_key *keys, size_t count,
                      uint64_t note, mti_storage_hear hear, void *arg);
void mti_storage_list(mti_storage_caller *c, mt_bytes prefix, mt_bytes after, size_t limit,
                      uint64_t note, mti_storage_hear hear, void *arg);
void mti_storage_remove(mti_storage_caller *c, const mt_bytes *uids, size_t count,
                        mti_storage_hear hear, void *arg);
void mti_storage_changes(mti_storage_caller *c, const mt_cursor *since, size_t limit,
                         mti_storage_piece piece, mti_storage_hear hear, void *arg);
void mti_storage_records(mti_storage_caller *c, mt_bytes prefix, mt_bytes after, size_t limit,
                         mti_storage_piece piece, mti_storage_hear hear, void *arg);

/* Prints or items. */
void mti_storage_spans(mti_storage_caller *c, mti_storage_kind kind, const mt_storage_span *spans,
                       size_t count, uint64_t note, mti_storage_piece piece, mti_storage_hear hear,
                       void *arg);

/* Writes a commit and a record, each of which may be missing. `delta` is MOVED. */
typedef struct mti_storage_order {
    mt_delta *delta;
    const char *origin; /* NULL: none */
    bool whole;
    const char *key;   /* of the record; NULL: none */
    const char *value; /* NULL: it is deleted */
    uint64_t clock;
    uint8_t clock_mode;
} mti_storage_order;

void mti_storage_write(mti_storage_caller *c, const mti_storage_order *order, uint64_t note,
                       mti_storage_hear hear, void *arg);

/* Turns until nothing is under way. */
void mti_storage_await(mti_storage_caller *c);

/* One turn of the loop. False: nothing will ever come. */
bool mti_storage_turn(mti_storage_caller *c);

/* A violation, unless the status is MT_OK. */
void mti_storage_need_ok(mti_storage_caller *c, const mti_storage_request *request,
                         const mt_storage_answer *answer);

/* ---- In the text of graphs (mytosis/json.h) ---- */

/* Merges a graph into the one that was written, and writes what that changed. Does not wait. */
void mti_storage_merge(mti_storage_caller *c, const char *json);
void mti_storage_merge_from(mti_storage_caller *c, const char *json, const char *origin);

/* Merges rows. NULL: the trial is broken. OWNED. */
mt_delta *mti_storage_merge_rows(mti_storage_caller *c, const mt_row *rows, size_t count);

/* Expects that prints and items of spans are of what was written, if there are any. Waits:
 * storage_prints.c. */
void mti_storage_expect_prints(mti_storage_caller *c, const mt_storage_span *spans, size_t count);

/* Expects that all nodes that were written are read as they are, each by itself and all together, listed
 * if there are lists, and added up if there are fingerprints. Waits. */
void mti_storage_expect_all(mti_storage_caller *c);

/* Expects that there is no such node. Waits. */
void mti_storage_expect_none(mti_storage_caller *c, mt_bytes uid);

/* Holds that a graph has just the nodes of another, in whatever order they came. */
void mti_storage_same(mti_storage_caller *c, const char *what, const mt_graph *found,
                      const mt_graph *expected);

/* An empty graph; NULL: the trial is broken. OWNED. */
mt_graph *mti_storage_graph(mti_storage_caller *c);

#endif
