#include "store/index_change.h"

#define KEPT_MAX ((size_t)32768)

void mti_changes_init(mti_changes *changes, const mt_mem *mem)
{
    memset(changes, 0, sizeof *changes);
    changes->text.mem = mem;
}

void mti_changes_free(mti_changes *changes)
{
    const mt_mem *mem = changes->text.mem;

    mti_mem_free(mem, changes->at, changes->cap * sizeof *changes->at);
    mti_mem_free(mem, changes->order, changes->order_cap * sizeof *changes->order);
    mt_buf_free(&changes->text);
    mti_changes_init(changes, mem);
}

void mti_changes_clear(mti_changes *changes)
{
    if (changes->cap > KEPT_MAX) mti_changes_free(changes);
    changes->count = changes->text.len = 0;
}

mt_status mti_changes_reserve(mti_changes *changes, size_t extra, size_t len)
{
    mti_element_change *at;

    if (changes->count + extra > UINT32_MAX || changes->text.len + len > UINT32_MAX)
        return MT_NO_MEMORY;
    if (mti_buf_reserve(&changes->text, len) != MT_OK) return MT_NO_MEMORY;
    at = mti_vector_reserve(changes->text.mem, changes->at, &changes->cap, changes->count + extra,
                            sizeof *at);
    if (!at) return MT_NO_MEMORY;
    changes->at = at;
    return MT_OK;
}

mt_status mti_changes_add(mti_changes *changes, mti_change_kind kind, mt_bytes key,
                          const mti_print *print)
{
    mti_element_change *change;

    if (mti_changes_reserve(changes, 1, key.len) != MT_OK) return MT_NO_MEMORY;
    change = &changes->at[changes->count];
    *change = (mti_element_change){
        .key_at = (uint32_t)changes->text.len, .key_len = (uint16_t)key.len, .kind = (uint8_t)kind};
    if (print) change->print = *print;
    memcpy(changes->text.data + changes->text.len, key.data, key.len);
    changes->text.len += key.len;
    changes->count++;
    return MT_OK;
}

/* ---- In key order ---- */

/* How many bytes all keys begin with. */
static size_t shared_len(const mti_changes *changes)
{
    mt_bytes first = mti_change_key(changes, &changes->at[0]);
    size_t len = first.len;

    for (size_t i = 1; i < changes->count && len > 0; i++) {
        mt_bytes key = mti_change_key(changes, &changes->at[i]);
        size_t same = 0;

        while (same < len && same < key.len && key.data[same] == first.data[same]) same++;
        len = same;
    }
    return len;
}

/* Keys that are shorter than that are in order with those that go on with zero bytes: then the keys
 * themselves are looked at. */
static uint64_t prefix_of(mt_bytes key, size_t shared)
{
    uint64_t prefix = 0;

    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (shared + i < key.len ? key.data[shared + i] : 0);
    return prefix;
}

/* The fields of a uid lie behind uid | 00: so does the change that takes them away. */
static bool comes_after(const mti_changes *changes, const mti_change_place *a,
                        const mti_change_place *b)
{
    const mti_element_change *x, *y;
    int order;

    if (a->prefix != b->prefix) return a->prefix > b->prefix;
    x = &changes->at[a->at];
    y = &changes->at[b->at];
    if ((order = mt_bytes_compare(mti_change_key(changes, x), mti_change_key(changes, y))))
        return order > 0;
    if ((x->kind == MTI_CHANGE_FIELDS) != (y->kind == MTI_CHANGE_FIELDS))
        return x->kind == MTI_CHANGE_FIELDS;
    return a->at > b->at;
}

/* Merges two runs that lie one behind the other. */
static void merge_runs(const mti_changes *changes, const mti_change_place *from, size_t left,
                       size_t right, mti_change_place *to)
{
    const mti_change_place *a = from, *a_end = from + left, *b = a_end, *b_end = b + right;

    if (right == 0 || !comes_after(changes, a_end - 1, b)) {
        memcpy(to, from, (left + right) * sizeof *to);
        return;
    }
    while (a < a_end && b < b_end) *to++ = comes_after(changes, a, b) ? *b++ : *a++;
    while (a < a_end) *to++ = *a++;
    while (b < b_end) *to++ = *b++;
}

/* Merge sort, from the bottom up. Answers which of the two halves of the room it ended in. */
static mti_change_place *merge_sort(const mti_changes *changes)
{
    mti_change_place *from = changes->order, *to = from + changes->count;

    for (size_t run = 1; run < changes->count; run *= 2) {
        mti_change_place *was = from;

        for (size_t at = 0; at < changes->count; at += 2 * run) {
            size_t left = changes->count - at < run ? changes->count - at : run;
            size_t right = changes->count - at - left < run ? changes->count - at - left : run;

            merge_runs(changes, from + at, left, right, to + at);
        }
        from = to;
        to = was;
    }
    return from;
}

/* Whether `key` is one of a field of `uid`. */
static bool is_field_of(mt_bytes key, mt_bytes uid)
{
    return key.len > uid.len && key.data[uid.len] == 0 && memcmp(key.data, uid.data, uid.len) == 0;
}

/* Of what is noted of one key the last holds; and no field that was set before its node's fields
 * were taken away. */
static void mark_dead(const mti_changes *changes)
{
    const mti_change_place *order = changes->order;

    for (size_t i = 0; i < changes->count; i++) {
        mti_element_change *change = &changes->at[order[i].at];
        mt_bytes key = mti_change_key(changes, change);

        if (i + 1 < changes->count) {
            const mti_element_change *next = &changes->at[order[i + 1].at];
            bool fields = next->kind == MTI_CHANGE_FIELDS;
            change->dead |= fields == (change->kind == MTI_CHANGE_FIELDS) &&
                            mt_bytes_equal(key, mti_change_key(changes, next));
        }
        if (change->kind != MTI_CHANGE_FIELDS || change->dead) continue;
        for (size_t j = i + 1; j < changes->count; j++) {
            mti_element_change *field = &changes->at[order[j].at];
            if (!is_field_of(mti_change_key(changes, field), key)) break;
            field->dead |= order[j].at < order[i].at;
        }
    }
}

mt_status mti_changes_sort(mti_changes *changes)
{
    mti_change_place *order;
    size_t shared;

    if (changes->count == 0) return MT_OK;
    order = mti_vector_reserve(changes->text.mem, changes->order, &changes->order_cap,
                               2 * changes->count, sizeof *order);
    if (!order) return MT_NO_MEMORY;
    changes->order = order;
    shared = shared_len(changes);
    for (size_t i = 0; i < changes->count; i++) {
        mt_bytes key = mti_change_key(changes, &changes->at[i]);
        order[i] = (mti_change_place){prefix_of(key, shared), (uint32_t)i};
        changes->at[i].dead = false;
    }
    if (merge_sort(changes) != order)
        memcpy(order, order + changes->count, changes->count * sizeof *order);
    mark_dead(changes);
    return MT_OK;
}
