/* store_log_test.c - whoever follows the log from anywhere comes to hold what the store holds.
 *
 * Peers hold replicas of their own. What a peer writes comes to the store with its name as origin; what
 * the log names that way, the peer is not sent. Peers follow page by page while others go on writing,
 * entries absorb one another and the oldest are trimmed, and the store is opened again. */
#include "store/node_store.h"
#include "test_world.h"
#include <string.h>

#define PEERS 3

typedef struct peer {
    const char *name; /* empty: nobody whom the store knows */
    mt_graph *graph;
    mt_cursor cursor;
    size_t stale; /* how often it had to read everything */
} peer;

typedef struct following {
    test_world w;
    peer peers[PEERS];
} following;

/* ---- What peers do ---- */

static void take_rows(peer *p, const test_reply *r)
{
    for (size_t i = 0; i < r->row_count; i++)
        test_worked(p->graph, mt_graph_merge_rows(p->graph, &r->rows[i].row, 1, NULL));
}

/* Fetches what a change names. */
static void follow_change(following *f, peer *p, const mt_storage_change *change)
{
    mt_storage_key key = {.uid = change->uid,
                          .names = change->names,
                          .name_count = change->name_count,
                          .whole = change->all};
    test_reply r;

    HOLDS(change->since == 0 && change->all == (change->name_count == 0));
    if (change->origin.len && mt_bytes_equal(change->origin, mt_str(p->name))) return;
    r = test_asker_read(&f->w.store, &key, 1);
    take_rows(p, &r);
    test_reply_end(&r);
}

/* The cursor is worth nothing: reads all, and stands where the store stood before that. */
static void reconcile(following *f, peer *p)
{
    mt_cursor head = f->w.head;
    mt_graph *all = test_asker_graph(&f->w.store, 5);

    mt_delta_free(test_merge(p->graph, all));
    mt_graph_free(all);
    p->cursor = head;
    p->stale++;
}

/* Follows by a page; false: there is nothing more now. */
static bool follow(following *f, peer *p, size_t limit)
{
    uint64_t number = p->cursor.number;
    test_reply r;
    bool end;

    test_ask_changes(&f->w.store, &r, &p->cursor, limit);
    test_await(&f->w.store, &r);
    if (r.status == MT_STALE) {
        test_reply_end(&r);
        reconcile(f, p);
        return true;
    }
    test_reply_worked(&r);
    HOLDS(r.change_count <= limit);
    for (size_t i = 0; i < r.change_count; i++) {
        HOLDS(r.changes[i].number > number);
        number = r.changes[i].number;
        follow_change(f, p, &r.changes[i]);
    }
    HOLDS(r.next.number >= number && (r.end || r.change_count > 0));
    p->cursor = r.next;
    end = r.end;
    test_reply_end(&r);
    return !end;
}

/* What a peer did, as it comes to the store. */
static mt_delta *push(following *f, peer *p)
{
    mt_delta *own = test_world_change(&f->w, p->graph), *delta = NULL;
    size_t count;
    mt_row *rows;

    if (!own) return NULL;
    rows = test_delta_rows(&f->w.c->arena, own, MT_UPDATE, &count);
    test_worked(f->w.graph, mt_graph_merge_rows(f->w.graph, rows, count, &delta));
    mt_delta_free(own);
    return delta;
}

static void write(following *f)
{
    size_t count = test_once_in(f->w.c, 2) ? 1 : 1 + test_below(f->w.c, 4);
    test_writing writing = {.write = {.clock_mode = 1}};

    for (size_t i = 0; i < count; i++) {
        peer *p = &f->peers[test_below(f->w.c, PEERS)];

        if (*p->name) test_writing_add(&writing, push(f, p), p->name);
        else test_writing_add(&writing, test_world_change(&f->w, f->w.graph), "");
    }
    test_writing_start(&f->w, &writing);
    test_writing_end(&f->w, &writing);
}

/* ---- What the store knows of its log ---- */

/* The keys of the log, page by page. */
typedef struct counting {
    size_t count;
    uint8_t last[64];
    size_t last_len;
    bool more;
} counting;

static void count_pairs(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    counting *c = ctx;

    HOLDS(id == 1 && answer->status == MT_OK);
    c->count += answer->count;
    c->more = answer->more;
    if (answer->count == 0) return;
    c->last_len = answer->pairs[answer->count - 1].key.len;
    HOLDS(c->last_len <= sizeof c->last);
    memcpy(c->last, answer->pairs[answer->count - 1].key.data, c->last_len);
}

static void log_is_counted(following *f)
{
    const mti_node_store *store = f->w.store.storage.ctx;
    const mt_kv *kv = &f->w.kept.kv;
    counting c = {.last = "l", .last_len = 1, .more = true};
    mt_kv_host host = {count_pairs, &c};

    while (c.more) {
        const counting before = c;
        const mt_bytes after = {before.last, before.last_len};
        HOLDS(kv->ops->scan(kv->ctx, &host, 1, after, mt_str("m"), 1000) == MT_OK);
    }
    HOLDS(store->log.count == c.count);
    HOLDS(c.count <= f->w.options.log_max + f->w.options.log_max / 8 + 4 * f->w.u.uid_count);
}

/* ---- The law ---- */

static void begin(following *f, test_case *c)
{
    static const char *const names[PEERS] = {"", "p", "q"};

    memset(f->peers, 0, sizeof f->peers);
    test_world_begin(&f->w, c, false);
    for (size_t i = 0; i < PEERS; i++)
        f->peers[i] = (peer){.name = names[i], .graph = test_graph_new()};
}

static void end(following *f)
{
    for (size_t i = 0; i < PEERS; i++) mt_graph_free(f->peers[i].graph);
    test_world_end(&f->w);
}

static bool log_was_trimmed(const following *f)
{
    const mti_node_store *store = f->w.store.storage.ctx;

    return store->log.trimmed > 0;
}

static void who_follows_comes_to_hold_all(test_case *c)
{
    size_t steps = 1 + test_below(c, 16);
    following f;

    begin(&f, c);
    for (size_t i = 0; i < steps; i++) {
        switch (test_below(c, 8)) {
        case 0: test_world_reopen(&f.w); break;
        case 1:
        case 2:
        case 3: follow(&f, &f.peers[test_below(c, PEERS)], 1 + test_below(c, 4)); break;
        default: write(&f);
        }
        log_is_counted(&f);
    }
    for (size_t i = 0; i < PEERS; i++) {
        while (follow(&f, &f.peers[i], 1 + test_below(c, 4))) {
        }
        HOLDS(mt_graph_equal(f.peers[i].graph, f.w.graph));
        HOLDS(f.peers[i].stale == 0 || log_was_trimmed(&f));
    }
    end(&f);
}

TEST(whoever_follows_the_log_comes_to_hold_all)
{
    test_law(20000, who_follows_comes_to_hold_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_follows_the_log_comes_to_hold_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
