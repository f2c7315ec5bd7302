#include "test_crash.h"
#include <stdio.h>
#include <string.h>

static void moment_set(test_moment *m, const test_moment *from)
{
    mt_graph_free(m->graph);
    *m = *from;
    m->graph = test_clone(from->graph);
}

/* ---- What a crash leaves ---- */

/* What a store that was opened holds, to be freed. */
static test_moment moment_of(test_asker *s, const test_reply *opened)
{
    test_moment m = {.graph = test_asker_graph(s, 50),
                     .head = opened->info.head.number,
                     .clock = opened->info.clock};
    test_reply r;

    test_ask_records(s, &r, mt_str(""), mt_str(""), 10);
    test_reply_worked(&r);
    HOLDS(r.record_count <= 1);
    for (size_t i = 0; r.record_count && i < r.records[0].value.len; i++)
        m.record = 10 * m.record + (uint64_t)(r.records[0].value.data[i] - '0');
    test_reply_end(&r);
    return m;
}

static bool same(const test_moment *a, const test_moment *b)
{
    return b->graph && a->head == b->head && a->clock == b->clock && a->record == b->record &&
           mt_graph_equal(a->graph, b->graph);
}

static void follow_change(test_asker *s, mt_graph *graph, const mt_storage_change *change)
{
    mt_storage_key key = {.uid = change->uid,
                          .names = change->names,
                          .name_count = change->name_count,
                          .whole = change->all};
    test_reply node = test_asker_read(s, &key, 1);

    for (size_t i = 0; i < node.row_count; i++)
        test_worked(graph, mt_graph_merge_rows(graph, &node.rows[i].row, 1, NULL));
    test_reply_end(&node);
}

/* Follows the log from a cursor that was told, and comes to hold what is there; unless the log is so
 * short that the cursor is stale. */
static void follow(const test_history *h, test_asker *s, const test_follower *f,
                   const mt_graph *expected)
{
    mt_graph *graph = test_clone(f->graph);
    mt_cursor at = f->cursor;
    bool end = false, stale = false;

    while (!end && !stale) {
        test_reply r;

        test_ask_changes(s, &r, &at, 3);
        stale = r.status == MT_STALE;
        if (!stale) test_reply_worked(&r);
        for (size_t i = 0; i < r.change_count; i++) follow_change(s, graph, &r.changes[i]);
        at = r.next;
        end = r.end;
        test_reply_end(&r);
    }
    HOLDS(stale ? h->w.options.log_max < 1000 : mt_graph_equal(graph, expected));
    mt_graph_free(graph);
}

static void all_follow(const test_history *h, test_asker *s, const mt_graph *expected)
{
    for (size_t i = 0; i < TEST_CRASH_FOLLOWERS; i++)
        if (h->followers[i].graph) follow(h, s, &h->followers[i], expected);
}

/* Writes something to a store that was recovered. */
static mt_graph *write_more(test_asker *s, const mt_graph *graph)
{
    mt_graph *after = test_clone(graph);
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = MT_STATE_MAX};
    mt_row row = {.uid = mt_str("a"), .fields = &field, .count = 1};
    mt_delta *delta = NULL;

    test_worked(after, mt_graph_merge_rows(after, &row, 1, &delta));
    test_asker_write(s, delta, "");
    return after;
}

static void image_open(test_history *h, test_asker *s, test_env *te, mti_sim_disk *image,
                       bool again, test_reply *opened)
{
    mt_kv kv = h->open_image(h, te, image, again);

    if (test_asker_try(s, te, kv, &h->w.options, opened) != MT_OK)
        print_error("%s\n", opened->text);
    HOLDS(opened->status == MT_OK);
    test_world_keep_index(&h->w, s);
}

/* What is added up is what is there, however much of the index was lost. */
static void index_is_sound(test_asker *s, const mt_graph *graph)
{
    mt_storage_span span = {.parts = 3};

    test_asker_prints_are(s, graph, &span, 1);
}

static void image_is_sound(test_history *h, mti_sim_disk *image)
{
    test_reply opened;
    test_moment found;
    mt_graph *after;
    test_asker s;
    test_env te;

    test_env_init(&te, test_rng_next(&h->w.c->rng), test_mem());
    image_open(h, &s, &te, image, false, &opened);
    found = moment_of(&s, &opened);
    HOLDS(same(&found, &h->acknowledged) || same(&found, &h->next));
    if (test_once_in(h->w.c, 2)) index_is_sound(&s, found.graph);
    all_follow(h, &s, found.graph);
    after = write_more(&s, found.graph);
    all_follow(h, &s, after);
    test_asker_end(&s);
    image_open(h, &s, &te, image, true, &opened);
    test_asker_is(&s, after);
    test_asker_end(&s);
    mt_graph_free(after);
    mt_graph_free(found.graph);
    test_env_end(&te);
}

static void crash_here(void *ctx, mti_sim_disk *disk)
{
    test_history *h = ctx;

    for (int kind = 0; kind < (int)h->kinds; kind++) {
        mti_sim_disk image = test_disk_crash(disk, (mti_sim_crash)kind, &h->w.c->rng);

        image_is_sound(h, &image);
        mti_sim_disk_end(&image);
        h->points++;
        if (disk->write_count == 0) break; /* all kinds are the same */
    }
}

/* ---- The history ---- */

static void open_store(test_history *h)
{
    test_asker_init(&h->w.store, &h->w.te, h->open(h), &h->w.options);
    test_world_keep_index(&h->w, &h->w.store);
}

/* What was under way has been acknowledged. */
static void acknowledge(test_history *h, mt_cursor head)
{
    test_follower *f = &h->followers[h->told++ % TEST_CRASH_FOLLOWERS];

    moment_set(&h->acknowledged, &h->next);
    mt_graph_free(h->next.graph);
    h->next.graph = NULL;
    if (h->removals) return;
    mt_graph_free(f->graph);
    *f = (test_follower){head, test_clone(h->acknowledged.graph)};
}

/* How many changes a delta is in the log. */
static size_t changes_of(const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    size_t count = 0;

    if (!delta) return 0;
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) count += !node.empty;
    return count;
}

static void write_commits(test_history *h)
{
    test_case *c = h->w.c;
    mt_storage_record record = {mt_str("r"), {NULL, 0}};
    test_writing writing = {.write = {.records = &record}};
    mt_cursor head;
    char value[32];

    h->next = h->acknowledged;
    h->next.clock += test_below(c, 3);
    for (size_t count = test_below(c, 4); count > 0; count--) {
        mt_delta *delta = test_world_change(&h->w, h->w.graph);

        h->next.head += changes_of(delta);
        test_writing_add(&writing, delta, test_once_in(c, 2) ? "" : "peer");
    }
    h->next.graph = test_clone(h->w.graph);
    if (test_once_in(c, 3)) {
        h->next.record = 1 + test_below(c, 1000);
        snprintf(value, sizeof value, "%llu", (unsigned long long)h->next.record);
        record.value = mt_str(value);
        writing.write.record_count = 1;
    }
    writing.write.clock = h->next.clock;
    test_writing_start(&h->w, &writing);
    test_await(&h->w.store, &writing.reply);
    head = writing.reply.next;
    test_writing_end(&h->w, &writing);
    HOLDS(head.number == h->next.head);
    acknowledge(h, head);
}

static void remove_one(test_history *h)
{
    mt_bytes uid = gen_uid(h->w.c, &h->w.u, test_below(h->w.c, h->w.u.uid_count));
    ref_graph all = test_read(&h->w.c->arena, h->w.graph);
    test_reply r;

    for (size_t i = 0; i < all.count; i++)
        if (mt_bytes_equal(all.nodes[i].uid, uid)) ref_drop_node(&all, i--);
    mt_graph_free(h->w.graph);
    h->w.graph = test_graph_of(&all);
    h->next = h->acknowledged;
    h->next.graph = test_clone(h->w.graph);
    test_ask_remove(&h->w.store, &r, &uid, 1);
    test_await(&h->w.store, &r);
    test_reply_worked(&r);
    acknowledge(h, h->w.head);
}

void test_history_begin(test_history *h, test_case *c)
{
    h->w.c = c;
    h->w.u = gen_of_size(c, test_once_in(c, 12) ? GEN_LARGE_NODE : GEN_SMALL);
    h->w.options = (mt_node_store_options){.size = sizeof h->w.options, .log_max = 1000};
    if (test_once_in(c, 2)) h->w.options.small_len_max = 1 + test_below(c, 100);
    if (test_once_in(c, 2)) h->w.options.log_max = 1 + test_below(c, 6);
    test_world_draw_index(&h->w);
    h->removals = test_once_in(c, 3);
    test_env_init(&h->w.te, test_rng_next(&c->rng), test_mem());
    h->w.graph = test_graph_new();
    h->acknowledged.graph = test_graph_new();
    open_store(h);
    h->disk.event = crash_here;
    h->disk.ctx = h;
}

void test_history_run(test_history *h)
{
    for (size_t steps = 1 + test_below(h->w.c, 8); steps > 0; steps--) {
        if (h->removals && test_once_in(h->w.c, 4)) remove_one(h);
        else write_commits(h);
        if (test_once_in(h->w.c, 4)) index_is_sound(&h->w.store, h->w.graph);
        if (!test_once_in(h->w.c, 4)) continue;
        test_asker_end(&h->w.store);
        open_store(h);
    }
}

void test_history_end(test_history *h)
{
    test_asker_end(&h->w.store);
    mti_sim_disk_end(&h->disk);
    for (size_t i = 0; i < TEST_CRASH_FOLLOWERS; i++) mt_graph_free(h->followers[i].graph);
    mt_graph_free(h->acknowledged.graph);
    mt_graph_free(h->w.graph);
    test_env_end(&h->w.te);
}
