#include "test_compare.h"

#include <stdio.h>
#include <string.h>

/* ---- Peers ---- */

void test_peer_init(test_peer *peer)
{
    memset(peer, 0, sizeof *peer);
    mti_index_init(&peer->index, test_mem());
    mti_changes_init(&peer->changes, test_mem());
}

void test_peer_free(test_peer *peer)
{
    mti_index_free(&peer->index);
    mti_changes_free(&peer->changes);
}

static void take_in(test_peer *peer)
{
    if (peer->changes.count == 0) return;
    CHECK(mti_changes_sort(&peer->changes) == MT_OK);
    CHECK(mti_index_apply(&peer->index, &peer->changes, NULL) == MT_OK);
    mti_changes_clear(&peer->changes);
}

static void put(test_peer *peer, mt_bytes uid, const mti_print *print)
{
    CHECK(mti_changes_add(&peer->changes, MTI_CHANGE_SET, uid, print) == MT_OK);
}

void test_peer_set(test_peer *peer, const char *uid, uint64_t state, mt_sum living)
{
    mti_print print = {.living = living, .state_max = state};

    put(peer, mt_str(uid), &print);
}

void test_peer_remove(test_peer *peer, const char *uid)
{
    CHECK(mti_changes_add(&peer->changes, MTI_CHANGE_REMOVE, mt_str(uid), NULL) == MT_OK);
}

void test_peer_fill(test_peer *peer, const char *prefix, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        char uid[64];
        mt_sum sum = {(i + 1) * UINT64_C(0x9E3779B97F4A7C15),
                      (i + 1) * UINT64_C(0xD6E8FEB86659FD93)};
        snprintf(uid, sizeof uid, "%s%06zu", prefix, i);
        test_peer_set(peer, uid, 1000 + i, sum);
    }
    take_in(peer);
}

/* Fills `out` with the item of a uid, as it was when changes were last taken in. */
static bool find(const test_peer *peer, mt_bytes uid, mti_print *out)
{
    mti_leaf_iter iter;
    mti_element element;

    if (peer->index.count == 0) return false;
    mti_leaf_iter_init(&iter,
                       mti_leaf_bytes(&peer->index.leaves[mti_index_leaf_of(&peer->index, uid)]));
    while (mti_leaf_iter_next(&iter, &element)) {
        if (!mt_bytes_equal(element.key, uid)) continue;
        *out = element.print;
        return true;
    }
    return false;
}

bool test_peer_get(test_peer *peer, const char *uid, mti_print *out)
{
    take_in(peer);
    return find(peer, mt_str(uid), out);
}

bool test_peers_equal(test_peer *a, test_peer *b)
{
    take_in(a);
    take_in(b);
    return mti_sum_equal(&a->index.all.living, &b->index.all.living) &&
           mti_sum_equal(&a->index.all.deleted, &b->index.all.deleted) &&
           a->index.all.nodes == b->index.all.nodes;
}

static bool is_greater(const mti_print *a, const mti_print *b)
{
    if (a->state_max != b->state_max) return a->state_max > b->state_max;
    if (a->living.lo != b->living.lo) return a->living.lo > b->living.lo;
    return a->living.hi > b->living.hi;
}

static void send_all(const mti_sends *sends, test_peer *from, test_peer *to)
{
    take_in(from);
    take_in(to);
    for (size_t i = 0; i < sends->count; i++) {
        mt_bytes uid = mti_send_uid(sends, &sends->at[i]);
        mti_print ours, theirs;
        if (!find(from, uid, &ours)) continue;
        if (ours.state_max <= sends->at[i].since) continue;
        if (!find(to, uid, &theirs) || is_greater(&ours, &theirs)) put(to, uid, &ours);
    }
}

/* ---- Pairs ---- */

void test_pair_init(test_pair *pair)
{
    memset(pair, 0, sizeof *pair);
    test_peer_init(&pair->peers[0]);
    test_peer_init(&pair->peers[1]);
    pair->codes = pair->gives = pair->differs = true;
    pair->mem = test_mem();
    pair->messages_max = 100000;
    pair->message.mem = test_mem();
}

void test_pair_free(test_pair *pair)
{
    test_peer_free(&pair->peers[0]);
    test_peer_free(&pair->peers[1]);
    mt_buf_free(&pair->message);
}

static mt_status give_prints(test_pair *pair, bool asks)
{
    test_peer *peer = &pair->peers[!asks];
    mt_storage_span *spans = asks ? pair->asker.spans : pair->answerer.spans;
    size_t count = asks ? pair->asker.span_count : pair->answerer.span_count, print_count, told;
    mt_storage_print *prints;
    mt_status st;

    take_in(peer);
    CHECK(mti_spans_valid(spans, count));
    CHECK(mti_prints_make(&peer->index, spans, count, &prints, &print_count) == MT_OK);
    peer->looked += print_count;
    told = print_count;
    if (pair->told) pair->told(pair, asks, prints, &told);
    st = asks ? mti_asker_prints(&pair->asker, prints, told)
              : mti_answerer_prints(&pair->answerer, prints, told);
    mti_mem_free(test_mem(), prints, print_count * sizeof *prints);
    return st;
}

static mt_status give_items(test_pair *pair, bool asks)
{
    test_peer *peer = &pair->peers[!asks];
    mti_item_walk walk = {.index = &peer->index,
                          .spans = asks ? pair->asker.spans : pair->answerer.spans,
                          .span_count = asks ? pair->asker.span_count : pair->answerer.span_count};
    static mti_items items;
    mt_status st = MT_OK;

    take_in(peer);
    CHECK(mti_spans_valid(walk.spans, walk.span_count));
    while (st == MT_OK && mti_items_next(&walk, &items)) {
        peer->looked += items.count;
        st = asks ? mti_asker_items(&pair->asker, items.at, items.count)
                  : mti_answerer_items(&pair->answerer, items.at, items.count);
    }
    if (st != MT_OK) return st;
    return asks ? mti_asker_items_end(&pair->asker) : mti_answerer_items_end(&pair->answerer);
}

mti_say test_pair_say(test_pair *pair, mti_message_type type)
{
    mti_say say = mti_say_begin(&pair->message, type);

    mti_say_number(&say, 7);
    return say;
}

static mt_status take(test_pair *pair, bool to_asker)
{
    unsigned type;
    mti_parse in;

    if (mti_parse_head(mt_buf_bytes(&pair->message), &type, &in, &pair->error) != MT_OK)
        return pair->error.status;
    (void)mti_parse_number(&in, "the subscription");
    if (in.failed) return pair->error.status;
    if (to_asker && type == MTI_ANSWER) return mti_asker_answer(&pair->asker, &in);
    if (to_asker) return mti_asker_lack(&pair->asker, &in);
    if (type == MTI_ASK) return mti_answerer_ask(&pair->answerer, &in);
    return mti_answerer_want(&pair->answerer, &in);
}

static mt_status hand_over(test_pair *pair, bool to_asker)
{
    mti_message_type due =
        to_asker ? mti_answerer_due(&pair->answerer) : mti_asker_due(&pair->asker);
    mti_say say = mti_say_begin(&pair->message, due);

    if (to_asker) mti_answerer_say(&pair->answerer, &say);
    else mti_asker_say(&pair->asker, &say);
    CHECK(mti_say_end(&say) == MT_OK);
    if (pair->messages++ == pair->messages_max) return MT_END;
    if (pair->hook) pair->hook(pair, to_asker);
    return take(pair, to_asker);
}

static mt_status step(test_pair *pair, bool asks)
{
    switch (asks ? pair->asker.need : pair->answerer.need) {
    case MTI_NEED_NOTHING: break;
    case MTI_NEED_PRINTS: return give_prints(pair, asks);
    case MTI_NEED_ITEMS: return give_items(pair, asks);
    case MTI_NEED_SAY: return hand_over(pair, !asks);
    case MTI_NEED_SEND:
        send_all(asks ? &pair->asker.sends : &pair->answerer.sends, &pair->peers[!asks],
                 &pair->peers[asks]);
        return asks ? mti_asker_sent(&pair->asker) : mti_answerer_sent(&pair->answerer, 1);
    }
    return MT_OK;
}

static bool is_stuck(const test_pair *pair)
{
    return pair->asker.need == MTI_NEED_NOTHING && pair->answerer.need == MTI_NEED_NOTHING;
}

mt_status test_pair_run(test_pair *pair)
{
    mti_comparison about = {.mem = pair->mem,
                            .asker = 11,
                            .answerer = 13,
                            .subscription = 7,
                            .first = pair->first,
                            .end = pair->end,
                            .codes = pair->codes};
    mt_status st = MT_OK;

    mti_asker_init(&pair->asker, &about);
    mti_answerer_init(&pair->answerer, &about);
    pair->asker.gives = pair->gives;
    pair->asker.dry = pair->dry;
    pair->messages = 0;
    pair->error.status = MT_OK;
    for (size_t i = 0; st == MT_OK && pair->refused && pair->refused[i]; i++)
        st = mti_asker_refuse(&pair->asker, mt_str(pair->refused[i]));
    if (st == MT_OK) st = mti_asker_begin(&pair->asker, pair->differs);
    while (st == MT_OK && pair->asker.stage != ASKER_DONE) {
        if ((st = step(pair, false)) == MT_OK) st = step(pair, true);
        if (st == MT_OK && pair->asker.stage != ASKER_DONE && is_stuck(pair)) st = MT_END;
    }
    if (pair->asker.error.status != MT_OK) pair->error = pair->asker.error;
    if (pair->answerer.error.status != MT_OK) pair->error = pair->answerer.error;
    return st;
}

void test_pair_end(test_pair *pair)
{
    mti_asker_free(&pair->asker);
    mti_answerer_free(&pair->answerer);
}
