#include "test_ranges.h"

#include "sync/range.h"

#include <string.h>

static mt_bytes any_uid(test_peers *p)
{
    return gen_uid(p->c, &p->u, test_below(p->c, p->u.uid_count));
}

void test_ranges_choose(test_peers *p, size_t at)
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

bool test_ranges_equal(test_peers *p, const test_link *link)
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

void test_ranges_hold_nothing_else(test_peers *p, size_t at)
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
