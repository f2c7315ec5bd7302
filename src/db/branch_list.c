#include "db/branch_list.h"

#include "base/bytes.h"
#include "base/status.h"
#include "db/branch_view.h"

/* A page on its way. What the source lists is gathered as it is now; where it has changed since
 * the branch was made, the base says what it was. */
typedef struct listing {
    mti_branch *branch;
    const mt_storage_host *host;
    uint64_t id;
    uint64_t stream; /* the call of the source */
    mti_block start; /* two keys: the prefix, and room for where the last page ended */
    uint8_t *after;  /* in `start` */
    size_t after_len;
    size_t limit;
    mt_graph *page;   /* of the source */
    mt_status status; /* of gathering it */
} listing;

static void listing_free(listing *l)
{
    const mt_mem *mem = l->branch->db->mem;

    mt_graph_free(l->page);
    mti_block_free(mem, &l->start);
    mti_mem_free(mem, l, sizeof *l);
}

static mt_bytes prefix_of(const listing *l)
{
    return *(const mt_bytes *)l->start.data;
}

static void set_after(listing *l, mt_bytes uid)
{
    l->after_len = uid.len;
    if (uid.len) memcpy(l->after, uid.data, uid.len);
}

/* ---- A page is given ---- */

/* The graphs whose nodes are listed, each with the one that it is at. */
typedef struct walking {
    mt_graph_iter iters[3];
    const mt_node *at[3];
} walking;

static void walk_start(walking *w, const listing *l)
{
    const mt_graph *graphs[3] = {l->page, l->branch->base, l->branch->edits};
    mt_bytes after = {l->after, l->after_len};

    for (size_t i = 0; i < 3; i++) {
        mt_graph_iter_init(&w->iters[i], graphs[i], prefix_of(l), after);
        w->at[i] = mt_graph_iter_next(&w->iters[i]);
        if (w->at[i] && after.len && mt_bytes_equal(mt_node_uid(w->at[i]), after))
            w->at[i] = mt_graph_iter_next(&w->iters[i]);
    }
}

/* The next uid that one of them has. False: there is none. */
static bool walk_next(walking *w, mt_bytes *uid)
{
    bool any = false;

    for (size_t i = 0; i < 3; i++) {
        if (!w->at[i]) continue;
        if (!any || mt_bytes_compare(mt_node_uid(w->at[i]), *uid) < 0) *uid = mt_node_uid(w->at[i]);
        any = true;
    }
    for (size_t i = 0; i < 3 && any; i++)
        if (w->at[i] && mt_bytes_equal(mt_node_uid(w->at[i]), *uid))
            w->at[i] = mt_graph_iter_next(&w->iters[i]);
    return any;
}

/* Answers with one node, and goes on. `*given` counts it, if there is such a node. */
static mt_status give_node(const listing *l, mt_bytes uid, size_t *given)
{
    mt_storage_key key = {.uid = uid, .whole = true};
    mt_storage_answer answer = {.row_count = 1, .more = true};
    const mt_node *now = mt_graph_get(l->page, uid);
    mti_branch_view view;

    /* What the source's storage does not have may be in its memory alone. */
    if (!now) now = mt_graph_get(l->branch->source->graph, uid);
    if (mti_branch_view_make(l->branch, &key, now, &view) != MT_OK) return MT_NO_MEMORY;
    answer.rows = &view.row;
    if (view.row.state_max > 0) {
        l->host->answer(l->host->ctx, l->id, &answer);
        ++*given;
    }
    mti_branch_view_free(l->branch, &view);
    return MT_OK;
}

/* Up to `limit` uids. The source has listed so many, or all it has: so none is missing among
 * them. `*end`: nothing follows. */
static mt_status give_page(listing *l, size_t *given, bool *end)
{
    mt_bytes uid = {NULL, 0};
    mt_status st = MT_OK;
    size_t count = 0;
    walking w;

    walk_start(&w, l);
    *end = false;
    while (st == MT_OK && count < l->limit && !*end) {
        *end = !walk_next(&w, &uid);
        if (!*end) st = give_node(l, uid, given);
        count++;
    }
    if (!*end) set_after(l, uid);
    return st;
}

/* ---- A page is gathered ---- */

static mt_status list_page(listing *l);

static bool list_row(void *ctx, mt_db *source, const mt_row *row)
{
    listing *l = ctx;

    l->status = mt_graph_merge_rows(l->page, row, 1, NULL);
    if (l->status == MT_OK) return true;
    mt_cancel(source, l->stream);
    return false;
}

static void list_end(listing *l, mt_status status, const char *text, bool end)
{
    mt_storage_answer answer = {.status = status, .text = text, .end = end};

    l->host->answer(l->host->ctx, l->id, &answer);
    listing_free(l);
}

static void listed(void *ctx, mt_db *source, const mt_result *result)
{
    listing *l = ctx;
    mt_status st = l->status != MT_OK ? l->status : result->status;
    size_t given = 0;
    bool end = false;

    (void)source;
    if (st != MT_OK) {
        list_end(l, st, l->status != MT_OK ? NULL : result->text, false);
        return;
    }
    st = give_page(l, &given, &end);
    /* A page of which nothing is left does not say where to go on. */
    if (st == MT_OK && given == 0 && !end && (st = list_page(l)) == MT_OK) return;
    list_end(l, st, NULL, end);
}

/* Starts to gather the next page. */
static mt_status list_page(listing *l)
{
    mt_db *db = l->branch->db;
    mt_range range = {.prefix = prefix_of(l), .limit = l->limit, .deleted = true};

    range.after.data = l->after;
    range.after.len = l->after_len;
    mt_graph_free(l->page);
    l->page = NULL;
    if (mt_graph_new(db->mem, &db->limits, &l->page) != MT_OK) return MT_NO_MEMORY;
    return mt_stream(l->branch->source, &range, list_row, listed, l, &l->stream);
}

mt_status mti_branch_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                          mt_bytes after, size_t limit)
{
    static const uint8_t room[MT_UID_LEN_MAX];
    mti_branch *branch = ctx;
    mt_bytes start[2] = {prefix, {room, sizeof room}};
    const mt_bytes *keys;
    listing *l = mti_mem_alloc(branch->db->mem, sizeof *l);
    mt_status st;

    if (!l) return MT_NO_MEMORY;
    memset(l, 0, sizeof *l);
    l->branch = branch;
    l->host = host;
    l->id = id;
    l->limit = limit;
    if ((st = mti_keys_copy(branch->db->mem, start, 2, &l->start)) == MT_OK) {
        keys = l->start.data;
        l->after = (uint8_t *)(uintptr_t)keys[1].data; /* in our own block */
        set_after(l, after);
        st = list_page(l);
    }
    if (st != MT_OK) listing_free(l);
    return st;
}
