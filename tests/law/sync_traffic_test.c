/* No version of a field crosses a link more than twice in one direction, however peers are joined. (A node
 * that is made while all is copied may go with the copy, whole with the log, and a field of it that changes
 * meanwhile once more: one of some ten thousand cases has that.) */
#include "test_meter.h"
#include "test_peers.h"

static void meter_end(test_meter *m)
{
    HOLDS(m->most <= 2);
    test_meter_end(m);
}

static void every_version_crosses_at_most_twice(test_case *c)
{
    static test_meter meters[TEST_LINKS_MAX][2];
    test_peers p;

    test_peers_begin(&p, c, 2 + test_below(c, 5), true);
    for (size_t i = test_below(c, 20); i > 0; i--) test_peers_write(&p, test_below(c, p.count));
    test_peers_join(&p);
    for (size_t i = 0; i < p.link_count; i++)
        for (size_t k = 0; k < 2; k++)
            test_meter_begin(&meters[i][k], p.links[i].connections[k], false);
    for (size_t i = test_below(c, 60); i > 0; i--) {
        test_peers_write(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 50));
    }
    test_peers_settle(&p);
    for (size_t i = 0; i < p.link_count; i++)
        for (size_t k = 0; k < 2; k++) meter_end(&meters[i][k]);
    test_peers_end(&p);
}

TEST(every_version_crosses_at_most_twice_for_all)
{
    test_law(300, every_version_crosses_at_most_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_crosses_at_most_twice_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
