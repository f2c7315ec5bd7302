/* sync/cells.h - a coded table: what differs between two sets, in bytes for what differs alone.
 *
 * An element is a key and a value. Each goes into a few cells of the table, chosen by its key, and a
 * cell is two sums modulo p = 2^61 - 1:
 *
 *     cell    s0 = v1 + v2 + ...    s1 = g1 v1 + g2 v2 + ...    g: the key, 40 bits, and 20 of its hash
 *
 * Tables of the same seed and count are subtracted cell by cell: what both sets have alike is gone, a
 * key that is on one side leaves its value, or minus it, and a key on both sides the difference of
 * its values. A cell with one of these left is pure: s1 / s0 is its g, and s0 what it left. That is taken
 * out of its other cells, which makes more of them pure, until all are empty: decoded. If no cell is
 * pure before that, too much differs: stuck.
 *
 * D. Eppstein and M. Goodrich, Straggler identification in round-trip data streams via Newton's
 * identities and invertible Bloom filters (2007, 2011); M. Goodrich and M. Mitzenmacher, Invertible Bloom
 * lookup tables (2011). The cells are those of S. Ganguly, Counting distinct items over update streams
 * (2007): two words find one element. The bits of the hash are there since values are often alike: of
 * two elements with the same one, s1 / s0 is the mean, and that of two keys is often one, too. So
 * several elements are taken for one once in 2^21 times, and seldom in a cell that this one has.
 * Elements in few cells beside some in many: M. Rink, Mixed hypergraphs for linear-time construction
 * of denser hash-based data structures (2013).
 *
 * Keys are hashes under a key that is new in each session: whoever can choose them can make sets that
 * do not decode. */
#ifndef MTI_CELLS_H
#define MTI_CELLS_H

#include "base/bytes.h"
#include "sync/field61.h"

#define MTI_CELLS_MIN 4u
#define MTI_CELLS_MAX (1u << 20)

/* Keys are from 1 to before this, values from 1 to MTI_F61_PRIME - 1. */
#define MTI_CELLS_KEY_END (UINT64_C(1) << 40)

/* Bytes of a cell where it is stored or sent: two words, lowest byte first. */
#define MTI_CELL_LEN 16u

typedef struct mti_coded {
    uint64_t key;
    uint64_t value; /* in a difference ours minus theirs, modulo p, where who lacks the key has 0 */
} mti_coded;

typedef struct mti_coded_cell {
    uint64_t s0, s1; /* at most 2^61 + 6, so not always reduced */
} mti_coded_cell;

typedef struct mti_cells {
    const mt_mem *mem;
    uint64_t seed;
    mti_coded_cell *cells;
    size_t count;
} mti_cells;

typedef struct mti_difference {
    const mt_mem *mem;
    mti_coded *items; /* in no order that means anything, but the same for the same table */
    size_t count, cap;
} mti_difference;

/* How many cells decode so many differing keys, at least 99 times in 100. It may be more than
 * MTI_CELLS_MAX. */
size_t mti_cells_count_for(size_t differing);

/* An empty table; `mem` is BORROWED until it is freed. MT_INVALID: `count` is not from MTI_CELLS_MIN to
 * MTI_CELLS_MAX. MT_NO_MEMORY. */
mt_status mti_cells_new(const mt_mem *mem, size_t count, uint64_t seed, mti_cells *out);

/* Takes one that is all zero, too. */
void mti_cells_free(mti_cells *cells);

/* Adds elements: faster, the more at once, up to some dozens. Keys and values are as said above. */
void mti_cells_add(mti_cells *cells, const mti_coded *elements, size_t count);

/* Subtracts a table of the same count and seed. */
void mti_cells_subtract(mti_cells *cells, const mti_cells *other);

/* Takes out of a difference of tables whatever can be found. `*out` is OWNED by the caller, unless out of
 * memory, when nothing has changed. Each key is in it once.
 *
 * MT_OK: it is all of the difference, and the table is empty. MT_AGAIN: it is stuck: what was found is
 * right, and the table holds the rest. With tables that are what they should be, one decoding in 2^17
 * or so takes a cell for pure that is not, and then ends as stuck, with an item or more that no one
 * has. A table from a peer may hold anything: then so may the items, and whatever it holds costs no
 * more than a table that decodes to as many items as it has cells. */
mt_status mti_cells_decode(mti_cells *cells, mti_difference *out);

/* About how many elements a stuck table still holds; 2 for each cell means so many or more. */
size_t mti_cells_left(const mti_cells *cells);

void mti_difference_free(mti_difference *difference);

/* Writes count * MTI_CELL_LEN bytes. */
void mti_cells_put(const mti_cells *cells, uint8_t *out);

/* Fills a table with what another wrote. MT_MALFORMED: not the length of so many cells, or a word is
 * not less than p; the table is as it was. */
mt_status mti_cells_get(mti_cells *cells, mt_bytes in);

#endif
