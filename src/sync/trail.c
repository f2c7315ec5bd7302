#include "sync/trail.h"

void mti_trail_init(mti_trail *trail, const mt_mem *mem)
{
    memset(trail, 0, sizeof *trail);
    trail->text.mem = mem;
}

void mti_trail_free(mti_trail *trail)
{
    const mt_mem *mem = trail->text.mem;

    mti_mem_free(mem, trail->keys, trail->cap * sizeof *trail->keys);
    mti_mem_free(mem, trail->groups, trail->group_cap * sizeof *trail->groups);
    mt_buf_free(&trail->text);
    mti_trail_init(trail, mem);
}

void mti_trail_clear(mti_trail *trail)
{
    trail->count = trail->group_count = trail->text.len = trail->part = 0;
    trail->lost = false;
}

/* Whether a part is behind a uid, at least in part. */
static bool reaches(const mti_parts *parts, size_t part, mt_bytes uid)
{
    mt_bytes end = mti_part_end(parts, &parts->at[part]);

    return end.len == 0 || mt_bytes_compare(uid, end) < 0;
}

/* Adds nodes of one part. */
static mt_status add_group(mti_trail *trail, mt_bytes first, const mti_coded *coded, size_t count)
{
    const mt_mem *mem = trail->text.mem;
    uint32_t *keys =
        mti_vector_reserve(mem, trail->keys, &trail->cap, trail->count + count, sizeof *keys);
    mti_trail_group *groups;

    if (!keys) return MT_NO_MEMORY;
    trail->keys = keys;
    groups = mti_vector_reserve(mem, trail->groups, &trail->group_cap, trail->group_count + 1,
                                sizeof *groups);
    if (!groups) return MT_NO_MEMORY;
    trail->groups = groups;
    groups[trail->group_count] = (mti_trail_group){.first_at = (uint32_t)trail->text.len,
                                                   .part = (uint32_t)trail->part,
                                                   .keys_end = (uint32_t)(trail->count + count),
                                                   .first_len = (uint8_t)first.len};
    if (mti_buf_append(&trail->text, first.data, first.len) != MT_OK) return MT_NO_MEMORY;
    trail->group_count++;
    for (size_t i = 0; i < count; i++) keys[trail->count++] = (uint32_t)coded[i].key;
    return MT_OK;
}

static mt_status add(mti_trail *trail, const mti_parts *parts, const mt_storage_item *items,
                     const mti_coded *coded, size_t count)
{
    mt_status st = MT_OK;

    trail->lost = trail->lost || trail->count + count > MTI_TRAIL_MAX;
    for (size_t i = 0, end; i < count && st == MT_OK && !trail->lost; i = end) {
        while (trail->part + 1 < parts->count && !reaches(parts, trail->part, items[i].uid))
            trail->part++;
        end = count;
        if (!reaches(parts, trail->part, items[count - 1].uid))
            for (end = i + 1; end < count && reaches(parts, trail->part, items[end].uid);) end++;
        st = add_group(trail, items[i].uid, coded + i, end - i);
    }
    return st;
}

/* A leaf of an index has no more nodes than this. */
#define PIECE 96u

mt_status mti_trail_code(mti_trail *trail, mti_cells *cells, const mti_tag_key *key,
                         const mti_parts *parts, const mt_storage_item *items, size_t count)
{
    mti_coded coded[PIECE];
    mt_status st = MT_OK;

    for (size_t len; count > 0 && st == MT_OK; items += len, count -= len) {
        len = count < PIECE ? count : PIECE;
        for (size_t i = 0; i < len; i++)
            coded[i] = (mti_coded){mti_tag_uid(key, items[i].uid), mti_tag_value(key, &items[i])};
        mti_cells_add(cells, coded, len);
        st = add(trail, parts, items, coded, len);
    }
    return st;
}

static mt_bytes group_first(const mti_trail *trail, size_t group)
{
    const mti_trail_group *at = &trail->groups[group];

    return (mt_bytes){trail->text.data + at->first_at, at->first_len};
}

/* Where a group ends: where the next of its part begins, or with the part. */
static mt_bytes group_end(const mti_trail *trail, const mti_parts *parts, size_t group)
{
    const mti_trail_group *at = &trail->groups[group];

    if (group + 1 < trail->group_count && at[1].part == at->part)
        return group_first(trail, group + 1);
    return mti_part_end(parts, &parts->at[at->part]);
}

static bool has_key(const mti_trail *trail, size_t group, const mti_key_map *map)
{
    size_t i = group ? trail->groups[group - 1].keys_end : 0;

    for (; i < trail->groups[group].keys_end; i++)
        if (mti_key_map_get(map, (uint64_t)trail->keys[i] + 1)) return true;
    return false;
}

static mt_status find_all(const mti_parts *parts, mti_parts *out)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < parts->count && st == MT_OK; i++)
        st = mti_parts_add(out, mti_part_first(parts, &parts->at[i]),
                           mti_part_end(parts, &parts->at[i]));
    return st;
}

mt_status mti_trail_find(const mti_trail *trail, const mti_parts *parts, const mti_key_map *map,
                         mti_parts *out)
{
    mt_status st = MT_OK;

    if (trail->lost) return find_all(parts, out);
    for (size_t i = 0, end; i < trail->group_count && st == MT_OK; i = end) {
        end = i + 1;
        if (!has_key(trail, i, map)) continue;
        while (end < trail->group_count && trail->groups[end].part == trail->groups[i].part &&
               has_key(trail, end, map))
            end++;
        st = mti_parts_add(out, group_first(trail, i), group_end(trail, parts, end - 1));
    }
    return st;
}
