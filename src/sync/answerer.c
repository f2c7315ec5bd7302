#include "sync/answerer.h"

#include "base/assert.h"
#include "base/word.h"

void mti_answerer_init(mti_answerer *a, const mti_comparison *about)
{
    memset(a, 0, sizeof *a);
    a->about = *about;
    mti_parts_init(&a->asked, about->mem);
    mti_parts_init(&a->open, about->mem);
    mti_parts_init(&a->finer, about->mem);
    mti_parts_init(&a->near, about->mem);
    mti_trail_init(&a->trail, about->mem);
    mti_sends_init(&a->sends, about->mem);
    mti_sends_init(&a->offers, about->mem);
    mti_sends_init(&a->lacks, about->mem);
    a->tags.mem = a->wanted.mem = about->mem;
}

static void spans_end(mti_answerer *a)
{
    mti_mem_free(a->about.mem, a->spans, a->span_count * sizeof *a->spans);
    a->spans = NULL;
    a->span_count = 0;
}

void mti_answerer_free(mti_answerer *a)
{
    spans_end(a);
    mti_key_map_free(&a->wanted);
    mti_mem_free(a->about.mem, a->empty, a->empty_cap * sizeof *a->empty);
    mti_parts_free(&a->asked);
    mti_parts_free(&a->open);
    mti_parts_free(&a->finer);
    mti_parts_free(&a->near);
    mti_trail_free(&a->trail);
    mti_sends_free(&a->sends);
    mti_sends_free(&a->offers);
    mti_sends_free(&a->lacks);
    mti_cells_free(&a->cells);
    mt_buf_free(&a->tags);
}

/* ---- What it needs ---- */

static mt_status fail(mti_answerer *a, mt_status status, const char *text)
{
    return mti_fail(&a->error, status, "%s", text);
}

static mt_status no_memory(mti_answerer *a)
{
    return mti_no_memory(&a->error);
}

static void goes(mti_answerer *a, mti_answerer_stage stage, mti_need_kind need)
{
    a->stage = stage;
    a->need = need;
}

/* Goes on with prints or items of parts. */
static mt_status look(mti_answerer *a, mti_answerer_stage stage, mti_need_kind need,
                      const mti_parts *parts, uint32_t divide)
{
    spans_end(a);
    if (parts->count > 0 && !(a->spans = mti_parts_spans(parts, divide))) return no_memory(a);
    a->span_count = parts->count;
    goes(a, stage, need);
    return MT_OK;
}

/* Counts nodes that are looked at: a peer may not have it look for ever. */
static mt_status looks(mti_answerer *a, uint64_t count)
{
    uint64_t most = MTI_COMPARE_LOOKS_TIMES * a->nodes + MTI_COMPARE_LOOKS_MORE;

    a->looks += count;
    if (a->looks <= most && a->asks <= MTI_COMPARE_ASKS_MAX) return MT_OK;
    return fail(a, MT_TOO_LARGE, "it asks for more work than a comparison takes");
}

/* ---- Asked ---- */

/* Parts of the last answer, those that are marked. */
static mt_status parse_marks(mti_answerer *a, mti_parse *in)
{
    mti_parts *last = a->form == MTI_ANSWER_PARTS ? &a->finer : &a->open;

    if (last->count == 0 || !(a->flags & MTI_ASK_OPEN))
        mti_parse_fail(in, "the flags", "the last answer had no parts");
    if (in->failed) return MT_OK;
    mti_parse_differs(in, last);
    return mti_parts_pick(last, &a->asked) == MT_OK ? MT_OK : no_memory(a);
}

mt_status mti_answerer_ask(mti_answerer *a, mti_parse *in)
{
    uint64_t print_len;
    mt_status st = MT_OK;

    mti_assert(a->stage == ANSWERER_IDLE);
    mti_parts_clear(&a->asked);
    a->round = mti_parse_number(in, "the number of the comparison");
    a->flags = (unsigned)mti_parse_number(in, "the flags");
    a->expected = mti_parse_number(in, "how many differ");
    a->theirs = mti_parse_number(in, "how many nodes there are");
    print_len = mti_parse_number(in, "the length of prints");
    if (print_len > MTI_COMPARE_PRINT_WIDE || (print_len == 0) != !!(a->flags & MTI_ASK_OPEN))
        mti_parse_fail(in, "the length of prints", "none that it can have");
    if (a->flags & MTI_ASK_MARKS) st = parse_marks(a, in);
    else
        mti_parse_parts(in, &a->asked, a->about.first, a->about.end, (size_t)print_len,
                        MTI_COMPARE_PARTS_MAX);
    mti_parts_clear(&a->finer);
    mti_parts_clear(&a->open);
    if (st != MT_OK) return st;
    if (mti_parse_end(in) != MT_OK) {
        a->error = *in->err;
        return a->error.status;
    }
    a->asks++;
    if (looks(a, 0) != MT_OK) return a->error.status;
    a->key = mti_tag_key_of(a->about.asker, a->about.answerer, a->about.subscription, a->round);
    a->form = MTI_ANSWER_EQUAL;
    a->empty_count = 0;
    a->print_len = (size_t)print_len;
    return look(a, ANSWERER_PRINTS, MTI_NEED_PRINTS, &a->asked, 0);
}

static mt_status note_empty(mti_answerer *a, size_t at, bool empty)
{
    bool *made = mti_vector_reserve(a->about.mem, a->empty, &a->empty_cap, at + 1, sizeof *made);

    if (!made) return no_memory(a);
    a->empty = made;
    a->empty[at] = empty;
    a->empty_count += empty;
    return MT_OK;
}

/* Asks for prints of smaller parts, `divide` of each or so. */
static mt_status make_finer(mti_answerer *a, uint64_t divide)
{
    a->form = MTI_ANSWER_PARTS;
    a->cut = false;
    a->divide = (uint32_t)divide;
    return look(a, ANSWERER_FINER, MTI_NEED_PRINTS, &a->open, a->divide);
}

static mt_status make_cells(mti_answerer *a, uint64_t differing)
{
    size_t count = mti_cells_count_for((size_t)differing);

    a->form = MTI_ANSWER_CELLS;
    mti_cells_free(&a->cells);
    mti_trail_clear(&a->trail);
    if (mti_cells_new(a->about.mem, count, a->key.table, &a->cells) != MT_OK) return no_memory(a);
    return look(a, ANSWERER_CELLS, MTI_NEED_ITEMS, &a->open, 0);
}

static mt_status make_lists(mti_answerer *a)
{
    a->form = MTI_ANSWER_LISTS;
    a->tags.len = 0;
    a->listed = a->at = 0;
    return look(a, ANSWERER_LISTS, MTI_NEED_ITEMS, &a->open, 0);
}

static bool reads_codes(const mti_answerer *a)
{
    return a->about.codes && a->flags & MTI_ASK_CODES;
}

static mt_status say_nodes(mti_answerer *a)
{
    if (reads_codes(a) && mti_seen_codes(&a->seen)) return make_cells(a, a->expected);
    return make_lists(a);
}

/* The parts that differ are `open`; in all of them, and those that do not, we have `ours` nodes. */
static mt_status choose(mti_answerer *a, mti_seen *seen, uint64_t ours)
{
    uint64_t total, more = a->theirs > 0 && ours > a->theirs ? ours - a->theirs : 0;

    if (a->flags & MTI_ASK_OPEN) seen->expected = a->expected;
    else mti_seen_expect(seen);
    /* What is said by smaller parts, whose sizes vary more, tends to be too few. */
    if (seen->expected > 0 && seen->expected < a->expected) seen->expected = a->expected;
    /* What we have more of differs in any case: so a run that they lack is seen as one. */
    if (seen->expected > 0 && seen->expected < more) seen->expected = more + more / 8;
    a->expected = seen->expected;
    a->seen = *seen;
    a->uneven = false;
    /* Who asks about parts that differ has found them small enough. */
    if (a->flags & MTI_ASK_OPEN && reads_codes(a) && mti_seen_codes(seen)) return say_nodes(a);
    total = mti_seen_divide(seen, reads_codes(a), true);
    return total > 0 ? make_finer(a, (total + seen->open - 1) / seen->open) : say_nodes(a);
}

static mt_status take_prints(mti_answerer *a, const mt_storage_print *prints, size_t count)
{
    mti_seen seen = {.nodes = 0};
    uint64_t ours = 0;

    if (count != a->asked.count) return fail(a, MT_MALFORMED, "the index answers other parts");
    for (size_t i = 0; i < count; i++) {
        mti_compared_part *part = &a->asked.at[i];
        mti_sip128 print = mti_tag_print(&a->key, &prints[i].living, &prints[i].deleted);
        bool none;
        part->differs =
            a->flags & MTI_ASK_OPEN || !mti_prints_same(print, part->print, a->print_len);
        none = part->differs && prints[i].count == 0;
        if (note_empty(a, i, none) != MT_OK) return a->error.status;
        ours += prints[i].count;
        seen.parts += !none;
        if (part->differs && !none) seen.nodes += prints[i].count;
    }
    if (seen.nodes > a->nodes) a->nodes = seen.nodes;
    if (looks(a, count) != MT_OK) return a->error.status;
    for (size_t i = 0; i < count; i++) a->asked.at[i].differs &= !a->empty[i];
    if (mti_parts_pick(&a->asked, &a->open) != MT_OK) return no_memory(a);
    for (size_t i = 0; i < count; i++) a->asked.at[i].differs |= a->empty[i];
    seen.open = a->open.count;
    if (seen.open > 0) return choose(a, &seen, ours);
    goes(a, ANSWERER_SAY, MTI_NEED_SAY);
    return MT_OK;
}

/* Where a part ends: where the next of its span begins, or with the span. */
static mt_bytes part_end(const mti_answerer *a, const mt_storage_print *prints, size_t count,
                         size_t i)
{
    if (i + 1 < count && prints[i + 1].span == prints[i].span) return prints[i + 1].first;
    return a->spans[prints[i].span].end;
}

/* Takes the parts. Their prints are asked for again where bounds that are cut short are worth it, and fewer
 * parts where a message would get too long. */
static mt_status cut_finer(mti_answerer *a, mti_parts *finer)
{
    mti_parts cut;
    bool worth;
    mt_status st;

    mti_parts_init(&cut, a->about.mem);
    st = mti_parts_cut(finer, &cut, &worth);
    if (st == MT_OK && mti_parts_len(worth ? &cut : finer) > MTI_COMPARE_TEXT_MAX) {
        mti_parts_free(&cut);
        mti_parts_free(finer);
        return a->divide >= 8 ? make_finer(a, a->divide / 4) : say_nodes(a);
    }
    mti_parts_free(&a->finer);
    a->finer = worth ? cut : *finer;
    mti_parts_free(worth ? finer : &cut);
    if (st != MT_OK) return no_memory(a);
    a->cut = true;
    if (worth) return look(a, ANSWERER_FINER, MTI_NEED_PRINTS, &a->finer, 0);
    goes(a, ANSWERER_SAY, MTI_NEED_SAY);
    return MT_OK;
}

static mt_status take_finer(mti_answerer *a, const mt_storage_print *prints, size_t count)
{
    mti_parts finer;
    mt_status st = looks(a, count);

    /* Where they can hardly be divided any more, it is up to their nodes. */
    if (2 * count < 3 * a->open.count && !a->cut && !a->uneven) return say_nodes(a);
    mti_parts_init(&finer, a->about.mem);
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        if (prints[i].span >= a->span_count)
            st = fail(a, MT_MALFORMED, "the index answers other parts");
        else if (mti_parts_add(&finer, prints[i].first, part_end(a, prints, count, i)) != MT_OK)
            st = no_memory(a);
        else finer.at[i].print = mti_tag_print(&a->key, &prints[i].living, &prints[i].deleted);
    }
    if (st == MT_OK && !a->cut) return cut_finer(a, &finer);
    mti_parts_free(&a->finer);
    a->finer = finer;
    if (st == MT_OK) goes(a, ANSWERER_SAY, MTI_NEED_SAY);
    return st;
}

mt_status mti_answerer_prints(mti_answerer *a, const mt_storage_print *prints, size_t count)
{
    mti_assert(a->need == MTI_NEED_PRINTS);
    if (a->stage == ANSWERER_PRINTS) return take_prints(a, prints, count);
    if (a->stage == ANSWERER_FINER) return take_finer(a, prints, count);
    if (count != 1) return fail(a, MT_MALFORMED, "the index answers other parts");
    a->print = mti_tag_print(&a->key, &prints->living, &prints->deleted);
    goes(a, ANSWERER_SAY_LACK, MTI_NEED_SAY);
    return MT_OK;
}

/* ---- Items ---- */

/* Begins the list of a part: a count that is not known yet. */
static mt_status begin_list(mti_answerer *a)
{
    static const uint8_t none[4];

    a->tags_at = a->tags.len;
    if (mti_buf_append(&a->tags, none, sizeof none) != MT_OK) return no_memory(a);
    a->listed++;
    return MT_OK;
}

/* Whether the lists go on with another part: all of one are in, or none. */
static bool lists_full(const mti_answerer *a)
{
    return a->tags.len / MTI_TAG_LEN >= MTI_COMPARE_LIST_MAX;
}

/* A part that has more nodes than a list is not listed, nor are those behind it. */
static void drop_list(mti_answerer *a)
{
    a->tags.len = a->tags_at;
    a->listed--;
    a->at = a->span_count;
}

static mt_status add_to_lists(mti_answerer *a, const mt_storage_item *item)
{
    uint32_t tag = mti_tag_of(&a->key, item), count;
    uint8_t bytes[MTI_TAG_LEN] = {(uint8_t)tag, (uint8_t)(tag >> 8), (uint8_t)(tag >> 16)};

    if (a->at >= a->span_count) return MT_OK;
    /* Parts that have nothing are listed, too. */
    while (a->listed == 0 || (a->at < a->span_count && a->spans[a->at].end.len > 0 &&
                              mt_bytes_compare(item->uid, a->spans[a->at].end) >= 0)) {
        if (a->listed > 0) a->at++;
        if (a->listed > 0 && lists_full(a)) {
            a->at = a->span_count;
            return MT_OK;
        }
        if (begin_list(a) != MT_OK) return a->error.status;
    }
    if (a->at >= a->span_count) return MT_OK;
    count = mti_load_le32(a->tags.data + a->tags_at) + 1;
    if (count > MTI_COMPARE_LIST_MAX) {
        drop_list(a);
        return MT_OK;
    }
    if (mti_buf_append(&a->tags, bytes, sizeof bytes) != MT_OK) return no_memory(a);
    for (int i = 0; i < 4; i++) a->tags.data[a->tags_at + (size_t)i] = (uint8_t)(count >> 8 * i);
    return MT_OK;
}

/* A node that was offered, as it is here: whose is newer has what the other lacks. At equal states nobody
 * knows whose is greater: both go over whole. */
static mt_status settle(mti_answerer *a, const mt_storage_item *item, uint64_t theirs)
{
    uint64_t ours = item->state_max;
    mt_status st = MT_OK;

    if (theirs == MT_STATE_MAX) return MT_OK;
    if (theirs <= ours) st = mti_sends_add(&a->sends, item->uid, theirs < ours ? theirs : 0);
    if (theirs >= ours && st == MT_OK)
        st = mti_sends_add(&a->lacks, item->uid, theirs > ours ? ours : 0);
    return st == MT_OK ? MT_OK : no_memory(a);
}

/* Passes what was offered before a uid, which is not here; empty: all. */
static mt_status pass_offers(mti_answerer *a, mt_bytes uid)
{
    const mti_sends *offers = &a->offers;

    for (; a->offer_at < offers->count; a->offer_at++) {
        const mti_send *offer = &offers->at[a->offer_at];
        mt_bytes offered = mti_send_uid(offers, offer);
        if (uid.len > 0 && mt_bytes_compare(offered, uid) >= 0) break;
        if (offer->since != MT_STATE_MAX && mti_sends_add(&a->lacks, offered, 0) != MT_OK)
            return no_memory(a);
    }
    return MT_OK;
}

/* A node that may be wanted, or was offered. */
static mt_status find(mti_answerer *a, const mt_storage_item *item)
{
    bool by_tag = a->want_flags & MTI_WANT_TAGS;
    const mti_sends *offers = &a->offers;
    uint64_t key = by_tag ? mti_tag_of(&a->key, item) : (uint32_t)mti_tag_uid(&a->key, item->uid);
    const mti_key_slot *wanted = mti_key_map_get(&a->wanted, key + 1);

    if (wanted && a->found < a->wanted.count) a->found++;
    if (pass_offers(a, item->uid) != MT_OK) return a->error.status;
    if (a->offer_at < offers->count &&
        mt_bytes_equal(mti_send_uid(offers, &offers->at[a->offer_at]), item->uid)) {
        uint64_t theirs = offers->at[a->offer_at++].since;
        /* It has come since it was not listed, mostly from the asker. If not, the next pass finds it. */
        if (by_tag && !wanted && theirs == item->state_max) return MT_OK;
        return settle(a, item, theirs);
    }
    if (!wanted || mti_sends_add(&a->sends, item->uid, wanted->value) == MT_OK) return MT_OK;
    return no_memory(a);
}

/* A node of a part that is wanted whole. */
static mt_status gather(mti_answerer *a, const mt_storage_item *item)
{
    if (a->sends.count >= MTI_COMPARE_SENDS_MAX) return MT_OK;
    return mti_sends_add(&a->sends, item->uid, 0) == MT_OK ? MT_OK : no_memory(a);
}

mt_status mti_answerer_items(mti_answerer *a, const mt_storage_item *items, size_t count)
{
    mt_status st = looks(a, count);

    mti_assert(a->need == MTI_NEED_ITEMS);
    if (a->stage == ANSWERER_CELLS && st == MT_OK) {
        st = mti_trail_code(&a->trail, &a->cells, &a->key, &a->open, items, count);
        return st == MT_OK ? MT_OK : no_memory(a);
    }
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        if (a->stage == ANSWERER_LISTS) st = add_to_lists(a, &items[i]);
        else if (a->stage == ANSWERER_FIND) st = find(a, &items[i]);
        else if (a->stage == ANSWERER_GATHER) st = gather(a, &items[i]);
    }
    return st;
}

static mt_status lists_end(mti_answerer *a)
{
    /* Behind the last node there may be parts without any. */
    while (a->listed < a->open.count && !lists_full(a) && a->at < a->span_count)
        if (begin_list(a) != MT_OK) return a->error.status;
    return MT_OK;
}

mt_status mti_answerer_items_end(mti_answerer *a)
{
    mt_bytes none = {NULL, 0};

    if (a->stage == ANSWERER_LISTS && lists_end(a) != MT_OK) return a->error.status;
    if (a->stage == ANSWERER_LISTS && a->listed == 0) {
        a->uneven = true;
        return make_finer(a, 4 * a->open.count <= 2 * MTI_COMPARE_PARTS_MAX ? 4 : 2);
    }
    if (a->stage == ANSWERER_CELLS || a->stage == ANSWERER_LISTS) {
        goes(a, ANSWERER_SAY, MTI_NEED_SAY);
        return MT_OK;
    }
    if (a->stage == ANSWERER_GATHER) {
        goes(a, ANSWERER_SEND, MTI_NEED_SEND);
        return MT_OK;
    }
    if (pass_offers(a, none) != MT_OK) return a->error.status;
    if (a->finer.count > 0) return look(a, ANSWERER_GATHER, MTI_NEED_ITEMS, &a->finer, 0);
    goes(a, ANSWERER_SEND, MTI_NEED_SEND);
    return MT_OK;
}

/* ---- Wanted ---- */

static mt_status parse_wanted(mti_answerer *a, mti_parse *in)
{
    uint64_t count = mti_parse_number(in, "the number of nodes");
    size_t len = a->want_flags & MTI_WANT_TAGS ? MTI_TAG_LEN : MTI_KEY_LEN;
    uint64_t since = 0;

    if (count > MTI_COMPARE_WANTS_MAX || count > (size_t)(in->end - in->at))
        mti_parse_fail(in, "the number of nodes", "more than there can be");
    mti_key_map_free(&a->wanted);
    if (in->failed) return in->err->status;
    if (mti_key_map_reserve(&a->wanted, (size_t)count) != MT_OK) return no_memory(a);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = 0, more = mti_parse_number(in, "a state");
        mt_bytes bytes = mti_parse_fixed(in, "a node", len);
        if (!in->failed && more > MT_STATE_MAX - since)
            mti_parse_fail(in, "a state", "out of range");
        if (in->failed) return in->err->status;
        since += more;
        for (size_t k = 0; k < len; k++) key += (uint64_t)bytes.data[k] << 8 * k;
        /* Of nodes with the same key, all are sent from the lowest state on. */
        if (mti_key_map_get(&a->wanted, key + 1)) continue;
        if (mti_key_map_put(&a->wanted, key + 1, since) != MT_OK) return no_memory(a);
    }
    return MT_OK;
}

/* Offers are in order, so that they are looked up by walking on. */
static bool offers_ascend(const mti_sends *offers)
{
    for (size_t i = 1; i < offers->count; i++)
        if (mt_bytes_compare(mti_send_uid(offers, &offers->at[i - 1]),
                             mti_send_uid(offers, &offers->at[i])) >= 0)
            return false;
    return true;
}

mt_status mti_answerer_want(mti_answerer *a, mti_parse *in)
{
    uint64_t round = mti_parse_number(in, "the number of the comparison");
    mt_status st;

    mti_assert(a->stage == ANSWERER_IDLE);
    a->want_flags = (unsigned)mti_parse_number(in, "the flags");
    mti_sends_clear(&a->offers);
    mti_sends_clear(&a->lacks);
    mti_sends_clear(&a->sends);
    mti_parts_clear(&a->finer);
    a->offer_at = 0;
    a->found = 0;
    if (!in->failed && round != a->round)
        mti_parse_fail(in, "the number of the comparison", "not that of the last question");
    st = parse_wanted(a, in);
    if (st == MT_OK)
        mti_parse_parts(in, &a->finer, a->about.first, a->about.end, 0, MTI_COMPARE_PARTS_MAX);
    mti_parse_sends(in, &a->offers);
    if (st == MT_NO_MEMORY) return st;
    if (!in->failed && !offers_ascend(&a->offers))
        mti_parse_fail(in, "the nodes offered", "not in order");
    if (mti_parse_end(in) != MT_OK) {
        a->error = *in->err;
        return a->error.status;
    }
    a->asks++;
    a->copies = a->want_flags & MTI_WANT_COPY;
    if (a->copies) {
        goes(a, ANSWERER_IDLE, MTI_NEED_NOTHING);
        return MT_OK;
    }
    if (a->form != MTI_ANSWER_CELLS || a->want_flags & MTI_WANT_TAGS || a->offers.count > 0)
        return look(a, ANSWERER_FIND, MTI_NEED_ITEMS, &a->open, 0);
    mti_parts_clear(&a->near);
    if (mti_trail_find(&a->trail, &a->open, &a->wanted, &a->near) != MT_OK) return no_memory(a);
    mti_trail_free(&a->trail);
    return look(a, ANSWERER_FIND, MTI_NEED_ITEMS, &a->near, 0);
}

mt_status mti_answerer_sent(mti_answerer *a, uint64_t nodes)
{
    mt_storage_span *all = mti_mem_alloc(a->about.mem, sizeof *all);

    mti_assert(a->need == MTI_NEED_SEND);
    if (!all) return no_memory(a);
    a->sent = nodes;
    spans_end(a);
    *all = (mt_storage_span){a->about.first, a->about.end, 0};
    a->spans = all;
    a->span_count = 1;
    goes(a, ANSWERER_LAST, MTI_NEED_PRINTS);
    return MT_OK;
}

/* ---- Saying ---- */

mti_message_type mti_answerer_due(const mti_answerer *a)
{
    return a->stage == ANSWERER_SAY_LACK ? MTI_LACK : MTI_ANSWER;
}

static void say_empty(const mti_answerer *a, mti_say *say)
{
    for (size_t i = 0; i < a->asked.count; i += 8) {
        unsigned bits = 0;
        for (size_t k = 0; k < 8 && i + k < a->asked.count; k++)
            bits |= (unsigned)a->empty[i + k] << k;
        mti_say_byte(say, bits);
    }
}

static void say_lists(const mti_answerer *a, mti_say *say)
{
    size_t at = 0;

    mti_say_number(say, a->listed);
    for (size_t i = 0; i < a->listed; i++) {
        size_t count = mti_load_le32(a->tags.data + at);
        at += 4;
        mti_say_number(say, count);
        mti_say_fixed(say, (mt_bytes){a->tags.data + at, count * MTI_TAG_LEN});
        at += count * MTI_TAG_LEN;
    }
}

static void say_cells(const mti_answerer *a, mti_say *say)
{
    size_t len = a->cells.count * MTI_CELL_LEN;

    mti_say_number(say, a->cells.count);
    if (say->failed || mti_buf_reserve(say->out, len) != MT_OK) {
        say->failed = true;
        return;
    }
    mti_cells_put(&a->cells, say->out->data + say->out->len);
    say->out->len += len;
}

static void say_lack(mti_answerer *a, mti_say *say)
{
    uint8_t print[16];

    mti_store_le64(a->print.lo, print);
    mti_store_le64(a->print.hi, print + 8);
    mti_say_fixed(say, (mt_bytes){print, sizeof print});
    mti_say_number(say, a->sent);
    mti_say_number(say, a->wanted.count - a->found);
    mti_say_sends(say, &a->lacks);
}

void mti_answerer_say(mti_answerer *a, mti_say *say)
{
    mti_assert(a->need == MTI_NEED_SAY);
    mti_say_number(say, a->about.subscription);
    mti_say_number(say, a->round);
    if (a->stage == ANSWERER_SAY_LACK) {
        say_lack(a, say);
    } else {
        mti_say_byte(say, a->form | (a->empty_count > 0 ? MTI_ANSWER_EMPTY : 0));
        mti_say_differs(say, &a->asked);
        if (a->empty_count > 0) say_empty(a, say);
        if (a->form == MTI_ANSWER_CELLS) say_cells(a, say);
        if (a->form == MTI_ANSWER_LISTS) say_lists(a, say);
        if (a->form == MTI_ANSWER_PARTS) {
            mti_say_number(say, a->expected);
            mti_say_parts(say, &a->finer, a->about.end, MTI_COMPARE_PRINT_LEN);
        }
    }
    spans_end(a);
    mti_cells_free(&a->cells);
    goes(a, ANSWERER_IDLE, MTI_NEED_NOTHING);
}
