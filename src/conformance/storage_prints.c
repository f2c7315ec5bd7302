/* storage_prints.c - fingerprints and items, beside those of the graph that was written. */
#include "conformance/storage_checks.h"

#include <string.h>

/* How often a storage may say that it is not ready. */
#define AGAIN_MAX 100000
#define SERIES 60

/* ---- Of the graph ---- */

static void sum_add(mt_sum *sum, const mt_sum *other)
{
    sum->lo += other->lo;
    sum->hi += other->hi + (sum->lo < other->lo);
}

static bool sum_equal(const mt_sum *a, const mt_sum *b)
{
    return a->lo == b->lo && a->hi == b->hi;
}

/* A field by itself is a row of which others follow. */
static mt_storage_item item_of(const mt_node *node)
{
    mt_storage_item item = {.uid = mt_node_uid(node)};
    mt_row row = {.uid = item.uid, .floor = mt_node_floor(node)};
    mt_field_iter iter;
    mt_field field;

    mt_storage_item_add(&item, &row, true);
    row.fields = &field;
    row.count = 1;
    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &field)) mt_storage_item_add(&item, &row, false);
    return item;
}

static bool is_in(mt_bytes uid, mt_bytes first, mt_bytes end)
{
    return mt_bytes_compare(uid, first) >= 0 && (end.len == 0 || mt_bytes_compare(uid, end) < 0);
}

/* ---- Beside it ---- */

/* What is asked for, and how far it has come. */
typedef struct sums {
    mti_storage_caller *c;
    const mt_storage_span *spans;
    size_t count;
    size_t items; /* that came */
    bool again;
} sums;

static void check_print(mti_storage_caller *c, const mt_storage_print *print, mt_bytes end)
{
    const mt_bytes all = {NULL, 0};
    mt_storage_print sum = {.count = 0};
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, c->graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_storage_item item;

        if (!is_in(mt_node_uid(node), print->first, end)) continue;
        item = item_of(node);
        sum_add(&sum.living, &item.living);
        sum_add(&sum.deleted, &item.deleted);
        sum.count++;
    }
    if (sum.count != print->count)
        mti_trial_violate(c->trial, "from %s on %llu nodes are counted, not %llu",
                          mti_show(print->first).text, (unsigned long long)print->count,
                          (unsigned long long)sum.count);
    else if (!sum_equal(&sum.living, &print->living))
        mti_trial_violate(c->trial, "from %s on the living fields come to another sum",
                          mti_show(print->first).text);
    else if (!sum_equal(&sum.deleted, &print->deleted))
        mti_trial_violate(c->trial, "from %s on what is deleted comes to another sum",
                          mti_show(print->first).text);
}

static void take_prints(void *arg, const mt_storage_answer *answer)
{
    sums *s = arg;

    for (size_t i = 0; i < answer->print_count && !s->c->trial->broken; i++) {
        const mt_storage_print *print = &answer->prints[i], *next = print + 1;
        bool last = i + 1 == answer->print_count || next->span != print->span;

        check_print(s->c, print, last ? s->spans[print->span].end : next->first);
    }
}

static void take_items(void *arg, const mt_storage_answer *answer)
{
    sums *s = arg;

    for (size_t i = 0; i < answer->item_count && !s->c->trial->broken; i++) {
        const mt_storage_item *item = &answer->items[i];
        const mt_node *node = mt_graph_get(s->c->graph, item->uid);
        mt_storage_item expected;
        bool within = false;

        for (size_t k = 0; k < s->count; k++)
            within |= is_in(item->uid, s->spans[k].first, s->spans[k].end);
        s->items++;
        if (!within || !node) {
            mti_trial_violate(s->c->trial, "there is an item %s", mti_show(item->uid).text);
            return;
        }
        expected = item_of(node);
        if (!sum_equal(&expected.living, &item->living) ||
            !sum_equal(&expected.deleted, &item->deleted) || expected.state_max != item->state_max)
            mti_trial_violate(s->c->trial, "the item %s is not of its node",
                              mti_show(item->uid).text);
    }
}

static void hear_sums(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    sums *s = arg;

    s->again = answer->status == MT_AGAIN;
    if (s->again && !answer->text) mti_trial_violate(s->c->trial, "MT_AGAIN comes without a text");
    if (!s->again) mti_storage_need_ok(s->c, request, answer);
}

/* Asks until the storage is ready. */
static void ask(sums *s, mti_storage_kind kind)
{
    size_t times = 0;

    do {
        s->items = 0;
        s->again = false;
        mti_storage_spans(s->c, kind, s->spans, s->count, 0,
                          kind == MTI_STORAGE_ITEMS ? take_items : take_prints, hear_sums, s);
        mti_storage_await(s->c);
    } while (s->again && !s->c->trial->broken && times++ < AGAIN_MAX);
    if (s->again) mti_trial_violate(s->c->trial, "it is never ready to add up");
}

void mti_storage_expect_prints(mti_storage_caller *c, const mt_storage_span *spans, size_t count)
{
    const mt_bytes all = {NULL, 0};
    sums s = {.c = c, .spans = spans, .count = count};
    size_t expected = 0;
    const mt_node *node;
    mt_graph_iter iter;

    if (!c->ops.fingerprint || c->trial->broken) return;
    ask(&s, MTI_STORAGE_FINGERPRINT);
    if (c->trial->broken) return;
    ask(&s, MTI_STORAGE_ITEMS);
    mt_graph_iter_init(&iter, c->graph, all, all);
    while ((node = mt_graph_iter_next(&iter)))
        for (size_t i = 0; i < count; i++)
            expected += is_in(mt_node_uid(node), spans[i].first, spans[i].end);
    if (!c->trial->broken && s.items != expected)
        mti_trial_violate(c->trial, "there are %zu items, not %zu", s.items, expected);
}

/* ---- Checks ---- */

/* Takes a node out of the graph. */
static void forget(mti_storage_caller *c, mt_bytes uid)
{
    const mt_bytes all = {NULL, 0};
    mt_graph *rest = mti_storage_graph(c);
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, c->graph, all, all);
    while (!c->trial->broken && (node = mt_graph_iter_next(&iter))) {
        mt_row row = {.uid = mt_node_uid(node), .floor = mt_node_floor(node)};
        mt_field_iter fields;
        mt_field field;
        mt_status st;

        if (mt_bytes_equal(row.uid, uid)) continue;
        st = mt_graph_merge_rows(rest, &row, 1, NULL);
        row.fields = &field;
        row.count = 1;
        mt_field_iter_init(&fields, node, true);
        while (st == MT_OK && mt_field_iter_next(&fields, &field))
            st = mt_graph_merge_rows(rest, &row, 1, NULL);
        if (st != MT_OK) mti_trial_violate(c->trial, "the suite is out of memory");
    }
    mt_graph_free(c->graph);
    c->graph = rest;
}

static void check_spans(mti_storage_caller *c)
{
    static const char *const bounds[] = {"a",          "user",  "user/", "user/2",
                                         "user/large", "user0", "z"};
    mt_storage_span spans[3];

    mti_storage_expect_prints(c, NULL, 0);
    for (size_t i = 0; i < 7; i++)
        for (size_t j = i + 1; j <= 7; j++) {
            uint32_t parts = (uint32_t)(i + j);

            spans[0] = (mt_storage_span){mt_str(i ? bounds[i - 1] : ""), mt_str(bounds[i]), 0};
            spans[1] = (mt_storage_span){mt_str(bounds[i]), mt_str(j < 7 ? bounds[j] : ""), parts};
            mti_storage_expect_prints(c, spans, 2);
            spans[1].parts = 1;
            spans[2] = (mt_storage_span){mt_str("zz"), mt_str(""), 3};
            mti_storage_expect_prints(c, spans, j < 7 ? 3 : 2);
        }
}

void mti_storage_check_prints(mti_storage_caller *c)
{
    mt_bytes uid = mt_str("user");

    check_spans(c);
    mti_storage_merge(c, "{\"a\":{\"@object\":{\"uid\":\"a\"},\"x\":{\"value\":1,\"state\":1}},"
                         "\"user\":{\"@object\":{\"uid\":\"user\"},"
                         "\"x\":{\"deleted\":true,\"state\":1}},"
                         "\"user/1\":{\"@object\":{\"uid\":\"user/1\",\"floor\":3}},"
                         "\"user/2\":{\"@object\":{\"uid\":\"user/2\"}},"
                         "\"user0\":{\"@object\":{\"uid\":\"user0\"}}}");
    mti_storage_merge_large(c, "user/large", 200, 1);
    mti_storage_await(c);
    check_spans(c);
    mti_storage_merge_large(c, "user/2", 64, 2);
    mti_storage_merge_large(c, "user/2", 65, 3);
    mti_storage_merge(c, "{\"user/large\":{\"@object\":{\"uid\":\"user/large\",\"floor\":2},"
                         "\"x\":{\"value\":\"y\",\"state\":4}}}");
    mti_storage_await(c);
    check_spans(c);
    mti_storage_remove(c, &uid, 1, NULL, NULL);
    mti_storage_await(c);
    forget(c, uid);
    check_spans(c);
    if (!c->subject->persistent) return;
    mti_storage_caller_close(c);
    if (mti_storage_caller_open(c, false)) check_spans(c);
}

/* Nodes are written one by one; a fingerprint counts those that were answered when it started. */
typedef struct counting {
    mti_storage_caller *c;
    uint64_t started;
    uint64_t count; /* that the last fingerprint told */
} counting;

static void take_count(void *arg, const mt_storage_answer *answer)
{
    counting *n = arg;

    n->count = answer->print_count ? answer->prints[0].count : 0;
}

static void hear_count(void *arg, const mti_storage_request *request,
                       const mt_storage_answer *answer)
{
    counting *n = arg;

    if (answer->status == MT_AGAIN) return;
    mti_storage_need_ok(n->c, request, answer);
    if (n->count < request->note || n->count > n->started)
        mti_trial_violate(n->c->trial, "%llu nodes are counted, where %llu to %llu may be",
                          (unsigned long long)n->count, (unsigned long long)request->note,
                          (unsigned long long)n->started);
}

static void hear_write(void *arg, const mti_storage_request *request,
                       const mt_storage_answer *answer)
{
    counting *n = arg;
    const mt_storage_span all = {.parts = 1};

    mti_storage_need_ok(n->c, request, answer);
    mti_storage_spans(n->c, MTI_STORAGE_FINGERPRINT, &all, 1, request->note, take_count, hear_count,
                      n);
}

void mti_storage_check_prints_seen(mti_storage_caller *c)
{
    const mt_storage_span all = {.parts = 1};
    counting n = {.c = c};

    while (n.started < SERIES && !c->trial->broken) {
        char uid[2] = {(char)('0' + n.started), 0};
        mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 1};
        mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};
        mti_storage_order order = {.delta = mti_storage_merge_rows(c, &row, 1), .clock = 1};

        if (order.delta) mti_storage_write(c, &order, ++n.started, hear_write, &n);
        if (n.started % 4 == 0) mti_storage_turn(c);
        if (n.started % 10 == 0) mti_storage_await(c);
    }
    mti_storage_await(c);
    mti_storage_expect_prints(c, &all, 1);
}
