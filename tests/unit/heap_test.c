#include "base/heap.h"
#include "test_law.h"
#include <string.h>

/* What a heap takes, seen from the table it was given. */
typedef struct counter {
    mt_mem mem;
    size_t live, count, largest;
} counter;

static void *counter_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    counter *c = ctx;

    c->live = c->live - old_size + size;
    c->count += size > old_size;
    if (size > c->largest) c->largest = size;
    return test_mem()->resize(NULL, ptr, old_size, size);
}

static counter *counter_new(counter *c)
{
    *c = (counter){.mem = {.resize = counter_resize, .ctx = c}};
    return c;
}

TEST(an_empty_heap_takes_nothing)
{
    counter c = {.live = 0};
    mti_heap heap;

    mti_heap_init(&heap, &counter_new(&c)->mem);
    mti_heap_free(&heap, NULL, 100);
    mti_heap_end(&heap);
    CHECK(c.count == 0);
}

/* ---- Objects ---- */

#define OBJECTS 400

typedef struct object {
    uint8_t *at;
    size_t size;
    uint8_t fill;
} object;

static void object_check(const object *o)
{
    for (size_t i = 0; i < o->size; i++)
        if (o->at[i] != o->fill) fail_msg("byte %zu of %zu was overwritten", i, o->size);
}

static size_t random_size(test_case *c)
{
    switch (test_below(c, 4)) {
    case 0: return 1 + test_below(c, 40);
    case 1: return 1 + test_below(c, 600);
    case 2: return 1 + test_below(c, 8192);
    default: return 1 + test_below(c, test_once_in(c, 8) ? 100000 : 1200);
    }
}

/* Takes and gives back objects of all sizes; none may lie in another. */
static void objects_live(test_case *c)
{
    static object objects[OBJECTS];
    size_t live = 0;
    mti_heap heap;

    memset(objects, 0, sizeof objects);
    mti_heap_init(&heap, test_mem());
    for (size_t i = 0; i < 4 * OBJECTS; i++) {
        object *o = &objects[test_below(c, OBJECTS)];

        if (o->at) {
            object_check(o);
            mti_heap_free(&heap, o->at, o->size);
            o->at = NULL;
            live--;
        } else {
            o->size = random_size(c);
            o->fill = (uint8_t)test_below(c, 256);
            o->at = mti_heap_alloc(&heap, o->size);
            HOLDS(o->at && (uintptr_t)o->at % 16 == 0);
            memset(o->at, o->fill, o->size);
            live++;
        }
        HOLDS(heap.live == live);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        if (!objects[i].at) continue;
        object_check(&objects[i]);
        mti_heap_free(&heap, objects[i].at, objects[i].size);
    }
    HOLDS(heap.live == 0);
    mti_heap_end(&heap);
}

TEST(objects_are_aligned_and_apart)
{
    test_law(300, objects_live);
}

TEST(every_size_has_room_for_itself)
{
    mti_heap heap;

    mti_heap_init(&heap, test_mem());
    for (size_t size = 1; size <= 9000; size += size < 1200 ? 1 : 7) {
        uint8_t *a = mti_heap_alloc(&heap, size), *b = mti_heap_alloc(&heap, size);

        CHECK(a && b && (a + size <= b || b + size <= a));
        memset(a, 1, size);
        memset(b, 2, size);
        CHECK(a[0] == 1 && a[size - 1] == 1);
        mti_heap_free(&heap, a, size);
        mti_heap_free(&heap, b, size);
    }
    mti_heap_end(&heap);
}

/* ---- What is taken ---- */

TEST(what_was_freed_is_used_again)
{
    counter c = {.live = 0};
    mti_heap heap;
    void *first;
    size_t held;

    mti_heap_init(&heap, &counter_new(&c)->mem);
    first = mti_heap_alloc(&heap, 100);
    mti_heap_free(&heap, first, 100);
    held = heap.held;
    for (size_t i = 0; i < 10000; i++) {
        void *again = mti_heap_alloc(&heap, 97 + i % 16);

        CHECK(again);
        mti_heap_free(&heap, again, 97 + i % 16);
    }
    CHECK(heap.held == held && heap.live == 0);
    mti_heap_end(&heap);
    CHECK(c.live == 0);
}

TEST(chunks_double_from_4_kib_to_2_mib)
{
    counter c = {.live = 0};
    mti_heap heap;
    size_t taken = 0;

    if (mti_heap_checked()) skip();
    mti_heap_init(&heap, &counter_new(&c)->mem);
    CHECK(mti_heap_alloc(&heap, 16));
    assert_int_equal(c.largest, 4096);
    for (taken = 16; taken < 32u << 20; taken += 1024) CHECK(mti_heap_alloc(&heap, 1024));
    assert_int_equal(c.largest, 2 << 20);
    /* 10 chunks up to 2 MiB, and then one each 2 MiB. */
    CHECK(c.count < 10 + 17);
    CHECK(heap.held == c.live && heap.held < taken + (4u << 20));
    /* Whatever is still handed out goes too. */
    mti_heap_end(&heap);
    CHECK(c.live == 0);
}

TEST(large_objects_come_and_go_one_by_one)
{
    counter c = {.live = 0};
    mti_heap heap;
    void *large[3];

    mti_heap_init(&heap, &counter_new(&c)->mem);
    for (size_t i = 0; i < 3; i++) CHECK((large[i] = mti_heap_alloc(&heap, 100000)));
    CHECK(heap.held == c.live && c.live >= 300000 && c.live < 301000);
    mti_heap_free(&heap, large[1], 100000);
    CHECK(heap.held == c.live && c.live < 201000);
    mti_heap_free(&heap, large[0], 100000);
    mti_heap_free(&heap, large[2], 100000);
    CHECK(heap.held == 0 && c.live == 0 && heap.live == 0);
    CHECK(mti_heap_alloc(&heap, SIZE_MAX) == NULL && mti_heap_alloc(&heap, SIZE_MAX - 8) == NULL);
    mti_heap_end(&heap);
    CHECK(c.live == 0);
}

TEST(without_memory_nothing_is_handed_out)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        void *objects[60];
        size_t count = 0;
        mti_heap heap;

        mti_heap_init(&heap, fail_mem_hook(&fm));
        for (; count < 60; count++) {
            objects[count] = mti_heap_alloc(&heap, 300 + count * 200);
            if (!objects[count]) break;
        }
        CHECK(heap.live == count && (count == 60) == !fm.tripped);
        /* It recovers. */
        if (fm.tripped) CHECK((objects[count] = mti_heap_alloc(&heap, 300 + count * 200)));
        if (fm.tripped) count++;
        for (size_t i = 0; i < count; i++) mti_heap_free(&heap, objects[i], 300 + i * 200);
        CHECK(heap.live == 0);
        mti_heap_end(&heap);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_takes_nothing),
        cmocka_unit_test(objects_are_aligned_and_apart),
        cmocka_unit_test(every_size_has_room_for_itself),
        cmocka_unit_test(what_was_freed_is_used_again),
        cmocka_unit_test(chunks_double_from_4_kib_to_2_mib),
        cmocka_unit_test(large_objects_come_and_go_one_by_one),
        cmocka_unit_test(without_memory_nothing_is_handed_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
