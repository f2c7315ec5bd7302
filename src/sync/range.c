#include "sync/range.h"

#include <mytosis/value.h>

void mti_range_free(const mt_mem *mem, mti_range *range)
{
    mti_mem_free(mem, range->held, range->held_size);
    memset(range, 0, sizeof *range);
}

/* Copies bytes to `*at`, which moves on. */
static mt_bytes put(uint8_t **at, mt_bytes bytes)
{
    mt_bytes there = {*at, bytes.len};

    if (bytes.len) memcpy(*at, bytes.data, bytes.len);
    *at += bytes.len;
    return there;
}

/* ---- From one to before another ---- */

/* One byte more than `end`, for the end of a prefix. */
static mt_status interval_new(const mt_mem *mem, mt_bytes first, mt_bytes end, mti_range *out)
{
    uint8_t *at;

    memset(out, 0, sizeof *out);
    out->held_size = first.len + end.len + 1;
    if (!(out->held = mti_mem_alloc(mem, out->held_size))) return MT_NO_MEMORY;
    at = out->held;
    out->first = put(&at, first);
    out->end = put(&at, end);
    return MT_OK;
}

/* What comes behind all that begins with a prefix: its last byte that can be is counted up. */
static mt_status prefix_new(const mt_mem *mem, mt_bytes prefix, mti_range *out)
{
    mt_status st = interval_new(mem, prefix, prefix, out);
    uint8_t *end;

    if (st != MT_OK) return st;
    end = (uint8_t *)out->held + prefix.len;
    while (out->end.len > 0 && end[out->end.len - 1] == 0xFF) out->end.len--;
    if (out->end.len > 0) end[out->end.len - 1]++;
    return MT_OK;
}

/* ---- Lists ---- */

/* Where a uid is in a list, or belongs. */
static size_t list_search(const mt_bytes *uids, size_t count, mt_bytes uid)
{
    size_t first = 0;

    while (count > 0) {
        size_t half = count / 2;

        if (mt_bytes_compare(uids[first + half], uid) < 0) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

static bool list_has(const mti_range *list, mt_bytes uid)
{
    size_t at = list_search(list->uids, list->uid_count, uid);

    return at < list->uid_count && mt_bytes_equal(list->uids[at], uid);
}

/* Room for a list of so many uids with so many bytes. */
static mt_status list_room(const mt_mem *mem, size_t count, size_t len, mti_range *out)
{
    memset(out, 0, sizeof *out);
    out->held_size = count * sizeof(mt_bytes) + len + 1;
    if (!(out->held = mti_mem_alloc(mem, out->held_size))) return MT_NO_MEMORY;
    out->uids = out->held;
    return MT_OK;
}

static mt_status list_new(const mt_mem *mem, const mt_bytes *uids, size_t count, mti_range *out)
{
    size_t len = 0;
    uint8_t *at;

    for (size_t i = 0; i < count; i++) len += uids[i].len;
    if (list_room(mem, count, len, out) != MT_OK) return MT_NO_MEMORY;
    at = (uint8_t *)&out->uids[count];
    for (size_t i = 0; i < count; i++) {
        size_t place = list_search(out->uids, out->uid_count, uids[i]);

        if (place < out->uid_count && mt_bytes_equal(out->uids[place], uids[i])) continue;
        memmove(&out->uids[place + 1], &out->uids[place],
                (out->uid_count - place) * sizeof(mt_bytes));
        out->uids[place] = put(&at, uids[i]);
        out->uid_count++;
    }
    return MT_OK;
}

/* Those of a list that another range has. */
static mt_status list_common(const mt_mem *mem, const mti_range *list, const mti_range *other,
                             mti_range *out)
{
    size_t len = 0;
    uint8_t *at;

    for (size_t i = 0; i < list->uid_count; i++) len += list->uids[i].len;
    if (list_room(mem, list->uid_count, len, out) != MT_OK) return MT_NO_MEMORY;
    at = (uint8_t *)&out->uids[list->uid_count];
    for (size_t i = 0; i < list->uid_count; i++)
        if (mti_range_has(other, list->uids[i]))
            out->uids[out->uid_count++] = put(&at, list->uids[i]);
    return MT_OK;
}

/* ---- All ---- */

mt_status mti_range_of(const mt_mem *mem, const mt_sync_range *asked, mti_range *out, mt_error *err)
{
    bool interval = asked->first.len > 0 || asked->end.len > 0;
    mt_status st = MT_OK;

    memset(out, 0, sizeof *out);
    if (asked->uid_count > MTI_RANGE_UIDS_MAX)
        return mti_fail(err, MT_TOO_LARGE, "%zu uids in a list, the limit is %u", asked->uid_count,
                        MTI_RANGE_UIDS_MAX);
    if ((asked->prefix.len > 0) + interval + (asked->uid_count > 0) > 1)
        return mti_fail(err, MT_INVALID, "a range has a prefix, or a first and an end, or uids");
    if (asked->prefix.len > MT_UID_LEN_MAX || asked->first.len > MT_UID_LEN_MAX ||
        asked->end.len > MT_UID_LEN_MAX)
        return mti_fail(err, MT_INVALID, "a range begins or ends with more than any uid has");
    if (asked->end.len > 0 && mt_bytes_compare(asked->first, asked->end) >= 0)
        return mti_fail(err, MT_INVALID, "a range ends where it begins, or before");
    for (size_t i = 0; i < asked->uid_count && st == MT_OK; i++)
        st = mt_uid_check(asked->uids[i], err);
    if (st != MT_OK) return st;
    if (asked->uid_count > 0) st = list_new(mem, asked->uids, asked->uid_count, out);
    else if (interval) st = interval_new(mem, asked->first, asked->end, out);
    else st = prefix_new(mem, asked->prefix, out);
    return st == MT_OK ? MT_OK : mti_no_memory(err);
}

mt_status mti_range_common(const mt_mem *mem, const mti_range *a, const mti_range *b,
                           mti_range *out, bool *empty)
{
    mt_bytes first = mt_bytes_compare(a->first, b->first) < 0 ? b->first : a->first;
    mt_bytes end = a->end;
    mt_status st;

    if (b->end.len > 0 && (end.len == 0 || mt_bytes_compare(b->end, end) < 0)) end = b->end;
    memset(out, 0, sizeof *out);
    *empty = true;
    if (a->uids) st = list_common(mem, a, b, out);
    else if (b->uids) st = list_common(mem, b, a, out);
    else if (end.len > 0 && mt_bytes_compare(first, end) >= 0) return MT_OK;
    else st = interval_new(mem, first, end, out);
    if (st != MT_OK) return st;
    *empty = out->uids && out->uid_count == 0;
    if (*empty) mti_range_free(mem, out);
    return MT_OK;
}

bool mti_range_within(const mti_range *range, const mti_range *other)
{
    if (range->uids || other->uids || mt_bytes_compare(range->first, other->first) < 0)
        return false;
    if (other->end.len == 0) return true;
    return range->end.len > 0 && mt_bytes_compare(range->end, other->end) <= 0;
}

bool mti_range_has(const mti_range *range, mt_bytes uid)
{
    if (range->uids) return list_has(range, uid);
    if (range->first.len > 0 && mt_bytes_compare(uid, range->first) < 0) return false;
    return range->end.len == 0 || mt_bytes_compare(uid, range->end) < 0;
}

bool mti_range_equal(const mti_range *a, const mti_range *b)
{
    if (!a->uids != !b->uids || a->uid_count != b->uid_count) return false;
    for (size_t i = 0; a->uids && b->uids && i < a->uid_count; i++)
        if (!mt_bytes_equal(a->uids[i], b->uids[i])) return false;
    return mt_bytes_equal(a->first, b->first) && mt_bytes_equal(a->end, b->end);
}

/* Whether the range is all that begins with its first. */
static bool is_prefix(const mti_range *range)
{
    mt_bytes prefix = range->first;
    size_t len = prefix.len;

    while (len > 0 && prefix.data[len - 1] == 0xFF) len--;
    if (range->end.len != len) return false;
    return len == 0 || (range->end.data[len - 1] == prefix.data[len - 1] + 1 &&
                        memcmp(range->end.data, prefix.data, len - 1) == 0);
}

mt_sync_range mti_range_show(const mti_range *range)
{
    if (range->uids) return (mt_sync_range){.uids = range->uids, .uid_count = range->uid_count};
    if (is_prefix(range)) return (mt_sync_range){.prefix = range->first};
    return (mt_sync_range){.first = range->first, .end = range->end};
}

mt_bytes mti_range_prefix(const mti_range *range)
{
    mt_bytes prefix = range->uids ? range->uids[0] : range->first;
    mt_bytes last = range->uids ? range->uids[range->uid_count - 1] : range->end;
    size_t len = 0;

    while (len < prefix.len && len < last.len && prefix.data[len] == last.data[len]) len++;
    /* Behind the prefix "a/" comes "a0": all between begin with "a/". */
    if (!range->uids && len + 1 == prefix.len && len + 1 == last.len &&
        prefix.data[len] + 1 == last.data[len])
        len++;
    prefix.len = len;
    return prefix;
}
