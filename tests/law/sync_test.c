/* Whatever peers write, whichever links are cut, whoever crashes: once all are up and joined, all hold
 * the same, and nothing that was said to be stored is missing. */
#include "test_peers.h"

static void peers_that_write_become_equal(test_case *c)
{
    test_peers p;

    test_peers_begin(&p, c, 2 + test_below(c, 4), true);
    for (size_t i = test_below(c, 20); i > 0; i--) test_peers_write(&p, test_below(c, p.count));
    test_peers_join(&p);
    for (size_t i = test_below(c, 40); i > 0; i--) {
        test_peers_write(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 50));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(peers_that_write_become_equal_for_all)
{
    test_law(300, peers_that_write_become_equal);
}

static void links_that_break_lose_nothing(test_case *c)
{
    test_peers p;

    test_peers_begin(&p, c, 2 + test_below(c, 4), true);
    test_peers_join(&p);
    for (size_t i = 20 + test_below(c, 60); i > 0; i--) {
        if (test_once_in(c, 3))
            test_peers_cut(&p, test_below(c, p.link_count), !test_once_in(c, 2));
        else test_peers_write(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 100));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(links_that_break_lose_nothing_for_all)
{
    test_law(300, links_that_break_lose_nothing);
}

static void crashes_lose_nothing(test_case *c)
{
    test_peers p;

    test_peers_begin(&p, c, 2 + test_below(c, 3), true);
    test_peers_join(&p);
    for (size_t i = 20 + test_below(c, 60); i > 0; i--) {
        size_t peer = test_below(c, p.count);
        switch (test_below(c, 8)) {
        case 0: test_peers_crash(&p, peer); break;
        case 1: test_peers_start(&p, peer); break;
        case 2: test_peers_cut(&p, test_below(c, p.link_count), !test_once_in(c, 2)); break;
        default: test_peers_write(&p, peer);
        }
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 3000));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(crashes_lose_nothing_for_all)
{
    test_law(300, crashes_lose_nothing);
}

static void stores_that_are_copied_or_rolled_back_become_equal(test_case *c)
{
    test_peers p;

    test_peers_begin(&p, c, 2 + test_below(c, 3), true);
    test_peers_join(&p);
    for (size_t i = 20 + test_below(c, 40); i > 0; i--) {
        size_t peer = test_below(c, p.count);
        switch (test_below(c, 8)) {
        case 0: test_peers_keep(&p, peer); break;
        case 1:
            test_peers_crash(&p, peer);
            test_peers_restore(&p, peer, test_below(c, p.count));
            break;
        case 2: test_peers_start(&p, peer); break;
        default: test_peers_write(&p, peer);
        }
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 3000));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(stores_that_are_copied_or_rolled_back_become_equal_for_all)
{
    test_law(300, stores_that_are_copied_or_rolled_back_become_equal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_that_write_become_equal_for_all),
        cmocka_unit_test(links_that_break_lose_nothing_for_all),
        cmocka_unit_test(crashes_lose_nothing_for_all),
        cmocka_unit_test(stores_that_are_copied_or_rolled_back_become_equal_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
