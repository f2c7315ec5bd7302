/* compare_hostile_test.c - whatever a peer says, a comparison ends: with an error that says what is wrong, or
 * having done bounded work.
 *
 * What is not checked is that a liar makes no harm to itself: who answers that all is equal is believed. */
#include "test_compare.h"
#include "base/word.h"
#include "test_law.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Any message ---- */

typedef struct spoiled {
    test_case *c;
    size_t at;    /* the number of the message that is spoiled */
    unsigned how; /* 0 cut, 1 a byte changed, 2 garbage, 3 one of the messages before */
    mt_buf before;
} spoiled;

static void spoil(test_pair *pair, bool to_asker)
{
    spoiled *s = pair->ctx;
    mt_buf *m = &pair->message;

    (void)to_asker;
    if (pair->messages - 1 != s->at || m->len < 4) {
        if (test_once_in(s->c, 2)) s->before.len = 0;
        if (s->before.len == 0) CHECK(mti_buf_append(&s->before, m->data, m->len) == MT_OK);
        return;
    }
    if (s->how == 0) m->len = 4 + test_below(s->c, m->len - 3);
    if (s->how == 1)
        m->data[4 + test_below(s->c, m->len - 3) - 1] ^= (uint8_t)(1 + test_below(s->c, 255));
    if (s->how == 2)
        for (size_t i = 5; i < m->len; i++) m->data[i] = (uint8_t)test_rng_next(&s->c->rng);
    if (s->how == 3 && s->before.len > 0) {
        m->len = 0;
        CHECK(mti_buf_append(m, s->before.data, s->before.len) == MT_OK);
    }
}

static void random_pair(test_case *c, test_pair *pair)
{
    size_t count = test_below(c, 3000), others = test_below(c, 100);

    test_pair_init(pair);
    pair->codes = test_once_in(c, 2);
    pair->gives = !test_once_in(c, 4);
    pair->differs = test_once_in(c, 2);
    for (unsigned side = 0; side < 2; side++) {
        test_peer_fill(&pair->peers[side], "user/", 0, count);
        for (size_t i = 0; i < others; i++) {
            char uid[40];
            mt_sum sum = {test_rng_next(&c->rng), test_rng_next(&c->rng)};
            snprintf(uid, sizeof uid, "user/%06zu", test_below(c, 2 * count + 1));
            test_peer_set(&pair->peers[side], uid, 1 + test_below(c, 5000), sum);
        }
    }
}

static void any_message_may_be_spoiled(test_case *c)
{
    spoiled s = {.c = c, .at = test_below(c, 8), .how = (unsigned)test_below(c, 4)};
    test_pair pair;
    mt_status st;

    random_pair(c, &pair);
    s.before.mem = test_mem();
    pair.hook = spoil;
    pair.ctx = &s;
    st = test_pair_run(&pair);
    HOLDS(st == MT_OK || st == MT_MALFORMED || st == MT_TOO_LARGE || st == MT_UNSUPPORTED ||
          st == MT_END);
    if (st == MT_MALFORMED || st == MT_TOO_LARGE) HOLDS(pair.error.text[0] != 0);
    HOLDS(pair.messages < 200);
    test_pair_end(&pair);
    test_pair_free(&pair);
    mt_buf_free(&s.before);
}

TEST(any_message_may_be_spoiled_for_all)
{
    test_law(4000, any_message_may_be_spoiled);
}

typedef struct place {
    size_t message, byte;
    uint8_t change; /* 0: it is cut there */
    bool reached;
} place;

static void spoil_byte(test_pair *pair, bool to_asker)
{
    place *p = pair->ctx;
    mt_buf *m = &pair->message;

    (void)to_asker;
    if (pair->messages - 1 != p->message || p->byte >= m->len) return;
    p->reached = true;
    if (p->change) m->data[p->byte] ^= p->change;
    else m->len = p->byte;
}

/* False: there is no such byte. */
static bool spoil_at(bool codes, size_t message, size_t byte, uint8_t change)
{
    place p = {message, byte, change, false};
    test_pair pair;
    mt_status st;

    test_pair_init(&pair);
    pair.codes = codes;
    test_peer_fill(&pair.peers[0], "user/", 0, 200);
    test_peer_fill(&pair.peers[1], "user/", 3, 200);
    test_peer_set(&pair.peers[0], "user/000100", 9000, (mt_sum){1, 2});
    test_peer_set(&pair.peers[1], "user/000180", 9000, (mt_sum){1, 2});
    pair.hook = spoil_byte;
    pair.ctx = &p;
    st = test_pair_run(&pair);
    if (p.reached && !change) CHECK(st == MT_MALFORMED);
    CHECK(st == MT_OK || st == MT_MALFORMED || st == MT_TOO_LARGE || st == MT_UNSUPPORTED ||
          st == MT_END);
    CHECK(pair.messages < 200);
    test_pair_end(&pair);
    test_pair_free(&pair);
    return p.reached;
}

TEST(each_byte_may_be_the_last_or_another)
{
    for (size_t message = 0; message < 8; message++) {
        for (size_t byte = 0; spoil_at(message % 2, message / 2, byte, 0); byte++) {
            (void)spoil_at(message % 2, message / 2, byte, 1);
            (void)spoil_at(message % 2, message / 2, byte, 0x80);
            (void)spoil_at(message % 2, message / 2, byte, 0xFF);
        }
    }
}

/* ---- Who asks for ever ---- */

static mt_status ask(mti_answerer *answerer, test_peer *peer, mti_message_type type, mt_buf *body)
{
    mt_error err;
    mti_parse in = mti_parse_of(mt_buf_bytes(body), "question", &err);
    static mti_items items;
    mt_buf said = {.mem = test_mem()};
    mti_say say = {.out = &said};
    mt_status st =
        type == MTI_ASK ? mti_answerer_ask(answerer, &in) : mti_answerer_want(answerer, &in);

    while (st == MT_OK && answerer->need != MTI_NEED_NOTHING) {
        mti_item_walk walk = {
            .index = &peer->index, .spans = answerer->spans, .span_count = answerer->span_count};
        mt_storage_print *prints;
        size_t count;
        switch (answerer->need) {
        case MTI_NEED_NOTHING: break;
        case MTI_NEED_PRINTS:
            CHECK(mti_prints_make(&peer->index, answerer->spans, answerer->span_count, &prints,
                                  &count) == MT_OK);
            peer->looked += count;
            st = mti_answerer_prints(answerer, prints, count);
            mti_mem_free(test_mem(), prints, count * sizeof *prints);
            break;
        case MTI_NEED_ITEMS:
            while (st == MT_OK && mti_items_next(&walk, &items)) {
                peer->looked += items.count;
                st = mti_answerer_items(answerer, items.at, items.count);
            }
            if (st == MT_OK) st = mti_answerer_items_end(answerer);
            break;
        case MTI_NEED_SAY: mti_answerer_say(answerer, &say); break;
        case MTI_NEED_SEND: st = mti_answerer_sent(answerer, 1); break;
        }
    }
    mt_buf_free(&said);
    return st;
}

static void question(mt_buf *body, unsigned flags, uint64_t expected, size_t print_len)
{
    mti_say say = {.out = body};
    mti_parts all;

    mti_parts_init(&all, test_mem());
    CHECK(mti_parts_add(&all, mt_str(""), mt_str("")) == MT_OK);
    mti_say_number(&say, 1);
    mti_say_number(&say, flags);
    mti_say_number(&say, expected);
    mti_say_number(&say, 0);
    mti_say_number(&say, print_len);
    mti_say_parts(&say, &all, mt_str(""), print_len);
    mti_parts_free(&all);
}

/* `questions` of the same kind are answered before the next is refused. */
static void asks_for_ever(unsigned flags, uint64_t expected, size_t print_len, bool wants)
{
    mti_comparison about = {.mem = test_mem(), .asker = 11, .answerer = 13, .codes = true};
    mt_buf body = {.mem = test_mem()}, want = {.mem = test_mem()};
    mti_say say = {.out = &want};
    mti_answerer answerer;
    test_peer peer;
    size_t asked = 0;
    mt_status st;

    test_peer_init(&peer);
    test_peer_fill(&peer, "user/", 0, 20000);
    mti_answerer_init(&answerer, &about);
    question(&body, flags, expected, print_len);
    mti_say_number(&say, 1);
    for (int i = 0; i < 4; i++)
        mti_say_number(&say, 0); /* nothing is wanted, of all that is open */
    while ((st = ask(&answerer, &peer, MTI_ASK, &body)) == MT_OK && asked < 10000) {
        asked++;
        if (wants && (st = ask(&answerer, &peer, MTI_WANT, &want)) != MT_OK) break;
    }
    CHECK(st == MT_TOO_LARGE && asked <= MTI_COMPARE_ASKS_MAX);
    CHECK(peer.looked <= 20000 * MTI_COMPARE_LOOKS_TIMES + MTI_COMPARE_LOOKS_MORE + 20000);
    mti_answerer_free(&answerer);
    test_peer_free(&peer);
    mt_buf_free(&body);
    mt_buf_free(&want);
}

TEST(who_asks_for_ever_is_refused)
{
    asks_for_ever(0, 0, 16, false);
    asks_for_ever(MTI_ASK_CODES, 0, 3, false);
    asks_for_ever(MTI_ASK_CODES | MTI_ASK_OPEN, 10, 0, false);
    asks_for_ever(MTI_ASK_CODES | MTI_ASK_OPEN, UINT64_MAX, 0, false);
    asks_for_ever(MTI_ASK_CODES | MTI_ASK_OPEN, 10, 0, true);
    asks_for_ever(MTI_ASK_OPEN, 1000, 0, true);
}

/* A question about thousands of parts with a node each, and about all before or behind them. */
static void uneven_question(mt_buf *body, bool before)
{
    mti_say say = {.out = body};
    mti_parts parts;
    char first[20], end[20];

    mti_parts_init(&parts, test_mem());
    if (before) CHECK(mti_parts_add(&parts, mt_str(""), mt_str("a/000000")) == MT_OK);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(first, sizeof first, "a/%06u", i);
        snprintf(end, sizeof end, "a/%06u", i + 1);
        CHECK(mti_parts_add(&parts, mt_str(first), mt_str(end)) == MT_OK);
    }
    if (!before) CHECK(mti_parts_add(&parts, mt_str(end), mt_str("")) == MT_OK);
    mti_say_number(&say, 1);
    mti_say_number(&say, MTI_ASK_OPEN);
    for (int i = 0; i < 3; i++) mti_say_number(&say, 0);
    mti_say_parts(&say, &parts, mt_str(""), 0);
    mti_parts_free(&parts);
}

/* On the whole the parts are small, and yet one is not to be listed. */
TEST(a_large_part_among_small_ones_is_divided)
{
    for (unsigned before = 0; before < 2; before++) {
        mti_comparison about = {.mem = test_mem(), .asker = 11, .answerer = 13};
        mt_buf body = {.mem = test_mem()};
        mti_answerer answerer;
        test_peer peer;
        test_peer_init(&peer);
        test_peer_fill(&peer, "a/", 0, 4000);
        test_peer_fill(&peer, before ? "A/" : "b/", 0, MTI_COMPARE_LIST_MAX + 5000);
        mti_answerer_init(&answerer, &about);
        uneven_question(&body, before);
        CHECK(ask(&answerer, &peer, MTI_ASK, &body) == MT_OK);
        if (before) CHECK(answerer.form == MTI_ANSWER_PARTS && answerer.finer.count >= 4004);
        else CHECK(answerer.form == MTI_ANSWER_LISTS && answerer.listed == 4000);
        mti_answerer_free(&answerer);
        test_peer_free(&peer);
        mt_buf_free(&body);
    }
}

/* ---- Who lies in answers ---- */

typedef struct liar {
    test_rng rng;
    unsigned kind;
    size_t answers;
} liar;

static void say_answer_head(test_pair *pair, mti_say *say, unsigned form)
{
    *say = test_pair_say(pair, MTI_ANSWER);
    mti_say_number(say, pair->asker.round);
    mti_say_byte(say, form);
    for (size_t i = 0; i < pair->asker.parts.count; i++) pair->asker.parts.at[i].differs = true;
    mti_say_differs(say, &pair->asker.parts);
}

static void lie_with_words(test_pair *pair, mti_say *say, liar *l)
{
    say_answer_head(pair, say, MTI_ANSWER_CELLS);
    mti_say_number(say, 100);
    for (size_t i = 0; i < 200; i++) {
        uint8_t word[8];
        mti_store_le64(test_rng_next(&l->rng) % MTI_F61_PRIME, word);
        mti_say_fixed(say, (mt_bytes){word, sizeof word});
    }
}

/* A table of our own nodes, and of `count` more that nobody has, or of one many times. */
static void lie_with_keys(test_pair *pair, mti_say *say, liar *l, bool repeats)
{
    mti_cells cells;
    mti_trail trail;
    mti_item_walk walk = {.index = &pair->peers[0].index, .span_count = 1};
    mt_storage_span all = {{NULL, 0}, {NULL, 0}, 0};
    static mti_items items;
    uint8_t words[100 * MTI_CELL_LEN];

    walk.spans = &all;
    CHECK(mti_cells_new(test_mem(), 100, pair->asker.key.table, &cells) == MT_OK);
    mti_trail_init(&trail, test_mem());
    while (mti_items_next(&walk, &items))
        CHECK(mti_trail_code(&trail, &cells, &pair->asker.key, &pair->asker.parts, items.at,
                             items.count) == MT_OK);
    for (size_t i = 0; i < 40; i++) {
        mti_coded element = {.key = repeats ? 77 : 1 + (test_rng_next(&l->rng) >> 25),
                             .value = 1 + (test_rng_next(&l->rng) >> 4)};
        mti_cells_add(&cells, &element, 1);
    }
    say_answer_head(pair, say, MTI_ANSWER_CELLS);
    mti_say_number(say, 100);
    mti_cells_put(&cells, words);
    mti_say_fixed(say, (mt_bytes){words, sizeof words});
    mti_cells_free(&cells);
    mti_trail_free(&trail);
}

/* Parts that are new each time, as small as `step` says: a byte or two, and prints of nothing. */
static void lie_with_parts(test_pair *pair, mti_say *say, liar *l)
{
    mti_parts parts;
    char first[8] = "", end[8];

    mti_parts_init(&parts, test_mem());
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(end, sizeof end, "user/%02u", i % 100);
        if (i >= 100) break;
        CHECK(mti_parts_add(&parts, mt_str(first), mt_str(end)) == MT_OK);
        parts.at[i].print = (mti_sip128){test_rng_next(&l->rng), test_rng_next(&l->rng)};
        memcpy(first, end, sizeof first);
    }
    say_answer_head(pair, say, MTI_ANSWER_PARTS);
    mti_say_number(say, 0);
    mti_say_parts(say, &parts, mt_str(""), MTI_COMPARE_PRINT_LEN);
    mti_parts_free(&parts);
}

/* Lists with the same tag all over, one of them very long; or with nothing at all. */
static void lie_with_lists(test_pair *pair, mti_say *say, bool repeats)
{
    size_t lists = pair->asker.parts.count;

    say_answer_head(pair, say, MTI_ANSWER_LISTS);
    mti_say_number(say, lists);
    for (size_t i = 0; i < lists; i++) {
        size_t count = !repeats ? 0 : i == 0 ? 65536 : 3;
        mti_say_number(say, count);
        for (size_t k = 0; k < count; k++) mti_say_fixed(say, mt_str("tag"));
    }
}

static void lie(test_pair *pair, bool to_asker)
{
    liar *l = pair->ctx;
    mti_say say;

    if (!to_asker || mti_answerer_due(&pair->answerer) == MTI_LACK) return;
    if (pair->message.data[1] != MTI_ANSWER || pair->asker.parts.count == 0) return;
    l->answers++;
    switch (l->kind) {
    case 0: lie_with_words(pair, &say, l); break;
    case 1: lie_with_keys(pair, &say, l, false); break;
    case 2: lie_with_keys(pair, &say, l, true); break;
    case 3: lie_with_parts(pair, &say, l); break;
    case 4: lie_with_lists(pair, &say, true); break;
    default: lie_with_lists(pair, &say, false); break;
    }
    CHECK(mti_say_end(&say) == MT_OK);
}

TEST(who_lies_in_answers_gets_an_error_or_an_end)
{
    for (unsigned kind = 0; kind < 6; kind++) {
        liar l = {.rng = test_rng_new(kind), .kind = kind};
        test_pair pair;
        mt_status st;
        test_pair_init(&pair);
        test_peer_fill(&pair.peers[0], "user/", 0, 5000);
        test_peer_fill(&pair.peers[1], "user/", 100, 5000);
        pair.hook = lie;
        pair.ctx = &l;
        st = test_pair_run(&pair);
        CHECK(l.answers > 0);
        CHECK(st == MT_OK || st == MT_TOO_LARGE || st == MT_MALFORMED);
        CHECK(pair.messages <= 2 * MTI_COMPARE_ASKS_MAX + 2);
        CHECK(pair.peers[0].looked <=
              10200 * MTI_COMPARE_LOOKS_TIMES + MTI_COMPARE_LOOKS_MORE + 10200);
        CHECK(pair.asker.result.passes <= MTI_COMPARE_PASSES_MAX);
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

/* ---- Who lacks what is not its business ---- */

static void lack_beyond(test_pair *pair, bool to_asker)
{
    const char *const *uids = pair->ctx;
    static const uint8_t print[16];
    mti_sends sends;
    mti_say say;

    if (!to_asker || pair->message.data[1] != MTI_LACK) return;
    say = test_pair_say(pair, MTI_LACK);
    mti_sends_init(&sends, test_mem());
    for (; *uids; uids++) CHECK(mti_sends_add(&sends, mt_str(*uids), 0) == MT_OK);
    mti_say_number(&say, pair->asker.round);
    mti_say_fixed(&say, (mt_bytes){print, sizeof print});
    mti_say_number(&say, 0);
    mti_say_number(&say, 0);
    mti_say_sends(&say, &sends);
    mti_sends_free(&sends);
}

TEST(nothing_outside_the_range_is_sent)
{
    static const char *const lacks[][3] = {
        {"user/000005", NULL}, {"user/002000", NULL}, {"user/001500", "user/001400", NULL}};

    for (size_t i = 0; i < TEST_COUNT(lacks); i++) {
        test_pair pair;
        test_pair_init(&pair);
        test_peer_fill(&pair.peers[0], "user/", 0, 3000);
        test_peer_fill(&pair.peers[1], "user/", 0, 3000);
        test_peer_set(&pair.peers[1], "user/001500", 9000, (mt_sum){1, 1});
        pair.first = mt_str("user/001000");
        pair.end = mt_str("user/002000");
        pair.hook = lack_beyond;
        pair.ctx = (void *)(uintptr_t)lacks[i];
        CHECK(test_pair_run(&pair) == MT_MALFORMED);
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

/* ---- Sums that were made up ---- */

/* Two nodes with a part of their sums exchanged: each range of both has the same sum. */
TEST(ranges_whose_sums_are_equal_look_equal)
{
    test_pair pair;

    test_pair_init(&pair);
    test_peer_fill(&pair.peers[0], "user/", 0, 1000);
    test_peer_fill(&pair.peers[1], "user/", 0, 1000);
    test_peer_set(&pair.peers[0], "user/000500", 9000, (mt_sum){10, 0});
    test_peer_set(&pair.peers[0], "user/000501", 9000, (mt_sum){20, 0});
    test_peer_set(&pair.peers[1], "user/000500", 9000, (mt_sum){20, 0});
    test_peer_set(&pair.peers[1], "user/000501", 9000, (mt_sum){10, 0});
    pair.differs = false;
    CHECK(test_pair_run(&pair) == MT_OK);
    /* As crdt/fingerprint.h says: only who knows the key of the space can do this. */
    CHECK(pair.asker.result.equal);
    test_pair_end(&pair);
    /* As soon as anything else is looked at, so are they. */
    pair.end = mt_str("user/000501");
    CHECK(test_pair_run(&pair) == MT_OK);
    CHECK(pair.asker.result.equal && pair.asker.result.both == 1);
    test_pair_end(&pair);
    test_pair_free(&pair);
}

/* Two versions of a node with the same state. Under the key of another comparison they look alike in a
 * table, or in a list. */
TEST(what_looks_alike_under_another_key_is_found)
{
    mti_tag_key other = mti_tag_key_of(1, 2, 7, 1);
    mt_storage_item one = {.uid = mt_str("user/000500"), .state_max = 9000, .living = {1, 1}};
    mt_storage_item two = one;

    do two.living.lo++;
    while (mti_tag_value(&other, &two) != mti_tag_value(&other, &one));
    for (unsigned codes = 0; codes < 2; codes++) {
        test_pair pair;
        if (!codes) do
                two.living.lo++;
            while (mti_tag_of(&other, &two) != mti_tag_of(&other, &one));
        test_pair_init(&pair);
        pair.codes = codes;
        test_peer_fill(&pair.peers[0], "user/", 0, 1000);
        test_peer_fill(&pair.peers[1], "user/", 0, 1000);
        test_peer_set(&pair.peers[0], "user/000500", 9000, one.living);
        test_peer_set(&pair.peers[1], "user/000500", 9000, two.living);
        CHECK(test_pair_run(&pair) == MT_OK && pair.asker.result.equal);
        CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

/* The same under the very key of this comparison: the next pass has another. */
TEST(what_looks_alike_is_found_in_the_next_pass)
{
    mti_tag_key key = mti_tag_key_of(11, 13, 7, 1);
    mt_storage_item one = {.uid = mt_str("user/000500"), .state_max = 9000, .living = {1, 1}};
    mt_storage_item two = one;
    test_pair pair;

    do two.living.lo++;
    while (mti_tag_value(&key, &two) != mti_tag_value(&key, &one));
    test_pair_init(&pair);
    test_peer_fill(&pair.peers[0], "user/", 0, 1000);
    test_peer_fill(&pair.peers[1], "user/", 0, 1000);
    test_peer_set(&pair.peers[0], "user/000500", 9000, one.living);
    test_peer_set(&pair.peers[1], "user/000500", 9000, two.living);
    CHECK(test_pair_run(&pair) == MT_OK && pair.asker.result.equal);
    CHECK(pair.asker.result.passes >= 1);
    CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
    test_pair_end(&pair);
    test_pair_free(&pair);
}

/* ---- Uids with the same key ---- */

#define UIDS 3000000u

static int by_key(const void *a, const void *b)
{
    const mti_coded *x = a, *y = b;

    return x->key < y->key ? -1 : x->key > y->key;
}

/* Two uids whose keys are the same in the `round`th question. */
static void find_twins(uint64_t round, char one[32], char two[32])
{
    mti_tag_key key = mti_tag_key_of(11, 13, 7, round);
    mti_coded *all = calloc(UIDS, sizeof *all);
    size_t at = 1;

    if (!all) abort();
    for (size_t i = 0; i < UIDS; i++) {
        snprintf(one, 32, "user/%07zu", i);
        all[i] = (mti_coded){mti_tag_uid(&key, mt_str(one)), i};
    }
    qsort(all, UIDS, sizeof *all, by_key);
    while (at < UIDS && all[at].key != all[at - 1].key) at++;
    CHECK(at < UIDS);
    snprintf(one, 32, "user/%07u", (unsigned)all[at - 1].value);
    snprintf(two, 32, "user/%07u", (unsigned)all[at].value);
    free(all);
}

TEST(uids_with_the_same_key_are_found)
{
    char uids[2][32];

    find_twins(1, uids[0], uids[1]);
    for (unsigned how = 0; how < 16; how++) { /* which of them each side has newer, or alone */
        test_pair pair;
        test_pair_init(&pair);
        test_peer_fill(&pair.peers[0], "user/", 0, 1000);
        test_peer_fill(&pair.peers[1], "user/", 0, 1000);
        for (unsigned side = 0; side < 2; side++)
            for (unsigned i = 0; i < 2; i++)
                if (how >> (2 * side + i) & 1)
                    test_peer_set(&pair.peers[side], uids[i], 9000 + side, (mt_sum){side, i + 1});
        CHECK(test_pair_run(&pair) == MT_OK && pair.asker.result.equal);
        CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

/* ---- What comes meanwhile ---- */

typedef struct meanwhile {
    size_t wants, sent;
} meanwhile;

/* What the asker has comes to the answerer between its list and the wish that follows. */
static void copy_meanwhile(test_pair *pair, bool to_asker)
{
    meanwhile *m = pair->ctx;
    mti_parse in;
    unsigned type;
    mt_error err;

    CHECK(mti_parse_head(mt_buf_bytes(&pair->message), &type, &in, &err) == MT_OK);
    if (type == MTI_WANT && m->wants++ == 0) test_peer_fill(&pair->peers[1], "user/", 0, 1000);
    if (to_asker && type == MTI_LACK) m->sent += pair->answerer.sends.count;
}

TEST(what_has_come_from_the_asker_meanwhile_does_not_go_back)
{
    meanwhile m = {0, 0};
    test_pair pair;

    test_pair_init(&pair);
    pair.hook = copy_meanwhile;
    pair.ctx = &m;
    test_peer_fill(&pair.peers[0], "user/", 0, 1000);
    test_peer_set(&pair.peers[1], "ada", 5, (mt_sum){1, 2});
    CHECK(test_pair_run(&pair) == MT_OK && pair.asker.result.equal);
    CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
    CHECK(m.wants > 0 && m.sent == 1);
    test_pair_end(&pair);
    test_pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_message_may_be_spoiled_for_all),
        cmocka_unit_test(each_byte_may_be_the_last_or_another),
        cmocka_unit_test(who_asks_for_ever_is_refused),
        cmocka_unit_test(a_large_part_among_small_ones_is_divided),
        cmocka_unit_test(who_lies_in_answers_gets_an_error_or_an_end),
        cmocka_unit_test(nothing_outside_the_range_is_sent),
        cmocka_unit_test(ranges_whose_sums_are_equal_look_equal),
        cmocka_unit_test(what_looks_alike_under_another_key_is_found),
        cmocka_unit_test(what_looks_alike_is_found_in_the_next_pass),
        cmocka_unit_test(uids_with_the_same_key_are_found),
        cmocka_unit_test(what_has_come_from_the_asker_meanwhile_does_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
