/* No version of a field crosses a link more than twice in one direction, however peers are joined.
 *
 * But for one case in some hundreds, where it is three times and never more: a node that is made when links
 * are new goes live or with the copy, and then whole with the log, once or twice. Of 4,200 cases five have
 * that, the first of them 1031. So few pass; none does among those that run without MYTOSIS_TIMES. */
#include "test_meter.h"
#include "test_peers.h"

static size_t thrice, cases;

/* Answers whether a version crossed three times. */
static bool meter_end(test_meter *m)
{
    bool is_thrice = m->most > 2;

    HOLDS(m->most <= 3);
    test_meter_end(m);
    return is_thrice;
}

static void every_version_crosses_at_most_twice(test_case *c)
{
    static test_meter meters[TEST_LINKS_MAX][2];
    bool is_thrice = false;
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
        for (size_t k = 0; k < 2; k++) is_thrice |= meter_end(&meters[i][k]);
    test_peers_end(&p);
    cases++;
    thrice += is_thrice;
    if (is_thrice)
        print_message("MYTOSIS_SEED=%llu: a version crossed three times\n",
                      (unsigned long long)c->seed);
}

TEST(every_version_crosses_at_most_twice_for_all)
{
    test_law(300, every_version_crosses_at_most_twice);
    assert_true(thrice <= cases / 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_crosses_at_most_twice_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
