/* Peers that were away: for longer than logs reach, or that meet for the first time, or that came back from
 * a backup. They find out what differs, and no more goes over than has to. */
#include "test_meter.h"
#include "test_peers.h"
#include "test_ranges.h"

#define MEETING_MS 4000 /* less than it takes a session that failed to begin anew */
#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)
#define TIMERS_MAX 200 /* that peers set in ten seconds that are quiet */

/* ---- Coming together ---- */

static void cut_all(test_peers *p)
{
    for (size_t i = 0; i < p->link_count; i++) test_peers_cut(p, i, true);
}

static void be_quiet(test_peers *p)
{
    uint64_t before = p->te.set_count;

    test_env_run_for(&p->te, 10000);
    HOLDS(p->te.set_count - before < TIMERS_MAX);
}

static bool is_equal(test_peers *p, size_t a, size_t b)
{
    mt_graph *has[2] = {test_peers_graph(p, a), test_peers_graph(p, b)};
    bool equal = mt_graph_equal(has[0], has[1]);

    for (size_t i = 0; i < 2; i++) mt_graph_free(has[i]);
    return equal;
}

/* The ends of a link meet until all is quiet, and part. */
static void meet(test_peers *p, size_t at)
{
    test_link *link = &p->links[at];

    test_peers_cut(p, at, false);
    test_env_run_for(&p->te, MEETING_MS);
    HOLDS(is_equal(p, link->ends[0], link->ends[1]));
    be_quiet(p);
    test_peers_cut(p, at, true);
}

/* Several hundred nodes, or a few. */
static void choose_universe(test_peers *p)
{
    p->u = gen_of_size(p->c, test_once_in(p->c, 4) ? GEN_SMALL : GEN_MANY_NODES);
}

/* Writes a few nodes, or now and then as many as a patch has. */
static void write_few(test_peers *p, size_t at)
{
    test_peers_write_some(p, at, test_once_in(p->c, 8) ? SIZE_MAX : 1 + test_below(p->c, 4));
}

/* Peers that are joined in some way, and all links cut; most of them have the same from one another. */
static void begin_apart(test_peers *p, test_case *c, const test_peers_how *how)
{
    test_peers_begin_as(p, c, 2 + test_below(c, 4), how);
    if (!how->choose) choose_universe(p);
    test_peers_join(p);
    cut_all(p);
    for (size_t i = 1 + test_below(c, 3); i > 0; i--) test_peers_write(p, 0);
    test_env_run_for(&p->te, 100);
    for (size_t i = 0; i < p->link_count; i++) {
        if (test_once_in(c, 6)) continue;
        test_peers_cut(p, i, false);
        test_env_run_for(&p->te, MEETING_MS);
        test_peers_cut(p, i, true);
    }
}

/* ---- Strangers ---- */

static void strangers_that_meet_one_by_one_become_equal(test_case *c)
{
    test_peers p;

    begin_apart(&p, c, &(test_peers_how){.forgetful = test_once_in(c, 2)});
    for (size_t i = 6 + test_below(c, 12); i > 0; i--) {
        for (size_t k = test_below(c, 6); k > 0; k--) write_few(&p, test_below(c, p.count));
        meet(&p, test_below(c, p.link_count));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(strangers_that_meet_one_by_one_become_equal_for_all)
{
    test_law(200, strangers_that_meet_one_by_one_become_equal);
}

/* ---- Away ---- */

static void peers_that_were_away_for_a_year_become_equal(test_case *c)
{
    test_peers p;

    begin_apart(&p, c, &(test_peers_how){.harsh = test_once_in(c, 2), .forgetful = true});
    for (size_t i = 1 + test_below(c, 4); i > 0; i--) {
        for (size_t k = test_below(c, 60); k > 0; k--) write_few(&p, test_below(c, p.count));
        test_env_run_for(&p.te, YEAR_MS / 4 + test_below(c, 1000));
        if (test_once_in(c, 2)) test_peers_cut(&p, test_below(c, p.link_count), false);
    }
    test_peers_settle(&p);
    be_quiet(&p);
    test_peers_end(&p);
}

TEST(peers_that_were_away_for_a_year_become_equal_for_all)
{
    test_law(200, peers_that_were_away_for_a_year_become_equal);
}

static void backups_that_are_put_back_become_equal(test_case *c)
{
    test_peers p;

    begin_apart(&p, c, &(test_peers_how){.harsh = true, .forgetful = true});
    for (size_t i = 20 + test_below(c, 20); i > 0; i--) {
        size_t peer = test_below(c, p.count);
        switch (test_below(c, 9)) {
        case 0: test_peers_keep(&p, peer); break;
        case 1:
            test_peers_crash(&p, peer);
            test_peers_restore(&p, peer, test_below(c, p.count));
            break;
        case 2: test_peers_start(&p, peer); break;
        case 3:
        case 4: test_peers_cut(&p, test_below(c, p.link_count), test_once_in(c, 2)); break;
        default: write_few(&p, peer);
        }
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 3000));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(backups_that_are_put_back_become_equal_for_all)
{
    test_law(200, backups_that_are_put_back_become_equal);
}

/* ---- Meanwhile ---- */

static void links_that_break_in_comparisons_lose_nothing(test_case *c)
{
    test_peers p;

    begin_apart(&p, c,
                &(test_peers_how){.harsh = true, .late = test_once_in(c, 2), .forgetful = true});
    for (size_t i = 20 + test_below(c, 60); i > 0; i--) {
        if (test_once_in(c, 3)) test_peers_cut(&p, test_below(c, p.link_count), test_once_in(c, 2));
        else write_few(&p, test_below(c, p.count));
        if (p.how.late && test_once_in(c, 10))
            test_peers_fail(&p, test_below(c, p.count), test_below(c, 5));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 100));
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(links_that_break_in_comparisons_lose_nothing_for_all)
{
    test_law(200, links_that_break_in_comparisons_lose_nothing);
}

/* ---- Clocks ---- */

static void clocks_a_day_apart_end_equal(test_case *c)
{
    test_peers p;

    begin_apart(&p, c,
                &(test_peers_how){
                    .forgetful = test_once_in(c, 2), .harsh = true, .apart_ms = YEAR_MS / 730});
    for (size_t i = 10 + test_below(c, 20); i > 0; i--) {
        if (test_once_in(c, 3)) test_peers_cut(&p, test_below(c, p.link_count), test_once_in(c, 2));
        else write_few(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 10000));
    }
    test_peers_heal(&p);
    test_env_run_for(&p.te, YEAR_MS / 365 + 3600000); /* what is too far ahead by then is not */
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(clocks_a_day_apart_end_equal_for_all)
{
    test_law(40, clocks_a_day_apart_end_equal);
}

/* ---- Ranges ---- */

static void choose(test_peers *p, size_t at)
{
    if (at == 0) choose_universe(p);
    test_ranges_choose(p, at);
}

static void strangers_are_equal_on_what_both_replicate(test_case *c)
{
    test_peers p;

    begin_apart(&p, c, &(test_peers_how){.harsh = true, .forgetful = true, .choose = choose});
    for (size_t i = 10 + test_below(c, 30); i > 0; i--) {
        if (test_once_in(c, 3)) test_peers_cut(&p, test_below(c, p.link_count), test_once_in(c, 2));
        else write_few(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 1000));
    }
    test_peers_heal(&p);
    for (size_t i = 0; i < p.link_count; i++) HOLDS(test_ranges_equal(&p, &p.links[i]));
    for (size_t i = 0; i < p.count; i++) test_ranges_hold_nothing_else(&p, i);
    be_quiet(&p);
    test_peers_end(&p);
}

TEST(strangers_are_equal_on_what_both_replicate_for_all)
{
    test_law(200, strangers_are_equal_on_what_both_replicate);
}

/* ---- What crosses a link ---- */

/* All links are made at once, and nothing breaks any more; `writes`: some is written meanwhile. */
static void every_version_crosses(test_case *c, bool writes, unsigned times)
{
    static test_meter meters[TEST_LINKS_MAX][2];
    test_peers p;

    begin_apart(&p, c, &(test_peers_how){.forgetful = test_once_in(c, 2)});
    for (size_t i = test_below(c, 20); i > 0; i--) write_few(&p, test_below(c, p.count));
    for (size_t i = 0; i < p.link_count; i++) {
        for (size_t k = 0; k < 2; k++)
            test_meter_begin(&meters[i][k], p.links[i].connections[k], false);
        test_peers_cut(&p, i, false);
    }
    for (size_t i = writes ? test_below(c, 60) : 0; i > 0; i--) {
        write_few(&p, test_below(c, p.count));
        if (test_once_in(c, 2)) test_env_run_for(&p.te, test_below(c, 50));
    }
    test_peers_settle(&p);
    for (size_t i = 0; i < p.link_count; i++)
        for (size_t k = 0; k < 2; k++) {
            HOLDS(meters[i][k].most <= times);
            test_meter_end(&meters[i][k]);
        }
    test_peers_end(&p);
}

/* What a comparison found may come once more with the log; and of the log, a node that came from a third
 * while it was read may come twice: all of it happens to one of some thousand cases. */
static void every_version_crosses_at_most_thrice(test_case *c)
{
    every_version_crosses(c, false, 3);
}

TEST(every_version_crosses_at_most_thrice_for_all)
{
    test_law(150, every_version_crosses_at_most_thrice);
}

/* Where logs are exceeded meanwhile, they compare again. */
static void what_is_written_meanwhile_crosses_at_most_four_times(test_case *c)
{
    every_version_crosses(c, true, 4);
}

TEST(what_is_written_meanwhile_crosses_at_most_four_times_for_all)
{
    test_law(150, what_is_written_meanwhile_crosses_at_most_four_times);
}

static bool is_same(const mt_node *a, const mt_node *b)
{
    return a && b ? mt_node_equal(a, b) : a == b;
}

/* Whether all nodes that crossed differed, or as many of the others as short names may confuse. */
static void moved_no_more(const test_meter *m, const mt_graph *has[2])
{
    size_t differ = 0, others = 0;
    mt_graph_iter iter;
    const mt_node *node;
    mt_bytes none = {NULL, 0};

    mt_graph_iter_init(&iter, m->moved, none, none);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_bytes uid = mt_node_uid(node);
        bool same = is_same(mt_graph_get(has[0], uid), mt_graph_get(has[1], uid));
        differ += !same;
        others += same;
    }
    HOLDS(others <= 1);
    HOLDS(m->nodes <= 2 * (differ + others));
}

static void comparison_moves_what_differs(test_case *c)
{
    static test_meter meters[2];
    const mt_graph *has[2];
    test_peers p;

    test_peers_begin_as(&p, c, 3, &(test_peers_how){.forgetful = test_once_in(c, 2)});
    p.u = gen_of_size(c, GEN_MANY_NODES);
    for (size_t i = 0; i < 3; i++) test_peers_write(&p, 1);
    for (size_t i = 0; i < 3; i++) test_peers_link(&p, i, (i + 1) % 3);
    test_peers_cut(&p, 2, true);
    test_env_run_for(&p.te, MEETING_MS);
    cut_all(&p);
    for (size_t i = test_below(c, 8); i > 0; i--)
        test_peers_write_some(&p, 2 * test_below(c, 2), 1 + test_below(c, 4));
    test_env_run_for(&p.te, 100);
    for (size_t k = 0; k < 2; k++) {
        has[k] = test_peers_graph(&p, 2 * k);
        test_meter_begin(&meters[k], p.links[2].connections[k], true);
    }
    meet(&p, 2);
    for (size_t k = 0; k < 2; k++) {
        if (!meters[k].copies) moved_no_more(&meters[k], has);
        HOLDS(meters[k].most <= 2);
        test_meter_end(&meters[k]);
    }
    for (size_t k = 0; k < 2; k++) mt_graph_free((mt_graph *)(uintptr_t)has[k]);
    test_peers_end(&p);
}

TEST(comparison_moves_what_differs_for_all)
{
    test_law(200, comparison_moves_what_differs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_that_meet_one_by_one_become_equal_for_all),
        cmocka_unit_test(peers_that_were_away_for_a_year_become_equal_for_all),
        cmocka_unit_test(backups_that_are_put_back_become_equal_for_all),
        cmocka_unit_test(links_that_break_in_comparisons_lose_nothing_for_all),
        cmocka_unit_test(clocks_a_day_apart_end_equal_for_all),
        cmocka_unit_test(strangers_are_equal_on_what_both_replicate_for_all),
        cmocka_unit_test(every_version_crosses_at_most_thrice_for_all),
        cmocka_unit_test(what_is_written_meanwhile_crosses_at_most_four_times_for_all),
        cmocka_unit_test(comparison_moves_what_differs_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
