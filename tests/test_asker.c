#include "test_asker.h"
#include "base/bytes.h"
#include "crdt/fingerprint.h"
#include "test_binary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(const char *what)
{
    fprintf(stderr, "test_asker: %s\n", what);
    abort();
}

/* ---- Keeping answers ---- */

static mt_bytes kept(test_reply *r, mt_bytes bytes)
{
    return bytes.len ? test_copy(&r->arena, bytes) : (mt_bytes){NULL, 0};
}

static mt_storage_row keep_row(test_reply *r, const mt_storage_row *row)
{
    mt_storage_row copy = *row;
    mt_field *fields = test_take(&r->arena, (row->row.count + 1) * sizeof *fields);

    copy.row.uid = kept(r, row->row.uid);
    copy.row.extension = kept(r, row->row.extension);
    copy.row.fields = fields;
    for (size_t i = 0; i < row->row.count; i++) {
        fields[i] = row->row.fields[i];
        fields[i].name = kept(r, fields[i].name);
        if (fields[i].kind == MT_FIELD_VALUE && fields[i].value.kind >= MT_STRING)
            fields[i].value.as.bytes = kept(r, fields[i].value.as.bytes);
    }
    return copy;
}

static void keep_rows(test_reply *r, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->row_count; i++) {
        const mt_storage_row *before = r->row_count ? &r->rows[r->row_count - 1] : NULL;

        if (before && before->row.more && !mt_bytes_equal(before->row.uid, answer->rows[i].row.uid))
            refuse("the rows of a node do not follow one another");
        r->rows = test_room(&r->arena, r->rows, r->row_count, &r->row_room, sizeof *r->rows);
        r->rows[r->row_count++] = keep_row(r, &answer->rows[i]);
    }
}

static void keep_changes(test_reply *r, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->change_count; i++) {
        mt_storage_change copy = answer->changes[i];
        mt_bytes *names = test_take(&r->arena, (copy.name_count + 1) * sizeof *names);

        for (size_t j = 0; j < copy.name_count; j++) names[j] = kept(r, copy.names[j]);
        copy.names = names;
        copy.uid = kept(r, copy.uid);
        copy.origin = kept(r, copy.origin);
        r->changes =
            test_room(&r->arena, r->changes, r->change_count, &r->change_room, sizeof *r->changes);
        r->changes[r->change_count++] = copy;
    }
}

static void keep_records(test_reply *r, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->record_count; i++) {
        mt_storage_record copy = answer->records[i];

        copy.key = kept(r, copy.key);
        copy.value = test_copy(&r->arena, copy.value);
        r->records =
            test_room(&r->arena, r->records, r->record_count, &r->record_room, sizeof *r->records);
        r->records[r->record_count++] = copy;
    }
}

static void keep_prints(test_reply *r, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->print_count; i++) {
        r->prints =
            test_room(&r->arena, r->prints, r->print_count, &r->print_room, sizeof *r->prints);
        r->prints[r->print_count] = answer->prints[i];
        r->prints[r->print_count++].first = kept(r, answer->prints[i].first);
    }
    for (size_t i = 0; i < answer->item_count; i++) {
        if (r->item_count &&
            mt_bytes_compare(r->items[r->item_count - 1].uid, answer->items[i].uid) >= 0)
            refuse("items are not in uid order");
        r->items = test_room(&r->arena, r->items, r->item_count, &r->item_room, sizeof *r->items);
        r->items[r->item_count] = answer->items[i];
        r->items[r->item_count++].uid = kept(r, answer->items[i].uid);
    }
}

static test_reply **find(test_asker *s, uint64_t id)
{
    test_reply **at = &s->pending;

    while (*at && (*at)->id != id) at = &(*at)->pending;
    if (!*at) refuse("an answer to what was not asked, or was answered before");
    return at;
}

static void answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    test_reply **at = find(ctx, id), *r = *at;

    r->pieces++;
    r->status = answer->status;
    if (answer->text) snprintf(r->text, sizeof r->text, "%s", answer->text);
    if (answer->info) r->info = *answer->info;
    keep_rows(r, answer);
    keep_changes(r, answer);
    keep_records(r, answer);
    keep_prints(r, answer);
    r->next = answer->next;
    r->end = answer->end;
    if (answer->more) {
        if (answer->status != MT_OK) refuse("a failure that is not the last piece");
        return;
    }
    if (r->status == MT_OK && r->row_count && r->rows[r->row_count - 1].row.more)
        refuse("the last row of all is marked to go on");
    r->done = true;
    *at = r->pending;
}

/* ---- Asking ---- */

static uint64_t begin(test_asker *s, test_reply *r)
{
    memset(r, 0, sizeof *r);
    r->id = ++s->last_id;
    r->pending = s->pending;
    s->pending = r;
    return r->id;
}

/* A request that did not start is not answered. */
static void started(test_asker *s, test_reply *r, mt_status status)
{
    test_reply **at;

    if (status == MT_OK) return;
    at = find(s, r->id);
    *at = r->pending;
    r->status = status;
    r->done = true;
}

void test_ask_open(test_asker *s, test_reply *r)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->open(s->storage.ctx, &s->host, id));
}

void test_ask_read(test_asker *s, test_reply *r, const mt_storage_key *keys, size_t count)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->read(s->storage.ctx, &s->host, id, keys, count));
}

void test_ask_list(test_asker *s, test_reply *r, mt_bytes prefix, mt_bytes after, size_t limit)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->list(s->storage.ctx, &s->host, id, prefix, after, limit));
}

void test_ask_write(test_asker *s, test_reply *r, const mt_storage_write *write)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->write(s->storage.ctx, &s->host, id, write));
}

void test_ask_remove(test_asker *s, test_reply *r, const mt_bytes *uids, size_t count)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->remove(s->storage.ctx, &s->host, id, uids, count));
}

void test_ask_changes(test_asker *s, test_reply *r, const mt_cursor *since, size_t limit)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->changes(s->storage.ctx, &s->host, id, since, limit));
}

void test_ask_records(test_asker *s, test_reply *r, mt_bytes prefix, mt_bytes after, size_t limit)
{
    uint64_t id = begin(s, r);

    started(s, r, s->storage.ops->records(s->storage.ctx, &s->host, id, prefix, after, limit));
}

/* What the storage borrows is spoiled once the call returned. */
static void ask_spans(test_asker *s, test_reply *r, const mt_storage_span *spans, size_t count,
                      bool items)
{
    const mt_storage_ops *ops = s->storage.ops;
    uint64_t id = begin(s, r);
    test_arena arena = {0};
    mt_storage_span *lent = test_take(&arena, (count + 1) * sizeof *lent);
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        lent[i] = spans[i];
        lent[i].first = test_copy(&arena, spans[i].first);
        lent[i].end = test_copy(&arena, spans[i].end);
    }
    st = items ? ops->items(s->storage.ctx, &s->host, id, lent, count)
               : ops->fingerprint(s->storage.ctx, &s->host, id, lent, count);
    test_arena_end(&arena);
    started(s, r, st);
}

void test_ask_fingerprint(test_asker *s, test_reply *r, const mt_storage_span *spans, size_t count)
{
    ask_spans(s, r, spans, count, false);
}

void test_ask_items(test_asker *s, test_reply *r, const mt_storage_span *spans, size_t count)
{
    ask_spans(s, r, spans, count, true);
}

void test_await(test_asker *s, test_reply *r)
{
    while (!r->done)
        if (s->te->env.turn(s->te->env.ctx) != MT_OK) refuse("an answer that never comes");
}

void test_reply_end(test_reply *r)
{
    test_arena_end(&r->arena);
    memset(r, 0, sizeof *r);
}

void test_reply_worked(const test_reply *r)
{
    if (r->status != MT_OK) print_error("%s: %s\n", mt_status_name(r->status), r->text);
    HOLDS(r->status == MT_OK);
}

/* ---- Life ---- */

mt_status test_asker_try(test_asker *s, test_env *te, mt_kv kv,
                         const mt_node_store_options *options, test_reply *opened)
{
    mt_status st;

    memset(s, 0, sizeof *s);
    memset(opened, 0, sizeof *opened);
    s->te = te;
    s->host = (mt_storage_host){answered, s};
    st = mt_node_store_new(&te->env, kv, options, &s->storage, NULL);
    if (st != MT_OK) {
        mt_kv_close(&kv);
        return opened->status = st;
    }
    test_ask_open(s, opened);
    test_await(s, opened);
    if (opened->status != MT_OK) mt_storage_close(&s->storage);
    return opened->status;
}

void test_asker_init(test_asker *s, test_env *te, mt_kv kv, const mt_node_store_options *options)
{
    test_reply opened;

    if (test_asker_try(s, te, kv, options, &opened) != MT_OK) fail_msg("%s", opened.text);
    test_reply_end(&opened);
}

void test_asker_end(test_asker *s)
{
    if (s->pending) refuse("a request is under way at the end");
    mt_storage_close(&s->storage);
}

/* ---- Engines that outlive their stores ---- */

static void keep_open(void *ctx)
{
    (void)ctx;
}

mt_kv test_kept_kv(test_kept *engine, mt_kv kv)
{
    engine->kv = kv;
    engine->ops = *kv.ops;
    engine->ops.close = keep_open;
    return (mt_kv){&engine->ops, kv.ctx};
}

/* ---- What must succeed ---- */

test_reply test_asker_read(test_asker *s, const mt_storage_key *keys, size_t count)
{
    test_reply r;

    test_ask_read(s, &r, keys, count);
    test_await(s, &r);
    test_reply_worked(&r);
    return r;
}

test_reply test_asker_changes(test_asker *s, mt_cursor since, size_t limit)
{
    test_reply r;

    test_ask_changes(s, &r, &since, limit);
    test_await(s, &r);
    test_reply_worked(&r);
    return r;
}

static test_reply ask_until_made(test_asker *s, const mt_storage_span *spans, size_t count,
                                 bool items)
{
    test_reply r;

    for (size_t i = 0;; i++) {
        ask_spans(s, &r, spans, count, items);
        test_await(s, &r);
        if (r.status != MT_AGAIN) break;
        HOLDS(i < 100000 && r.text[0]);
        test_reply_end(&r);
    }
    test_reply_worked(&r);
    return r;
}

test_reply test_asker_fingerprint(test_asker *s, const mt_storage_span *spans, size_t count)
{
    return ask_until_made(s, spans, count, false);
}

test_reply test_asker_items(test_asker *s, const mt_storage_span *spans, size_t count)
{
    return ask_until_made(s, spans, count, true);
}

mt_cursor test_asker_write(test_asker *s, mt_delta *delta, const char *origin)
{
    mt_storage_commit commit = {.delta = delta, .origin = mt_str(origin)};
    mt_storage_write write = {.commits = &commit, .commit_count = 1, .clock = 1, .clock_mode = 1};
    mt_cursor head;
    test_reply r;

    test_ask_write(s, &r, &write);
    test_await(s, &r);
    test_reply_worked(&r);
    head = r.next;
    test_reply_end(&r);
    mt_delta_free(delta);
    return head;
}

/* ---- Graphs ---- */

static void merge_rows(mt_graph *graph, const test_reply *r)
{
    for (size_t i = 0; i < r->row_count; i++)
        test_worked(graph, mt_graph_merge_rows(graph, &r->rows[i].row, 1, NULL));
}

mt_graph *test_asker_graph(test_asker *s, size_t limit)
{
    mt_graph *graph = test_graph_new();
    mt_bytes after = {NULL, 0};
    uint8_t uid[MT_UID_LEN_MAX];
    bool end = false;
    test_reply r;

    while (!end) {
        test_ask_list(s, &r, (mt_bytes){NULL, 0}, after, limit);
        test_await(s, &r);
        test_reply_worked(&r);
        merge_rows(graph, &r);
        end = r.end;
        if (r.row_count) {
            mt_bytes last = r.rows[r.row_count - 1].row.uid;

            HOLDS(mt_bytes_compare(after, last) < 0);
            memcpy(uid, last.data, last.len);
            after = (mt_bytes){uid, last.len};
        }
        HOLDS(end || r.row_count > 0);
        test_reply_end(&r);
    }
    return graph;
}

static void node_is(test_asker *s, const mt_node *node)
{
    mt_storage_key key = {.uid = mt_node_uid(node), .whole = true};
    test_reply r = test_asker_read(s, &key, 1);
    mt_graph *graph = test_graph_new();

    HOLDS(r.row_count > 0);
    for (size_t i = 0; i < r.row_count; i++) {
        HOLDS(!r.rows[i].partial && r.rows[i].state_max == mt_node_state_max(node));
        HOLDS(r.rows[i].row.floor == mt_node_floor(node));
    }
    merge_rows(graph, &r);
    HOLDS(mt_graph_count(graph) == 1);
    HOLDS(mt_node_equal(mt_graph_get(graph, key.uid), node));
    mt_graph_free(graph);
    test_reply_end(&r);
}

/* ---- Sums ---- */

static bool is_in(mt_bytes uid, mt_bytes first, mt_bytes end)
{
    return mt_bytes_compare(uid, first) >= 0 && (!end.len || mt_bytes_compare(uid, end) < 0);
}

static mt_storage_print print_of(const mt_graph *graph, mt_bytes first, mt_bytes end)
{
    const mt_bytes all = {NULL, 0};
    mt_storage_print sum = {.count = 0};
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mti_print print = mti_print_node(&mti_space_key, node);

        if (!is_in(mt_node_uid(node), first, end)) continue;
        mti_sum_add(&sum.living, &print.living);
        mti_sum_add(&sum.deleted, &print.deleted);
        sum.count++;
    }
    return sum;
}

/* Each part ends where the next begins. */
static void prints_are(const test_reply *r, const mt_graph *graph, const mt_storage_span *spans,
                       size_t count)
{
    size_t span = 0;

    for (size_t i = 0; i < r->print_count; i++) {
        const mt_storage_print *print = &r->prints[i];
        bool last = i + 1 == r->print_count || r->prints[i + 1].span != print->span;
        mt_storage_print sum;

        HOLDS(print->span == span && span < count);
        if (i == 0 || r->prints[i - 1].span != span)
            HOLDS(mt_bytes_equal(print->first, spans[span].first));
        sum = print_of(graph, print->first, last ? spans[span].end : r->prints[i + 1].first);
        HOLDS(mti_sum_equal(&sum.living, &print->living));
        HOLDS(mti_sum_equal(&sum.deleted, &print->deleted));
        HOLDS(sum.count == print->count);
        span += last;
    }
    HOLDS(span == count);
}

static void items_are(const test_reply *r, const mt_graph *graph, const mt_storage_span *spans,
                      size_t count)
{
    const mt_bytes all = {NULL, 0};
    size_t at = 0;
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mti_print print = mti_print_node(&mti_space_key, node);
        mt_bytes uid = mt_node_uid(node);
        bool within = false;

        for (size_t i = 0; i < count; i++) within |= is_in(uid, spans[i].first, spans[i].end);
        if (!within) continue;
        HOLDS(at < r->item_count && mt_bytes_equal(r->items[at].uid, uid));
        HOLDS(mti_sum_equal(&r->items[at].living, &print.living));
        HOLDS(mti_sum_equal(&r->items[at].deleted, &print.deleted));
        HOLDS(r->items[at].state_max == mt_node_state_max(node));
        at++;
    }
    HOLDS(at == r->item_count);
}

void test_asker_prints_are(test_asker *s, const mt_graph *graph, const mt_storage_span *spans,
                           size_t count)
{
    test_reply r = test_asker_fingerprint(s, spans, count);

    prints_are(&r, graph, spans, count);
    test_reply_end(&r);
    r = test_asker_items(s, spans, count);
    items_are(&r, graph, spans, count);
    test_reply_end(&r);
}

void test_asker_is(test_asker *s, const mt_graph *graph)
{
    const mt_bytes all = {NULL, 0};
    mt_storage_span span = {.parts = 4};
    mt_graph *listed = test_asker_graph(s, 7);
    const mt_node *node;
    mt_graph_iter iter;

    HOLDS(mt_graph_equal(listed, graph));
    mt_graph_free(listed);
    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) node_is(s, node);
    if (s->storage.ops->fingerprint) test_asker_prints_are(s, graph, &span, 1);
}

mt_buf test_row_line(const mt_storage_row *row)
{
    mt_buf line = {.mem = test_mem()};
    char end[64];

    test_binary_add_row(&line, &row->row);
    snprintf(end, sizeof end, "%s max %llu", row->partial ? " partial" : "",
             (unsigned long long)row->state_max);
    line.len--; /* the end of the line */
    HOLDS(mti_buf_append(&line, end, strlen(end)) == MT_OK);
    return line;
}
