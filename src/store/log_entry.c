#include "store/log_entry.h"

#include "base/bytes.h"
#include "base/status.h"
#include "store/content.h"

#include <mytosis/value.h>

#define FLAG_ALL 0x01
#define FLAG_ORIGIN 0x02
#define FLAG_LAST 0x04
#define FLAG_EXTENSION 0x08 /* bytes for later versions, which this one skips */
#define FLAGS_KNOWN (FLAG_ALL | FLAG_ORIGIN | FLAG_LAST | FLAG_EXTENSION)

/* ---- Writing ---- */

size_t mti_log_entry_bound(const mti_log_entry *entry)
{
    return 4 + entry->uid.len + entry->origin.len + entry->names.len + MTI_LOG_CLOCK_BOUND +
           MTI_SEAL_LEN;
}

static uint8_t *put_short_text(mt_bytes text, uint8_t *at)
{
    *at++ = (uint8_t)text.len;
    if (text.len) memmove(at, text.data, text.len); /* it may move within its list */
    return at + text.len;
}

uint8_t *mti_log_entry_put(const mti_log_entry *entry, uint8_t *at)
{
    *at++ = (entry->all ? FLAG_ALL : 0) | (entry->origin.len ? FLAG_ORIGIN : 0);
    at = put_short_text(entry->uid, at);
    if (entry->origin.len) at = put_short_text(entry->origin, at);
    if (entry->all) return at;
    *at++ = (uint8_t)entry->name_count;
    memcpy(at, entry->names.data, entry->names.len);
    return at + entry->names.len;
}

uint8_t *mti_log_entry_put_clock(uint64_t clock, uint8_t mode, uint64_t count, uint8_t *start,
                                 uint8_t *end)
{
    start[0] |= FLAG_LAST;
    end = mti_varint_put(end, clock);
    *end++ = mode;
    return mti_varint_put(end, count);
}

/* ---- Reading ---- */

static bool get_names(mt_bytes *in, mti_log_entry *out)
{
    mt_bytes before = {NULL, 0}, name;
    uint8_t count;

    if (!mti_content_byte(in, &count) || count == 0 || count > MTI_LOG_NAMES_MAX) return false;
    out->names.data = in->data;
    for (; out->name_count < count; out->name_count++) {
        if (!mti_content_short_text(in, &name) || mt_name_check(name, NULL) != MT_OK) return false;
        if (out->name_count > 0 && mt_bytes_compare(before, name) >= 0) return false;
        before = name;
    }
    out->names.len = (size_t)(in->data - out->names.data);
    return true;
}

static bool get_content(mt_bytes in, uint8_t flags, mti_log_entry *out)
{
    mt_bytes skipped;

    if (!mti_content_short_text(&in, &out->uid) || mt_uid_check(out->uid, NULL) != MT_OK)
        return false;
    if (flags & FLAG_ORIGIN && (!mti_content_short_text(&in, &out->origin) || !out->origin.len))
        return false;
    if (!out->all && !get_names(&in, out)) return false;
    if (out->last &&
        (!mti_content_number(&in, &out->clock) || !mti_content_byte(&in, &out->clock_mode) ||
         !mti_content_number(&in, &out->count) || out->count == 0))
        return false;
    if (flags & FLAG_EXTENSION && (!mti_content_long_text(&in, &skipped) || !skipped.len))
        return false;
    return in.len == 0;
}

mt_status mti_log_entry_get(mt_bytes key, mt_bytes value, mti_log_entry *out, mt_error *err)
{
    mt_bytes content;
    uint8_t flags;

    memset(out, 0, sizeof *out);
    if (!mti_seal_open(key, value, &content))
        return mti_fail(err, MT_MALFORMED, "the seal does not match the bytes");
    if (!mti_content_byte(&content, &flags)) return mti_fail(err, MT_MALFORMED, "it is empty");
    if (flags & ~FLAGS_KNOWN)
        return mti_fail(err, MT_UNSUPPORTED, "it has the unknown flag %d", flags & ~FLAGS_KNOWN);
    out->all = flags & FLAG_ALL;
    out->last = flags & FLAG_LAST;
    if (get_content(content, flags, out)) return MT_OK;
    return mti_fail(err, MT_MALFORMED, "its content is not of the form of a change");
}

/* ---- Names ---- */

uint8_t *mti_log_name_put(mt_bytes name, uint8_t *at)
{
    return put_short_text(name, at);
}

mt_bytes mti_log_names_of(mt_delta_iter *iter, const mt_delta_node *node, uint8_t *out,
                          size_t *count)
{
    uint8_t *at = out;
    mt_field field;

    *count = 0;
    while (!node->created && node->floor == 0 && mt_delta_iter_field(iter, &field)) {
        if (*count == MTI_LOG_NAMES_MAX) {
            *count = 0;
            return (mt_bytes){NULL, 0};
        }
        at = mti_log_name_put(field.name, at);
        ++*count;
    }
    return (mt_bytes){out, (size_t)(at - out)};
}

bool mti_log_name_next(mt_bytes *names, mt_bytes *out)
{
    return mti_content_short_text(names, out);
}

mti_log_names mti_log_names_without(mt_bytes a, mt_bytes b, uint8_t *out)
{
    mti_log_names rest = {0, 0};
    mt_bytes name_a, name_b;
    bool has_b = mti_log_name_next(&b, &name_b);

    while (mti_log_name_next(&a, &name_a)) {
        while (has_b && mt_bytes_compare(name_b, name_a) < 0)
            has_b = mti_log_name_next(&b, &name_b);
        if (has_b && mt_bytes_equal(name_a, name_b)) continue;
        if (out) put_short_text(name_a, out + rest.len);
        rest.len += 1 + name_a.len;
        rest.count++;
    }
    return rest;
}

mti_log_names mti_log_names_unite(mt_bytes a, mt_bytes b, uint8_t *out)
{
    mti_log_names made = {0, 0};
    mt_bytes name_a, name_b;
    bool has_a = mti_log_name_next(&a, &name_a), has_b = mti_log_name_next(&b, &name_b);

    while (has_a || has_b) {
        int order = !has_a ? 1 : !has_b ? -1 : mt_bytes_compare(name_a, name_b);
        mt_bytes name = order <= 0 ? name_a : name_b;

        if (out) put_short_text(name, out + made.len);
        made.len += 1 + name.len;
        made.count++;
        if (order <= 0) has_a = mti_log_name_next(&a, &name_a);
        if (order >= 0) has_b = mti_log_name_next(&b, &name_b);
    }
    return made;
}
