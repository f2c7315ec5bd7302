/* fuzz/store_fuzz.c - any pairs, opened as a node store.
 *
 * The input is pairs: length of the key, key, length of the value, value, lengths being bytes. If the last
 * byte is odd, values are given the lengths, checksums and seals that they should have. All is read then,
 * and a node is written: what is served is valid, whatever lay there, and what was written is read. */
#include "counted.h"
#include "frames.h"
#include "store/key.h"
#include "store/seal.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>

#include <stdlib.h>
#include <string.h>

#define LIVE_MAX ((size_t)16 * 1024 * 1024)

static mt_status no_entropy(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 7, len);
    return MT_OK;
}

/* ---- Answers ---- */

/* What was served of one request. */
typedef struct served {
    mt_status status;
    bool done, end;
    size_t rows, changes, items;
    mt_cursor next;
    uint8_t uid[MT_UID_LEN_MAX];
    size_t uid_len;
} served;

static void row_check(const mt_storage_row *row)
{
    REQUIRE(mt_uid_check(row->row.uid, NULL) == MT_OK);
    REQUIRE(row->row.floor <= MT_STATE_MAX && row->row.floor <= row->state_max);
    for (size_t i = 0; i < row->row.count; i++) {
        const mt_field *field = &row->row.fields[i];

        REQUIRE(mt_name_check(field->name, NULL) == MT_OK);
        REQUIRE(i == 0 || mt_bytes_compare(row->row.fields[i - 1].name, field->name) < 0);
        REQUIRE(field->state > row->row.floor && field->state <= row->state_max);
        if (field->kind == MT_FIELD_VALUE)
            REQUIRE(mt_value_check(&field->value, NULL, NULL) == MT_OK);
    }
}

static void serve(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    served *s = ctx;

    REQUIRE(id == 1 && !s->done);
    REQUIRE(answer->status == MT_OK || (answer->text && *answer->text));
    for (size_t i = 0; i < answer->row_count; i++) row_check(&answer->rows[i]);
    if (answer->row_count) {
        mt_bytes uid = answer->rows[answer->row_count - 1].row.uid;

        s->uid_len = uid.len;
        memcpy(s->uid, uid.data, uid.len);
    }
    for (size_t i = 0; i < answer->change_count; i++) {
        REQUIRE(mt_uid_check(answer->changes[i].uid, NULL) == MT_OK);
        REQUIRE(answer->changes[i].all != (answer->changes[i].name_count > 0));
    }
    for (size_t i = 0; i < answer->item_count; i++)
        REQUIRE(answer->items[i].uid.len > 0 && answer->items[i].uid.len <= MT_UID_LEN_MAX);
    s->items += answer->item_count;
    s->rows += answer->row_count;
    s->changes += answer->change_count;
    s->status = answer->status;
    s->next = answer->next;
    s->end = answer->end;
    s->done = !answer->more;
}

/* Runs a call on the storage, which answers at once, and keeps what it served in `s`. */
#define ASK(s, storage, call, ...)                                                               \
    do {                                                                                         \
        mt_storage_host host = {serve, &(s)};                                                    \
                                                                                                 \
        memset(&(s), 0, sizeof(s));                                                              \
        REQUIRE((storage).ops->call((storage).ctx, &host, 1, __VA_ARGS__) == MT_OK && (s).done); \
    } while (0)

/* ---- What is done with a store ---- */

/* Lists everything, and reads each node that is listed. */
static void read_all(mt_storage storage)
{
    uint8_t after[MT_UID_LEN_MAX];
    mt_bytes from = {after, 0};
    served list, read;

    do {
        mt_storage_key key = {.whole = true};

        ASK(list, storage, list, (mt_bytes){NULL, 0}, from, 1);
        if (list.rows == 0) break;
        memcpy(after, list.uid, list.uid_len);
        key.uid = from = (mt_bytes){after, list.uid_len};
        ASK(read, storage, read, &key, 1);
        REQUIRE(read.status != MT_OK || read.rows > 0);
    } while (!list.end);
}

static void follow_all(mt_storage storage)
{
    mt_cursor at = {{0}, 0};
    served s;

    do {
        ASK(s, storage, changes, &at, 2);
        REQUIRE(s.status != MT_OK || s.end || s.next.number > at.number);
        at = s.next;
    } while (s.status == MT_OK && !s.end);
    ASK(s, storage, records, (mt_bytes){NULL, 0}, (mt_bytes){NULL, 0}, 10);
}

/* What an index claims is not looked into any deeper than its seals, which are mended here. */
static void add_up(mt_storage storage)
{
    const mt_storage_span spans[] = {{.first = mt_str("b"), .end = mt_str("n"), .parts = 3},
                                     {.first = mt_str("user/2"), .parts = 9}};
    served s;

    do ASK(s, storage, fingerprint, spans, 2);
    while (s.status == MT_AGAIN);
    do ASK(s, storage, items, spans, 2);
    while (s.status == MT_AGAIN);
}

static void write_one(const mt_env *env, mt_storage storage)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 5};
    mt_row row = {.uid = mt_str("a new node"), .fields = &field, .count = 1};
    mt_storage_key key = {.uid = row.uid};
    mt_storage_commit commit = {.whole = true};
    mt_storage_write write = {.commits = &commit, .commit_count = 1, .clock = 9};
    mt_delta *delta = NULL;
    mt_graph *graph = NULL;
    served s;

    REQUIRE(mt_graph_new(env->mem, NULL, &graph) == MT_OK);
    REQUIRE(mt_graph_merge_rows(graph, &row, 1, &delta) == MT_OK);
    commit.delta = delta;
    ASK(s, storage, write, &write);
    REQUIRE(s.status == MT_OK || s.status == MT_FULL);
    if (s.status == MT_OK) {
        ASK(s, storage, read, &key, 1);
        REQUIRE(s.status == MT_OK && s.rows == 1);
    }
    mt_delta_free(delta);
    mt_graph_free(graph);
}

/* ---- Pairs ---- */

static void committed(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)ctx;
    (void)id;
    REQUIRE(answer->status == MT_OK);
}

static void put(mt_kv kv, mt_bytes key, mt_bytes value)
{
    mt_kv_host host = {committed, NULL};
    mt_kv_op op = {MT_KV_PUT, key, value};

    REQUIRE(kv.ops->commit(kv.ctx, &host, 1, &op, 1) == MT_OK);
}

/* Gives a value the checksum that it should have. */
static void put_mended(mt_kv kv, mt_bytes key, mt_bytes value)
{
    uint8_t sealed[256 + MTI_SEAL_LEN];
    mt_buf frame;

    if (value.len >= 2 && value.data[0] == MT_BINARY_VERSION_1 &&
        (key.data[0] == MTI_KEY_NODE || key.data[0] == MTI_KEY_FIELD)) {
        frame = frames_make(value.data[1], (mt_bytes){value.data + 2, value.len - 2});
        put(kv, key, mt_buf_bytes(&frame));
        mt_buf_free(&frame);
        return;
    }
    memcpy(sealed, value.data, value.len);
    value.len = (size_t)(mti_seal_put(key, sealed, sealed + value.len) - sealed);
    value.data = sealed;
    put(kv, key, value);
}

static void load(mt_kv kv, const uint8_t *data, size_t size, bool mend)
{
    mt_bytes part[2];

    for (;;) {
        for (int i = 0; i < 2; i++) {
            if (size == 0 || *data > size - 1) return;
            part[i] = (mt_bytes){data + 1, *data};
            size -= 1 + part[i].len;
            data += 1 + part[i].len;
        }
        if (part[0].len == 0) return;
        if (mend) put_mended(kv, part[0], part[1]);
        else put(kv, part[0], part[1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    counter count = {.live_max = LIVE_MAX + 64 * size};
    mt_mem mem = {counted_resize, &count};
    mt_env env = {.abi = MT_ENV_ABI, .size = sizeof env, .mem = &mem, .entropy = no_entropy};
    mt_node_store_options options = {.size = sizeof options, .log_max = 3, .index_lag = 1};
    mt_storage storage;
    mt_storage_host host;
    served opened = {.done = false};
    mt_kv kv;

    if (size == 0) return 0;
    REQUIRE(mt_kv_memory(&env, &kv) == MT_OK);
    load(kv, data, size - 1, data[size - 1] & 1);
    REQUIRE(mt_node_store_new(&env, kv, &options, &storage, NULL) == MT_OK);
    host = (mt_storage_host){serve, &opened};
    REQUIRE(storage.ops->open(storage.ctx, &host, 1) == MT_OK && opened.done);
    if (opened.status == MT_OK) {
        read_all(storage);
        follow_all(storage);
        add_up(storage);
        write_one(&env, storage);
        add_up(storage);
        read_all(storage);
    }
    mt_storage_close(&storage);
    REQUIRE(count.live == 0);
    return 0;
}
