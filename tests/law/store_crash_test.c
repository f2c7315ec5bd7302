/* store_crash_test.c - the node store on a disk that loses what was not synced. */
#include "test_crash.h"
#include "test_disk_kv.h"
#include <string.h>

static mt_kv open_disk(test_history *h)
{
    return test_disk_kv(&h->w.te.env, &h->disk);
}

static mt_kv open_image(test_history *h, test_env *te, mti_sim_disk *image, bool again)
{
    (void)h;
    (void)again;
    return test_disk_kv(&te->env, image);
}

static size_t points;

static void a_crash_loses_nothing_acknowledged(test_case *c)
{
    test_history h = {.open = open_disk, .open_image = open_image, .kinds = MTI_SIM_CRASH_KINDS};

    test_history_begin(&h, c);
    test_history_run(&h);
    test_history_end(&h);
    points += h.points;
}

TEST(a_crash_at_any_time_loses_nothing_that_was_acknowledged)
{
    test_law(1500, a_crash_loses_nothing_acknowledged);
    print_message("[  CRASHES ] %zu\n", points);
}

/* ---- The disk itself loses what it may ---- */

TEST(a_crash_loses_and_tears_what_was_not_synced)
{
    test_rng rng = test_rng_new(1);
    mti_sim_disk disk = {0};
    size_t lost = 0, torn = 0;

    CHECK(mti_sim_disk_write(&disk, 0, "first", 5) && mti_sim_disk_sync(&disk));
    CHECK(mti_sim_disk_write(&disk, 5, "second", 6));
    for (int i = 0; i < 100; i++) {
        mti_sim_disk image = test_disk_crash(&disk, MTI_SIM_CRASH_TORN, &rng);

        CHECK(image.len >= 5 && memcmp(image.data, "first", 5) == 0);
        lost += image.len == 5;
        torn += image.len > 5 && (image.len < 11 || memcmp(image.data, "firstsecond", 11) != 0);
        mti_sim_disk_end(&image);
    }
    CHECK(lost > 10 && torn > 10);
    mti_sim_disk_end(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_loses_and_tears_what_was_not_synced),
        cmocka_unit_test(a_crash_at_any_time_loses_nothing_that_was_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
