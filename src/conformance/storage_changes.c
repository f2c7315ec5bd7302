/* storage_changes.c - the log: what it says since a cursor, and which cursors are valid. */
#include "conformance/storage_checks.h"

#include <stdio.h>
#include <string.h>

#define FIRST ((mt_cursor){{0}, 0})

/* Somebody who follows the log: a graph of its own, brought up to date by what changes name. */
typedef struct follower {
    mti_storage_caller *c;
    const char *name; /* what came from it, it is not sent */
    mt_graph *graph;
    mt_cursor cursor;
    bool end, stale;
    size_t count; /* changes so far, and those of them that name no fields */
    size_t all;
} follower;

static void hear_node(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    follower *f = arg;

    mti_storage_need_ok(f->c, request, answer);
    if (!f->c->trial->broken && mt_graph_merge(f->graph, request->told.graph, NULL) != MT_OK)
        mti_trial_violate(f->c->trial, "the suite fails");
}

/* Asks for what a change is about. */
static void take_changes(void *arg, const mt_storage_answer *answer)
{
    follower *f = arg;

    for (size_t i = 0; i < answer->change_count && !f->c->trial->broken; i++) {
        const mt_storage_change *change = &answer->changes[i];
        mt_storage_key key = {.uid = change->uid,
                              .names = change->names,
                              .name_count = change->all ? 0 : change->name_count,
                              .whole = change->all || change->since > 0};

        f->count++;
        f->all += change->all;
        if (change->origin.len && mt_bytes_equal(change->origin, mt_str(f->name))) continue;
        mti_storage_read(f->c, &key, 1, 0, hear_node, f);
    }
}

static void hear_changes(void *arg, const mti_storage_request *request,
                         const mt_storage_answer *answer)
{
    follower *f = arg;

    f->stale = answer->status == MT_STALE;
    f->end = answer->end || f->stale;
    if (f->stale) return;
    mti_storage_need_ok(f->c, request, answer);
    if (answer->next.number < request->last_number)
        mti_trial_violate(f->c->trial, "what came next is before what came");
    if (!answer->end && request->items == 0 && request->limit > 0)
        mti_trial_violate(f->c->trial, "there are no changes, and that is not their end");
    f->cursor = answer->next;
}

/* Follows by a page. */
static void follow(follower *f, size_t limit)
{
    mti_storage_changes(f->c, &f->cursor, limit, take_changes, hear_changes, f);
    mti_storage_await(f->c);
}

static void follow_to_end(follower *f, size_t limit)
{
    f->end = f->stale = false;
    while (!f->end && !f->c->trial->broken) follow(f, limit);
}

static follower follower_new(mti_storage_caller *c, const char *name)
{
    return (follower){.c = c, .name = name, .graph = mti_storage_graph(c), .cursor = FIRST};
}

/* ---- What it says ---- */

void mti_storage_check_changes(mti_storage_caller *c)
{
    follower f = follower_new(c, "me");

    follow_to_end(&f, 10);
    if (!c->trial->broken && (f.stale || f.count > 0))
        mti_trial_violate(c->trial, "a new storage has changes, or none of which it knows");
    mti_storage_merge(c, "{\"a\":{\"@object\":{\"uid\":\"a\"},\"x\":{\"value\":1,\"state\":1}},"
                         "\"b\":{\"@object\":{\"uid\":\"b\"},\"x\":{\"value\":1,\"state\":1}}}");
    mti_storage_merge_large(c, "large", 300, 1);
    mti_storage_await(c);
    follow_to_end(&f, 2);
    mti_storage_same(c, "who follows", f.graph, c->graph);
    /* From here on, no more is sent than what changed. */
    f.count = f.all = 0;
    mti_storage_merge(c, "{\"large\":{\"@object\":{\"uid\":\"large\"},"
                         "\"f0007\":{\"value\":2,\"state\":2}}}");
    mti_storage_await(c);
    follow_to_end(&f, 10);
    mti_storage_same(c, "who follows", f.graph, c->graph);
    if (!c->trial->broken && (f.count != 1 || f.all > 0))
        mti_trial_violate(c->trial, "one field of a node was changed, and more is named");
    f.count = 0;
    follow_to_end(&f, 10);
    if (f.count > 0) mti_trial_violate(c->trial, "a change is named twice");
    mt_graph_free(f.graph);
}

/* ---- Which cursors are valid ---- */

void mti_storage_check_cursors(mti_storage_caller *c)
{
    follower f = follower_new(c, "me");
    mt_cursor old;

    mti_storage_merge(c, "{\"a\":{\"@object\":{\"uid\":\"a\"},\"x\":{\"value\":1,\"state\":1}}}");
    mti_storage_await(c);
    old = f.cursor = c->head;
    follow_to_end(&f, 1);
    if (!c->trial->broken && (f.stale || f.count > 0))
        mti_trial_violate(c->trial, "the head that a write answered is not where the log ends");
    mti_storage_merge(c, "{\"b\":{\"@object\":{\"uid\":\"b\"},\"x\":{\"value\":1,\"state\":1}}}");
    mti_storage_await(c);
    f.cursor = old;
    follow_to_end(&f, 1);
    if (!c->trial->broken && (f.stale || f.count != 1))
        mti_trial_violate(c->trial, "after a cursor there is a change, and %zu come", f.count);
    f.cursor = old;
    f.cursor.boot[7] ^= 1;
    follow(&f, 1);
    if (!f.stale) mti_trial_violate(c->trial, "a cursor of no known history is valid");
    f.cursor = c->head;
    f.cursor.number += 1000;
    follow(&f, 1);
    if (!f.stale) mti_trial_violate(c->trial, "a cursor of what has not happened is valid");
    mt_graph_free(f.graph);
}

/* ---- Who follows misses nothing ---- */

#define PEERS 3
#define STEPS 120

/* A write of some fields of a node, from a peer who has them already, or from nobody. */
static void write_some(mti_storage_caller *c, follower *peer, uint64_t *rng, uint64_t state)
{
    mt_field fields[2] = {{.name = mt_str("f0001"), .state = state},
                          {.name = mt_str("f0002"), .state = state}};
    char uid[8];
    mt_row row = {.fields = fields, .count = 1 + mti_trial_draw(rng) % 2};
    mti_storage_order order = {.origin = peer->name, .clock = state};

    snprintf(uid, sizeof uid, "n%u", (unsigned)(mti_trial_draw(rng) % 7));
    row.uid = mt_str(uid);
    fields[0].value = mt_number((double)state);
    fields[1].value = mt_text(peer->name);
    if (mti_trial_draw(rng) % 2) row.fields++, row.count = 1;
    if (mti_trial_draw(rng) % 10 == 0) row.floor = state - 1;
    if (*peer->name && mt_graph_merge_rows(peer->graph, &row, 1, NULL) != MT_OK)
        mti_trial_violate(c->trial, "the suite fails");
    order.delta = mti_storage_merge_rows(c, &row, 1);
    if (order.delta) mti_storage_write(c, &order, 0, NULL, NULL);
}

void mti_storage_check_follow(mti_storage_caller *c)
{
    follower peers[PEERS] = {follower_new(c, ""), follower_new(c, "p"), follower_new(c, "q")};
    uint64_t rng = c->subject->seed;

    mti_storage_merge_large(c, "n0", 100, 1);
    for (uint64_t step = 2; step < STEPS && !c->trial->broken; step++) {
        follower *peer = &peers[mti_trial_draw(&rng) % PEERS];

        if (mti_trial_draw(&rng) % 3 == 0) follow(peer, 1 + mti_trial_draw(&rng) % 3);
        else write_some(c, peer, &rng, step);
        if (peer->stale) mti_trial_violate(c->trial, "a cursor of a short log is not valid");
        if (step % 50 == 0 && c->subject->persistent) {
            mti_storage_caller_close(c);
            if (!mti_storage_caller_open(c, false)) break;
        }
    }
    mti_storage_await(c);
    for (size_t i = 0; i < PEERS; i++) {
        follow_to_end(&peers[i], 2);
        mti_storage_same(c, "who follows", peers[i].graph, c->graph);
        mt_graph_free(peers[i].graph);
    }
}
