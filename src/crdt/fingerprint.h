/* crdt/fingerprint.h - what a node says, as a number that can be added up.
 *
 * Each field, delete marker and floor has a hash of 128 bits of exactly what the merge rule orders. The
 * fingerprint of a node is the sum of those of its fields, modulo 2^128, and that of a range the sum of
 * its nodes', so that a change costs no more than what changed. The living and the deleted are added up
 * apart, so that replicas that will forget deletes at different times can be compared without them. Today
 * both count.
 *
 *     hash      SipHash-2-4-128 with the key of the space over
 *               uid length: byte | uid | zero bytes to a multiple of 8      a node's, once
 *               state and kind << 56: 8 bytes, the lowest first
 *               name length: byte | name | value
 *     kind      0 to 6 as mt_value_kind; 7 a delete marker; 8 a floor, whose name length is 255
 *     value     boolean: a byte; number, integer: 8 bytes; string, bytes, edge: as it is
 *
 * Who knows the key can make up fields whose sum is that of others (David Wagner, "A Generalized Birthday
 * Problem", 2002), so that two honest peers would not see that they differ. So a sum is never the last
 * word on who may write what; it only decides what is worth looking at. */
#ifndef MTI_FINGERPRINT_H
#define MTI_FINGERPRINT_H

#include "base/siphash.h"

#include <mytosis/node.h>
#include <mytosis/plugin/storage.h>

/* The suite: how hashes are made, and added. */
#define MTI_FINGERPRINT_SUITE 1

/* The key of the space. There are no spaces yet, and it is zero. */
extern const mti_sipkey mti_space_key;

static inline void mti_sum_add(mt_sum *sum, const mt_sum *other)
{
    sum->lo += other->lo;
    sum->hi += other->hi + (sum->lo < other->lo);
}

static inline void mti_sum_subtract(mt_sum *sum, const mt_sum *other)
{
    sum->hi -= other->hi + (sum->lo < other->lo);
    sum->lo -= other->lo;
}

static inline bool mti_sum_equal(const mt_sum *a, const mt_sum *b)
{
    return a->lo == b->lo && a->hi == b->hi;
}

/* What is added up of a node, or of a part of one. */
typedef struct mti_print {
    mt_sum living, deleted;
    uint64_t state_max; /* the highest state of a field, marker or floor */
} mti_print;

/* Adds the fields of a row, and its floor if `floor`: the rows of one node all have the same. */
void mti_print_add_row(mti_print *print, const mti_sipkey *key, const mt_row *row, bool floor);

/* The whole node, whose parts are all in memory. */
mti_print mti_print_node(const mti_sipkey *key, const mt_node *node);

#endif
