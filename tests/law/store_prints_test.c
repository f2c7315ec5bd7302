/* store_prints_test.c - what a store adds up is what it holds: of any spans, after any history, with its
 * index lost, and while writes are under way. */
#include "crdt/fingerprint.h"
#include "test_world.h"
#include <string.h>

/* ---- Any spans ---- */

#define SPANS_MAX 4

static mt_bytes gen_bound(test_world *w)
{
    mt_bytes uid = gen_uid(w->c, &w->u, test_below(w->c, w->u.uid_count));
    uint8_t *text = test_take(&w->c->arena, uid.len + 1);

    memcpy(text, uid.data, uid.len);
    text[uid.len] = 'a';
    switch (test_below(w->c, 4)) {
    case 0: return (mt_bytes){text, 1 + test_below(w->c, uid.len)};
    case 1: return (mt_bytes){text, uid.len < MT_UID_LEN_MAX ? uid.len + 1 : uid.len};
    default: return uid;
    }
}

/* Spans in order, as many as the bounds that were drawn give. */
static size_t gen_spans(test_world *w, mt_storage_span *spans)
{
    mt_bytes bounds[2 * SPANS_MAX];
    size_t drawn = 2 * test_below(w->c, SPANS_MAX + 1), count = 0, used = 0;

    for (size_t i = 0; i < drawn; i++) {
        mt_bytes bound = gen_bound(w);
        size_t at = count;

        while (at > 0 && mt_bytes_compare(bounds[at - 1], bound) > 0) at--;
        if (at > 0 && mt_bytes_equal(bounds[at - 1], bound)) continue;
        memmove(&bounds[at + 1], &bounds[at], (count - at) * sizeof *bounds);
        bounds[at] = bound;
        count++;
    }
    for (size_t i = 0; i + 1 < count; i += 1 + test_below(w->c, 2))
        if (used < SPANS_MAX)
            spans[used++] = (mt_storage_span){
                .first = bounds[i], .end = bounds[i + 1], .parts = (uint32_t)test_below(w->c, 20)};
    if (used > 0 && test_once_in(w->c, 3)) spans[0].first.len = 0;
    if (used > 0 && test_once_in(w->c, 3)) spans[used - 1].end.len = 0;
    return used;
}

static void remove_one(test_world *w)
{
    mt_bytes uid = gen_uid(w->c, &w->u, test_below(w->c, w->u.uid_count));
    ref_graph all = test_read(&w->c->arena, w->graph);
    test_reply r;

    test_ask_remove(&w->store, &r, &uid, 1);
    test_await(&w->store, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    for (size_t i = 0; i < all.count; i++)
        if (mt_bytes_equal(all.nodes[i].uid, uid)) ref_drop_node(&all, i--);
    mt_graph_free(w->graph);
    w->graph = test_graph_of(&all);
}

static void add_up(test_world *w)
{
    mt_storage_span spans[SPANS_MAX];
    size_t count = gen_spans(w, spans);

    test_asker_prints_are(&w->store, w->graph, spans, count);
}

static void any_spans_add_up(test_case *c)
{
    size_t steps = 1 + test_below(c, 8);
    test_world w;

    test_world_begin(&w, c, test_once_in(c, 2));
    for (size_t i = 0; i < steps; i++) {
        if (test_once_in(c, 6)) remove_one(&w);
        else test_world_write(&w);
        if (test_once_in(c, 2)) add_up(&w);
        if (test_once_in(c, 3)) test_world_reopen(&w);
    }
    for (size_t i = 0; i < 4; i++) add_up(&w);
    test_world_end(&w);
}

TEST(any_spans_come_to_what_is_in_them)
{
    test_law(10000, any_spans_add_up);
}

/* ---- An index that is lost ---- */

static void committed(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)ctx;
    HOLDS(id == 1 && answer->status == MT_OK);
}

/* Opens the store with none of the index, or with one that was not kept for a while. */
static void lose_index(test_world *w)
{
    mt_kv_op drop = {MT_KV_DELETE_RANGE, mt_str("x"), mt_str("y")};
    mt_kv_host host = {committed, NULL};

    test_asker_end(&w->store);
    HOLDS(w->kept.kv.ops->commit(w->kept.kv.ctx, &host, 1, &drop, 1) == MT_OK);
    test_asker_init(&w->store, &w->te, test_kept_kv(&w->kept, w->kept.kv), &w->options);
    test_world_keep_index(w, &w->store);
}

static void keep_none(test_world *w)
{
    w->options.no_fingerprints = true;
    test_world_reopen(w);
    HOLDS(!w->store.storage.ops->fingerprint && !w->store.storage.ops->items);
    for (size_t i = test_below(w->c, 3); i > 0; i--) test_world_write(w);
    if (test_once_in(w->c, 2)) remove_one(w);
    w->options.no_fingerprints = false;
    test_world_reopen(w);
}

static void a_lost_index_is_made_anew(test_case *c)
{
    size_t steps = 1 + test_below(c, 4);
    test_world w;

    test_world_begin(&w, c, false);
    for (size_t i = 0; i < steps; i++) {
        test_world_write(&w);
        if (test_once_in(c, 2)) add_up(&w);
        if (test_once_in(c, 2)) lose_index(&w);
        if (test_once_in(c, 2)) keep_none(&w);
        if (test_once_in(c, 2)) test_world_write(&w);
    }
    add_up(&w);
    test_world_end(&w);
}

TEST(an_index_that_is_lost_or_was_not_kept_is_made_anew)
{
    test_law(10000, a_lost_index_is_made_anew);
}

/* ---- Leaves that are stored a few at a time ---- */

/* Changes a few of very many nodes. */
static void write_few(test_world *w)
{
    size_t count = 1 + test_below(w->c, 12);
    mt_row rows[12];
    mt_field fields[12];
    test_writing writing = {.write = {.clock_mode = 1}};
    mt_delta *delta = NULL;

    for (size_t i = 0; i < count; i++) {
        fields[i] = (mt_field){.name = gen_name(w->c, &w->u, 0),
                               .value = gen_value(w->c),
                               .state = 1 + test_below(w->c, 1000000)};
        rows[i] = (mt_row){.uid = gen_uid(w->c, &w->u, test_below(w->c, w->u.uid_count)),
                           .fields = &fields[i],
                           .count = 1};
        if (test_once_in(w->c, 20)) rows[i].floor = fields[i].state;
    }
    test_worked(w->graph, mt_graph_merge_rows(w->graph, rows, count, &delta));
    test_writing_add(&writing, delta, "");
    test_writing_start(w, &writing);
    test_writing_end(w, &writing);
}

/* The store is opened again between any two commits, as after a crash. */
static void leaves_are_stored_by_and_by(test_case *c)
{
    size_t steps = 20 + test_below(c, 60);
    test_world w;

    test_world_begin(&w, c, test_once_in(c, 3));
    w.u = gen_of_size(c, GEN_MANY_NODES);
    w.options.index_lag = 1 + test_below(c, 100);
    w.slice = 1 + test_below(c, 60);
    test_world_reopen(&w);
    for (size_t i = 0; i < 4; i++) test_world_write(&w);
    for (size_t i = 0; i < steps; i++) {
        write_few(&w);
        if (test_once_in(c, 60)) remove_one(&w);
        if (test_once_in(c, 8)) add_up(&w);
        if (!test_once_in(c, 10)) continue;
        test_world_reopen(&w);
        if (test_once_in(c, 2)) add_up(&w);
    }
    add_up(&w);
    test_world_reopen(&w);
    add_up(&w);
    test_world_end(&w);
}

TEST(leaves_that_are_stored_a_few_at_a_time_say_what_is_there)
{
    test_law(1000, leaves_are_stored_by_and_by);
}

/* ---- Among writes ---- */

#define ASKERS 3
#define WRITES 4
#define STEPS_MAX 40

typedef struct asking {
    test_reply reply;
    bool items, busy;
    size_t from; /* the state that was answered when it began */
} asking;

/* The graph after each write that was started. */
typedef struct among {
    test_world w;
    mt_graph *states[STEPS_MAX + 2];
    test_writing writes[WRITES]; /* a ring */
    size_t started, ended;
    asking askings[ASKERS];
} among;

static void write_start(among *a)
{
    test_writing *writing = &a->writes[a->started % WRITES];

    if (a->started - a->ended == WRITES) return;
    memset(writing, 0, sizeof *writing);
    test_writing_add(writing, test_world_change(&a->w, a->w.graph), "");
    a->states[++a->started] = test_clone(a->w.graph);
    test_writing_start(&a->w, writing);
}

static void writes_take(among *a)
{
    while (a->ended < a->started && a->writes[a->ended % WRITES].reply.done)
        test_writing_end(&a->w, &a->writes[a->ended++ % WRITES]);
}

static void ask(among *a, asking *q)
{
    mt_storage_span all = {.parts = 1};

    if (q->busy) return;
    q->busy = true;
    q->from = a->ended;
    q->items = test_once_in(a->w.c, 2);
    if (q->items) test_ask_items(&a->w.store, &q->reply, &all, 1);
    else test_ask_fingerprint(&a->w.store, &q->reply, &all, 1);
}

static mti_print print_of(const mt_graph *graph)
{
    const mt_bytes all = {NULL, 0};
    mti_print sum = {.state_max = 0};
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mti_print print = mti_print_node(&mti_space_key, node);
        mti_sum_add(&sum.living, &print.living);
        mti_sum_add(&sum.deleted, &print.deleted);
    }
    return sum;
}

/* A fingerprint is that of one state. */
static void print_is_of_a_state(const among *a, const asking *q)
{
    const mt_storage_print *print = q->reply.prints;
    bool found = false;

    HOLDS(q->reply.print_count == 1);
    for (size_t i = q->from; i <= a->started && !found; i++) {
        mti_print sum = print_of(a->states[i]);
        found = mti_sum_equal(&sum.living, &print->living) &&
                mti_sum_equal(&sum.deleted, &print->deleted) &&
                print->count == mt_graph_count(a->states[i]);
    }
    HOLDS(found);
}

/* Each item is of its node in one state, and no node is left out that is in all. */
static void items_are_of_states(const among *a, const asking *q)
{
    const mt_bytes all = {NULL, 0};
    const test_reply *r = &q->reply;
    size_t at = 0;
    const mt_node *node;
    mt_graph_iter iter;

    for (size_t k = 0; k < r->item_count; k++) {
        bool found = false;

        for (size_t i = q->from; i <= a->started && !found; i++) {
            mti_print print;

            if (!(node = mt_graph_get(a->states[i], r->items[k].uid))) continue;
            print = mti_print_node(&mti_space_key, node);
            found = mti_sum_equal(&print.living, &r->items[k].living) &&
                    mti_sum_equal(&print.deleted, &r->items[k].deleted);
        }
        HOLDS(found);
    }
    mt_graph_iter_init(&iter, a->states[q->from], all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        while (at < r->item_count && mt_bytes_compare(r->items[at].uid, mt_node_uid(node)) < 0)
            at++;
        HOLDS(at < r->item_count && mt_bytes_equal(r->items[at].uid, mt_node_uid(node)));
    }
}

static void askings_take(among *a)
{
    for (size_t i = 0; i < ASKERS; i++) {
        asking *q = &a->askings[i];

        if (!q->busy || !q->reply.done) continue;
        if (q->reply.status != MT_AGAIN) {
            test_reply_worked(&q->reply);
            if (q->items) items_are_of_states(a, q);
            else print_is_of_a_state(a, q);
        }
        test_reply_end(&q->reply);
        q->busy = false;
    }
}

static void what_is_added_up_among_writes_was_there(test_case *c)
{
    size_t steps = 1 + test_below(c, STEPS_MAX);
    mt_storage_span all = {.parts = 3};
    among a;

    memset(&a, 0, sizeof a);
    test_world_begin(&a.w, c, true);
    a.states[0] = test_clone(a.w.graph);
    for (size_t i = 0; i < steps; i++) {
        switch (test_below(c, 4)) {
        case 0: write_start(&a); break;
        case 1: ask(&a, &a.askings[test_below(c, ASKERS)]); break;
        default: test_env_run_for(&a.w.te, 1);
        }
        askings_take(&a);
        writes_take(&a);
    }
    test_env_run(&a.w.te);
    askings_take(&a);
    writes_take(&a);
    HOLDS(a.started == a.ended);
    test_asker_prints_are(&a.w.store, a.w.graph, &all, 1);
    for (size_t i = 0; i <= a.started; i++) mt_graph_free(a.states[i]);
    test_world_end(&a.w);
}

TEST(what_is_added_up_among_writes_was_there_then)
{
    test_law(10000, what_is_added_up_among_writes_was_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_spans_come_to_what_is_in_them),
        cmocka_unit_test(an_index_that_is_lost_or_was_not_kept_is_made_anew),
        cmocka_unit_test(leaves_that_are_stored_a_few_at_a_time_say_what_is_there),
        cmocka_unit_test(what_is_added_up_among_writes_was_there_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
