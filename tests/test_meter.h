/* test_meter.h - what comes over one direction of a link: how often each version of a field.
 *
 *     test_meter m;
 *     test_meter_begin(&m, connection, false);
 *     ...
 *     HOLDS(m.most <= 2);
 *     test_meter_end(&m);
 */
#ifndef TEST_METER_H
#define TEST_METER_H

#include "test_law.h"

#include <mytosis/mytosis.h>

typedef struct test_meter {
    mt_subscription *subscription;
    mt_binary_reader *reader;
    uint64_t *keys;
    uint8_t *counts;
    size_t count;
    unsigned most;   /* how often one version came, at most */
    unsigned flags;  /* of the last message of data */
    bool copies;     /* some of it was copied */
    size_t nodes;    /* rows that end a node */
    mt_graph *moved; /* all that came; NULL: it is not kept */
} test_meter;

/* Counts what the connection receives; `keeps`: and keeps it. */
void test_meter_begin(test_meter *m, mt_connection *connection, bool keeps);
void test_meter_end(test_meter *m);

#endif
