/* window.c - records in a run of bytes, and a table of where they are.
 *
 *     data    record | record | record ...      8-aligned; replaced ones stay until all go
 *     slots   open addressing by the hash of the uid
 *
 * A record that is replaced by one that fits is written over, so that a node that changes all the
 * time does not fill a generation by itself. */
#include "store/window.h"

#include "base/bytes.h"
#include "base/checksum.h"

#define SLOTS_MIN 64

typedef struct record {
    uint64_t all_number;
    uint32_t touch;
    uint32_t room; /* bytes of the tail */
    uint8_t uid_len;
    uint8_t all_origin_len;
    uint8_t named_count;
    uint8_t
        tail[]; /* uid, origin; of each entry that names fields: a head, its origin, its names */
} record;

typedef struct named_head {
    uint64_t number;
    uint32_t names_len;
    uint8_t origin_len;
    uint8_t name_count;
} named_head;

/* ---- Generations ---- */

static void generation_free(mti_generation *g, const mt_mem *mem)
{
    mti_mem_free(mem, g->data, g->cap);
    mti_mem_free(mem, g->slots, g->slot_cap * sizeof *g->slots);
    memset(g, 0, sizeof *g);
}

static void generation_clear(mti_generation *g)
{
    g->len = g->count = 0;
    if (g->slots) memset(g->slots, 0, g->slot_cap * sizeof *g->slots);
}

static record *record_at(const mti_generation *g, uint32_t place)
{
    return (record *)(void *)(g->data + (size_t)(place - 1) * 8);
}

static mt_bytes record_uid(const record *r)
{
    return (mt_bytes){r->tail, r->uid_len};
}

/* The slot of a uid, or the free one where it belongs. There is one. */
static size_t slot_of(const mti_generation *g, uint32_t hash, mt_bytes uid)
{
    size_t mask = g->slot_cap - 1, at = hash & mask;

    while (g->slots[at].place) {
        const mti_window_slot *slot = &g->slots[at];

        if (slot->hash == hash && mti_bytes_same(record_uid(record_at(g, slot->place)), uid)) break;
        at = (at + 1) & mask;
    }
    return at;
}

static record *generation_find(const mti_generation *g, uint32_t hash, mt_bytes uid)
{
    uint32_t place;

    if (g->count == 0) return NULL;
    place = g->slots[slot_of(g, hash, uid)].place;
    return place ? record_at(g, place) : NULL;
}

/* Doubles the table. */
static mt_status slots_grow(mti_generation *g, const mt_mem *mem)
{
    size_t cap = g->slot_cap ? 2 * g->slot_cap : SLOTS_MIN;
    mti_window_slot *wider = mti_mem_alloc(mem, cap * sizeof *wider);

    if (!wider) return MT_NO_MEMORY;
    memset(wider, 0, cap * sizeof *wider);
    for (size_t i = 0; i < g->slot_cap; i++) {
        size_t at = g->slots[i].hash & (cap - 1);

        if (!g->slots[i].place) continue;
        while (wider[at].place) at = (at + 1) & (cap - 1);
        wider[at] = g->slots[i];
    }
    mti_mem_free(mem, g->slots, g->slot_cap * sizeof *g->slots);
    g->slots = wider;
    g->slot_cap = cap;
    return MT_OK;
}

/* ---- The window ---- */

void mti_window_init(mti_window *window, const mt_mem *mem, uint64_t seed)
{
    memset(window, 0, sizeof *window);
    window->mem = mem;
    window->seed = seed;
}

void mti_window_free(mti_window *window)
{
    generation_free(&window->young, window->mem);
    generation_free(&window->old, window->mem);
}

void mti_window_clear(mti_window *window)
{
    generation_clear(&window->young);
    generation_clear(&window->old);
}

static mt_bytes take_text(const uint8_t **at, size_t len)
{
    mt_bytes text = {*at, len};

    *at += len;
    return text;
}

static void read_named(const uint8_t **at, mti_logged_names *out)
{
    named_head head;

    memcpy(&head, *at, sizeof head);
    *at += sizeof head;
    out->number = head.number;
    out->name_count = head.name_count;
    out->origin = take_text(at, head.origin_len);
    out->names = take_text(at, head.names_len);
}

bool mti_window_find(const mti_window *window, mt_bytes uid, mti_logged *out)
{
    uint32_t hash = mti_checksum32(uid, window->seed);
    const record *r = generation_find(&window->young, hash, uid);
    const uint8_t *at;

    if (!r) r = generation_find(&window->old, hash, uid);
    if (!r) return false;
    at = r->tail + r->uid_len;
    out->all_number = r->all_number;
    out->all_origin = take_text(&at, r->all_origin_len);
    out->named_count = r->named_count;
    for (size_t i = 0; i < out->named_count; i++) read_named(&at, &out->named[i]);
    out->touch = r->touch;
    return true;
}

static size_t tail_len(mt_bytes uid, const mti_logged *logged)
{
    size_t len = uid.len + logged->all_origin.len;

    for (size_t i = 0; i < logged->named_count; i++)
        len += sizeof(named_head) + logged->named[i].origin.len + logged->named[i].names.len;
    return len;
}

static uint8_t *put_text(uint8_t *at, mt_bytes text)
{
    if (text.len) memcpy(at, text.data, text.len);
    return at + text.len;
}

static uint8_t *put_named(uint8_t *at, const mti_logged_names *named)
{
    named_head head;

    memset(&head, 0, sizeof head);
    head.number = named->number;
    head.names_len = (uint32_t)named->names.len;
    head.origin_len = (uint8_t)named->origin.len;
    head.name_count = (uint8_t)named->name_count;
    memcpy(at, &head, sizeof head);
    return put_text(put_text(at + sizeof head, named->origin), named->names);
}

/* Writes a record whose tail has room. */
static void record_write(record *r, mt_bytes uid, const mti_logged *logged)
{
    uint8_t *at = r->tail;

    r->all_number = logged->all_number;
    r->touch = logged->touch;
    r->uid_len = (uint8_t)uid.len;
    r->all_origin_len = (uint8_t)logged->all_origin.len;
    r->named_count = (uint8_t)logged->named_count;
    at = put_text(at, uid);
    at = put_text(at, logged->all_origin);
    for (size_t i = 0; i < logged->named_count; i++) at = put_named(at, &logged->named[i]);
}

/* Makes room in the younger generation for one more record of `size` bytes. */
static mt_status young_reserve(mti_window *window, size_t size)
{
    mti_generation *g = &window->young, full;
    uint8_t *data;

    if (g->count >= MTI_WINDOW_NODES || (g->len > 0 && g->len + size > MTI_WINDOW_BYTES)) {
        full = *g;
        *g = window->old;
        window->old = full;
        generation_clear(g);
    }
    if (2 * (g->count + 1) > g->slot_cap && slots_grow(g, window->mem) != MT_OK)
        return MT_NO_MEMORY;
    data = mti_vector_reserve(window->mem, g->data, &g->cap, g->len + size, 1);
    if (!data) return MT_NO_MEMORY;
    g->data = data;
    return MT_OK;
}

mt_status mti_window_put(mti_window *window, mt_bytes uid, const mti_logged *logged)
{
    uint32_t hash = mti_checksum32(uid, window->seed);
    mti_generation *g = &window->young;
    record *r = generation_find(g, hash, uid);
    size_t room = tail_len(uid, logged), size, slot;

    if (r && r->room >= room) {
        record_write(r, uid, logged);
        return MT_OK;
    }
    size = (sizeof *r + room + 7) & ~(size_t)7;
    if (young_reserve(window, size) != MT_OK) return MT_NO_MEMORY;
    slot = slot_of(g, hash, uid);
    if (!g->slots[slot].place) g->count++;
    g->slots[slot] = (mti_window_slot){(uint32_t)(g->len / 8 + 1), hash};
    r = record_at(g, g->slots[slot].place);
    r->room = (uint32_t)(size - sizeof *r);
    record_write(r, uid, logged);
    g->len += size;
    return MT_OK;
}
