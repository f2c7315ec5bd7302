/* Peers that are not alike: engines that answer late and fail, clocks that are apart, and ranges of
 * their own. */
#include "test_peers.h"
#include "test_ranges.h"

/* Something happens at any of them. */
static void happen(test_peers *p, size_t count)
{
    test_case *c = p->c;

    for (size_t i = count; i > 0; i--) {
        size_t peer = test_below(c, p->count);
        switch (test_below(c, 10)) {
        case 0: test_peers_cut(p, test_below(c, p->link_count), !test_once_in(c, 2)); break;
        case 1:
            if (p->how.late) test_peers_fail(p, peer, test_below(c, 5));
            break;
        case 2:
            if (p->how.late) test_peers_crash(p, peer);
            break;
        case 3: test_peers_start(p, peer); break;
        default: test_peers_write(p, peer);
        }
        if (test_once_in(c, 2)) test_env_run_for(&p->te, test_below(c, 200));
    }
}

/* ---- Late engines ---- */

static void engines_that_are_late_or_fail_lose_nothing(test_case *c)
{
    test_peers p;

    test_peers_begin_as(&p, c, 2 + test_below(c, 3),
                        &(test_peers_how){.harsh = true, .late = true});
    test_peers_join(&p);
    test_env_run_for(&p.te, 1000);
    happen(&p, 20 + test_below(c, 60));
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(engines_that_are_late_or_fail_lose_nothing_for_all)
{
    test_law(1500, engines_that_are_late_or_fail_lose_nothing);
}

/* ---- Clocks ---- */

static void clocks_that_are_apart_end_equal(test_case *c)
{
    test_peers p;

    test_peers_begin_as(&p, c, 2 + test_below(c, 3),
                        &(test_peers_how){.harsh = true, .apart_ms = 20 * 60000});
    test_peers_join(&p);
    happen(&p, 20 + test_below(c, 40));
    test_peers_heal(&p);
    test_env_run_for(&p.te, 45 * 60000); /* what is too far ahead by then is not */
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(clocks_that_are_apart_end_equal_for_all)
{
    test_law(100, clocks_that_are_apart_end_equal);
}

/* ---- Ranges ---- */

static void peers_are_equal_on_what_both_replicate(test_case *c)
{
    test_peers p;

    test_peers_begin_as(
        &p, c, 2 + test_below(c, 4),
        &(test_peers_how){.harsh = true, .late = true, .choose = test_ranges_choose});
    for (size_t i = test_below(c, 20); i > 0; i--) test_peers_write(&p, test_below(c, p.count));
    test_peers_join(&p);
    test_env_run_for(&p.te, 1000);
    happen(&p, 20 + test_below(c, 40));
    test_peers_heal(&p);
    for (size_t i = 0; i < p.link_count; i++) HOLDS(test_ranges_equal(&p, &p.links[i]));
    for (size_t i = 0; i < p.count; i++) test_ranges_hold_nothing_else(&p, i);
    test_peers_end(&p);
}

TEST(peers_are_equal_on_what_both_replicate_for_all)
{
    test_law(300, peers_are_equal_on_what_both_replicate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_that_are_late_or_fail_lose_nothing_for_all),
        cmocka_unit_test(clocks_that_are_apart_end_equal_for_all),
        cmocka_unit_test(peers_are_equal_on_what_both_replicate_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
