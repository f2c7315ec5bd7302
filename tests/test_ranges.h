/* test_ranges.h - peers that replicate some nodes, and what they then hold. */
#ifndef TEST_RANGES_H
#define TEST_RANGES_H

#include "test_peers.h"

/* For test_peers_how: everything, a prefix, an interval, or a list; now and then two of them. */
void test_ranges_choose(test_peers *p, size_t at);

/* Whether two that are joined have the same of what both replicate. */
bool test_ranges_equal(test_peers *p, const test_link *link);

/* Holds that of what a peer does not replicate it has what was written here, no more. */
void test_ranges_hold_nothing_else(test_peers *p, size_t at);

#endif
