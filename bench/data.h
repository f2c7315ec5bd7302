/* bench/data.h - the nodes that the figures are about: `user/000000` ... with five fields each.
 *
 * `name` 12 and `bio` 40 letters drawn uniformly from 32, `age` 0 to 99, `active`, `friend` an
 * edge to a random node. Everything comes from one seed. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <mytosis/graph.h>

#define NODES 200000u
#define FIELDS 5u
#define UID_LEN 11u
#define BATCH 1000u /* rows to a patch */

enum { ACTIVE, AGE, BIO, FRIEND, NAME };

typedef struct bench_rng {
    uint64_t state;
} bench_rng;

uint32_t bench_random(bench_rng *rng, uint32_t below);

/* One node's values, where rows can borrow them. */
typedef struct bench_node {
    char uid[UID_LEN + 1];
    char friend_uid[UID_LEN + 1];
    char name[12];
    char bio[40];
    bool active;
    double age;
} bench_node;

void bench_node_fill(bench_node *node, uint32_t index, bench_rng *rng);

/* The field `which` of a node, with the state 0. */
mt_field bench_field(const bench_node *node, unsigned which);

/* Nodes with their fields and rows, ready to be written. */
typedef struct bench_set {
    bench_node *nodes;
    mt_field *fields;
    mt_row *rows;
    size_t count;
} bench_set;

/* `state` goes into the fields; `seed` decides on the values. Exits on lack of memory. */
bench_set bench_set_new(size_t count, uint64_t seed, uint64_t state);
void bench_set_free(bench_set *set);

#endif
