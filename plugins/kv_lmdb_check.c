/* kv_lmdb_check.c - the pages of LMDB's data format 1, walked without LMDB.
 *
 *     page     number: 8 | pad: 2 | flags: 2 | lower: 2 | upper: 2 | offsets of nodes: 2 each, up to `lower`
 *              free | nodes, from `upper` to the end of the page, without gaps
 *     node     low: 2 | high: 2 | flags: 2 | length of key: 2 | key | value, or the number of its page: 8
 *              of a branch, low, high and flags are the number of a page; of a leaf, low and high are the
 *              length of the value; what is shorter by one byte is padded to an even length
 *     large    number: 8 | pad: 2 | flags: 2 | count of pages: 4 | value, in so many pages or fewer
 *     meta     the first two pages: magic: 4 | version: 4 | address: 8 | length of map: 8 | two trees: 48 each, of
 *              free pages and of pairs | last page: 8 | transaction: 8. The later transaction is valid
 *     tree     pad: 4 | flags: 2 | depth: 2 | branches: 8 | leaves: 8 | large pages: 8 | pairs: 8 | root: 8
 *
 * Numbers are those of the machine. Every page must be what leads to it says, lie in the file, be reached
 * once and not be free; keys must be in order, across pages too; and there must be as many of all as the tree
 * says. Where numbers of pages do not have 8 bytes the format is another one, and nothing is checked. */
#include "plugins/kv_lmdb_check.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_HEAD 16
#define NODE_HEAD 8
#define META_LEN 152
#define DEPTH_MAX 32
#define MAGIC 0xBEEFC0DEu
#define NO_PAGE UINT64_MAX

enum { FLAG_BRANCH = 1, FLAG_LEAF = 2, FLAG_LARGE = 4, FLAG_META = 8 };
enum { NODE_LARGE = 1 };
enum { TREE_FREE, TREE_PAIRS };

typedef struct tree {
    uint16_t flags, depth;
    uint64_t branches, leaves, large, pairs, root;
} tree;

/* A page on the way down, and which of its nodes comes next. */
typedef struct level {
    const uint8_t *page;
    size_t at, count;
} level;

typedef struct check {
    const mti_lmdb_file *file;
    mt_error *err;
    const uint8_t *map;
    uint64_t len, page_count; /* of the file */
    size_t page_len;
    uint64_t last_page;
    tree trees[2];
    uint8_t *reached; /* a bit for each page */
    size_t reached_len;
    tree found;      /* of the tree that is walked */
    mt_bytes before; /* the last key; NULL: none */
    bool is_free;    /* it is the tree of free pages, whose keys are numbers */
    level levels[DEPTH_MAX];
    size_t depth;
} check;

static uint16_t load16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t load32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static mt_status wrong(const check *c, uint64_t page, const char *what)
{
    return mti_lmdb_fail(c->err, MT_MALFORMED, "%s is damaged: page %llu: %s",
                         mti_lmdb_file_name(c->file), (unsigned long long)page, what);
}

/* ---- Pages ---- */

static mt_status page_reach(check *c, uint64_t number)
{
    if (number < 2 || number > c->last_page || number >= c->page_count)
        return wrong(c, number, "it is not in the file");
    if (c->reached[number / 8] >> number % 8 & 1) return wrong(c, number, "it is used twice");
    c->reached[number / 8] |= (uint8_t)(1u << number % 8);
    return MT_OK;
}

static size_t node_len(const check *c, const level *l, size_t i)
{
    const uint8_t *node = l->page + load16(l->page + PAGE_HEAD + 2 * i);
    size_t len = NODE_HEAD + (size_t)load16(node + 6);

    if (load16(l->page + 10) == FLAG_LEAF)
        len += load16(node + 4) & NODE_LARGE ? 8 : load16(node) + ((size_t)load16(node + 2) << 16);
    (void)c;
    return (len + 1) & ~(size_t)1;
}

/* Whether the nodes of a page fill the room from `upper` on, each of them within it. */
static bool nodes_fit(const check *c, const level *l)
{
    size_t lower = load16(l->page + 12), upper = load16(l->page + 14), sum = 0;

    for (size_t i = 0; i < l->count; i++) {
        size_t at = load16(l->page + PAGE_HEAD + 2 * i), len;

        if (at < upper || at % 2 != 0 || at + NODE_HEAD > c->page_len) return false;
        len = node_len(c, l, i);
        if (len > c->page_len - at) return false;
        sum += len;
    }
    return lower <= upper && sum == c->page_len - upper;
}

/* Goes down to a page. */
static mt_status page_enter(check *c, uint64_t number, uint16_t depth_max)
{
    level *l = &c->levels[c->depth];
    mt_status st = page_reach(c, number);
    uint16_t flags;

    if (st != MT_OK) return st;
    if (c->depth >= DEPTH_MAX || c->depth >= depth_max) return wrong(c, number, "it lies too deep");
    l->page = c->map + number * c->page_len;
    flags = load16(l->page + 10);
    if (load64(l->page) != number) return wrong(c, number, "it has another number");
    if (flags != (c->depth + 1 == depth_max ? FLAG_LEAF : FLAG_BRANCH))
        return wrong(c, number, "it is of another kind");
    if (load16(l->page + 8) != 0) return wrong(c, number, "its head is wrong");
    if (load16(l->page + 12) < PAGE_HEAD + 2 || load16(l->page + 12) % 2 != 0 ||
        load16(l->page + 14) > c->page_len)
        return wrong(c, number, "its head is wrong");
    l->count = (load16(l->page + 12) - (size_t)PAGE_HEAD) / 2;
    l->at = 0;
    if (load16(l->page + 12) > load16(l->page + 14) || !nodes_fit(c, l))
        return wrong(c, number, "its nodes are not where they should be");
    if (flags == FLAG_LEAF) c->found.leaves++;
    else c->found.branches++;
    c->depth++;
    return MT_OK;
}

/* LMDB writes a shorter value over a longer one of the same transaction, which leaves it more pages than it
 * needs. */
static mt_status large_check(check *c, uint64_t number, size_t len)
{
    uint64_t needed = (PAGE_HEAD + (uint64_t)len + c->page_len - 1) / c->page_len, count;
    const uint8_t *page;
    mt_status st = page_reach(c, number);

    if (st != MT_OK) return st;
    page = c->map + number * c->page_len;
    count = load32(page + 12);
    if (load64(page) != number || load16(page + 10) != FLAG_LARGE || count < needed)
        return wrong(c, number, "its head is wrong");
    for (uint64_t i = 1; i < count; i++)
        if ((st = page_reach(c, number + i)) != MT_OK) return st;
    c->found.large += count;
    return MT_OK;
}

/* ---- Nodes ---- */

static int key_compare(const check *c, mt_bytes a, mt_bytes b)
{
    if (c->is_free) {
        uint64_t x = load64(a.data), y = load64(b.data);

        return x < y ? -1 : x > y;
    }
    return mt_bytes_compare(a, b);
}

/* A key comes after the last one; where a branch repeats the first key of what is below it, it may be the
 * same. */
static mt_status key_check(check *c, uint64_t page, mt_bytes key, bool may_repeat)
{
    int order;

    if (c->is_free && key.len != 8) return wrong(c, page, "a key is too long");
    order = c->before.data ? key_compare(c, c->before, key) : -1;
    if (order > 0 || (order == 0 && !may_repeat))
        return wrong(c, page, "its keys are out of order");
    c->before = key;
    return MT_OK;
}

/* Of a record of free pages: how many, and their numbers. None of them is in use. */
static mt_status free_pages_check(check *c, uint64_t page, mt_bytes value)
{
    uint64_t count = value.len >= 8 ? load64(value.data) : UINT64_MAX;

    if (value.len % 8 != 0 || count > value.len / 8 - 1)
        return wrong(c, page, "a list of free pages is too long");
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = load64(value.data + 8 * i);

        if (number < 2 || number > c->last_page)
            return wrong(c, number, "it is free, and not in the file");
        if (number >= c->page_count) continue;
        if (c->reached[number / 8] >> number % 8 & 1)
            return wrong(c, number, "it is free and in use");
        c->reached[number / 8] |= (uint8_t)(1u << number % 8);
    }
    return MT_OK;
}

static mt_status leaf_node_check(check *c, uint64_t page, const uint8_t *node, bool repeats)
{
    size_t key_len = load16(node + 6), len = load16(node) + ((size_t)load16(node + 2) << 16);
    mt_bytes key = {node + NODE_HEAD, key_len}, value = {key.data + key_len, len};
    uint16_t flags = load16(node + 4);
    mt_status st = key_check(c, page, key, repeats);

    if (st != MT_OK) return st;
    if (flags & ~NODE_LARGE) return wrong(c, page, "a node is of another kind");
    if (key_len == 0 || key_len > MT_KV_KEY_LEN_MAX) return wrong(c, page, "a key is too long");
    c->found.pairs++;
    if (flags & NODE_LARGE) {
        uint64_t number = load64(value.data);

        if ((st = large_check(c, number, len)) != MT_OK) return st;
        value.data = c->map + number * c->page_len + PAGE_HEAD;
    }
    return c->is_free ? free_pages_check(c, page, value) : MT_OK;
}

/* The next node of the page that is lowest, or up again. */
static mt_status step(check *c, uint16_t depth_max, bool *repeats)
{
    level *l = &c->levels[c->depth - 1];
    uint64_t page = load64(l->page);
    const uint8_t *node;
    mt_status st;

    if (l->at == l->count) {
        c->depth--;
        return MT_OK;
    }
    node = l->page + load16(l->page + PAGE_HEAD + 2 * l->at);
    l->at++;
    if (load16(l->page + 10) == FLAG_LEAF) {
        st = leaf_node_check(c, page, node, *repeats);
        *repeats = false;
        return st;
    }
    /* The first key of a branch stands for all that are less, and is not looked at. */
    if (l->at > 1) {
        st = key_check(c, page, (mt_bytes){node + NODE_HEAD, load16(node + 6)}, false);
        if (st != MT_OK) return st;
        *repeats = true;
    }
    return page_enter(
        c, load16(node) + ((uint64_t)load16(node + 2) << 16) + ((uint64_t)load16(node + 4) << 32),
        depth_max);
}

static mt_status tree_check(check *c, int which)
{
    const tree *t = &c->trees[which];
    bool repeats = false;
    mt_status st = MT_OK;

    c->found = (tree){.depth = t->depth, .root = t->root, .flags = t->flags};
    c->before = (mt_bytes){NULL, 0};
    c->is_free = which == TREE_FREE;
    c->depth = 0;
    if (t->root != NO_PAGE) st = page_enter(c, t->root, t->depth);
    while (st == MT_OK && c->depth > 0) st = step(c, t->depth, &repeats);
    if (st != MT_OK) return st;
    if (c->found.branches != t->branches || c->found.leaves != t->leaves ||
        c->found.large != t->large || c->found.pairs != t->pairs)
        return wrong(c, t->root, "below it is not as much as there should be");
    return MT_OK;
}

/* ---- The file ---- */

static tree tree_load(const uint8_t *at)
{
    return (tree){.flags = load16(at + 4),
                  .depth = load16(at + 6),
                  .branches = load64(at + 8),
                  .leaves = load64(at + 16),
                  .large = load64(at + 24),
                  .pairs = load64(at + 32),
                  .root = load64(at + 40)};
}

/* Transactions are written to one page and the other in turn. */
static mt_status metas_check(check *c)
{
    uint64_t number[2];
    const uint8_t *meta;

    c->page_len = load32(c->map + 40);
    if (c->page_len < 256 || c->page_len > 65536 || (c->page_len & (c->page_len - 1)) != 0 ||
        c->len < 2 * c->page_len)
        return wrong(c, 0, "pages have no such length");
    for (uint64_t i = 0; i < 2; i++) {
        meta = c->map + i * c->page_len;
        number[i] = load64(meta + 144);
        if (load64(meta) != i || load16(meta + 10) != FLAG_META || load32(meta + 16) != MAGIC ||
            load32(meta + 20) != 1 || load32(meta + 40) != c->page_len)
            return wrong(c, i, "its head is wrong");
        if (number[i] != 0 && number[i] % 2 != i)
            return wrong(c, i, "its transaction is of the other one");
    }
    if (number[0] > number[1] + 1 || number[1] > number[0] + 1)
        return wrong(c, 0, "its transaction does not follow that of the other one");
    meta = c->map + (number[0] < number[1] ? c->page_len : 0);
    c->trees[TREE_FREE] = tree_load(meta + 40);
    c->trees[TREE_PAIRS] = tree_load(meta + 88);
    c->last_page = load64(meta + 136);
    c->page_count = c->len / c->page_len;
    /* Others may be missing: LMDB does not write pages at the end that are free. */
    if (c->file->read_only && c->last_page >= c->page_count)
        return mti_lmdb_fail(c->err, MT_MALFORMED, "%s is cut short: it has %llu bytes",
                             mti_lmdb_file_name(c->file), (unsigned long long)c->len);
    return MT_OK;
}

static mt_status pages_check(check *c)
{
    const mt_mem *mem = c->file->mem;
    mt_status st = metas_check(c);

    if (st != MT_OK) return st;
    c->reached_len = (size_t)(c->page_count / 8 + 1);
    c->reached = mem->resize(mem->ctx, NULL, 0, c->reached_len);
    if (!c->reached) return mti_lmdb_fail(c->err, MT_NO_MEMORY, "out of memory");
    memset(c->reached, 0, c->reached_len);
    st = tree_check(c, TREE_PAIRS);
    if (st == MT_OK) st = tree_check(c, TREE_FREE);
    mem->resize(mem->ctx, c->reached, c->reached_len, 0);
    return st;
}

/* What is no store, or one of another version, is for LMDB to say. */
static bool is_of_format(const check *c)
{
    return c->len >= PAGE_HEAD + META_LEN && load32(c->map + 16) == MAGIC &&
           load32(c->map + 20) == 1;
}

mt_status mti_lmdb_check(const mti_lmdb_file *file, mt_error *err)
{
    check c = {.file = file, .err = err, .len = mti_lmdb_file_len(file)};
    mt_status st;
    void *map;

    if (file->made || c.len == 0 || sizeof(size_t) != 8) return MT_OK;
    map = mmap(NULL, (size_t)c.len, PROT_READ, MAP_SHARED, file->fd, 0);
    if (map == MAP_FAILED)
        return mti_lmdb_fail(err, MT_IO, "%s: %s", mti_lmdb_file_name(file), strerror(errno));
    c.map = map;
    st = is_of_format(&c) ? pages_check(&c) : MT_OK;
    munmap(map, (size_t)c.len);
    return st;
}
