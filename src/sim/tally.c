#include "sim/tally.h"

#include "sim/room.h"
#include "sim/trace.h"

#include <stdlib.h>
#include <string.h>

static size_t place_of(const mti_sim_tally *t, uint64_t key)
{
    size_t at = (size_t)(key >> 20) & (t->cap - 1);

    while (t->keys[at] && t->keys[at] != key) at = (at + 1) & (t->cap - 1);
    return at;
}

static void grow(mti_sim_tally *t)
{
    mti_sim_tally old = *t;

    t->cap = old.cap ? 2 * old.cap : 256;
    t->keys = mti_sim_new(t->cap, sizeof *t->keys);
    t->times = mti_sim_new(t->cap, 1);
    for (size_t i = 0; i < old.cap; i++) {
        size_t at;
        if (!old.keys[i]) continue;
        at = place_of(t, old.keys[i]);
        t->keys[at] = old.keys[i];
        t->times[at] = old.times[i];
    }
    free(old.keys);
    free(old.times);
}

unsigned mti_sim_tally_add(mti_sim_tally *t, uint64_t key)
{
    size_t at;

    if (2 * t->count >= t->cap) grow(t);
    key |= 1;
    at = place_of(t, key);
    if (!t->keys[at]) {
        t->keys[at] = key;
        t->count++;
    }
    if (t->times[at] < UINT8_MAX) t->times[at]++;
    return t->times[at];
}

bool mti_sim_tally_has(const mti_sim_tally *t, uint64_t key)
{
    return t->cap > 0 && t->keys[place_of(t, key | 1)];
}

void mti_sim_tally_end(mti_sim_tally *t)
{
    free(t->keys);
    free(t->times);
    memset(t, 0, sizeof *t);
}

/* ---- Keys ---- */

static uint64_t value_key(const mt_value *value, uint64_t seed)
{
    uint64_t word = 0;

    switch (value->kind) {
    case MT_NULL: break;
    case MT_BOOL: word = value->as.boolean; break;
    case MT_NUMBER: memcpy(&word, &value->as.number, sizeof word); break;
    case MT_INT: word = (uint64_t)value->as.integer; break;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: word = mti_sim_hash(value->as.bytes, 1); break;
    }
    return mti_sim_hash((mt_bytes){(const uint8_t *)&word, sizeof word},
                        seed + (uint64_t)value->kind);
}

uint64_t mti_sim_version_key(mt_bytes uid, const mt_field *field, bool with_state)
{
    uint64_t key = mti_sim_hash(uid, 7);

    key = mti_sim_hash(field->name, with_state ? key + field->state : key);
    return field->kind == MT_FIELD_VALUE ? value_key(&field->value, key) : key;
}
