/* A page's layout is private to base/tree.c, so that this file is that one with something added. A
 * program that looks into trees gets its trees from here, and the linker leaves the library's where
 * it is. */
#include "base/tree.c" /* NOLINT(bugprone-suspicious-include) */

#include "test_tree.h"

typedef struct inspection {
    const mti_tree *tree;
    const mti_tree_kind *kind;
    test_tree seen;
    mt_bytes last; /* the key before */
} inspection;

/* Walks down to a key as every search does, and holds that it ends at this place. */
static void key_is_found(const inspection *in, mt_bytes key, const mti_tree_page *leaf, unsigned at)
{
    const mti_tree_page *page = in->tree->root;
    bool found;

    while (page->level > 0) page = page_at(page, child_search(in->kind, page, key));
    HOLDS(page == leaf);
    HOLDS(page_search(in->kind, page, 0, key, &found) == at && found);
}

static void leaf_inspect(inspection *in, const mti_tree_page *page)
{
    for (unsigned i = 0; i < page->count; i++) {
        mt_bytes key = in->kind->key(page->at[i]);

        HOLDS(*(const uint32_t *)page->at[i] > 0);
        HOLDS(in->seen.objects == 0 || mt_bytes_compare(in->last, key) < 0);
        HOLDS(key.len >= page->skip && memcmp(key.data, page->prefix, page->skip) == 0);
        HOLDS(page->word[i] == key_word(key, page->skip));
        key_is_found(in, key, page, i);
        in->last = key;
        in->seen.objects++;
    }
}

/* As deep as the tree. */
static void page_inspect(inspection *in, const mti_tree_page *page)
{
    HOLDS(page->refs > 0 && page->count > 0 && page->count <= PAGE_ROOM);
    HOLDS(page->level < MT_WALK_DEPTH && page->skip <= PREFIX_MAX);
    in->seen.pages++;
    in->seen.shared |= page->refs > 1;
    if (page->level == 0) {
        leaf_inspect(in, page);
        return;
    }
    for (unsigned i = 0; i < page->count; i++) {
        HOLDS(page_at(page, i)->level == page->level - 1);
        HOLDS(i < 2 || page->word[i - 1] <= page->word[i]);
        page_inspect(in, page_at(page, i));
    }
}

test_tree test_tree_inspect(const mti_tree *tree, const mti_tree_kind *kind)
{
    inspection in = {.tree = tree, .kind = kind};

    if (tree->root) {
        page_inspect(&in, tree->root);
        in.seen.levels = tree->root->level + 1u;
    }
    HOLDS(in.seen.objects == tree->count);
    return in.seen;
}
