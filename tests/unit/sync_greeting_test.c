/* Two peers whose link takes nothing for a while: each says its HELLO again, and begins anew, several times before
 * the other hears of the first. Once all of it goes over, they agree on one session. */
#include "test_meeting.h"
#include "test_wire.h"

/* Long enough for each to begin anew several times. */
#define FULL_MS 22000

/* What goes over in the end: a few greetings, and what two databases have to say to each other. */
#define SENDS_MAX 100

static void join(test_meeting *m, test_wire_fault *fault)
{
    mt_connection **ends = m->ends[m->pipes++];

    CHECK(test_wire_new(&m->te.env, fault, "to1", "to0", &ends[0], &ends[1]) == MT_OK);
    for (size_t i = 0; i < 2; i++) CHECK(mt_group_add(m->peers[i].links, ends[i]) == MT_OK);
}

/* Answers whether the link was full at that send. */
static bool full_from(size_t at)
{
    test_wire_fault fault = {.how = TEST_WIRE_FULL, .fail_at = at, .from_then_on = true};
    test_meeting m;
    bool full;

    test_meeting_of_two(&m);
    test_text_set(m.peers[0].db, "ada", "hello");
    test_text_set(m.peers[1].db, "bob", "hello");
    join(&m, &fault);
    test_env_run_for(&m.te, FULL_MS);
    full = fault.tripped;
    fault.fail_at = UINT64_MAX;
    fault.count = 0;
    test_env_run_for(&m.te, 12000);
    CHECK(fault.count <= SENDS_MAX);
    for (size_t i = 0; i < 2; i++) {
        CHECK(test_standing_of(m.peers[i].db).peer.state == MT_SYNC_LIVE);
        CHECK(test_text_is(m.peers[i].db, i ? "ada" : "bob", "hello"));
    }
    test_meeting_end(&m);
    return full;
}

TEST(peers_that_began_anew_several_times_unheard_agree_on_one_session)
{
    size_t at = 0;

    while (full_from(at)) at++;
    CHECK(at > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_that_began_anew_several_times_unheard_agree_on_one_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
