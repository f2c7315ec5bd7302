#include "sync/lists.h"

#include "sync/tags.h"

void mti_lists_init(mti_lists *lists, const mt_mem *mem)
{
    memset(lists, 0, sizeof *lists);
    lists->mem = mem;
}

void mti_lists_free(mti_lists *lists)
{
    const mt_mem *mem = lists->mem;

    mti_mem_free(mem, lists->tags, lists->tag_cap * sizeof *lists->tags);
    mti_mem_free(mem, lists->ends, lists->cap * sizeof *lists->ends);
    mti_lists_init(lists, mem);
}

/* ---- Reading ---- */

static void sift(uint32_t *tags, size_t root, size_t count)
{
    uint32_t moving = tags[root];

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && tags[child] < tags[child + 1]) child++;
        if (moving >= tags[child]) break;
        tags[root] = tags[child];
    }
    tags[root] = moving;
}

static void sort_tags(uint32_t *tags, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) sift(tags, i, count);
    while (count > 1) {
        uint32_t last = tags[--count];
        tags[count] = tags[0];
        tags[0] = last;
        sift(tags, 0, count);
    }
}

/* Makes room for a list of so many tags. */
static bool reserve(mti_lists *lists, size_t count)
{
    uint32_t *tags = mti_vector_reserve(lists->mem, lists->tags, &lists->tag_cap,
                                        lists->tag_count + count + 1, sizeof *tags);
    size_t *ends;

    if (!tags) return false;
    lists->tags = tags;
    ends = mti_vector_reserve(lists->mem, lists->ends, &lists->cap, lists->count + 1, sizeof *ends);
    if (!ends) return false;
    lists->ends = ends;
    return true;
}

static void parse_list(mti_parse *in, mti_lists *lists)
{
    uint64_t count = mti_parse_number(in, "the number of tags");
    size_t first = lists->tag_count;
    mt_bytes bytes;

    if (!in->failed && count > (size_t)(in->end - in->at) / MTI_TAG_LEN)
        mti_parse_fail(in, "the number of tags", "more than there are");
    bytes = mti_parse_fixed(in, "the tags", in->failed ? 0 : (size_t)count * MTI_TAG_LEN);
    if (in->failed) return;
    if (!reserve(lists, (size_t)count)) {
        (void)mti_no_memory(in->err);
        in->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *tag = bytes.data + i * MTI_TAG_LEN;
        lists->tags[first + i] = (uint32_t)tag[0] | (uint32_t)tag[1] << 8 | (uint32_t)tag[2] << 16;
    }
    sort_tags(lists->tags + first, (size_t)count);
    lists->tag_count += (size_t)count;
    lists->ends[lists->count++] = lists->tag_count;
}

void mti_parse_lists(mti_parse *in, mti_lists *lists, size_t max)
{
    uint64_t count = mti_parse_number(in, "the number of lists");

    mti_lists_free(lists);
    if (!in->failed && (count == 0 || count > max))
        mti_parse_fail(in, "the number of lists", "none, or more than there are parts");
    for (uint64_t i = 0; i < count && !in->failed; i++) parse_list(in, lists);
}

/* ---- Matching ---- */

bool mti_lists_match(mti_lists *lists, uint32_t tag)
{
    size_t first = lists->at ? lists->ends[lists->at - 1] : 0, end = lists->ends[lists->at];

    while (first < end) {
        size_t half = first + (end - first) / 2;
        if ((lists->tags[half] & ~MTI_TAG_MATCHED) < tag) first = half + 1;
        else end = half;
    }
    for (; first < lists->ends[lists->at]; first++) {
        if ((lists->tags[first] & ~MTI_TAG_MATCHED) != tag) return false;
        if (lists->tags[first] & MTI_TAG_MATCHED) continue;
        lists->tags[first] |= MTI_TAG_MATCHED;
        return true;
    }
    return false;
}
