/* store_late_test.c - an engine that answers late and in any order: what is read while writes are under
 * way is the node as it was between the first and the last of them, and never half of one; and who
 * follows the log meanwhile misses nothing. */
#include "test_world.h"
#include <stdio.h>
#include <string.h>

#define READERS 4
#define WRITES 6

/* A read or list under way, and what it may see. */
typedef struct reader {
    test_reply reply;
    mt_storage_key key;
    mt_bytes names[2];
    mt_graph *before; /* what was answered when it began */
    bool list;
    bool busy;
} reader;

/* Who follows the log, a page at a time. */
typedef struct follower {
    test_reply reply;
    mt_cursor cursor;
    mt_graph *graph;
    bool busy;
} follower;

typedef struct late {
    test_world w;
    follower follower;
    mt_graph *answered; /* what the writes that were answered in order came to */
    reader readers[READERS];
    test_writing writes[WRITES]; /* a ring */
    mt_graph *after[WRITES];     /* the graph with each of them */
    size_t started, ended;
} late;

/* ---- Writes ---- */

static void write_start(late *l)
{
    size_t at = l->started % WRITES;

    if (l->started - l->ended == WRITES) return;
    memset(&l->writes[at], 0, sizeof l->writes[at]);
    test_writing_add(&l->writes[at], test_world_change(&l->w, l->w.graph), "");
    l->writes[at].commits[0].whole = test_once_in(l->w.c, 8);
    l->after[at] = test_clone(l->w.graph);
    test_writing_start(&l->w, &l->writes[at]);
    l->started++;
}

/* Takes the answers of writes, in their order. */
static void writes_take(late *l)
{
    while (l->ended < l->started && l->writes[l->ended % WRITES].reply.done) {
        size_t at = l->ended++ % WRITES;

        test_writing_end(&l->w, &l->writes[at]);
        mt_graph_free(l->answered);
        l->answered = l->after[at];
    }
}

/* ---- Readers ---- */

static void read_start(late *l, reader *r)
{
    test_case *c = l->w.c;

    r->busy = true;
    r->before = test_clone(l->answered);
    r->list = test_once_in(c, 3);
    if (r->list) {
        test_ask_list(&l->w.store, &r->reply, (mt_bytes){NULL, 0}, (mt_bytes){NULL, 0}, 1000);
        return;
    }
    r->names[0] = gen_name(c, &l->w.u, 0);
    r->key = (mt_storage_key){.uid = gen_uid(c, &l->w.u, test_below(c, l->w.u.uid_count))};
    if (test_once_in(c, 2)) {
        r->key.whole = true;
    } else {
        r->key.names = r->names;
        r->key.name_count = test_below(c, 2);
    }
    test_ask_read(&l->w.store, &r->reply, &r->key, 1);
}

/* What a read gave, as a graph; `partial` if any of it was. */
static mt_graph *graph_read(const reader *r, bool *partial)
{
    mt_graph *graph = test_graph_new();

    *partial = false;
    for (size_t i = 0; i < r->reply.row_count; i++) {
        *partial |= r->reply.rows[i].partial;
        test_worked(graph, mt_graph_merge_rows(graph, &r->reply.rows[i].row, 1, NULL));
    }
    return graph;
}

/* Whether merging `less` into a copy of `more` changes nothing. */
static bool within(const mt_graph *less, const mt_graph *more)
{
    mt_graph *both = test_clone(more);
    bool same;

    mt_delta_free(test_merge(both, less));
    same = mt_graph_equal(both, more);
    mt_graph_free(both);
    return same;
}

/* The part of a graph that a read was about. */
static mt_graph *graph_part(const reader *r, const mt_graph *graph)
{
    mt_graph *part = test_graph_new();
    const mt_node *node = r->list ? NULL : mt_graph_get(graph, r->key.uid);
    mt_field *fields;
    mt_field_iter iter;
    mt_row row = {0};

    if (r->list) {
        mt_delta_free(test_merge(part, graph));
        return part;
    }
    if (!node) return part;
    row.uid = r->key.uid;
    row.floor = mt_node_floor(node);
    row.fields = fields = test_take((test_arena *)(uintptr_t)&r->reply.arena,
                                    (mt_node_count_all(node) + 1) * sizeof *fields);
    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &fields[row.count])) row.count++;
    test_worked(part, mt_graph_merge_rows(part, &row, 1, NULL));
    return part;
}

/* All that was there when it began was read, and nothing that was not written by now. */
static void read_take(late *l, reader *r)
{
    mt_graph *seen, *least = graph_part(r, r->before);
    bool partial;

    test_reply_worked(&r->reply);
    seen = graph_read(r, &partial);
    HOLDS(within(seen, l->w.graph));
    HOLDS(partial || within(least, seen));
    HOLDS(!partial || !r->key.whole);
    mt_graph_free(seen);
    mt_graph_free(least);
    mt_graph_free(r->before);
    test_reply_end(&r->reply);
    r->busy = false;
}

static void readers_take(late *l)
{
    for (size_t i = 0; i < READERS; i++)
        if (l->readers[i].busy && l->readers[i].reply.done) read_take(l, &l->readers[i]);
}

/* ---- The follower ---- */

static void follow_start(late *l)
{
    if (l->follower.busy) return;
    l->follower.busy = true;
    test_ask_changes(&l->w.store, &l->follower.reply, &l->follower.cursor,
                     1 + test_below(l->w.c, 3));
}

static void follow_change(late *l, const mt_storage_change *change)
{
    mt_storage_key key = {.uid = change->uid,
                          .names = change->names,
                          .name_count = change->name_count,
                          .whole = change->all};
    test_reply r = test_asker_read(&l->w.store, &key, 1);

    for (size_t i = 0; i < r.row_count; i++)
        test_worked(l->follower.graph,
                    mt_graph_merge_rows(l->follower.graph, &r.rows[i].row, 1, NULL));
    test_reply_end(&r);
}

/* Takes a page. What a cursor does not lead to any more is read from the list, and the log from where
 * it ended before. */
static void follow_take(late *l)
{
    follower *f = &l->follower;
    mt_graph *all;

    if (!f->busy || !f->reply.done) return;
    if (f->reply.status == MT_STALE) {
        f->cursor = l->w.head;
        all = test_asker_graph(&l->w.store, 3);
        mt_delta_free(test_merge(f->graph, all));
        mt_graph_free(all);
    } else {
        test_reply_worked(&f->reply);
        for (size_t i = 0; i < f->reply.change_count; i++) follow_change(l, &f->reply.changes[i]);
        f->cursor = f->reply.next;
    }
    test_reply_end(&f->reply);
    f->busy = false;
}

/* With no write under way any more. */
static void follow_to_end(late *l)
{
    bool end = false;

    while (!end) {
        follow_start(l);
        test_await(&l->w.store, &l->follower.reply);
        end = l->follower.reply.end;
        follow_take(l);
    }
    HOLDS(mt_graph_equal(l->follower.graph, l->w.graph));
    mt_graph_free(l->follower.graph);
}

/* ---- The law ---- */

static void step(late *l)
{
    reader *r = &l->readers[test_below(l->w.c, READERS)];

    switch (test_below(l->w.c, 5)) {
    case 0: write_start(l); break;
    case 1:
        if (!r->busy) read_start(l, r);
        break;
    case 2: follow_start(l); break;
    default: test_env_run_for(&l->w.te, 1);
    }
    writes_take(l);
    readers_take(l);
    follow_take(l);
}

static void what_is_read_among_writes_was_there(test_case *c)
{
    size_t steps = 1 + test_below(c, 40);
    late l;

    memset(&l, 0, sizeof l);
    test_world_begin(&l.w, c, true);
    l.answered = test_graph_new();
    l.follower.graph = test_graph_new();
    for (size_t i = 0; i < steps; i++) step(&l);
    test_env_run(&l.w.te);
    writes_take(&l);
    readers_take(&l);
    HOLDS(l.started == l.ended);
    follow_take(&l);
    follow_to_end(&l);
    test_asker_is(&l.w.store, l.w.graph);
    mt_graph_free(l.answered);
    test_world_end(&l.w);
}

TEST(what_is_read_among_writes_was_there_then)
{
    test_law(10000, what_is_read_among_writes_was_there);
}

/* ---- Removal ---- */

/* Reads a large node whole, or lists it, while it is removed and written again. */
static void a_removed_node_is_read_wholly_or_not_at_all(test_case *c)
{
    test_world w;
    mt_field fields[600];
    char names[600][8];
    mt_row row = {.uid = mt_str("big"), .fields = fields, .count = 65 + test_below(c, 535)};
    mt_storage_key key = {.uid = row.uid, .whole = true};
    test_writing writes[2] = {{.write = {.clock = 1}}, {.write = {.clock = 1}}};
    test_reply removed, read;
    mt_delta *delta = NULL;

    test_world_begin(&w, c, true);
    for (size_t i = 0; i < row.count; i++) {
        snprintf(names[i], sizeof names[i], "f%03u", (unsigned)i % 1000);
        fields[i] = (mt_field){.name = mt_str(names[i]), .value = mt_number(1), .state = 1};
    }
    test_worked(w.graph, mt_graph_merge_rows(w.graph, &row, 1, &delta));
    test_writing_add(&writes[0], delta, "");
    test_writing_start(&w, &writes[0]);
    test_writing_end(&w, &writes[0]);
    mt_graph_free(w.graph);
    w.graph = test_graph_new();
    test_worked(w.graph, mt_graph_merge_rows(w.graph, &row, 1, &delta));
    test_writing_add(&writes[1], delta, "");
    if (test_once_in(c, 2)) test_ask_read(&w.store, &read, &key, 1);
    else test_ask_list(&w.store, &read, row.uid, (mt_bytes){NULL, 0}, 3);
    test_env_run_for(&w.te, test_below(c, 8));
    test_ask_remove(&w.store, &removed, &row.uid, 1);
    if (test_once_in(c, 2)) test_env_run_for(&w.te, test_below(c, 8));
    test_writing_start(&w, &writes[1]);
    test_await(&w.store, &read);
    test_reply_worked(&read);
    for (size_t i = 1; i < read.row_count; i++) read.rows[0].row.count += read.rows[i].row.count;
    HOLDS(read.row_count == 0 || read.rows[0].row.count == row.count);
    test_reply_end(&read);
    test_await(&w.store, &removed);
    test_reply_worked(&removed);
    test_writing_end(&w, &writes[1]);
    test_asker_is(&w.store, w.graph);
    test_world_end(&w);
}

TEST(what_is_removed_is_read_wholly_or_not_at_all)
{
    test_law(3000, a_removed_node_is_read_wholly_or_not_at_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_among_writes_was_there_then),
        cmocka_unit_test(what_is_removed_is_read_wholly_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
