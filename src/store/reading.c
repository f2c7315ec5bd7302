/* reading.c - nodes, by their uids or in their order.
 *
 *     read    HEADS    a get of all nodes: rows of the small ones
 *             ENTER    from here on, nobody takes nodes apart
 *             NAMES    a get of the fields that were asked for by name
 *             FIELDS   scans of the nodes that were asked for whole, one after the other
 *
 *     list    NODES    a scan of nodes: rows, up to the first large one
 *             ENTER, FIELDS as above, for that one
 *             LEAVE    then NODES again, after it
 *
 * What is damaged is left out: all that is sound comes first, then the last piece tells of the first
 * damage. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"
#include "store/readers.h"

/* How many pairs are asked for at once. */
#define NODES_PAGE 256
#define FIELDS_PAGE 256

/* How many nodes are asked for behind a large one: where all are large, the others would be read in
 * vain each time. */
#define NODES_PAGE_FEW 8

/* A node that is asked for. Its uid stands behind the first byte of its key. */
typedef struct wanted {
    mt_bytes uid;
    const mt_bytes *names;
    size_t name_count;
    bool whole;
    mti_large large;  /* when it was found to be a large node */
    bool damaged;     /* a field of it is, and was left out */
    mt_buf extension; /* of its record, which is gone when its fields are read */
} wanted;

typedef struct reading {
    mti_asking asking;
    enum { HEADS, ENTER, NAMES, FIELDS, NODES, LEAVE } stage;
    bool list;
    bool entered;
    uint64_t seen; /* `restructured` when the nodes were looked at */
    mti_piece piece;
    mt_error damage;
    wanted *nodes; /* that are not done yet */
    size_t count, node_cap;
    size_t at;      /* FIELDS: the node */
    mt_bytes *keys; /* HEADS */
    void *block;    /* what the above lie in */
    size_t block_size;
    void *field_block; /* the keys of NAMES */
    size_t field_size;
    mti_key after, end; /* FIELDS */
    mti_key list_after, list_end;
    size_t left; /* NODES: how many nodes may still come */
    size_t page; /* and how many are asked for at once */
    bool more;   /* there may be more of them */
} reading;

/* ---- Handing out ---- */

/* Hands out what the piece holds, if anything. */
static void flush(reading *r)
{
    mt_storage_answer answer = {
        .more = true, .rows = r->piece.rows, .row_count = r->piece.row_count};

    mti_piece_close(&r->piece, true);
    if (answer.row_count > 0) mti_asking_tell(&r->asking, &answer);
    mti_piece_clear(&r->piece);
}

static void end(reading *r, const mt_storage_answer *answer)
{
    mti_node_store *store = r->asking.store;
    bool entered = r->entered;

    mti_asking_end(&r->asking, answer);
    if (entered) mti_readers_leave(store);
}

static void fail(reading *r, mt_status status, const char *text)
{
    mt_storage_answer answer = {.status = status, .text = text};

    end(r, &answer);
}

/* All is read. */
static void finish(reading *r)
{
    mt_storage_answer answer = {.end = r->list && !r->more};

    if (r->damage.status != MT_OK) {
        flush(r);
        answer.status = r->damage.status;
        answer.text = r->damage.text;
    } else {
        answer.rows = r->piece.rows;
        answer.row_count = r->piece.row_count;
    }
    end(r, &answer);
}

/* Keeps the first damage; that memory is out is more. */
static void note(reading *r, const mt_error *err)
{
    if (r->damage.status == MT_OK || err->status == MT_NO_MEMORY) r->damage = *err;
}

/* Makes room for the records of an answer, or as many as a piece takes. */
static bool reserve(reading *r, const mt_kv_answer *answer)
{
    size_t len = 0;

    for (size_t i = 0; i < answer->count; i++) len += answer->pairs[i].value.len;
    if (mti_piece_reserve(&r->piece, answer->count, len) == MT_OK) return true;
    fail(r, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
    return false;
}

/* ---- Nodes ---- */

static mt_bytes key_of(const wanted *node)
{
    return (mt_bytes){node->uid.data - 1, node->uid.len + 1};
}

/* Takes the record of a small node. */
static bool take_small(reading *r, mt_bytes uid, mt_bytes value)
{
    mt_error err = {MT_OK, ""};

    if (!mti_piece_has_room(&r->piece)) flush(r);
    if (mti_piece_add_node(&r->piece, &r->asking.store->decoder, uid, value, &err) == MT_OK)
        return true;
    note(r, &err);
    return false;
}

/* Takes the record of a large node. */
static bool take_large(reading *r, wanted *node, mt_bytes value)
{
    mt_error why, err;
    mt_status st = mti_large_get(key_of(node), value, &node->large, &why);

    if (st != MT_OK)
        mti_fail(&err, st, "the record of node \"%.*s\": %s", MTI_SHOW(node->uid), why.text);
    node->extension.len = 0;
    node->damaged = false;
    if (st == MT_OK && node->large.extension.len) {
        node->extension.mem = r->asking.store->mem;
        st =
            mti_buf_append(&node->extension, node->large.extension.data, node->large.extension.len);
        if (st != MT_OK) mti_no_memory(&err);
    }
    if (st != MT_OK) note(r, &err);
    return st == MT_OK;
}

/* Ends the rows of a large node. What its record carries goes with the last, and so does that it is not whole
 * without what was left out of it. */
static void close_large(reading *r, const wanted *node, bool partial)
{
    mt_storage_row *last;

    if (!mti_piece_has_room(&r->piece)) flush(r);
    if (!r->piece.open) mti_piece_add_large(&r->piece, node->uid, &node->large, partial);
    last = &r->piece.rows[r->piece.row_count - 1];
    last->row.extension = mt_buf_bytes(&node->extension);
    last->partial = partial || node->damaged;
    mti_piece_close(&r->piece, false);
}

static void take_field(reading *r, wanted *node, bool partial, mt_bytes name, mt_bytes value)
{
    mt_error err = {MT_OK, ""};

    if (!mti_piece_has_room(&r->piece)) flush(r);
    if (mti_piece_add_field(&r->piece, &r->asking.store->decoder, node->uid, &node->large, partial,
                            name, value, &err) == MT_OK)
        return;
    node->damaged = true;
    note(r, &err);
}

/* ---- HEADS ---- */

static void heads_ask(reading *r)
{
    if (!r->entered) r->seen = r->asking.store->restructured;
    for (size_t i = 0; i < r->count; i++) r->keys[i] = key_of(&r->nodes[i]);
    mti_ask_get(&r->asking, r->keys, r->count);
}

/* Takes the record of a node; true: it is a large one, of which fields are wanted. */
static bool take_head(reading *r, wanted *node, mt_bytes value)
{
    if (!value.data) return false;
    if (!mti_is_large(value)) {
        take_small(r, node->uid, value);
        return false;
    }
    if (!take_large(r, node, value)) return false;
    node->whole |= node->large.few;
    if (node->whole || node->name_count > 0) return true;
    close_large(r, node, true);
    return false;
}

static void heads_take(reading *r, const mt_kv_answer *answer)
{
    size_t kept = 0;

    if (!reserve(r, answer)) return;
    for (size_t i = 0; i < answer->count; i++) {
        wanted node = r->nodes[i];

        if (!take_head(r, &node, answer->pairs[i].value)) {
            r->nodes[i] = node;
            continue;
        }
        /* Those that are done change places with those that are not. */
        r->nodes[i] = r->nodes[kept];
        r->nodes[kept++] = node;
    }
    r->count = kept;
    r->stage = kept == 0 ? LEAVE : r->entered ? NAMES : ENTER;
    if (kept == 0 && !r->list) {
        finish(r);
    } else {
        if (r->list) r->left -= r->piece.row_count;
        flush(r);
    }
}

/* ---- ENTER ---- */

static void enter(reading *r)
{
    if (!mti_readers_enter(&r->asking)) return;
    r->entered = true;
    r->stage = r->seen == r->asking.store->restructured ? NAMES : HEADS;
    r->asking.ready = true;
}

/* ---- NAMES ---- */

/* Room for the keys of all fields that are asked for by name. */
static mt_status field_keys(reading *r, mt_bytes **keys, size_t *count)
{
    const mt_mem *mem = r->asking.store->mem;
    size_t size = 0;
    uint8_t *text;

    *count = 0;
    for (size_t i = 0; i < r->count; i++) {
        const wanted *node = &r->nodes[i];

        for (size_t j = 0; j < node->name_count && !node->whole; j++) {
            size += sizeof **keys + 2 + node->uid.len + node->names[j].len;
            ++*count;
        }
    }
    if (*count == 0) return MT_OK;
    if (!(r->field_block = mti_mem_alloc(mem, size))) return MT_NO_MEMORY;
    r->field_size = size;
    *keys = r->field_block;
    text = (uint8_t *)&(*keys)[*count];
    for (size_t i = 0, at = 0; i < r->count; i++) {
        const wanted *node = &r->nodes[i];

        for (size_t j = 0; j < node->name_count && !node->whole; j++, at++) {
            uint8_t *behind = mti_key_put_field(text, node->uid, node->names[j]);

            (*keys)[at] = (mt_bytes){text, (size_t)(behind - text)};
            text = behind;
        }
    }
    return MT_OK;
}

static void names_ask(reading *r)
{
    mt_bytes *keys = NULL;
    size_t count;

    if (field_keys(r, &keys, &count) != MT_OK) {
        fail(r, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
    } else if (count > 0) {
        mti_ask_get(&r->asking, keys, count);
    } else {
        r->stage = FIELDS;
        r->asking.ready = true;
    }
}

/* The next node that is wanted whole, from `at` on; false: there is none. */
static bool next_whole(reading *r)
{
    while (r->at < r->count && !r->nodes[r->at].whole) r->at++;
    return r->at < r->count;
}

static void names_take(reading *r, const mt_kv_answer *answer)
{
    size_t at = 0;

    if (!reserve(r, answer)) return;
    for (size_t i = 0; i < r->count; i++) {
        wanted *node = &r->nodes[i];

        if (node->whole) continue;
        for (size_t j = 0; j < node->name_count; j++, at++)
            if (answer->pairs[at].value.data)
                take_field(r, node, true, node->names[j], answer->pairs[at].value);
        close_large(r, node, true);
    }
    r->stage = FIELDS;
    if (!next_whole(r)) finish(r);
    else flush(r);
}

/* ---- FIELDS ---- */

static void fields_ask(reading *r)
{
    mti_assert(r->nodes[r->at].whole);
    if (r->end.len == 0) mti_key_set_fields(&r->after, &r->end, r->nodes[r->at].uid);
    mti_ask_scan(&r->asking, mti_key_bytes(&r->after), mti_key_bytes(&r->end), FIELDS_PAGE);
}

static void key_copy(mti_key *key, mt_bytes bytes)
{
    mti_assert(bytes.len <= sizeof key->data);
    key->len = bytes.len;
    memcpy(key->data, bytes.data, key->len);
}

/* The last page of a node was read. */
static void fields_end(reading *r)
{
    close_large(r, &r->nodes[r->at], false);
    r->end.len = 0;
    if (r->list) {
        r->left--;
        r->stage = LEAVE;
        flush(r);
        return;
    }
    r->at++;
    if (!next_whole(r)) finish(r);
    else flush(r);
}

static void fields_take(reading *r, const mt_kv_answer *answer)
{
    wanted *node = &r->nodes[r->at];

    if (!reserve(r, answer)) return;
    for (size_t i = 0; i < answer->count; i++) {
        mt_bytes key = answer->pairs[i].key;

        if (key.len < node->uid.len + 2) continue; /* none of a field: not in the range */
        take_field(r, node, false, mti_key_name(key, node->uid), answer->pairs[i].value);
        key_copy(&r->after, key);
    }
    if (answer->more && answer->count > 0) flush(r);
    else fields_end(r);
}

/* ---- NODES ---- */

static void nodes_ask(reading *r)
{
    size_t page = r->left < r->page ? r->left : r->page;

    if (page == 0 || !r->more) {
        finish(r);
        return;
    }
    r->seen = r->asking.store->restructured;
    mti_ask_scan(&r->asking, mti_key_bytes(&r->list_after), mti_key_bytes(&r->list_end), page);
}

/* Sets the one node of a list that is read field by field. */
static wanted *set_node(reading *r, mt_bytes uid)
{
    uint8_t *text = (uint8_t *)r->keys + sizeof *r->keys;

    mti_key_put(text, MTI_KEY_NODE, uid);
    r->nodes->uid = (mt_bytes){text + 1, uid.len};
    return r->nodes;
}

/* Takes a node of a page; true: it is a large one, which comes next. */
static bool nodes_take_one(reading *r, const mt_kv_pair *pair)
{
    mt_bytes uid = mti_key_rest(pair->key);
    mt_error err;

    key_copy(&r->list_after, pair->key);
    if (uid.len == 0 || uid.len > MT_UID_LEN_MAX) {
        mti_fail(&err, MT_MALFORMED, "\"%.*s\" is no key of a node", MTI_SHOW(pair->key));
        note(r, &err);
        return false;
    }
    if (mti_is_large(pair->value)) return take_large(r, set_node(r, uid), pair->value);
    r->left -= take_small(r, uid, pair->value);
    return false;
}

static void nodes_take(reading *r, const mt_kv_answer *answer)
{
    if (!reserve(r, answer)) return;
    for (size_t i = 0; i < answer->count; i++) {
        if (!nodes_take_one(r, &answer->pairs[i])) continue;
        r->count = 1;
        r->at = 0;
        r->page = NODES_PAGE_FEW;
        r->stage = ENTER;
        flush(r);
        return;
    }
    r->more = answer->more && answer->count > 0;
    if (r->page < NODES_PAGE) r->page *= 2;
    if (r->left == 0 || !r->more) finish(r);
    else flush(r);
}

/* A list goes on behind a large node. */
static void leave(reading *r)
{
    mti_assert(r->entered);
    r->stage = NODES;
    r->asking.ready = true;
    r->entered = false;
    mti_readers_leave(r->asking.store);
}

/* ---- Stages ---- */

static void reading_go(mti_asking *asking)
{
    reading *r = (reading *)asking;

    switch (r->stage) {
    case HEADS: heads_ask(r); break;
    case ENTER: enter(r); break;
    case NAMES: names_ask(r); break;
    case FIELDS: fields_ask(r); break;
    case NODES: nodes_ask(r); break;
    case LEAVE: leave(r); break;
    }
}

static void reading_take(mti_asking *asking, const mt_kv_answer *answer)
{
    reading *r = (reading *)asking;

    if (answer->status != MT_OK) {
        fail(r, answer->status, answer->text);
        return;
    }
    switch (r->stage) {
    case HEADS: heads_take(r, answer); break;
    case NAMES: names_take(r, answer); break;
    case FIELDS: fields_take(r, answer); break;
    case NODES: nodes_take(r, answer); break;
    case ENTER:
    case LEAVE: break; /* nothing is asked there */
    }
}

static void reading_dispose(mti_asking *asking)
{
    reading *r = (reading *)asking;
    mti_node_store *store = asking->store;

    for (size_t i = 0; i < r->node_cap; i++) mt_buf_free(&r->nodes[i].extension);
    mti_mem_free(store->mem, r->block, r->block_size);
    mti_mem_free(store->mem, r->field_block, r->field_size);
    mti_piece_free(&store->spare);
    store->spare = r->piece;
    mti_piece_clear(&store->spare);
}

/* ---- Requests ---- */

/* A reading of `count` nodes, with room for `name_count` names and `text_len` bytes. NULL without
 * memory. */
static reading *reading_new(mti_node_store *store, const mt_storage_host *host, uint64_t id,
                            size_t count, size_t name_count, size_t text_len)
{
    reading *r = mti_asking_new(store, host, id, sizeof *r, reading_go, reading_take);

    if (!r) return NULL;
    r->block_size =
        count * (sizeof *r->nodes + sizeof *r->keys) + name_count * sizeof *r->keys + text_len;
    r->piece = store->spare;
    memset(&store->spare, 0, sizeof store->spare);
    store->spare.mem = store->mem;
    r->asking.dispose = reading_dispose;
    r->block = mti_mem_alloc(store->mem, r->block_size);
    if (!r->block) {
        mti_asking_drop(&r->asking);
        return NULL;
    }
    memset(r->block, 0, r->block_size);
    r->nodes = r->block;
    r->keys = (mt_bytes *)(void *)&r->nodes[count];
    r->node_cap = count;
    return r;
}

static void copy_keys(reading *r, const mt_storage_key *keys, size_t count, size_t name_count)
{
    mt_bytes *names = r->keys + count;
    uint8_t *text = (uint8_t *)(names + name_count);

    for (size_t i = 0; i < count; i++) {
        wanted *node = &r->nodes[i];

        node->uid = (mt_bytes){text + 1, keys[i].uid.len};
        text = mti_key_put(text, MTI_KEY_NODE, keys[i].uid);
        node->whole = keys[i].whole;
        node->name_count = node->whole ? 0 : keys[i].name_count;
        node->names = names;
        for (size_t j = 0; j < node->name_count; j++, names++) {
            *names = (mt_bytes){text, keys[i].names[j].len};
            if (names->len) memcpy(text, keys[i].names[j].data, names->len);
            text += names->len;
        }
    }
    r->count = count;
}

mt_status mti_store_read(void *ctx, const mt_storage_host *host, uint64_t id,
                         const mt_storage_key *keys, size_t count)
{
    mti_node_store *store = ctx;
    size_t name_count = 0, text_len = 1;
    reading *r;

    if (!store->opened) return MT_INVALID;
    for (size_t i = 0; i < count; i++) {
        if (keys[i].uid.len == 0 || keys[i].uid.len > MT_UID_LEN_MAX) return MT_INVALID;
        text_len += 1 + keys[i].uid.len;
        if (keys[i].whole) continue;
        for (size_t j = 0; j < keys[i].name_count; j++) {
            if (keys[i].names[j].len > MT_NAME_LEN_MAX) return MT_INVALID;
            text_len += keys[i].names[j].len;
        }
        name_count += keys[i].name_count;
    }
    if (!(r = reading_new(store, host, id, count, name_count, text_len))) return MT_NO_MEMORY;
    copy_keys(r, keys, count, name_count);
    r->stage = HEADS;
    mti_asking_run(&r->asking);
    return MT_OK;
}

mt_status mti_store_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                         mt_bytes after, size_t limit)
{
    mti_node_store *store = ctx;
    mti_key from;
    reading *r;

    if (!store->opened) return MT_INVALID;
    if (!(r = reading_new(store, host, id, 1, 0, 1 + MT_UID_LEN_MAX))) return MT_NO_MEMORY;
    mti_key_set_prefix(&r->list_after, &r->list_end, MTI_KEY_NODE, prefix);
    mti_key_set(&from, MTI_KEY_NODE, after);
    if (after.len > 0 && mt_bytes_compare(mti_key_bytes(&from), mti_key_bytes(&r->list_after)) > 0)
        r->list_after = from;
    r->nodes->whole = true;
    r->list = r->more = true;
    r->left = limit;
    r->page = NODES_PAGE;
    r->stage = NODES;
    mti_asking_run(&r->asking);
    return MT_OK;
}
