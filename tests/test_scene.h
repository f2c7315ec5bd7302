/* test_scene.h - two peers that sync over one pipe, with memory that may fail, in memory or on stores in memory.
 *
 *     test_scene s;
 *     test_scene_begin(&s);
 *     for (size_t i = 0; i < 2; i++) test_scene_open(&s, i, NULL, &(mt_node_store_options){.size = ...});
 *     CHECK(mt_pipe_new(&s.te.env, NULL, &s.ends[0], &s.ends[1], NULL) == MT_OK);
 *     if (test_scene_join(&s)) ...
 *     test_scene_end(&s);
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include "test_env.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>

typedef struct test_scene {
    test_env te;
    fail_mem memory; /* never fails until `fail_at` is set */
    mt_db *dbs[2];
    mt_group *links[2];
    mt_connection *ends[2]; /* the test makes them */
} test_scene;

/* Stays where it is. */
void test_scene_begin(test_scene *s);

/* Opens a peer: `sync` is NULL for all nodes; `store` is NULL for one without a store. */
void test_scene_open(test_scene *s, size_t at, const mt_sync_options *sync,
                     const mt_node_store_options *store);

/* Puts the ends into the groups of the two. False: there was no memory for that. */
bool test_scene_join(test_scene *s);

/* All that a peer has, deletions too. OWNED: mt_graph_free. */
mt_graph *test_scene_graph(const test_scene *s, size_t at);

bool test_scene_are_equal(const test_scene *s);

/* Closes all; nothing is left of what it took. */
void test_scene_end(test_scene *s);

#endif
