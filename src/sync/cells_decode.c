/* sync/cells_decode.c - finding what a difference of tables holds.
 *
 * The first pass looks at all cells, and then at those of each item that was found, in turn, since
 * these changed. Cells are gathered until there is a batch, or nothing else to do, and are divided
 * together, by P. Montgomery's trick: one inverse for all.
 *
 * A cell that an item was found in is spent: it held nothing else, so nothing that is still to be
 * found is in it. A key whose cells include a spent one is passed over: so no key is found twice, and
 * no table gives more items than it has cells. */
#include "sync/cells.h"
#include "sync/cells_place.h"

#define SPENT UINT64_MAX

#define BATCH 128u

typedef struct decoder {
    mti_cells *cells;
    mti_difference *out; /* room for as many items as there are cells */
    uint32_t batch[BATCH];
    size_t batch_count;
} decoder;

/* Whether a key has one of its cells there, and none where an item was found. */
static bool may_be_at(const mti_cells *cells, const mti_places *p, uint32_t at)
{
    bool here = false;

    for (uint32_t i = 0; i < p->count; i++) {
        if (cells->cells[p->at[i]].s0 == SPENT) return false;
        if (p->at[i] == at) here = true;
    }
    return here;
}

static void subtract_at(mti_coded_cell *cell, uint64_t value, uint64_t product)
{
    cell->s0 = mti_f61_sub(mti_f61_reduce(cell->s0), value);
    cell->s1 = mti_f61_sub(mti_f61_reduce(cell->s1), product);
}

/* Takes the only element of a cell out, if its key goes by `name`. The cell may have changed since that
 * was computed. */
static void take_out(decoder *d, uint32_t at, uint64_t name)
{
    mti_coded_cell *cell = &d->cells->cells[at];
    uint64_t key = name >> MTI_PLACES_CHECK_LEN, value, product;
    mti_places p;

    if (key == 0 || key >= MTI_CELLS_KEY_END || cell->s0 == SPENT) return;
    value = mti_f61_reduce(cell->s0);
    product = mti_f61_mul(name, value);
    if (value == 0 || product != mti_f61_reduce(cell->s1)) return;
    mti_places_of(key, d->cells->seed, d->cells->count, &p);
    if (p.name != name || !may_be_at(d->cells, &p, at)) return;
    for (uint32_t i = 0; i < p.count; i++) subtract_at(&d->cells->cells[p.at[i]], value, product);
    *cell = (mti_coded_cell){SPENT, SPENT};
    d->out->items[d->out->count++] = (mti_coded){key, value};
}

/* Divides s1 by s0 in each cell of the batch, whose s0 are not 0. */
static void batch_end(decoder *d)
{
    uint64_t s0[BATCH], before[BATCH]; /* the product of all s0 before it */
    uint64_t names[BATCH], product = 1, inverse;
    size_t count = d->batch_count;

    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        s0[i] = mti_f61_reduce(d->cells->cells[d->batch[i]].s0);
        before[i] = product;
        product = mti_f61_mul(product, s0[i]);
    }
    inverse = mti_f61_inverse(product);
    for (size_t i = count; i-- > 0;) {
        uint64_t s1 = mti_f61_reduce(d->cells->cells[d->batch[i]].s1);
        names[i] = mti_f61_mul(s1, mti_f61_mul(inverse, before[i]));
        inverse = mti_f61_mul(inverse, s0[i]);
    }
    d->batch_count = 0;
    for (size_t i = 0; i < count; i++) take_out(d, d->batch[i], names[i]);
}

static void look_at(decoder *d, uint32_t at)
{
    uint64_t s0 = d->cells->cells[at].s0;

    if (s0 == SPENT || mti_f61_reduce(s0) == 0) return;
    d->batch[d->batch_count++] = at;
    if (d->batch_count == BATCH) batch_end(d);
}

static void decode(decoder *d)
{
    for (uint32_t i = 0; i < d->cells->count; i++) look_at(d, i);
    batch_end(d);
    for (size_t done = 0; done < d->out->count;) {
        mti_places p;

        mti_places_of(d->out->items[done++].key, d->cells->seed, d->cells->count, &p);
        for (uint32_t i = 0; i < p.count; i++) look_at(d, p.at[i]);
        if (done == d->out->count) batch_end(d);
    }
}

/* Spent cells are empty. Answers whether all are. */
static bool cells_settle(mti_cells *cells)
{
    uint64_t any = 0;

    for (size_t i = 0; i < cells->count; i++) {
        mti_coded_cell *cell = &cells->cells[i];
        if (cell->s0 == SPENT) *cell = (mti_coded_cell){0, 0};
        any |= mti_f61_reduce(cell->s0) | mti_f61_reduce(cell->s1);
    }
    return any == 0;
}

mt_status mti_cells_decode(mti_cells *cells, mti_difference *out)
{
    decoder d = {.cells = cells, .out = out};

    *out = (mti_difference){.mem = cells->mem, .cap = cells->count};
    out->items = mti_mem_alloc(out->mem, out->cap * sizeof *out->items);
    if (!out->items) {
        out->cap = 0;
        return MT_NO_MEMORY;
    }
    decode(&d);
    return cells_settle(cells) ? MT_OK : MT_AGAIN;
}

void mti_difference_free(mti_difference *difference)
{
    if (!difference->items) return;
    mti_mem_free(difference->mem, difference->items, difference->cap * sizeof *difference->items);
    memset(difference, 0, sizeof *difference);
}

/* How many elements a table of 100 cells holds if so many sixteenths of them are not empty and none can
 * be found: a cell's share of those left is 0 or 2 and more, as Poisson has it. Where fewer than 2 for
 * each cell are left, the answer was 0.98 to 1.25 times as many. */
static const uint8_t left_of_100[17] = {0,  4,  8,  13, 17, 22, 28,  33, 39,
                                        45, 52, 58, 66, 75, 87, 107, 200};

size_t mti_cells_left(const mti_cells *cells)
{
    size_t held = 0, sixteenth, rest, low, high;

    for (size_t i = 0; i < cells->count; i++)
        held += (mti_f61_reduce(cells->cells[i].s0) | mti_f61_reduce(cells->cells[i].s1)) != 0;
    if (held == cells->count) return 2 * held;
    sixteenth = 16 * held / cells->count;
    rest = 16 * held % cells->count;
    low = left_of_100[sixteenth] * cells->count;
    high = left_of_100[sixteenth + 1] * rest - left_of_100[sixteenth] * rest;
    return (low + high + 99) / 100;
}
