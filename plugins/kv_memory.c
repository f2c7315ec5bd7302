/* kv_memory.c - an ordered key-value engine in memory: a skip list.
 *
 * A record is in the list of level 0, which holds all, and in those of the levels below its height;
 * one in four of a level is in the next, too:
 *
 *     level 2   head ----------------------> d ------------------> NULL
 *     level 1   head --------> b ----------> d --------> f ------> NULL
 *     level 0   head --> a --> b --> c --> d --> e --> f --> g --> NULL
 *
 * The last record before a place, at each level, is the path to it. The path of the latest search
 * is kept, and a search for a later key starts from there, so that keys in ascending order cost
 * little each.
 *
 * A commit makes all its records first, then links and unlinks, which cannot fail. What is unlinked
 * while an answer is being read, by a commit made inside it, is freed after that answer. */
#include <mytosis/plugin/kv_memory.h>

#include <assert.h>
#include <string.h>

#define HEIGHT_MAX 16 /* enough for 4^16 records */

typedef struct record {
    size_t value_len;
    uint16_t key_len;
    uint8_t height;
    struct record *next[]; /* `height` of them, then the key, then the value */
} record;

typedef struct memory {
    const mt_mem *mem;
    record *head[HEIGHT_MAX]; /* the first record of each level */
    record *path[HEIGHT_MAX]; /* the last before the place sought; NULL: there is none */
    uint64_t rng;             /* never 0 */
    uint64_t bytes;
    size_t answering; /* answers being read */
    record *removed;  /* while answering, by `next[0]` */
    bool closed;      /* inside an answer */
} memory;

/* ---- Records ---- */

static size_t record_size(size_t key_len, size_t value_len, uint8_t height)
{
    return sizeof(record) + height * sizeof(record *) + key_len + value_len;
}

static mt_bytes record_key(const record *r)
{
    return (mt_bytes){(const uint8_t *)(r->next + r->height), r->key_len};
}

static mt_bytes record_value(const record *r)
{
    return (mt_bytes){(const uint8_t *)(r->next + r->height) + r->key_len, r->value_len};
}

/* One in four is higher than 1, one in sixteen higher than 2, and so on. */
static uint8_t height_draw(memory *m)
{
    uint8_t height = 1;

    m->rng ^= m->rng << 13;
    m->rng ^= m->rng >> 7;
    m->rng ^= m->rng << 17;
    for (uint64_t bits = m->rng >> 16; (bits & 3) == 0 && height < HEIGHT_MAX; bits >>= 2) height++;
    return height;
}

static record *record_new(memory *m, mt_bytes key, mt_bytes value)
{
    uint8_t height = height_draw(m), *tail;
    record *r;

    /* Room for the key and the rest of a record is there in any size_t; for the value, maybe. */
    if (value.len > SIZE_MAX - record_size(key.len, 0, height)) return NULL;
    r = m->mem->resize(m->mem->ctx, NULL, 0, record_size(key.len, value.len, height));
    if (!r) return NULL;
    r->value_len = value.len;
    r->key_len = (uint16_t)key.len;
    r->height = height;
    tail = (uint8_t *)(r->next + height);
    memcpy(tail, key.data, key.len);
    if (value.len > 0) memcpy(tail + key.len, value.data, value.len);
    return r;
}

static void records_free(memory *m, record *list)
{
    while (list) {
        record *next = list->next[0];

        m->mem->resize(m->mem->ctx, list, record_size(list->key_len, list->value_len, list->height),
                       0);
        list = next;
    }
}

/* ---- The list ---- */

static record **next_of(memory *m, record *before, size_t level)
{
    return before ? &before->next[level] : &m->head[level];
}

static bool is_before(const record *r, mt_bytes key)
{
    return r && mt_bytes_compare(record_key(r), key) < 0;
}

/* The first record at or after `key`, or NULL; the path leads to it. */
static record *seek(memory *m, mt_bytes key)
{
    size_t level = HEIGHT_MAX;
    record *before, *next = NULL, *stop = NULL; /* `stop`: known to be at or after the key */

    if (is_before(m->path[0], key)) {
        /* Up the kept path for as long as the key is further on. */
        for (level = 0; level < HEIGHT_MAX; level++)
            if (!is_before(next = *next_of(m, m->path[level], level), key)) break;
        if (level == 0) return next;
    } else {
        memset(m->path, 0, sizeof m->path);
    }
    before = m->path[level - 1];
    while (level-- > 0) {
        while ((next = *next_of(m, before, level)) != stop) {
            /* Half of the time the search goes down here: that record comes meanwhile. */
            if (level > 0) __builtin_prefetch(*next_of(m, before, level - 1));
            if (!is_before(next, key)) break;
            before = next;
        }
        m->path[level] = before;
        stop = next;
    }
    return next;
}

/* Links a record where the path leads. */
static void link_here(memory *m, record *r)
{
    for (size_t level = 0; level < r->height; level++) {
        record **next = next_of(m, m->path[level], level);

        r->next[level] = *next;
        *next = r;
    }
    m->bytes += record_size(r->key_len, r->value_len, r->height);
}

/* Unlinks the record that the path leads to, and answers the one after it. */
static record *unlink_here(memory *m, record *r)
{
    record *after = r->next[0];

    for (size_t level = 0; level < r->height; level++)
        *next_of(m, m->path[level], level) = r->next[level];
    m->bytes -= record_size(r->key_len, r->value_len, r->height);
    r->next[0] = m->removed;
    m->removed = r;
    return after;
}

/* ---- Answers ---- */

static void memory_free(memory *m)
{
    records_free(m, m->head[0]);
    records_free(m, m->removed);
    m->mem->resize(m->mem->ctx, m, sizeof *m, 0);
}

/* The engine may be gone afterwards: it may be closed inside the answer. */
static void answer_give(memory *m, const mt_kv_host *host, uint64_t id, const mt_kv_answer *answer)
{
    m->answering++;
    host->answer(host->ctx, id, answer);
    if (--m->answering > 0) return;
    records_free(m, m->removed);
    m->removed = NULL;
    if (m->closed) memory_free(m);
}

#define PAIRS_FEW 16

/* Room for the pairs of an answer: on the stack if they are few. */
typedef struct pairs {
    const mt_mem *mem;
    mt_kv_pair *at;
    size_t cap;
    mt_kv_pair few[PAIRS_FEW];
} pairs;

static bool pairs_begin(pairs *p, const mt_mem *mem, size_t cap)
{
    p->mem = mem;
    p->cap = cap;
    p->at = p->few;
    if (cap <= PAIRS_FEW) return true;
    if (cap > SIZE_MAX / sizeof *p->at) return false;
    p->at = mem->resize(mem->ctx, NULL, 0, cap * sizeof *p->at);
    return p->at != NULL;
}

static void pairs_end(pairs *p)
{
    if (p->at != p->few) p->mem->resize(p->mem->ctx, p->at, p->cap * sizeof *p->at, 0);
}

/* ---- The engine ---- */

static bool key_fits(mt_bytes key)
{
    return key.len >= 1 && key.len <= MT_KV_KEY_LEN_MAX;
}

static mt_status memory_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                            size_t count)
{
    memory *m = ctx;
    pairs found;

    if (!pairs_begin(&found, m->mem, count)) return MT_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const record *r = seek(m, keys[i]);

        found.at[i] = (mt_kv_pair){.key = keys[i]};
        if (r && mt_bytes_equal(record_key(r), keys[i])) found.at[i].value = record_value(r);
    }
    answer_give(m, host, id, &(mt_kv_answer){.pairs = found.at, .count = count});
    pairs_end(&found);
    return MT_OK;
}

#define PAGE_MAX 1000

static mt_status memory_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                             mt_bytes end, size_t limit)
{
    memory *m = ctx;
    pairs found;
    size_t count = 0;
    const record *r;

    if (limit == 0) return MT_INVALID;
    if (!pairs_begin(&found, m->mem, limit < PAGE_MAX ? limit : PAGE_MAX)) return MT_NO_MEMORY;
    r = seek(m, after);
    if (r && mt_bytes_equal(record_key(r), after)) r = r->next[0];
    while (r && count < found.cap && (end.len == 0 || is_before(r, end))) {
        found.at[count++] = (mt_kv_pair){record_key(r), record_value(r)};
        r = r->next[0];
    }
    answer_give(m, host, id,
                &(mt_kv_answer){.pairs = found.at,
                                .count = count,
                                .more = r && (end.len == 0 || is_before(r, end))});
    pairs_end(&found);
    return MT_OK;
}

/* Makes the records that the ops put, a list by `next[0]` in order. False: no memory, and none is
 * left. */
static bool records_prepare(memory *m, const mt_kv_op *ops, size_t count, record **list)
{
    record **end = list;

    *list = NULL;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind != MT_KV_PUT) continue;
        *end = record_new(m, ops[i].key, ops[i].value);
        if (!*end) {
            records_free(m, *list);
            return false;
        }
        end = &(*end)->next[0];
        *end = NULL;
    }
    return true;
}

/* Applies an op, taking its record from the list if it puts one. */
static void op_apply(memory *m, const mt_kv_op *op, record **list)
{
    record *r = seek(m, op->key), *made;

    switch (op->kind) {
    case MT_KV_PUT:
        if (r && mt_bytes_equal(record_key(r), op->key)) unlink_here(m, r);
        made = *list;
        *list = made->next[0];
        link_here(m, made);
        break;
    case MT_KV_DELETE:
        if (r && mt_bytes_equal(record_key(r), op->key)) unlink_here(m, r);
        break;
    case MT_KV_DELETE_RANGE:
        while (is_before(r, op->value)) r = unlink_here(m, r);
        break;
    }
}

static mt_status memory_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                               size_t count)
{
    memory *m = ctx;
    record *list;

    for (size_t i = 0; i < count; i++)
        if (ops[i].kind > MT_KV_DELETE_RANGE || !key_fits(ops[i].key)) return MT_INVALID;
    if (!records_prepare(m, ops, count, &list)) return MT_NO_MEMORY;
    for (size_t i = 0; i < count; i++) op_apply(m, &ops[i], &list);
    answer_give(m, host, id, &(mt_kv_answer){.status = MT_OK});
    return MT_OK;
}

static void memory_close(void *ctx)
{
    memory *m = ctx;

    assert(!m->closed);
    m->closed = true;
    if (m->answering == 0) memory_free(m);
}

static uint64_t memory_bytes(void *ctx)
{
    return ((memory *)ctx)->bytes;
}

mt_status mt_kv_memory(const mt_env *env, mt_kv *out)
{
    static const mt_kv_ops ops = {.abi = MT_KV_ABI,
                                  .size = sizeof(mt_kv_ops),
                                  .name = "memory",
                                  .key_len_max = MT_KV_KEY_LEN_MAX,
                                  .get = memory_get,
                                  .scan = memory_scan,
                                  .commit = memory_commit,
                                  .close = memory_close,
                                  .bytes = memory_bytes};
    memory *m = env->mem->resize(env->mem->ctx, NULL, 0, sizeof *m);

    if (!m) return MT_NO_MEMORY;
    *m = (memory){.mem = env->mem};
    /* Heights that nobody can foresee: else keys could be chosen so that all records are low. */
    if (env->entropy(env->ctx, (uint8_t *)&m->rng, sizeof m->rng) != MT_OK || m->rng == 0)
        m->rng = UINT64_C(0x9E3779B97F4A7C15);
    *out = (mt_kv){&ops, m};
    return MT_OK;
}
