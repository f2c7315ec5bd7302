/* What is refused for now, where memory runs out: from when two meet of whom one has what is ahead of its time, each
 * allocation fails once. Nothing is left, and once its time has come and they have met again all of it is there. */
#include "test_law.h"
#include "test_scene.h"

/* Fifteen minutes ahead: in five it may be taken. */
static uint64_t ahead(const test_scene *s)
{
    return (s->te.env.now_ms(s->te.env.ctx) - UINT64_C(1577836800000) + 15 * 60000) << 11;
}

/* A node with some fields in time, some ahead of it, and where it was deleted. */
static void write(test_scene *s, const char *uid, size_t in_time, size_t too_soon, uint64_t floor)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field fields[TEST_COUNT(names)];
    mt_row row = {.uid = mt_str(uid), .fields = fields, .floor = floor};

    for (size_t i = 0; i < in_time + too_soon; i++)
        fields[row.count++] = (mt_field){.name = mt_str(names[i]),
                                         .value = mt_text("x"),
                                         .state = i < in_time ? 5 + i : ahead(s) + i};
    (void)!mt_commit_rows(s->dbs[0], &row, 1, &future, NULL, NULL, NULL);
}

static void prepare(test_scene *s, bool stored)
{
    static const mt_node_store_options store = {.size = sizeof store};

    test_scene_open(s, 0, NULL, NULL);
    test_scene_open(s, 1, NULL, stored ? &store : NULL);
    CHECK(mt_pipe_new(&s->te.env, NULL, &s->ends[0], &s->ends[1], NULL) == MT_OK);
    write(s, "ada", 2, 0, 0);
    write(s, "bob", 1, 2, 0);
    write(s, "cyd", 0, 1, 0);
    write(s, "dan", 0, 1, ahead(s) - 1);
    test_env_run_for(&s->te, 10);
}

/* Answers whether they have met: a link that there was no memory for is none. */
static bool play(test_scene *s)
{
    if (!test_scene_join(s)) return false;
    test_env_run_for(&s->te, 1000);
    write(s, "eve", 0, 2, 0);
    test_env_run_for(&s->te, 1000);
    write(s, "bob", 0, 1, 0);
    test_env_run_for(&s->te, 20 * 60000);
    s->memory.fail_at = SIZE_MAX;
    for (int i = 0; i < 2; i++) {
        CHECK(mt_pipe_cut(s->ends[0]) == MT_OK);
        test_env_run_for(&s->te, 1000);
        CHECK(mt_pipe_restore(s->ends[0]) == MT_OK);
        test_env_run_for(&s->te, 2 * 60000);
    }
    return true;
}

/* Answers whether an allocation failed. */
static bool fail_at(size_t at, bool stored)
{
    static test_scene s;
    bool met;

    test_scene_begin(&s);
    prepare(&s, stored);
    s.memory.fail_at = s.memory.count + at;
    met = play(&s);
    s.memory.fail_at = SIZE_MAX;
    if (met && !test_scene_are_equal(&s))
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

TEST(every_allocation_of_a_peer_that_refuses_fails_once)
{
    fail_each(false);
}

TEST(every_allocation_of_a_peer_that_refuses_and_has_a_store_fails_once)
{
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_peer_that_refuses_fails_once),
        cmocka_unit_test(every_allocation_of_a_peer_that_refuses_and_has_a_store_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
