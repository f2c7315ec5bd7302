/* storage_history.c - random histories of a storage against the graph that it should hold.
 *
 * In each round some writes and reads are started at once. What a read finds must be at least what the
 * writes came to that were answered when it started, and at most what all came to that have started. */
#include "conformance/storage_checks.h"

#include <stdio.h>
#include <string.h>

#define NODES 12
#define NAMES 140
#define ROUNDS_DEFAULT 400
#define WRITES_MAX 6
#define ROWS_MAX 4
#define READS_MAX 16

/* A read, and what was answered when it started. */
typedef struct looking {
    struct history *h;
    mt_graph *before; /* NULL: not under way */
} looking;

typedef struct history {
    mti_storage_caller *c;
    uint64_t rng;
    uint64_t started, answered;
    mt_graph *after[WRITES_MAX + 1]; /* what the writes of this round came to, by their notes */
    mt_graph *answered_graph;
    looking looks[READS_MAX];
    char names[NAMES][8];
    mt_field fields[ROWS_MAX][NAMES];
} history;

static size_t below(history *h, size_t bound)
{
    return (size_t)(mti_trial_draw(&h->rng) % bound);
}

/* ---- Writes ---- */

static mt_value draw_value(history *h)
{
    static const char text[] = "some text that is long enough to be a thing of its own, or shorter";

    switch (below(h, 5)) {
    case 0: return mt_null();
    case 1: return mt_number((double)below(h, 1000));
    case 2: return mt_edge_to("n3");
    default: return mt_string((mt_bytes){(const uint8_t *)text, below(h, sizeof text)});
    }
}

/* A row of few fields, or of many; now and then with a floor. */
static mt_row draw_row(history *h, mt_field *fields, const char *uid)
{
    size_t step = below(h, 4) == 0 ? 1 + below(h, 3) : 20 + below(h, NAMES);
    mt_row row = {.uid = mt_str(uid), .fields = fields};
    uint64_t base = h->started / 4;

    if (below(h, 12) == 0) row.floor = base + below(h, 4);
    for (size_t i = below(h, step); i < NAMES; i += step) {
        mt_field *field = &fields[row.count++];

        *field = (mt_field){.name = mt_str(h->names[i]), .state = base + 1 + below(h, 6)};
        if (below(h, 8) == 0) field->kind = MT_FIELD_DELETED;
        else field->value = draw_value(h);
    }
    return row;
}

static void hear_write(void *arg, const mti_storage_request *request,
                       const mt_storage_answer *answer)
{
    history *h = arg;

    mti_storage_need_ok(h->c, request, answer);
    if (request->note <= h->answered || h->c->trial->broken) return;
    h->answered = request->note;
    mt_graph_free(h->answered_graph);
    h->answered_graph = NULL;
    if (mt_graph_clone(h->after[request->note % (WRITES_MAX + 1)], &h->answered_graph) != MT_OK)
        mti_trial_violate(h->c->trial, "the suite is out of memory");
}

static void write_some(history *h)
{
    mti_storage_order order = {.clock = h->started + 1, .whole = below(h, 15) == 0};
    mt_graph **after = &h->after[(h->started + 1) % (WRITES_MAX + 1)];
    size_t count = 1 + below(h, ROWS_MAX);
    mt_row rows[ROWS_MAX];
    char uids[ROWS_MAX][8];

    h->started++;
    for (size_t i = 0; i < count; i++) {
        snprintf(uids[i], sizeof uids[i], "n%u", (unsigned)below(h, NODES));
        rows[i] = draw_row(h, h->fields[i], uids[i]);
    }
    order.delta = mti_storage_merge_rows(h->c, rows, count);
    mt_graph_free(*after);
    *after = NULL;
    if (h->c->trial->broken || mt_graph_clone(h->c->graph, after) != MT_OK)
        mti_trial_violate(h->c->trial, "the suite is out of memory");
    mti_storage_write(h->c, &order, h->started, hear_write, h);
}

/* ---- Reads ---- */

/* Whether merging `less` into a copy of `more` changes nothing. */
static bool within(history *h, const mt_graph *less, const mt_graph *more)
{
    mt_delta *delta = NULL;
    mt_graph *both = NULL;
    bool same = false;

    if (mt_graph_clone(more, &both) == MT_OK && mt_graph_merge(both, less, &delta) == MT_OK)
        same = !mt_delta_changed(delta);
    else mti_trial_violate(h->c->trial, "the suite is out of memory");
    mt_delta_free(delta);
    mt_graph_free(both);
    return same;
}

static void hear_read(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    looking *l = arg;
    history *h = l->h;
    mt_bytes uid = request->keys[0].uid;
    mt_graph *least = mti_storage_graph(h->c);
    const mt_node *node = mt_graph_get(l->before, uid);
    mt_row row = {.uid = uid, .fields = h->fields[0]};
    mt_field_iter iter;

    mti_storage_need_ok(h->c, request, answer);
    if (node) {
        row.floor = mt_node_floor(node);
        mt_field_iter_init(&iter, node, true);
        while (row.count < NAMES && mt_field_iter_next(&iter, &h->fields[0][row.count]))
            row.count++;
        if (mt_graph_merge_rows(least, &row, 1, NULL) != MT_OK)
            mti_trial_violate(h->c->trial, "the suite is out of memory");
    }
    if (!h->c->trial->broken && !within(h, request->told.graph, h->c->graph))
        mti_trial_violate(h->c->trial, "a read of %s finds what was never written",
                          mti_show(uid).text);
    if (!h->c->trial->broken && !within(h, least, request->told.graph))
        mti_trial_violate(h->c->trial, "a read of %s lacks what was written before it",
                          mti_show(uid).text);
    mt_graph_free(least);
    mt_graph_free(l->before);
    l->before = NULL;
}

static void read_some(history *h)
{
    looking *l = &h->looks[below(h, READS_MAX)];
    mt_storage_key key = {.whole = true};
    char uid[8];

    if (l->before || mt_graph_clone(h->answered_graph, &l->before) != MT_OK) return;
    l->h = h;
    snprintf(uid, sizeof uid, "n%u", (unsigned)below(h, NODES));
    key.uid = mt_str(uid);
    mti_storage_read(h->c, &key, 1, 0, hear_read, l);
}

/* ---- Rounds ---- */

static void round_run(history *h)
{
    for (size_t i = 1 + below(h, WRITES_MAX - 1); i > 0; i--) {
        write_some(h);
        for (size_t j = below(h, 3); j > 0; j--) read_some(h);
        for (size_t j = below(h, 3); j > 0; j--) mti_storage_turn(h->c);
    }
    mti_storage_await(h->c);
}

static void history_end(history *h)
{
    for (size_t i = 0; i <= WRITES_MAX; i++) mt_graph_free(h->after[i]);
    for (size_t i = 0; i < READS_MAX; i++) mt_graph_free(h->looks[i].before);
    mt_graph_free(h->answered_graph);
    mti_trial_free(h->c->trial, h, sizeof *h);
}

void mti_storage_check_history(mti_storage_caller *c)
{
    size_t rounds = c->subject->rounds ? c->subject->rounds : ROUNDS_DEFAULT;
    history *h = mti_trial_alloc(c->trial, sizeof *h);

    if (!h) return;
    memset(h, 0, sizeof *h);
    h->c = c;
    h->rng = c->subject->seed;
    h->answered_graph = mti_storage_graph(c);
    for (size_t i = 0; i < NAMES; i++)
        snprintf(h->names[i], sizeof h->names[i], "%c%u", (char)('a' + i % 26), (unsigned)i);
    for (size_t i = 0; i < rounds && !c->trial->broken; i++) {
        round_run(h);
        if (i % 16 == 0) mti_storage_expect_all(c);
        if (i % 64 != 1 || !c->subject->persistent) continue;
        mti_storage_caller_close(c);
        if (!mti_storage_caller_open(c, false)) break;
    }
    mti_storage_expect_all(c);
    history_end(h);
}
