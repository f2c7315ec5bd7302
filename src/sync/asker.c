#include "sync/asker.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/word.h"

/* Where so many of 100 differ, all is copied. */
#define COPY_SHARE 15u

void mti_asker_init(mti_asker *a, const mti_comparison *about)
{
    const mt_mem *mem = about->mem;

    memset(a, 0, sizeof *a);
    a->about = *about;
    mti_parts_init(&a->parts, mem);
    mti_parts_init(&a->rest, mem);
    mti_parts_init(&a->wanted, mem);
    mti_parts_init(&a->given, mem);
    mti_parts_init(&a->near, mem);
    mti_trail_init(&a->trail, mem);
    mti_sends_init(&a->sends, mem);
    mti_sends_init(&a->offers, mem);
    mti_sends_init(&a->refused, mem);
    a->marks.mem = mem;
    mti_lists_init(&a->lists, mem);
    a->names.mem = a->sent.mem = a->refused_keys.mem = mem;
}

static void spans_end(mti_asker *a)
{
    mti_mem_free(a->about.mem, a->spans, a->span_count * sizeof *a->spans);
    a->spans = NULL;
    a->span_count = 0;
}

void mti_asker_free(mti_asker *a)
{
    spans_end(a);
    mti_lists_free(&a->lists);
    mt_buf_free(&a->marks);
    mti_parts_free(&a->parts);
    mti_parts_free(&a->rest);
    mti_parts_free(&a->wanted);
    mti_parts_free(&a->given);
    mti_parts_free(&a->near);
    mti_trail_free(&a->trail);
    mti_sends_free(&a->sends);
    mti_sends_free(&a->offers);
    mti_sends_free(&a->refused);
    mti_cells_free(&a->cells);
    mti_cells_free(&a->own);
    mti_key_map_free(&a->names);
    mti_key_map_free(&a->sent);
    mti_key_map_free(&a->refused_keys);
    mti_mem_free(a->about.mem, a->wants, a->want_cap * sizeof *a->wants);
}

mt_status mti_asker_refuse(mti_asker *a, mt_bytes uid)
{
    return mti_sends_add(&a->refused, uid, 0);
}

/* ---- What it needs ---- */

static mt_status fail(mti_asker *a, mt_status status, const char *text)
{
    return mti_fail(&a->error, status, "%s", text);
}

static mt_status no_memory(mti_asker *a)
{
    return mti_no_memory(&a->error);
}

static mt_status goes(mti_asker *a, mti_asker_stage stage, mti_need_kind need)
{
    a->stage = stage;
    a->need = need;
    return MT_OK;
}

static mt_status look(mti_asker *a, mti_asker_stage stage, mti_need_kind need,
                      const mti_parts *parts, uint32_t divide)
{
    spans_end(a);
    if (parts->count > 0 && !(a->spans = mti_parts_spans(parts, divide))) return no_memory(a);
    a->span_count = parts->count;
    return goes(a, stage, need);
}

static mt_status done(mti_asker *a)
{
    spans_end(a);
    return goes(a, ASKER_DONE, MTI_NEED_NOTHING);
}

/* Keeps of the parts those that differ. */
static mt_status keep_differing(mti_asker *a)
{
    mti_parts open;
    mt_status st;

    mti_parts_init(&open, a->about.mem);
    st = mti_parts_pick(&a->parts, &open);
    mti_parts_free(&a->parts);
    a->parts = open;
    return st == MT_OK ? MT_OK : no_memory(a);
}

/* ---- Asking ---- */

/* Each question has a key of its own. */
static mt_status next_key(mti_asker *a)
{
    mti_key_map_free(&a->refused_keys);
    a->round++;
    a->key = mti_tag_key_of(a->about.asker, a->about.answerer, a->about.subscription, a->round);
    for (size_t i = 0; i < a->refused.count; i++) {
        uint64_t key = mti_tag_uid(&a->key, mti_send_uid(&a->refused, &a->refused.at[i]));
        if (mti_key_map_put(&a->refused_keys, key, i) != MT_OK) return no_memory(a);
    }
    return MT_OK;
}

/* Asks about the parts, all of which are known to differ. */
static mt_status ask_open(mti_asker *a)
{
    a->open = true;
    a->print_len = 0;
    if (next_key(a) != MT_OK) return a->error.status;
    spans_end(a);
    return goes(a, ASKER_ASK, MTI_NEED_SAY);
}

/* Asks about smaller parts of the parts, about `divide` of each. */
static mt_status ask_finer(mti_asker *a, uint64_t divide)
{
    a->open = a->marked = false;
    a->cut = divide == 0;
    a->divide = (uint32_t)divide;
    a->print_len = MTI_COMPARE_PRINT_LEN;
    if (next_key(a) != MT_OK) return a->error.status;
    return look(a, ASKER_BEGIN, MTI_NEED_PRINTS, &a->parts, a->divide);
}

/* Asks about parts of their last answer, which are known to differ: about smaller ones of our own, or the
 * same. */
static mt_status ask_again(mti_asker *a, const mti_seen *seen)
{
    uint64_t total = mti_seen_divide(seen, a->about.codes, false);

    mti_assert(seen->open > 0);
    a->expected = seen->expected;
    a->asked = seen->nodes;
    if (total > 0) return ask_finer(a, (total + seen->open - 1) / seen->open);
    a->marked = true;
    return ask_open(a);
}

/* Remembers which parts of their last answer are asked about next. */
static mt_status mark(mti_asker *a)
{
    mti_say say = {.out = &a->marks};

    a->marks.len = 0;
    mti_say_differs(&say, &a->parts);
    return say.failed ? no_memory(a) : MT_OK;
}

static mt_status begin_pass(mti_asker *a, bool differs)
{
    mti_parts_clear(&a->parts);
    mti_parts_clear(&a->rest);
    mti_parts_clear(&a->wanted);
    mti_parts_clear(&a->given);
    a->moved = a->result.left = a->expected = 0;
    a->stuck = false;
    if (mti_parts_add(&a->parts, a->about.first, a->about.end) != MT_OK) return no_memory(a);
    if (ask_finer(a, differs ? MTI_COMPARE_PARTS_DIFFER : 0) != MT_OK) return a->error.status;
    if (!differs) a->print_len = MTI_COMPARE_PRINT_WIDE;
    return MT_OK;
}

/* What is refused is put in order: a few, or some thousands that mostly are. */
static void sort_refused(mti_sends *refused)
{
    for (size_t i = 1; i < refused->count; i++) {
        mti_send moving = refused->at[i];
        size_t at = i;
        while (at > 0 && mt_bytes_compare(mti_send_uid(refused, &refused->at[at - 1]),
                                          mti_send_uid(refused, &moving)) > 0) {
            refused->at[at] = refused->at[at - 1];
            at--;
        }
        refused->at[at] = moving;
    }
}

mt_status mti_asker_begin(mti_asker *a, bool differs)
{
    sort_refused(&a->refused);
    a->result.passes = 1;
    return begin_pass(a, differs);
}

/* Counts nodes that are looked at, and parts: a peer may not have us look for ever. */
static mt_status looks(mti_asker *a, uint64_t count)
{
    uint64_t most = MTI_COMPARE_LOOKS_TIMES * a->nodes + MTI_COMPARE_LOOKS_MORE;

    a->looks += count;
    if (a->looks <= most && a->result.asks < MTI_COMPARE_ASKS_MAX) return MT_OK;
    return fail(a, MT_TOO_LARGE, "the answers take more work than a comparison does");
}

/* Where a part ends: where the next of its span begins, or with the span. */
static mt_bytes part_end(const mti_asker *a, const mt_storage_print *prints, size_t count, size_t i)
{
    if (i + 1 < count && prints[i + 1].span == prints[i].span) return prints[i + 1].first;
    return a->spans[prints[i].span].end;
}

/* Takes parts in place of those that they are of. Their prints are asked for again where bounds that are
 * cut short are worth it, and fewer parts where a message would get too long. */
static mt_status cut_begin(mti_asker *a, mti_parts *parts)
{
    mti_parts cut;
    mt_status st;
    bool worth;

    mti_parts_init(&cut, a->about.mem);
    st = mti_parts_cut(parts, &cut, &worth);
    if (st == MT_OK && a->divide > 1 &&
        mti_parts_len(worth ? &cut : parts) > MTI_COMPARE_TEXT_MAX) {
        mti_parts_free(&cut);
        mti_parts_free(parts);
        a->divide /= 4;
        return look(a, ASKER_BEGIN, MTI_NEED_PRINTS, &a->parts, a->divide);
    }
    spans_end(a);
    mti_parts_free(&a->parts);
    a->parts = worth ? cut : *parts;
    mti_parts_free(worth ? parts : &cut);
    if (st != MT_OK) return no_memory(a);
    a->cut = true;
    if (worth) return look(a, ASKER_BEGIN, MTI_NEED_PRINTS, &a->parts, 0);
    return goes(a, ASKER_ASK, MTI_NEED_SAY);
}

/* The prints of what is asked about next. */
static mt_status take_begin(mti_asker *a, const mt_storage_print *prints, size_t count)
{
    mti_parts parts;
    mt_status st = looks(a, count);
    uint64_t nodes = 0;

    mti_parts_init(&parts, a->about.mem);
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        nodes += prints[i].count;
        if (prints[i].span >= a->span_count)
            st = fail(a, MT_MALFORMED, "the index answers other parts");
        else if (mti_parts_add(&parts, prints[i].first, part_end(a, prints, count, i)) != MT_OK)
            st = no_memory(a);
        else parts.at[i].print = mti_tag_print(&a->key, &prints[i].living, &prints[i].deleted);
    }
    if (nodes > a->nodes) a->nodes = nodes;
    a->asked = nodes;
    if (st == MT_OK && !a->cut) return cut_begin(a, &parts);
    spans_end(a);
    mti_parts_free(&a->parts);
    a->parts = parts;
    return st == MT_OK ? goes(a, ASKER_ASK, MTI_NEED_SAY) : st;
}

/* ---- What goes ---- */

static mt_status want(mti_asker *a, uint64_t key, uint64_t since)
{
    mti_coded *wants =
        mti_vector_reserve(a->about.mem, a->wants, &a->want_cap, a->want_count + 1, sizeof *wants);

    if (!wants) return no_memory(a);
    a->wants = wants;
    if (a->want_count >= MTI_COMPARE_WANTS_MAX) return MT_OK; /* the next pass finds it again */
    wants[a->want_count++] = (mti_coded){key, since};
    return MT_OK;
}

/* Notes that a node goes as it is; `*before`: how often it did so already. Once may not be enough, since
 * each side may have been newer in some field; the second time it goes whole. */
#define SENT_TWICE 2u

static mt_status note_sent(mti_asker *a, const mt_storage_item *item, uint64_t *before)
{
    uint64_t key = mti_checksum(item->uid, a->about.asker) | 1;
    uint64_t is = (item->state_max ^ item->living.lo ^ item->deleted.hi) & ~(uint64_t)3;
    mti_key_slot *slot = mti_key_map_get(&a->sent, key);

    *before = slot && (slot->value & ~(uint64_t)3) == is ? slot->value & 3 : 0;
    a->result.left += *before >= SENT_TWICE;
    if (*before >= SENT_TWICE) return MT_OK;
    return mti_key_map_put(&a->sent, key, is | (*before + 1)) == MT_OK ? MT_OK : no_memory(a);
}

static mt_status send(mti_asker *a, const mt_storage_item *item, uint64_t since)
{
    if (!a->gives || a->dry || a->sends.count >= MTI_COMPARE_SENDS_MAX) return MT_OK;
    a->moved++;
    return mti_sends_add(&a->sends, item->uid, since) == MT_OK ? MT_OK : no_memory(a);
}

static mt_status give(mti_asker *a, const mt_storage_item *item, uint64_t since)
{
    uint64_t before;

    if (!a->gives || a->dry) return MT_OK;
    if (note_sent(a, item, &before) != MT_OK) return a->error.status;
    return before >= SENT_TWICE ? MT_OK : send(a, item, since);
}

static void count_first(const mti_asker *a, uint64_t *counter, uint64_t more)
{
    if (a->result.passes == 1) *counter += more;
}

static mt_status end_pass(mti_asker *a);

static mt_status next_pass(mti_asker *a, bool differs)
{
    if (a->result.passes == MTI_COMPARE_PASSES_MAX) return done(a);
    a->result.passes++;
    return begin_pass(a, differs);
}

/* Goes on with the parts that were not listed. */
static mt_status ask_rest(mti_asker *a)
{
    mti_parts_free(&a->parts);
    a->parts = a->rest;
    mti_parts_init(&a->rest, a->about.mem);
    a->expected = a->asked = 0;
    a->marked = true;
    return ask_open(a);
}

/* All that differs is known: what they have nothing of is looked at last. */
static mt_status found(mti_asker *a)
{
    mti_parts_sort(&a->given);
    mti_parts_sort(&a->wanted);
    if (a->given.count > 0) return look(a, ASKER_GIVE, MTI_NEED_ITEMS, &a->given, 0);
    return end_pass(a);
}

static mt_status end_pass(mti_asker *a)
{
    spans_end(a);
    mti_parts_clear(&a->given);
    if (a->dry && a->offers.count > 0) return goes(a, ASKER_WANT, MTI_NEED_SAY);
    if (a->dry) return a->rest.count > 0 ? ask_rest(a) : done(a);
    if (a->sends.count > 0) return goes(a, ASKER_SEND, MTI_NEED_SEND);
    if (a->want_count > 0 || a->wanted.count > 0 || a->offers.count > 0 || a->result.copy)
        return goes(a, ASKER_WANT, MTI_NEED_SAY);
    if (a->rest.count > 0) return ask_rest(a);
    /* Values of a table that look alike, once in 256 times, hide a node: not under the next key. */
    if (!a->stuck && a->result.left > 0 && a->result.passes > 1) return done(a);
    return next_pass(a, true);
}

/* ---- Answers ---- */

/* Moves the parts of which they have nothing from those that differ to those that are given. */
static mt_status parse_empty(mti_asker *a, mti_parse *in)
{
    mt_bytes bits = mti_parse_fixed(in, "which parts are empty", (a->parts.count + 7) / 8);

    if (a->parts.count % 8 && bits.len && bits.data[bits.len - 1] >> a->parts.count % 8)
        mti_parse_fail(in, "which parts are empty", "more than there are");
    for (size_t i = 0; i < a->parts.count && bits.len; i++) {
        mti_compared_part *part = &a->parts.at[i];
        if (!(bits.data[i / 8] >> i % 8 & 1)) continue;
        if (!part->differs) mti_parse_fail(in, "which parts are empty", "one that does not differ");
        part->differs = false;
        if (mti_parts_add(&a->given, mti_part_first(&a->parts, part),
                          mti_part_end(&a->parts, part)) != MT_OK)
            return no_memory(a);
    }
    return MT_OK;
}

static mt_status parse_cells(mti_asker *a, mti_parse *in)
{
    uint64_t count = mti_parse_number(in, "the number of cells");
    mt_bytes words;

    if (!in->failed && (count < MTI_CELLS_MIN || count > MTI_CELLS_MAX))
        mti_parse_fail(in, "the number of cells", "none that there can be");
    words = mti_parse_fixed(in, "the cells", in->failed ? 0 : (size_t)count * MTI_CELL_LEN);
    if (in->failed) return MT_OK;
    mti_cells_free(&a->cells);
    if (mti_cells_new(a->about.mem, (size_t)count, a->key.table, &a->cells) != MT_OK)
        return no_memory(a);
    if (mti_cells_get(&a->cells, words) != MT_OK)
        mti_parse_fail(in, "the cells", "a word that there cannot be");
    return MT_OK;
}

/* The parts behind those that are listed are asked about later. */
static mt_status keep_rest(mti_asker *a)
{
    for (size_t i = 0; i < a->parts.count; i++) a->parts.at[i].differs = i >= a->lists.count;
    if (mark(a) != MT_OK) return a->error.status;
    mti_parts_clear(&a->rest);
    for (size_t i = a->lists.count; i < a->parts.count; i++) {
        const mti_compared_part *part = &a->parts.at[i];
        if (mti_parts_add(&a->rest, mti_part_first(&a->parts, part),
                          mti_part_end(&a->parts, part)) != MT_OK)
            return no_memory(a);
    }
    a->parts.count = a->lists.count;
    return MT_OK;
}

static mt_status take_form(mti_asker *a, mti_parse *in, mti_answer_form form)
{
    mt_status st = MT_OK;

    if (form != MTI_ANSWER_EQUAL && a->parts.count == 0)
        mti_parse_fail(in, "the form", "there is nothing that it could be about");
    switch (form) {
    case MTI_ANSWER_EQUAL:
        if (a->parts.count > 0) mti_parse_fail(in, "the form", "parts differ, and nothing follows");
        break;
    case MTI_ANSWER_CELLS: st = parse_cells(a, in); break;
    case MTI_ANSWER_LISTS: mti_parse_lists(in, &a->lists, a->parts.count); break;
    case MTI_ANSWER_PARTS: {
        mti_parts theirs;
        a->expected = mti_parse_number(in, "how many differ");
        mti_parts_init(&theirs, a->about.mem);
        mti_parse_parts(in, &theirs, a->about.first, a->about.end, MTI_COMPARE_PRINT_LEN,
                        2 * MTI_COMPARE_PARTS_MAX);
        mti_parts_free(&a->parts);
        a->parts = theirs;
        break;
    }
    }
    if (st == MT_OK && mti_parse_end(in) != MT_OK) {
        a->error = *in->err;
        st = a->error.status;
    }
    return st;
}

/* Nothing of what was asked about differs, but for what they have nothing of. */
static mt_status take_equal(mti_asker *a)
{
    if (a->given.count > 0 || a->wanted.count > 0) return found(a);
    if (a->print_len < MTI_COMPARE_PRINT_WIDE) return next_pass(a, false);
    a->result.equal = true;
    return done(a);
}

static mt_status begin_cells(mti_asker *a)
{
    mti_cells_free(&a->own);
    mti_trail_clear(&a->trail);
    a->coded = 0;
    if (mti_cells_new(a->about.mem, a->cells.count, a->key.table, &a->own) != MT_OK)
        return no_memory(a);
    return look(a, ASKER_CELLS, MTI_NEED_ITEMS, &a->parts, 0);
}

mt_status mti_asker_answer(mti_asker *a, mti_parse *in)
{
    uint64_t round = mti_parse_number(in, "the number of the comparison");
    unsigned form = mti_parse_byte(in, "the form"), bare = form & ~MTI_ANSWER_EMPTY;
    mt_status st = MT_OK;

    if (!in->failed && (a->stage != ASKER_ANSWER || round != a->round))
        mti_parse_fail(in, "the number of the comparison", "nothing like that was asked");
    if (!in->failed && bare > MTI_ANSWER_LISTS) mti_parse_fail(in, "the form", "not known");
    if (!in->failed) mti_parse_differs(in, &a->parts);
    if (!in->failed && form & MTI_ANSWER_EMPTY) st = parse_empty(a, in);
    if (in->failed) {
        a->error = *in->err;
        return a->error.status;
    }
    if (st == MT_OK) st = keep_differing(a);
    if (st == MT_OK) st = take_form(a, in, (mti_answer_form)bare);
    if (st != MT_OK) return st;
    a->result.asks++;
    switch ((mti_answer_form)bare) {
    case MTI_ANSWER_EQUAL: return take_equal(a);
    case MTI_ANSWER_CELLS: return begin_cells(a);
    case MTI_ANSWER_PARTS: return look(a, ASKER_MATCH, MTI_NEED_PRINTS, &a->parts, 0);
    case MTI_ANSWER_LISTS: break;
    }
    if (keep_rest(a) != MT_OK) return a->error.status;
    a->refused_at = 0;
    return look(a, ASKER_LISTS, MTI_NEED_ITEMS, &a->parts, 0);
}

/* ---- Their parts ---- */

static mt_status want_part(mti_asker *a, const mti_compared_part *part)
{
    if (mti_parts_add(&a->wanted, mti_part_first(&a->parts, part), mti_part_end(&a->parts, part)) ==
        MT_OK)
        return MT_OK;
    return no_memory(a);
}

static mt_status go_on(mti_asker *a, mti_seen *seen)
{
    seen->open = a->parts.count;
    if (seen->open == 0) return take_equal(a);
    mti_seen_expect(seen);
    /* What is said by smaller parts, whose sizes vary more, tends to be too few. */
    if (seen->expected > 0 && seen->expected < a->expected) seen->expected = a->expected;
    return ask_again(a, seen);
}

static mt_status take_match(mti_asker *a, const mt_storage_print *prints, size_t count)
{
    mti_seen seen = {.nodes = 0};

    if (count != a->parts.count) return fail(a, MT_MALFORMED, "the index answers other parts");
    if (looks(a, count) != MT_OK) return a->error.status;
    for (size_t i = 0; i < count; i++) {
        mti_compared_part *part = &a->parts.at[i];
        mti_sip128 print = mti_tag_print(&a->key, &prints[i].living, &prints[i].deleted);
        bool none = prints[i].count == 0;
        part->differs = !mti_prints_same(print, part->print, MTI_COMPARE_PRINT_LEN);
        if (a->dry) none = false; /* they are to be counted */
        if (part->differs && none && want_part(a, part) != MT_OK) return a->error.status;
        part->differs &= !none;
        seen.parts += !none;
        if (part->differs) seen.nodes += prints[i].count;
    }
    if (mark(a) != MT_OK || keep_differing(a) != MT_OK) return a->error.status;
    return go_on(a, &seen);
}

mt_status mti_asker_prints(mti_asker *a, const mt_storage_print *prints, size_t count)
{
    mti_sip128 print;

    mti_assert(a->need == MTI_NEED_PRINTS);
    if (a->stage == ASKER_BEGIN) return take_begin(a, prints, count);
    if (a->stage == ASKER_MATCH) return take_match(a, prints, count);
    if (count != 1) return fail(a, MT_MALFORMED, "the index answers other parts");
    print = mti_tag_print(&a->key, &prints->living, &prints->deleted);
    a->result.equal = print.lo == a->their_print.lo && print.hi == a->their_print.hi;
    /* Where nothing moved, twice, another pass would find the same. */
    if (a->result.equal || (a->moved == 0 && a->result.passes > 1)) return done(a);
    return next_pass(a, true);
}

/* ---- Nodes that differ ---- */

/* Most is not known: smaller parts are asked about, or a larger table. */
static mt_status ask_more(mti_asker *a, uint64_t found)
{
    uint64_t left = mti_cells_left(&a->own), count = a->own.count;
    mti_seen seen = {.parts = a->parts.count, .open = a->parts.count, .nodes = a->coded};

    seen.expected = left < 2 * count ? (found + left) * 9 / 8 + 4 : 4 * count;
    for (size_t i = 0; i < a->parts.count; i++) a->parts.at[i].differs = true;
    if (mark(a) != MT_OK) return a->error.status;
    return ask_again(a, &seen);
}

/* Looks again where those of our nodes are that the table names. */
static mt_status look_for_names(mti_asker *a)
{
    mti_key_map low = {.mem = a->about.mem};
    mt_status st = mti_key_map_reserve(&low, a->names.count);

    for (size_t i = 0; i < a->names.cap && st == MT_OK; i++)
        if (a->names.slots[i].key != 0)
            st = mti_key_map_put(&low, (uint64_t)(uint32_t)a->names.slots[i].key + 1, 0);
    mti_parts_clear(&a->near);
    if (st == MT_OK) st = mti_trail_find(&a->trail, &a->parts, &low, &a->near);
    mti_key_map_free(&low);
    mti_trail_free(&a->trail);
    if (st != MT_OK) return no_memory(a);
    return look(a, ASKER_NAMES, MTI_NEED_ITEMS, &a->near, 0);
}

static mt_status fill_names(mti_asker *a, const mti_difference *difference)
{
    mt_status st;

    mti_key_map_free(&a->names);
    st = mti_key_map_reserve(&a->names, difference->count);
    for (size_t i = 0; i < difference->count && st == MT_OK; i++)
        st = mti_key_map_put(&a->names, difference->items[i].key, difference->items[i].value);
    return st;
}

/* What differs by the tables: ours minus theirs. */
static mt_status name(mti_asker *a)
{
    mti_difference difference = {.count = 0};
    size_t count;
    mt_status st;

    mti_cells_subtract(&a->own, &a->cells);
    st = mti_cells_decode(&a->own, &difference);
    if (st == MT_NO_MEMORY) return no_memory(a);
    a->stuck = st == MT_AGAIN;
    count = difference.count;
    st = fill_names(a, &difference);
    mti_difference_free(&difference);
    if (st != MT_OK) return no_memory(a);
    if (!a->stuck || count > mti_cells_left(&a->own)) return look_for_names(a);
    return ask_more(a, count);
}

/* A node that both have: whose is newer has what the other lacks. At equal states nobody knows whose is
 * greater; where that did not do, each was newer in some field; and where theirs is refused, ours may have
 * more all the same: then it goes whole, both ways. */
static mt_status settle_both(mti_asker *a, const mt_storage_item *item, uint64_t key,
                             uint64_t theirs)
{
    bool refused = mti_key_map_get(&a->refused_keys, key) != NULL;
    uint64_t before, ours = item->state_max;
    bool whole;

    count_first(a, &a->result.both, 1);
    if (note_sent(a, item, &before) != MT_OK) return a->error.status;
    if (before >= SENT_TWICE || a->dry) return MT_OK;
    whole = refused || before > 0 || ours == theirs;
    if (whole || ours > theirs)
        if (send(a, item, whole ? 0 : theirs) != MT_OK) return a->error.status;
    if (refused) a->result.left++;
    else if (whole || ours < theirs || !a->gives)
        return want(a, key, whole || ours > theirs ? 0 : ours);
    return MT_OK;
}

static mt_status settle_named(mti_asker *a, const mt_storage_item *item)
{
    uint64_t key = mti_tag_uid(&a->key, item->uid), value, theirs;
    mti_key_slot *slot = mti_key_map_get(&a->names, key);

    if (!slot || slot->value == 0) return MT_OK;
    value = mti_tag_value(&a->key, item);
    theirs = mti_f61_sub(value, slot->value);
    slot->value = 0; /* it is not theirs alone */
    if (theirs != 0) return settle_both(a, item, key, mti_tag_state(theirs));
    count_first(a, &a->result.ours, 1);
    return give(a, item, 0);
}

/* Of what the table names, the rest is theirs alone. */
static mt_status settle_theirs(mti_asker *a)
{
    for (size_t i = 0; i < a->names.cap; i++) {
        const mti_key_slot *slot = &a->names.slots[i];
        if (slot->key == 0 || slot->value == 0) continue;
        count_first(a, &a->result.theirs, 1);
        if (mti_key_map_get(&a->refused_keys, slot->key)) a->result.left++;
        else if (want(a, slot->key, 0) != MT_OK) return a->error.status;
    }
    mti_key_map_free(&a->names);
    return found(a);
}

/* ---- Lists ---- */

/* Offers a node with a state; MT_STATE_MAX: it is neither to be sent, nor lacked. */
static mt_status offer(mti_asker *a, mt_bytes uid, uint64_t state)
{
    if (a->offers.count >= MTI_COMPARE_WANTS_MAX) return MT_OK;
    if (a->offers.text.len > MTI_COMPARE_TEXT_MAX) return MT_OK; /* the next pass finds it again */
    return mti_sends_add(&a->offers, uid, state) == MT_OK ? MT_OK : no_memory(a);
}

/* Nodes of theirs that are refused here, before a uid, are not to be sent: no tag tells which they are. */
static mt_status pass_refused(mti_asker *a, mt_bytes uid)
{
    mt_status st = MT_OK;

    for (; a->refused_at < a->refused.count && st == MT_OK; a->refused_at++) {
        mt_bytes refused = mti_send_uid(&a->refused, &a->refused.at[a->refused_at]);
        if (uid.len > 0 && mt_bytes_compare(refused, uid) >= 0) break;
        st = offer(a, refused, MT_STATE_MAX);
    }
    return st;
}

/* A node of ours that they do not have as it is. */
static mt_status settle_unmatched(mti_asker *a, const mt_storage_item *item)
{
    const mti_sends *list = &a->refused;
    bool refused = a->refused_at < list->count &&
                   mt_bytes_equal(item->uid, mti_send_uid(list, &list->at[a->refused_at]));
    uint64_t before;

    a->refused_at += refused;
    count_first(a, &a->result.ours, 1);
    if (a->dry) return offer(a, item->uid, MT_STATE_MAX - 1); /* so that nothing is sent */
    if (note_sent(a, item, &before) != MT_OK) return a->error.status;
    if (before >= SENT_TWICE) return offer(a, item->uid, MT_STATE_MAX);
    if (before == 0 && !refused) return offer(a, item->uid, item->state_max);
    /* Each was newer in some field, or theirs is refused: it goes whole. */
    if (send(a, item, 0) != MT_OK) return a->error.status;
    return offer(a, item->uid, refused ? MT_STATE_MAX : 0);
}

static mt_status settle_listed(mti_asker *a, const mt_storage_item *item)
{
    mt_status st = a->dry ? MT_OK : pass_refused(a, item->uid);

    while (a->lists.at < a->span_count && a->spans[a->lists.at].end.len > 0 &&
           mt_bytes_compare(item->uid, a->spans[a->lists.at].end) >= 0)
        a->lists.at++;
    if (st != MT_OK || a->lists.at >= a->lists.count) return st;
    if (mti_lists_match(&a->lists, mti_tag_of(&a->key, item))) return MT_OK;
    return settle_unmatched(a, item);
}

static mt_status want_unmatched(mti_asker *a)
{
    const mti_lists *lists = &a->lists;
    mt_bytes none = {NULL, 0};
    size_t unmatched = 0;

    if (!a->dry && pass_refused(a, none) != MT_OK) return a->error.status;
    for (size_t i = 0; i < lists->tag_count; i++) {
        if (lists->tags[i] & MTI_TAG_MATCHED) continue;
        unmatched++;
        if (!a->dry && want(a, lists->tags[i], 0) != MT_OK) return a->error.status;
    }
    count_first(a, &a->result.theirs, unmatched);
    a->by_tags = true;
    a->result.copy = !a->dry && a->result.passes == 1 &&
                     (a->rest.count > 0 || unmatched > MTI_COMPARE_WANTS_MAX) &&
                     unmatched > lists->tag_count / 100 * COPY_SHARE;
    return found(a);
}

/* ---- Items ---- */

static mt_status give_all(mti_asker *a, const mt_storage_item *item)
{
    count_first(a, &a->result.ours, 1);
    return give(a, item, 0);
}

mt_status mti_asker_items(mti_asker *a, const mt_storage_item *items, size_t count)
{
    mt_status st = looks(a, count);

    mti_assert(a->need == MTI_NEED_ITEMS);
    if (st != MT_OK) return st;
    if (a->stage == ASKER_CELLS) {
        a->coded += count;
        st = mti_trail_code(&a->trail, &a->own, &a->key, &a->parts, items, count);
        return st == MT_OK ? MT_OK : no_memory(a);
    }
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        if (a->stage == ASKER_NAMES) st = settle_named(a, &items[i]);
        else if (a->stage == ASKER_LISTS) st = settle_listed(a, &items[i]);
        else st = give_all(a, &items[i]);
    }
    return st;
}

mt_status mti_asker_items_end(mti_asker *a)
{
    mti_assert(a->need == MTI_NEED_ITEMS);
    if (a->stage == ASKER_CELLS) return name(a);
    if (a->stage == ASKER_NAMES) return settle_theirs(a);
    if (a->stage == ASKER_LISTS) return want_unmatched(a);
    return end_pass(a);
}

/* ---- What they lack ---- */

static mt_status look_at_all(mti_asker *a)
{
    mt_storage_span *all = mti_mem_alloc(a->about.mem, sizeof *all);

    if (!all) return no_memory(a);
    spans_end(a);
    *all = (mt_storage_span){a->about.first, a->about.end, 0};
    a->spans = all;
    a->span_count = 1;
    return goes(a, ASKER_LAST, MTI_NEED_PRINTS);
}

mt_status mti_asker_sent(mti_asker *a)
{
    bool filled = a->stage == ASKER_FILL && a->sends.count > 0 && a->gives;

    mti_sends_clear(&a->sends);
    if (a->stage == ASKER_SEND) return goes(a, ASKER_WANT, MTI_NEED_SAY);
    if (a->rest.count > 0) return ask_rest(a);
    /* Their print is from before: they are asked for another. */
    if (filled) return next_pass(a, false);
    return look_at_all(a);
}

/* Whether nodes are in order, and in the range: nothing else is sent on their word. */
static bool may_lack(const mti_asker *a, const mti_sends *sends)
{
    for (size_t i = 0; i < sends->count; i++) {
        mt_bytes uid = mti_send_uid(sends, &sends->at[i]);
        if (mt_bytes_compare(uid, a->about.first) < 0) return false;
        if (a->about.end.len > 0 && mt_bytes_compare(uid, a->about.end) >= 0) return false;
        if (i > 0 && mt_bytes_compare(mti_send_uid(sends, &sends->at[i - 1]), uid) >= 0)
            return false;
    }
    return true;
}

/* Of a dry run: what was listed as ours alone is on both sides where they tell a state of it. */
static mt_status count_lacked(mti_asker *a)
{
    for (size_t i = 0; i < a->sends.count; i++) {
        if (a->sends.at[i].since == 0) continue;
        a->result.both++;
        a->result.ours -= a->result.ours > 0;
        a->result.theirs -= a->result.theirs > 0;
    }
    return a->rest.count > 0 ? ask_rest(a) : done(a);
}

mt_status mti_asker_lack(mti_asker *a, mti_parse *in)
{
    uint64_t round = mti_parse_number(in, "the number of the comparison");
    mt_bytes print = mti_parse_fixed(in, "a print", 16);
    uint64_t sent = mti_parse_number(in, "how many were sent");
    uint64_t missed = mti_parse_number(in, "how many were not found");

    if (!in->failed && (a->stage != ASKER_LACK || round != a->round))
        mti_parse_fail(in, "the number of the comparison", "nothing was wanted in it");
    mti_sends_clear(&a->sends);
    mti_parse_sends(in, &a->sends);
    if (!in->failed && !may_lack(a, &a->sends))
        mti_parse_fail(in, "what is lacked", "not in order, or not in the range");
    if (mti_parse_end(in) != MT_OK) {
        a->error = *in->err;
        return a->error.status;
    }
    a->result.asks++;
    a->their_print = (mti_sip128){mti_load_le64(print.data), mti_load_le64(print.data + 8)};
    a->stage = ASKER_FILL;
    if (a->dry) return count_lacked(a);
    a->moved += sent + missed + a->sends.count;
    if (a->sends.count == 0 || !a->gives) return mti_asker_sent(a);
    return goes(a, ASKER_FILL, MTI_NEED_SEND);
}

/* ---- Saying ---- */

mti_message_type mti_asker_due(const mti_asker *a)
{
    return a->stage == ASKER_ASK ? MTI_ASK : MTI_WANT;
}

static void say_ask(const mti_asker *a, mti_say *say)
{
    mti_say_number(say, (a->about.codes ? MTI_ASK_CODES : 0) | (a->open ? MTI_ASK_OPEN : 0) |
                            (a->marked ? MTI_ASK_MARKS : 0));
    mti_say_number(say, a->expected);
    mti_say_number(say, a->asked);
    mti_say_number(say, a->print_len);
    if (a->marked) mti_say_fixed(say, mt_buf_bytes(&a->marks));
    else mti_say_parts(say, &a->parts, a->about.end, a->print_len);
}

static void say_want(mti_asker *a, mti_say *say)
{
    mti_say_number(say, (a->by_tags ? MTI_WANT_TAGS : 0) | (a->result.copy ? MTI_WANT_COPY : 0));
    mti_say_wants(say, a->wants, a->want_count, a->by_tags ? MTI_TAG_LEN : MTI_KEY_LEN);
    mti_say_parts(say, &a->wanted, a->about.end, 0);
    mti_say_sends(say, &a->offers);
}

void mti_asker_say(mti_asker *a, mti_say *say)
{
    mti_assert(a->need == MTI_NEED_SAY);
    mti_say_number(say, a->about.subscription);
    mti_say_number(say, a->round);
    spans_end(a);
    if (a->stage == ASKER_ASK) {
        say_ask(a, say);
        (void)goes(a, ASKER_ANSWER, MTI_NEED_NOTHING);
        return;
    }
    say_want(a, say);
    a->want_count = 0;
    a->by_tags = false;
    mti_sends_clear(&a->offers);
    mti_parts_clear(&a->wanted);
    (void)goes(a, a->result.copy ? ASKER_DONE : ASKER_LACK, MTI_NEED_NOTHING);
}
