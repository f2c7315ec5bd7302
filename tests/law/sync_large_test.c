/* Many nodes, and large ones: they go over in pieces, and go on where a link was cut. */
#include "test_peers.h"

#include <stdio.h>
#include <string.h>

#define NODES 1500

typedef struct counts {
    uint64_t nodes_in, bytes_out;
} counts;

static void count(void *ctx, const mt_sync_peer *peer)
{
    counts *c = ctx;

    c->nodes_in += peer->nodes_in;
    c->bytes_out += peer->bytes_out;
}

static counts counts_of(const test_peers *p, size_t peer)
{
    counts c = {0, 0};

    HOLDS(mt_db_status(p->peers[peer].db, count, &c) == MT_OK);
    return c;
}

/* Writes many nodes at a peer, and waits. */
static void write_many(test_peers *p, size_t peer, const char *prefix, size_t nodes, size_t len)
{
    char uid[64], text[400];
    mt_field field = {.name = mt_str("text")};
    mt_row row = {.fields = &field, .count = 1};

    memset(text, 'x', sizeof text);
    field.value =
        mt_string((mt_bytes){(const uint8_t *)text, len < sizeof text ? len : sizeof text});
    for (size_t i = 0; i < nodes; i++) {
        snprintf(uid, sizeof uid, "%s%05zu", prefix, i);
        row.uid = mt_str(uid);
        HOLDS(mt_write(p->peers[peer].db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    }
}

static void write_large(test_peers *p, size_t peer, const char *uid, size_t fields)
{
    char names[64][32];
    mt_field field[64];
    mt_row row = {.uid = mt_str(uid), .fields = field};

    memset(field, 0, sizeof field);
    for (size_t first = 0; first < fields; first += row.count) {
        row.count = 0;
        for (size_t i = 0; i < 64 && first + i < fields; i++, row.count++) {
            snprintf(names[i], sizeof names[i], "f%06zu", first + i);
            field[i].name = mt_str(names[i]);
            field[i].value = mt_text("some value that takes a little room in a message");
        }
        HOLDS(mt_write(p->peers[peer].db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    }
}

static void large_graphs_go_over(test_case *c)
{
    test_peers p;

    test_peers_begin(&p, c, 2, true);
    write_many(&p, 0, "a/", test_below(c, NODES), 1 + test_below(c, 400));
    write_large(&p, test_below(c, 2), "large", test_below(c, 20000));
    write_many(&p, 1, "b/", test_below(c, NODES), 1 + test_below(c, 400));
    test_env_run_for(&p.te, 2000);
    test_peers_link(&p, 0, 1);
    for (size_t cuts = test_below(c, 20); cuts > 0; cuts--) {
        test_env_run_for(&p.te, test_below(c, 60));
        test_peers_cut(&p, 0, true);
        if (test_once_in(c, 3)) test_peers_write(&p, test_below(c, 2));
        test_env_run_for(&p.te, test_below(c, 20));
        test_peers_cut(&p, 0, false);
        if (test_once_in(c, 8)) test_peers_crash(&p, test_below(c, 2));
        test_peers_start(&p, 0);
        test_peers_start(&p, 1);
    }
    test_peers_settle(&p);
    test_peers_end(&p);
}

TEST(large_graphs_go_over_for_all)
{
    test_law(60, large_graphs_go_over);
}

/* A link that is cut again and again does not make the copy begin anew. */
static void what_went_over_does_not_go_again(test_case *c)
{
    test_peers p;
    uint64_t nodes;

    test_peers_begin(&p, c, 2, true);
    write_many(&p, 0, "a/", NODES, 400);
    test_env_run_for(&p.te, 2000);
    test_peers_link(&p, 0, 1);
    for (size_t cuts = 0; cuts < 10; cuts++) {
        test_env_run_for(&p.te, 40);
        test_peers_cut(&p, 0, true);
        test_env_run_for(&p.te, 20);
        test_peers_cut(&p, 0, false);
    }
    test_peers_settle(&p);
    nodes = counts_of(&p, 1).nodes_in;
    HOLDS(nodes >= NODES && nodes < 3 * NODES);
    test_peers_end(&p);
}

TEST(what_went_over_does_not_go_again_for_all)
{
    test_law(20, what_went_over_does_not_go_again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_graphs_go_over_for_all),
        cmocka_unit_test(what_went_over_does_not_go_again_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
