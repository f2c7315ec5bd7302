/* Peers that are not alike: engines that answer late and fail, clocks that are apart, and ranges of
 * their own. */
#include "sync/range.h"
#include "test_peers.h"

#include <string.h>

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

static mt_bytes any_uid(test_peers *p)
{
    return gen_uid(p->c, &p->u, test_below(p->c, p->u.uid_count));
}

/* Everything, a prefix, an interval, or a list; now and then two of them. */
static void choose(test_peers *p, size_t at)
{
    test_peer *peer = &p->peers[at];
    mt_bytes a, b;

    peer->options.ranges = peer->ranges;
    for (size_t i = 0; i < 1 + test_below(p->c, 2); i++) {
        mt_sync_range *range = &peer->ranges[peer->options.range_count++];
        memset(range, 0, sizeof *range);
        a = any_uid(p);
        b = any_uid(p);
        switch (test_below(p->c, 4)) {
        case 0: break;
        case 1: range->prefix = (mt_bytes){a.data, 1 + test_below(p->c, a.len)}; break;
        case 2:
            if (mt_bytes_compare(a, b) < 0) range->first = a, range->end = b;
            else range->first = b;
            break;
        default:
            range->uids = &peer->uids[4 * i];
            range->uid_count = 1 + test_below(p->c, 4);
            for (size_t k = 0; k < range->uid_count; k++) peer->uids[4 * i + k] = any_uid(p);
        }
    }
}

static bool replicates(const test_peer *peer, mt_bytes uid)
{
    bool has = false;

    for (size_t i = 0; i < peer->options.range_count && !has; i++) {
        mti_range range;
        HOLDS(mti_range_of(test_mem(), &peer->ranges[i], &range, NULL) == MT_OK);
        has = mti_range_has(&range, uid);
        mti_range_free(test_mem(), &range);
    }
    return has;
}

static bool is_same(const mt_node *a, const mt_node *b)
{
    bool has_a = a && mt_node_state_max(a) > 0, has_b = b && mt_node_state_max(b) > 0;

    return has_a && has_b ? mt_node_equal(a, b) : has_a == has_b;
}

/* Two that are joined have the same of what both replicate. */
static bool link_is_equal(test_peers *p, const test_link *link)
{
    mt_graph *has[2];
    bool equal = true;

    for (size_t i = 0; i < 2; i++) has[i] = test_peers_graph(p, link->ends[i]);
    for (size_t i = 0; i < p->u.uid_count; i++) {
        mt_bytes uid = gen_uid(p->c, &p->u, i);
        if (replicates(&p->peers[link->ends[0]], uid) && replicates(&p->peers[link->ends[1]], uid))
            equal &= is_same(mt_graph_get(has[0], uid), mt_graph_get(has[1], uid));
    }
    for (size_t i = 0; i < 2; i++) mt_graph_free(has[i]);
    return equal;
}

/* Of what it does not replicate it has what was written here, no more. */
static void holds_nothing_else(test_peers *p, size_t at)
{
    test_peer *peer = &p->peers[at];
    mt_graph *has = test_peers_graph(p, at);

    for (size_t i = 0; i < p->u.uid_count; i++) {
        mt_bytes uid = gen_uid(p->c, &p->u, i);
        if (!replicates(peer, uid))
            HOLDS(is_same(mt_graph_get(has, uid), mt_graph_get(peer->sure, uid)));
    }
    mt_graph_free(has);
}

static void peers_are_equal_on_what_both_replicate(test_case *c)
{
    test_peers p;

    test_peers_begin_as(&p, c, 2 + test_below(c, 4),
                        &(test_peers_how){.harsh = true, .late = true, .choose = choose});
    for (size_t i = test_below(c, 20); i > 0; i--) test_peers_write(&p, test_below(c, p.count));
    test_peers_join(&p);
    test_env_run_for(&p.te, 1000);
    happen(&p, 20 + test_below(c, 40));
    test_peers_heal(&p);
    for (size_t i = 0; i < p.link_count; i++) HOLDS(link_is_equal(&p, &p.links[i]));
    for (size_t i = 0; i < p.count; i++) holds_nothing_else(&p, i);
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
