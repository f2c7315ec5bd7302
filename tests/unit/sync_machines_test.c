/* The two machines of a comparison where memory runs out, where their index tells what was not asked, and where
 * an answer is malformed: each ends with a status that says so. */
#include "base/word.h"
#include "test_compare.h"

#include <stdio.h>
#include <string.h>

/* ---- Who is compared ---- */

/* Two that have nodes in common, and what else they have. */
typedef struct how {
    size_t common, ours, theirs; /* nodes */
    size_t newer;                /* of those in common, here and there in turn */
    bool lists, takes, dry, refuses;
    bool same; /* the asker does not know that they differ */
} how;

static const char *const refused[] = {"b/000001", "user/000011", "user/000030", "zoe", NULL};

static void newer(test_pair *pair, const how *h)
{
    for (size_t i = 0; i < h->newer; i++) {
        char uid[32];
        snprintf(uid, sizeof uid, "user/%06zu", (i + 1) * h->common / (h->newer + 1));
        test_peer_set(&pair->peers[i % 2], uid, 100000 + i / 3, (mt_sum){i + 1, i % 3});
        if (i % 5 == 0) test_peer_set(&pair->peers[1 - i % 2], uid, 100000, (mt_sum){77, i});
    }
}

static void begin(test_pair *pair, const how *h)
{
    test_pair_init(pair);
    for (size_t i = 0; i < 2; i++) test_peer_fill(&pair->peers[i], "user/", 0, h->common);
    test_peer_fill(&pair->peers[0], "a/", 0, h->ours);
    test_peer_fill(&pair->peers[1], "b/", 0, h->theirs);
    newer(pair, h);
    pair->codes = !h->lists;
    pair->gives = !h->takes;
    pair->dry = h->dry;
    pair->refused = h->refuses ? refused : NULL;
    pair->differs = !h->same;
}

static void end(test_pair *pair)
{
    test_pair_end(pair);
    test_pair_free(pair);
}

/* ---- Memory ---- */

/* Answers whether an allocation failed. */
static bool fail_at(const how *h, size_t at)
{
    fail_mem memory = {.fail_at = at};
    test_pair pair;
    mt_status st;

    begin(&pair, h);
    pair.mem = fail_mem_hook(&memory);
    st = test_pair_run(&pair);
    CHECK(st == (memory.tripped ? MT_NO_MEMORY : MT_OK));
    if (st == MT_OK && !h->takes && !h->dry && !h->refuses)
        CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
    end(&pair);
    CHECK(memory.live_bytes == 0);
    return memory.tripped;
}

TEST(each_allocation_of_two_machines_fails_once)
{
    static const how all[] = {
        {.common = 60, .ours = 2, .theirs = 2, .newer = 7},
        {.common = 60, .ours = 2, .theirs = 2, .newer = 7, .lists = true},
        {.common = 1500, .ours = 3, .theirs = 3, .newer = 15},
        {.common = 1500, .ours = 400, .theirs = 400, .newer = 15},
        {.common = 1500, .ours = 400, .theirs = 400, .newer = 15, .lists = true},
        {.common = 1500, .ours = 400, .theirs = 400, .newer = 600},
        {.common = 1500, .ours = 3, .theirs = 3, .newer = 15, .takes = true},
        {.common = 1500, .ours = 3, .theirs = 3, .newer = 15, .dry = true},
        {.common = 1500, .ours = 90, .theirs = 90, .newer = 15, .dry = true, .lists = true},
        {.common = 1500, .ours = 3, .theirs = 3, .newer = 15, .refuses = true},
        {.common = 1500, .ours = 3, .theirs = 3, .newer = 15, .refuses = true, .lists = true},
        {.common = 6000, .ours = 40, .theirs = 2500, .newer = 1500, .same = true},
        {.common = 6000, .ours = 40, .theirs = 2500, .newer = 9, .lists = true},
    };

    for (size_t i = 0; i < TEST_COUNT(all); i++) {
        size_t at = 0;
        while (fail_at(&all[i], at)) at++;
        CHECK(at > 20);
    }
}

/* ---- The index ---- */

typedef struct lie {
    bool asks;    /* of which of the two */
    size_t after; /* answers that are right */
    unsigned how; /* 0: it tells less; 1: of spans that there are not */
    size_t told;
} lie;

static void tell_others(test_pair *pair, bool asks, mt_storage_print *prints, size_t *count)
{
    lie *l = pair->ctx;

    if (asks != l->asks || l->told++ != l->after) return;
    if (l->how == 0) *count -= 1;
    else prints[*count - 1].span = UINT32_MAX;
}

/* Answers whether there was an answer to be spoilt. */
static bool index_lies(const how *h, bool asks, size_t after, unsigned kind)
{
    lie l = {.asks = asks, .after = after, .how = kind};
    test_pair pair;
    mt_status st;

    begin(&pair, h);
    pair.told = tell_others;
    pair.ctx = &l;
    st = test_pair_run(&pair);
    CHECK(st == MT_OK || st == MT_MALFORMED || st == MT_END);
    if (st == MT_MALFORMED) assert_string_equal(pair.error.text, "the index answers other parts");
    end(&pair);
    return l.told > after;
}

TEST(index_that_answers_other_parts_ends_a_comparison)
{
    static const how h = {.common = 20000, .ours = 40, .theirs = 2500, .newer = 300};

    for (unsigned i = 0; i < 8; i++) {
        how some = h;
        some.lists = i & 1;
        for (size_t after = 0; index_lies(&some, i & 2, after, i >> 2); after++) continue;
    }
}

TEST(index_that_answers_less_than_was_asked_is_not_believed)
{
    static const how h = {.common = 300, .newer = 3};
    lie l = {.asks = false};
    test_pair pair;

    begin(&pair, &h);
    pair.told = tell_others;
    pair.ctx = &l;
    CHECK(test_pair_run(&pair) == MT_MALFORMED);
    assert_string_equal(pair.error.text, "the index answers other parts");
    end(&pair);
}

/* ---- Answers ---- */

#define MISSING 0xEE

/* An ANSWER to the first question, word by word: what follows the bits of the parts. */
typedef struct answer {
    unsigned form;
    uint64_t numbers[3]; /* what is said of the form, as numbers, up to `count` */
    size_t count;
    bool differ;   /* all parts do, else none */
    uint8_t spare; /* bits, also of what is no part; MISSING: there are none */
    const char *text;
} answer;

static void say_answer(test_pair *pair, bool to_asker)
{
    const answer *says = pair->ctx;
    mti_say say;

    if (!to_asker || pair->message.data[1] != MTI_ANSWER) return;
    say = test_pair_say(pair, MTI_ANSWER);
    mti_say_number(&say, pair->asker.round);
    mti_say_byte(&say, says->form);
    for (size_t i = 0; i < pair->asker.parts.count; i++)
        pair->asker.parts.at[i].differs = says->differ;
    mti_say_differs(&say, &pair->asker.parts);
    if (says->form & MTI_ANSWER_EMPTY && says->spare != MISSING)
        for (size_t i = 0; i < pair->asker.parts.count; i += 8) mti_say_byte(&say, says->spare);
    for (size_t i = 0; i < says->count; i++) mti_say_number(&say, says->numbers[i]);
    CHECK(mti_say_end(&say) == MT_OK);
}

TEST(answer_that_cannot_be_meant_is_refused_with_a_reason)
{
    static const answer answers[] = {
        {4, {0}, 0, true, 0, "the form: not known"},
        {MTI_ANSWER_CELLS, {0}, 0, false, 0, "the form: there is nothing that it could be about"},
        {MTI_ANSWER_EQUAL, {0}, 0, true, 0, "the form: parts differ, and nothing follows"},
        {MTI_ANSWER_CELLS, {0}, 1, true, 0, "the number of cells: none that there can be"},
        {MTI_ANSWER_CELLS, {1u << 30}, 1, true, 0, "the number of cells: none that there can be"},
        {MTI_ANSWER_CELLS, {0}, 0, true, 0, "the number of cells: the message ends before it"},
        {MTI_ANSWER_CELLS, {64}, 1, true, 0, "the cells: the message ends within it"},
        {MTI_ANSWER_LISTS,
         {0},
         1,
         true,
         0,
         "the number of lists: none, or more than there are parts"},
        {MTI_ANSWER_LISTS,
         {9999},
         1,
         true,
         0,
         "the number of lists: none, or more than there are parts"},
        {MTI_ANSWER_LISTS, {0}, 0, true, 0, "the number of lists: the message ends before it"},
        {MTI_ANSWER_LISTS, {1, 5}, 2, true, 0, "the number of tags: more than there are"},
        {MTI_ANSWER_LISTS, {1}, 1, true, 0, "the number of tags: the message ends before it"},
        {MTI_ANSWER_EMPTY, {0}, 0, false, 1, "which parts are empty: one that does not differ"},
        {MTI_ANSWER_EMPTY, {0}, 0, true, 0xFF, "which parts are empty: more than there are"},
        {MTI_ANSWER_EMPTY,
         {0},
         0,
         true,
         MISSING,
         "which parts are empty: the message ends within it"},
        {MTI_ANSWER_EQUAL, {0}, 1, false, 0, "its end: bytes follow"},
    };

    for (size_t i = 0; i < TEST_COUNT(answers); i++) {
        static const how h = {.common = 3000, .newer = 3};
        test_pair pair;
        begin(&pair, &h);
        pair.hook = say_answer;
        pair.ctx = (void *)(uintptr_t)&answers[i];
        CHECK(test_pair_run(&pair) == MT_MALFORMED);
        if (!strstr(pair.error.text, answers[i].text))
            fail_msg("%zu: \"%s\", not \"%s\"", i, pair.error.text, answers[i].text);
        end(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_two_machines_fails_once),
        cmocka_unit_test(index_that_answers_other_parts_ends_a_comparison),
        cmocka_unit_test(index_that_answers_less_than_was_asked_is_not_believed),
        cmocka_unit_test(answer_that_cannot_be_meant_is_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
