#include "store/index.h"

#include "base/assert.h"

void mti_index_init(mti_index *index, const mt_mem *mem)
{
    memset(index, 0, sizeof *index);
    index->mem = mem;
}

static void leaf_free(const mt_mem *mem, mti_leaf *leaf)
{
    mti_mem_free(mem, leaf->first, leaf->first_len);
    mti_mem_free(mem, leaf->bytes, leaf->cap);
}

void mti_index_free(mti_index *index)
{
    for (size_t i = 0; i < index->count; i++) leaf_free(index->mem, &index->leaves[i]);
    mti_mem_free(index->mem, index->leaves, index->cap * sizeof *index->leaves);
    mti_index_init(index, index->mem);
}

/* The last of `count` leaves from `first` on that begins at or before a key, or the one before them. */
static size_t leaf_among(const mti_index *index, mt_bytes key, size_t first, size_t count)
{
    while (count > 0) {
        size_t half = count / 2;

        if (mti_bytes_order8(mti_leaf_first(&index->leaves[first + half]), key) <= 0) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first - 1;
}

size_t mti_index_leaf_of(const mti_index *index, mt_bytes key)
{
    mti_assert(index->count > 0);
    return leaf_among(index, key, 1, index->count - 1);
}

/* Who looks for many keys that ascend comes this far soon; by then the leaf's key is here. */
#define AHEAD 8u

size_t mti_index_leaf_near(const mti_index *index, mt_bytes key, size_t from)
{
    size_t step = 1;

    while (from + step < index->count &&
           mti_bytes_order8(mti_leaf_first(&index->leaves[from + step]), key) <= 0) {
        from += step;
        step *= 2;
    }
    if (step > index->count - from - 1) step = index->count - from - 1;
    from = leaf_among(index, key, from + 1, step);
    if (index->count - from > AHEAD) __builtin_prefetch(index->leaves[from + AHEAD].first);
    return from;
}

/* ---- Sums ---- */

static void sum_add(mti_leaf_sum *sum, const mti_leaf_sum *other)
{
    mti_sum_add(&sum->living, &other->living);
    mti_sum_add(&sum->deleted, &other->deleted);
    sum->nodes += other->nodes;
    sum->elements += other->elements;
}

void mti_leaf_sum_subtract(mti_leaf_sum *sum, const mti_leaf_sum *other)
{
    mti_sum_subtract(&sum->living, &other->living);
    mti_sum_subtract(&sum->deleted, &other->deleted);
    sum->nodes -= other->nodes;
    sum->elements -= other->elements;
}

static bool leaf_sum_equal(const mti_leaf_sum *a, const mti_leaf_sum *b)
{
    return mti_sum_equal(&a->living, &b->living) && mti_sum_equal(&a->deleted, &b->deleted) &&
           a->nodes == b->nodes && a->elements == b->elements;
}

/* Adds up what is before each leaf from one on. */
static void add_up(mti_index *index, size_t from)
{
    mti_leaf_sum sum;

    memset(&sum, 0, sizeof sum);
    if (from > 0) {
        mti_assert(index->leaves);
        sum = index->leaves[from - 1].before;
        sum_add(&sum, &index->leaves[from - 1].sum);
    }
    for (size_t i = from; i < index->count; i++) {
        index->leaves[i].before = sum;
        sum_add(&sum, &index->leaves[i].sum);
    }
    index->all = sum;
}

size_t mti_index_edge(const mti_index *index, mt_bytes key)
{
    const mti_leaf *leaf;
    size_t at;

    if (index->count == 0 || key.len == 0) return SIZE_MAX;
    at = mti_index_leaf_of(index, key);
    leaf = &index->leaves[at];
    if (leaf->bytes || mt_bytes_compare(key, mti_leaf_first(leaf)) <= 0) return SIZE_MAX;
    return at;
}

mti_leaf_sum mti_index_before_near(const mti_index *index, mt_bytes key, size_t *near)
{
    const mti_leaf *leaf;
    mti_leaf_iter iter;
    mti_element element;
    mti_leaf_sum sum;

    memset(&sum, 0, sizeof sum);
    if (index->count == 0 || key.len == 0) return sum;
    *near = mti_index_leaf_near(index, key, *near);
    leaf = &index->leaves[*near];
    sum = leaf->before;
    if (mt_bytes_compare(key, mti_leaf_first(leaf)) <= 0) return sum;
    mti_leaf_iter_init(&iter, mti_leaf_bytes(leaf));
    while (mti_leaf_iter_next(&iter, &element) && mt_bytes_compare(element.key, key) < 0)
        mti_leaf_sum_add(&sum, &element);
    return sum;
}

/* ---- Leaves that come and go ---- */

static mt_status leaf_make(const mt_mem *mem, mt_bytes first, mt_bytes bytes,
                           const mti_leaf_sum *sum, mti_leaf *out)
{
    memset(out, 0, sizeof *out);
    out->sum = *sum;
    if (!(out->first = mti_mem_alloc(mem, first.len))) return MT_NO_MEMORY;
    memcpy(out->first, first.data, first.len);
    out->first_len = (uint16_t)first.len;
    if (bytes.len && !(out->bytes = mti_mem_alloc(mem, bytes.len))) {
        mti_mem_free(mem, out->first, out->first_len);
        return MT_NO_MEMORY;
    }
    if (bytes.len) memcpy(out->bytes, bytes.data, bytes.len);
    out->len = out->cap = (uint32_t)bytes.len;
    out->stored = bytes.len == 0;
    return MT_OK;
}

static mt_status leaves_reserve(mti_index *index)
{
    mti_leaf *leaves = mti_vector_reserve(index->mem, index->leaves, &index->cap, index->count + 1,
                                          sizeof *leaves);

    if (!leaves) return MT_NO_MEMORY;
    index->leaves = leaves;
    return MT_OK;
}

mt_status mti_index_append(mti_index *index, mt_bytes first, mt_bytes bytes,
                           const mti_leaf_sum *sum)
{
    mti_leaf *leaf;

    if (leaves_reserve(index) != MT_OK) return MT_NO_MEMORY;
    leaf = &index->leaves[index->count];
    if (leaf_make(index->mem, first, bytes, sum, leaf) != MT_OK) return MT_NO_MEMORY;
    leaf->before = index->all;
    sum_add(&index->all, sum);
    index->held += leaf->cap;
    index->count++;
    return MT_OK;
}

/* What a leaf holds, of which all keys are to be from `first` on and in order, and no more than it
 * may. */
static bool leaf_adds_up(mt_bytes bytes, mt_bytes first, mti_leaf_sum *sum)
{
    uint8_t last[MTI_ELEMENT_KEY_MAX];
    mt_bytes before = {last, 0};
    mti_leaf_iter iter;
    mti_element element;

    memset(sum, 0, sizeof *sum);
    mti_leaf_iter_init(&iter, bytes);
    while (mti_leaf_iter_next(&iter, &element)) {
        if (sum->elements == MTI_LEAF_MAX || mti_element_uid(element.key).len > MT_UID_LEN_MAX)
            return false;
        if (before.len ? mt_bytes_compare(before, element.key) >= 0
                       : mt_bytes_compare(first, element.key) > 0)
            return false;
        memcpy(last, element.key.data, element.key.len);
        before.len = element.key.len;
        mti_leaf_sum_add(sum, &element);
    }
    return !iter.bad;
}

mt_status mti_index_load(mti_index *index, size_t at, mt_bytes bytes)
{
    mti_leaf *leaf = &index->leaves[at];
    mti_leaf_sum sum;

    if (leaf->bytes) return MT_OK;
    if (bytes.len == 0 || !leaf_adds_up(bytes, mti_leaf_first(leaf), &sum) ||
        !leaf_sum_equal(&sum, &leaf->sum))
        return MT_MALFORMED;
    if (!(leaf->bytes = mti_mem_alloc(index->mem, bytes.len))) return MT_NO_MEMORY;
    memcpy(leaf->bytes, bytes.data, bytes.len);
    leaf->len = leaf->cap = (uint32_t)bytes.len;
    index->held += leaf->cap;
    return MT_OK;
}

void mti_index_unload(mti_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        mti_leaf *leaf = &index->leaves[i];

        if (!leaf->stored || !leaf->bytes) continue;
        index->held -= leaf->cap;
        mti_mem_free(index->mem, leaf->bytes, leaf->cap);
        leaf->bytes = NULL;
        leaf->len = leaf->cap = 0;
    }
}

/* ---- Taking changes in ---- */

static const mti_element_change *feed_peek(mti_change_feed *f)
{
    while (f->at < f->changes->count) {
        const mti_element_change *change = &f->changes->at[f->changes->order[f->at].at];

        if (!change->dead) return change;
        f->at++;
    }
    return NULL;
}

static void feed_pass(mti_change_feed *f, const mti_element_change *change)
{
    mt_bytes key = mti_change_key(f->changes, change);

    if (change->kind == MTI_CHANGE_FIELDS) f->fields = key;
    else f->passed = key;
    f->at++;
}

static bool is_field_of(mt_bytes key, mt_bytes uid)
{
    return uid.len > 0 && key.len > uid.len && key.data[uid.len] == 0 &&
           memcmp(key.data, uid.data, uid.len) == 0;
}

static const mti_leaf *leaf_after(const mti_index *index, size_t at)
{
    return at + 1 < index->count ? &index->leaves[at + 1] : NULL;
}

/* Whether a key comes before all that the leaf after one holds. */
static bool is_before(mt_bytes key, const mti_leaf *next)
{
    return !next || mt_bytes_compare(key, mti_leaf_first(next)) < 0;
}

/* Whether a leaf has, or will have, anything that the changes that come now are about. */
static bool concerns(mti_change_feed *f, const mti_leaf *leaf, const mti_leaf *next)
{
    const mti_element_change *change = feed_peek(f);

    if (is_field_of(mti_leaf_first(leaf), f->fields)) return true;
    return change && is_before(mti_change_key(f->changes, change), next);
}

/* The next leaf from `at` on that the changes concern; `count` of the index if there is none. Long
 * stretches of others are passed by halves. */
static size_t next_concerned(const mti_index *index, mti_change_feed *f, size_t at)
{
    const mti_element_change *change = feed_peek(f);
    size_t there;

    if (at >= index->count) return index->count;
    if (is_field_of(mti_leaf_first(&index->leaves[at]), f->fields)) return at;
    if (!change) return index->count;
    there = mti_index_leaf_of(index, mti_change_key(f->changes, change));
    return there > at ? there : at;
}

size_t mti_index_search_next(const mti_index *index, mti_index_search *search)
{
    mti_change_feed *f = &search->feed;
    const mti_element_change *change;

    for (size_t at = next_concerned(index, f, search->leaf); at < index->count;
         at = next_concerned(index, f, at + 1)) {
        while ((change = feed_peek(f)) &&
               is_before(mti_change_key(f->changes, change), leaf_after(index, at)))
            feed_pass(f, change);
        search->leaf = at + 1;
        if (!index->leaves[at].bytes) return at;
    }
    search->leaf = index->count;
    return SIZE_MAX;
}

/* A run of leaves, and how many come in its place. */
typedef struct splice {
    size_t from, to;
    size_t count;
} splice;

/* The leaves that changes make, one run of them after the other. */
typedef struct making {
    mti_index *index;
    mti_change_feed feed;
    mti_leaf *leaves;
    size_t count, cap;
    size_t in_runs; /* how many of them are in a splice */
    splice *splices;
    size_t splice_count, splice_cap;
    mti_leaf_writer writer;
    mt_buf first; /* of the leaf that is being written */
    mti_changes *dropped;
} making;

/* Ends the leaf that is being written, if it has anything. */
static mt_status cut(making *m)
{
    const mt_mem *mem = m->index->mem;
    mti_leaf *leaves;
    mt_status st;

    if (m->writer.sum.elements == 0) return MT_OK;
    leaves = mti_vector_reserve(mem, m->leaves, &m->cap, m->count + 1, sizeof *leaves);
    if (!leaves) return MT_NO_MEMORY;
    m->leaves = leaves;
    st = leaf_make(mem, mt_buf_bytes(&m->first), mt_buf_bytes(&m->writer.bytes), &m->writer.sum,
                   &leaves[m->count]);
    if (st != MT_OK) return st;
    m->count++;
    mti_leaf_writer_clear(&m->writer);
    return MT_OK;
}

static mt_status write(making *m, const mti_element *element)
{
    mt_status st = MT_OK;

    if (mti_leaf_writer_ends(&m->writer, element->key)) st = cut(m);
    if (st == MT_OK && m->writer.sum.elements == 0) {
        m->first.len = 0;
        st = mti_buf_append(&m->first, element->key.data, element->key.len);
    }
    return st == MT_OK ? mti_leaf_writer_add(&m->writer, element) : st;
}

static mt_status write_change(making *m, const mti_element_change *change)
{
    mti_element element = {mti_change_key(m->feed.changes, change), change->print};

    feed_pass(&m->feed, change);
    return change->kind == MTI_CHANGE_SET ? write(m, &element) : MT_OK;
}

/* Writes what changes set up to a key; what takes the fields of that away stands behind it. */
static mt_status write_changes_to(making *m, mt_bytes key)
{
    const mti_element_change *change;
    mt_status st = MT_OK;

    while (st == MT_OK && (change = feed_peek(&m->feed))) {
        int order = mt_bytes_compare(mti_change_key(m->feed.changes, change), key);
        if (order > 0 || (order == 0 && change->kind == MTI_CHANGE_FIELDS)) break;
        st = write_change(m, change);
    }
    return st;
}

/* Writes what changes set before the next leaf. */
static mt_status write_changes_before(making *m, const mti_leaf *next)
{
    const mti_element_change *change;
    mt_status st = MT_OK;

    while (st == MT_OK && (change = feed_peek(&m->feed)) &&
           is_before(mti_change_key(m->feed.changes, change), next))
        st = write_change(m, change);
    return st;
}

static mt_status write_leaf(making *m, const mti_leaf *leaf, const mti_leaf *next)
{
    mti_leaf_iter iter;
    mti_element element;
    mt_status st = MT_OK;

    if (leaf->stored && m->dropped)
        st = mti_changes_add(m->dropped, MTI_CHANGE_REMOVE, mti_leaf_first(leaf), NULL);
    mti_leaf_iter_init(&iter, mti_leaf_bytes(leaf));
    while (st == MT_OK && mti_leaf_iter_next(&iter, &element)) {
        st = write_changes_to(m, element.key);
        if (st != MT_OK || mt_bytes_equal(element.key, m->feed.passed)) continue;
        if (!is_field_of(element.key, m->feed.fields)) st = write(m, &element);
    }
    mti_assert(!iter.bad);
    return st == MT_OK ? write_changes_before(m, next) : st;
}

/* Ends a run of leaves that are written anew: what was made since the last run comes in its place. */
static mt_status end_run(making *m, size_t from, size_t to)
{
    splice *splices = mti_vector_reserve(m->index->mem, m->splices, &m->splice_cap,
                                         m->splice_count + 1, sizeof *splices);
    mt_status st;

    if (!splices) return MT_NO_MEMORY;
    m->splices = splices;
    if ((st = cut(m)) != MT_OK) return st;
    splices[m->splice_count++] = (splice){from, to, m->count - m->in_runs};
    m->in_runs = m->count;
    return MT_OK;
}

/* A leaf that changes is written anew, and so is one behind a new one that would stay short, if its bytes
 * are at hand. All others stay. */
static mt_status make_leaves(making *m)
{
    mti_index *index = m->index;
    mt_status st = MT_OK;
    size_t at = next_concerned(index, &m->feed, 0);

    while (at < index->count && st == MT_OK) {
        size_t from = at;
        uint64_t written;

        do {
            st = write_leaf(m, &index->leaves[at], leaf_after(index, at));
            written = m->writer.sum.elements;
            at++;
        } while (st == MT_OK && at < index->count &&
                 (concerns(&m->feed, &index->leaves[at], leaf_after(index, at)) ||
                  (written > 0 && written < MTI_LEAF_MIN && index->leaves[at].bytes)));
        if (st == MT_OK) st = end_run(m, from, at);
        at = next_concerned(index, &m->feed, at);
    }
    if (st != MT_OK || index->count > 0) return st;
    st = write_changes_before(m, NULL);
    return st == MT_OK ? end_run(m, 0, 0) : st;
}

/* Room for all leaves, where they are not as many as before: else they stay where they are. */
static mt_status room_for_leaves(const making *m, mti_leaf **room, size_t *count)
{
    bool same = true;

    *count = m->index->count;
    for (size_t i = 0; i < m->splice_count; i++) {
        const splice *run = &m->splices[i];
        same &= run->to - run->from == run->count;
        *count += run->count;
        *count -= run->to - run->from;
    }
    *room = NULL;
    if (same || *count == 0) return MT_OK;
    *room = mti_mem_alloc(m->index->mem, *count * sizeof **room);
    return *room ? MT_OK : MT_NO_MEMORY;
}

static void copy_leaves(mti_leaf *to, size_t at, const mti_leaf *from, size_t old, size_t count)
{
    if (count > 0 && to != from) memcpy(to + at, from + old, count * sizeof *to);
}

/* Puts what was made in the place of the runs, in `room` or, if that is NULL, where they were. */
static void replace(making *m, mti_leaf *room, size_t count)
{
    mti_index *index = m->index;
    mti_leaf *leaves = room ? room : index->leaves;
    size_t old = 0, at = 0, made = 0;

    mti_assert(m->splice_count > 0); /* every change concerns a leaf, or makes one */
    for (size_t i = 0; i < m->splice_count; i++) {
        const splice *run = &m->splices[i];

        copy_leaves(leaves, at, index->leaves, old, run->from - old);
        at += run->from - old;
        for (old = run->from; old < run->to; old++) {
            index->held -= index->leaves[old].cap;
            leaf_free(index->mem, &index->leaves[old]);
        }
        for (size_t k = 0; k < run->count; k++) {
            index->held += m->leaves[made].cap;
            leaves[at++] = m->leaves[made++];
        }
    }
    copy_leaves(leaves, at, index->leaves, old, index->count - old);
    if (room || count == 0) {
        mti_mem_free(index->mem, index->leaves, index->cap * sizeof *index->leaves);
        index->leaves = room;
        index->cap = count;
    }
    index->count = count;
    add_up(index, m->splices[0].from);
}

static void making_free(making *m, bool replaced)
{
    const mt_mem *mem = m->index->mem;

    for (size_t i = 0; i < m->count && !replaced; i++) leaf_free(mem, &m->leaves[i]);
    mti_mem_free(mem, m->leaves, m->cap * sizeof *m->leaves);
    mti_mem_free(mem, m->splices, m->splice_cap * sizeof *m->splices);
    mt_buf_free(&m->writer.bytes);
    mt_buf_free(&m->first);
}

mt_status mti_index_apply(mti_index *index, const mti_changes *changes, mti_changes *dropped)
{
    making m = {.index = index, .feed = {.changes = changes}, .dropped = dropped};
    mti_leaf *room = NULL;
    size_t count = 0;
    mt_status st;

    if (changes->count == 0) return MT_OK;
    m.writer.bytes.mem = m.first.mem = index->mem;
    mti_leaf_writer_clear(&m.writer);
    st = make_leaves(&m);
    if (st == MT_OK) st = room_for_leaves(&m, &room, &count);
    if (st == MT_OK) replace(&m, room, count);
    making_free(&m, st == MT_OK);
    return st;
}
