#include "base/tree.h"

#include "base/assert.h"
#include "base/bytes.h"

#define PAGE_ROOM 60 /* makes a page of 1,024 bytes */
#define PREFIX_MAX 56
#define PREFIX_SLACK 3 /* bytes of a known common prefix left in the words, for keys to come */

struct mti_tree_page {
    uint32_t refs;
    uint16_t count;
    uint8_t level; /* 0: a leaf */
    uint8_t skip;  /* bytes of `prefix` in use */
    uint8_t prefix[PREFIX_MAX];
    uint64_t word[PAGE_ROOM]; /* an inner page's first child begins at the start: word[0] is idle */
    void *at[PAGE_ROOM];      /* objects or pages */
};

static mti_tree_page *page_at(const mti_tree_page *page, unsigned i)
{
    return page->at[i];
}

/* ---- Keys and words ---- */

static inline uint64_t load_big(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The 8 bytes of a key behind `skip`, zeros behind its end, so that words compare as the bytes
 * do. */
static inline uint64_t key_word(mt_bytes key, size_t skip)
{
    size_t len = key.len > skip ? key.len - skip : 0;
    uint64_t word = 0;

    if (len >= 8) return load_big(key.data + skip);
    if (len == 0) return 0;
    if (key.len >= 8) return load_big(key.data + key.len - 8) << (8 * (8 - len));
    for (size_t i = 0; i < 8; i++) word = word << 8 | (i < len ? key.data[skip + i] : 0);
    return word;
}

static size_t common_len(mt_bytes a, mt_bytes b, size_t max)
{
    size_t len = 0;

    while (len < max && len < a.len && len < b.len && a.data[len] == b.data[len]) len++;
    return len;
}

/* The first key below an entry: of an inner page, where the keys of a child now begin. */
static mt_bytes entry_key(const mti_tree_kind *kind, const mti_tree_page *page, unsigned i)
{
    for (; page->level > 0; i = 0) page = page_at(page, i);
    return kind->key(page->at[i]);
}

/* Whether the key begins with the page's prefix: 0, or the side on which it sorts. */
static inline int prefix_side(const mti_tree_page *page, mt_bytes key)
{
    size_t skip = page->skip;

    if (skip == 0) return 0;
    if (skip <= 8 && key.len >= 8) {
        /* Nearly always: short, and equal. */
        uint64_t differ = load_big(key.data) ^ load_big(page->prefix);
        if (differ >> (64 - 8 * skip) == 0) return 0;
    }
    if (key.len >= skip) return memcmp(key.data, page->prefix, skip);
    if (key.len == 0) return -1;
    return memcmp(key.data, page->prefix, key.len) > 0 ? 1 : -1;
}

/* The first of the entries from `first` on whose word is not below `word`. Without branches:
 * which way a search turns cannot be foreseen. */
static inline unsigned word_search(const mti_tree_page *page, unsigned first, uint64_t word)
{
    const uint64_t *at = page->word + first;
    size_t len = page->count - first;

    if (len == 0) return first;
    while (len > 1) {
        size_t half = len / 2;
        at += (size_t)(at[half - 1] < word) * half;
        len -= half;
    }
    return (unsigned)(at - page->word) + (*at < word);
}

/* An object's first lines; nodes of a few fields have no more. */
static inline void object_prefetch(const void *object)
{
    for (size_t i = 0; i < 4; i++) __builtin_prefetch((const uint8_t *)object + 64 * i);
}

/* The first entry from `first` on whose key is not below `key`; `*found` if it is equal. */
static inline unsigned page_search(const mti_tree_kind *kind, const mti_tree_page *page,
                                   unsigned first, mt_bytes key, bool *found)
{
    int side = prefix_side(page, key);
    unsigned at, len = 0;
    uint64_t word;

    *found = false;
    if (side) return side < 0 ? first : page->count;
    word = key_word(key, page->skip);
    at = word_search(page, first, word);
    if (page->level == 0 && at < page->count) object_prefetch(page->at[at]);
    while (at + len < page->count && page->word[at + len] == word) len++;
    while (len > 0) {
        unsigned half = len / 2;
        mt_bytes there = entry_key(kind, page, at + half);
        int order = mti_bytes_same(there, key) ? 0 : mt_bytes_compare(there, key);
        if (order == 0) {
            *found = true;
            return at + half;
        }
        at = order < 0 ? at + half + 1 : at;
        len = order < 0 ? len - half - 1 : half;
    }
    return at;
}

/* The child of an inner page in which a key belongs. */
static inline unsigned child_search(const mti_tree_kind *kind, const mti_tree_page *page,
                                    mt_bytes key)
{
    bool found;
    unsigned at = page_search(kind, page, 1, key, &found);

    return found ? at : at - 1;
}

/* Shortens the prefix to `skip` bytes. The words get what the prefix loses, so that no key is
 * read. */
static void prefix_cut(mti_tree_page *page, size_t skip)
{
    size_t lost = page->skip - skip;
    uint64_t head = 0;

    for (size_t i = 0; i < 8; i++) head = head << 8 | (i < lost ? page->prefix[skip + i] : 0);
    for (unsigned i = 0; i < page->count; i++)
        page->word[i] = lost >= 8 ? head : head | page->word[i] >> (8 * lost);
    page->skip = (uint8_t)skip;
}

/* Gives a page the longest prefix that serves it, if two of its words are equal now. */
static void prefix_refine(const mti_tree_kind *kind, mti_tree_page *page)
{
    unsigned first = page->level > 0;
    size_t skip;
    mt_bytes key;
    bool tie = false;

    for (unsigned i = first; i + 1 < page->count && !tie; i++)
        tie = page->word[i] == page->word[i + 1];
    if (!tie) return;
    key = entry_key(kind, page, first);
    skip = common_len(key, entry_key(kind, page, page->count - 1u), PREFIX_MAX);
    skip -= skip < PREFIX_SLACK ? skip : PREFIX_SLACK;
    if (skip <= page->skip) return;
    memcpy(page->prefix, key.data, skip);
    page->skip = (uint8_t)skip;
    for (unsigned i = first; i < page->count; i++)
        page->word[i] = key_word(entry_key(kind, page, i), skip);
}

/* ---- Pages ---- */

static void page_release(mti_tree_page *page, const mti_tree_env *env)
{
    if (--page->refs > 0) return;
    for (unsigned i = 0; i < page->count; i++) {
        if (i + 4 < page->count) __builtin_prefetch(page->at[i + 4]);
        if (page->level > 0)
            page_release(page->at[i], env); /* as deep as the tree: at most MT_WALK_DEPTH */
        else if (--*(uint32_t *)page->at[i] == 0) env->kind->release(env->ctx, page->at[i]);
    }
    mti_heap_free(env->heap, page, sizeof *page);
}

/* The page, if nobody else holds it; else a copy of it, for the caller to put in its place. NULL
 * without memory. */
static mti_tree_page *page_own(mti_tree_page *page, const mti_tree_env *env)
{
    mti_tree_page *copy;

    if (page->refs == 1) return page;
    for (unsigned i = 0; i < page->count; i++) __builtin_prefetch(page->at[i], 1);
    copy = mti_heap_alloc(env->heap, sizeof *copy);
    if (!copy) return NULL;
    memcpy(copy, page, sizeof *copy);
    copy->refs = 1;
    for (unsigned i = 0; i < page->count; i++) mti_hold(page->at[i]);
    page->refs--;
    return copy;
}

static mt_status root_own(mti_tree *tree, const mti_tree_env *env)
{
    mti_tree_page *root = page_own(tree->root, env);

    if (!root) return MT_NO_MEMORY;
    tree->root = root;
    tree->turns++;
    return MT_OK;
}

static mt_status child_own(mti_tree_page *page, unsigned i, const mti_tree_env *env)
{
    mti_tree_page *child = page_own(page_at(page, i), env);

    if (child) page->at[i] = child;
    return child ? MT_OK : MT_NO_MEMORY;
}

static void page_insert(const mti_tree_kind *kind, mti_tree_page *page, unsigned i, mt_bytes key,
                        void *entry)
{
    size_t rest = page->count - i;

    if (page->skip > 0) {
        mt_bytes prefix = {page->prefix, page->skip};
        size_t common = common_len(prefix, key, page->skip);
        if (common < page->skip) prefix_cut(page, common);
    }
    memmove(&page->word[i + 1], &page->word[i], rest * sizeof page->word[0]);
    memmove(&page->at[i + 1], &page->at[i], rest * sizeof page->at[0]);
    page->word[i] = key_word(key, page->skip);
    page->at[i] = entry;
    page->count++;
    /* Now and then, while the page fills: is there a prefix worth skipping? */
    if ((page->count & (page->count - 1u)) == 0) prefix_refine(kind, page);
}

static void page_remove(mti_tree_page *page, unsigned i)
{
    size_t rest = page->count - i - 1u;

    memmove(&page->word[i], &page->word[i + 1], rest * sizeof page->word[0]);
    memmove(&page->at[i], &page->at[i + 1], rest * sizeof page->at[0]);
    page->count--;
}

static mti_tree_page *page_new(const mti_tree_env *env, uint8_t level)
{
    mti_tree_page *page = mti_heap_alloc(env->heap, sizeof *page);

    if (page) {
        page->refs = 1;
        page->count = 0;
        page->level = level;
        page->skip = 0;
    }
    return page;
}

/* Splits the full child `i` of `parent`, which has room. A child that grows at its end keeps all
 * but one entry, so that keys that come in order fill their pages. */
static mt_status page_split(mti_tree_page *parent, unsigned i, mt_bytes key,
                            const mti_tree_env *env)
{
    mti_tree_page *left = page_at(parent, i);
    mti_tree_page *right = page_new(env, left->level);
    bool found, at_end;
    unsigned cut;

    if (!right) return MT_NO_MEMORY;
    at_end = left->level > 0 ? child_search(env->kind, left, key) == left->count - 1u
                             : page_search(env->kind, left, 0, key, &found) == left->count;
    cut = at_end ? left->count - 1u : left->count / 2u;
    right->skip = left->skip;
    memcpy(right->prefix, left->prefix, left->skip);
    right->count = (uint16_t)(left->count - cut);
    memcpy(right->word, &left->word[cut], right->count * sizeof right->word[0]);
    memcpy(right->at, &left->at[cut], right->count * sizeof right->at[0]);
    left->count = (uint16_t)cut;
    prefix_refine(env->kind, left);
    prefix_refine(env->kind, right);
    page_insert(env->kind, parent, i + 1, entry_key(env->kind, right, 0), right);
    return MT_OK;
}

/* Puts a new root above a full one, so that it can be split. */
static mt_status root_raise(mti_tree *tree, const mti_tree_env *env)
{
    mti_tree_page *root = page_new(env, (uint8_t)(tree->root->level + 1));

    if (!root) return MT_NO_MEMORY;
    mti_assert(root->level < MT_WALK_DEPTH);
    root->word[0] = 0;
    root->at[0] = tree->root;
    root->count = 1;
    tree->root = root;
    return MT_OK;
}

/* ---- The tree ---- */

void mti_tree_copy(const mti_tree *tree, mti_tree *copy)
{
    if (tree->root) tree->root->refs++;
    *copy = *tree;
}

void mti_tree_end(mti_tree *tree, const mti_tree_env *env)
{
    if (tree->root) page_release(tree->root, env);
    tree->root = NULL;
    tree->count = 0;
}

/* The words of a page, asked for all at once: one wait on memory instead of one for each step of
 * the search. */
static inline void page_prefetch(const mti_tree_page *page)
{
    for (unsigned i = 0; i < 9; i++) __builtin_prefetch((const uint8_t *)page + 64 * (size_t)i);
}

static const mti_tree_page *leaf_of(const mti_tree_page *page, const mti_tree_kind *kind,
                                    mt_bytes key)
{
    while (page->level > 0) page = page_at(page, child_search(kind, page, key));
    return page;
}

void mti_tree_prefetch(const mti_tree *tree, const mti_tree_kind *kind, const mt_bytes *keys,
                       size_t count, mti_tree_batch *batch)
{
    mti_tree_page *root = tree->root;

    batch->count = 0;
    if (!root || count < 2 || root->level == 0) return;
    if (leaf_of(root, kind, keys[0]) == leaf_of(root, kind, keys[count - 1])) return;
    batch->count = count;
    batch->turns = tree->turns;
    for (size_t i = 0; i < count; i++) {
        batch->leaf[i] = root;
        batch->shared[i] = root->refs > 1;
    }
    for (unsigned level = root->level; level > 0; level--) {
        for (size_t i = 0; i < count; i++) {
            mti_tree_page *page = batch->leaf[i];
            batch->leaf[i] = page_at(page, child_search(kind, page, keys[i]));
            if (level == 1) page_prefetch(batch->leaf[i]);
        }
        for (size_t i = 0; i < count; i++) batch->shared[i] |= batch->leaf[i]->refs > 1;
    }
    for (size_t i = 0; i < count; i++) {
        /* By its word alone: the key itself is what we are waiting for. */
        const mti_tree_page *leaf = batch->leaf[i];
        unsigned at = word_search(leaf, 0, key_word(keys[i], leaf->skip));
        batch->at[i] = (uint8_t)at;
        if (at < leaf->count) object_prefetch(leaf->at[at]);
    }
}

/* Looks for a key in its leaf. */
static void *leaf_find(const mti_tree_kind *kind, mti_tree_page *leaf, bool shared, mt_bytes key,
                       mti_tree_place *place)
{
    bool found;
    unsigned at = page_search(kind, leaf, 0, key, &found);

    place->leaf = !shared && (found || leaf->count < PAGE_ROOM) ? leaf : NULL;
    place->at = at;
    place->found = found;
    place->last_leaf = false;
    return found ? leaf->at[at] : NULL;
}

void *mti_tree_find_batched(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key,
                            const mti_tree_batch *batch, size_t i, mti_tree_place *place)
{
    mti_tree_page *leaf;
    unsigned at;

    if (i >= batch->count || batch->turns != tree->turns)
        return mti_tree_find(tree, kind, key, place);
    leaf = batch->leaf[i];
    at = batch->at[i];
    if (at >= leaf->count || !mti_bytes_same(kind->key(leaf->at[at]), key))
        return leaf_find(kind, leaf, batch->shared[i], key, place);
    place->leaf = batch->shared[i] ? NULL : leaf;
    place->at = at;
    place->found = true;
    place->last_leaf = false;
    return leaf->at[at];
}

void *mti_tree_find(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key,
                    mti_tree_place *place)
{
    mti_tree_page *page = tree->root;
    bool shared, last_leaf = true;
    void *object;

    place->leaf = NULL;
    if (!page) return NULL;
    shared = page->refs > 1;
    while (page->level > 0) {
        unsigned at = child_search(kind, page, key);
        last_leaf &= at == page->count - 1u;
        page = page_at(page, at);
        if (page->level == 0) page_prefetch(page);
        shared |= page->refs > 1;
    }
    object = leaf_find(kind, page, shared, key, place);
    place->last_leaf = last_leaf;
    return object;
}

void *mti_tree_get(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key)
{
    mti_tree_place place;

    return mti_tree_find(tree, kind, key, &place);
}

void *mti_tree_find_near(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key,
                         const mti_tree_place *near, mti_tree_place *place)
{
    const mti_tree_page *leaf = near->leaf;
    unsigned at = near->at;
    uint64_t word;
    bool fits;

    if (!leaf || prefix_side(leaf, key) != 0) return mti_tree_find(tree, kind, key, place);
    /* By the words alone, for the objects of keys that do not come in order are far away. */
    word = key_word(key, leaf->skip);
    *place = *near;
    if (word > leaf->word[at]) at++;
    if (at < leaf->count && leaf->word[at] == word) {
        place->at = at;
        place->found = true;
        if (at + 3 < leaf->count) object_prefetch(leaf->at[at + 3]);
        if (mti_bytes_same(kind->key(leaf->at[at]), key)) return leaf->at[at];
        return mti_tree_find(tree, kind, key, place);
    }
    fits = at == near->at + 1 && (at < leaf->count ? word < leaf->word[at] : near->last_leaf);
    if (!fits || leaf->count == PAGE_ROOM) return mti_tree_find(tree, kind, key, place);
    place->at = at;
    place->found = false;
    return NULL;
}

mt_status mti_tree_put_at(mti_tree *tree, const mti_tree_env *env, const mti_tree_place *place,
                          void *object, void **old)
{
    mti_tree_page *leaf = place->leaf;

    if (!leaf) return mti_tree_put(tree, env, object, old);
    if (place->found) {
        *old = leaf->at[place->at];
        leaf->at[place->at] = object;
    } else {
        *old = NULL;
        page_insert(env->kind, leaf, place->at, env->kind->key(object), object);
        tree->count++;
    }
    return MT_OK;
}

/* Descends to the leaf for `key`, owning every page on the way. With `room`, full pages are
 * split on the way, so that the leaf has room and so has every page above it. All these steps
 * leave a tree that holds what it held. */
static mt_status leaf_own(mti_tree *tree, const mti_tree_env *env, mt_bytes key, bool room,
                          mti_tree_page **leaf)
{
    mti_tree_page *page;
    mt_status st;

    if ((st = root_own(tree, env)) != MT_OK) return st;
    if (room && tree->root->count == PAGE_ROOM && (st = root_raise(tree, env)) != MT_OK) return st;
    for (page = tree->root; page->level > 0;) {
        unsigned i = child_search(env->kind, page, key);
        if ((st = child_own(page, i, env)) != MT_OK) return st;
        if (room && page_at(page, i)->count == PAGE_ROOM) {
            if ((st = page_split(page, i, key, env)) != MT_OK) return st;
            i = child_search(env->kind, page, key);
        }
        page = page_at(page, i);
    }
    *leaf = page;
    return MT_OK;
}

mt_status mti_tree_put(mti_tree *tree, const mti_tree_env *env, void *object, void **old)
{
    mt_bytes key = env->kind->key(object);
    mti_tree_page *leaf;
    mt_status st;
    unsigned at;
    bool found;

    *old = NULL;
    if (!tree->root && !(tree->root = page_new(env, 0))) return MT_NO_MEMORY;
    if ((st = leaf_own(tree, env, key, false, &leaf)) != MT_OK) return st;
    at = page_search(env->kind, leaf, 0, key, &found);
    if (found) {
        *old = leaf->at[at];
        leaf->at[at] = object;
        return MT_OK;
    }
    if (leaf->count == PAGE_ROOM) {
        if ((st = leaf_own(tree, env, key, true, &leaf)) != MT_OK) return st;
        at = page_search(env->kind, leaf, 0, key, &found);
    }
    page_insert(env->kind, leaf, at, key, object);
    tree->count++;
    return MT_OK;
}

/* Takes empty pages out from the leaf upwards, and roots with one child. */
static void path_shrink(mti_tree *tree, const mti_tree_env *env, mt_walk *path)
{
    int level = 0;

    while (level < path->level && ((mti_tree_page *)path->page[level])->count == 0) {
        mti_heap_free(env->heap, (void *)path->page[level], sizeof(mti_tree_page));
        level++;
        page_remove((mti_tree_page *)path->page[level], path->at[level]);
    }
    while (tree->root->level > 0 && tree->root->count == 1) {
        mti_tree_page *root = tree->root;
        tree->root = page_at(root, 0);
        mti_heap_free(env->heap, root, sizeof *root);
    }
    if (tree->root->count == 0) {
        mti_heap_free(env->heap, tree->root, sizeof *tree->root);
        tree->root = NULL;
    }
}

mt_status mti_tree_remove(mti_tree *tree, const mti_tree_env *env, mt_bytes key, void **old)
{
    mt_walk path = {.level = 0};
    mti_tree_page *page;
    mt_status st;
    bool found;

    *old = NULL;
    if (!mti_tree_get(tree, env->kind, key)) return MT_OK;
    if ((st = root_own(tree, env)) != MT_OK) return st;
    path.level = tree->root->level;
    for (page = tree->root; page->level > 0; page = page_at(page, path.at[page->level])) {
        unsigned i = child_search(env->kind, page, key);
        if ((st = child_own(page, i, env)) != MT_OK) return st;
        path.page[page->level] = page;
        path.at[page->level] = (uint16_t)i;
    }
    path.page[0] = page;
    path.at[0] = (uint16_t)page_search(env->kind, page, 0, key, &found);
    *old = page->at[path.at[0]];
    page_remove(page, path.at[0]);
    tree->count--;
    path_shrink(tree, env, &path);
    return MT_OK;
}

/* ---- Walks ---- */

/* A walk stands before entry at[level] of page[level], for the least level that it has opened;
 * the levels above say which child that page is. `level` is -1 at the end. */

static void walk_open(mt_walk *walk, const mti_tree_page *page, unsigned at)
{
    walk->level = page->level;
    walk->page[page->level] = page;
    walk->at[page->level] = (uint16_t)at;
}

/* Leaves pages that are done. `top` is the level of the root. */
static void walk_settle(mt_walk *walk)
{
    while (walk->level >= 0) {
        const mti_tree_page *page = walk->page[walk->level];
        if (walk->at[walk->level] < page->count) return;
        walk->level++;
        if (walk->level >= MT_WALK_DEPTH || !walk->page[walk->level]) {
            walk->level = -1;
            return;
        }
        walk->at[walk->level]++;
    }
}

void mti_tree_walk(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes from, mt_walk *walk)
{
    const mti_tree_page *page = tree->root;
    bool found;

    memset(walk, 0, sizeof *walk);
    walk->level = -1;
    if (!page) return;
    for (; page->level > 0; page = page_at(page, walk->at[page->level]))
        walk_open(walk, page, child_search(kind, page, from));
    walk_open(walk, page, from.len ? page_search(kind, page, 0, from, &found) : 0);
    walk_settle(walk);
}

/* Opens pages until the walk stands before an object. */
static void walk_descend(mt_walk *walk)
{
    while (walk->level > 0) {
        const mti_tree_page *page = walk->page[walk->level];
        walk_open(walk, page_at(page, walk->at[walk->level]), 0);
    }
}

void *mti_tree_next(mt_walk *walk)
{
    const mti_tree_page *page;
    void *object;
    unsigned at;

    if (walk->level < 0) return NULL;
    walk_descend(walk);
    page = walk->page[0];
    at = walk->at[0]++;
    object = page->at[at];
    if (at + 4 < page->count) __builtin_prefetch(page->at[at + 4]);
    walk_settle(walk);
    return object;
}

void mti_tree_pair_walk(const mti_tree *a, const mti_tree *b, mt_walk *walk_a, mt_walk *walk_b)
{
    memset(walk_a, 0, sizeof *walk_a);
    memset(walk_b, 0, sizeof *walk_b);
    walk_a->level = walk_b->level = -1;
    if (a->root) walk_open(walk_a, a->root, 0);
    if (b->root) walk_open(walk_b, b->root, 0);
}

static void *walk_entry(const mt_walk *walk)
{
    return ((const mti_tree_page *)walk->page[walk->level])->at[walk->at[walk->level]];
}

static mt_bytes walk_key(const mti_tree_kind *kind, const mt_walk *walk)
{
    return entry_key(kind, walk->page[walk->level], walk->at[walk->level]);
}

static void *walk_take(mt_walk *walk)
{
    void *entry = walk_entry(walk);

    walk->at[walk->level]++;
    walk_settle(walk);
    return entry;
}

static void walk_enter(mt_walk *walk)
{
    walk_open(walk, walk_entry(walk), 0);
}

/* Opens the pages at which two walks stand with equal first keys: the higher one first, for
 * below it may be the very page at which the other stands. */
static void pair_enter(mt_walk *x, mt_walk *y)
{
    int level_x = x->level, level_y = y->level;

    if (level_x >= level_y) walk_enter(x);
    if (level_y >= level_x) walk_enter(y);
}

bool mti_tree_pair_next(const mti_tree_kind *kind, mt_walk *x, mt_walk *y, void **a, void **b)
{
    *a = *b = NULL;
    while (x->level >= 0 && y->level >= 0) {
        int order;
        if (x->level == y->level && walk_entry(x) == walk_entry(y)) {
            walk_take(x);
            walk_take(y);
            continue;
        }
        order = mt_bytes_compare(walk_key(kind, x), walk_key(kind, y));
        if (order == 0 && (x->level > 0 || y->level > 0)) pair_enter(x, y);
        else if (order < 0 && x->level > 0) walk_enter(x);
        else if (order > 0 && y->level > 0) walk_enter(y);
        else {
            if (order <= 0) *a = walk_take(x);
            if (order >= 0) *b = walk_take(y);
            return true;
        }
    }
    *a = mti_tree_next(x);
    *b = mti_tree_next(y);
    return *a || *b;
}
