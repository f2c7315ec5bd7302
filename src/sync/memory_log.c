#include "sync/memory_log.h"

#include "base/bytes.h"
#include "base/checksum.h"

#define SLOTS_MIN 64

/* How many entries of a node are looked at: of one whose fields change one by one, there may be as many as
 * it has fields. What is further back may name again what a newer one does. */
#define LEFT_MAX 64

/* How many changes are shown at once. */
#define PIECE 8

struct mti_noted {
    mti_noted *next; /* of those in its slot; a newer one of a node comes first */
    uint64_t number;
    uint32_t hash;
    uint32_t names_len, text_cap;
    uint8_t uid_len, origin_len;
    uint8_t name_count; /* 0: all may have changed */
    uint8_t text[];     /* uid, origin, names */
};

static mt_bytes uid_of(const mti_noted *noted)
{
    return (mt_bytes){noted->text, noted->uid_len};
}

static mt_bytes origin_of(const mti_noted *noted)
{
    return (mt_bytes){noted->text + noted->uid_len, noted->origin_len};
}

static mt_bytes names_of(const mti_noted *noted)
{
    return (mt_bytes){noted->text + noted->uid_len + noted->origin_len, noted->names_len};
}

/* ---- By uid ---- */

static mti_noted **slot_of(const mti_memory_log *log, uint32_t hash)
{
    return &log->slots[hash & (log->slot_cap - 1)];
}

/* The newest entry of a node from here on. */
static mti_noted *of_node(mti_noted *noted, uint32_t hash, mt_bytes uid)
{
    while (noted && !(noted->hash == hash && mti_bytes_same(uid_of(noted), uid)))
        noted = noted->next;
    return noted;
}

static mt_status slots_grow(mti_memory_log *log)
{
    size_t cap = log->slot_cap ? 2 * log->slot_cap : SLOTS_MIN;
    mti_memory_log wider = *log;

    if (log->count < log->slot_cap) return MT_OK;
    wider.slot_cap = cap;
    if (!(wider.slots = mti_mem_alloc(log->mem, cap * sizeof(mti_noted *)))) return MT_NO_MEMORY;
    memset(wider.slots, 0, cap * sizeof(mti_noted *));
    /* By number, so that a newer one of a node comes first again. */
    for (size_t i = 0; i < log->at_count; i++) {
        mti_noted *noted = log->at[log->at_first + i].noted;

        if (!noted) continue;
        noted->next = *slot_of(&wider, noted->hash);
        *slot_of(&wider, noted->hash) = noted;
    }
    mti_mem_free(log->mem, log->slots, log->slot_cap * sizeof(mti_noted *));
    *log = wider;
    return MT_OK;
}

/* ---- By number ---- */

/* The first place whose number is above another. */
static size_t place_above(const mti_memory_log *log, uint64_t number)
{
    size_t first = log->at_first, count = log->at_count;

    while (count > 0) {
        size_t half = count / 2;

        if (log->at[first + half].number <= number) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

/* Makes room for one more number: leaves out those without an entry, if they are half, or grows. */
static mt_status places_reserve(mti_memory_log *log)
{
    size_t kept = 0;
    mti_noted_at *wider;

    if (log->at_first + log->at_count < log->at_cap) return MT_OK;
    for (size_t i = 0; i < log->at_count; i++) {
        mti_noted_at at = log->at[log->at_first + i];
        if (at.noted) log->at[kept++] = at;
    }
    log->at_first = 0;
    log->at_count = kept;
    if (2 * kept < log->at_cap) return MT_OK;
    wider = mti_vector_reserve(log->mem, log->at, &log->at_cap, log->at_cap + 1, sizeof *wider);
    if (!wider) return MT_NO_MEMORY;
    log->at = wider;
    return MT_OK;
}

/* ---- Entries ---- */

/* Takes an entry out of the log, and frees it. */
static void drop(mti_memory_log *log, mti_noted *noted)
{
    mti_noted **link = slot_of(log, noted->hash);

    while (*link != noted) link = &(*link)->next;
    *link = noted->next;
    log->at[place_above(log, noted->number - 1)].noted = NULL;
    log->count--;
    mti_mem_free(log->mem, noted, sizeof *noted + noted->text_cap);
}

static void forget_oldest(mti_memory_log *log)
{
    mti_noted_at *oldest = &log->at[log->at_first];

    if (oldest->noted) drop(log, oldest->noted);
    log->forgotten = oldest->number;
    log->at_first++;
    log->at_count--;
}

static void forget_all(mti_memory_log *log)
{
    while (log->at_count > 0) forget_oldest(log);
    log->forgotten = log->head.number;
}

/* What a new entry says. */
typedef struct saying {
    mt_bytes uid, origin, names;
    size_t name_count;
} saying;

static mti_noted *noted_new(const mti_memory_log *log, uint32_t hash, const saying *s)
{
    size_t len = s->uid.len + s->origin.len + s->names.len;
    mti_noted *noted = mti_mem_alloc(log->mem, sizeof *noted + len);
    uint8_t *at;

    if (!noted) return NULL;
    *noted = (mti_noted){.hash = hash,
                         .text_cap = (uint32_t)len,
                         .names_len = (uint32_t)s->names.len,
                         .uid_len = (uint8_t)s->uid.len,
                         .origin_len = (uint8_t)s->origin.len,
                         .name_count = (uint8_t)s->name_count};
    at = noted->text;
    memcpy(at, s->uid.data, s->uid.len);
    at += s->uid.len;
    if (s->origin.len) memcpy(at, s->origin.data, s->origin.len);
    at += s->origin.len;
    if (s->names.len) memcpy(at, s->names.data, s->names.len);
    return noted;
}

/* Puts an entry, which is MOVED, at the end; there is room. */
static void append(mti_memory_log *log, mti_noted *noted)
{
    mti_noted **slot = slot_of(log, noted->hash);

    noted->number = log->head.number;
    noted->next = *slot;
    *slot = noted;
    log->at[log->at_first + log->at_count++] = (mti_noted_at){noted->number, noted};
    log->count++;
}

/* What is left of an older entry behind a new one that names fields: those that the new one lacks. An
 * entry that says `all` stays. Answers whether anything is. */
static bool names_left(mti_noted *older, const saying *s)
{
    uint8_t *names = older->text + older->uid_len + older->origin_len;
    mti_log_names rest;

    if (older->name_count == 0) return true;
    rest = mti_log_names_without(names_of(older), s->names, names);
    older->name_count = (uint8_t)rest.count;
    older->names_len = (uint32_t)rest.len;
    return rest.count > 0;
}

/* Behind one that says `all` nothing is left of what the same peer said before. */
static bool is_left(mti_noted *older, const saying *s)
{
    if (s->name_count > 0) return names_left(older, s);
    return !mt_bytes_equal(origin_of(older), s->origin);
}

static mt_status note(mti_memory_log *log, uint32_t hash, const saying *s)
{
    mti_noted *noted = noted_new(log, hash, s), *older, *next;
    size_t left = 0;

    if (!noted) return MT_NO_MEMORY;
    for (older = *slot_of(log, hash); (older = of_node(older, hash, s->uid)); older = next) {
        next = older->next;
        if (!is_left(older, s)) drop(log, older);
        else if (++left == LEFT_MAX && s->name_count > 0) break;
    }
    append(log, noted);
    return MT_OK;
}

void mti_memory_log_note(mti_memory_log *log, mt_bytes uid, mt_bytes names, size_t name_count,
                         mt_bytes origin)
{
    uint32_t hash = mti_checksum32(uid, log->seed);
    saying s = {uid, origin, names, name_count};

    log->head.number++;
    if (slots_grow(log) != MT_OK || places_reserve(log) != MT_OK || note(log, hash, &s) != MT_OK)
        forget_all(log);
    while (log->count > log->max) forget_oldest(log);
}

/* ---- Its life ---- */

void mti_memory_log_init(mti_memory_log *log, const mt_mem *mem, size_t max, const uint8_t boot[16],
                         uint64_t seed)
{
    *log = (mti_memory_log){.mem = mem, .seed = seed, .max = max};
    memcpy(log->head.boot, boot, sizeof log->head.boot);
}

void mti_memory_log_free(mti_memory_log *log)
{
    if (!log->mem) return;
    forget_all(log);
    mti_mem_free(log->mem, log->at, log->at_cap * sizeof *log->at);
    mti_mem_free(log->mem, log->slots, log->slot_cap * sizeof(mti_noted *));
    memset(log, 0, sizeof *log);
}

/* ---- Reading ---- */

/* A change as those of storage are; its names go to `room`. */
static void fill(const mti_noted *noted, mt_bytes *room, mt_storage_change *out)
{
    mt_bytes names = names_of(noted);

    *out = (mt_storage_change){.number = noted->number,
                               .uid = uid_of(noted),
                               .names = room,
                               .name_count = noted->name_count,
                               .all = noted->name_count == 0,
                               .origin = origin_of(noted)};
    for (size_t i = 0; i < noted->name_count; i++) (void)mti_log_name_next(&names, room++);
}

mt_status mti_memory_log_changes(const mti_memory_log *log, const mt_cursor *since, size_t limit,
                                 void (*show)(void *ctx, const mt_storage_change *changes,
                                              size_t count),
                                 void *ctx, mt_cursor *next)
{
    mt_storage_change changes[PIECE];
    mt_bytes room[PIECE][MTI_LOG_NAMES_MAX];
    size_t end = log->at_first + log->at_count, count = 0;

    if (memcmp(since->boot, log->head.boot, sizeof since->boot) != 0 ||
        since->number > log->head.number || since->number < log->forgotten)
        return MT_STALE;
    *next = *since;
    for (size_t i = place_above(log, since->number); i < end && limit > 0; i++) {
        if (!log->at[i].noted) continue;
        limit--;
        next->number = log->at[i].number;
        fill(log->at[i].noted, room[count], &changes[count]);
        if (++count < PIECE) continue;
        show(ctx, changes, count);
        count = 0;
    }
    if (count > 0) show(ctx, changes, count);
    if (limit > 0) next->number = log->head.number;
    return MT_OK;
}
