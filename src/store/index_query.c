#include "store/index_query.h"

#include "base/assert.h"

/* ---- Spans ---- */

static bool is_before(mt_bytes key, mt_bytes end)
{
    return end.len == 0 || mt_bytes_compare(key, end) < 0;
}

bool mti_spans_valid(const mt_storage_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (spans[i].first.len > MT_UID_LEN_MAX || spans[i].end.len > MT_UID_LEN_MAX) return false;
        if (!is_before(spans[i].first, spans[i].end)) return false;
        if (i + 1 == count) continue;
        if (spans[i].end.len == 0 || mt_bytes_compare(spans[i].end, spans[i + 1].first) > 0)
            return false;
    }
    return true;
}

/* ---- Prints ---- */

size_t mti_prints_missing(const mti_index *index, const mt_storage_span *spans, size_t count,
                          size_t *from)
{
    for (; *from < 2 * count; ++*from) {
        const mt_storage_span *span = &spans[*from / 2];
        size_t leaf = mti_index_edge(index, *from % 2 ? span->end : span->first);

        if (leaf != SIZE_MAX) return leaf;
    }
    return SIZE_MAX;
}

/* The leaves that begin within a span, behind its first uid: from `*first` to before `*end`. */
static void leaves_within(const mti_index *index, const mt_storage_span *span, size_t *first,
                          size_t *end)
{
    *first = *end = 0;
    if (index->count == 0) return;
    *first = span->first.len ? mti_index_leaf_of(index, span->first) + 1 : 1;
    *end = index->count;
    if (span->end.len == 0) return;
    *end = mti_index_leaf_of(index, span->end);
    if (mt_bytes_compare(mti_leaf_first(&index->leaves[*end]), span->end) < 0) ++*end;
    if (*end < *first) *end = *first;
}

/* How many leaves each part of a span has, so that there are about as many parts as were asked for. */
static size_t part_leaves(const mt_storage_span *span, size_t leaves)
{
    size_t parts = span->parts > 1 ? span->parts : 1;

    return (leaves + 1 + parts - 1) / parts;
}

static void put_print(mt_storage_print *out, size_t span, mt_bytes first,
                      const mti_leaf_sum *before, const mti_leaf_sum *until)
{
    mti_leaf_sum sum = *until;

    mti_leaf_sum_subtract(&sum, before);
    *out = (mt_storage_print){.first = first,
                              .span = span,
                              .count = sum.nodes,
                              .living = sum.living,
                              .deleted = sum.deleted};
}

/* Writes the prints of a span, or only counts them. */
static size_t span_prints(const mti_index *index, const mt_storage_span *spans, size_t at,
                          mt_storage_print *out)
{
    const mt_storage_span *span = &spans[at];
    mti_leaf_sum before, until;
    mt_bytes first = span->first;
    size_t leaf, end, step, count = 0;

    leaves_within(index, span, &leaf, &end);
    step = part_leaves(span, end - leaf);
    if (out) before = mti_index_before(index, span->first);
    for (leaf += step - 1; span->parts > 1 && leaf < end; leaf += step) {
        /* A node is in one part. */
        while (leaf < end && !mti_element_is_node(mti_leaf_first(&index->leaves[leaf]))) leaf++;
        if (leaf == end) break;
        if (out) {
            put_print(&out[count], at, first, &before, &index->leaves[leaf].before);
            before = index->leaves[leaf].before;
            first = mti_leaf_first(&index->leaves[leaf]);
        }
        count++;
    }
    if (!out) return count + 1;
    until = mti_index_until(index, span->end);
    put_print(&out[count], at, first, &before, &until);
    return count + 1;
}

mt_status mti_prints_make(const mti_index *index, const mt_storage_span *spans, size_t span_count,
                          mt_storage_print **out, size_t *count)
{
    size_t at = 0;

    *count = 0;
    *out = NULL;
    for (size_t i = 0; i < span_count; i++) *count += span_prints(index, spans, i, NULL);
    if (*count == 0) return MT_OK;
    if (!(*out = mti_mem_alloc(index->mem, *count * sizeof **out))) return MT_NO_MEMORY;
    for (size_t i = 0; i < span_count; i++) at += span_prints(index, spans, i, *out + at);
    return MT_OK;
}

/* ---- Items ---- */

/* Whether the span has another leaf. */
static bool has_leaf(const mti_item_walk *walk)
{
    const mt_storage_span *span = &walk->spans[walk->span];

    return walk->leaf < walk->index->count &&
           is_before(mti_leaf_first(&walk->index->leaves[walk->leaf]), span->end);
}

/* Goes to the next span where one ends. False: there is none. */
static bool settle(mti_item_walk *walk)
{
    const mti_index *index = walk->index;

    if (index->count == 0) walk->span = walk->span_count;
    for (; walk->span < walk->span_count; walk->span++, walk->within = false) {
        mt_bytes first = walk->spans[walk->span].first;
        if (!walk->within) walk->leaf = first.len ? mti_index_leaf_of(index, first) : 0;
        walk->within = true;
        if (has_leaf(walk) || walk->any) return true;
    }
    return false;
}

size_t mti_items_missing(mti_item_walk *walk)
{
    if (!settle(walk) || !has_leaf(walk) || walk->index->leaves[walk->leaf].bytes) return SIZE_MAX;
    return walk->leaf;
}

static void put_item(mti_item_walk *walk, mti_items *out, size_t *text_len)
{
    mt_storage_item *item = &out->at[out->count++];

    walk->any = false;
    memcpy(out->text + *text_len, walk->uid, walk->uid_len);
    *item = (mt_storage_item){.uid = {out->text + *text_len, walk->uid_len},
                              .state_max = walk->print.state_max,
                              .living = walk->print.living,
                              .deleted = walk->print.deleted};
    *text_len += walk->uid_len;
}

static void add_element(mti_item_walk *walk, const mti_element *element)
{
    const mti_print *print = &element->print;

    mti_sum_add(&walk->print.living, &print->living);
    mti_sum_add(&walk->print.deleted, &print->deleted);
    if (print->state_max > walk->print.state_max) walk->print.state_max = print->state_max;
}

static void take_element(mti_item_walk *walk, const mti_element *element, mti_items *out,
                         size_t *text_len)
{
    mt_bytes uid = mti_element_uid(element->key);

    if (walk->any && mt_bytes_equal(uid, (mt_bytes){walk->uid, walk->uid_len})) {
        add_element(walk, element);
        return;
    }
    if (walk->any) put_item(walk, out, text_len);
    memcpy(walk->uid, uid.data, uid.len);
    walk->uid_len = (uint8_t)uid.len;
    walk->print = element->print;
    walk->any = true;
}

bool mti_items_next(mti_item_walk *walk, mti_items *out)
{
    const mt_storage_span *span;
    mti_leaf_iter iter;
    mti_element element;
    size_t text_len = 0;

    out->count = 0;
    if (!settle(walk)) return false;
    span = &walk->spans[walk->span];
    if (!has_leaf(walk)) {
        if (walk->any) put_item(walk, out, &text_len);
        walk->leaf = walk->index->count;
        return true;
    }
    mti_assert(walk->index->leaves[walk->leaf].bytes);
    mti_leaf_iter_init(&iter, mti_leaf_bytes(&walk->index->leaves[walk->leaf]));
    walk->leaf++;
    while (mti_leaf_iter_next(&iter, &element)) {
        if (mt_bytes_compare(element.key, span->first) < 0) continue;
        if (!is_before(element.key, span->end)) break;
        take_element(walk, &element, out, &text_len);
    }
    return true;
}
