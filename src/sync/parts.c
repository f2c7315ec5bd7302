#include "sync/parts.h"

#include "base/word.h"

#include <mytosis/limits.h>

#define KIND_END 1u
#define SHARED_MANY 15u
#define REST_MANY 7u

void mti_parts_init(mti_parts *parts, const mt_mem *mem)
{
    memset(parts, 0, sizeof *parts);
    parts->text.mem = mem;
}

void mti_parts_free(mti_parts *parts)
{
    const mt_mem *mem = parts->text.mem;

    mti_mem_free(mem, parts->at, parts->cap * sizeof *parts->at);
    mt_buf_free(&parts->text);
    mti_parts_init(parts, mem);
}

void mti_parts_clear(mti_parts *parts)
{
    parts->count = parts->text.len = 0;
}

/* Where a bound lies: that which was added last is not added again. */
static mt_status put_bound(mti_parts *parts, mt_bytes bound, uint32_t *at)
{
    const mt_buf *text = &parts->text;

    *at = (uint32_t)(text->len - (bound.len < text->len ? bound.len : text->len));
    if (bound.len && text->len >= bound.len &&
        mt_bytes_equal((mt_bytes){text->data + *at, bound.len}, bound))
        return MT_OK;
    *at = (uint32_t)text->len;
    if (text->len + bound.len > UINT32_MAX) return MT_NO_MEMORY;
    return mti_buf_append(&parts->text, bound.data, bound.len);
}

mt_status mti_parts_add(mti_parts *parts, mt_bytes first, mt_bytes end)
{
    mti_compared_part *at =
        mti_vector_reserve(parts->text.mem, parts->at, &parts->cap, parts->count + 1, sizeof *at);
    size_t len = parts->text.len;

    if (!at) return MT_NO_MEMORY;
    parts->at = at;
    at += parts->count;
    *at = (mti_compared_part){.first_len = (uint8_t)first.len, .end_len = (uint8_t)end.len};
    if (put_bound(parts, first, &at->first_at) != MT_OK ||
        put_bound(parts, end, &at->end_at) != MT_OK) {
        parts->text.len = len;
        return MT_NO_MEMORY;
    }
    parts->count++;
    return MT_OK;
}

mt_status mti_parts_pick(const mti_parts *parts, mti_parts *out)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < parts->count && st == MT_OK; i++) {
        const mti_compared_part *part = &parts->at[i];
        if (!part->differs) continue;
        st = mti_parts_add(out, mti_part_first(parts, part), mti_part_end(parts, part));
        if (st == MT_OK) out->at[out->count - 1].print = part->print;
    }
    return st;
}

static size_t shared_len(mt_bytes a, mt_bytes b)
{
    size_t shared = 0;

    while (shared < a.len && shared < b.len && a.data[shared] == b.data[shared]) shared++;
    return shared;
}

/* A bound keeps this much more than tells it from its neighbours, so that it stays near where it was. */
#define CUT_SPARE 2u

/* So many bytes of each bound are worth it; of few parts, fewer. */
#define CUT_MIN 6u
#define CUT_FEW 1024u

/* Whether a part begins where the one before ends. */
static bool is_inner(const mti_parts *parts, size_t i)
{
    return i > 0 && i < parts->count &&
           mt_bytes_equal(mti_part_end(parts, &parts->at[i - 1]),
                          mti_part_first(parts, &parts->at[i]));
}

/* How much of an inner bound is kept: more than tells it from those beside it, of which there is one at
 * least. A bound moves by less than a part then, so that parts get smaller whatever uids are like. */
static size_t cut_len(const mti_parts *parts, size_t i)
{
    mt_bytes own = mti_part_first(parts, &parts->at[i]);
    bool below = is_inner(parts, i - 1), above = is_inner(parts, i + 1);
    size_t len, next;

    if (!below && !above) return own.len;
    len = shared_len(own, mti_part_first(parts, &parts->at[i - 1]));
    next = above ? shared_len(own, mti_part_first(parts, &parts->at[i + 1])) : 0;
    len = (len > next ? len : next) + CUT_SPARE;
    return len < own.len ? len : own.len;
}

mt_status mti_parts_cut(const mti_parts *parts, mti_parts *out, bool *worth)
{
    size_t spared = 0;
    mt_status st = MT_OK;

    for (size_t i = 0; i < parts->count && st == MT_OK; i++) {
        mt_bytes first = mti_part_first(parts, &parts->at[i]);
        mt_bytes end = mti_part_end(parts, &parts->at[i]);
        if (is_inner(parts, i)) {
            spared += first.len - cut_len(parts, i);
            first.len = cut_len(parts, i);
        }
        if (is_inner(parts, i + 1)) end.len = cut_len(parts, i + 1);
        st = mti_parts_add(out, first, end);
    }
    *worth = spared >= parts->count * (parts->count <= CUT_FEW ? 1 : CUT_MIN);
    return st;
}

size_t mti_parts_len(const mti_parts *parts)
{
    mt_bytes before = {NULL, 0};
    size_t len = 0;

    for (size_t i = 0; i < parts->count; i++) {
        mt_bytes first = mti_part_first(parts, &parts->at[i]);
        len += 1 + first.len - shared_len(before, first);
        before = first;
    }
    return len;
}

static bool is_behind(const mti_parts *parts, const mti_compared_part *a,
                      const mti_compared_part *b)
{
    return mt_bytes_compare(mti_part_first(parts, a), mti_part_first(parts, b)) > 0;
}

static void sift(const mti_parts *parts, size_t root, size_t count)
{
    mti_compared_part *at = parts->at, moving = at[root];

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_behind(parts, &at[child + 1], &at[child])) child++;
        if (!is_behind(parts, &at[child], &moving)) break;
        at[root] = at[child];
    }
    at[root] = moving;
}

void mti_parts_sort(mti_parts *parts)
{
    size_t sorted = 1;

    while (sorted < parts->count && is_behind(parts, &parts->at[sorted], &parts->at[sorted - 1]))
        sorted++;
    if (sorted >= parts->count) return;
    for (size_t i = parts->count / 2; i-- > 0;) sift(parts, i, parts->count);
    for (size_t count = parts->count; count > 1;) {
        mti_compared_part last = parts->at[--count];
        parts->at[count] = parts->at[0];
        parts->at[0] = last;
        sift(parts, 0, count);
    }
}

mt_storage_span *mti_parts_spans(const mti_parts *parts, uint32_t divide)
{
    mt_storage_span *spans = mti_mem_alloc(parts->text.mem, parts->count * sizeof *spans);

    for (size_t i = 0; spans && i < parts->count; i++)
        spans[i] = (mt_storage_span){mti_part_first(parts, &parts->at[i]),
                                     mti_part_end(parts, &parts->at[i]), divide};
    return spans;
}

/* ---- Writing ---- */

static void say_entry(mti_say *say, mt_bytes *before, mt_bytes bound, unsigned kind)
{
    size_t shared = shared_len(*before, bound), rest = bound.len - shared;
    size_t low = shared < SHARED_MANY ? shared : SHARED_MANY;
    size_t high = rest < REST_MANY ? rest : REST_MANY;

    mti_say_byte(say, (unsigned)(kind | low << 1 | high << 5));
    if (low == SHARED_MANY) mti_say_number(say, shared - SHARED_MANY);
    if (high == REST_MANY) mti_say_number(say, rest - REST_MANY);
    if (rest > 0) mti_say_fixed(say, (mt_bytes){bound.data + shared, rest});
    *before = bound;
}

/* Whether a part ends where nothing goes on. */
static bool ends_alone(const mti_parts *parts, size_t i, mt_bytes end)
{
    mt_bytes own = mti_part_end(parts, &parts->at[i]);

    if (i + 1 < parts->count) return !mt_bytes_equal(own, mti_part_first(parts, &parts->at[i + 1]));
    return !mt_bytes_equal(own, end);
}

void mti_say_parts(mti_say *say, const mti_parts *parts, mt_bytes end, size_t print_len)
{
    mt_bytes before = {NULL, 0};
    size_t count = parts->count;

    for (size_t i = 0; i < parts->count; i++) count += ends_alone(parts, i, end);
    mti_say_number(say, count);
    for (size_t i = 0; i < parts->count; i++) {
        const mti_compared_part *part = &parts->at[i];
        uint8_t print[16];
        mti_store_le64(part->print.lo, print);
        mti_store_le64(part->print.hi, print + 8);
        say_entry(say, &before, mti_part_first(parts, part), 0);
        mti_say_fixed(say, (mt_bytes){print, print_len});
        if (ends_alone(parts, i, end)) say_entry(say, &before, mti_part_end(parts, part), KIND_END);
    }
}

bool mti_prints_same(mti_sip128 a, mti_sip128 b, size_t len)
{
    uint64_t lo = len >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * len) - 1;
    uint64_t hi = len <= 8 ? 0 : len >= 16 ? UINT64_MAX : ((uint64_t)1 << 8 * (len - 8)) - 1;

    return ((a.lo ^ b.lo) & lo) == 0 && ((a.hi ^ b.hi) & hi) == 0;
}

void mti_say_differs(mti_say *say, const mti_parts *parts)
{
    for (size_t i = 0; i < parts->count; i += 8) {
        unsigned bits = 0;
        for (size_t k = 0; k < 8 && i + k < parts->count; k++)
            bits |= (unsigned)parts->at[i + k].differs << k;
        mti_say_byte(say, bits);
    }
}

/* ---- Reading ---- */

typedef struct bound {
    size_t len;
    uint8_t text[MT_UID_LEN_MAX];
} bound;

static unsigned parse_entry(mti_parse *in, bound *b)
{
    unsigned head = mti_parse_byte(in, "a bound");
    uint64_t shared = head >> 1 & SHARED_MANY, rest = head >> 5;
    mt_bytes text;

    if (shared == SHARED_MANY) shared += mti_parse_number(in, "a bound");
    if (rest == REST_MANY) rest += mti_parse_number(in, "a bound");
    if (!in->failed && (shared > b->len || rest > MT_UID_LEN_MAX - shared))
        mti_parse_fail(in, "a bound", "longer than it can be");
    text = mti_parse_fixed(in, "a bound", in->failed ? 0 : (size_t)rest);
    if (in->failed) return 0;
    if (text.len) memcpy(b->text + shared, text.data, text.len);
    b->len = (size_t)(shared + rest);
    return head & KIND_END;
}

static void parse_print(mti_parse *in, size_t len, mti_sip128 *print)
{
    mt_bytes bytes = mti_parse_fixed(in, "a print", len);
    uint8_t room[16] = {0};

    if (bytes.len) memcpy(room, bytes.data, bytes.len);
    print->lo = mti_load_le64(room);
    print->hi = mti_load_le64(room + 8);
}

/* The part that is open ends with a bound. */
static void close_part(mti_parse *in, mti_parts *parts, mt_bytes end)
{
    mti_compared_part *part = &parts->at[parts->count - 1];

    part->end_len = (uint8_t)end.len;
    if (put_bound(parts, end, &part->end_at) != MT_OK) {
        (void)mti_no_memory(in->err);
        in->failed = true;
    }
}

/* Adds a part whose end is not known yet. */
static void open_part(mti_parse *in, mti_parts *parts, mt_bytes first, size_t print_len)
{
    mti_sip128 print;

    parse_print(in, print_len, &print);
    if (in->failed) return;
    if (mti_parts_add(parts, first, first) != MT_OK) {
        (void)mti_no_memory(in->err);
        in->failed = true;
        return;
    }
    parts->at[parts->count - 1].print = print;
}

void mti_parse_parts(mti_parse *in, mti_parts *parts, mt_bytes first, mt_bytes end,
                     size_t print_len, size_t max)
{
    uint64_t count = mti_parse_number(in, "the number of bounds");
    mt_bytes before = {NULL, 0};
    bound b = {.len = 0}, last;
    bool open = false;

    if (count > 2 * max || count > (size_t)(in->end - in->at))
        mti_parse_fail(in, "the number of bounds", "more than there can be");
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        unsigned kind = parse_entry(in, &b);
        mt_bytes at = {b.text, b.len};
        bool low = i == 0 ? mt_bytes_compare(at, first) < 0 : mt_bytes_compare(at, before) <= 0;
        if (in->failed) return;
        if (low || (end.len > 0 && mt_bytes_compare(at, end) >= 0) || (kind == KIND_END && !open))
            mti_parse_fail(in, "a bound", "not behind the one before, or not in the range");
        if (open && !in->failed) close_part(in, parts, at);
        if ((open = kind != KIND_END)) open_part(in, parts, at, print_len);
        last = b;
        before = (mt_bytes){last.text, last.len};
    }
    if (open && !in->failed) close_part(in, parts, end);
    if (!in->failed && parts->count > max)
        mti_parse_fail(in, "the number of parts", "more than there can be");
}

void mti_parse_differs(mti_parse *in, mti_parts *parts)
{
    mt_bytes bits = mti_parse_fixed(in, "which parts differ", (parts->count + 7) / 8);

    for (size_t i = 0; i < parts->count; i++)
        parts->at[i].differs = bits.len && bits.data[i / 8] >> i % 8 & 1;
    if (bits.len && parts->count % 8 && bits.data[bits.len - 1] >> parts->count % 8)
        mti_parse_fail(in, "which parts differ", "more than there are");
}
