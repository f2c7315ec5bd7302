/* compare_fuzz.c - any messages, to one side of a comparison over a small index.
 *
 * The input's first byte says which side it is, and how: 1 the answerer, 2 codes, 4 the whole is known to
 * differ, 8 the asker gives. What follows is messages: each two bytes of length, lowest first, and so many
 * bytes of what follows the subscription in one; to an answerer a WANT if the highest bit of the length is
 * set, and else an ASK. Whatever comes, the machine does bounded work, says well-formed messages, and gives
 * back all memory. */
#include "counted.h"
#include "store/index_query.h"
#include "sync/answerer.h"
#include "sync/asker.h"

#include <mytosis/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MAX ((size_t)64 * 1024 * 1024)
#define NODES 400u

typedef struct machine {
    bool answers;
    mti_asker asker;
    mti_answerer answerer;
    mti_index *index;
    counter count;
    mt_mem mem;
    mt_buf said;
    uint64_t looked;
} machine;

/* Both have most nodes; each has some that are newer, and some of its own. */
static void index_fill(mti_index *index, unsigned answers)
{
    mti_changes changes;

    mti_index_init(index, mt_mem_system());
    mti_changes_init(&changes, mt_mem_system());
    for (uint64_t i = 0; i < NODES; i++) {
        uint64_t hash = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        mti_print print = {.living = {hash, hash >> 7}, .state_max = 1000 + i};
        char uid[32];
        int len = snprintf(uid, sizeof uid, i % 3 ? "user/%04u" : "%04u/long/uid", (unsigned)i * 7);
        if (i % 37 == 5 + answers) continue;
        if (i % 23 == 7 + answers) print.state_max += 5000;
        if (i % 41 == 9 && answers) print.living.lo++;
        REQUIRE(mti_changes_add(&changes, MTI_CHANGE_SET, (mt_bytes){(uint8_t *)uid, (size_t)len},
                                &print) == MT_OK);
    }
    REQUIRE(mti_changes_sort(&changes) == MT_OK);
    REQUIRE(mti_index_apply(index, &changes, NULL) == MT_OK);
    mti_changes_free(&changes);
}

static mti_comparison about(machine *m, uint8_t how)
{
    return (mti_comparison){.mem = &m->mem,
                            .asker = 11,
                            .answerer = 13,
                            .subscription = 7,
                            .first = mt_str("0005"),
                            .end = mt_str("user/2500"),
                            .codes = how & 2};
}

static mt_status give_prints(machine *m)
{
    const mt_storage_span *spans = m->answers ? m->answerer.spans : m->asker.spans;
    size_t span_count = m->answers ? m->answerer.span_count : m->asker.span_count, count;
    mt_storage_print *prints;
    mt_status st;

    REQUIRE(mti_spans_valid(spans, span_count));
    REQUIRE(mti_prints_make(m->index, spans, span_count, &prints, &count) == MT_OK);
    m->looked += count;
    st = m->answers ? mti_answerer_prints(&m->answerer, prints, count)
                    : mti_asker_prints(&m->asker, prints, count);
    mti_mem_free(m->index->mem, prints, count * sizeof *prints);
    return st;
}

static mt_status give_items(machine *m)
{
    mti_item_walk walk = {.index = m->index,
                          .spans = m->answers ? m->answerer.spans : m->asker.spans,
                          .span_count = m->answers ? m->answerer.span_count : m->asker.span_count};
    static mti_items items;
    mt_status st = MT_OK;

    REQUIRE(mti_spans_valid(walk.spans, walk.span_count));
    while (st == MT_OK && mti_items_next(&walk, &items)) {
        m->looked += items.count;
        st = m->answers ? mti_answerer_items(&m->answerer, items.at, items.count)
                        : mti_asker_items(&m->asker, items.at, items.count);
    }
    if (st != MT_OK) return st;
    return m->answers ? mti_answerer_items_end(&m->answerer) : mti_asker_items_end(&m->asker);
}

static mt_status say_next(machine *m)
{
    mti_message_type type = m->answers ? mti_answerer_due(&m->answerer) : mti_asker_due(&m->asker);
    mti_say say = mti_say_begin(&m->said, type);

    if (m->answers) mti_answerer_say(&m->answerer, &say);
    else mti_asker_say(&m->asker, &say);
    REQUIRE(mti_say_end(&say) == MT_OK);
    return MT_OK;
}

/* Does what the machine needs, until it waits. */
static mt_status settle(machine *m)
{
    mt_status st = MT_OK;

    for (size_t steps = 0; st == MT_OK; steps++) {
        REQUIRE(steps < 1000);
        switch (m->answers ? m->answerer.need : m->asker.need) {
        case MTI_NEED_NOTHING: return MT_OK;
        case MTI_NEED_PRINTS: st = give_prints(m); break;
        case MTI_NEED_ITEMS: st = give_items(m); break;
        case MTI_NEED_SAY: st = say_next(m); break;
        case MTI_NEED_SEND:
            st = m->answers ? mti_answerer_sent(&m->answerer, 1) : mti_asker_sent(&m->asker);
            break;
        }
    }
    return st;
}

static mt_status take(machine *m, mt_bytes body, bool wants)
{
    mt_error err = {MT_OK, ""};
    mti_parse in = mti_parse_of(body, "message", &err);

    if (m->answers && wants) return mti_answerer_want(&m->answerer, &in);
    if (m->answers) return mti_answerer_ask(&m->answerer, &in);
    if (m->asker.stage == ASKER_LACK) return mti_asker_lack(&m->asker, &in);
    return mti_asker_answer(&m->asker, &in);
}

static void run(machine *m, const uint8_t *data, size_t size)
{
    mt_status st = settle(m);

    while (st == MT_OK && size >= 2) {
        size_t len = data[0] | (size_t)(data[1] & 0x7F) << 8;
        bool wants = data[1] & 0x80;
        if (len > size - 2) len = size - 2;
        st = take(m, (mt_bytes){data + 2, len}, wants);
        if (st == MT_OK) st = settle(m);
        data += 2 + len;
        size -= 2 + len;
    }
    REQUIRE(st == MT_OK || st == MT_MALFORMED || st == MT_TOO_LARGE);
    REQUIRE((st == MT_OK) == ((m->answers ? m->answerer.error : m->asker.error).text[0] == 0));
    REQUIRE(m->looked < NODES * (MTI_COMPARE_LOOKS_TIMES + 1) + MTI_COMPARE_LOOKS_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mti_index indexes[2]; /* they do not change */
    static machine m;
    mti_comparison what;

    if (size == 0) return 0;
    memset(&m, 0, sizeof m);
    m.count.live_max = LIVE_MAX;
    m.mem = (mt_mem){counted_resize, &m.count};
    m.answers = data[0] & 1;
    m.said.mem = &m.mem;
    m.index = &indexes[m.answers];
    if (m.index->count == 0) index_fill(m.index, m.answers);
    what = about(&m, data[0]);
    mti_asker_init(&m.asker, &what);
    mti_answerer_init(&m.answerer, &what);
    m.asker.gives = data[0] & 8;
    if (!m.answers) REQUIRE(mti_asker_begin(&m.asker, data[0] & 4) == MT_OK);
    run(&m, data + 1, size - 1);
    mti_asker_free(&m.asker);
    mti_answerer_free(&m.answerer);
    mt_buf_free(&m.said);
    REQUIRE(m.count.live == 0);
    return 0;
}
