/* base/tree.h - an ordered map from bytes to shared objects: a B+tree whose pages are copied
 * when written.
 *
 *     root   [ 1 | 9 | 42 ]          inner pages: where the keys of each child begin
 *              |    \    \
 *     leaf  [1 4 7][9 17][42 50 51]  leaf pages: the objects, in key order
 *
 * Pages and objects carry counts of who holds them. To copy a tree is to hold its root once
 * more; whoever writes next copies the pages on its way to the leaf, and no others. So copies of
 * a tree of millions cost nothing until they are edited, and two trees that came from one are
 * compared by skipping the pages that they share.
 *
 * A page of 1 KiB keeps, beside its pointers, one word of each key: the 8 bytes behind a prefix
 * that all keys of the page have. A search touches the words, and a key only where words are
 * equal. */
#ifndef MTI_TREE_H
#define MTI_TREE_H

#include "base/heap.h"

#include <mytosis/node.h>
#include <mytosis/status.h>

/* What a tree must know of its objects. Each begins with a `uint32_t` that counts its holders. */
typedef struct mti_tree_kind {
    mt_bytes (*key)(const void *object);      /* never changes while a tree holds the object */
    void (*release)(void *ctx, void *object); /* its last holder let go */
} mti_tree_kind;

typedef struct mti_tree_page mti_tree_page;

/* All zero is an empty tree. `ctx` goes to `release`; pages come from `heap`. */
typedef struct mti_tree {
    mti_tree_page *root;
    size_t count; /* objects */
    size_t turns; /* how often pages came, went or were copied: see mti_tree_batch */
} mti_tree;

typedef struct mti_tree_env {
    const mti_tree_kind *kind;
    mti_heap *heap;
    void *ctx;
} mti_tree_env;

static inline void mti_hold(void *object)
{
    ++*(uint32_t *)object;
}

/* Makes `copy` hold what `tree` holds. */
void mti_tree_copy(const mti_tree *tree, mti_tree *copy);

/* Lets go of everything. */
void mti_tree_end(mti_tree *tree, const mti_tree_env *env);

/* The object with the key, or NULL. */
void *mti_tree_get(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key);

/* Where a key is, or would be, in a tree that has not changed since. */
typedef struct mti_tree_place {
    mti_tree_page *leaf; /* NULL: not to be used */
    unsigned at;
    bool found;
    bool last_leaf; /* no leaf follows */
} mti_tree_place;

/* As mti_tree_get, and remembers the place. */
void *mti_tree_find(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key,
                    mti_tree_place *place);

/* The same, looking first at a place where an object is, and right behind it: keys often come in
 * order. `near` may have no leaf. */
void *mti_tree_find_near(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key,
                         const mti_tree_place *near, mti_tree_place *place);

/* As mti_tree_put, for the key of a place. */
mt_status mti_tree_put_at(mti_tree *tree, const mti_tree_env *env, const mti_tree_place *place,
                          void *object, void **old);

/* How many keys are looked for at once: as many loads as a core keeps in flight. */
#define MTI_TREE_BATCH 16

/* The leaves in which keys belong, until the tree's pages change. */
typedef struct mti_tree_batch {
    size_t turns;
    size_t count; /* 0: nothing was looked for */
    mti_tree_page *leaf[MTI_TREE_BATCH];
    uint8_t at[MTI_TREE_BATCH]; /* where the key is, if it is there */
    bool shared[MTI_TREE_BATCH];
} mti_tree_batch;

/* Descends for all keys side by side and asks for the memory of what is there: a load that waits for
 * the one before it takes 140 to 330 ns, and 16 side by side not much longer. Does nothing for keys
 * that lie in one leaf. */
void mti_tree_prefetch(const mti_tree *tree, const mti_tree_kind *kind, const mt_bytes *keys,
                       size_t count, mti_tree_batch *batch);

/* As mti_tree_find, for the key `i` of a batch. */
void *mti_tree_find_batched(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes key,
                            const mti_tree_batch *batch, size_t i, mti_tree_place *place);

/* Puts an object in the place of that with the same key, which goes to `*old` (MOVED to the
 * caller), or in a new place (`*old` NULL). `object` is MOVED. MT_NO_MEMORY: the tree holds what
 * it held. */
mt_status mti_tree_put(mti_tree *tree, const mti_tree_env *env, void *object, void **old);

/* Takes an object out; it is MOVED to `*old`, NULL if there was none. MT_NO_MEMORY is possible
 * only where pages are shared with another tree. */
mt_status mti_tree_remove(mti_tree *tree, const mti_tree_env *env, mt_bytes key, void **old);

/* Starts a walk before the first object whose key is at or after `from`. */
void mti_tree_walk(const mti_tree *tree, const mti_tree_kind *kind, mt_bytes from, mt_walk *walk);

/* The next object, or NULL. */
void *mti_tree_next(mt_walk *walk);

/* Walks two trees of one kind at once, in key order, past all that they share. */
void mti_tree_pair_walk(const mti_tree *a, const mti_tree *b, mt_walk *walk_a, mt_walk *walk_b);

/* The next key that one has and the other not, or for which they hold two objects: `*a`, `*b`,
 * one of them NULL where it is missing. False at the end. */
bool mti_tree_pair_next(const mti_tree_kind *kind, mt_walk *walk_a, mt_walk *walk_b, void **a,
                        void **b);

#endif
