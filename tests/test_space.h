/* test_space.h - a space, and devices with databases, joined by secured pipes, on virtual time.
 *
 *     test_space_world w;
 *     test_space_begin(&w);
 *     test_space_give(&w, 1, MT_RIGHT_READ, &test_notes);
 *     test_space_open(&w, 0, TEST_SPACE_HONEST, NULL);
 *     test_space_open(&w, 1, TEST_SPACE_HONEST, NULL);
 *     test_space_join(&w, 0, 1);
 *     test_env_run_for(&w.te, 3000);
 *     test_space_end(&w);
 */
#ifndef TEST_SPACE_H
#define TEST_SPACE_H

#include "test_env.h"
#include "test_wire.h"

#include <mytosis/host.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/space.h>

#define TEST_SPACE_PEERS 5
#define TEST_SPACE_LINKS 10
#define TEST_DAY ((uint64_t)86400000)

/* Prefixes of tokens. */
extern const mt_bytes test_notes, test_everything;

/* What a peer does about the space: who does nothing lets everybody in, may be told everything, and writes whatever
 * it likes. */
#define TEST_SPACE_ADMITS 1u /* asks it who may come, and what each may */
#define TEST_SPACE_GUARDS 2u /* has its hooks */
#define TEST_SPACE_HONEST (TEST_SPACE_ADMITS | TEST_SPACE_GUARDS)

struct test_space_world;

typedef struct test_space_peer {
    struct test_space_world *world;
    unsigned does;
    const mt_hook
        *hook; /* of the application, which a test may set before it is opened; NULL: none */
    uint8_t seed[MT_KEY_LEN], device[MT_DEVICE_LEN];
    mt_buf chain; /* what it shows; a test may put another one there */
    mt_space *space;
    mt_secure *secure;
    mt_group *links;
    mt_db *db;      /* NULL: it is not open */
    size_t changes; /* how often the space has said that what some may is another now */
    mt_error why;   /* why it last did not admit somebody; its text is empty if it always did */
} test_space_peer;

typedef struct test_space_link {
    size_t peers[2];               /* the second dials */
    mt_connection *pipe, *ends[2]; /* NULL: it is gone */
} test_space_link;

typedef struct test_space_world {
    test_env te;
    mt_buf genesis;
    uint8_t root[MT_KEY_LEN];
    test_space_peer peers[TEST_SPACE_PEERS];
    test_space_link links[TEST_SPACE_LINKS];
    size_t link_count;     /* those that are gone among them */
    size_t joined;         /* so far */
    test_wire_fault *wire; /* links are wires with this fault; NULL: they are pipes */
    size_t live_before;
} test_space_world;

/* A world without an open peer; or one of a seed, memory, and so many members. */
void test_space_begin(test_space_world *w);
void test_space_begin_with(test_space_world *w, uint64_t seed, const mt_mem *mem,
                           uint32_t members_max);

/* Closes all; what was taken is given back. */
void test_space_end(test_space_world *w);

/* ---- Records ---- */

/* A token of one prefix, BORROWED, for a peer, good from now on for a day. */
mt_token test_space_token(const test_space_world *w, size_t to, unsigned rights,
                          const mt_bytes *prefix);

/* Appends a chain; `parent` NULL: the root's. */
mt_status test_space_issue(test_space_world *w, const uint8_t *seed, const mt_buf *parent,
                           const mt_token *token, mt_buf *out, mt_error *err);

/* The root gives a peer something, which is what it then shows; or one that has a chain does. */
void test_space_give(test_space_world *w, size_t to, unsigned rights, const mt_bytes *prefix);
void test_space_give_on(test_space_world *w, size_t from, size_t to, unsigned rights,
                        const mt_bytes *prefix);

/* Takes back the last token of a chain, in the name of a device; OWNED. */
mt_buf test_space_revocation(test_space_world *w, const uint8_t *seed, const mt_buf *chain);

/* The uid of the record of a chain's last token, "tokens" or "revoked". Till the next call. */
const char *test_space_uid(const char *place, const mt_buf *chain);

/* ---- Peers ---- */

/* Opens one with the chain that it has; `storage` is MOVED, NULL: it is in memory alone. */
void test_space_open(test_space_world *w, size_t at, unsigned does, const mt_storage *storage);

/* Closes it, and its links. */
void test_space_close(test_space_world *w, size_t at);

/* From now on it shows the chain that it has now; its links end. */
void test_space_show(test_space_world *w, size_t at);

/* Joins two that are open: answers the number of the link, which may be that of one that is gone. Ends one; twice is
 * once. */
size_t test_space_join(test_space_world *w, size_t a, size_t b);
void test_space_part(test_space_world *w, size_t link);

/* Whether there is a link, and both have let each other in. */
bool test_space_is_up(const test_space_world *w, size_t link);

/* Publishes a chain, or with it its revocation, and waits. */
mt_status test_space_publish(test_space_world *w, size_t at, const mt_buf *chain,
                             const mt_buf *revocation);

/* Nodes of a field `x`. */
void test_space_set(test_space_world *w, size_t at, const char *uid);
bool test_space_has(const test_space_world *w, size_t at, const char *uid);

#endif
