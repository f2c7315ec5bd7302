/* Coded tables: what it takes to add an element, and to decode what differs.
 *
 * Elements are random. As many differ as each figure says, and a table is as large as the library
 * makes it for so many; the equal ones, which subtraction cancels, are left out. */
#include "figure.h"
#include "sync/cells.h"

#include <mytosis/host.h>
#include <stdlib.h>

#define ELEMENTS 1000000u
#define PIECE 64u /* elements that are added at once */

typedef struct bench {
    mti_coded *elements;
    uint64_t state; /* of what is drawn: splitmix64, Steele, Lea and Flood 2014 */
    uint64_t seed;
} bench;

static uint64_t draw(bench *b, uint64_t bound)
{
    uint64_t z = b->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (z ^ z >> 31) % bound;
}

static void elements_draw(bench *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        b->elements[i] =
            (mti_coded){1 + draw(b, MTI_CELLS_KEY_END - 1), 1 + draw(b, MTI_F61_PRIME - 1)};
}

static mti_cells table_new(bench *b, size_t count)
{
    mti_cells cells;

    bench_must(mti_cells_new(mt_mem_system(), count, draw(b, UINT64_MAX), &cells), "table");
    return cells;
}

/* Nanoseconds for each. */
static double add(void *ctx, unsigned count)
{
    bench *b = ctx;
    mti_cells cells = table_new(b, count);
    double start;

    elements_draw(b, ELEMENTS);
    start = bench_now();
    for (size_t i = 0; i < ELEMENTS; i += PIECE) mti_cells_add(&cells, b->elements + i, PIECE);
    start = bench_now() - start;
    mti_cells_free(&cells);
    return start / ELEMENTS * 1e9;
}

/* Seconds for one, and whether it decodes. */
static double decode_once(bench *b, size_t differing, bool *well)
{
    mti_cells cells = table_new(b, mti_cells_count_for(differing));
    mti_difference found;
    double start;

    elements_draw(b, differing);
    mti_cells_add(&cells, b->elements, differing);
    start = bench_now();
    *well = mti_cells_decode(&cells, &found) == MT_OK;
    start = bench_now() - start;
    mti_difference_free(&found);
    mti_cells_free(&cells);
    return start;
}

/* Microseconds. */
static double decode(void *ctx, unsigned differing)
{
    unsigned times = 20000 / differing;
    double sum = 0;
    bool well;

    for (unsigned i = 0; i < times; i++) sum += decode_once(ctx, differing, &well);
    return sum / times * 1e6;
}

/* Hundredths of all. */
static double failed(void *ctx, unsigned differing)
{
    unsigned times = differing <= 200 ? 20000 : 3000, count = 0;
    bool well;

    for (unsigned i = 0; i < times; i++) {
        (void)decode_once(ctx, differing, &well);
        count += !well;
    }
    return 100.0 * count / times;
}

static double bytes(void *ctx, unsigned differing)
{
    (void)ctx;
    return (double)(mti_cells_count_for(differing) * MTI_CELL_LEN) / differing;
}

#define CELLS(name_, what_, unit_, run_, at_, aim_, once_)                               \
    {                                                                                    \
        .name = (name_), .what = (what_), .unit = (unit_), .aim = (aim_), .least = true, \
        .once = (once_), .run_at = (run_), .at = (at_)                                   \
    }
#define ADD(count) CELLS("add_" #count, "add, " #count " cells", "ns", add, count, 12, false)
#define DECODE(count) \
    CELLS("decode_" #count, "decode, " #count " differ", "us", decode, count, 0, false)
#define FAILED(count) \
    CELLS("failed_" #count, "decodings that fail, " #count " differ", "%", failed, count, 1, true)
#define BYTES(count) CELLS("bytes_" #count, "  bytes for each", "bytes", bytes, count, 0, true)

static figure figures[] = {
    ADD(64),     ADD(1500),     ADD(15000),   DECODE(10), DECODE(100),  DECODE(1000), DECODE(10000),
    FAILED(2),   BYTES(2),      FAILED(3),    BYTES(3),   FAILED(5),    BYTES(5),     FAILED(10),
    BYTES(10),   FAILED(20),    BYTES(20),    FAILED(50), BYTES(50),    FAILED(100),  BYTES(100),
    FAILED(200), BYTES(200),    FAILED(500),  BYTES(500), FAILED(1000), BYTES(1000),  FAILED(3000),
    BYTES(3000), FAILED(10000), BYTES(10000),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times coded tables, by which peers find what differs, and counts those that fail.\n";
    bench b = {.elements = bench_room(ELEMENTS, sizeof *b.elements), .state = 8831};
    figures_options options;
    bool runs = figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options);

    if (runs) figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    free(b.elements);
    return runs ? 0 : options.exit_code;
}
