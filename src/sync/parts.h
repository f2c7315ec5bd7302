/* sync/parts.h - ranges of nodes that two peers compare, and how they are written.
 *
 *     parts     n: number | n times: entry
 *     entry     head: byte | shared - 15: number, if there are so many | rest - 7: number, likewise |
 *               text(rest) | print, if it begins a part
 *     head      kind: bit 0 | shared, at most 15: bits 1 to 4 | rest, at most 7: bits 5 to 7
 *
 * An entry is a uid, of which so many bytes are those of the one before: it begins a part, which goes up to
 * the next entry, or to the end of all; or it ends one (kind 1), and what follows up to the next is not
 * compared. Prints are as many bytes long as both sides know.
 *
 * A bound need not be a node's uid. So where parts are cut between two uids, as much of the second is taken
 * as tells it from its neighbours: of random uids a few bytes. */
#ifndef MTI_PARTS_H
#define MTI_PARTS_H

#include "crdt/fingerprint.h"
#include "sync/message.h"

/* A part: where it begins and ends, in the text of its list. */
typedef struct mti_compared_part {
    uint32_t first_at, end_at;
    uint8_t first_len, end_len; /* the end empty: to the last uid */
    bool differs;               /* or is to be looked at, whatever a list is used for */
    mti_sip128 print;
} mti_compared_part;

typedef struct mti_parts {
    mti_compared_part *at;
    size_t count, cap;
    mt_buf text;
} mti_parts;

void mti_parts_init(mti_parts *parts, const mt_mem *mem);
void mti_parts_free(mti_parts *parts);
void mti_parts_clear(mti_parts *parts);

static inline mt_bytes mti_parts_text(const mti_parts *parts, size_t at, size_t len)
{
    return (mt_bytes){len ? parts->text.data + at : NULL, len};
}

static inline mt_bytes mti_part_first(const mti_parts *parts, const mti_compared_part *part)
{
    return mti_parts_text(parts, part->first_at, part->first_len);
}

static inline mt_bytes mti_part_end(const mti_parts *parts, const mti_compared_part *part)
{
    return mti_parts_text(parts, part->end_at, part->end_len);
}

/* Adds a part, whose bounds are COPIED. MT_NO_MEMORY. */
mt_status mti_parts_add(mti_parts *parts, mt_bytes first, mt_bytes end);

/* Puts the parts that differ into an empty list, each by itself. MT_NO_MEMORY. */
mt_status mti_parts_pick(const mti_parts *parts, mti_parts *out);

/* Puts the same parts into an empty list, their inner bounds cut short, and so a bit before where they
 * were; prints are not copied. Whether that is `*worth` it: both sides have to look into the leaf that such
 * a bound is in. MT_NO_MEMORY. */
mt_status mti_parts_cut(const mti_parts *parts, mti_parts *out, bool *worth);

/* About how many bytes their bounds are written in. */
size_t mti_parts_len(const mti_parts *parts);

/* Puts parts that were found level by level into order. */
void mti_parts_sort(mti_parts *parts);

/* The parts as spans, each to be divided into `divide`. One allocation of `parts->count` spans, OWNED,
 * views of the list. NULL without memory, or if there are none. */
mt_storage_span *mti_parts_spans(const mti_parts *parts, uint32_t divide);

/* Writes them, with `print_len` bytes of each print, 0 to 16; the last end is that of all. */
void mti_say_parts(mti_say *say, const mti_parts *parts, mt_bytes end, size_t print_len);

/* Reads parts between two uids into an empty list, at most `max`. What is wrong is said in `in`. */
void mti_parse_parts(mti_parse *in, mti_parts *parts, mt_bytes first, mt_bytes end,
                     size_t print_len, size_t max);

/* Whether the first `len` bytes of prints are the same. */
bool mti_prints_same(mti_sip128 a, mti_sip128 b, size_t len);

/* Which of the parts differ: a bit for each, the first lowest. */
void mti_say_differs(mti_say *say, const mti_parts *parts);
void mti_parse_differs(mti_parse *in, mti_parts *parts);

#endif
