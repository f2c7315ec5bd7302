/* test_secure.h - two devices of a space, and somebody on the link between them.
 *
 *     test_secure w;
 *     test_secure_begin(&w);
 *     test_secure_join(&w);
 *     test_env_run_for(&w.te, 10);
 *     CHECK(!mt_connection_offline(w.ends[0].outer));
 *     test_secure_end_all(&w);
 *
 * The first dials, the second is dialed. Each link is two pipes, and what comes out of one goes into the
 * other, by way of `tamper`, if there is one. */
#ifndef TEST_SECURE_H
#define TEST_SECURE_H

#include "test_env.h"

#include <mytosis/host.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/secure.h>

typedef struct test_secure test_secure;

typedef struct test_secure_end {
    test_secure *world;
    size_t number;
    mt_secure *secure;
    mt_connection *inner, *tap; /* the pipe: its end here, and the one in the middle */
    mt_connection *outer;
    mt_subscription *tapped, *parted, *heard, *told;
    size_t sent; /* messages that came out of its pipe in the middle */
    size_t got;  /* messages that it heard, and the last of them */
    mt_buf last;
    bool closed;
    mt_error why; /* of its end */
} test_secure_end;

struct test_secure {
    test_env te;
    test_secure_end ends[2];
    mt_buf seen;                   /* all that passed the middle */
    uint8_t strangers[MT_KEY_LEN]; /* a device that is not admitted; all zero: all are */
    uint8_t ticket_key[MT_KEY_LEN];
    bool ticket_good;
    uint8_t papers[MT_PAPERS_LEN_MAX]; /* of the first, as the second saw them */
    size_t papers_len;
    bool came_with; /* a ticket */

    /* Done while the second is asked whether the first may come, and for a ticket's key; may be NULL. */
    void (*admitting)(test_secure *w, mt_connection *connection);
    void (*ticketing)(test_secure *w, mt_connection *connection);

    /* What becomes of the `number`th message, from 1, of an end: changed, or dropped: false. */
    bool (*tamper)(test_secure *w, size_t from, size_t number, mt_buf *bytes);
    void *arg;
};

#define TEST_TICKET "ticket of sixteen"

/* The secrets of the two, and the id of the space. */
void test_secure_seed(size_t number, uint8_t out[MT_KEY_LEN]);
extern const uint8_t test_secure_space[MT_SPACE_LEN];

void test_secure_begin(test_secure *w);

/* The same, with options of the second's own; those that it needs are filled in. */
void test_secure_begin_with(test_secure *w, const mt_secure_options *options);

/* Joins the two by a new link. The first expects the second, or `peer`. */
void test_secure_join(test_secure *w);
void test_secure_join_to(test_secure *w, const mt_secure_peer *peer);

/* Listens to the outer connections that there are; joining does so. */
void test_secure_listen(test_secure *w);

/* Sends a text; it must be taken. */
void test_secure_send(test_secure *w, size_t from, const char *text);

/* Ends all; what it took is given back. */
void test_secure_end_all(test_secure *w);

#endif
