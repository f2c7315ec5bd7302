/* compare_test.c - two graphs that are compared end as their merge, whatever differs, and whoever asks.
 *
 * Each side has nodes of a few fields and an index over them. The machines are driven by hand: what they
 * need is looked up, what they say is handed over as bytes, and what they send is merged at the other side.
 * The oracle is the merge of all nodes of both. */
#include "store/index_query.h"
#include "sync/answerer.h"
#include "sync/asker.h"
#include "test_law.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 3

typedef struct node {
    mt_bytes uid;
    struct {
        uint64_t state; /* 0: no such field */
        uint64_t value;
    } fields[FIELDS];
} node;

typedef struct side {
    node *at; /* in uid order */
    size_t count, room;
    mti_index index;
    mti_changes changes;
    uint64_t looked;     /* items */
    const bool *refuses; /* by the number of the uid; NULL: nothing */
} side;

typedef struct world {
    test_case *c;
    side sides[2]; /* the asker, the answerer */
    mt_bytes *uids;
    bool *refuses;
    size_t uid_count;
    mti_asker asker;
    mti_answerer answerer;
    bool codes, gives;
    size_t messages, bytes;
    mt_buf message;
} world;

/* ---- Sides ---- */

static size_t place(const side *s, mt_bytes uid)
{
    size_t first = 0, count = s->count;

    while (count > 0) {
        size_t half = count / 2;
        if (mt_bytes_compare(s->at[first + half].uid, uid) < 0) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

static node *get(side *s, mt_bytes uid)
{
    size_t at = place(s, uid);

    return at < s->count && mt_bytes_equal(s->at[at].uid, uid) ? &s->at[at] : NULL;
}

static mti_print print_of(const node *n)
{
    mti_print print = {.state_max = 0};

    for (uint64_t i = 0; i < FIELDS; i++) {
        uint64_t state = n->fields[i].state;
        mti_siphash hash;
        mti_sip128 sum;
        mt_sum one;
        if (state == 0) continue;
        mti_siphash_init(&hash, &mti_space_key);
        mti_siphash_word(&hash, state);
        mti_siphash_word(&hash, i << 32 | n->fields[i].value);
        sum = mti_siphash_end(hash, n->uid, (mt_bytes){NULL, 0});
        one = (mt_sum){sum.lo, sum.hi};
        /* The value 0 is a delete marker. */
        mti_sum_add(n->fields[i].value ? &print.living : &print.deleted, &one);
        if (state > print.state_max) print.state_max = state;
    }
    return print;
}

static void note(side *s, const node *n)
{
    mti_print print = print_of(n);

    HOLDS(mti_changes_add(&s->changes, MTI_CHANGE_SET, n->uid, &print) == MT_OK);
}

/* Merges the fields of a node that are above a state. */
static void merge(world *w, side *s, const node *from, uint64_t since)
{
    node *to = get(s, from->uid);
    bool changed = false;

    if (!to) {
        size_t at = place(s, from->uid);
        s->at = test_room(&w->c->arena, s->at, s->count, &s->room, sizeof *s->at);
        memmove(&s->at[at + 1], &s->at[at], (s->count++ - at) * sizeof *s->at);
        to = &s->at[at];
        *to = (node){.uid = from->uid};
    }
    for (size_t i = 0; i < FIELDS; i++) {
        uint64_t state = from->fields[i].state, value = from->fields[i].value;
        if (state <= since || state < to->fields[i].state) continue;
        if (state == to->fields[i].state && value <= to->fields[i].value) continue;
        to->fields[i].state = state;
        to->fields[i].value = value;
        changed = true;
    }
    if (changed) note(s, to);
}

static void take_in(side *s)
{
    HOLDS(mti_changes_sort(&s->changes) == MT_OK);
    HOLDS(mti_index_apply(&s->index, &s->changes, NULL) == MT_OK);
    mti_changes_clear(&s->changes);
}

static void side_init(side *s)
{
    mti_index_init(&s->index, test_mem());
    mti_changes_init(&s->changes, test_mem());
}

static void side_free(side *s)
{
    mti_index_free(&s->index);
    mti_changes_free(&s->changes);
}

/* ---- Driving ---- */

static void give_prints(world *w, side *s, bool asks)
{
    mt_storage_span *spans = asks ? w->asker.spans : w->answerer.spans;
    size_t count = asks ? w->asker.span_count : w->answerer.span_count, print_count;
    mt_storage_print *prints;
    mt_status st;

    take_in(s);
    HOLDS(mti_spans_valid(spans, count));
    HOLDS(mti_prints_make(&s->index, spans, count, &prints, &print_count) == MT_OK);
    st = asks ? mti_asker_prints(&w->asker, prints, print_count)
              : mti_answerer_prints(&w->answerer, prints, print_count);
    HOLDS(st == MT_OK);
    mti_mem_free(test_mem(), prints, print_count * sizeof *prints);
}

static void give_items(world *w, side *s, bool asks)
{
    mti_item_walk walk = {.index = &s->index,
                          .spans = asks ? w->asker.spans : w->answerer.spans,
                          .span_count = asks ? w->asker.span_count : w->answerer.span_count};
    static mti_items items;
    mt_status st;

    take_in(s);
    while (mti_items_next(&walk, &items)) {
        s->looked += items.count;
        st = asks ? mti_asker_items(&w->asker, items.at, items.count)
                  : mti_answerer_items(&w->answerer, items.at, items.count);
        HOLDS(st == MT_OK);
    }
    st = asks ? mti_asker_items_end(&w->asker) : mti_answerer_items_end(&w->answerer);
    HOLDS(st == MT_OK);
}

static size_t number_of(const world *w, mt_bytes uid)
{
    size_t first = 0, count = w->uid_count;

    while (count > 0) {
        size_t half = count / 2;
        if (mt_bytes_compare(w->uids[first + half], uid) < 0) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

static void send_all(world *w, const mti_sends *sends, side *from, side *to)
{
    for (size_t i = 0; i < sends->count; i++) {
        node *n = get(from, mti_send_uid(sends, &sends->at[i]));
        HOLDS(n != NULL);
        w->bytes += 20;
        if (to->refuses && to->refuses[number_of(w, n->uid)]) continue;
        merge(w, to, n, sends->at[i].since);
    }
}

static mti_parse begin_parse(world *w, unsigned *type, mt_error *err)
{
    mti_parse in;

    HOLDS(mti_parse_head(mt_buf_bytes(&w->message), type, &in, err) == MT_OK);
    HOLDS(mti_parse_number(&in, "the subscription") == 7);
    return in;
}

static void hand_to_answerer(world *w)
{
    mti_say say = mti_say_begin(&w->message, mti_asker_due(&w->asker));
    unsigned type;
    mt_error err;
    mti_parse in;
    mt_status st;

    mti_asker_say(&w->asker, &say);
    HOLDS(mti_say_end(&say) == MT_OK);
    w->messages++;
    w->bytes += w->message.len;
    in = begin_parse(w, &type, &err);
    st = type == MTI_ASK ? mti_answerer_ask(&w->answerer, &in)
                         : mti_answerer_want(&w->answerer, &in);
    if (st != MT_OK) print_error("%s\n", w->answerer.error.text);
    HOLDS(st == MT_OK);
}

static void hand_to_asker(world *w)
{
    mti_say say = mti_say_begin(&w->message, mti_answerer_due(&w->answerer));
    unsigned type;
    mt_error err;
    mti_parse in;
    mt_status st;

    mti_answerer_say(&w->answerer, &say);
    HOLDS(mti_say_end(&say) == MT_OK);
    w->bytes += w->message.len;
    in = begin_parse(w, &type, &err);
    st = type == MTI_ANSWER ? mti_asker_answer(&w->asker, &in) : mti_asker_lack(&w->asker, &in);
    if (st != MT_OK) print_error("%s\n", w->asker.error.text);
    HOLDS(st == MT_OK);
}

/* Lets the asker, or the answerer, do the next thing. */
static void step_asker(world *w)
{
    side *own = &w->sides[0];

    switch (w->asker.need) {
    case MTI_NEED_NOTHING: break;
    case MTI_NEED_PRINTS: give_prints(w, own, true); break;
    case MTI_NEED_ITEMS: give_items(w, own, true); break;
    case MTI_NEED_SAY: hand_to_answerer(w); break;
    case MTI_NEED_SEND:
        send_all(w, &w->asker.sends, own, &w->sides[1]);
        HOLDS(mti_asker_sent(&w->asker) == MT_OK);
        break;
    }
}

static void step_answerer(world *w)
{
    side *own = &w->sides[1];

    switch (w->answerer.need) {
    case MTI_NEED_NOTHING: break;
    case MTI_NEED_PRINTS: give_prints(w, own, false); break;
    case MTI_NEED_ITEMS: give_items(w, own, false); break;
    case MTI_NEED_SAY: hand_to_asker(w); break;
    case MTI_NEED_SEND:
        send_all(w, &w->answerer.sends, own, &w->sides[0]);
        HOLDS(mti_answerer_sent(&w->answerer, w->answerer.sends.count) == MT_OK);
        break;
    }
}

static mti_comparison comparison(world *w, mt_bytes first, mt_bytes end)
{
    return (mti_comparison){.mem = test_mem(),
                            .asker = test_rng_next(&w->c->rng) | 1,
                            .answerer = test_rng_next(&w->c->rng) | 1,
                            .subscription = 7,
                            .first = first,
                            .end = end,
                            .codes = w->codes};
}

static void copy_all(world *w)
{
    for (size_t side_at = 0; side_at < 2; side_at++) {
        side *from = &w->sides[side_at], *to = &w->sides[1 - side_at];
        for (size_t i = 0; i < from->count; i++) merge(w, to, &from->at[i], 0);
    }
}

/* `meanwhile` may change a side between two steps. */
static void compare(world *w, mt_bytes first, mt_bytes end, bool differs,
                    void (*meanwhile)(world *w))
{
    mti_comparison about = comparison(w, first, end);

    mti_asker_init(&w->asker, &about);
    mti_answerer_init(&w->answerer, &about);
    w->asker.gives = w->gives;
    for (size_t i = 0; i < w->uid_count; i++)
        if (w->sides[0].refuses && w->sides[0].refuses[i])
            HOLDS(mti_asker_refuse(&w->asker, w->uids[i]) == MT_OK);
    w->message = (mt_buf){.mem = test_mem()};
    HOLDS(mti_asker_begin(&w->asker, differs) == MT_OK);
    for (size_t steps = 0; w->asker.stage != ASKER_DONE; steps++) {
        HOLDS(steps < 100000);
        step_answerer(w);
        step_asker(w);
        if (meanwhile) meanwhile(w);
    }
    if (w->asker.result.copy) copy_all(w);
    mti_answerer_free(&w->answerer);
    mt_buf_free(&w->message);
}

static void compared(world *w)
{
    mti_asker_free(&w->asker);
}

/* ---- Worlds ---- */

static int by_bytes(const void *a, const void *b)
{
    return mt_bytes_compare(*(const mt_bytes *)a, *(const mt_bytes *)b);
}

static void make_uids(world *w, size_t count)
{
    unsigned style = (unsigned)test_below(w->c, 5);
    size_t kept = 0;

    w->uids = test_take(&w->c->arena, count * sizeof *w->uids + 1);
    for (size_t i = 0; i < count; i++) {
        char text[96];
        uint64_t r = test_rng_next(&w->c->rng);
        int len;
        switch (style) {
        case 0: len = sprintf(text, "user/%06zu", i); break;
        case 1:
            len = sprintf(text, "%08x-%04x-4%03x", (unsigned)r, (unsigned)(r >> 32 & 0xFFFF),
                          (unsigned)(r >> 48 & 0xFFF));
            break;
        case 2:
            len = sprintf(text, "%.*s/%zu", (int)(r % 40),
                          "a/long/prefix/that/many/of/them/share/so", i);
            break;
        case 3: /* what tells them apart comes early, or late */
            memset(text, 'a' + (int)(i / 7 % 20), 40);
            len = (int)(r % 2 * 40) + sprintf(text + r % 2 * 40, "%06zu", i * 31 % count);
            break;
        default: len = sprintf(text, "%c%zu", (char)('a' + r % 3), i * (size_t)(r % 5 + 1)); break;
        }
        w->uids[i] = test_copy(&w->c->arena, (mt_bytes){(const uint8_t *)text, (size_t)len});
    }
    qsort(w->uids, count, sizeof *w->uids, by_bytes);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !mt_bytes_equal(w->uids[kept - 1], w->uids[i]))
            w->uids[kept++] = w->uids[i];
    w->uid_count = kept;
}

static void set(world *w, side *s, mt_bytes uid, size_t field, uint64_t state, uint64_t value)
{
    node n = {.uid = uid};

    n.fields[field].state = state;
    n.fields[field].value = value;
    merge(w, s, &n, 0);
}

/* The nodes that differ: everywhere, or in a few places. */
static bool is_hit(world *w, size_t i, size_t share, unsigned pattern, size_t hot)
{
    switch (pattern) {
    case 0: return test_below(w->c, 1000) < share;
    case 1: return i >= hot && i < hot + w->uid_count * share / 1000;
    default: return i % 97 < share * 97 / 1000 && test_once_in(w->c, 2);
    }
}

/* Some hundreds, now and then some thousands, and once in a while more. */
static size_t draw_count(test_case *c, size_t most)
{
    if (test_once_in(c, 150)) return 1 + test_below(c, 5 * most);
    return 1 + test_below(c, test_once_in(c, 3) ? most : 200);
}

/* On which sides a node is, that is hit or not: bit 0 the asker's, 1 the answerer's. */
static unsigned sides_of(world *w, size_t i, bool hit, unsigned only, size_t run, size_t run_end)
{
    unsigned on = only < 3 ? 3 : 1 + (unsigned)test_below(w->c, 2);

    if (i >= run && i < run_end) return 1 + (unsigned)(run % 2);
    if (!hit) return 3;
    return test_once_in(w->c, 2) ? 1 + (unsigned)test_below(w->c, 2) : on;
}

static world *world_new(test_case *c, size_t most)
{
    world *w = test_take(&c->arena, sizeof *w);
    size_t count = draw_count(c, most), run = 0, run_end = 0;
    static const size_t shares[] = {0, 1, 3, 10, 50, 200, 700, 1000};
    size_t share = shares[test_below(c, 8)], hot;
    unsigned pattern = (unsigned)test_below(c, 3), only = (unsigned)test_below(c, 4);

    w->c = c;
    w->codes = !test_once_in(c, 3);
    w->gives = true;
    side_init(&w->sides[0]);
    side_init(&w->sides[1]);
    make_uids(w, count);
    hot = test_below(c, w->uid_count);
    if (test_once_in(c, 3)) { /* of some neighbours one side has none */
        run = test_below(c, w->uid_count);
        run_end = run + test_below(c, w->uid_count / 2 + 1);
    }
    for (size_t i = 0; i < w->uid_count; i++) {
        bool hit = is_hit(w, i, share, pattern, hot);
        unsigned on = sides_of(w, i, hit, only, run, run_end);
        for (unsigned k = 0; k < 2; k++) {
            if (only == k || !(on >> k & 1)) continue; /* one side may have nothing at all */
            for (size_t f = 0; f < FIELDS; f++)
                set(w, &w->sides[k], w->uids[i], f, 1 + i % 50, 1 + i % 7);
            if (hit && test_once_in(c, 2))
                set(w, &w->sides[k], w->uids[i], test_below(c, FIELDS), 40 + test_below(c, 40),
                    test_below(c, 3));
        }
    }
    return w;
}

static void world_free(world *w)
{
    side_free(&w->sides[0]);
    side_free(&w->sides[1]);
}

static bool nodes_equal(const node *a, const node *b)
{
    return mt_bytes_equal(a->uid, b->uid) && memcmp(a->fields, b->fields, sizeof a->fields) == 0;
}

/* The merge of both, as it is now. */
static side merged(world *w)
{
    side all = {.at = NULL};

    side_init(&all);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < w->sides[k].count; i++) merge(w, &all, &w->sides[k].at[i], 0);
    return all;
}

static bool holds_all(const side *s, const side *all)
{
    bool equal = s->count == all->count;

    for (size_t i = 0; i < s->count && equal; i++) equal = nodes_equal(&s->at[i], &all->at[i]);
    return equal;
}

/* ---- Laws ---- */

static void compared_are_equal(test_case *c)
{
    world *w = world_new(c, 20000);
    mt_bytes none = {NULL, 0};
    side all = merged(w);

    compare(w, none, none, test_once_in(c, 2), NULL);
    HOLDS(holds_all(&w->sides[0], &all));
    HOLDS(holds_all(&w->sides[1], &all));
    HOLDS(w->asker.result.equal || w->asker.result.copy);
    compared(w);
    /* And then they are found to be, with one question. */
    w->messages = 0;
    compare(w, none, none, false, NULL);
    HOLDS(w->asker.result.equal && w->messages == 1);
    compared(w);
    side_free(&all);
    world_free(w);
}

TEST(compared_are_equal_for_all)
{
    test_law(2000, compared_are_equal);
}

/* Of a range nothing outside it goes over. */
static void only_the_range_goes_over(test_case *c)
{
    world *w = world_new(c, 5000);
    mt_bytes first = w->uids[test_below(c, w->uid_count)];
    mt_bytes end = w->uids[test_below(c, w->uid_count)];
    side all = merged(w), before[2];

    if (mt_bytes_compare(first, end) >= 0) end.len = 0;
    for (size_t k = 0; k < 2; k++) {
        before[k] = w->sides[k];
        before[k].at = test_take(&c->arena, w->sides[k].count * sizeof(node) + 1);
        if (w->sides[k].count)
            memcpy(before[k].at, w->sides[k].at, w->sides[k].count * sizeof(node));
    }
    compare(w, first, end, true, NULL);
    if (!w->asker.result.copy) {
        for (size_t i = 0; i < w->uid_count; i++) {
            mt_bytes uid = w->uids[i];
            bool within = mt_bytes_compare(uid, first) >= 0 &&
                          (end.len == 0 || mt_bytes_compare(uid, end) < 0);
            for (size_t k = 0; k < 2; k++) {
                node *is = get(&w->sides[k], uid), *was = get(within ? &all : &before[k], uid);
                HOLDS(!is == !was);
                if (is) HOLDS(nodes_equal(is, was));
            }
        }
    }
    compared(w);
    side_free(&all);
    world_free(w);
}

TEST(only_the_range_goes_over_for_all)
{
    test_law(1000, only_the_range_goes_over);
}

/* Where one side only asks, it comes to hold all; the other stays as it is. */
static void who_only_takes_comes_to_hold_all(test_case *c)
{
    world *w = world_new(c, 5000);
    mt_bytes none = {NULL, 0};
    side all = merged(w);
    size_t count = w->sides[1].count;

    w->gives = false;
    compare(w, none, none, test_once_in(c, 2), NULL);
    if (!w->asker.result.copy) HOLDS(w->sides[1].count == count);
    HOLDS(holds_all(&w->sides[0], &all));
    compared(w);
    side_free(&all);
    world_free(w);
}

TEST(who_only_takes_comes_to_hold_all_for_all)
{
    test_law(1000, who_only_takes_comes_to_hold_all);
}

/* What is refused does not keep a comparison going, nor the rest back. */
static void refused_nodes_end_it(test_case *c)
{
    world *w = world_new(c, 3000);
    mt_bytes none = {NULL, 0};
    side all = merged(w);
    bool *refuses = test_take(&c->arena, w->uid_count);
    unsigned who = 1 + (unsigned)test_below(c, 3);

    for (size_t i = 0; i < w->uid_count; i++) refuses[i] = test_once_in(c, 30);
    for (size_t k = 0; k < 2; k++) w->sides[k].refuses = who >> k & 1 ? refuses : NULL;
    compare(w, none, none, test_once_in(c, 2), NULL);
    for (size_t i = 0; i < all.count; i++) {
        bool refused = refuses[number_of(w, all.at[i].uid)];
        if (w->asker.result.copy) continue;
        for (size_t k = 0; k < 2; k++) {
            if (refused && w->sides[k].refuses) continue;
            node *n = get(&w->sides[k], all.at[i].uid);
            HOLDS(n && nodes_equal(n, &all.at[i]));
        }
    }
    HOLDS(w->asker.result.passes < MTI_COMPARE_PASSES_MAX);
    compared(w);
    side_free(&all);
    world_free(w);
}

TEST(refused_nodes_end_it_for_all)
{
    test_law(1000, refused_nodes_end_it);
}

/* What is written meanwhile goes by the feed, not here: so it may be missing at the other side. What was
 * there before goes over all the same. */
static void write_now_and_then(world *w)
{
    if (!test_once_in(w->c, 4)) return;
    set(w, &w->sides[test_below(w->c, 2)], w->uids[test_below(w->c, w->uid_count)],
        test_below(w->c, FIELDS), 100 + test_below(w->c, 50), 1 + test_below(w->c, 9));
}

static void writes_meanwhile_do_no_harm(test_case *c)
{
    world *w = world_new(c, 5000);
    mt_bytes none = {NULL, 0};
    side all = merged(w);

    compare(w, none, none, test_once_in(c, 2), write_now_and_then);
    for (size_t i = 0; i < all.count; i++) {
        for (size_t k = 0; k < 2; k++) {
            node *n = get(&w->sides[k], all.at[i].uid);
            HOLDS(n != NULL);
            for (size_t f = 0; f < FIELDS; f++)
                HOLDS(n->fields[f].state >= all.at[i].fields[f].state);
        }
    }
    compared(w);
    side_free(&all);
    world_free(w);
}

TEST(writes_meanwhile_do_no_harm_for_all)
{
    test_law(1000, writes_meanwhile_do_no_harm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compared_are_equal_for_all),
        cmocka_unit_test(only_the_range_goes_over_for_all),
        cmocka_unit_test(who_only_takes_comes_to_hold_all_for_all),
        cmocka_unit_test(refused_nodes_end_it_for_all),
        cmocka_unit_test(writes_meanwhile_do_no_harm_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
