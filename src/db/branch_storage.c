#include "db/branch_storage.h"

#include "base/bytes.h"
#include "base/status.h"
#include "crdt/rows.h"
#include "db/branch_list.h"
#include "db/branch_view.h"
#include "db/read.h"

/* ---- Read ---- */

/* Nodes that are on their way from the source. */
typedef struct asking {
    mti_branch *branch;
    const mt_storage_host *host;
    uint64_t id;
    mti_block bytes; /* uids and names */
    mt_storage_key *keys;
    size_t count;
} asking;

static void asking_free(asking *a)
{
    const mt_mem *mem = a->branch->db->mem;

    mti_block_free(mem, &a->bytes);
    mti_mem_free(mem, a->keys, a->count * sizeof *a->keys);
    mti_mem_free(mem, a, sizeof *a);
}

/* Copies keys: all their bytes as one block, to which the copies are tied. */
static mt_status keys_copy(asking *a, const mt_storage_key *keys)
{
    const mt_mem *mem = a->branch->db->mem;
    size_t total = a->count, at = 0;
    const mt_bytes *copied;
    mt_bytes *all;
    mt_status st;

    for (size_t i = 0; i < a->count; i++) total += keys[i].name_count;
    if (!(all = mti_mem_alloc(mem, total * sizeof *all))) return MT_NO_MEMORY;
    for (size_t i = 0; i < a->count; i++) {
        all[at++] = keys[i].uid;
        for (size_t n = 0; n < keys[i].name_count; n++) all[at++] = keys[i].names[n];
    }
    st = mti_keys_copy(mem, all, total, &a->bytes);
    mti_mem_free(mem, all, total * sizeof *all);
    if (st != MT_OK) return st;
    copied = a->bytes.data;
    for (size_t i = 0; i < a->count; i++) {
        a->keys[i] = keys[i];
        a->keys[i].uid = *copied++;
        a->keys[i].names = copied;
        copied += keys[i].name_count;
    }
    return MT_OK;
}

/* NULL without memory. */
static asking *asking_new(mti_branch *branch, const mt_storage_key *keys, size_t count)
{
    const mt_mem *mem = branch->db->mem;
    asking *a = mti_mem_alloc(mem, sizeof *a);

    if (!a) return NULL;
    memset(a, 0, sizeof *a);
    a->branch = branch;
    a->count = count;
    a->keys = mti_mem_alloc(mem, count * sizeof *a->keys);
    if (a->keys && keys_copy(a, keys) == MT_OK) return a;
    asking_free(a);
    return NULL;
}

/* Answers with one node, and goes on. */
static mt_status give_node(const asking *a, const mt_storage_key *key, const mt_node *now)
{
    mt_storage_answer answer = {.row_count = 1, .more = true};
    mti_branch_view view;

    if (mti_branch_view_make(a->branch, key, now, &view) != MT_OK) return MT_NO_MEMORY;
    answer.rows = &view.row;
    if (view.row.state_max > 0) a->host->answer(a->host->ctx, a->id, &answer);
    mti_branch_view_free(a->branch, &view);
    return MT_OK;
}

static void asked(void *ctx, mt_db *source, const mt_result *result)
{
    asking *a = ctx;
    mt_storage_answer answer = {.status = result->status, .text = result->text};

    for (size_t i = 0; i < a->count && answer.status == MT_OK; i++)
        answer.status = give_node(a, &a->keys[i], mt_graph_get(source->graph, a->keys[i].uid));
    if (result->status == MT_OK) answer.text = NULL;
    a->host->answer(a->host->ctx, a->id, &answer);
    asking_free(a);
}

static mt_status branch_read(void *ctx, const mt_storage_host *host, uint64_t id,
                             const mt_storage_key *keys, size_t count)
{
    mti_branch *branch = ctx;
    asking *a = asking_new(branch, keys, count);
    mt_status st;

    if (!a) return MT_NO_MEMORY;
    a->host = host;
    a->id = id;
    st = mti_read_raw(branch->source, a->keys, count, asked, a);
    if (st != MT_OK) asking_free(a);
    return st;
}

/* ---- Write ---- */

mt_status mti_edits_add(mt_graph *edits, const mt_delta *delta)
{
    mt_status st = MT_OK;
    mti_delta_rows rows;
    mt_row row;

    mti_delta_rows_init(&rows, delta, MT_UPDATE, false);
    while (st == MT_OK && mti_delta_rows_next(&rows, &row))
        st = mt_graph_merge_rows(edits, &row, 1, NULL);
    return st;
}

static mt_status branch_write(void *ctx, const mt_storage_host *host, uint64_t id,
                              const mt_storage_write *write)
{
    mti_branch *branch = ctx;
    mt_storage_answer answer = {.status = MT_OK};
    mt_graph *edits;
    mt_status st = mt_graph_clone(branch->edits, &edits);

    if (st != MT_OK) return st;
    for (size_t i = 0; i < write->commit_count && st == MT_OK; i++)
        st = mti_edits_add(edits, write->commits[i].delta);
    if (st == MT_OK) {
        mt_graph_free(branch->edits);
        branch->edits = edits;
    } else {
        mt_graph_free(edits);
    }
    answer.status = st;
    host->answer(host->ctx, id, &answer);
    return MT_OK;
}

static mt_status branch_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                               const mt_bytes *uids, size_t count)
{
    (void)ctx;
    (void)host;
    (void)id;
    (void)uids;
    (void)count;
    return MT_UNSUPPORTED;
}

static void branch_close(void *ctx)
{
    mti_branch_free(ctx);
}

const mt_storage_ops mti_branch_storage = {.abi = MT_STORAGE_ABI,
                                           .size = sizeof(mt_storage_ops),
                                           .name = "branch",
                                           .read = branch_read,
                                           .write = branch_write,
                                           .remove = branch_remove,
                                           .close = branch_close,
                                           .list = mti_branch_list};
