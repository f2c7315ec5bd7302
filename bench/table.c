#include "table.h"

#include "figure.h"

#include <stdlib.h>
#include <string.h>

typedef struct cell {
    uint64_t state;
    uint64_t value; /* a number, a boolean, or where the bytes are */
    uint32_t len;
    uint32_t name;
} cell;

typedef struct item {
    char *uid; /* NULL: a free slot */
    uint64_t hash;
    cell *cells;
} item;

struct table {
    item *items;
    size_t count, cap;
    char *names[FIELDS];
    char *arena;
    size_t left, memory;
};

table *table_new(void)
{
    table *t = bench_room(1, sizeof *t);

    t->cap = 1024;
    t->items = bench_room(t->cap, sizeof *t->items);
    return t;
}

/* Pieces of the arena are kept in a list through their first bytes. */
#define PIECE ((size_t)1 << 20)

static char *keep(table *t, const void *data, size_t len)
{
    char *at;

    len = (len + 7) & ~(size_t)7;
    if (t->left < len) {
        char *piece = bench_need(malloc(PIECE));
        memcpy(piece, &t->arena, sizeof t->arena);
        t->arena = piece;
        t->left = PIECE - 16;
        t->memory += PIECE;
    }
    at = t->arena + PIECE - t->left;
    t->left -= len;
    if (data) memcpy(at, data, len);
    return at;
}

void table_free(table *t)
{
    while (t->arena) {
        char *piece = t->arena;
        memcpy(&t->arena, piece, sizeof t->arena);
        free(piece);
    }
    free(t->items);
    free(t);
}

/* FNV-1a, eight bytes at a time where there are as many. */
static uint64_t hash_of(mt_bytes key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325), word;
    size_t i = 0;

    for (; i + 8 <= key.len; i += 8) {
        memcpy(&word, key.data + i, 8);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 32;
    }
    for (; i < key.len; i++) hash = (hash ^ key.data[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static void grow(table *t)
{
    item *items = bench_room(t->cap * 2, sizeof *items);

    for (size_t i = 0; i < t->cap; i++) {
        size_t at = t->items[i].hash & (t->cap * 2 - 1);
        if (!t->items[i].uid) continue;
        while (items[at].uid) at = (at + 1) & (t->cap * 2 - 1);
        items[at] = t->items[i];
    }
    free(t->items);
    t->items = items;
    t->cap *= 2;
}

static item *find(table *t, mt_bytes uid)
{
    uint64_t hash = hash_of(uid);
    item *it;
    size_t at;

    for (at = hash & (t->cap - 1); t->items[at].uid; at = (at + 1) & (t->cap - 1)) {
        it = &t->items[at];
        if (it->hash == hash && memcmp(it->uid, uid.data, uid.len) == 0 && it->uid[uid.len] == 0)
            return it;
    }
    if (2 * (t->count + 1) > t->cap) {
        grow(t);
        return find(t, uid);
    }
    it = &t->items[at];
    it->uid = keep(t, NULL, uid.len + 1);
    memcpy(it->uid, uid.data, uid.len);
    it->uid[uid.len] = 0;
    it->hash = hash;
    it->cells = (cell *)(void *)keep(t, NULL, FIELDS * sizeof(cell));
    memset(it->cells, 0, FIELDS * sizeof(cell));
    t->count++;
    return it;
}

/* Which of the five cells: names are kept once. */
static unsigned name_of(table *t, mt_bytes name)
{
    unsigned i = 0;

    for (; i < FIELDS && t->names[i]; i++)
        if (memcmp(t->names[i], name.data, name.len) == 0 && t->names[i][name.len] == 0) return i;
    t->names[i] = keep(t, NULL, name.len + 1);
    memcpy(t->names[i], name.data, name.len);
    t->names[i][name.len] = 0;
    return i;
}

static void put(table *t, cell *c, const mt_field *field, uint64_t state)
{
    const mt_value *value = &field->value;

    c->state = state;
    if (value->kind < MT_STRING) {
        c->len = 0;
        c->value = 0;
        memcpy(&c->value, &value->as.number, value->kind == MT_BOOL ? 1 : 8);
        return;
    }
    if (c->len < value->as.bytes.len) c->value = (uintptr_t)keep(t, NULL, value->as.bytes.len);
    c->len = (uint32_t)value->as.bytes.len;
    memcpy((char *)(uintptr_t)c->value, value->as.bytes.data, c->len);
}

void table_merge(table *t, const mt_row *row)
{
    item *it = find(t, row->uid);

    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];
        cell *c = &it->cells[name_of(t, field->name)];
        if (field->state < c->state) continue;
        if (field->state == c->state) {
            if (field->value.kind < MT_STRING) continue;
            if (memcmp(field->value.as.bytes.data, (char *)(uintptr_t)c->value, c->len) <= 0)
                continue;
        }
        put(t, c, field, field->state);
    }
}

uint64_t table_set(table *t, mt_bytes uid, const mt_field *field)
{
    cell *c = &find(t, uid)->cells[name_of(t, field->name)];

    put(t, c, field, c->state + 1);
    return c->state;
}

size_t table_count(const table *t)
{
    return t->count;
}

size_t table_memory(const table *t)
{
    return t->memory + t->cap * sizeof *t->items + sizeof *t;
}
