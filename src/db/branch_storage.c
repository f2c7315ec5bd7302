#include "db/branch_storage.h"

#include "base/bytes.h"
#include "base/status.h"
#include "crdt/rows.h"
#include "db/read.h"

/* Nodes that are on their way from the source. */
typedef struct asking {
    mti_branch *branch;
    const mt_storage_host *host;
    uint64_t id;
    mti_block uids; /* in order */
    size_t count;
    bool end; /* of a list: nothing follows */
} asking;

static void asking_free(asking *a)
{
    const mt_mem *mem = a->branch->db->mem;

    mti_block_free(mem, &a->uids);
    mti_mem_free(mem, a, sizeof *a);
}

static void answer_status(const mt_storage_host *host, uint64_t id, mt_status status,
                          const char *text)
{
    mt_storage_answer answer = {.status = status, .text = text};

    host->answer(host->ctx, id, &answer);
}

/* ---- A node as the branch sees it ---- */

/* Fields that are gathered, room for `cap`. */
typedef struct gathered {
    mt_field *fields;
    size_t count, cap;
} gathered;

/* The fields of a node, those that `kept` knows as it has them. */
static void gather(const mt_node *node, const mt_node *kept, gathered *out)
{
    mt_field_iter iter;
    mt_field field;

    out->count = 0;
    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &field)) {
        mt_status st = kept ? mt_node_get_any(kept, field.name, &field) : MT_NOT_LOADED;
        if (st != MT_NOT_FOUND && out->count < out->cap) out->fields[out->count++] = field;
    }
}

/* Answers with one node: what it was, and what was edited. */
static mt_status give_node(asking *a, mt_bytes uid, const mt_node *now)
{
    const mt_node *kept = mt_graph_get(a->branch->base, uid);
    const mt_node *edited = mt_graph_get(a->branch->edits, uid);
    const mt_node *from = kept && !mti_node_is_partial(kept) ? kept : now;
    mt_storage_row rows[2];
    mt_storage_answer answer = {.rows = rows, .more = true};
    gathered was = {.cap = from ? mt_node_count_all(from) : 0};
    gathered edits = {.cap = edited ? mt_node_count_all(edited) : 0};
    const mt_mem *mem = a->branch->db->mem;

    was.fields = mti_mem_alloc(mem, (was.cap + edits.cap + 1) * sizeof *was.fields);
    if (!was.fields) return MT_NO_MEMORY;
    edits.fields = was.fields + was.cap;
    memset(rows, 0, sizeof rows);
    if (from) {
        gather(from, from == kept ? NULL : kept, &was);
        rows[0].row.uid = uid;
        rows[0].row.floor = mt_node_floor(kept ? kept : from);
        rows[0].row.fields = was.fields;
        rows[0].row.count = was.count;
        rows[0].state_max = mt_node_state_max(kept ? kept : from);
        if (rows[0].state_max > 0) answer.row_count++;
    }
    if (edited) {
        mt_storage_row *row = &rows[answer.row_count++];
        gather(edited, NULL, &edits);
        memset(row, 0, sizeof *row);
        row->row.uid = uid;
        row->row.floor = mt_node_floor(edited);
        row->row.fields = edits.fields;
        row->row.count = edits.count;
        row->state_max = mt_node_state_max(edited);
    }
    if (answer.row_count > 0) a->host->answer(a->host->ctx, a->id, &answer);
    mti_mem_free(mem, was.fields, (was.cap + edits.cap + 1) * sizeof *was.fields);
    return MT_OK;
}

/* ---- Read ---- */

static void asked(void *ctx, mt_db *source, const mt_result *result)
{
    asking *a = ctx;
    const mt_bytes *uids = a->uids.data;
    mt_storage_answer answer = {.status = result->status, .text = result->text, .end = a->end};

    (void)source;
    for (size_t i = 0; i < a->count && answer.status == MT_OK; i++) {
        const mt_handle *handle = result->nodes[i];
        const mt_node *node =
            handle ? mt_graph_get(handle->db->graph, mt_handle_uid(handle)) : NULL;
        answer.status = give_node(a, uids[i], node);
    }
    if (answer.status == MT_OK) answer.text = NULL;
    a->host->answer(a->host->ctx, a->id, &answer);
    asking_free(a);
}

static mt_status ask(asking *a)
{
    mt_status st = mti_read_raw(a->branch->source, a->uids.data, a->count, asked, a);

    if (st != MT_OK) asking_free(a);
    return st;
}

static asking *asking_new(mti_branch *branch, const mt_storage_host *host, uint64_t id)
{
    asking *a = mti_mem_alloc(branch->db->mem, sizeof *a);

    if (!a) return NULL;
    memset(a, 0, sizeof *a);
    a->branch = branch;
    a->host = host;
    a->id = id;
    return a;
}

static mt_status branch_read(void *ctx, const mt_storage_host *host, uint64_t id,
                             const mt_storage_key *keys, size_t count)
{
    mti_branch *branch = ctx;
    const mt_mem *mem = branch->db->mem;
    asking *a = asking_new(branch, host, id);
    mt_bytes *uids = mti_mem_alloc(mem, (count + 1) * sizeof *uids);
    mt_status st = a && uids ? MT_OK : MT_NO_MEMORY;

    for (size_t i = 0; i < count && uids; i++) uids[i] = keys[i].uid;
    if (st == MT_OK) st = mti_keys_copy(mem, uids, count, &a->uids);
    mti_mem_free(mem, uids, (count + 1) * sizeof *uids);
    if (st == MT_OK) {
        a->count = count;
        return ask(a);
    }
    if (a) asking_free(a);
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
    answer_status(host, id, st, NULL);
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

/* ---- List ---- */

/* Uids that are gathered for a page: first those of the source, then the base's and the edits'
 * among them. */
typedef struct listing {
    mti_branch *branch;
    const mt_storage_host *host;
    uint64_t id;
    mti_block start; /* prefix, after */
    size_t limit;
    mti_block *uids; /* one key each, in order */
    size_t count, cap;
} listing;

static void listing_free(listing *l)
{
    const mt_mem *mem = l->branch->db->mem;

    for (size_t i = 0; i < l->count; i++) mti_block_free(mem, &l->uids[i]);
    mti_mem_free(mem, l->uids, l->cap * sizeof *l->uids);
    mti_block_free(mem, &l->start);
    mti_mem_free(mem, l, sizeof *l);
}

static mt_bytes listed_uid(const listing *l, size_t i)
{
    return *(const mt_bytes *)l->uids[i].data;
}

/* Adds a uid in its place, once. */
static mt_status list_uid(listing *l, mt_bytes uid)
{
    const mt_mem *mem = l->branch->db->mem;
    mti_block *uids, block;
    size_t at = l->count;

    while (at > 0 && mt_bytes_compare(listed_uid(l, at - 1), uid) > 0) at--;
    if (at > 0 && mt_bytes_equal(listed_uid(l, at - 1), uid)) return MT_OK;
    uids = mti_vector_reserve(mem, l->uids, &l->cap, l->count + 1, sizeof *uids);
    if (!uids) return MT_NO_MEMORY;
    l->uids = uids;
    if (mti_keys_copy(mem, &uid, 1, &block) != MT_OK) return MT_NO_MEMORY;
    memmove(&uids[at + 1], &uids[at], (l->count - at) * sizeof *uids);
    uids[at] = block;
    l->count++;
    return MT_OK;
}

static bool list_row(void *ctx, mt_db *db, const mt_row *row)
{
    listing *l = ctx;

    (void)db;
    /* Without memory the page is short, and its end is what came last. */
    return list_uid(l, row->uid) == MT_OK;
}

/* The uids that one of our own graphs has in the page: up to where the source has been listed. */
static mt_status list_graph(listing *l, const mt_graph *graph, mt_bytes last, bool bounded)
{
    const mt_bytes *start = l->start.data;
    mt_graph_iter iter;
    const mt_node *node;
    mt_status st = MT_OK;

    mt_graph_iter_init(&iter, graph, start[0], start[1]);
    while (st == MT_OK && (node = mt_graph_iter_next(&iter))) {
        mt_bytes uid = mt_node_uid(node);
        if (start[1].len && mt_bytes_compare(uid, start[1]) <= 0) continue;
        if (bounded && mt_bytes_compare(uid, last) > 0) break;
        st = list_uid(l, uid);
    }
    return st;
}

/* Reads the nodes of the page as every read does. */
static mt_status list_read(listing *l, bool end)
{
    const mt_mem *mem = l->branch->db->mem;
    size_t count = l->count;
    asking *a = asking_new(l->branch, l->host, l->id);
    mt_bytes *uids = mti_mem_alloc(mem, (count + 1) * sizeof *uids);
    mt_status st = a && uids ? MT_OK : MT_NO_MEMORY;

    for (size_t i = 0; i < count && uids; i++) uids[i] = listed_uid(l, i);
    if (st == MT_OK) st = mti_keys_copy(mem, uids, count, &a->uids);
    mti_mem_free(mem, uids, (count + 1) * sizeof *uids);
    if (st == MT_OK) {
        a->count = count;
        a->end = end;
        return ask(a);
    }
    if (a) asking_free(a);
    return st;
}

static void listed(void *ctx, mt_db *source, const mt_result *result)
{
    listing *l = ctx;
    size_t from_source = l->count;
    bool end = from_source < l->limit;
    mt_bytes last = {NULL, 0};
    mt_status st = result->status;

    (void)source;
    if (from_source > 0) last = listed_uid(l, from_source - 1);
    if (st == MT_OK) st = list_graph(l, l->branch->base, last, !end);
    if (st == MT_OK) st = list_graph(l, l->branch->edits, last, !end);
    if (st == MT_OK) st = list_read(l, end);
    if (st != MT_OK) answer_status(l->host, l->id, st, result->text);
    listing_free(l);
}

static mt_status branch_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                             mt_bytes after, size_t limit)
{
    mti_branch *branch = ctx;
    mt_range range = {.prefix = prefix, .after = after, .limit = limit, .deleted = true};
    mt_bytes start[2] = {prefix, after};
    listing *l = mti_mem_alloc(branch->db->mem, sizeof *l);
    mt_status st;

    if (!l) return MT_NO_MEMORY;
    memset(l, 0, sizeof *l);
    l->branch = branch;
    l->host = host;
    l->id = id;
    l->limit = limit;
    st = mti_keys_copy(branch->db->mem, start, 2, &l->start);
    if (st == MT_OK) st = mt_stream(branch->source, &range, list_row, listed, l, NULL);
    if (st != MT_OK) listing_free(l);
    return st;
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
                                           .list = branch_list};
