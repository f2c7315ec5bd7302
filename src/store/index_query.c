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
        size_t leaf;

        /* Where one ends the next mostly begins. */
        if (*from % 2 == 0 && *from > 0 && mti_bytes_same(span[-1].end, span->first)) continue;
        leaf = mti_index_edge(index, *from % 2 ? span->end : span->first);

        if (leaf != SIZE_MAX) return leaf;
    }
    return SIZE_MAX;
}

/* Prints are made in order: what was found for one span is near what is looked for next. */
typedef struct print_walk {
    const mti_index *index;
    const mt_storage_span *spans;
    size_t within, sums; /* leaves */
    mt_bytes end;        /* of the last span */
    mti_leaf_sum until;
} print_walk;

/* The leaves that begin within a span, behind its first uid: from `*first` to before `*end`. */
static void leaves_within(print_walk *walk, const mt_storage_span *span, size_t *first, size_t *end)
{
    const mti_index *index = walk->index;

    *first = *end = 0;
    if (index->count == 0) return;
    if (span->first.len) walk->within = mti_index_leaf_near(index, span->first, walk->within);
    *first = walk->within + 1;
    *end = index->count;
    if (span->end.len == 0) return;
    walk->within = *end = mti_index_leaf_near(index, span->end, walk->within);
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

/* The sum before a span, which is mostly that up to the end of the one before. */
static mti_leaf_sum sum_before(print_walk *walk, mt_bytes first)
{
    if (first.len > 0 && mti_bytes_same(first, walk->end)) return walk->until;
    return mti_index_before_near(walk->index, first, &walk->sums);
}

static mti_leaf_sum sum_until(print_walk *walk, mt_bytes end)
{
    walk->end = end;
    walk->until = end.len ? mti_index_before_near(walk->index, end, &walk->sums) : walk->index->all;
    return walk->until;
}

/* Writes the prints of a span, or only counts them. */
static size_t span_prints(print_walk *walk, size_t at, mt_storage_print *out)
{
    const mt_storage_span *span = &walk->spans[at];
    const mti_leaf *leaves = walk->index->leaves;
    mti_leaf_sum before, until;
    mt_bytes first = span->first;
    size_t leaf = 0, end = 0, step = 1, count = 0;

    if (span->parts > 1) {
        leaves_within(walk, span, &leaf, &end);
        step = part_leaves(span, end - leaf);
    }
    if (out) before = sum_before(walk, span->first);
    for (leaf += step - 1; span->parts > 1 && leaf < end; leaf += step) {
        /* A node is in one part. */
        while (leaf < end && !mti_element_is_node(mti_leaf_first(&leaves[leaf]))) leaf++;
        if (leaf == end) break;
        if (out) {
            put_print(&out[count], at, first, &before, &leaves[leaf].before);
            before = leaves[leaf].before;
            first = mti_leaf_first(&leaves[leaf]);
        }
        count++;
    }
    if (!out) return count + 1;
    until = sum_until(walk, span->end);
    put_print(&out[count], at, first, &before, &until);
    return count + 1;
}

mt_status mti_prints_make(const mti_index *index, const mt_storage_span *spans, size_t span_count,
                          mt_storage_print **out, size_t *count)
{
    print_walk counted = {.index = index, .spans = spans}, made = counted;
    size_t at = 0;

    *count = 0;
    *out = NULL;
    for (size_t i = 0; i < span_count; i++) *count += span_prints(&counted, i, NULL);
    if (*count == 0) return MT_OK;
    if (!(*out = mti_mem_alloc(index->mem, *count * sizeof **out))) return MT_NO_MEMORY;
    for (size_t i = 0; i < span_count; i++) at += span_prints(&made, i, *out + at);
    return MT_OK;
}

/* ---- Items ---- */

/* Whether there is a span, and it has another leaf. */
static bool has_leaf(const mti_item_walk *walk)
{
    return walk->span < walk->span_count && walk->leaf < walk->index->count &&
           is_before(mti_leaf_first(&walk->index->leaves[walk->leaf]), walk->spans[walk->span].end);
}

/* Goes to the next span where one ends. False: there is none that has a leaf. */
static bool settle(mti_item_walk *walk)
{
    const mti_index *index = walk->index;

    if (index->count == 0) walk->span = walk->span_count;
    for (; walk->span < walk->span_count; walk->span++, walk->within = false) {
        mt_bytes first = walk->spans[walk->span].first;
        if (!walk->within && first.len)
            walk->leaf = mti_index_leaf_near(index, first, walk->leaf > 0 ? walk->leaf - 1 : 0);
        walk->within = true;
        if (has_leaf(walk)) return true;
    }
    return false;
}

size_t mti_items_missing(mti_item_walk *walk)
{
    if (!settle(walk) || walk->index->leaves[walk->leaf].bytes) return SIZE_MAX;
    return walk->leaf;
}

/* Puts a node behind the others; more of it may follow. */
static void put_item(mti_items *out, size_t *text_len, mt_bytes uid, const mti_print *print)
{
    mt_storage_item *item = &out->at[out->count++];

    item->uid = (mt_bytes){out->text + *text_len, uid.len};
    item->state_max = print->state_max;
    item->living = print->living;
    item->deleted = print->deleted;
    memcpy(out->text + *text_len, uid.data, uid.len);
    *text_len += uid.len;
}

static void put_begun(mti_item_walk *walk, mti_items *out, size_t *text_len)
{
    if (walk->any) put_item(out, text_len, (mt_bytes){walk->uid, walk->uid_len}, &walk->print);
    walk->any = false;
}

/* Takes the last node back, since the next leaf may go on with it. */
static void take_back(mti_item_walk *walk, mti_items *out)
{
    const mt_storage_item *item;

    if (out->count == 0) return;
    item = &out->at[--out->count];
    memcpy(walk->uid, item->uid.data, item->uid.len);
    walk->uid_len = (uint8_t)item->uid.len;
    walk->print = (mti_print){item->living, item->deleted, item->state_max};
    walk->any = true;
}

static void add_element(mt_storage_item *item, const mti_print *print)
{
    mti_sum_add(&item->living, &print->living);
    mti_sum_add(&item->deleted, &print->deleted);
    if (print->state_max > item->state_max) item->state_max = print->state_max;
}

/* An element without a name begins a node; a field may belong to the last one. */
static void take_element(const mti_element *element, mti_items *out, size_t *text_len)
{
    mt_bytes uid = mti_element_uid(element->key);

    if (uid.len < element->key.len && out->count > 0 &&
        mti_bytes_same(uid, out->at[out->count - 1].uid))
        add_element(&out->at[out->count - 1], &element->print);
    else put_item(out, text_len, uid, &element->print);
}

/* The first bytes of a leaf, as far as processors do not read ahead by themselves. */
#define PREFETCH_LEN 1024u

/* Goes to the leaf that is read next, in the span or in one that follows, and has its bytes on their way
 * meanwhile. */
static void look_ahead(mti_item_walk *walk)
{
    const mti_leaf *leaf;

    if (!settle(walk)) return;
    leaf = &walk->index->leaves[walk->leaf];
    for (uint32_t at = 0; leaf->bytes && at < leaf->len && at < PREFETCH_LEN; at += 64)
        __builtin_prefetch(leaf->bytes + at);
}

/* The elements of a leaf that lie in the span. `before`, `behind`: it may have others. */
static void take_leaf(const mt_storage_span *span, const mti_leaf *leaf, bool before, bool behind,
                      mti_items *out, size_t *text_len)
{
    mti_leaf_iter iter;
    mti_element element;

    mti_leaf_iter_init(&iter, mti_leaf_bytes(leaf));
    while (mti_leaf_iter_next(&iter, &element)) {
        if (before && mt_bytes_compare(element.key, span->first) < 0) continue;
        before = false;
        if (behind && !is_before(element.key, span->end)) break;
        take_element(&element, out, text_len);
    }
}

/* Leaves of items from the `from`th on those that lie in the span. */
static void trim(const mt_storage_span *span, size_t from, bool before, bool behind, mti_items *out)
{
    size_t first = from;

    while (behind && out->count > from && !is_before(out->at[out->count - 1].uid, span->end))
        out->count--;
    while (before && first < out->count && mti_bytes_order8(out->at[first].uid, span->first) < 0)
        first++;
    if (first == from) return;
    memmove(&out->at[from], &out->at[first], (out->count - first) * sizeof *out->at);
    out->count -= first - from;
}

bool mti_items_next(mti_item_walk *walk, mti_items *out)
{
    const mt_storage_span *span;
    const mti_leaf *leaf;
    size_t text_len = 0, begun;
    bool before, behind, last;

    out->count = 0;
    put_begun(walk, out, &text_len);
    if (!settle(walk)) return out->count > 0;
    span = &walk->spans[walk->span];
    leaf = &walk->index->leaves[walk->leaf++];
    mti_assert(leaf->bytes);
    last = walk->leaf == walk->index->count;
    look_ahead(walk);
    /* Only the leaves at its ends have what is not in the span. */
    before = mt_bytes_compare(mti_leaf_first(leaf), span->first) < 0;
    behind =
        span->end.len > 0 && (last || mt_bytes_compare(mti_leaf_first(leaf + 1), span->end) > 0);
    begun = out->count;
    if (leaf->sum.nodes != leaf->sum.elements) {
        take_leaf(span, leaf, before, behind, out, &text_len);
    } else {
        mti_leaf_nodes(mti_leaf_bytes(leaf), out->at, &out->count, out->text, &text_len);
        trim(span, begun, before, behind, out);
    }
    if (!last && !mti_element_is_node(mti_leaf_first(leaf + 1))) take_back(walk, out);
    return true;
}
