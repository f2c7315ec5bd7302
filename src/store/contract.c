#include "store/contract.h"

#include "base/status.h"

#include <string.h>

/* How much of a table its first version had. Smaller ones are none. */
#define KV_SIZE_FIRST offsetof(mt_kv_ops, bytes)
#define STORAGE_SIZE_FIRST offsetof(mt_storage_ops, list)

/* What a table says of itself stands in its first two words, whatever follows. */
static mt_status table_check(const void *ops, const char *what, uint32_t abi, size_t first,
                             mt_error *err)
{
    uint32_t words[2];

    if (!ops) return mti_fail(err, MT_UNSUPPORTED, "the %s has no table of functions", what);
    memcpy(words, ops, sizeof words);
    if (words[0] != abi)
        return mti_fail(err, MT_UNSUPPORTED, "the %s is made for abi %u of its contract, not %u",
                        what, words[0], abi);
    if (words[1] < first)
        return mti_fail(err, MT_UNSUPPORTED, "the %s has a table of %u bytes, less than %zu", what,
                        words[1], first);
    return MT_OK;
}

static void table_copy(const void *ops, uint32_t size, void *out, size_t out_size)
{
    memset(out, 0, out_size);
    memcpy(out, ops, size < out_size ? size : out_size);
}

static mt_status lacks(const char *what, const char *name, const char *function, mt_error *err)
{
    return mti_fail(err, MT_UNSUPPORTED, "the %s \"%s\" has no function \"%s\"", what,
                    name ? name : "", function);
}

mt_status mti_kv_adopt(const mt_kv *kv, mt_kv_ops *out, mt_error *err)
{
    mt_status st = table_check(kv->ops, "key-value engine", MT_KV_ABI, KV_SIZE_FIRST, err);
    const char *missing;

    if (st != MT_OK) return st;
    table_copy(kv->ops, kv->ops->size, out, sizeof *out);
    missing = !out->get      ? "get"
              : !out->scan   ? "scan"
              : !out->commit ? "commit"
              : !out->close  ? "close"
                             : NULL;
    if (missing) return lacks("key-value engine", out->name, missing, err);
    if (out->key_len_max < MT_KV_KEY_LEN_MAX)
        return mti_fail(err, MT_UNSUPPORTED,
                        "the keys of \"%s\" have at most %zu bytes, less than %d",
                        out->name ? out->name : "", out->key_len_max, MT_KV_KEY_LEN_MAX);
    return MT_OK;
}

mt_status mti_storage_adopt(const mt_storage *storage, mt_storage_ops *out, mt_error *err)
{
    mt_status st = table_check(storage->ops, "storage", MT_STORAGE_ABI, STORAGE_SIZE_FIRST, err);
    const char *missing;

    if (st != MT_OK) return st;
    table_copy(storage->ops, storage->ops->size, out, sizeof *out);
    missing = !out->read     ? "read"
              : !out->write  ? "write"
              : !out->remove ? "remove"
              : !out->close  ? "close"
                             : NULL;
    if (!missing && !out->fingerprint != !out->items)
        missing = out->items ? "fingerprint" : "items";
    if (missing) return lacks("storage", out->name, missing, err);
    /* Whoever adopts it tells by the name that there is one. */
    if (!out->name) return mti_fail(err, MT_UNSUPPORTED, "the storage has no name");
    return MT_OK;
}

void mt_kv_close(mt_kv *kv)
{
    if (kv->ops) kv->ops->close(kv->ctx);
    memset(kv, 0, sizeof *kv);
}

void mt_storage_close(mt_storage *storage)
{
    if (storage->ops) storage->ops->close(storage->ctx);
    memset(storage, 0, sizeof *storage);
}
