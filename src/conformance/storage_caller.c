#include "conformance/storage_caller.h"
#include "conformance/storage_told.h"

#include <mytosis/json.h>

#include <string.h>

#define TURNS_MAX 1000000
#define SPOILED 0xDB
#define LIST_ALL 100000

/* ---- Requests ---- */

static mt_bytes copy(mt_bytes bytes, uint8_t **to)
{
    mt_bytes made = {*to, bytes.len};

    if (bytes.len) memcpy(*to, bytes.data, bytes.len);
    *to += bytes.len;
    return made;
}

/* A request with `extra` bytes of room behind it; NULL: the trial is broken. */
static mti_storage_request *request_new(mti_storage_caller *c, mti_storage_kind kind, size_t extra,
                                        mti_storage_hear hear, void *arg)
{
    mti_storage_request *r = mti_trial_alloc(c->trial, sizeof *r + extra);

    if (!r) return NULL;
    *r = (mti_storage_request){
        .size = sizeof *r + extra, .id = ++c->last_id, .kind = kind, .hear = hear, .arg = arg};
    if (kind == MTI_STORAGE_READ || kind == MTI_STORAGE_LIST) r->told.graph = mti_storage_graph(c);
    r->next = c->under_way;
    c->under_way = r;
    return r;
}

/* Spoils it, so that a storage that still uses it is found out. */
static void request_free(mti_storage_caller *c, mti_storage_request *r)
{
    size_t size = r->size;

    mt_delta_free(r->delta);
    mt_graph_free(r->told.graph);
    memset(r, SPOILED, size);
    mti_trial_free(c->trial, r, size);
}

static mti_storage_request **request_find(mti_storage_caller *c, uint64_t id)
{
    mti_storage_request **at = &c->under_way;

    while (*at && (*at)->id != id) at = &(*at)->next;
    return at;
}

void mti_storage_need_ok(mti_storage_caller *c, const mti_storage_request *request,
                         const mt_storage_answer *answer)
{
    if (answer->status == MT_OK) return;
    mti_trial_violate(c->trial, "a %s came to %s: %s", mti_storage_kind_name(request->kind),
                      mt_status_name(answer->status), answer->text ? answer->text : "no text");
}

static void caller_answer(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    mti_storage_caller *c = ctx;
    mti_storage_request *r = *request_find(c, id);

    if (!c->storage.ops) mti_trial_violate(c->trial, "an answer came after the end");
    if (!r) {
        mti_trial_violate(c->trial, "an answer to request %llu, which %s", (unsigned long long)id,
                          id - 1 < c->last_id ? "was answered before" : "was never made");
        return;
    }
    if (!c->trial->broken) mti_storage_told_check(c->trial, r, answer);
    if (!c->trial->broken && r->piece && answer->status == MT_OK) r->piece(r->arg, answer);
    if (answer->more) return;
    *request_find(c, id) = r->next;
    if (answer->status == MT_OK && r->kind == MTI_STORAGE_WRITE) c->head = answer->next;
    if (!c->trial->broken) {
        if (r->hear) r->hear(r->arg, r, answer);
        else mti_storage_need_ok(c, r, answer);
    }
    request_free(c, r);
}

/* After the storage was called: a request that did not start must be unanswered, and stays so. */
static void start_end(mti_storage_caller *c, uint64_t id, mt_status st)
{
    mti_storage_request **at = request_find(c, id), *r = *at;
    mt_storage_answer failed = {.status = st, .text = "it did not start"};

    if (st == MT_OK) return;
    if (!r) {
        mti_trial_violate(c->trial, "a request was answered, and its start came to %s",
                          mt_status_name(st));
        return;
    }
    *at = r->next;
    if (r->hear) r->hear(r->arg, r, &failed);
    else mti_storage_need_ok(c, r, &failed);
    request_free(c, r);
}

/* ---- Reads and removals: what they are given is lent for as long as the call takes ---- */

static size_t keys_size(const mt_storage_key *keys, size_t count)
{
    size_t size = count * sizeof *keys;

    for (size_t i = 0; i < count; i++) {
        size += keys[i].uid.len + keys[i].name_count * sizeof(mt_bytes);
        for (size_t j = 0; j < keys[i].name_count; j++) size += keys[i].names[j].len;
    }
    return size;
}

/* Names first, as they are aligned; then the text. */
static void keys_copy(const mt_storage_key *keys, size_t count, mt_storage_key *to)
{
    mt_bytes *names = (mt_bytes *)(to + count);
    size_t name_count = 0;
    uint8_t *text;

    for (size_t i = 0; i < count; i++) name_count += keys[i].name_count;
    text = (uint8_t *)(names + name_count);
    for (size_t i = 0; i < count; i++) {
        to[i] = keys[i];
        to[i].uid = copy(keys[i].uid, &text);
        to[i].names = names;
        for (size_t j = 0; j < keys[i].name_count; j++) *names++ = copy(keys[i].names[j], &text);
    }
}

void mti_storage_read(mti_storage_caller *c, const mt_storage_key *keys, size_t count,
                      uint64_t note, mti_storage_hear hear, void *arg)
{
    size_t size = keys_size(keys, count) + 1;
    mti_storage_request *r = request_new(c, MTI_STORAGE_READ, size, hear, arg);
    mt_storage_key *lent = r ? mti_trial_alloc(c->trial, size) : NULL;
    uint64_t id;
    mt_status st;

    if (!lent) return;
    id = r->id;
    r->note = note;
    r->keys = (mt_storage_key *)(r + 1);
    r->count = count;
    keys_copy(keys, count, (mt_storage_key *)(r + 1));
    keys_copy(keys, count, lent);
    st = c->ops.read(c->storage.ctx, &c->host, id, lent, count);
    memset(lent, SPOILED, size);
    mti_trial_free(c->trial, lent, size);
    start_end(c, id, st);
}

void mti_storage_remove(mti_storage_caller *c, const mt_bytes *uids, size_t count,
                        mti_storage_hear hear, void *arg)
{
    mti_storage_request *r = request_new(c, MTI_STORAGE_REMOVE, 0, hear, arg);
    size_t size = count * sizeof *uids + 1;
    uint8_t *text;
    mt_bytes *lent;
    uint64_t id;
    mt_status st;

    for (size_t i = 0; i < count; i++) size += uids[i].len;
    lent = r ? mti_trial_alloc(c->trial, size) : NULL;
    if (!lent) return;
    id = r->id;
    text = (uint8_t *)(lent + count);
    for (size_t i = 0; i < count; i++) lent[i] = copy(uids[i], &text);
    st = c->ops.remove(c->storage.ctx, &c->host, id, lent, count);
    memset(lent, SPOILED, size);
    mti_trial_free(c->trial, lent, size);
    start_end(c, id, st);
}

/* A request of a range, which is lent too. */
static mti_storage_request *range_new(mti_storage_caller *c, mti_storage_kind kind, mt_bytes prefix,
                                      mt_bytes after, size_t limit, uint8_t **lent)
{
    size_t size = prefix.len + after.len + 1;
    mti_storage_request *r = request_new(c, kind, size, NULL, NULL);
    uint8_t *text;

    *lent = r ? mti_trial_alloc(c->trial, size) : NULL;
    if (!*lent) return NULL;
    text = (uint8_t *)(r + 1);
    r->prefix = copy(prefix, &text);
    r->after = copy(after, &text);
    r->limit = limit;
    text = *lent;
    copy(prefix, &text);
    copy(after, &text);
    return r;
}

static void range_end(mti_storage_caller *c, uint64_t id, uint8_t *lent, size_t size, mt_status st)
{
    memset(lent, SPOILED, size);
    mti_trial_free(c->trial, lent, size);
    start_end(c, id, st);
}

void mti_storage_list(mti_storage_caller *c, mt_bytes prefix, mt_bytes after, size_t limit,
                      uint64_t note, mti_storage_hear hear, void *arg)
{
    uint8_t *lent;
    mti_storage_request *r = range_new(c, MTI_STORAGE_LIST, prefix, after, limit, &lent);
    uint64_t id = r ? r->id : 0;

    if (!r) return;
    r->hear = hear;
    r->arg = arg;
    r->note = note;
    range_end(c, id, lent, prefix.len + after.len + 1,
              c->ops.list(c->storage.ctx, &c->host, id, (mt_bytes){lent, prefix.len},
                          (mt_bytes){lent + prefix.len, after.len}, limit));
}

void mti_storage_records(mti_storage_caller *c, mt_bytes prefix, mt_bytes after, size_t limit,
                         mti_storage_piece piece, mti_storage_hear hear, void *arg)
{
    uint8_t *lent;
    mti_storage_request *r = range_new(c, MTI_STORAGE_RECORDS, prefix, after, limit, &lent);
    uint64_t id = r ? r->id : 0;

    if (!r) return;
    r->piece = piece;
    r->hear = hear;
    r->arg = arg;
    range_end(c, id, lent, prefix.len + after.len + 1,
              c->ops.records(c->storage.ctx, &c->host, id, (mt_bytes){lent, prefix.len},
                             (mt_bytes){lent + prefix.len, after.len}, limit));
}

void mti_storage_changes(mti_storage_caller *c, const mt_cursor *since, size_t limit,
                         mti_storage_piece piece, mti_storage_hear hear, void *arg)
{
    mti_storage_request *r = request_new(c, MTI_STORAGE_CHANGES, 0, hear, arg);
    mt_cursor lent = *since;
    uint64_t id;
    mt_status st;

    if (!r) return;
    id = r->id;
    r->piece = piece;
    r->since = *since;
    r->last_number = since->number;
    r->limit = limit;
    st = c->ops.changes(c->storage.ctx, &c->host, id, &lent, limit);
    memset(&lent, SPOILED, sizeof lent);
    start_end(c, id, st);
}

static size_t spans_size(const mt_storage_span *spans, size_t count)
{
    size_t size = count * sizeof *spans;

    for (size_t i = 0; i < count; i++) size += spans[i].first.len + spans[i].end.len;
    return size;
}

static void spans_copy(const mt_storage_span *spans, size_t count, mt_storage_span *to)
{
    uint8_t *text = (uint8_t *)(to + count);

    for (size_t i = 0; i < count; i++) {
        to[i] = spans[i];
        to[i].first = copy(spans[i].first, &text);
        to[i].end = copy(spans[i].end, &text);
    }
}

void mti_storage_spans(mti_storage_caller *c, mti_storage_kind kind, const mt_storage_span *spans,
                       size_t count, uint64_t note, mti_storage_piece piece, mti_storage_hear hear,
                       void *arg)
{
    size_t size = spans_size(spans, count) + 1;
    mti_storage_request *r = request_new(c, kind, size, hear, arg);
    mt_storage_span *lent = r ? mti_trial_alloc(c->trial, size) : NULL;
    uint64_t id;
    mt_status st;

    if (!lent) return;
    id = r->id;
    r->note = note;
    r->piece = piece;
    r->spans = (mt_storage_span *)(r + 1);
    r->count = count;
    spans_copy(spans, count, r->spans);
    spans_copy(spans, count, lent);
    if (kind == MTI_STORAGE_ITEMS) st = c->ops.items(c->storage.ctx, &c->host, id, lent, count);
    else st = c->ops.fingerprint(c->storage.ctx, &c->host, id, lent, count);
    memset(lent, SPOILED, size);
    mti_trial_free(c->trial, lent, size);
    start_end(c, id, st);
}

/* ---- Writes: all of it is pinned, in the request ---- */

void mti_storage_write(mti_storage_caller *c, const mti_storage_order *order, uint64_t note,
                       mti_storage_hear hear, void *arg)
{
    mt_bytes key = mt_str(order->key), value = mt_str(order->value), origin = mt_str(order->origin);
    size_t extra = sizeof(mt_storage_record) + key.len + value.len + origin.len + 1;
    mti_storage_request *r = request_new(c, MTI_STORAGE_WRITE, extra, hear, arg);
    mt_storage_record *record;
    uint8_t *text;
    uint64_t id;

    if (!r) {
        mt_delta_free(order->delta);
        return;
    }
    id = r->id;
    record = (mt_storage_record *)(r + 1);
    text = (uint8_t *)(record + 1);
    record->key = copy(key, &text);
    record->value = order->value ? copy(value, &text) : value;
    r->delta = order->delta;
    r->commit = (mt_storage_commit){
        .delta = order->delta, .origin = copy(origin, &text), .whole = order->whole};
    r->write = (mt_storage_write){.commits = &r->commit,
                                  .commit_count = order->delta ? 1 : 0,
                                  .records = record,
                                  .record_count = order->key ? 1 : 0,
                                  .clock = order->clock,
                                  .clock_mode = order->clock_mode};
    r->note = note;
    start_end(c, id, c->ops.write(c->storage.ctx, &c->host, id, &r->write));
}

/* ---- The loop ---- */

bool mti_storage_turn(mti_storage_caller *c)
{
    const mt_env *env = c->trial->env;

    return env->turn(env->ctx) == MT_OK;
}

void mti_storage_await(mti_storage_caller *c)
{
    size_t turns = 0;

    while (c->under_way && turns++ < TURNS_MAX)
        if (!mti_storage_turn(c)) break;
    if (!c->under_way) return;
    mti_trial_violate(c->trial, "a %s is never answered",
                      mti_storage_kind_name(c->under_way->kind));
    while (c->under_way) {
        mti_storage_request *r = c->under_way;

        c->under_way = r->next;
        request_free(c, r);
    }
}

/* ---- Opening and closing ---- */

static void hear_open(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;

    mti_storage_need_ok(c, request, answer);
    if (answer->info) c->info = *answer->info;
}

bool mti_storage_caller_open(mti_storage_caller *c, bool fresh)
{
    mti_storage_request *r;
    mt_error err = {MT_OK, ""};
    mt_status st = c->subject->open(c->subject->ctx, fresh, &c->storage, &err);

    if (st != MT_OK) {
        mti_trial_violate(c->trial, "it did not open: %.200s", err.text);
        c->trial->first = (mt_error){.status = st};
        memcpy(c->trial->first.text, err.text, sizeof err.text);
        return false;
    }
    memset(&c->ops, 0, sizeof c->ops);
    memcpy(&c->ops, c->storage.ops,
           c->storage.ops->size < sizeof c->ops ? c->storage.ops->size : sizeof c->ops);
    c->host = (mt_storage_host){caller_answer, c};
    if (fresh || !c->graph) {
        mt_graph_free(c->graph);
        c->graph = mti_storage_graph(c);
    }
    memset(&c->info, 0, sizeof c->info);
    if (c->ops.open && (r = request_new(c, MTI_STORAGE_OPEN, 0, hear_open, c))) {
        uint64_t id = r->id;

        start_end(c, id, c->ops.open(c->storage.ctx, &c->host, id));
    }
    mti_storage_await(c);
    c->head = c->info.head;
    return !c->trial->broken;
}

void mti_storage_caller_close(mti_storage_caller *c)
{
    if (!c->storage.ops) return;
    mti_storage_await(c);
    mt_storage_close(&c->storage);
    for (size_t turns = 0; turns < 10 && mti_storage_turn(c); turns++) {
    }
}

void mti_storage_caller_end(mti_storage_caller *c)
{
    mt_graph_free(c->graph);
    c->graph = NULL;
}

/* ---- Graphs ---- */

mt_graph *mti_storage_graph(mti_storage_caller *c)
{
    mt_graph *graph = NULL;

    if (mt_graph_new(c->trial->env->mem, NULL, &graph) == MT_OK) return graph;
    mti_trial_violate(c->trial, "the suite is out of memory");
    return NULL;
}

mt_delta *mti_storage_merge_rows(mti_storage_caller *c, const mt_row *rows, size_t count)
{
    mt_delta *delta = NULL;

    if (!c->trial->broken && mt_graph_merge_rows(c->graph, rows, count, &delta) != MT_OK)
        mti_trial_violate(c->trial, "the suite fails: %.200s", mt_graph_error(c->graph)->text);
    return delta;
}

void mti_storage_merge_from(mti_storage_caller *c, const char *json, const char *origin)
{
    mti_storage_order order = {.origin = origin, .clock = 1, .clock_mode = 1};
    mt_graph *graph = NULL;
    mt_error err = {MT_OK, ""};

    if (c->trial->broken) return;
    if (mt_json_load(c->trial->env->mem, NULL, "suite", mt_str(json), &graph, &err) != MT_OK ||
        mt_graph_merge(c->graph, graph, &order.delta) != MT_OK)
        mti_trial_violate(c->trial, "the suite fails: %.200s", err.text);
    mt_graph_free(graph);
    mti_storage_write(c, &order, 0, NULL, NULL);
}

void mti_storage_merge(mti_storage_caller *c, const char *json)
{
    mti_storage_merge_from(c, json, NULL);
}

void mti_storage_same(mti_storage_caller *c, const char *what, const mt_graph *found,
                      const mt_graph *expected)
{
    const mt_bytes all = {NULL, 0};
    const mt_node *node, *other;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, expected, all, all);
    while (!c->trial->broken && (node = mt_graph_iter_next(&iter))) {
        other = mt_graph_get(found, mt_node_uid(node));
        if (!other)
            mti_trial_violate(c->trial, "%s lacks the node %s", what,
                              mti_show(mt_node_uid(node)).text);
        else if (!mt_node_equal(node, other))
            mti_trial_violate(c->trial, "%s has another node %s", what,
                              mti_show(mt_node_uid(node)).text);
    }
    if (!c->trial->broken && mt_graph_count(found) != mt_graph_count(expected))
        mti_trial_violate(c->trial, "%s has %zu nodes, not %zu", what, mt_graph_count(found),
                          mt_graph_count(expected));
}

static void hear_all(void *arg, const mti_storage_request *request, const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;

    mti_storage_need_ok(c, request, answer);
    if (c->trial->broken) return;
    if (request->kind == MTI_STORAGE_LIST && !answer->end)
        mti_trial_violate(c->trial, "a list of everything does not say that it ended");
    mti_storage_same(c, request->kind == MTI_STORAGE_LIST ? "a list" : "a read",
                     request->told.graph, c->graph);
}

static void hear_one(void *arg, const mti_storage_request *request, const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;
    const mt_node *node = mt_graph_get(c->graph, request->keys[0].uid);
    const mt_node *found = mt_graph_get(request->told.graph, request->keys[0].uid);

    mti_storage_need_ok(c, request, answer);
    if (!c->trial->broken && (!found || !node || !mt_node_equal(found, node)))
        mti_trial_violate(c->trial, "the node %s is read %s", mti_show(request->keys[0].uid).text,
                          found ? "as another one" : "as if it were not there");
}

void mti_storage_expect_all(mti_storage_caller *c)
{
    const mt_bytes all = {NULL, 0};
    const mt_storage_span span = {.parts = 4};
    size_t count, at = 0, size;
    mt_storage_key *keys;
    const mt_node *node;
    mt_graph_iter iter;

    mti_storage_await(c);
    if (c->trial->broken) return;
    count = mt_graph_count(c->graph);
    size = (count + 1) * sizeof *keys;
    if (!(keys = mti_trial_alloc(c->trial, size))) return;
    mt_graph_iter_init(&iter, c->graph, all, all);
    while ((node = mt_graph_iter_next(&iter)))
        keys[at++] = (mt_storage_key){.uid = mt_node_uid(node), .whole = true};
    mti_storage_read(c, keys, count, 0, hear_all, c);
    /* Of very many, some by themselves. */
    for (size_t i = 0; i < count; i += 1 + count / 200)
        mti_storage_read(c, &keys[i], 1, 0, hear_one, c);
    mti_trial_free(c->trial, keys, size);
    if (c->ops.list) mti_storage_list(c, all, all, LIST_ALL, 0, hear_all, c);
    mti_storage_await(c);
    mti_storage_expect_prints(c, &span, 1);
}

static void hear_none(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;

    mti_storage_need_ok(c, request, answer);
    if (mt_graph_count(request->told.graph) > 0)
        mti_trial_violate(c->trial, "there is a node %s", mti_show(request->keys[0].uid).text);
}

void mti_storage_expect_none(mti_storage_caller *c, mt_bytes uid)
{
    mt_storage_key key = {.uid = uid, .whole = true};

    mti_storage_await(c);
    mti_storage_read(c, &key, 1, 0, hear_none, c);
    mti_storage_await(c);
}
