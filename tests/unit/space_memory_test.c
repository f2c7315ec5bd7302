/* A space where memory runs out: each allocation fails once, of what is published, of what arrives, and of what was
 * there before. Nothing is left, what failed has left no trace, and once there is memory again all is as it should be. */
#include "test_space.h"

#include "test_storage.h"
#include "trust/space.h"

#include <string.h>

typedef struct scene {
    fail_mem memory;
    test_space_world w;
    mt_buf revocation; /* of the second peer's chain */
} scene;

/* Two peers with chains; memory is there. */
static void begin(scene *s)
{
    memset(s, 0, sizeof *s);
    s->memory.fail_at = SIZE_MAX;
    test_space_begin_with(&s->w, 91, fail_mem_hook(&s->memory), UINT32_MAX);
    for (size_t i = 0; i < 2; i++)
        test_space_give(&s->w, i, MT_RIGHT_READ | MT_RIGHT_WRITE, &test_everything);
    s->revocation = test_space_revocation(&s->w, s->w.root, &s->w.peers[1].chain);
}

/* From now on, the allocation numbered `at` fails. Answers whether one did, and from then on none does. */
static void arm(scene *s, size_t at)
{
    s->memory.fail_at = s->memory.count + at;
}

static bool disarm(scene *s)
{
    s->memory.fail_at = SIZE_MAX;
    return s->memory.tripped;
}

static void end(scene *s)
{
    mt_buf_free(&s->revocation);
    test_space_end(&s->w);
    CHECK(s->memory.live_bytes == 0);
}

static void count_member(void *ctx, const mt_space_member *member)
{
    size_t *counts = ctx;

    counts[0]++;
    counts[1] += member->revoked;
}

static bool knows(const scene *s, size_t at, size_t members, size_t revoked)
{
    const mt_space *space = s->w.peers[at].space;
    size_t counts[2] = {0, 0};

    mt_space_members(space, count_member, counts);
    return counts[0] == members && counts[1] == revoked && space->revocation_count == revoked;
}

static bool has(const scene *s, size_t at, const char *place)
{
    return test_space_has(&s->w, at, test_space_uid(place, &s->w.peers[1].chain));
}

/* ---- Published ---- */

static bool publish_failing(size_t at, bool revokes)
{
    const mt_buf *revocation;
    const char *place = revokes ? "revoked" : "tokens";
    bool tripped;
    mt_status st;
    scene s;

    begin(&s);
    revocation = revokes ? &s.revocation : NULL;
    test_space_open(&s.w, 0, TEST_SPACE_HONEST, NULL);
    arm(&s, at);
    st = test_space_publish(&s.w, 0, &s.w.peers[1].chain, revocation);
    tripped = disarm(&s);
    CHECK(st == MT_OK || (tripped && st == MT_NO_MEMORY));
    if (st != MT_OK) {
        CHECK(!has(&s, 0, place) &&
              s.w.peers[0].changes == (s.w.peers[0].space->revocation_count > 0));
        st = test_space_publish(&s.w, 0, &s.w.peers[1].chain, revocation);
    }
    CHECK(st == MT_OK && has(&s, 0, place) && knows(&s, 0, 1, revokes));
    CHECK(s.w.peers[0].changes == revokes);
    end(&s);
    return tripped;
}

TEST(each_allocation_that_fails_while_a_record_is_published_leaves_no_node)
{
    for (int revokes = 0; revokes < 2; revokes++) {
        size_t at = 0;

        while (publish_failing(at, revokes)) at++;
        CHECK(at > 10);
    }
}

/* What is taken is all of some records or nothing. */
static bool take_failing(size_t at)
{
    static uint8_t chain[1];
    mti_record records[3] = {
        {.kind = MTI_RECORD_TOKEN}, {.kind = MTI_RECORD_REVOCATION}, {.kind = MTI_RECORD_GENESIS}};
    mt_error err;
    bool tripped;
    mt_status st;
    scene s;

    begin(&s);
    test_space_open(&s.w, 0, TEST_SPACE_HONEST, NULL);
    for (size_t i = 0; i < 2; i++) {
        records[i].chain = (mt_bytes){chain, 1};
        records[i].grant.count = 1;
        records[i].grant.ids[0][0] = (uint8_t)i;
    }
    arm(&s, at);
    st = mti_space_take(s.w.peers[0].space, records, 3, &err);
    tripped = disarm(&s);
    CHECK(st == (tripped ? MT_NO_MEMORY : MT_OK));
    CHECK(s.w.peers[0].space->given_count == (tripped ? 0 : 2));
    CHECK(s.w.peers[0].space->revocation_count == !tripped && s.w.peers[0].changes == !tripped);
    end(&s);
    return tripped;
}

TEST(each_allocation_that_fails_while_records_are_taken_takes_none)
{
    size_t at = 0;

    while (take_failing(at)) at++;
    CHECK(at == 5); /* room for tokens, the chains of two, and a revocation with its depth */
}

/* ---- Arriving ---- */

static bool arrive_failing(size_t at)
{
    size_t link;
    bool tripped;
    scene s;

    begin(&s);
    for (size_t i = 0; i < 2; i++) test_space_open(&s.w, i, TEST_SPACE_HONEST, NULL);
    CHECK(test_space_publish(&s.w, 0, &s.w.peers[0].chain, NULL) == MT_OK);
    link = test_space_join(&s.w, 0, 1);
    arm(&s, at);
    test_env_run_for(&s.w.te, 100);
    CHECK(test_space_publish(&s.w, 0, &s.w.peers[1].chain, NULL) == MT_OK || s.memory.tripped);
    test_env_run_for(&s.w.te, 100);
    tripped = disarm(&s);
    test_env_run_for(&s.w.te, 20000);
    if (!test_space_is_up(&s.w, link)) {
        test_space_part(&s.w, link);
        test_space_join(&s.w, 0, 1);
        test_env_run_for(&s.w.te, 20000);
    }
    CHECK(test_space_publish(&s.w, 0, &s.w.peers[1].chain, NULL) == MT_OK);
    test_env_run_for(&s.w.te, 20000);
    CHECK(has(&s, 0, "tokens") && has(&s, 1, "tokens"));
    CHECK(knows(&s, 0, 2, 0) && knows(&s, 1, 2, 0));
    end(&s);
    return tripped;
}

TEST(each_allocation_that_fails_while_records_arrive_delays_them_at_most)
{
    size_t at = 0;

    while (arrive_failing(at)) at++;
    CHECK(at > 100);
}

/* ---- Found ---- */

static void found(void *ctx, mt_db *db, const mt_result *result)
{
    mt_status *st = ctx;

    (void)db;
    *st = result->status;
}

static mt_status follow(scene *s)
{
    test_space_peer *p = &s->w.peers[0];
    mt_status answer = MT_AGAIN, st = mt_space_follow(p->space, p->db, found, &answer);

    if (st != MT_OK) return st;
    while (answer == MT_AGAIN) test_env_run_for(&s->w.te, 1);
    return answer;
}

static bool follow_failing(size_t at)
{
    test_storage ts;
    bool tripped;
    mt_status st;
    scene s;

    begin(&s);
    test_storage_init(&ts, &s.w.te.env);
    ts.quiet = true;
    test_space_open(&s.w, 0, TEST_SPACE_HONEST, &ts.storage);
    CHECK(test_space_publish(&s.w, 0, &s.w.peers[0].chain, NULL) == MT_OK);
    CHECK(test_space_publish(&s.w, 0, &s.w.peers[1].chain, &s.revocation) == MT_OK);
    test_space_close(&s.w, 0);
    test_space_open(&s.w, 0, TEST_SPACE_HONEST, &ts.storage);
    CHECK(knows(&s, 0, 0, 0));
    arm(&s, at);
    st = follow(&s);
    tripped = disarm(&s);
    CHECK(st == MT_OK || (tripped && st == MT_NO_MEMORY));
    if (st != MT_OK) st = follow(&s);
    CHECK(st == MT_OK && knows(&s, 0, 2, 1));
    test_space_close(&s.w, 0);
    test_storage_end(&ts);
    end(&s);
    return tripped;
}

TEST(each_allocation_that_fails_while_records_are_found_is_told_and_they_are_found_again)
{
    size_t at = 0;

    while (follow_failing(at)) at++;
    CHECK(at > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_while_a_record_is_published_leaves_no_node),
        cmocka_unit_test(each_allocation_that_fails_while_records_are_taken_takes_none),
        cmocka_unit_test(each_allocation_that_fails_while_records_arrive_delays_them_at_most),
        cmocka_unit_test(
            each_allocation_that_fails_while_records_are_found_is_told_and_they_are_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
