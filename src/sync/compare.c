#include "sync/compare.h"

#include <mytosis/limits.h>

/* ---- Nodes to be sent ---- */

void mti_sends_init(mti_sends *sends, const mt_mem *mem)
{
    memset(sends, 0, sizeof *sends);
    sends->text.mem = mem;
}

void mti_sends_free(mti_sends *sends)
{
    const mt_mem *mem = sends->text.mem;

    mti_mem_free(mem, sends->at, sends->cap * sizeof *sends->at);
    mt_buf_free(&sends->text);
    mti_sends_init(sends, mem);
}

void mti_sends_clear(mti_sends *sends)
{
    sends->count = sends->text.len = 0;
}

mt_status mti_sends_add(mti_sends *sends, mt_bytes uid, uint64_t since)
{
    mti_send *at =
        mti_vector_reserve(sends->text.mem, sends->at, &sends->cap, sends->count + 1, sizeof *at);

    if (!at) return MT_NO_MEMORY;
    sends->at = at;
    if (sends->text.len + uid.len > UINT32_MAX) return MT_NO_MEMORY;
    at[sends->count] = (mti_send){(uint32_t)sends->text.len, (uint8_t)uid.len, since};
    if (mti_buf_append(&sends->text, uid.data, uid.len) != MT_OK) return MT_NO_MEMORY;
    sends->count++;
    return MT_OK;
}

/* ---- Numbers by keys ---- */

void mti_key_map_free(mti_key_map *map)
{
    mti_mem_free(map->mem, map->slots, map->cap * sizeof *map->slots);
    *map = (mti_key_map){.mem = map->mem};
}

static mti_key_slot *slot_of(const mti_key_map *map, uint64_t key)
{
    size_t mask = map->cap - 1;
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;

    while (map->slots[at].key != 0 && map->slots[at].key != key) at = (at + 1) & mask;
    return &map->slots[at];
}

mt_status mti_key_map_reserve(mti_key_map *map, size_t count)
{
    mti_key_map made = {.mem = map->mem, .count = map->count, .cap = 8};

    while (made.cap / 2 < count) made.cap *= 2;
    if (made.cap <= map->cap) return MT_OK;
    if (!(made.slots = mti_mem_alloc(map->mem, made.cap * sizeof *made.slots))) return MT_NO_MEMORY;
    memset(made.slots, 0, made.cap * sizeof *made.slots);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key != 0) *slot_of(&made, map->slots[i].key) = map->slots[i];
    mti_key_map_free(map);
    *map = made;
    return MT_OK;
}

mt_status mti_key_map_put(mti_key_map *map, uint64_t key, uint64_t value)
{
    mti_key_slot *slot;

    if (mti_key_map_reserve(map, map->count + 1) != MT_OK) return MT_NO_MEMORY;
    slot = slot_of(map, key);
    map->count += slot->key == 0;
    *slot = (mti_key_slot){key, value};
    return MT_OK;
}

mti_key_slot *mti_key_map_get(const mti_key_map *map, uint64_t key)
{
    mti_key_slot *slot = map->cap > 0 ? slot_of(map, key) : NULL;

    return slot && slot->key != 0 ? slot : NULL;
}

/* ---- Lists of nodes with states ---- */

void mti_say_sends(mti_say *say, const mti_sends *sends)
{
    mt_bytes before = {NULL, 0};
    uint64_t state = 0;

    mti_say_number(say, sends->count);
    for (size_t i = 0; i < sends->count; i++) {
        mt_bytes uid = mti_send_uid(sends, &sends->at[i]);
        size_t shared = 0;
        while (shared < before.len && shared < uid.len && before.data[shared] == uid.data[shared])
            shared++;
        mti_say_number(say, shared);
        mti_say_bytes(say, (mt_bytes){uid.data + shared, uid.len - shared});
        mti_say_number(say, mti_zigzag(sends->at[i].since - state));
        before = uid;
        state = sends->at[i].since;
    }
}

void mti_parse_sends(mti_parse *in, mti_sends *sends)
{
    uint64_t count = mti_parse_number(in, "the number of nodes"), state = 0;
    uint8_t uid[MT_UID_LEN_MAX];
    size_t len = 0;

    if (count > MTI_COMPARE_WANTS_MAX || count > (size_t)(in->end - in->at))
        mti_parse_fail(in, "the number of nodes", "more than there can be");
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        uint64_t shared = mti_parse_number(in, "a uid");
        mt_bytes rest = mti_parse_bytes(in, "a uid", MT_UID_LEN_MAX);
        if (!in->failed &&
            (shared > len || shared + rest.len > MT_UID_LEN_MAX || shared + rest.len == 0))
            mti_parse_fail(in, "a uid", "longer than it can be, or empty");
        state += mti_unzigzag(mti_parse_number(in, "a state"));
        if (!in->failed && state > MT_STATE_MAX) mti_parse_fail(in, "a state", "out of range");
        if (in->failed) return;
        if (rest.len) memcpy(uid + shared, rest.data, rest.len);
        len = (size_t)shared + rest.len;
        if (mti_sends_add(sends, (mt_bytes){uid, len}, state) == MT_OK) continue;
        (void)mti_no_memory(in->err);
        in->failed = true;
    }
}

/* ---- Estimates ---- */

uint64_t mti_compare_margin(uint64_t estimate)
{
    uint64_t root = 1;

    while (root * root < estimate) root++;
    return estimate + estimate / 16 + root + 1;
}

uint64_t mti_compare_estimate(uint64_t parts, uint64_t hit)
{
    uint64_t sum = 0; /* in 256ths */

    for (uint64_t i = 0; i < hit && i < parts; i++) sum += parts * 256 / (parts - i);
    return (sum + 255) / 256;
}

bool mti_compare_is_full(uint64_t parts, uint64_t hit)
{
    return hit + (parts < 16 ? 0 : parts / 32) >= parts;
}
