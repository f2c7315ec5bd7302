/* kv_pairs.c - what is put, deleted, got and scanned, one request after the other. */
#include "conformance/kv_checks.h"

#include <string.h>

#define NONE ((mt_bytes){0})

/* ---- Order, keys and values ---- */

void mti_kv_check_new_is_empty(mti_kv_caller *c)
{
    mti_kv_expect_all(c, "");
    mti_kv_expect_get(c, "a? b?");
}

void mti_kv_check_put_is_found(mti_kv_caller *c)
{
    mti_kv_apply(c, "b=2 a=1 c=3");
    mti_kv_expect_all(c, "a=1 b=2 c=3");
    mti_kv_expect_get(c, "a=1 aa? b=2 c=3 d?");
    mti_kv_apply(c, "b=twenty");
    mti_kv_apply(c, "a=");
    mti_kv_expect_all(c, "a= b=twenty c=3");
}

void mti_kv_check_empty_is_a_value(mti_kv_caller *c)
{
    mti_kv_apply(c, "a= b=2");
    mti_kv_expect_get(c, "a= b=2 c?");
    mti_kv_apply(c, "b= a=1");
    mti_kv_expect_all(c, "a=1 b=");
}

/* Pairs in the order of `keys`, each with its place as its value. */
typedef struct places {
    mti_kv_caller *c;
    const mt_bytes *keys;
    size_t count, seen;
} places;

static void places_each(void *arg, const mt_kv_pair *pair)
{
    places *p = arg;
    uint32_t place = (uint32_t)p->seen;
    mt_bytes value = {(const uint8_t *)&place, sizeof place};

    if (p->seen >= p->count || !mt_bytes_equal(pair->key, p->keys[p->seen]))
        mti_trial_violate(p->c->trial, "the key %s is at place %zu", mti_show(pair->key).text,
                          p->seen);
    else if (!mt_bytes_equal(pair->value, value))
        mti_trial_violate(p->c->trial, "the key %s has the value of another",
                          mti_show(pair->key).text);
    p->seen++;
}

/* Puts keys that are in order, in an order that jumps, and expects them in order. */
static void places_try(mti_kv_caller *c, const mt_bytes *keys, size_t count)
{
    places p = {.c = c, .keys = keys, .count = count};

    for (size_t i = 0; i < count; i++) {
        uint32_t place = (uint32_t)(i * 7919 % count);
        mt_bytes value = {(const uint8_t *)&place, sizeof place};

        mti_kv_commit(c, &(mt_kv_op){MT_KV_PUT, keys[place], value}, 1, 0, NULL, NULL);
    }
    mti_kv_await(c);
    mti_kv_walk(c, NONE, NONE, 7, places_each, &p);
    if (p.seen < count)
        mti_trial_violate(c->trial, "the key %s is missing", mti_show(keys[p.seen]).text);
}

/* All keys of up to three bytes out of a few, which is the order a dictionary has them in. */
void mti_kv_check_keys_are_in_byte_order(mti_kv_caller *c)
{
    static const uint8_t alphabet[] = {0x00, 0x01, 'a', 0x7F, 0x80, 0xFF};
    enum { LETTERS = sizeof alphabet, COUNT = LETTERS * (1 + LETTERS * (1 + LETTERS)) };
    uint8_t bytes[COUNT][3];
    mt_bytes keys[COUNT];
    size_t count = 0, len = 0, at[3] = {0};

    /* A key's successor is it with the first letter more; else, with the last letter counted up. */
    for (;;) {
        if (len < 3) at[len++] = 0;
        else
            while (len > 0 && ++at[len - 1] == LETTERS) len--;
        if (len == 0) break;
        for (size_t i = 0; i < len; i++) bytes[count][i] = alphabet[at[i]];
        keys[count] = (mt_bytes){bytes[count], len};
        count++;
    }
    places_try(c, keys, count);
}

void mti_kv_check_keys_of_every_length(mti_kv_caller *c)
{
    size_t longest = c->kv.ops->key_len_max;
    uint8_t bytes[2][MTI_KV_TRIED_LEN_MAX];
    mt_bytes keys[MT_KV_KEY_LEN_MAX + 2];
    size_t count = 0;

    if (longest > MTI_KV_TRIED_LEN_MAX) longest = MTI_KV_TRIED_LEN_MAX;
    memset(bytes, 'k', sizeof bytes);
    for (; count < MT_KV_KEY_LEN_MAX; count++) keys[count] = (mt_bytes){bytes[0], count + 1};
    if (longest > MT_KV_KEY_LEN_MAX) keys[count++] = (mt_bytes){bytes[0], longest};
    /* And one that only the last byte tells from the longest. */
    bytes[1][longest - 1] = 'l';
    keys[count++] = (mt_bytes){bytes[1], longest};
    places_try(c, keys, count);
}

/* ---- Values ---- */

#define VALUE_LEN_MAX ((size_t)1 << 20)

/* The lengths that are tried: about the powers of two, where pages and buffers end. */
static size_t length_tried(size_t i)
{
    size_t power = (size_t)1 << i / 3;

    return i == 0 ? 0 : power + i % 3 - 1;
}

#define LENGTHS (3 * 20)

static void value_fill(uint8_t *bytes, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0) mti_trial_draw(&seed);
        bytes[i] = (uint8_t)(seed >> 8 * (i % 8));
    }
}

static void value_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    mti_kv_caller *c = arg;
    size_t len = (size_t)request->note, size = len + 1;
    mt_bytes value;
    uint8_t *expected;

    mti_kv_need_ok(c, request, answer);
    if (answer->status != MT_OK) return;
    expected = mti_trial_alloc(c->trial, size);
    if (!expected) return;
    value_fill(expected, len, len);
    value = answer->pairs[0].value;
    if (!value.data || !mt_bytes_equal(value, (mt_bytes){expected, len}))
        mti_trial_violate(c->trial, "a value of %zu bytes came back as another of %zu", len,
                          value.len);
    mti_trial_free(c->trial, expected, size);
}

void mti_kv_check_values_of_every_length(mti_kv_caller *c)
{
    uint8_t *bytes = mti_trial_alloc(c->trial, VALUE_LEN_MAX);

    for (size_t i = 0; i <= LENGTHS && bytes; i++) {
        size_t len = i < LENGTHS ? length_tried(i) : VALUE_LEN_MAX;
        uint8_t key[2] = {'v', (uint8_t)i};
        mt_kv_op op = {MT_KV_PUT, {key, 2}, {bytes, len}};

        value_fill(bytes, len, len);
        mti_kv_commit(c, &op, 1, 0, NULL, NULL);
    }
    mti_kv_await(c);
    for (size_t i = 0; i <= LENGTHS; i++) {
        uint8_t key[2] = {'v', (uint8_t)i};

        mti_kv_get(c, &(mt_bytes){key, 2}, 1, i < LENGTHS ? length_tried(i) : VALUE_LEN_MAX,
                   value_hear, c);
    }
    mti_kv_await(c);
    mti_trial_free(c->trial, bytes, VALUE_LEN_MAX);
}

/* ---- Deleting ---- */

void mti_kv_check_deleted_is_gone(mti_kv_caller *c)
{
    mti_kv_apply(c, "a=1 b=2 c=3");
    mti_kv_apply(c, "-b");
    mti_kv_expect_all(c, "a=1 c=3");
    mti_kv_expect_get(c, "a=1 b? c=3");
    mti_kv_apply(c, "-b -zz -aa");
    mti_kv_apply(c, "-a -c");
    mti_kv_expect_all(c, "");
}

void mti_kv_check_range_has_its_bounds(mti_kv_caller *c)
{
    mti_kv_apply(c, "a=1 b=2 ba=3 c=4 d=5 e=6");
    mti_kv_apply(c, "b..d");
    mti_kv_expect_all(c, "a=1 d=5 e=6");
    /* Bounds that are no keys, that are equal, that are the wrong way round. */
    mti_kv_apply(c, "aa..dd");
    mti_kv_expect_all(c, "a=1 e=6");
    mti_kv_apply(c, "a..a e..a f..z 0..a");
    mti_kv_expect_all(c, "a=1 e=6");
    mti_kv_apply(c, "0..z");
    mti_kv_expect_all(c, "");
}

void mti_kv_check_ops_are_in_order(mti_kv_caller *c)
{
    mti_kv_apply(c, "a=1 a=2 b=1 -b c=1 -c c=2");
    mti_kv_expect_all(c, "a=2 c=2");
    mti_kv_apply(c, "d=4 a..z c=3 e=5");
    mti_kv_expect_all(c, "c=3 e=5");
    mti_kv_apply(c, "-c e..f c=4 -e");
    mti_kv_expect_all(c, "c=4");
    mti_kv_apply(c, "z=1 y=2 x=3 x..y y..zz a=0");
    mti_kv_expect_all(c, "a=0 c=4");
}

/* ---- Many at once ---- */

#define MANY 10000

static mt_bytes number_key(uint32_t number, uint8_t *out)
{
    out[0] = 'n';
    for (int i = 0; i < 4; i++) out[i + 1] = (uint8_t)(number >> 8 * (3 - i));
    return (mt_bytes){out, 5};
}

static void many_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    mti_kv_caller *c = arg;

    mti_kv_need_ok(c, request, answer);
    for (size_t i = 0; i < answer->count; i++) {
        mt_kv_pair pair = answer->pairs[i];
        bool there = i % 2 == 0;

        if (!there != !pair.value.data)
            mti_trial_violate(c->trial, "key %zu of %zu is %s", i, answer->count,
                              there ? "missing" : "there, and should not be");
        else if (there && !mt_bytes_equal(pair.key, pair.value))
            mti_trial_violate(c->trial, "key %zu of %zu has the value of another", i,
                              answer->count);
    }
}

/* Puts the even numbers and gets all. */
void mti_kv_check_many_fit(mti_kv_caller *c)
{
    uint8_t(*bytes)[5] = mti_trial_alloc(c->trial, MANY * sizeof *bytes);
    mt_bytes *keys = mti_trial_alloc(c->trial, MANY * sizeof *keys);
    mt_kv_op *ops = mti_trial_alloc(c->trial, MANY / 2 * sizeof *ops);

    if (bytes && keys && ops) {
        for (uint32_t i = 0; i < MANY; i++) {
            keys[i] = number_key(i, bytes[i]);
            if (i % 2 == 0) ops[i / 2] = (mt_kv_op){MT_KV_PUT, keys[i], keys[i]};
        }
        mti_kv_commit(c, ops, MANY / 2, 0, NULL, NULL);
        mti_kv_await(c);
        mti_kv_get(c, keys, MANY, 0, many_hear, c);
        mti_kv_await(c);
    }
    mti_trial_free(c->trial, bytes, MANY * sizeof *bytes);
    mti_trial_free(c->trial, keys, MANY * sizeof *keys);
    mti_trial_free(c->trial, ops, MANY / 2 * sizeof *ops);
}

void mti_kv_check_nothing_is_answered(mti_kv_caller *c)
{
    mti_kv_commit(c, NULL, 0, 0, NULL, NULL);
    mti_kv_get(c, NULL, 0, 0, NULL, NULL);
    mti_kv_await(c);
    mti_kv_expect_all(c, "");
}

/* ---- Scanning ---- */

typedef struct pages {
    mti_kv_caller *c;
    size_t next; /* the number of the next key */
} pages;

static void pages_each(void *arg, const mt_kv_pair *pair)
{
    pages *p = arg;
    uint8_t bytes[5];

    if (!mt_bytes_equal(pair->key, number_key((uint32_t)p->next, bytes)))
        mti_trial_violate(p->c->trial, "key %zu is not where it should be in the pages", p->next);
    p->next++;
}

/* Walks from after key `after` to before key `end`, in pages of `limit`. */
static void pages_try(mti_kv_caller *c, uint32_t after, uint32_t end, size_t limit)
{
    pages p = {.c = c, .next = after + 1};
    uint8_t first[5], last[5];

    mti_kv_walk(c, number_key(after, first), number_key(end, last), limit, pages_each, &p);
    if (p.next != (end > after ? end : after + 1))
        mti_trial_violate(c->trial, "pages of %zu end before key %zu", limit, p.next);
}

void mti_kv_check_pages_meet(mti_kv_caller *c)
{
    enum { COUNT = 300 };
    static const size_t limits[] = {1, 2, 7, COUNT - 2, COUNT, SIZE_MAX};
    uint8_t bytes[COUNT][5];
    mt_kv_op ops[COUNT];
    pages whole = {.c = c};

    for (uint32_t i = 0; i < COUNT; i++)
        ops[i] = (mt_kv_op){MT_KV_PUT, number_key(i, bytes[i]), {bytes[i], i % 6}};
    mti_kv_commit(c, ops, COUNT, 0, NULL, NULL);
    mti_kv_await(c);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        pages_try(c, 0, COUNT - 1, limits[i]);
        pages_try(c, 100, 107, limits[i]);
        pages_try(c, 100, 101, limits[i]);
        pages_try(c, 100, 100, limits[i]);
        pages_try(c, 100, 99, limits[i]);
    }
    mti_kv_walk(c, NONE, NONE, 11, pages_each, &whole);
    if (whole.next != COUNT)
        mti_trial_violate(c->trial, "a scan of all ends before key %zu", whole.next);
}

void mti_kv_check_scan_bounds(mti_kv_caller *c)
{
    mti_kv_apply(c, "b=1 ba=2 d=3 f=4");
    mti_kv_expect_range(c, "a", "", "b=1 ba=2 d=3 f=4");
    mti_kv_expect_range(c, "b", "", "ba=2 d=3 f=4");
    mti_kv_expect_range(c, "c", "e", "d=3");
    mti_kv_expect_range(c, "", "d", "b=1 ba=2");
    mti_kv_expect_range(c, "", "b", "");
    mti_kv_expect_range(c, "f", "", "");
    mti_kv_expect_range(c, "zzz", "", "");
    mti_kv_expect_range(c, "d", "f", "");
    mti_kv_expect_range(c, "f", "b", "");
}
