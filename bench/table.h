/* bench/table.h - the reference: a plain hash table of nodes, which does the same writes and
 * nothing else.
 *
 * It keeps no order, checks nothing, makes no deltas, and cannot be cloned, merged with another
 * that has other fields, or run out of memory. It says how fast the machine is just now. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "data.h"

typedef struct table table;

table *table_new(void);
void table_free(table *t);

/* Writes the fields that win: a higher state, or an equal one and greater bytes. */
void table_merge(table *t, const mt_row *row);

/* Writes one field at its state + 1. Answers that state. */
uint64_t table_set(table *t, mt_bytes uid, const mt_field *field);

size_t table_count(const table *t);

/* Bytes that the table holds. */
size_t table_memory(const table *t);

#endif
