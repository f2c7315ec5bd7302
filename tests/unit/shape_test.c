#include "crdt/shape.h"
#include "test_tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mti_family *family_new(void)
{
    mti_family *family = NULL;

    CHECK(mti_family_new(test_mem(), &family) == MT_OK);
    return family;
}

static void family_end(mti_family *family)
{
    mti_family_release(family);
    assert_int_equal(test_mem_live(), 0);
}

/* As mti_shape_of, where there is memory. */
static mti_shape *shape_of(mti_family *family, const mt_bytes *names, size_t count)
{
    mti_shape *shape = mti_shape_of(family, names, count);

    if (!shape) abort();
    return shape;
}

/* How many shapes there are. */
static size_t known(const mti_family *family)
{
    return family->shapes.count;
}

TEST(the_same_names_are_one_shape)
{
    const mt_bytes names[] = {mt_str(""), mt_str("a"), mt_str("ab")};
    mti_family *family = family_new();
    mti_shape *first = shape_of(family, names, 3), *second = shape_of(family, names, 3);

    CHECK(first && first == second && first->count == 3 && known(family) == 1);
    for (size_t i = 0; i < 3; i++) {
        CHECK(mt_bytes_equal(first->names[i], names[i]));
        CHECK(first->names[i].data != names[i].data);
    }
    mti_shape_release(family, first);
    mti_shape_release(family, second);
    family_end(family);
}

TEST(other_names_are_another_shape)
{
    const mt_bytes names[] = {mt_str("a"), mt_str("b"), mt_str("c")};
    const mt_bytes joined[] = {mt_str("a\1b"), mt_str("c")}, zero[] = {{(const uint8_t *)"a", 2}};
    mti_family *family = family_new();
    mti_shape *shapes[7] = {shape_of(family, names, 0),     shape_of(family, names, 1),
                            shape_of(family, names, 2),     shape_of(family, names, 3),
                            shape_of(family, names + 1, 2), shape_of(family, joined, 2),
                            shape_of(family, zero, 1)};

    assert_int_equal(known(family), 7);
    for (size_t i = 0; i < 7; i++) {
        CHECK(shapes[i]);
        for (size_t j = 0; j < i; j++) CHECK(shapes[i] != shapes[j]);
    }
    for (size_t i = 0; i < 7; i++) mti_shape_release(family, shapes[i]);
    family_end(family);
}

TEST(a_shape_of_64_names_of_254_bytes_holds_them_all)
{
    mti_family *family = family_new();
    mt_bytes names[MTI_SHAPE_FIELDS_MAX];
    uint8_t text[MTI_SHAPE_FIELDS_MAX][254];
    mti_shape *shape;

    for (size_t i = 0; i < MTI_SHAPE_FIELDS_MAX; i++) {
        memset(text[i], 'x', 254);
        text[i][253] = (uint8_t)i;
        names[i] = (mt_bytes){text[i], 254};
    }
    shape = shape_of(family, names, MTI_SHAPE_FIELDS_MAX);
    CHECK(shape && shape == mti_shape_recent(family, names, sizeof *names, MTI_SHAPE_FIELDS_MAX));
    for (size_t i = 0; i < MTI_SHAPE_FIELDS_MAX; i++)
        CHECK(mt_bytes_equal(shape->names[i], names[i]));
    mti_shape_release(family, shape);
    mti_shape_release(family, shape);
    family_end(family);
}

TEST(recent_shapes_are_found_by_names_within_other_things)
{
    struct {
        mt_bytes name;
        int other[5];
    } fields[3] = {{.name = mt_str("a")}, {.name = mt_str("b")}, {.name = mt_str("c")}};
    const mt_bytes names[] = {mt_str("a"), mt_str("b"), mt_str("c")};
    mti_family *family = family_new();
    mti_shape *shape;

    CHECK(!mti_shape_recent(family, &fields->name, sizeof *fields, 3));
    shape = shape_of(family, names, 3);
    CHECK(mti_shape_recent(family, &fields->name, sizeof *fields, 3) == shape);
    mti_shape_release(family, shape);
    /* Not in order, or not all: no shape. */
    CHECK(!mti_shape_recent(family, &fields->name, sizeof *fields, 2));
    fields[0].name = mt_str("b");
    fields[1].name = mt_str("a");
    CHECK(!mti_shape_recent(family, &fields->name, sizeof *fields, 3));
    mti_shape_release(family, shape);
    family_end(family);
}

TEST(a_shape_like_that_of_another_family_is_its_own)
{
    const mt_bytes names[] = {mt_str("a"), mt_str("b")};
    mti_family *family = family_new(), *other = family_new();
    mti_shape *foreign = shape_of(other, names, 2);
    mti_shape *own = mti_shape_like(family, foreign), *again = mti_shape_like(family, foreign);

    if (!own) abort();
    CHECK(own != foreign && own == again);
    mti_shape_release(other, foreign);
    mti_family_release(other);
    CHECK(mt_bytes_equal(own->names[1], mt_str("b")));
    mti_shape_release(family, own);
    mti_shape_release(family, again);
    family_end(family);
}

/* More shapes than are remembered: those that nobody holds go, the others stay. */
TEST(shapes_that_nobody_holds_are_given_up)
{
    mti_family *family = family_new();
    mti_shape *held[500] = {NULL};
    char text[32];

    for (size_t i = 0; i < 5000; i++) {
        mti_shape *shape;
        mt_bytes name;

        snprintf(text, sizeof text, "name %zu", i);
        name = mt_str(text);
        shape = shape_of(family, &name, 1);
        CHECK(shape);
        if (i % 10 == 0) held[i / 10] = shape;
        else mti_shape_release(family, shape);
    }
    CHECK(known(family) <= 500 + MTI_SHAPE_RECENT);
    for (size_t i = 0; i < 500; i++) {
        mt_bytes name;

        snprintf(text, sizeof text, "name %zu", i * 10);
        name = mt_str(text);
        CHECK(mt_bytes_equal(held[i]->names[0], name));
        CHECK(shape_of(family, &name, 1) == held[i]);
        mti_shape_release(family, held[i]);
        mti_shape_release(family, held[i]);
    }
    CHECK(known(family) <= MTI_SHAPE_RECENT);
    family_end(family);
}

TEST(a_family_lives_as_long_as_its_last_holder)
{
    mti_family *family = family_new();

    mti_family_hold(family);
    mti_family_release(family);
    CHECK(test_mem_live() > 0);
    family_end(family);
}

TEST(without_memory_there_is_no_shape)
{
    const mt_bytes names[] = {mt_str("a"), mt_str("b"), mt_str("c")};

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mti_family *family = NULL;
        mti_shape *shapes[3] = {NULL, NULL, NULL};
        bool all = true;

        if (mti_family_new(fail_mem_hook(&fm), &family) == MT_OK) {
            for (size_t i = 0; i < 3; i++) shapes[i] = mti_shape_of(family, names, i + 1);
            for (size_t i = 0; i < 3; i++) all &= shapes[i] != NULL;
            for (size_t i = 0; i < 3; i++)
                if (shapes[i]) mti_shape_release(family, shapes[i]);
            mti_family_release(family);
        } else {
            all = false;
        }
        CHECK(all == !fm.tripped && fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_names_are_one_shape),
        cmocka_unit_test(other_names_are_another_shape),
        cmocka_unit_test(a_shape_of_64_names_of_254_bytes_holds_them_all),
        cmocka_unit_test(recent_shapes_are_found_by_names_within_other_things),
        cmocka_unit_test(a_shape_like_that_of_another_family_is_its_own),
        cmocka_unit_test(shapes_that_nobody_holds_are_given_up),
        cmocka_unit_test(a_family_lives_as_long_as_its_last_holder),
        cmocka_unit_test(without_memory_there_is_no_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
