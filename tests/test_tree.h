/* test_tree.h - trees of base/tree.h seen from within. */
#ifndef TEST_TREE_H
#define TEST_TREE_H

#include "base/tree.h"
#include "test_law.h"

typedef struct test_tree {
    size_t pages;
    size_t objects;
    unsigned levels;
    bool shared; /* a page has more than one holder */
} test_tree;

/* Holds that every page of a tree is as it must be, and that each key is found where it lies. */
test_tree test_tree_inspect(const mti_tree *tree, const mti_tree_kind *kind);

#endif
