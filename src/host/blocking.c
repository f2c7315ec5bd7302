/* The calls of a database for programs without a loop: each starts one, and turns the loop until
 * it has answered.
 *
 * What waits lies in memory of its own: should the loop refuse to turn (we are inside one of its
 * callbacks), the call is canceled, and its answer, which comes later, frees it. */
#include "host/open.h"

#include "base/bytes.h"
#include "base/status.h"
#include "db/db.h"

#include <mytosis/blocking.h>

typedef struct waiting waiting;

/* Takes from a result what is wanted of it. */
typedef mt_status take_fn(waiting *w, const mt_result *result);

struct waiting {
    mt_db *db;
    const mt_mem *mem;
    bool answered, given_up;
    mt_status status;
    take_fn *take;
    mt_handle **nodes; /* where handles go */
    size_t count;
    mt_field *field;
    mt_buf *buf;
    mt_stream_row *row; /* a stream's, with its ctx */
    void *row_ctx;
    uint64_t id;
};

static waiting *waiting_new(mt_db *db, take_fn *take)
{
    waiting *w = mti_mem_alloc(db->mem, sizeof *w);

    if (!w) {
        mti_no_memory(&db->error);
        return NULL;
    }
    memset(w, 0, sizeof *w);
    w->db = db;
    w->mem = db->mem;
    w->take = take;
    return w;
}

static void waiting_free(waiting *w)
{
    mti_mem_free(w->mem, w, sizeof *w);
}

static void answered(void *ctx, mt_db *db, const mt_result *result)
{
    waiting *w = ctx;

    if (w->given_up) {
        waiting_free(w);
        return;
    }
    w->answered = true;
    w->status = result->status;
    if (w->status != MT_OK) mti_db_fail(db, w->status, "%s", result->text);
    else if (w->take) w->status = w->take(w, result);
}

/* Waits for a call that was started with `st`, and frees `w`. */
static mt_status wait_end(waiting *w, mt_status st)
{
    mt_db *db = w->db;
    const mt_env *env = db->env;
    bool started = st == MT_OK;

    if (st == MT_OK && !env->turn) {
        st = MT_UNSUPPORTED;
        mti_db_fail(db, st, "the environment has no turn to wait with");
    }
    while (st == MT_OK && !w->answered && env->turn) st = env->turn(env->ctx);
    if (w->answered) st = w->status;
    else if (st == MT_END)
        st = mti_db_fail(db, MT_INVALID, "nothing is left that could answer the call");
    else if (started && st == MT_INVALID)
        mti_db_fail(db, st, "a blocking call inside a callback of its own loop");
    if (w->answered || !started) {
        waiting_free(w);
        return st;
    }
    w->given_up = true;
    if (w->id) mt_cancel(db, w->id);
    return st;
}

mt_status mti_wait_ready(mt_db *db)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_db_ready(db, answered, w));
}

/* ---- Reading ---- */

/* A hook may have left fewer than were asked for. */
static mt_status take_nodes(waiting *w, const mt_result *result)
{
    for (size_t i = 0; i < w->count; i++) {
        mt_handle *node = i < result->count ? result->nodes[i] : NULL;
        w->nodes[i] = node ? mt_handle_ref(node) : NULL;
    }
    return MT_OK;
}

mt_status mt_nodes_wait(mt_db *db, const mt_bytes *uids, size_t count, const mt_options *options,
                        mt_handle **out)
{
    waiting *w = waiting_new(db, take_nodes);

    if (!w) return MT_NO_MEMORY;
    w->nodes = out;
    w->count = count;
    return wait_end(w, mt_nodes(db, uids, count, options, answered, w, &w->id));
}

mt_status mt_read_wait(mt_db *db, mt_bytes uid, const mt_options *options, mt_handle **out)
{
    return mt_nodes_wait(db, &uid, 1, options, out);
}

/* The answer, with whatever hooks have made of it, is kept until the next one. */
static mt_status take_field(waiting *w, const mt_result *result)
{
    mt_row row = {.fields = &result->fields[0].field, .count = 1};
    mt_db *db = w->db;
    mti_block copy;

    if (!result->fields[0].found) return MT_NOT_FOUND;
    if (mti_rows_copy(db->mem, &row, 1, 1, &copy) != MT_OK) return mti_no_memory(&db->error);
    mti_block_free(db->mem, &db->shown);
    db->shown = copy;
    *w->field = ((const mt_row *)copy.data)->fields[0];
    if (w->nodes) w->nodes[0] = result->nodes[0] ? mt_handle_ref(result->nodes[0]) : NULL;
    return MT_OK;
}

mt_status mt_field_wait(mt_handle *handle, mt_bytes name, const mt_options *options, mt_field *out,
                        mt_handle **to)
{
    mt_db *db = handle->db;
    waiting *w = waiting_new(db, take_field);
    mt_status st;

    if (!w) return MT_NO_MEMORY;
    w->nodes = to;
    w->field = out;
    st = wait_end(w, mt_fields(handle, &name, 1, options, answered, w, &w->id));
    if (st == MT_NOT_FOUND)
        mti_db_fail(db, st, "node \"%.*s\" has no field \"%.*s\"", MTI_SHOW(mt_handle_uid(handle)),
                    MTI_SHOW(name));
    return st;
}

mt_status mt_fields_wait(mt_handle *handle, const mt_bytes *names, size_t count,
                         const mt_options *options)
{
    waiting *w = waiting_new(handle->db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_fields(handle, names, count, options, answered, w, &w->id));
}

static bool row_given(void *ctx, mt_db *db, const mt_row *row)
{
    waiting *w = ctx;
    bool more = w->given_up || w->row(w->row_ctx, db, row);

    /* Nobody can resume a stream that is waited for: to pause it is to end it. */
    if (!more) mt_cancel(db, w->id);
    return more;
}

mt_status mt_stream_wait(mt_db *db, const mt_range *range, mt_stream_row *row, void *ctx)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    w->row = row;
    w->row_ctx = ctx;
    return wait_end(w, mt_stream(db, range, row_given, answered, w, &w->id));
}

static mt_status take_answer(waiting *w, const mt_result *result)
{
    return mti_buf_append(w->buf, result->answer.data, result->answer.len);
}

mt_status mt_query_wait(mt_db *db, const char *engine, mt_bytes query, const mt_options *options,
                        mt_buf *answer)
{
    waiting *w = waiting_new(db, take_answer);

    if (!w) return MT_NO_MEMORY;
    w->buf = answer;
    return wait_end(w, mt_query(db, engine, query, options, answered, w, &w->id));
}

/* ---- Writing ---- */

mt_status mt_write_wait(mt_db *db, const mt_row *rows, size_t count, const mt_options *options,
                        mt_handle **node)
{
    waiting *w = waiting_new(db, node ? take_nodes : NULL);

    if (!w) return MT_NO_MEMORY;
    w->nodes = node;
    w->count = node ? 1 : 0;
    return wait_end(w, mt_write(db, rows, count, options, answered, w, &w->id));
}

mt_status mt_node_write_wait(mt_handle *handle, const mt_field *fields, size_t count,
                             const mt_options *options)
{
    mt_row row = {.uid = mt_handle_uid(handle), .fields = fields, .count = count};

    return mt_write_wait(handle->db, &row, 1, options, NULL);
}

mt_status mt_delete_wait(mt_db *db, mt_bytes uid, const mt_options *options)
{
    mt_row row = {.uid = uid, .delete_node = true};

    return mt_write_wait(db, &row, 1, options, NULL);
}

mt_status mt_delete_fields_wait(mt_db *db, mt_bytes uid, const mt_bytes *names, size_t count,
                                const mt_options *options)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_delete_fields(db, uid, names, count, options, answered, w, &w->id));
}

mt_status mt_commit_wait(mt_db *db, mt_db *branch, const mt_options *options)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_commit(db, branch, options, answered, w, &w->id));
}

mt_status mt_commit_graph_wait(mt_db *db, const mt_graph *graph, const mt_options *options)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_commit_graph(db, graph, options, answered, w, &w->id));
}

mt_status mt_commit_rows_wait(mt_db *db, const mt_row *rows, size_t count,
                              const mt_options *options)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_commit_rows(db, rows, count, options, answered, w, &w->id));
}

mt_status mt_forget_wait(mt_db *db, const mt_bytes *uids, size_t count, const mt_options *options)
{
    waiting *w = waiting_new(db, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_forget(db, uids, count, options, answered, w, &w->id));
}

mt_status mt_rebase_wait(mt_db *branch)
{
    waiting *w = waiting_new(branch, NULL);

    if (!w) return MT_NO_MEMORY;
    return wait_end(w, mt_rebase(branch, answered, w, &w->id));
}
