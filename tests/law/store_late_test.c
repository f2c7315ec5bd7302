/* store_late_test.c - an engine that answers late and in any order: what is read while writes are under
 * way is the node as it was between the first and the last of them, and never half of one; and who
 * follows the log meanwhile misses nothing. */
#include "test_world.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_among_writes_was_there_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
