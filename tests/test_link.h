/* test_link.h - a transport that does nothing by itself: it notes what it is told, answers what it
 * is set to, and leads nowhere. */
#ifndef TEST_LINK_H
#define TEST_LINK_H

#include "test_heard.h"
#include <mytosis/plugin/network.h>

typedef struct test_link {
    mt_connection *connection; /* BORROWED from whoever made the link; NULL once it is gone */
    test_heard *heard;         /* NULL: nothing is noted */
    size_t queued;
    mt_status answer; /* to send */
    bool started;
} test_link;

/* Transports of two types, "test" and "other". */
extern const mt_connection_ops test_link_ops;
extern const mt_connection_ops test_link_other_ops;

/* Makes a connection, which the caller holds: let go of it with test_link_end. The link notes
 * "start", "send(BYTES)" and so on. */
mt_status test_link_new(test_link *link, const mt_mem *mem, const mt_connection_ops *ops,
                        const char *id, unsigned flags);

/* The same with test_mem and the type "test"; it must succeed. */
void test_link_begin(test_link *link, test_heard *heard, const char *id);

/* Lets go of the connection, and reports it closed if it is being closed now. */
void test_link_end(test_link *link);

mt_status test_link_deliver(test_link *link, const char *text);

/* Fails unless these are the members of a group: their ids, of one letter each. */
void test_members_are(const mt_group *group, const char *ids);

#endif
