/* index_test.c - the fingerprint index holds what was set last, whatever the order, and its sums are those
 * of what it holds.
 *
 * Beside it there is a plain array of all elements in key order. Leaves go out of memory now and then, as
 * those of a store do, and are loaded again where they are missing. */
#include "store/index_query.h"
#include "test_law.h"

#include <stdio.h>
#include <string.h>

#define ELEMENTS_MAX 4000

typedef struct world {
    test_case *c;
    mti_index index;
    mti_changes changes;
    mti_element *at;
    size_t count;
    size_t universe;
    mt_bytes shelf
        [ELEMENTS_MAX]; /* bytes of leaves that went out of memory, in the order of the leaves */
} world;

static mt_bytes key_of(world *w, size_t number)
{
    char text[64];
    int len = snprintf(text, sizeof text, "user/%05zu", number / 8);

    /* Every few nodes are large: their elements are fields. */
    if (number / 8 % 3 == 0 && number % 8 > 0)
        len += snprintf(text + len, sizeof text - (size_t)len, "%cf%zu", 0, number % 8);
    else if (number % 8 > 0)
        len += snprintf(text + len, sizeof text - (size_t)len, "-%zu", number % 8);
    return test_copy(&w->c->arena, (mt_bytes){(const uint8_t *)text, (size_t)len});
}

static mti_print print_of(world *w)
{
    mti_print print = {.state_max = 1 + test_below(w->c, 1000)};

    if (!test_once_in(w->c, 4)) {
        print.living.lo = test_rng_next(&w->c->rng);
        print.living.hi = test_rng_next(&w->c->rng);
    }
    if (test_once_in(w->c, 3)) print.deleted.lo = test_rng_next(&w->c->rng);
    return print;
}

/* ---- The array ---- */

static size_t place(const world *w, mt_bytes key)
{
    size_t at = 0;

    while (at < w->count && mt_bytes_compare(w->at[at].key, key) < 0) at++;
    return at;
}

static void model_remove(world *w, size_t at)
{
    w->count--;
    memmove(&w->at[at], &w->at[at + 1], (w->count - at) * sizeof *w->at);
}

static void model_set(world *w, mt_bytes key, const mti_print *print)
{
    size_t at = place(w, key);

    if (at == w->count || !mt_bytes_equal(w->at[at].key, key)) {
        memmove(&w->at[at + 1], &w->at[at], (w->count - at) * sizeof *w->at);
        w->count++;
    }
    w->at[at] = (mti_element){key, *print};
}

static void model_remove_fields(world *w, mt_bytes uid)
{
    for (size_t at = 0; at < w->count;) {
        mt_bytes key = w->at[at].key;
        if (key.len > uid.len && key.data[uid.len] == 0 &&
            mt_bytes_equal(mti_element_uid(key), uid))
            model_remove(w, at);
        else at++;
    }
}

static mti_leaf_sum model_sum(const world *w, mt_bytes first, mt_bytes end)
{
    mti_leaf_sum sum;

    memset(&sum, 0, sizeof sum);
    for (size_t i = 0; i < w->count; i++)
        if (mt_bytes_compare(w->at[i].key, first) >= 0 &&
            (end.len == 0 || mt_bytes_compare(w->at[i].key, end) < 0))
            mti_leaf_sum_add(&sum, &w->at[i]);
    return sum;
}

/* ---- What happens ---- */

static void change_one(world *w)
{
    mt_bytes key = key_of(w, test_below(w->c, w->universe));
    mti_print print = print_of(w);
    size_t at;

    switch (test_below(w->c, 8)) {
    case 0:
        HOLDS(mti_changes_add(&w->changes, MTI_CHANGE_REMOVE, key, NULL) == MT_OK);
        at = place(w, key);
        if (at < w->count && mt_bytes_equal(w->at[at].key, key)) model_remove(w, at);
        break;
    case 1:
        key = mti_element_uid(key);
        HOLDS(mti_changes_add(&w->changes, MTI_CHANGE_FIELDS, key, NULL) == MT_OK);
        model_remove_fields(w, key);
        break;
    default:
        HOLDS(mti_changes_add(&w->changes, MTI_CHANGE_SET, key, &print) == MT_OK);
        model_set(w, key, &print);
    }
}

/* A run of keys one behind the other, as where a graph is first written. */
static void change_run(world *w)
{
    size_t first = test_below(w->c, w->universe), count = test_below(w->c, 300);

    for (size_t i = first; i < first + count && i < w->universe; i++) {
        mt_bytes key = key_of(w, i);
        mti_print print = print_of(w);

        HOLDS(mti_changes_add(&w->changes, MTI_CHANGE_SET, key, &print) == MT_OK);
        model_set(w, key, &print);
    }
}

/* All leaves rest elsewhere. */
static void unload(world *w)
{
    for (size_t i = 0; i < w->index.count; i++) {
        mti_leaf *leaf = &w->index.leaves[i];
        if (leaf->bytes) w->shelf[i] = test_copy(&w->c->arena, mti_leaf_bytes(leaf));
        leaf->stored = true;
    }
    mti_index_unload(&w->index);
    HOLDS(w->index.held == 0);
}

static void load(world *w, size_t at)
{
    HOLDS(mti_index_load(&w->index, at, w->shelf[at]) == MT_OK);
}

/* Loads all leaves that sorted changes concern. */
static void load_concerned(world *w)
{
    mti_index_search search = {.feed.changes = &w->changes};
    size_t at;

    while ((at = mti_index_search_next(&w->index, &search)) != SIZE_MAX) load(w, at);
}

static void take_in(world *w)
{
    mti_changes dropped;

    mti_changes_init(&dropped, test_mem());
    HOLDS(mti_changes_sort(&w->changes) == MT_OK);
    load_concerned(w);
    /* Leaves that stay keep their bytes on the shelf, at another place. */
    for (size_t i = 0; i < w->index.count; i++)
        if (!w->index.leaves[i].bytes) load(w, i);
    HOLDS(mti_index_apply(&w->index, &w->changes, &dropped) == MT_OK);
    mti_changes_clear(&w->changes);
    mti_changes_free(&dropped);
}

static mti_leaf_sum before(world *w, mt_bytes key)
{
    size_t at = mti_index_edge(&w->index, key), near = 0;

    if (at != SIZE_MAX) load(w, at);
    HOLDS(mti_index_edge(&w->index, key) == SIZE_MAX);
    return mti_index_before_near(&w->index, key, &near);
}

static bool sums_equal(const mti_leaf_sum *a, const mti_leaf_sum *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void sums_agree(world *w)
{
    mt_bytes first = {NULL, 0}, end = {NULL, 0};
    mti_leaf_sum sum, less, known;

    if (!test_once_in(w->c, 4)) first = mti_element_uid(key_of(w, test_below(w->c, w->universe)));
    if (!test_once_in(w->c, 4)) end = mti_element_uid(key_of(w, test_below(w->c, w->universe)));
    if (end.len && mt_bytes_compare(first, end) > 0) end = first;
    less = before(w, first);
    sum = end.len ? before(w, end) : w->index.all;
    mti_leaf_sum_subtract(&sum, &less);
    known = model_sum(w, first, end);
    HOLDS(sums_equal(&sum, &known));
}

/* Every element is there, in order, in leaves that begin where they say. */
static void elements_agree(world *w)
{
    size_t count = 0;

    for (size_t i = 0; i < w->index.count; i++) {
        const mti_leaf *leaf = &w->index.leaves[i];
        mti_leaf_iter iter;
        mti_element element;

        if (!leaf->bytes) load(w, i);
        HOLDS(leaf->sum.elements > 0 && leaf->sum.elements <= MTI_LEAF_MAX);
        mti_leaf_iter_init(&iter, mti_leaf_bytes(leaf));
        while (mti_leaf_iter_next(&iter, &element)) {
            HOLDS(count < w->count && mt_bytes_equal(element.key, w->at[count].key));
            HOLDS(memcmp(&element.print, &w->at[count].print, sizeof element.print) == 0);
            HOLDS(mt_bytes_compare(mti_leaf_first(leaf), element.key) <= 0);
            count++;
        }
        HOLDS(!iter.bad);
    }
    HOLDS(count == w->count);
}

/* A few spans in order, some of them divided. */
static size_t spans_make(world *w, mt_storage_span spans[4])
{
    mt_bytes cuts[8] = {{NULL, 0}};
    size_t count = 2 * (1 + test_below(w->c, 4)), spans_count = 0;

    for (size_t i = 0; i < count; i++) {
        mt_bytes uid = mti_element_uid(key_of(w, test_below(w->c, w->universe)));
        size_t at = i;
        for (; at > 0 && mt_bytes_compare(cuts[at - 1], uid) > 0; at--) cuts[at] = cuts[at - 1];
        cuts[at] = uid;
    }
    if (test_once_in(w->c, 3)) cuts[0].len = 0;
    if (test_once_in(w->c, 3)) cuts[count - 1].len = 0;
    for (size_t i = 0; i < count; i += 2) {
        mt_storage_span span = {cuts[i], cuts[i + 1], (uint32_t)test_below(w->c, 40)};
        if (span.end.len == 0 || mt_bytes_compare(span.first, span.end) < 0)
            spans[spans_count++] = span;
    }
    HOLDS(mti_spans_valid(spans, spans_count));
    return spans_count;
}

static void prints_agree(world *w)
{
    mt_storage_span spans[4];
    size_t span_count = spans_make(w, spans), from = 0, leaf, count;
    mt_storage_print *prints;

    while ((leaf = mti_prints_missing(&w->index, spans, span_count, &from)) != SIZE_MAX)
        load(w, leaf);
    HOLDS(mti_prints_make(&w->index, spans, span_count, &prints, &count) == MT_OK);
    for (size_t i = 0; i < count; i++) {
        const mt_storage_print *print = &prints[i];
        bool begins = i == 0 || prints[i - 1].span != print->span;
        bool ends = i + 1 == count || prints[i + 1].span != print->span;
        mt_bytes end = ends ? spans[print->span].end : prints[i + 1].first;
        mti_leaf_sum known = model_sum(w, print->first, end);
        HOLDS(!begins || mt_bytes_equal(print->first, spans[print->span].first));
        HOLDS(begins || mt_bytes_compare(prints[i - 1].first, print->first) < 0);
        HOLDS(mti_sum_equal(&print->living, &known.living));
        HOLDS(mti_sum_equal(&print->deleted, &known.deleted));
        HOLDS(print->count == known.nodes);
        HOLDS(spans[print->span].parts > 1 || (begins && ends));
    }
    for (size_t i = 0; i < span_count; i++) {
        size_t parts = 0;
        for (size_t k = 0; k < count; k++) parts += prints[k].span == i;
        HOLDS(parts > 0 && parts <= (spans[i].parts > 1 ? spans[i].parts : 1));
    }
    mti_mem_free(test_mem(), prints, count * sizeof *prints);
}

/* The next node of the array from `at` on, as an item. */
static bool model_item(const world *w, size_t *at, mt_storage_item *out)
{
    if (*at == w->count) return false;
    *out = (mt_storage_item){.uid = mti_element_uid(w->at[*at].key)};
    for (; *at < w->count && mt_bytes_equal(mti_element_uid(w->at[*at].key), out->uid); ++*at) {
        const mti_print *print = &w->at[*at].print;
        mti_sum_add(&out->living, &print->living);
        mti_sum_add(&out->deleted, &print->deleted);
        if (print->state_max > out->state_max) out->state_max = print->state_max;
    }
    return true;
}

static bool is_within(mt_bytes uid, const mt_storage_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mt_bytes_compare(uid, spans[i].first) >= 0 &&
            (spans[i].end.len == 0 || mt_bytes_compare(uid, spans[i].end) < 0))
            return true;
    return false;
}

static void items_agree(world *w)
{
    mt_storage_span spans[4];
    mti_item_walk walk = {.index = &w->index, .spans = spans, .span_count = spans_make(w, spans)};
    static mti_items items;
    mt_storage_item known;
    size_t at = 0, leaf;

    for (;;) {
        if ((leaf = mti_items_missing(&walk)) != SIZE_MAX) load(w, leaf);
        if (!mti_items_next(&walk, &items)) break;
        for (size_t i = 0; i < items.count; i++) {
            const mt_storage_item *item = &items.at[i];
            do HOLDS(model_item(w, &at, &known));
            while (!is_within(known.uid, spans, walk.span_count));
            HOLDS(mt_bytes_equal(item->uid, known.uid) && item->state_max == known.state_max);
            HOLDS(mti_sum_equal(&item->living, &known.living));
            HOLDS(mti_sum_equal(&item->deleted, &known.deleted));
        }
    }
    while (model_item(w, &at, &known)) HOLDS(!is_within(known.uid, spans, walk.span_count));
}

static world *world_new(test_case *c)
{
    world *w = test_take(&c->arena, sizeof *w);

    w->c = c;
    w->universe = test_once_in(c, 3) ? ELEMENTS_MAX - 1 : 1 + test_below(c, 300);
    w->at = test_take(&c->arena, ELEMENTS_MAX * sizeof *w->at);
    mti_index_init(&w->index, test_mem());
    mti_changes_init(&w->changes, test_mem());
    return w;
}

static void index_is_what_was_set_last(test_case *c)
{
    world *w = world_new(c);
    size_t rounds = 1 + test_below(c, 6);

    for (size_t i = 0; i < rounds; i++) {
        size_t changes = test_below(c, 60);
        if (test_once_in(c, 2)) change_run(w);
        for (size_t k = 0; k < changes; k++) change_one(w);
        take_in(w);
        if (test_once_in(c, 2)) unload(w);
        for (size_t k = 0; k < 4; k++) sums_agree(w);
        prints_agree(w);
        items_agree(w);
        if (test_once_in(c, 3)) elements_agree(w);
    }
    elements_agree(w);
    mti_index_free(&w->index);
    mti_changes_free(&w->changes);
}

TEST(index_is_what_was_set_last_for_all)
{
    test_law(3000, index_is_what_was_set_last);
}

/* What is missing for the changes is all that is needed. */
static void only_missing_leaves_are_needed(test_case *c)
{
    world *w = world_new(c);

    w->universe = ELEMENTS_MAX - 1;
    change_run(w);
    change_run(w);
    take_in(w);
    unload(w);
    for (size_t k = 0; k < 5; k++) change_one(w);
    HOLDS(mti_changes_sort(&w->changes) == MT_OK);
    load_concerned(w);
    HOLDS(mti_index_apply(&w->index, &w->changes, NULL) == MT_OK);
    for (size_t i = 0; i < w->index.count; i++) HOLDS(w->index.leaves[i].sum.elements > 0);
    {
        mt_bytes all = {NULL, 0};
        mti_leaf_sum known = model_sum(w, all, all);
        HOLDS(sums_equal(&w->index.all, &known));
    }
    mti_index_free(&w->index);
    mti_changes_free(&w->changes);
}

TEST(only_missing_leaves_are_needed_for_all)
{
    test_law(1000, only_missing_leaves_are_needed);
}

/* ---- Without memory ---- */

TEST(without_memory_nothing_changes)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = SIZE_MAX};
        const mt_mem *mem = fail_mem_hook(&fm);
        mti_index index;
        mti_changes changes;
        mti_leaf_sum all;
        mt_status st = MT_OK;

        mti_index_init(&index, mem);
        mti_changes_init(&changes, mem);
        for (int round = 0; round < 2; round++) {
            if (round == 1)
                fm = (fail_mem){.fail_at = fm.count + n,
                                .count = fm.count,
                                .live_bytes = fm.live_bytes,
                                .mem = fm.mem};
            all = index.all;
            for (unsigned i = 0; i < 300 && st == MT_OK; i++) {
                char key[16];
                mti_print print = {.state_max = i + 1, .living = {i + 7, i}};
                sprintf(key, "n%04u", i * ((unsigned)round + 1) * 7 % 1000);
                st = mti_changes_add(&changes, MTI_CHANGE_SET, mt_str(key), &print);
            }
            if (st == MT_OK) st = mti_changes_sort(&changes);
            if (st == MT_OK) st = mti_index_apply(&index, &changes, NULL);
            mti_changes_clear(&changes);
        }
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (fm.tripped) CHECK(memcmp(&all, &index.all, sizeof all) == 0);
        mti_index_free(&index);
        mti_changes_free(&changes);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_is_what_was_set_last_for_all),
        cmocka_unit_test(only_missing_leaves_are_needed_for_all),
        cmocka_unit_test(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
