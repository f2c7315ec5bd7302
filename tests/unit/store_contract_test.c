/* store_contract_test.c - tables of plugins, older and newer than ours, and what is none. */
#include "store/contract.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int closed;

static mt_status kv_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                        size_t count)
{
    (void)ctx, (void)host, (void)id, (void)keys, (void)count;
    return MT_IO;
}

static mt_status kv_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                         mt_bytes end, size_t limit)
{
    (void)ctx, (void)host, (void)id, (void)after, (void)end, (void)limit;
    return MT_IO;
}

static mt_status kv_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                           size_t count)
{
    (void)ctx, (void)host, (void)id, (void)ops, (void)count;
    return MT_IO;
}

static void count_close(void *ctx)
{
    CHECK(ctx == &closed);
    closed++;
}

static uint64_t some_bytes(void *ctx)
{
    (void)ctx;
    return 7;
}

static const mt_kv_ops kv_table = {.abi = MT_KV_ABI,
                                   .size = sizeof(mt_kv_ops),
                                   .name = "table",
                                   .key_len_max = 600,
                                   .get = kv_get,
                                   .scan = kv_scan,
                                   .commit = kv_commit,
                                   .close = count_close,
                                   .bytes = some_bytes};

static mt_status st_read(void *ctx, const mt_storage_host *host, uint64_t id,
                         const mt_storage_key *keys, size_t count)
{
    (void)ctx, (void)host, (void)id, (void)keys, (void)count;
    return MT_IO;
}

static mt_status st_spans(void *ctx, const mt_storage_host *host, uint64_t id,
                          const mt_storage_span *spans, size_t count)
{
    (void)ctx, (void)host, (void)id, (void)spans, (void)count;
    return MT_IO;
}

static mt_status st_write(void *ctx, const mt_storage_host *host, uint64_t id,
                          const mt_storage_write *write)
{
    (void)ctx, (void)host, (void)id, (void)write;
    return MT_IO;
}

static mt_status st_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                           const mt_bytes *uids, size_t count)
{
    (void)ctx, (void)host, (void)id, (void)uids, (void)count;
    return MT_IO;
}

static const mt_storage_ops storage_table = {.abi = MT_STORAGE_ABI,
                                             .size = sizeof(mt_storage_ops),
                                             .name = "table",
                                             .read = st_read,
                                             .write = st_write,
                                             .remove = st_remove,
                                             .close = count_close,
                                             .bytes = some_bytes};

TEST(a_table_is_taken_as_it_is)
{
    mt_kv kv = {&kv_table, &closed};
    mt_storage storage = {&storage_table, &closed};
    mt_storage_ops storage_ops;
    mt_kv_ops kv_ops;

    CHECK(mti_kv_adopt(&kv, &kv_ops, NULL) == MT_OK);
    CHECK(memcmp(&kv_ops, &kv_table, sizeof kv_ops) == 0);
    CHECK(mti_storage_adopt(&storage, &storage_ops, NULL) == MT_OK);
    CHECK(storage_ops.read == st_read && storage_ops.bytes == some_bytes && !storage_ops.list);
}

/* The older table lies at the end of its memory, so that a sanitizer sees every byte too many. */
TEST(an_older_table_lacks_what_came_later)
{
    mt_kv_ops kv_older = kv_table, kv_ops;
    mt_storage_ops older = storage_table, ops;
    void *kv_end, *end;

    kv_older.size = offsetof(mt_kv_ops, bytes);
    kv_end = malloc(kv_older.size);
    memcpy(kv_end, &kv_older, kv_older.size);
    memset(&kv_ops, 0xA5, sizeof kv_ops);
    CHECK(mti_kv_adopt(&(mt_kv){kv_end, NULL}, &kv_ops, NULL) == MT_OK);
    CHECK(kv_ops.close == count_close && kv_ops.bytes == NULL);
    free(kv_end);

    older.size = offsetof(mt_storage_ops, list);
    end = malloc(older.size);
    memcpy(end, &older, older.size);
    memset(&ops, 0xA5, sizeof ops);
    CHECK(mti_storage_adopt(&(mt_storage){end, NULL}, &ops, NULL) == MT_OK);
    CHECK(ops.close == count_close && !ops.list && !ops.changes && !ops.records && !ops.bytes);
    free(end);
}

TEST(a_newer_table_is_taken_as_far_as_it_is_known)
{
    struct {
        mt_storage_ops ops;
        void *later;
    } newer = {storage_table, &closed};
    mt_storage storage = {&newer.ops, NULL};
    mt_storage_ops ops;

    newer.ops.size = sizeof newer;
    CHECK(mti_storage_adopt(&storage, &ops, NULL) == MT_OK);
    CHECK(ops.bytes == some_bytes);
}

static void kv_is_refused(const mt_kv_ops *ops, const char *text)
{
    mt_kv kv = {ops, NULL};
    mt_error err = {0};
    mt_kv_ops out;

    CHECK(mti_kv_adopt(&kv, &out, &err) == MT_UNSUPPORTED && err.status == MT_UNSUPPORTED);
    assert_string_equal(err.text, text);
    CHECK(mti_kv_adopt(&kv, &out, NULL) == MT_UNSUPPORTED);
}

static void storage_is_refused(const mt_storage_ops *ops, const char *text)
{
    mt_storage storage = {ops, NULL};
    mt_error err = {0};
    mt_storage_ops out;

    CHECK(mti_storage_adopt(&storage, &out, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, text);
}

TEST(another_abi_is_refused)
{
    mt_kv_ops kv = kv_table;
    mt_storage_ops storage = storage_table;

    kv.abi = 2;
    kv_is_refused(&kv, "the key-value engine is made for abi 2 of its contract, not 1");
    storage.abi = 0;
    storage_is_refused(&storage, "the storage is made for abi 0 of its contract, not 1");
}

TEST(what_is_no_whole_table_is_refused)
{
    mt_kv_ops kv = kv_table;
    mt_storage_ops storage = storage_table;
    char text[128];

    kv_is_refused(NULL, "the key-value engine has no table of functions");
    storage_is_refused(NULL, "the storage has no table of functions");
    kv.size = 8;
    snprintf(text, sizeof text, "the key-value engine has a table of 8 bytes, less than %zu",
             8 + 6 * sizeof(void *));
    kv_is_refused(&kv, text);
    storage.size = 0;
    snprintf(text, sizeof text, "the storage has a table of 0 bytes, less than %zu",
             8 + 7 * sizeof(void *));
    storage_is_refused(&storage, text);
}

TEST(a_missing_function_is_named)
{
    mt_kv_ops kv = kv_table;
    mt_storage_ops storage = storage_table;

    kv.get = NULL;
    kv_is_refused(&kv, "the key-value engine \"table\" has no function \"get\"");
    kv = kv_table;
    kv.scan = NULL;
    kv_is_refused(&kv, "the key-value engine \"table\" has no function \"scan\"");
    kv = kv_table;
    kv.commit = NULL;
    kv_is_refused(&kv, "the key-value engine \"table\" has no function \"commit\"");
    kv = kv_table;
    kv.name = NULL;
    kv.close = NULL;
    kv_is_refused(&kv, "the key-value engine \"\" has no function \"close\"");
    storage.read = NULL;
    storage_is_refused(&storage, "the storage \"table\" has no function \"read\"");
    storage = storage_table;
    storage.write = NULL;
    storage_is_refused(&storage, "the storage \"table\" has no function \"write\"");
    storage = storage_table;
    storage.close = NULL;
    storage_is_refused(&storage, "the storage \"table\" has no function \"close\"");
    storage = storage_table;
    storage.remove = NULL;
    storage_is_refused(&storage, "the storage \"table\" has no function \"remove\"");
    storage = storage_table;
    storage.fingerprint = st_spans;
    storage_is_refused(&storage, "the storage \"table\" has no function \"items\"");
    storage.items = st_spans;
    storage.fingerprint = NULL;
    storage_is_refused(&storage, "the storage \"table\" has no function \"fingerprint\"");
    storage = storage_table;
    storage.name = NULL;
    storage_is_refused(&storage, "the storage has no name");
}

TEST(an_engine_of_short_keys_is_refused)
{
    mt_kv_ops kv = kv_table;

    kv.key_len_max = 510;
    kv_is_refused(&kv, "the keys of \"table\" have at most 510 bytes, less than 511");
    kv.name = NULL;
    kv_is_refused(&kv, "the keys of \"\" have at most 510 bytes, less than 511");
    kv.key_len_max = 511;
    CHECK(mti_kv_adopt(&(mt_kv){&kv, NULL}, &(mt_kv_ops){0}, NULL) == MT_OK);
}

TEST(what_was_not_given_away_is_closed_once)
{
    mt_kv kv = {&kv_table, &closed};
    mt_storage storage = {&storage_table, &closed};

    closed = 0;
    mt_kv_close(&kv);
    mt_kv_close(&kv);
    CHECK(closed == 1);
    mt_storage_close(&storage);
    mt_storage_close(&storage);
    CHECK(closed == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_taken_as_it_is),
        cmocka_unit_test(an_older_table_lacks_what_came_later),
        cmocka_unit_test(a_newer_table_is_taken_as_far_as_it_is_known),
        cmocka_unit_test(another_abi_is_refused),
        cmocka_unit_test(what_is_no_whole_table_is_refused),
        cmocka_unit_test(a_missing_function_is_named),
        cmocka_unit_test(an_engine_of_short_keys_is_refused),
        cmocka_unit_test(what_was_not_given_away_is_closed_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
