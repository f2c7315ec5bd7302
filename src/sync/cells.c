#include "sync/cells.h"

#include "base/assert.h"
#include "sync/cells_place.h"

mt_status mti_cells_new(const mt_mem *mem, size_t count, uint64_t seed, mti_cells *out)
{
    mti_coded_cell *cells;

    if (count < MTI_CELLS_MIN || count > MTI_CELLS_MAX) return MT_INVALID;
    if (!(cells = mti_mem_alloc(mem, count * sizeof *cells))) return MT_NO_MEMORY;
    memset(cells, 0, count * sizeof *cells);
    *out = (mti_cells){mem, seed, cells, count};
    return MT_OK;
}

void mti_cells_free(mti_cells *cells)
{
    if (!cells->cells) return;
    mti_mem_free(cells->mem, cells->cells, cells->count * sizeof *cells->cells);
    memset(cells, 0, sizeof *cells);
}

/* ---- Sums ----
 *
 * A processor that reads a cell before it knows where an earlier write goes has to start again if that
 * was the same cell, as it often is in a small table. So the places of a run of elements are drawn
 * first, which takes 8 to 10 ns for each in place of 10 to 17. Those in many cells are gathered apart,
 * without a branch that no one can predict. */

#define RUN 32u

typedef struct in_few {
    mti_coded_cell what; /* to add to each */
    uint32_t at[MTI_PLACES_FEW];
} in_few;

typedef struct in_many {
    mti_coded_cell what;
    uint64_t bits;
} in_many;

typedef struct run {
    in_few few[RUN + 1]; /* one past those that there are is written to */
    in_many many[RUN + 1];
    size_t few_count, many_count;
} run;

static void run_draw(run *r, const mti_cells *cells, const mti_coded *elements, size_t count)
{
    r->few_count = r->many_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t key = elements[i].key, value = elements[i].value;
        uint64_t bits = mti_places_bits(key, cells->seed);
        uint64_t product = mti_f61_mul_loose(mti_places_name(key, bits), value);
        bool is_many = mti_places_are_many(bits, cells->count);
        in_few *few = &r->few[r->few_count];
        in_many *many = &r->many[r->many_count];

        few->what.s0 = many->what.s0 = value;
        few->what.s1 = many->what.s1 = product;
        many->bits = bits;
        mti_places_few(bits, cells->count, few->at);
        r->few_count += !is_many;
        r->many_count += is_many;
    }
}

static inline void add_to(mti_coded_cell *cell, mti_coded_cell what)
{
    cell->s0 = mti_f61_fold(cell->s0 + what.s0);
    cell->s1 = mti_f61_fold(cell->s1 + what.s1);
}

static void run_add(const run *r, const mti_cells *cells)
{
    bool four = mti_places_few_count(cells->count) == 4;
    uint32_t at[MTI_PLACES_MANY];

    for (size_t i = 0; i < r->few_count; i++) {
        const in_few *few = &r->few[i];

        add_to(&cells->cells[few->at[0]], few->what);
        add_to(&cells->cells[few->at[1]], few->what);
        add_to(&cells->cells[few->at[2]], few->what);
        if (four) add_to(&cells->cells[few->at[3]], few->what);
    }
    for (size_t i = 0; i < r->many_count; i++) {
        mti_places_many(r->many[i].bits, cells->count, at);
        for (size_t k = 0; k < MTI_PLACES_MANY; k++) add_to(&cells->cells[at[k]], r->many[i].what);
    }
}

void mti_cells_add(mti_cells *cells, const mti_coded *elements, size_t count)
{
    run r;

    while (count > 0) {
        size_t len = count < RUN ? count : RUN;

        run_draw(&r, cells, elements, len);
        run_add(&r, cells);
        elements += len;
        count -= len;
    }
}

void mti_cells_subtract(mti_cells *cells, const mti_cells *other)
{
    mti_assert(cells->count == other->count && cells->seed == other->seed);
    for (size_t i = 0; i < cells->count; i++) {
        mti_coded_cell *a = &cells->cells[i], b = other->cells[i];
        a->s0 = mti_f61_sub(mti_f61_reduce(a->s0), mti_f61_reduce(b.s0));
        a->s1 = mti_f61_sub(mti_f61_reduce(a->s1), mti_f61_reduce(b.s1));
    }
}

/* ---- Stored or sent ---- */

void mti_cells_put(const mti_cells *cells, uint8_t *out)
{
    for (size_t i = 0; i < cells->count; i++, out += MTI_CELL_LEN) {
        mti_store_le64(mti_f61_reduce(cells->cells[i].s0), out);
        mti_store_le64(mti_f61_reduce(cells->cells[i].s1), out + 8);
    }
}

mt_status mti_cells_get(mti_cells *cells, mt_bytes in)
{
    if (in.len != cells->count * MTI_CELL_LEN) return MT_MALFORMED;
    for (size_t i = 0; i < in.len; i += 8)
        if (mti_load_le64(in.data + i) >= MTI_F61_PRIME) return MT_MALFORMED;
    for (size_t i = 0; i < cells->count; i++) {
        const uint8_t *at = in.data + i * MTI_CELL_LEN;
        cells->cells[i] = (mti_coded_cell){mti_load_le64(at), mti_load_le64(at + 8)};
    }
    return MT_OK;
}

/* ---- How many cells ----
 *
 * Measured by bench/cells_bench over 20,000 tables each, and 3,000 from 500 on:
 *
 *     differ        2     3     5    10    20    50   100   200   500  1000  3000  10000
 *     cells        10    13    17    26    41    83   155   272   621  1190  3450  11270
 *     bytes each   80    69    54    42    33    27    25    22    20    19    18     18
 *     fail, %    0.48  0.48  0.69  0.57  0.57  0.45  0.85  0.66  0.80  0.77  0.60   0.40
 *
 * The next table of the same size but another seed fails as seldom, and on its own. */

typedef struct measured {
    size_t differing, cells;
} measured;

/* As many cells more go with each one more that differs from one of these to the next. What lies between
 * needs no more than that, as was measured there, too. */
static const measured enough[] = {
    {0, MTI_CELLS_MIN}, {1, MTI_CELLS_MIN}, {2, 10},      {4, 15},      {6, 19},
    {10, 26},           {20, 41},           {50, 83},     {95, 147},    {100, 155},
    {200, 272},         {500, 621},         {1000, 1190}, {2000, 2325}, {5000, 5700},
    {10000, 11270},     {1000000, 1115000},
};

size_t mti_cells_count_for(size_t differing)
{
    const measured *above = &enough[1], *below;
    size_t last = enough[sizeof enough / sizeof *enough - 1].differing;
    uint64_t cells, span;

    if (differing > last) differing = last;
    while (above->differing < differing) above++;
    below = above - 1;
    cells = (uint64_t)(differing - below->differing) * (above->cells - below->cells);
    span = above->differing - below->differing;
    return below->cells + (size_t)((cells + span - 1) / span);
}
