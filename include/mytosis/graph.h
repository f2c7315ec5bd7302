/* mytosis/graph.h - a graph in memory: all nodes by uid, and the rule that makes replicas agree.
 *
 *     mt_graph *graph;
 *     mt_graph_new(mt_mem_system(), NULL, &graph);
 *     mt_graph_set(graph, mt_str("ada"), mt_str("name"), mt_text("Ada Lovelace"));
 *     mt_graph_set(graph, mt_str("ada"), mt_str("friend"), mt_edge_to("charles"));
 *     mt_graph_free(graph);
 *
 * Whatever order graphs are merged in, and however often, the result is the same to the byte. A
 * call that fails changes nothing. Threads: a graph, its clones and their deltas share memory
 * and belong to one thread. */
#ifndef MYTOSIS_GRAPH_H
#define MYTOSIS_GRAPH_H

#include <mytosis/delta.h>
#include <mytosis/node.h>

MT_BEGIN_DECLS

/* A graph: a map from uids to nodes. */
typedef struct mt_graph mt_graph;

/* An empty graph, OWNED: free it with mt_graph_free. `mem` is BORROWED for the graph's life,
 * `limits` COPIED (NULL: defaults). MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_graph_new(const mt_mem *mem, const mt_limits *limits,
                                          mt_graph **out);

/* Frees the graph; clones and deltas of it live on. NULL is accepted. */
MT_API void mt_graph_free(mt_graph *graph);

/* A copy, OWNED, that takes the same short time whatever the size: both share everything, and
 * each pays only for what it edits later. Listeners are not taken along. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_graph_clone(const mt_graph *graph, mt_graph **out);

/* What the last call that failed on this graph said. BORROWED until the next call fails. */
MT_API const mt_error *mt_graph_error(const mt_graph *graph);

/* Bytes of memory held by the graph, its clones and its deltas together. */
MT_API size_t mt_graph_memory(const mt_graph *graph);

/* ---- Reading ---- */

/* How many nodes there are, those without a living field included. */
MT_API size_t mt_graph_count(const mt_graph *graph);

/* The node, or NULL. BORROWED until the graph next changes. Nodes that are deleted, or empty,
 * are found: see mt_node_count. */
MT_API const mt_node *mt_graph_get(const mt_graph *graph, mt_bytes uid);

/* Walks nodes in uid order. */
typedef struct mt_graph_iter {
    mt_walk walk;
    mt_bytes prefix;
} mt_graph_iter;

/* Starts before the first node whose uid has `prefix` (empty: every node) and sorts at or after
 * `from` (empty: from the start). `prefix` is BORROWED while the iterator is used. */
MT_API void mt_graph_iter_init(mt_graph_iter *iter, const mt_graph *graph, mt_bytes prefix,
                               mt_bytes from);

/* The next node, BORROWED until the graph next changes; NULL at the end. */
MT_API const mt_node *mt_graph_iter_next(mt_graph_iter *iter);

/* Whether both hold the same nodes with the same fields, states and floors. */
MT_API bool mt_graph_equal(const mt_graph *a, const mt_graph *b);

/* Appends the living nodes as plain JSON without states: {"ada":{"name":"Ada"}}. The text is a
 * patch that brings these values back. MT_NO_MEMORY leaves `out` as it was. */
MT_API MT_MUST_USE mt_status mt_graph_snapshot(const mt_graph *graph, mt_buf *out);

/* ---- Writing ---- */

/* Writes a patch: of each row, its uid, its fields' names, values and kinds (MT_FIELD_DELETED
 * writes a delete marker) and `delete_node`. All of it or, on failure, nothing. A row without
 * fields creates an empty node. Rows are written one after the other, so that of two rows with one
 * uid the second overwrites the first.
 *
 * `state` 0: each field gets max(its state, its node's floor) + 1, and `delete_node` sets the
 * floor to the node's highest state. Otherwise every field gets `state`, `delete_node` sets the
 * floor to `state` - 1, and all must be above what is there. A delete marker is written whether
 * or not there is a field; deleting a node that holds no state, by `state` 0, changes nothing.
 *
 * `delta` may be NULL; else it gets what changed, OWNED. MT_INVALID, MT_TOO_LARGE: a value, name
 * or uid that cannot be; a name twice in a row. MT_STATE: a step past 2^53 - 1, or a given
 * state too low. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_graph_patch(mt_graph *graph, const mt_row *rows, size_t count,
                                            uint64_t state, mt_delta **delta);

/* Writes one field. As mt_graph_patch. */
MT_API MT_MUST_USE mt_status mt_graph_set(mt_graph *graph, mt_bytes uid, mt_bytes name,
                                          mt_value value);

/* Deletes one field of a node, or a node. As mt_graph_patch. */
MT_API MT_MUST_USE mt_status mt_graph_remove(mt_graph *graph, mt_bytes uid, mt_bytes name);
MT_API MT_MUST_USE mt_status mt_graph_remove_node(mt_graph *graph, mt_bytes uid);

/* ---- Merging ---- */

/* Merges `incoming` into `graph`. `delta` may be NULL; else it gets what happened, OWNED.
 * MT_NO_MEMORY; MT_TOO_LARGE where `graph` has narrower limits than `incoming`. */
MT_API MT_MUST_USE mt_status mt_graph_merge(mt_graph *graph, const mt_graph *incoming,
                                            mt_delta **delta);

/* Merges rows, as they come from a reader. Rows may name a node more than once. Also MT_INVALID
 * and MT_STATE for what no graph may hold. Fields at or below their row's floor are gone. */
MT_API MT_MUST_USE mt_status mt_graph_merge_rows(mt_graph *graph, const mt_row *rows, size_t count,
                                                 mt_delta **delta);

/* ---- Comparing ---- */

/* Replays `source` on top of `target` into a new graph, OWNED. A field that both have gets the
 * value of `source` at max(state in target + 1, state in source); any other stays as it is. A
 * floor of `source` that is above that of `target` becomes max(the target node's highest state,
 * that floor). The living fields of `source` come to lie above the floor of the result, whichever
 * side it is from. MT_STATE: a step past 2^53 - 1. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_graph_rebase(const mt_graph *source, const mt_graph *target,
                                             mt_graph **out, mt_error *err);

/* The fields of `source` that `target` has too, as a new graph, OWNED. A delete marker is a
 * field; a floor is kept where both have one. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_graph_overlap(const mt_graph *source, const mt_graph *target,
                                              mt_graph **out, mt_error *err);

/* The least graph d with merge(b, d) = merge(b, a), as a new graph, OWNED. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_graph_diff(const mt_graph *a, const mt_graph *b, mt_graph **out,
                                           mt_error *err);

/* ---- Listening ---- */

/* Called after every patch and merge that changed the graph or came too late, with a delta
 * BORROWED until it returns. It may read the graph, and must change neither it nor its
 * listeners. */
typedef void mt_graph_listener(void *ctx, mt_graph *graph, const mt_delta *delta);

/* Adds a listener; listeners are called in the order in which they were added. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_graph_listen(mt_graph *graph, mt_graph_listener *listener,
                                             void *ctx);

/* Removes the listener that was added with the same two arguments, if there is one. */
MT_API void mt_graph_unlisten(mt_graph *graph, mt_graph_listener *listener, void *ctx);

MT_END_DECLS
#endif
