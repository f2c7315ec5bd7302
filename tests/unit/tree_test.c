#include "test_tree.h"
#include <stdlib.h>
#include <string.h>

#define MANY TEST_AMOUNT(100000)

/* ---- Things: what the trees here hold ---- */

typedef struct thing {
    uint32_t refs;
    uint32_t tag; /* tells apart things with the same key */
    uint32_t len;
    uint8_t key[];
} thing;

static size_t keys_read;

static mt_bytes thing_key(const void *object)
{
    const thing *t = object;

    keys_read++;
    return (mt_bytes){t->key, t->len};
}

static void thing_release(void *ctx, void *object)
{
    thing *t = object;

    mti_heap_free(ctx, t, sizeof *t + t->len);
}

static const mti_tree_kind kind = {thing_key, thing_release};

static thing *thing_new(mti_heap *heap, mt_bytes key, uint32_t tag)
{
    thing *t = mti_heap_alloc(heap, sizeof *t + key.len);

    if (!t) return NULL;
    t->refs = 1;
    t->tag = tag;
    t->len = (uint32_t)key.len;
    if (key.len) memcpy(t->key, key.data, key.len);
    return t;
}

static void thing_drop(mti_heap *heap, thing *t)
{
    if (t && --t->refs == 0) thing_release(heap, t);
}

static mti_tree_env env_of(mti_heap *heap)
{
    return (mti_tree_env){&kind, heap, heap};
}

static void put(mti_tree *tree, mti_heap *heap, mt_bytes key, uint32_t tag)
{
    mti_tree_env env = env_of(heap);
    thing *t = thing_new(heap, key, tag);
    void *old = NULL;

    CHECK(t && mti_tree_put(tree, &env, t, &old) == MT_OK);
    thing_drop(heap, old);
}

static bool take(mti_tree *tree, mti_heap *heap, mt_bytes key)
{
    mti_tree_env env = env_of(heap);
    void *old;

    CHECK(mti_tree_remove(tree, &env, key, &old) == MT_OK);
    thing_drop(heap, old);
    return old != NULL;
}

/* What a tree holds for a key: the tag, or 0. */
static uint32_t look(const mti_tree *tree, mt_bytes key)
{
    const thing *t = mti_tree_get(tree, &kind, key);

    if (t) CHECK(mt_bytes_equal(thing_key(t), key));
    return t ? t->tag : 0;
}

static void end(mti_tree *tree, mti_heap *heap)
{
    mti_tree_env env = env_of(heap);

    mti_tree_end(tree, &env);
    CHECK(tree->root == NULL && tree->count == 0);
}

/* Nothing may be left. */
static void heap_end(mti_heap *heap)
{
    assert_int_equal(heap->live, 0);
    mti_heap_end(heap);
    assert_int_equal(test_mem_live(), 0);
}

/* ---- Keys ---- */

typedef struct keys {
    mt_bytes *key; /* sorted, each once */
    size_t count;
    test_arena arena;
} keys;

static int by_bytes(const void *a, const void *b)
{
    return mt_bytes_compare(*(const mt_bytes *)a, *(const mt_bytes *)b);
}

static void keys_end(keys *k)
{
    free(k->key);
    test_arena_end(&k->arena);
}

/* How a key of up to 255 bytes comes from a number. */
typedef size_t key_style(uint8_t *out, uint64_t random, size_t i);

static keys keys_new(size_t count, key_style *style)
{
    keys k = {.key = malloc(count * sizeof *k.key)};
    test_rng rng = test_rng_new(count);
    uint8_t text[255];

    if (!k.key) abort();
    for (size_t i = 0; i < count; i++) {
        size_t len = style(text, test_rng_next(&rng), i);

        k.key[i] = test_copy(&k.arena, (mt_bytes){text, len});
    }
    qsort(k.key, count, sizeof *k.key, by_bytes);
    for (size_t i = 0; i < count; i++)
        if (k.count == 0 || mt_bytes_compare(k.key[k.count - 1], k.key[i]) < 0)
            k.key[k.count++] = k.key[i];
    return k;
}

/* A random order of the keys. */
static size_t *keys_shuffled(const keys *k, uint64_t seed)
{
    test_rng rng = test_rng_new(seed);
    size_t *order = malloc(k->count * sizeof *order);

    if (!order) abort();
    for (size_t i = 0; i < k->count; i++) {
        size_t other = (size_t)test_rng_below(&rng, i + 1);

        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

static size_t put_digits(uint8_t *out, size_t i, size_t digits)
{
    for (size_t d = digits; d > 0; d--, i /= 10) out[d - 1] = (uint8_t)('0' + i % 10);
    return digits;
}

static size_t in_order(uint8_t *out, uint64_t random, size_t i)
{
    (void)random;
    memcpy(out, "user/", 5);
    return 5 + put_digits(out + 5, i, 8);
}

static size_t random_bytes(uint8_t *out, uint64_t random, size_t i)
{
    size_t len = random % 12;

    (void)i;
    for (size_t at = 0; at < len; at++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        out[at] = (uint8_t)(random >> 56);
    }
    return len;
}

/* Few letters and any length: many keys are prefixes of others. */
static size_t nested(uint8_t *out, uint64_t random, size_t i)
{
    size_t len = random % 40;

    (void)i;
    for (size_t at = 0; at < len; at++) out[at] = (uint8_t)('a' + (random >> (8 + at) & 1));
    return len;
}

/* One long prefix, and then a number: words say nothing until a page skips it. */
static size_t long_prefix(uint8_t *out, uint64_t random, size_t i)
{
    (void)random;
    memset(out, 'p', 247);
    return 247 + put_digits(out + 247, i, 8);
}

/* Prefixes of every length in one tree. */
static size_t many_prefixes(uint8_t *out, uint64_t random, size_t i)
{
    size_t len = random % 240;

    memset(out, 'p', len);
    return len + put_digits(out + len, i % 1000, 3);
}

/* Zeros at the end: behind the end of a key its word is zero too. */
static size_t zeros(uint8_t *out, uint64_t random, size_t i)
{
    size_t head = put_digits(out, i % 50, 2), len = random % 30;

    memset(out + head, 0, len);
    if (random >> 32 & 1) out[head + len++] = 1;
    return head + len;
}

static key_style *const styles[] = {in_order,    random_bytes,  nested,
                                    long_prefix, many_prefixes, zeros};

/* ---- Small trees ---- */

TEST(an_empty_tree_holds_nothing)
{
    mti_heap heap;
    mti_tree tree = {.root = NULL}, other = {.root = NULL};
    mt_walk walk, walk_b;
    void *a, *b;

    mti_heap_init(&heap, test_mem());
    CHECK(look(&tree, mt_str("")) == 0 && look(&tree, mt_str("a")) == 0);
    CHECK(!take(&tree, &heap, mt_str("a")));
    mti_tree_walk(&tree, &kind, mt_str(""), &walk);
    CHECK(!mti_tree_next(&walk) && !mti_tree_next(&walk));
    mti_tree_pair_walk(&tree, &other, &walk, &walk_b);
    CHECK(!mti_tree_pair_next(&kind, &walk, &walk_b, &a, &b) && !a && !b);
    mti_tree_copy(&tree, &other);
    end(&other, &heap);
    end(&tree, &heap);
    heap_end(&heap);
}

TEST(a_key_holds_one_object_and_gives_the_old_one_back)
{
    mti_heap heap;
    mti_tree tree = {.root = NULL};
    mti_tree_env env = env_of(&heap);
    thing *first, *second;
    void *old;

    mti_heap_init(&heap, test_mem());
    first = thing_new(&heap, mt_str("k"), 1);
    second = thing_new(&heap, mt_str("k"), 2);
    CHECK(mti_tree_put(&tree, &env, first, &old) == MT_OK && !old);
    CHECK(mti_tree_put(&tree, &env, second, &old) == MT_OK && old == first);
    CHECK(tree.count == 1 && look(&tree, mt_str("k")) == 2);
    CHECK(mti_tree_remove(&tree, &env, mt_str("k"), &old) == MT_OK && old == second);
    CHECK(tree.count == 0 && tree.root == NULL);
    thing_drop(&heap, first);
    thing_drop(&heap, second);
    heap_end(&heap);
}

TEST(the_empty_key_is_a_key_and_comes_first)
{
    mti_heap heap;
    mti_tree tree = {.root = NULL};
    mt_bytes none = {NULL, 0};
    mt_walk walk;

    mti_heap_init(&heap, test_mem());
    put(&tree, &heap, mt_str("a"), 2);
    put(&tree, &heap, none, 1);
    CHECK(look(&tree, none) == 1 && look(&tree, mt_str("")) == 1);
    mti_tree_walk(&tree, &kind, none, &walk);
    CHECK(((thing *)mti_tree_next(&walk))->tag == 1);
    CHECK(((thing *)mti_tree_next(&walk))->tag == 2);
    CHECK(take(&tree, &heap, none) && look(&tree, mt_str("a")) == 2);
    end(&tree, &heap);
    heap_end(&heap);
}

TEST(keys_that_differ_only_behind_zero_bytes_are_apart)
{
    uint8_t text[255] = {'a'};
    mti_heap heap;
    mti_tree tree = {.root = NULL};

    mti_heap_init(&heap, test_mem());
    for (size_t len = 0; len <= 255; len++) {
        size_t at = len * 7 % 256;

        put(&tree, &heap, (mt_bytes){text, at}, (uint32_t)at + 1);
    }
    for (size_t len = 0; len <= 255; len++)
        assert_int_equal(look(&tree, (mt_bytes){text, len}), len + 1);
    test_tree_inspect(&tree, &kind);
    for (size_t len = 0; len <= 255; len += 2) CHECK(take(&tree, &heap, (mt_bytes){text, len}));
    for (size_t len = 0; len <= 255; len++)
        assert_int_equal(look(&tree, (mt_bytes){text, len}), len % 2 ? len + 1 : 0);
    end(&tree, &heap);
    heap_end(&heap);
}

/* ---- Large trees ---- */

static void walk_is(const mti_tree *tree, const keys *k, const uint32_t *tags, size_t from)
{
    mt_bytes start = from < k->count ? k->key[from] : (mt_bytes){NULL, 0};
    const thing *t;
    mt_walk walk;

    mti_tree_walk(tree, &kind, start, &walk);
    for (size_t i = from; i < k->count; i++) {
        if (!tags[i]) continue;
        t = mti_tree_next(&walk);
        CHECK(t && t->tag == tags[i] && mt_bytes_equal(thing_key(t), k->key[i]));
    }
    CHECK(!mti_tree_next(&walk));
}

/* Inserts, replaces and removes all keys in random orders, and looks at the whole in between. */
static void many_keys(key_style *style, size_t count)
{
    keys k = keys_new(count, style);
    size_t *order = keys_shuffled(&k, 1), present = 0;
    uint32_t *tags = calloc(k.count, sizeof *tags);
    mti_heap heap;
    mti_tree tree = {.root = NULL};
    test_rng rng = test_rng_new(2);

    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < k.count; i++) put(&tree, &heap, k.key[order[i]], tags[order[i]] = 1);
    assert_int_equal(tree.count, k.count);
    walk_is(&tree, &k, tags, 0);
    test_tree_inspect(&tree, &kind);
    for (size_t i = 0; i < k.count; i++) {
        size_t at = (size_t)test_rng_below(&rng, k.count);
        bool there = tags[at] != 0;

        tags[at] = test_rng_below(&rng, 3) ? 0 : (uint32_t)i + 2;
        if (tags[at]) put(&tree, &heap, k.key[at], tags[at]);
        else CHECK(take(&tree, &heap, k.key[at]) == there);
    }
    for (size_t i = 0; i < k.count; i++) {
        present += tags[i] != 0;
        assert_int_equal(look(&tree, k.key[i]), tags[i]);
    }
    assert_int_equal(tree.count, present);
    test_tree_inspect(&tree, &kind);
    for (size_t i = 0; i < 20; i++)
        walk_is(&tree, &k, tags, k.count - 1 - (size_t)test_rng_below(&rng, k.count / 8 + 1));
    for (size_t i = 0; i < k.count; i++)
        CHECK(take(&tree, &heap, k.key[order[i]]) == (tags[order[i]] != 0));
    CHECK(tree.root == NULL);
    heap_end(&heap);
    free(tags);
    free(order);
    keys_end(&k);
}

TEST(a_tree_of_many_keys_is_the_sorted_list_of_them)
{
    many_keys(random_bytes, MANY);
    many_keys(in_order, MANY);
    many_keys(nested, MANY);
    for (size_t s = 0; s < TEST_COUNT(styles); s++) many_keys(styles[s], TEST_AMOUNT(20000));
}

TEST(small_trees_of_every_size_are_right)
{
    for (size_t count = 1; count < 140; count += 3)
        for (size_t s = 0; s < TEST_COUNT(styles); s++) many_keys(styles[s], count);
}

TEST(keys_that_come_in_order_fill_their_pages)
{
    keys k = keys_new(20000, in_order);
    mti_heap heap;
    mti_tree tree = {.root = NULL};
    test_tree seen;

    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < k.count; i++) put(&tree, &heap, k.key[i], 1);
    seen = test_tree_inspect(&tree, &kind);
    CHECK(seen.pages < 20000 / 55);
    assert_int_equal(seen.levels, 3);
    end(&tree, &heap);
    for (size_t i = k.count; i > 0; i--) put(&tree, &heap, k.key[i - 1], 1);
    seen = test_tree_inspect(&tree, &kind);
    CHECK(seen.pages < 20000 / 25);
    end(&tree, &heap);
    heap_end(&heap);
    keys_end(&k);
}

TEST(a_walk_starts_at_any_key_there_or_not)
{
    for (size_t s = 0; s < TEST_COUNT(styles); s++) {
        keys k = keys_new(1000, styles[s]);
        uint32_t *tags = calloc(k.count, sizeof *tags);
        mti_heap heap;
        mti_tree tree = {.root = NULL};
        mt_walk walk;

        mti_heap_init(&heap, test_mem());
        for (size_t i = 0; i < k.count; i += 2) put(&tree, &heap, k.key[i], tags[i] = 1);
        for (size_t from = 0; from < k.count; from++) {
            const thing *t;
            size_t next = from + from % 2;

            mti_tree_walk(&tree, &kind, k.key[from], &walk);
            t = mti_tree_next(&walk);
            CHECK(next < k.count ? t && mt_bytes_equal(thing_key(t), k.key[next]) : !t);
        }
        walk_is(&tree, &k, tags, k.count - 1);
        end(&tree, &heap);
        heap_end(&heap);
        free(tags);
        keys_end(&k);
    }
}

/* Where a key is among the sorted ones, or would be; `*found` if it is there. */
static size_t keys_search(const keys *k, mt_bytes key, bool *found)
{
    size_t at = 0, len = k->count;

    while (len > 0) {
        bool below = mt_bytes_compare(k->key[at + len / 2], key) < 0;

        at = below ? at + len / 2 + 1 : at;
        len = below ? len - len / 2 - 1 : len / 2;
    }
    *found = at < k->count && mt_bytes_equal(k->key[at], key);
    return at;
}

static void check_key(const mti_tree *tree, const keys *k, mt_bytes key)
{
    mti_tree_place place, near;
    const thing *t;
    mt_walk walk;
    bool found;
    size_t at = keys_search(k, key, &found);

    CHECK(look(tree, key) == (found ? 1 : 0));
    mti_tree_walk(tree, &kind, key, &walk);
    t = mti_tree_next(&walk);
    CHECK(at < k->count ? t && mt_bytes_equal(thing_key(t), k->key[at]) : !t);
    /* Near the key before, near the one behind, and near itself. */
    for (size_t i = at ? at - 1 : 0; i < at + 2 && i < k->count; i++) {
        mti_tree_find(tree, &kind, k->key[i], &near);
        t = mti_tree_find_near(tree, &kind, key, &near, &place);
        CHECK(found ? t && mt_bytes_equal(thing_key(t), key) : !t);
    }
}

/* Keys that were cut, changed at a byte, or made longer: mostly none that is there. */
static void similar_keys(key_style *style)
{
    keys k = keys_new(700, style);
    mti_heap heap;
    mti_tree tree = {.root = NULL};
    uint8_t text[256];

    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < k.count; i++) put(&tree, &heap, k.key[i], 1);
    for (size_t i = 0; i < k.count; i += 7) {
        mt_bytes key = {text, k.key[i].len};

        for (size_t cut = 0; cut <= k.key[i].len; cut++)
            check_key(&tree, &k, (mt_bytes){k.key[i].data, cut});
        for (size_t at = 0; at < k.key[i].len; at++) {
            memcpy(text, k.key[i].data, key.len);
            text[at]++;
            check_key(&tree, &k, key);
            text[at] = (uint8_t)(text[at] - 2);
            check_key(&tree, &k, key);
        }
        memcpy(text, k.key[i].data, key.len);
        text[key.len++] = 0;
        check_key(&tree, &k, key);
        text[key.len - 1] = 0xFF;
        check_key(&tree, &k, key);
    }
    end(&tree, &heap);
    heap_end(&heap);
    keys_end(&k);
}

TEST(keys_that_are_not_there_are_not_found)
{
    for (size_t s = 0; s < TEST_COUNT(styles); s++) similar_keys(styles[s]);
}

/* ---- Places ---- */

/* Finds, near the place before and anew, and puts at the place found. */
static void near_and_far(key_style *style, bool sorted)
{
    keys k = keys_new(3000, style);
    size_t *order = keys_shuffled(&k, 3);
    mti_heap heap;
    mti_tree tree = {.root = NULL}, copy;
    mti_tree_env env = env_of(&heap);
    mti_tree_place last = {.leaf = NULL}, place, other;
    test_rng rng = test_rng_new(4);
    void *old;

    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < 2 * k.count; i++) {
        mt_bytes key = k.key[sorted ? i % k.count : order[i % k.count]];
        thing *here = mti_tree_find_near(&tree, &kind, key, &last, &place), *t;

        CHECK(here == mti_tree_find(&tree, &kind, key, &other));
        CHECK(!place.leaf || (place.leaf == other.leaf && place.at == other.at));
        CHECK(!place.leaf || place.found == (here != NULL));
        t = thing_new(&heap, key, (uint32_t)i + 1);
        CHECK(mti_tree_put_at(&tree, &env, &place, t, &old) == MT_OK && old == here);
        thing_drop(&heap, old);
        last = place;
        last.found = true;
        /* What is shared cannot be written in place, and what was known of it is void. */
        if (test_rng_below(&rng, 100) == 0) {
            mti_tree_copy(&tree, &copy);
            mti_tree_find(&tree, &kind, key, &place);
            CHECK(!place.leaf);
            end(&copy, &heap);
        }
    }
    test_tree_inspect(&tree, &kind);
    assert_int_equal(tree.count, k.count);
    end(&tree, &heap);
    heap_end(&heap);
    free(order);
    keys_end(&k);
}

TEST(a_place_serves_the_next_put)
{
    for (size_t s = 0; s < TEST_COUNT(styles); s++) {
        near_and_far(styles[s], true);
        near_and_far(styles[s], false);
    }
}

/* Looks for keys of a batch, after none, some or all of its others were put. */
static void in_batches(key_style *style)
{
    keys k = keys_new(5000, style);
    size_t *order = keys_shuffled(&k, 5);
    mti_heap heap;
    mti_tree tree = {.root = NULL};
    mti_tree_env env = env_of(&heap);
    mt_bytes key[MTI_TREE_BATCH];
    mti_tree_batch batch;
    mti_tree_place place, other;
    void *old;

    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < k.count; i += 8) {
        for (size_t n = 0; n < MTI_TREE_BATCH; n++) key[n] = k.key[order[(i + n) % k.count]];
        key[i % 3] = i % 5 ? key[3] : (mt_bytes){NULL, 0};
        mti_tree_prefetch(&tree, &kind, key, i % (MTI_TREE_BATCH + 1), &batch);
        for (size_t n = 0; n < MTI_TREE_BATCH; n++) {
            thing *here = mti_tree_find_batched(&tree, &kind, key[n], &batch, n, &place), *t;

            CHECK(here == mti_tree_find(&tree, &kind, key[n], &other));
            CHECK(place.leaf == other.leaf);
            CHECK(!place.leaf || (place.at == other.at && place.found == other.found));
            if (n % 2) continue;
            t = thing_new(&heap, key[n], 1);
            CHECK(mti_tree_put_at(&tree, &env, &place, t, &old) == MT_OK && old == here);
            thing_drop(&heap, old);
        }
    }
    test_tree_inspect(&tree, &kind);
    end(&tree, &heap);
    heap_end(&heap);
    free(order);
    keys_end(&k);
}

TEST(keys_are_found_side_by_side_as_one_by_one)
{
    for (size_t s = 0; s < TEST_COUNT(styles); s++) in_batches(styles[s]);
}

/* ---- Copies ---- */

#define COPIES 5

typedef struct copies {
    keys k;
    mti_heap heap;
    mti_tree tree[COPIES];
    uint32_t *tags[COPIES]; /* what each holds, by key; 0: nothing */
    test_rng rng;
} copies;

static void pair_is(const copies *c, size_t x, size_t y)
{
    mt_walk walk_a, walk_b;
    void *a, *b;

    mti_tree_pair_walk(&c->tree[x], &c->tree[y], &walk_a, &walk_b);
    for (size_t i = 0; i < c->k.count; i++) {
        uint32_t mine = c->tags[x][i], theirs = c->tags[y][i];

        if (mine == theirs) continue;
        CHECK(mti_tree_pair_next(&kind, &walk_a, &walk_b, &a, &b));
        CHECK((a ? ((thing *)a)->tag : 0) == mine);
        CHECK((b ? ((thing *)b)->tag : 0) == theirs);
        CHECK(mt_bytes_equal(thing_key(a ? a : b), c->k.key[i]));
    }
    CHECK(!mti_tree_pair_next(&kind, &walk_a, &walk_b, &a, &b));
    CHECK(!mti_tree_pair_next(&kind, &walk_a, &walk_b, &a, &b));
}

static void copies_edit(copies *c, uint32_t tag)
{
    size_t x = (size_t)test_rng_below(&c->rng, COPIES);
    size_t i = (size_t)test_rng_below(&c->rng, c->k.count);
    size_t y = (size_t)test_rng_below(&c->rng, COPIES);

    if (test_rng_below(&c->rng, 40) == 0 && x != y) {
        end(&c->tree[x], &c->heap);
        mti_tree_copy(&c->tree[y], &c->tree[x]);
        memcpy(c->tags[x], c->tags[y], c->k.count * sizeof *c->tags[x]);
    } else if (test_rng_below(&c->rng, 2)) {
        put(&c->tree[x], &c->heap, c->k.key[i], c->tags[x][i] = tag);
    } else {
        CHECK(take(&c->tree[x], &c->heap, c->k.key[i]) == (c->tags[x][i] != 0));
        c->tags[x][i] = 0;
    }
}

static void copies_live(key_style *style, size_t count, size_t edits)
{
    copies c = {.k = keys_new(count, style), .rng = test_rng_new(count)};

    mti_heap_init(&c.heap, test_mem());
    for (size_t x = 0; x < COPIES; x++) c.tags[x] = calloc(c.k.count, sizeof *c.tags[x]);
    for (size_t i = 0; i < c.k.count; i++) put(&c.tree[0], &c.heap, c.k.key[i], c.tags[0][i] = 1);
    for (size_t x = 1; x < COPIES; x++) {
        mti_tree_copy(&c.tree[0], &c.tree[x]);
        memcpy(c.tags[x], c.tags[0], c.k.count * sizeof *c.tags[x]);
    }
    for (size_t i = 0; i < edits; i++) copies_edit(&c, (uint32_t)i + 2);
    for (size_t x = 0; x < COPIES; x++) {
        walk_is(&c.tree[x], &c.k, c.tags[x], 0);
        test_tree_inspect(&c.tree[x], &kind);
        for (size_t y = 0; y < COPIES; y++) pair_is(&c, x, y);
    }
    for (size_t x = 0; x < COPIES; x++) {
        end(&c.tree[x], &c.heap);
        free(c.tags[x]);
    }
    heap_end(&c.heap);
    keys_end(&c.k);
}

TEST(copies_are_edited_apart_and_compared_by_what_differs)
{
    for (size_t s = 0; s < TEST_COUNT(styles); s++) {
        copies_live(styles[s], 50, 500);
        copies_live(styles[s], 5000, 3000);
        copies_live(styles[s], 3000, 40);
    }
}

TEST(comparing_copies_touches_only_what_was_edited)
{
    keys k = keys_new(MANY, in_order);
    mti_heap heap;
    mti_tree tree = {.root = NULL}, copy;
    mt_walk walk_a, walk_b;
    size_t differ = 0, before;
    void *a, *b;

    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < k.count; i++) put(&tree, &heap, k.key[i], 1);
    mti_tree_copy(&tree, &copy);
    before = heap.live;
    for (size_t i = 0; i < 3; i++) put(&copy, &heap, k.key[i * (k.count / 3)], 2);
    /* A path of pages and an object for each, the root and some inner pages shared among them. */
    CHECK(heap.live - before <= 3 * 4);
    keys_read = 0;
    mti_tree_pair_walk(&tree, &copy, &walk_a, &walk_b);
    while (mti_tree_pair_next(&kind, &walk_a, &walk_b, &a, &b)) differ++;
    assert_int_equal(differ, 3);
    /* Two keys an entry, of some pages of 60 entries each. */
    CHECK(keys_read < 3000);
    end(&tree, &heap);
    end(&copy, &heap);
    heap_end(&heap);
    keys_end(&k);
}

/* ---- Without memory ---- */

/* Puts keys into one of two copies until an allocation fails: both then hold what they held. */
static bool puts_until(fail_mem *fm, const keys *k, const size_t *order)
{
    mti_heap heap;
    mti_tree tree = {.root = NULL}, copy = {.root = NULL};
    mti_tree_env env = env_of(&heap);
    uint32_t *tags = calloc(k->count, sizeof *tags);
    mt_status st = MT_OK;
    void *old;

    mti_heap_init(&heap, fail_mem_hook(fm));
    for (size_t i = 0; i < k->count && st == MT_OK; i++) {
        thing *t = thing_new(&heap, k->key[order[i]], 1);

        if (!t) break;
        st = mti_tree_put(&tree, &env, t, &old);
        if (st == MT_OK) tags[order[i]] = 1;
        else thing_drop(&heap, t);
        if (i % 100 == 0 && !copy.root) mti_tree_copy(&tree, &copy);
        else if (i % 150 == 0) end(&copy, &heap);
    }
    CHECK(st == MT_OK || (st == MT_NO_MEMORY && fm->tripped));
    walk_is(&tree, k, tags, 0);
    test_tree_inspect(&tree, &kind);
    for (size_t i = 0; i < k->count && st == MT_OK; i += 3) {
        st = mti_tree_remove(&tree, &env, k->key[i], &old);
        CHECK(st == MT_OK || !old);
        if (st == MT_OK) tags[i] = 0;
        thing_drop(&heap, old);
    }
    walk_is(&tree, k, tags, 0);
    test_tree_inspect(&tree, &kind);
    end(&copy, &heap);
    end(&tree, &heap);
    CHECK(heap.live == 0);
    mti_heap_end(&heap);
    free(tags);
    return fm->tripped;
}

TEST(without_memory_a_tree_holds_what_it_held)
{
    keys k = keys_new(TEST_SANITIZED ? 300 : 2000, many_prefixes);
    size_t *order = keys_shuffled(&k, 6);

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        bool tripped = puts_until(&fm, &k, order);

        CHECK(fm.live_bytes == 0);
        if (!tripped) break;
    }
    free(order);
    keys_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_holds_nothing),
        cmocka_unit_test(a_key_holds_one_object_and_gives_the_old_one_back),
        cmocka_unit_test(the_empty_key_is_a_key_and_comes_first),
        cmocka_unit_test(keys_that_differ_only_behind_zero_bytes_are_apart),
        cmocka_unit_test(a_tree_of_many_keys_is_the_sorted_list_of_them),
        cmocka_unit_test(small_trees_of_every_size_are_right),
        cmocka_unit_test(keys_that_come_in_order_fill_their_pages),
        cmocka_unit_test(a_walk_starts_at_any_key_there_or_not),
        cmocka_unit_test(keys_that_are_not_there_are_not_found),
        cmocka_unit_test(a_place_serves_the_next_put),
        cmocka_unit_test(keys_are_found_side_by_side_as_one_by_one),
        cmocka_unit_test(copies_are_edited_apart_and_compared_by_what_differs),
        cmocka_unit_test(comparing_copies_touches_only_what_was_edited),
        cmocka_unit_test(without_memory_a_tree_holds_what_it_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
