/* store_crash_test.c - the node store on a disk that loses what was not synced.
 *
 * While a random history runs, at every write to the disk and every sync a crash is tried in each way that
 * there is: what it leaves is opened by another store. Nothing that was acknowledged is missing, nothing is
 * half there, the log and the nodes agree, cursors that were told lead on, and the store goes on
 * working. */
#include "test_disk_kv.h"
#include "test_world.h"
#include <stdio.h>
#include <string.h>

#define FOLLOWERS 4

/* What a store holds at one time. */
typedef struct moment {
    mt_graph *graph;
    uint64_t head, clock;
    uint64_t record; /* of the key "r", as decimal text; 0: none */
} moment;

/* A cursor that was told, and what was there then. */
typedef struct follower {
    mt_cursor cursor;
    mt_graph *graph; /* NULL: none */
} follower;

typedef struct crash {
    test_world w; /* its engine is not used */
    test_disk disk;
    bool removals; /* then nobody follows: the log says nothing of them */
    moment acknowledged, next;
    follower followers[FOLLOWERS];
    size_t told;
    size_t points;
} crash;

static size_t all_points; /* of all cases */

static void moment_set(moment *m, const moment *from)
{
    mt_graph_free(m->graph);
    *m = *from;
    m->graph = test_clone(from->graph);
}

/* ---- What a crash leaves ---- */

/* What a store that was opened holds, to be freed. */
static moment moment_of(test_asker *s, const test_reply *opened)
{
    moment m = {.graph = test_asker_graph(s, 50),
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

static bool same(const moment *a, const moment *b)
{
    return b->graph && a->head == b->head && a->clock == b->clock && a->record == b->record &&
           mt_graph_equal(a->graph, b->graph);
}

/* Follows the log from a cursor that was told, and comes to hold what is there. */
static void follow(const crash *cr, test_asker *s, const follower *f, const mt_graph *expected)
{
    mt_graph *graph = test_clone(f->graph);
    mt_cursor at = f->cursor;
    bool end = false;

    while (!end) {
        test_reply r;

        test_ask_changes(s, &r, &at, 3);
        if (r.status == MT_STALE) {
            HOLDS(cr->w.options.log_max < 1000);
            test_reply_end(&r);
            mt_graph_free(graph);
            return;
        }
        test_reply_worked(&r);
        for (size_t i = 0; i < r.change_count; i++) {
            mt_storage_key key = {.uid = r.changes[i].uid,
                                  .names = r.changes[i].names,
                                  .name_count = r.changes[i].name_count,
                                  .whole = r.changes[i].all};
            test_reply node = test_asker_read(s, &key, 1);

            for (size_t j = 0; j < node.row_count; j++)
                test_worked(graph, mt_graph_merge_rows(graph, &node.rows[j].row, 1, NULL));
            test_reply_end(&node);
        }
        at = r.next;
        end = r.end;
        test_reply_end(&r);
    }
    HOLDS(mt_graph_equal(graph, expected));
    mt_graph_free(graph);
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

static void image_open(const crash *cr, test_asker *s, test_env *te, test_disk *image,
                       test_reply *opened)
{
    if (test_asker_try(s, te, test_disk_kv(&te->env, image), &cr->w.options, opened) != MT_OK)
        print_error("%s\n", opened->text);
    HOLDS(opened->status == MT_OK);
}

static void image_is_sound(crash *cr, test_disk *image)
{
    test_reply opened;
    mt_graph *after;
    test_asker s;
    test_env te;
    moment found;

    test_env_init(&te, test_rng_next(&cr->w.c->rng), test_mem());
    image_open(cr, &s, &te, image, &opened);
    found = moment_of(&s, &opened);
    HOLDS(same(&found, &cr->acknowledged) || same(&found, &cr->next));
    for (size_t i = 0; i < FOLLOWERS; i++)
        if (cr->followers[i].graph) follow(cr, &s, &cr->followers[i], found.graph);
    after = write_more(&s, found.graph);
    for (size_t i = 0; i < FOLLOWERS; i++)
        if (cr->followers[i].graph) follow(cr, &s, &cr->followers[i], after);
    test_asker_end(&s);
    image_open(cr, &s, &te, image, &opened);
    test_asker_is(&s, after);
    test_asker_end(&s);
    mt_graph_free(after);
    mt_graph_free(found.graph);
    test_env_end(&te);
}

static void crash_here(void *ctx, test_disk *disk)
{
    crash *cr = ctx;

    for (int kind = 0; kind < TEST_CRASH_KINDS; kind++) {
        test_disk image = test_disk_crash(disk, (test_crash)kind, &cr->w.c->rng);

        image_is_sound(cr, &image);
        test_disk_end(&image);
        cr->points++;
        if (disk->write_count == 0) break; /* all kinds are the same */
    }
}

/* ---- The history ---- */

static void open_store(crash *cr)
{
    test_asker_init(&cr->w.store, &cr->w.te, test_disk_kv(&cr->w.te.env, &cr->disk),
                    &cr->w.options);
}

/* What was under way has been acknowledged. */
static void acknowledge(crash *cr, mt_cursor head)
{
    follower *f = &cr->followers[cr->told++ % FOLLOWERS];

    moment_set(&cr->acknowledged, &cr->next);
    mt_graph_free(cr->next.graph);
    cr->next.graph = NULL;
    if (cr->removals) return;
    mt_graph_free(f->graph);
    *f = (follower){head, test_clone(cr->acknowledged.graph)};
}

static void write_commits(crash *cr)
{
    test_case *c = cr->w.c;
    mt_storage_record record = {mt_str("r"), {NULL, 0}};
    test_writing writing = {.write = {.clock_mode = 1}};
    mt_cursor head;
    char value[32];

    cr->next = cr->acknowledged;
    cr->next.clock = cr->acknowledged.clock + test_below(c, 3);
    for (size_t count = test_below(c, 4); count > 0; count--)
        test_writing_add(&writing, test_world_change(&cr->w, cr->w.graph),
                         test_once_in(c, 2) ? "" : "peer");
    cr->next.graph = test_clone(cr->w.graph);
    for (size_t i = 0; i < writing.write.commit_count; i++) {
        mt_delta_iter iter;
        mt_delta_node node;

        if (!writing.commits[i].delta) continue;
        mt_delta_iter_init(&iter, writing.commits[i].delta, MT_UPDATE);
        while (mt_delta_iter_node(&iter, &node)) cr->next.head += !node.empty;
    }
    if (test_once_in(c, 3)) {
        cr->next.record = 1 + test_below(c, 1000);
        snprintf(value, sizeof value, "%llu", (unsigned long long)cr->next.record);
        record.value = mt_str(value);
        writing.write.records = &record;
        writing.write.record_count = 1;
    }
    writing.write.clock = cr->next.clock;
    test_writing_start(&cr->w, &writing);
    head = writing.reply.next;
    HOLDS(writing.reply.done && head.number == cr->next.head);
    test_writing_end(&cr->w, &writing);
    acknowledge(cr, head);
}

static void remove_one(crash *cr)
{
    mt_bytes uid = gen_uid(cr->w.c, &cr->w.u, test_below(cr->w.c, cr->w.u.uid_count));
    ref_graph all = test_read(&cr->w.c->arena, cr->w.graph);
    test_reply r;

    for (size_t i = 0; i < all.count; i++)
        if (mt_bytes_equal(all.nodes[i].uid, uid)) ref_drop_node(&all, i--);
    mt_graph_free(cr->w.graph);
    cr->w.graph = test_graph_of(&all);
    cr->next = cr->acknowledged;
    cr->next.graph = test_clone(cr->w.graph);
    test_ask_remove(&cr->w.store, &r, &uid, 1);
    test_reply_worked(&r);
    acknowledge(cr, cr->w.head);
}

static void begin(crash *cr, test_case *c)
{
    memset(cr, 0, sizeof *cr);
    cr->w.c = c;
    cr->w.u = gen_of_size(c, test_once_in(c, 12) ? GEN_LARGE_NODE : GEN_SMALL);
    cr->w.options = (mt_node_store_options){.size = sizeof cr->w.options, .log_max = 1000};
    if (test_once_in(c, 2)) cr->w.options.small_len_max = 1 + test_below(c, 100);
    if (test_once_in(c, 2)) cr->w.options.log_max = 1 + test_below(c, 6);
    cr->removals = test_once_in(c, 3);
    test_env_init(&cr->w.te, test_rng_next(&c->rng), test_mem());
    cr->w.graph = test_graph_new();
    cr->acknowledged.graph = test_graph_new();
    open_store(cr);
    cr->disk.event = crash_here;
    cr->disk.ctx = cr;
}

static void end(crash *cr)
{
    test_asker_end(&cr->w.store);
    test_disk_end(&cr->disk);
    for (size_t i = 0; i < FOLLOWERS; i++) mt_graph_free(cr->followers[i].graph);
    mt_graph_free(cr->acknowledged.graph);
    mt_graph_free(cr->w.graph);
    test_env_end(&cr->w.te);
    all_points += cr->points;
}

static void a_crash_loses_nothing_acknowledged(test_case *c)
{
    size_t steps = 1 + test_below(c, 8);
    crash cr;

    begin(&cr, c);
    for (size_t i = 0; i < steps; i++) {
        if (cr.removals && test_once_in(c, 4)) remove_one(&cr);
        else write_commits(&cr);
        if (test_once_in(c, 4)) {
            test_asker_end(&cr.w.store);
            open_store(&cr);
        }
    }
    end(&cr);
}

TEST(a_crash_at_any_time_loses_nothing_that_was_acknowledged)
{
    test_law(800, a_crash_loses_nothing_acknowledged);
    print_message("[  CRASHES ] %zu\n", all_points);
}

/* ---- The disk itself loses what it may ---- */

TEST(an_engine_that_does_not_sync_is_found_out)
{
    test_rng rng = test_rng_new(1);
    test_disk disk = {0};
    size_t lost = 0, torn = 0;

    CHECK(test_disk_write(&disk, 0, "first", 5) && test_disk_sync(&disk));
    CHECK(test_disk_write(&disk, 5, "second", 6));
    for (int i = 0; i < 100; i++) {
        test_disk image = test_disk_crash(&disk, TEST_CRASH_TORN, &rng);

        CHECK(image.len >= 5 && memcmp(image.data, "first", 5) == 0);
        lost += image.len == 5;
        torn += image.len > 5 && (image.len < 11 || memcmp(image.data, "firstsecond", 11) != 0);
        test_disk_end(&image);
    }
    CHECK(lost > 10 && torn > 10);
    test_disk_end(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_that_does_not_sync_is_found_out),
        cmocka_unit_test(a_crash_at_any_time_loses_nothing_that_was_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
