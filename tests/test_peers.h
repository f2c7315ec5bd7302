/* test_peers.h - peers that sync, on virtual time, in one process: links that are cut, stores that
 * crash, are copied and rolled back.
 *
 *     test_peers p;
 *     test_peers_begin(&p, c, 3, true);
 *     test_peers_link(&p, 0, 1);
 *     test_peers_link(&p, 1, 2);
 *     test_peers_write(&p, 0);
 *     test_peers_settle(&p);
 *     test_peers_end(&p);
 */
#ifndef TEST_PEERS_H
#define TEST_PEERS_H

#include "test_disk_kv.h"
#include "test_env.h"
#include "test_gen.h"
#include "test_law.h"

#include <mytosis/conformance.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/sync.h>

#define TEST_PEERS_MAX 6
#define TEST_LINKS_MAX 15

struct test_peers;

/* What peers are like, beyond chance. */
typedef struct test_peers_how {
    bool
        harsh; /* some logs keep next to nothing, some links have little room, of some writes nobody is
                 * told */
    bool late;         /* some engines answer late, and fail now and then */
    bool forgetful;    /* most logs keep less than is written while a peer is away */
    uint64_t apart_ms; /* how far their clocks may be from the right time */
    /* Chooses what a peer replicates, in its options; NULL: everything. */
    void (*choose)(struct test_peers *p, size_t peer);
} test_peers_how;

typedef struct test_peer {
    struct test_peers *world;
    size_t number;
    mt_env env; /* as that of all, but for the time of day */
    uint64_t ahead_ms;
    bool late;
    mt_kv_fault fault;
    bool stored;       /* on a disk, else in memory alone */
    mti_sim_disk disk; /* what it writes to */
    mti_sim_disk then; /* an earlier disk, to be rolled back to */
    bool has_then;
    mt_db *db; /* NULL: it is down */
    mt_group *links;
    mt_sync_options options;
    mt_sync_range ranges[2];
    mt_bytes uids[8];
    mt_graph *sure; /* what it answered to have stored */
    size_t writing;
} test_peer;

typedef struct test_link {
    size_t ends[2];
    mt_connection *connections[2]; /* NULL: an end is down */
    bool cut;
} test_link;

typedef struct test_peers {
    test_case *c;
    gen_universe u;
    test_peers_how how;
    test_env te;
    test_peer peers[TEST_PEERS_MAX];
    size_t count;
    test_link links[TEST_LINKS_MAX];
    size_t link_count;
    mt_graph *sure; /* what must not be lost, of all peers */
} test_peers;

/* Peers that are up; each is on a disk or in memory, as the case decides. */
void test_peers_begin(test_peers *p, test_case *c, size_t count, bool harsh);
void test_peers_begin_as(test_peers *p, test_case *c, size_t count, const test_peers_how *how);
void test_peers_end(test_peers *p);

/* Joins two by a pipe of some latency. */
void test_peers_link(test_peers *p, size_t a, size_t b);
/* Joins all: in a line, a star, a ring, everybody with everybody, or in any way. */
void test_peers_join(test_peers *p);
void test_peers_cut(test_peers *p, size_t at, bool cut);

/* Writes something at a peer, if it is up, without waiting. */
void test_peers_write(test_peers *p, size_t at);
void test_peers_write_some(test_peers *p, size_t at, size_t nodes_max);

/* The peer stops at once; its disk keeps what it may. */
void test_peers_crash(test_peers *p, size_t at);

/* Brings it up, on the disk as it is. */
void test_peers_start(test_peers *p, size_t at);

/* Keeps a copy of its disk; brings a peer that is down back to its copy, or to another's. */
void test_peers_keep(test_peers *p, size_t at);
void test_peers_restore(test_peers *p, size_t at, size_t from);

/* The next but `calls` commit of its engine fails, if it is one that answers late. */
void test_peers_fail(test_peers *p, size_t at, uint64_t calls);

/* All links are whole and all peers up, for a while. */
void test_peers_heal(test_peers *p);

/* All links are whole and all peers up: then they come to hold the same, and nothing that was said to be
 * stored is missing. */
void test_peers_settle(test_peers *p);

/* All that a peer holds, OWNED. */
mt_graph *test_peers_graph(test_peers *p, size_t at);

#endif
