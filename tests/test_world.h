/* test_world.h - a node store, and the graph that it should hold. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "test_asker.h"
#include "test_gen.h"
#include <mytosis/conformance.h>

typedef struct test_world {
    test_case *c;
    gen_universe u;
    test_env te;
    test_kept kept; /* the engine, through all openings */
    mt_node_store_options options;
    size_t slice; /* of the index's keeper; 0: its own */
    test_asker store;
    mt_graph *graph; /* what was written, whether or not it was answered */
    mt_cursor head;  /* the last that the store told */
} test_world;

/* Options and a universe out of the case, and a store over an empty engine in memory; `late`: that
 * answers late. */
void test_world_begin(test_world *w, test_case *c, bool late);
void test_world_end(test_world *w);

/* Draws how the fingerprint index is kept, and has a store that was opened keep it so. */
void test_world_draw_index(test_world *w);
void test_world_keep_index(const test_world *w, test_asker *store);

/* Closes the store and opens it again. Nothing is under way. */
void test_world_reopen(test_world *w);

/* Changes a graph in some way: merges rows, or writes a patch. OWNED; NULL where nothing could be
 * written. */
mt_delta *test_world_change(test_world *w, mt_graph *graph);

/* A write of one or several commits, PINNED until its reply is done. */
typedef struct test_writing {
    mt_storage_commit commits[4];
    mt_storage_write write;
    test_reply reply;
} test_writing;

/* Adds a commit; the delta is MOVED. `origin` is static text. */
void test_writing_add(test_writing *w, mt_delta *delta, const char *origin);

/* Starts it, waits for it, frees what it holds. */
void test_writing_start(test_world *w, test_writing *writing);
void test_writing_end(test_world *w, test_writing *writing);

/* Some changes of the world's graph, in a write. */
void test_world_write(test_world *w);

#endif
