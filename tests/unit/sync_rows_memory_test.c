/* Nodes of many fields where memory runs out: written while two are joined, while they are apart, read by one of the
 * other, and copied as a list. Each allocation fails once; nothing is left, and they become equal. */
#include "test_law.h"
#include "test_scene.h"

#include <stdio.h>

#define FIELDS 150u

/* The second replicates two nodes alone. */
static void open_peer(test_scene *s, size_t at, bool stored)
{
    static const mt_node_store_options store = {.size = sizeof store};
    mt_bytes uids[2] = {mt_str("ada"), mt_str("bob")};
    mt_sync_range list = {.uids = uids, .uid_count = 2};
    mt_sync_options options = {.size = sizeof options, .ranges = &list, .range_count = at};

    test_scene_open(s, at, &options, stored ? &store : NULL);
    test_env_run_for(&s->te, 10);
}

static void write(test_scene *s, const char *uid, unsigned first, unsigned count)
{
    static char names[FIELDS][8];
    mt_field fields[FIELDS];
    mt_row row = {.uid = mt_str(uid), .fields = fields, .count = count};

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%04u", first + i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .value = mt_text("some text")};
    }
    (void)!mt_write(s->dbs[0], &row, 1, NULL, NULL, NULL, NULL);
}

/* Answers whether they have met: a link that there was no memory for is none. */
static bool play(test_scene *s)
{
    if (!test_scene_join(s)) return false;
    test_env_run_for(&s->te, 100);
    write(s, "bob", 0, FIELDS);
    write(s, "cyd", 0, FIELDS);
    test_env_run_for(&s->te, 100);
    (void)!mt_read(s->dbs[1], mt_str("cyd"), NULL, NULL, NULL, NULL);
    test_env_run_for(&s->te, 100);
    CHECK(mt_pipe_cut(s->ends[0]) == MT_OK);
    write(s, "ada", 100, 70);
    write(s, "ada", 3, 1);
    write(s, "bob", 5, 1);
    write(s, "bob", 7, 1);
    test_env_run_for(&s->te, 100);
    CHECK(mt_pipe_restore(s->ends[0]) == MT_OK);
    test_env_run_for(&s->te, 20000);
    return true;
}

static bool is_equal(const test_scene *s, const char *uid)
{
    mt_handle *nodes[2];
    bool equal;

    for (size_t i = 0; i < 2; i++)
        CHECK(mt_read_wait(s->dbs[i], mt_str(uid), NULL, &nodes[i]) == MT_OK);
    equal = nodes[0] && nodes[1] ? mt_node_equal(mt_handle_node(nodes[0]), mt_handle_node(nodes[1]))
                                 : nodes[0] == nodes[1];
    for (size_t i = 0; i < 2; i++) mt_handle_unref(nodes[i]);
    return equal;
}

/* Answers whether an allocation failed. */
static bool fail_at(size_t at, bool stored)
{
    static test_scene s;
    bool met;

    test_scene_begin(&s);
    for (size_t i = 0; i < 2; i++) open_peer(&s, i, stored);
    CHECK(mt_pipe_new(&s.te.env, NULL, &s.ends[0], &s.ends[1], NULL) == MT_OK);
    write(&s, "ada", 0, FIELDS);
    test_env_run_for(&s.te, 100);
    s.memory.fail_at = s.memory.count + at;
    met = play(&s);
    s.memory.fail_at = SIZE_MAX;
    if (met && !(is_equal(&s, "ada") && is_equal(&s, "bob")))
        fail_msg("after allocation %zu failed they are not equal", at);
    test_scene_end(&s);
    return s.memory.tripped;
}

static void fail_each(bool stored)
{
    size_t at = 0;

    while (fail_at(at, stored)) at++;
    print_message("[   POINTS ] %zu\n", at);
    CHECK(at > 200);
}

TEST(every_allocation_of_peers_with_nodes_of_many_fields_fails_once)
{
    fail_each(false);
}

TEST(every_allocation_of_peers_with_stores_and_nodes_of_many_fields_fails_once)
{
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_peers_with_nodes_of_many_fields_fails_once),
        cmocka_unit_test(every_allocation_of_peers_with_stores_and_nodes_of_many_fields_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
