/* dictionary.c - two crit-bit trees (D. J. Bernstein, "Crit-bit trees",
 * https://cr.yp.to/critbit.html).
 *
 * A fork names the first bit in which the runs on its two sides differ; a run is found by following
 * its own bits and comparing once, at the end. A run is read as if its length stood before it as
 * one more byte: so none is the beginning of another, and bytes behind the end may count as zero.
 */
#include "crdt/dictionary.h"
#include "base/assert.h"
#include "base/bytes.h"

/* Where a side leads: to a run (its number * 2 + 1) or to a fork (its number * 2). */
struct fork {
    uint32_t side[2];
    uint16_t byte;
    uint8_t bit;
};

static mt_bytes run_bytes(const mti_runs *runs, const uint8_t *base, uint32_t number)
{
    const mti_run *run = &runs->items[number];

    return (mt_bytes){base + run->at, run->len};
}

static uint8_t run_byte(mt_bytes run, size_t at)
{
    if (at == 0) return (uint8_t)run.len;
    return at <= run.len ? run.data[at - 1] : 0;
}

static unsigned run_side(mt_bytes run, const struct fork *fork)
{
    return (run_byte(run, fork->byte) & fork->bit) != 0;
}

/* The run that shares the most with `run`, if any is there. */
static uint32_t runs_nearest(const mti_runs *runs, mt_bytes run)
{
    uint32_t link = runs->root;

    while (!(link & 1)) {
        const struct fork *fork = &runs->forks[link >> 1];
        link = fork->side[run_side(run, fork)];
    }
    return link >> 1;
}

static uint32_t runs_find(const mti_runs *runs, const uint8_t *base, mt_bytes run)
{
    uint32_t number;

    if (runs->count == 0) return MTI_DICTIONARY_NONE;
    number = runs_nearest(runs, run);
    return mt_bytes_equal(run_bytes(runs, base, number), run) ? number : MTI_DICTIONARY_NONE;
}

/* The first bit in which two runs differ. */
static struct fork runs_differ(mt_bytes a, mt_bytes b)
{
    struct fork fork = {{0, 0}, 0, 0x80};
    uint8_t differ;

    while ((differ = run_byte(a, fork.byte) ^ run_byte(b, fork.byte)) == 0) fork.byte++;
    while (!(differ & fork.bit)) fork.bit >>= 1;
    return fork;
}

/* Whether a fork tells runs apart by an earlier bit than another. */
static bool fork_is_before(const struct fork *a, const struct fork *b)
{
    return a->byte != b->byte ? a->byte < b->byte : a->bit > b->bit;
}

static mt_status runs_reserve(mti_runs *runs, const mt_mem *mem)
{
    size_t need = (size_t)runs->count + 1;
    void *items, *forks;

    items = mti_vector_reserve(mem, runs->items, &runs->item_cap, need, sizeof(mti_run));
    if (!items) return MT_NO_MEMORY;
    runs->items = items;
    forks = mti_vector_reserve(mem, runs->forks, &runs->fork_cap, need, sizeof(struct fork));
    if (!forks) return MT_NO_MEMORY;
    runs->forks = forks;
    return MT_OK;
}

/* Adds a run for which there is room. */
static void runs_add(mti_runs *runs, const uint8_t *base, mti_run item)
{
    mt_bytes run = {base + item.at, item.len};
    uint32_t number = runs->count++;
    uint32_t *link = &runs->root;
    struct fork fork;
    unsigned side;

    runs->items[number] = item;
    if (number == 0) {
        runs->root = 1;
        return;
    }
    fork = runs_differ(run, run_bytes(runs, base, runs_nearest(runs, run)));
    while (!(*link & 1) && fork_is_before(&runs->forks[*link >> 1], &fork)) {
        struct fork *above = &runs->forks[*link >> 1];
        link = &above->side[run_side(run, above)];
    }
    side = run_side(run, &fork);
    fork.side[side] = number << 1 | 1;
    fork.side[!side] = *link;
    runs->forks[number - 1] = fork;
    *link = (number - 1) << 1;
}

static void runs_free(mti_runs *runs, const mt_mem *mem)
{
    mti_mem_free(mem, runs->items, runs->item_cap * sizeof(mti_run));
    mti_mem_free(mem, runs->forks, runs->fork_cap * sizeof(struct fork));
}

void mti_dictionary_init(mti_dictionary *dictionary, const mt_mem *mem)
{
    memset(dictionary, 0, sizeof *dictionary);
    dictionary->mem = mem;
}

void mti_dictionary_free(mti_dictionary *dictionary)
{
    if (!dictionary->mem) return;
    runs_free(&dictionary->names, dictionary->mem);
    runs_free(&dictionary->shapes, dictionary->mem);
    mti_mem_free(dictionary->mem, dictionary->list, dictionary->list_cap * sizeof(uint16_t));
}

void mti_dictionary_clear(mti_dictionary *dictionary)
{
    dictionary->names.count = 0;
    dictionary->shapes.count = 0;
    dictionary->list_count = 0;
}

uint32_t mti_dictionary_find_name(const mti_dictionary *dictionary, mt_bytes name)
{
    return runs_find(&dictionary->names, dictionary->texts, name);
}

uint32_t mti_dictionary_find_shape(const mti_dictionary *dictionary, const uint16_t *names,
                                   size_t count)
{
    mt_bytes run = {(const uint8_t *)names, count * sizeof *names};

    return runs_find(&dictionary->shapes, (const uint8_t *)dictionary->list, run);
}

mt_status mti_dictionary_add_name(mti_dictionary *dictionary, size_t at, size_t len)
{
    mt_status st = runs_reserve(&dictionary->names, dictionary->mem);

    mti_assert(at <= UINT32_MAX && len <= UINT8_MAX);
    if (st != MT_OK) return st;
    runs_add(&dictionary->names, dictionary->texts, (mti_run){(uint32_t)at, (uint32_t)len});
    return MT_OK;
}

mt_status mti_dictionary_add_shape(mti_dictionary *dictionary, const uint16_t *names, size_t count)
{
    size_t at = dictionary->list_count;
    mti_run item = {(uint32_t)(at * sizeof *names), (uint32_t)(count * sizeof *names)};
    mt_status st = runs_reserve(&dictionary->shapes, dictionary->mem);
    void *list;

    mti_assert(count <= MTI_SHAPE_NAMES_MAX);
    if (st != MT_OK) return st;
    list = mti_vector_reserve(dictionary->mem, dictionary->list, &dictionary->list_cap,
                              at + MTI_SHAPE_NAMES_MAX, sizeof *names);
    if (!list) return MT_NO_MEMORY;
    dictionary->list = list;
    memcpy(dictionary->list + at, names, count * sizeof *names);
    dictionary->list_count += count;
    runs_add(&dictionary->shapes, list, item);
    return MT_OK;
}
