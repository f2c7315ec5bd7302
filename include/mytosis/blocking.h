/* mytosis/blocking.h - the calls of mytosis/db.h for programs without a loop: each waits for its
 * answer, running the database's loop meanwhile (mt_env.turn).
 *
 * Not inside a callback of that loop: MT_INVALID. What a call answers and its text are those of the
 * result; the text is mt_db_error's too. */
#ifndef MYTOSIS_BLOCKING_H
#define MYTOSIS_BLOCKING_H

#include <mytosis/db.h>

MT_BEGIN_DECLS

/* Opens a database, OWNED: mt_close. Without an environment in a config it makes a loop of its own;
 * then it also waits until the storage is open. No config gives a database in memory. `err` may be
 * NULL. */
MT_API MT_MUST_USE mt_status mt_open(const mt_config *const *configs, size_t count, mt_db **out,
                                     mt_error *err);

/* Opens the LMDB store at `path`, making it if it is not there. `config` may be NULL; its
 * storage is not set. */
MT_API MT_MUST_USE mt_status mt_open_path(const char *path, const mt_config *config, mt_db **out,
                                          mt_error *err);

/* Closes and waits for it; inside a callback, where it cannot wait, it is closed soon. NULL is accepted. */
MT_API void mt_close(mt_db *db);

/* A node, SHARED with the caller (mt_handle_unref), or NULL where there is none. */
MT_API MT_MUST_USE mt_status mt_read_wait(mt_db *db, mt_bytes uid, const mt_options *options,
                                          mt_handle **out);

/* Nodes, one for each key, each SHARED with the caller, or NULL. */
MT_API MT_MUST_USE mt_status mt_nodes_wait(mt_db *db, const mt_bytes *uids, size_t count,
                                           const mt_options *options, mt_handle **out);

/* One living field, and in `*to` (may be NULL) the node that its edge leads to, SHARED with the
 * caller, or NULL. Views are BORROWED until the database next runs or is written. MT_NOT_FOUND. */
MT_API MT_MUST_USE mt_status mt_field_wait(mt_handle *handle, mt_bytes name,
                                           const mt_options *options, mt_field *out,
                                           mt_handle **to);

/* Loads fields of a node; no names: all of them. Then mt_handle_node has them. */
MT_API MT_MUST_USE mt_status mt_fields_wait(mt_handle *handle, const mt_bytes *names, size_t count,
                                            const mt_options *options);

/* `node` (may be NULL) gets the handle of the first row, SHARED with the caller. */
MT_API MT_MUST_USE mt_status mt_write_wait(mt_db *db, const mt_row *rows, size_t count,
                                           const mt_options *options, mt_handle **node);
MT_API MT_MUST_USE mt_status mt_node_write_wait(mt_handle *handle, const mt_field *fields,
                                                size_t count, const mt_options *options);
MT_API MT_MUST_USE mt_status mt_delete_wait(mt_db *db, mt_bytes uid, const mt_options *options);
MT_API MT_MUST_USE mt_status mt_delete_fields_wait(mt_db *db, mt_bytes uid, const mt_bytes *names,
                                                   size_t count, const mt_options *options);
MT_API MT_MUST_USE mt_status mt_commit_wait(mt_db *db, mt_db *branch, const mt_options *options);
MT_API MT_MUST_USE mt_status mt_commit_graph_wait(mt_db *db, const mt_graph *graph,
                                                  const mt_options *options);
MT_API MT_MUST_USE mt_status mt_commit_rows_wait(mt_db *db, const mt_row *rows, size_t count,
                                                 const mt_options *options);
MT_API MT_MUST_USE mt_status mt_forget_wait(mt_db *db, const mt_bytes *uids, size_t count,
                                            const mt_options *options);
MT_API MT_MUST_USE mt_status mt_rebase_wait(mt_db *branch);
MT_API MT_MUST_USE mt_status mt_stream_wait(mt_db *db, const mt_range *range, mt_stream_row *row,
                                            void *ctx);

/* `*answer` is OWNED: start it with the memory to use. */
MT_API MT_MUST_USE mt_status mt_query_wait(mt_db *db, const char *engine, mt_bytes query,
                                           const mt_options *options, mt_buf *answer);

MT_END_DECLS
#endif
