/* bench/peers/peers.h - one input, and what each subject in C does with it.
 *
 * A subject is what is measured: mytosis, raw LMDB, raw SQLite. Those in JavaScript are in *.mjs, and do the
 * same in the same order (harness.mjs). What a subject has no way to do is NULL here, and a dash in the table. */
#ifndef PEERS_H
#define PEERS_H

#include <mytosis/bytes.h>

/* ---- The input: peers/run writes it ---- */

typedef struct peers_edit {
    uint32_t node, field;
    mt_bytes value; /* empty in a read */
} peers_edit;

typedef struct peers_edits {
    peers_edit *at;
    size_t count;
} peers_edits;

/* Which edits: single fields that change, that are read, and what either of two replicas changes on its own. */
enum { PEERS_UPDATES, PEERS_READS, PEERS_HERE, PEERS_THERE, PEERS_LISTS };

typedef struct peers_input {
    char *text; /* all that is below borrows from it */
    mt_bytes *names;
    size_t name_count;
    mt_bytes *uids;   /* in order */
    mt_bytes *values; /* `name_count` of each node */
    size_t count;
    peers_edits lists[PEERS_LISTS];
} peers_input;

/* Ends the program where the file is not one of ours. */
peers_input peers_input_read(const char *path);

/* The first nodes alone, with the edits of them; borrows from `in`. Free it first. */
peers_input peers_input_part(const peers_input *in, size_t count);
void peers_input_free(peers_input *in);

/* ---- The state of a replica in one number ----
 *
 * The sum of the CRC-32 of each field's "uid TAB name TAB value", and how many fields there are: the same for
 * all subjects whatever order they keep. */

typedef struct peers_digest {
    uint64_t sum;
    size_t count;
} peers_digest;

void peers_digest_add(peers_digest *digest, mt_bytes uid, mt_bytes name, mt_bytes value);

/* ---- A subject ---- */

#define PEERS_BATCH 1000u /* nodes to a commit that writes many */
#define PEERS_EDITS 10u   /* edits to a commit of two replicas apart */

typedef struct peers_ops {
    /* A replica at `path`, made if it is not there; one in memory may put aside there what it must. */
    void *(*open)(const char *path);
    void (*close)(void *replica);
    /* Nodes, and single fields, in one commit. */
    void (*write)(void *replica, const peers_input *in, size_t first, size_t count);
    void (*edit)(void *replica, const peers_input *in, const peers_edit *edits, size_t count);
    /* BORROWED until the next call. */
    mt_bytes (*read)(void *replica, mt_bytes uid, mt_bytes name);
    void (*each)(void *replica, peers_digest *digest);
    /* The whole state as bytes, and a replica of it; `bytes` stays as it is. NULL: has none. */
    void (*encode)(void *replica, mt_buf *out);
    void *(*load)(mt_bytes bytes);
} peers_ops;

/* What became of two replicas apart when they met. */
typedef struct peers_meeting {
    double seconds;
    uint64_t bytes; /* both ways */
    peers_digest here, there;
} peers_meeting;

typedef struct peers_subject {
    const char *name;
    const char *(*version)(void);
    const peers_ops *memory, *store;
    void (*meet)(const peers_input *in, peers_meeting *meeting); /* NULL: has no merge */
} peers_subject;

extern const peers_subject peers_mytosis, peers_lmdb, peers_sqlite;

#endif
