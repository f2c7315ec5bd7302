/* test_disk_kv.c
 *
 *     length of the ops: 8 bytes | checksum: 8 bytes | ops
 *     op      kind: byte | length of key: 8 | length of value: 8 | key | value
 *
 * The checksum begins with that of the commit before, so that what is left of a longer one behind a
 * shorter one is never taken for a commit that follows. */
#include "test_disk_kv.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/word.h"
#include <mytosis/plugin/kv_memory.h>
#include <stdlib.h>

#define HEAD_LEN 16
#define OP_LEN 17

typedef struct disk_kv {
    mt_kv_ops ops;
    mt_kv memory;
    mti_sim_disk *disk;
    uint64_t at;  /* where the next commit goes */
    uint64_t sum; /* of the one before */
    bool failed;
} disk_kv;

static mt_status disk_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                          size_t count)
{
    disk_kv *d = ctx;

    return d->memory.ops->get(d->memory.ctx, host, id, keys, count);
}

static mt_status disk_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                           mt_bytes end, size_t limit)
{
    disk_kv *d = ctx;

    return d->memory.ops->scan(d->memory.ctx, host, id, after, end, limit);
}

/* ---- Commits as bytes ---- */

static void add_word(mt_buf *out, uint64_t word)
{
    uint8_t bytes[8];

    mti_store_le64(word, bytes);
    CHECK(mti_buf_append(out, bytes, 8) == MT_OK);
}

static mt_buf commit_bytes(const disk_kv *d, const mt_kv_op *ops, size_t count)
{
    mt_buf out = {.mem = test_mem()};
    mt_bytes body;

    add_word(&out, 0);
    add_word(&out, 0);
    for (size_t i = 0; i < count; i++) {
        uint8_t kind = (uint8_t)ops[i].kind;

        CHECK(mti_buf_append(&out, &kind, 1) == MT_OK);
        add_word(&out, ops[i].key.len);
        add_word(&out, ops[i].value.len);
        CHECK(mti_buf_append(&out, ops[i].key.data, ops[i].key.len) == MT_OK);
        CHECK(mti_buf_append(&out, ops[i].value.data, ops[i].value.len) == MT_OK);
    }
    body = (mt_bytes){out.data + HEAD_LEN, out.len - HEAD_LEN};
    mti_store_le64(body.len, out.data);
    mti_store_le64(mti_checksum(body, d->sum + 1), out.data + 8);
    return out;
}

static void applied(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)ctx;
    (void)id;
    CHECK(answer->status == MT_OK);
}

static void apply(disk_kv *d, const mt_kv_op *ops, size_t count)
{
    mt_kv_host host = {applied, NULL};

    CHECK(d->memory.ops->commit(d->memory.ctx, &host, 1, ops, count) == MT_OK);
}

static mt_status disk_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                             size_t count)
{
    disk_kv *d = ctx;
    mt_buf bytes = commit_bytes(d, ops, count);
    mt_kv_answer answer = {.status = MT_OK};

    d->failed = d->failed || !mti_sim_disk_write(d->disk, d->at, bytes.data, bytes.len) ||
                !mti_sim_disk_sync(d->disk);
    if (d->failed) {
        answer = (mt_kv_answer){.status = MT_IO, .text = "the disk is dead"};
    } else {
        d->at += bytes.len;
        d->sum = mti_load_le64(bytes.data + 8);
        apply(d, ops, count);
    }
    mt_buf_free(&bytes);
    host->answer(host->ctx, id, &answer);
    return MT_OK;
}

/* ---- Opening ---- */

/* Replays a commit whose checksum is right. */
static void replay(disk_kv *d, mt_bytes body)
{
    while (body.len > 0) {
        mt_kv_op op = {.kind = (mt_kv_op_kind)body.data[0]};

        op.key.len = (size_t)mti_load_le64(body.data + 1);
        op.value.len = (size_t)mti_load_le64(body.data + 9);
        op.key.data = body.data + OP_LEN;
        op.value.data = op.key.data + op.key.len;
        apply(d, &op, 1);
        body.data = op.value.data + op.value.len;
        body.len -= OP_LEN + op.key.len + op.value.len;
    }
}

static void recover(disk_kv *d)
{
    while (d->disk->len - d->at >= HEAD_LEN) {
        const uint8_t *head = d->disk->data + d->at;
        mt_bytes body = {head + HEAD_LEN, (size_t)mti_load_le64(head)};
        uint64_t sum = mti_load_le64(head + 8);

        if (body.len == 0 || body.len > d->disk->len - d->at - HEAD_LEN ||
            mti_checksum(body, d->sum + 1) != sum)
            break;
        replay(d, body);
        d->sum = sum;
        d->at += HEAD_LEN + body.len;
    }
}

static void disk_close(void *ctx)
{
    disk_kv *d = ctx;

    mt_kv_close(&d->memory);
    free(d);
}

mt_kv test_disk_kv(const mt_env *env, mti_sim_disk *disk)
{
    disk_kv *d = calloc(1, sizeof *d);

    if (!d) abort();
    d->disk = disk;
    d->ops = (mt_kv_ops){.abi = MT_KV_ABI,
                         .size = sizeof(mt_kv_ops),
                         .name = "disk",
                         .key_len_max = MT_KV_KEY_LEN_MAX,
                         .get = disk_get,
                         .scan = disk_scan,
                         .commit = disk_commit,
                         .close = disk_close};
    CHECK(mt_kv_memory(env, &d->memory) == MT_OK);
    recover(d);
    return (mt_kv){&d->ops, d};
}
