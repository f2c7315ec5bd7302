/* Two sets of any sizes, and the coded table of what differs, against a comparison key by key. */
#include "sync/cells.h"
#include "test_law.h"

#include <stdlib.h>

typedef struct sets {
    mti_coded *ours, *theirs;
    size_t our_count, their_count;
    mti_coded *differ; /* by key */
    size_t differ_count;
} sets;

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const mti_coded *)a)->key, y = ((const mti_coded *)b)->key;

    return x < y ? -1 : x > y;
}

static uint64_t value(test_case *c)
{
    if (test_once_in(c, 4)) return 1 + test_rng_below(&c->rng, 3); /* so that sums cancel, too */
    return 1 + test_rng_below(&c->rng, MTI_F61_PRIME - 1);
}

/* `differing` keys of `count` differ: lacking on a side, or with another value. */
static sets sets_of(test_case *c, size_t count, size_t differing)
{
    sets s = {.ours = test_take(&c->arena, count * sizeof *s.ours),
              .theirs = test_take(&c->arena, count * sizeof *s.theirs),
              .differ = test_take(&c->arena, (differing + 1) * sizeof *s.differ)};
    uint64_t step = (MTI_CELLS_KEY_END - 1) / count;
    bool dense = test_once_in(c, 8);

    for (size_t i = 0; i < count; i++) {
        uint64_t key = dense ? 1 + i : 1 + i * step + test_rng_below(&c->rng, step);
        uint64_t v = value(c), w = i < differing ? value(c) : v;

        if (i < differing && test_once_in(c, 3)) v = 0;
        else if (i < differing && test_once_in(c, 2)) w = 0;
        if (v) s.ours[s.our_count++] = (mti_coded){key, v};
        if (w) s.theirs[s.their_count++] = (mti_coded){key, w};
        if (v != w) s.differ[s.differ_count++] = (mti_coded){key, mti_f61_sub(v, w)};
    }
    return s;
}

static mti_cells table_of(test_case *c, const mti_coded *elements, size_t count, size_t cells,
                          uint64_t seed)
{
    mti_cells table;

    HOLDS(mti_cells_new(test_mem(), cells, seed, &table) == MT_OK);
    while (count > 0) {
        size_t len = 1 + test_below(c, count);
        mti_cells_add(&table, elements, len);
        elements += len;
        count -= len;
    }
    return table;
}

static bool all_empty(const mti_cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (mti_f61_reduce(cells->cells[i].s0) || mti_f61_reduce(cells->cells[i].s1)) return false;
    return true;
}

/* How many were decoded, and with how many of these a cell was taken for pure that was not: the
 * chance that cells.h tells of, which no seed is to be blamed for. */
static size_t decoded, mistaken;

/* Whether each is one of those that differ; none is there twice. */
static bool all_right(const sets *s, mti_difference *found)
{
    size_t k = 0;
    bool right = true;

    if (found->count) qsort(found->items, found->count, sizeof *found->items, by_key);
    for (size_t i = 0; i < found->count; i++) {
        mti_coded e = found->items[i];

        HOLDS(i == 0 || e.key > found->items[i - 1].key);
        while (k < s->differ_count && s->differ[k].key < e.key) k++;
        right &= k < s->differ_count && s->differ[k].key == e.key && s->differ[k].value == e.value;
    }
    return right;
}

static void mistakes_are_few(void)
{
    CHECK(mistaken <= 2 + decoded / 20000);
    decoded = mistaken = 0;
}

static void check(test_case *c, size_t count, size_t differing, size_t cells)
{
    uint64_t seed = test_rng_next(&c->rng);
    sets s = sets_of(c, count, differing);
    mti_cells ours = table_of(c, s.ours, s.our_count, cells, seed);
    mti_cells theirs = table_of(c, s.theirs, s.their_count, cells, seed);
    mti_difference found;
    mt_status st;

    mti_cells_subtract(&ours, &theirs);
    st = mti_cells_decode(&ours, &found);
    HOLDS(st == (all_empty(&ours) ? MT_OK : MT_AGAIN));
    decoded++;
    if (all_right(&s, &found)) {
        HOLDS((st == MT_OK) == (found.count == s.differ_count));
    } else {
        HOLDS(st == MT_AGAIN);
        mistaken++;
    }
    for (size_t i = 0; i < found.count; i++) mti_cells_add(&ours, &found.items[i], 1);
    mti_cells_free(&theirs);
    theirs = table_of(c, s.differ, s.differ_count, cells, seed);
    mti_cells_subtract(&ours, &theirs);
    HOLDS(all_empty(&ours)); /* what was found and what was left are all that differs */
    mti_difference_free(&found);
    mti_cells_free(&ours);
    mti_cells_free(&theirs);
}

static void what_differs_is_found(test_case *c)
{
    size_t count = 1 + test_below(c, test_once_in(c, 10) ? 5000 : 300);
    size_t differing = test_below(c, count + 1);

    check(c, count, differing, mti_cells_count_for(differing));
}

TEST(what_differs_is_found_for_all)
{
    test_law(3000, what_differs_is_found);
    mistakes_are_few();
}

static void nothing_is_made_up(test_case *c)
{
    size_t count = 1 + test_below(c, 400);

    check(c, count, test_below(c, count + 1), MTI_CELLS_MIN + test_below(c, 2 * count));
}

TEST(nothing_is_made_up_whatever_the_size_for_all)
{
    test_law(3000, nothing_is_made_up);
    mistakes_are_few();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_differs_is_found_for_all),
        cmocka_unit_test(nothing_is_made_up_whatever_the_size_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
