/* bench/raw_lmdb.h - the records of a durable database, put into LMDB by nothing but LMDB: what the
 * figures of stores are held against.
 *
 * Of each node there are two: the record that the node store makes of it, and an entry of the sequence
 * log. They are encoded before any clock runs, and each commit is waited for until it is on the disk. */
#ifndef BENCH_RAW_LMDB_H
#define BENCH_RAW_LMDB_H

#include "data.h"

/* What is put. `set` is BORROWED. */
typedef struct raw_records {
    const bench_set *set;
    mt_buf frames; /* the record of each node, one after the other */
    size_t *frame_at;
} raw_records;

raw_records raw_records_new(const bench_set *set);
void raw_records_free(raw_records *records);

/* Writes the first `count` nodes into a new store at `path`, in `commits` transactions of one size, or
 * nearly. `log`: with the entries of the log; else the nodes alone. Nodes per second. */
double raw_lmdb_write(const char *path, const raw_records *records, size_t count, size_t commits,
                      bool log);

/* Opens what was written of a whole set, and reads `count` random nodes in one transaction, each from
 * the root. Reads per second. */
double raw_lmdb_read(const char *path, const bench_set *set, size_t count, uint64_t seed);

/* How many transactions have changed a store, written here or by a database, since it was made. Nobody
 * may have it open. */
size_t raw_lmdb_commits(const char *path);

#endif
