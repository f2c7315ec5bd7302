#include "test_law.h"
#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

static void fill(uint8_t *data, size_t len, uint64_t seed)
{
    test_rng rng = test_rng_new(seed);

    for (size_t i = 0; data && i < len; i++) data[i] = (uint8_t)test_rng_next(&rng);
}

static void check_filled(const uint8_t *data, size_t len, uint64_t seed)
{
    test_rng rng = test_rng_new(seed);

    for (size_t i = 0; data && i < len; i++) CHECK(data[i] == (uint8_t)test_rng_next(&rng));
}

TEST(memory_keeps_its_content_when_resized)
{
    const size_t sizes[] = {
        1,         100,           HUGE_PAGE - 1, HUGE_PAGE, 3 * HUGE_PAGE + 5, HUGE_PAGE + 1,
        HUGE_PAGE, HUGE_PAGE - 1, 70000,         16};
    const mt_mem *mem = mt_mem_system();
    size_t size = 0;
    uint8_t *data = NULL;

    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        data = mem->resize(mem->ctx, data, size, sizes[i]);
        CHECK(data != NULL);
        CHECK((uintptr_t)data % 16 == 0);
        if (sizes[i] >= HUGE_PAGE) CHECK((uintptr_t)data % HUGE_PAGE == 0);
        if (size > 0) check_filled(data, size < sizes[i] ? size : sizes[i], i);
        size = sizes[i];
        fill(data, size, i + 1);
    }
    CHECK(mem->resize(mem->ctx, data, size, 0) == NULL);
    CHECK(mem->resize(mem->ctx, NULL, 0, 0) == NULL);
}

TEST(memory_that_is_not_there_is_refused)
{
    const mt_mem *mem = mt_mem_system();
    uint8_t *data = mem->resize(mem->ctx, NULL, 0, 10);

    CHECK(data != NULL);
    fill(data, 10, 1);
    /* AddressSanitizer ends the program instead. */
    if (!TEST_SANITIZED) CHECK(mem->resize(mem->ctx, data, 10, SIZE_MAX / 2) == NULL);
    check_filled(data, 10, 1);
    mem->resize(mem->ctx, data, 10, 0);
}

TEST(entropy_fills_what_it_is_given)
{
    static uint8_t a[1000], b[1000];
    size_t zeros = 0;

    CHECK(mt_entropy(a, sizeof a) == MT_OK);
    CHECK(mt_entropy(b, sizeof b) == MT_OK);
    CHECK(memcmp(a, b, sizeof a) != 0);
    for (size_t i = 0; i < sizeof a; i++) zeros += a[i] == 0;
    CHECK(zeros < 50);
    CHECK(mt_entropy(NULL, 0) == MT_OK);
}

/* Compresses parts to a block of exactly the bound, OWNED. */
static mt_bytes compress(const mt_bytes *parts, size_t count)
{
    const mt_compressor *zstd = mt_compressor_zstd();
    size_t len = 0, out_len = 0;
    uint8_t *out;

    for (size_t i = 0; i < count; i++) len += parts[i].len;
    out = malloc(zstd->bound(zstd->ctx, len, count));
    CHECK(out != NULL);
    CHECK(zstd->compress(zstd->ctx, parts, count, out, &out_len) == MT_OK);
    CHECK(out_len <= zstd->bound(zstd->ctx, len, count));
    return (mt_bytes){out, out_len};
}

static mt_status decompress(mt_bytes packed, uint8_t *out, size_t len)
{
    const mt_compressor *zstd = mt_compressor_zstd();

    return zstd->decompress(zstd->ctx, packed, out, len);
}

TEST(zstd_gives_parts_back_as_one_run)
{
    static uint8_t data[300000], back[300000];
    const size_t cuts[][5] = {{0, 0, 0, 0, 0},
                              {1, 0, 2, 0, 0},
                              {5000, 20, 100, 3000, 1},
                              {300000, 0, 0, 0, 0},
                              {999, 1000, 1001, 130000, 131072}};

    for (int kind = 0; kind < 3; kind++) {
        fill(data, sizeof data, 7);
        for (size_t i = 0; i < sizeof data && kind > 0; i++) data[i] = kind == 1 ? data[i] & 31 : 0;
        for (size_t i = 0; i < TEST_COUNT(cuts); i++) {
            mt_bytes parts[5], packed, again;
            size_t len = 0;

            for (size_t j = 0; j < 5; j++) {
                parts[j] = (mt_bytes){data + len, cuts[i][j]};
                len += cuts[i][j];
            }
            packed = compress(parts, 5);
            again = compress(parts, 5);
            CHECK(packed.len == again.len && memcmp(packed.data, again.data, packed.len) == 0);
            CHECK(decompress(packed, back, len) == MT_OK);
            CHECK(memcmp(back, data, len) == 0);
            if (len > 0) CHECK(decompress(packed, back, len - 1) == MT_MALFORMED);
            CHECK(decompress(packed, back, len + 1) == MT_MALFORMED);
            packed.len--;
            CHECK(decompress(packed, back, len) == MT_MALFORMED);
            free((void *)(uintptr_t)packed.data);
            free((void *)(uintptr_t)again.data);
        }
    }
}

TEST(zstd_refuses_what_is_not_its_own)
{
    uint8_t garbage[100], out[1000];

    for (uint64_t seed = 0; seed < 200; seed++) {
        fill(garbage, sizeof garbage, seed);
        CHECK(decompress((mt_bytes){garbage, sizeof garbage}, out, sizeof out) == MT_MALFORMED);
    }
    CHECK(decompress((mt_bytes){NULL, 0}, out, sizeof out) == MT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_keeps_its_content_when_resized),
        cmocka_unit_test(memory_that_is_not_there_is_refused),
        cmocka_unit_test(entropy_fills_what_it_is_given),
        cmocka_unit_test(zstd_gives_parts_back_as_one_run),
        cmocka_unit_test(zstd_refuses_what_is_not_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
