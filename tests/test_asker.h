/* test_asker.h - a host of storages: asks, waits, and keeps what was answered.
 *
 *     test_asker s;
 *     test_asker_init(&s, &te, kv, NULL);
 *     test_reply r = test_asker_read(&s, keys, 1);
 *     ...
 *     test_reply_end(&r);
 *     test_asker_end(&s);
 *
 * Each request must be answered once, after which nothing more comes; rows of a node must follow one
 * another. Violations end the program. */
#ifndef TEST_ASKER_H
#define TEST_ASKER_H

#include "test_env.h"
#include "test_graph.h"
#include <mytosis/plugin/node_store.h>

/* All that came for a request, COPIED. It must not move before it is answered. */
typedef struct test_reply {
    mt_status status;
    char text[MT_ERROR_TEXT_MAX];
    bool done;
    size_t pieces;
    bool end;
    mt_cursor next;
    mt_storage_info info;
    mt_storage_row *rows;
    size_t row_count, row_room;
    mt_storage_change *changes;
    size_t change_count, change_room;
    mt_storage_record *records;
    size_t record_count, record_room;
    mt_storage_print *prints;
    size_t print_count, print_room;
    mt_storage_item *items;
    size_t item_count, item_room;
    test_arena arena;
    uint64_t id;
    struct test_reply *pending; /* the next one that waits */
} test_reply;

typedef struct test_asker {
    test_env *te;
    mt_storage storage;
    mt_storage_host host;
    uint64_t last_id;
    test_reply *pending;
} test_asker;

/* Makes a node store of an engine, which is MOVED, and opens it. `te->env.mem` is its memory. A
 * failure leaves nothing open. */
mt_status test_asker_try(test_asker *s, test_env *te, mt_kv kv,
                         const mt_node_store_options *options, test_reply *opened);

/* The same, where it must succeed. */
void test_asker_init(test_asker *s, test_env *te, mt_kv kv, const mt_node_store_options *options);

/* Closes it. Nothing is under way. */
void test_asker_end(test_asker *s);

/* Start a request; what the storage borrows must stay as it is until the reply is done. */
void test_ask_open(test_asker *s, test_reply *r);
void test_ask_read(test_asker *s, test_reply *r, const mt_storage_key *keys, size_t count);
void test_ask_list(test_asker *s, test_reply *r, mt_bytes prefix, mt_bytes after, size_t limit);
void test_ask_write(test_asker *s, test_reply *r, const mt_storage_write *write);
void test_ask_remove(test_asker *s, test_reply *r, const mt_bytes *uids, size_t count);
void test_ask_changes(test_asker *s, test_reply *r, const mt_cursor *since, size_t limit);
void test_ask_records(test_asker *s, test_reply *r, mt_bytes prefix, mt_bytes after, size_t limit);

void test_ask_fingerprint(test_asker *s, test_reply *r, const mt_storage_span *spans, size_t count);
void test_ask_items(test_asker *s, test_reply *r, const mt_storage_span *spans, size_t count);

/* Turns until it is done. */
void test_await(test_asker *s, test_reply *r);

/* Frees what a reply holds. */
void test_reply_end(test_reply *r);

/* Holds that it succeeded; else says why not. */
void test_reply_worked(const test_reply *r);

/* An engine that stays when a store closes it, to be opened again: `engine->kv` closes it. */
typedef struct test_kept {
    mt_kv kv;
    mt_kv_ops ops;
} test_kept;

mt_kv test_kept_kv(test_kept *engine, mt_kv kv);

/* ---- What must succeed, waited for ---- */

test_reply test_asker_read(test_asker *s, const mt_storage_key *keys, size_t count);
test_reply test_asker_changes(test_asker *s, mt_cursor since, size_t limit);

/* One commit of a delta that came from `origin`; then the delta is freed. Answers the head. */
mt_cursor test_asker_write(test_asker *s, mt_delta *delta, const char *origin);

/* All that the store lists, as a graph, page by page. */
mt_graph *test_asker_graph(test_asker *s, size_t limit);

/* Asks until the index is made. */
test_reply test_asker_fingerprint(test_asker *s, const mt_storage_span *spans, size_t count);
test_reply test_asker_items(test_asker *s, const mt_storage_span *spans, size_t count);

/* Holds that prints and items of spans, divided as they say, are those of a graph. */
void test_asker_prints_are(test_asker *s, const mt_graph *graph, const mt_storage_span *spans,
                           size_t count);

/* Holds that a store has just the nodes of a graph: listed, read one by one, and added up. */
void test_asker_is(test_asker *s, const mt_graph *graph);

/* A row in words: "\"uid\"^3: \"name\"=\"Ada\"@5 partial max 9". OWNED. */
mt_buf test_row_line(const mt_storage_row *row);

#endif
