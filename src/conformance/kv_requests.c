/* kv_requests.c - how requests are answered: once, in which order, and what they see of each other. */
#include "conformance/kv_checks.h"

#include <stdio.h>
#include <string.h>

#define NONE ((mt_bytes){0})

void mti_kv_check_answered_once(mti_kv_caller *c)
{
    mt_bytes keys[2] = {mt_str("a"), mt_str("b")};

    /* The caller knows what is under way, and refuses all other answers. */
    for (size_t i = 0; i < 200; i++) {
        mt_kv_op op = {MT_KV_PUT, keys[i % 2], mt_str("x")};

        mti_kv_get(c, keys, 2, 0, NULL, NULL);
        mti_kv_scan(c, NONE, NONE, 1 + i % 3, 0, NULL, NULL);
        if (i % 10 == 0) mti_kv_commit(c, &op, 1, 0, NULL, NULL);
        if (i % 40 == 0) mti_kv_turn(c);
    }
    mti_kv_await(c);
    for (size_t turns = 0; turns < 100 && mti_kv_turn(c); turns++) {
    }
}

/* Commit `number` of a series: what the one before it put goes, and every value is the number. */
#define SERIES 60

typedef struct series {
    mti_kv_caller *c;
    uint32_t seen_min; /* of the commits that were answered, the last */
} series;

static void series_commit(mti_kv_caller *c, uint32_t number, mti_kv_hear hear, void *arg)
{
    char own[16], last[16], value[16];
    mt_kv_op ops[4];

    snprintf(value, sizeof value, "%u", number);
    snprintf(own, sizeof own, "k%u", number);
    snprintf(last, sizeof last, "k%u", number - 1);
    ops[0] = (mt_kv_op){MT_KV_PUT, mt_str("x"), mt_str(value)};
    ops[1] = (mt_kv_op){MT_KV_DELETE, mt_str(last), NONE};
    ops[2] = (mt_kv_op){MT_KV_PUT, mt_str(own), mt_str("")};
    ops[3] = (mt_kv_op){MT_KV_PUT, mt_str("y"), mt_str(value)};
    mti_kv_commit(c, ops, 4, number, hear, arg);
}

void mti_kv_check_commits_are_in_order(mti_kv_caller *c)
{
    for (uint32_t number = 1; number <= SERIES; number++) series_commit(c, number, NULL, NULL);
    mti_kv_await(c);
    mti_kv_expect_all(c, "k60= x=60 y=60");
}

/* The number that a value of the series is, 0 if there is none. */
static uint32_t series_number(mt_bytes value)
{
    uint32_t number = 0;

    for (size_t i = 0; i < value.len && i < 9; i++) number = 10 * number + (value.data[i] - '0');
    return number;
}

/* `x` and `y` are of the same commit, and not of one before the request's note. */
static void series_judge(series *s, const mti_kv_request *request, mt_bytes x, mt_bytes y)
{
    uint32_t number = series_number(x);

    if (!mt_bytes_equal(x, y))
        mti_trial_violate(s->c->trial, "commit %u is seen in part, commit %u in the rest", number,
                          series_number(y));
    if (number < request->note)
        mti_trial_violate(s->c->trial, "commit %llu was answered, and commit %u is seen",
                          (unsigned long long)request->note, number);
}

static void series_get_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    series *s = arg;

    mti_kv_need_ok(s->c, request, answer);
    if (answer->status != MT_OK) return;
    series_judge(s, request, answer->pairs[0].value, answer->pairs[1].value);
}

static void series_scan_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    series *s = arg;

    mti_kv_need_ok(s->c, request, answer);
    /* An engine may give any number of pairs in a page, so a commit is only seen in one of two. */
    if (answer->count < 2) return;
    series_judge(s, request, answer->pairs[0].value, answer->pairs[1].value);
}

static void series_read(series *s)
{
    mt_bytes keys[2] = {mt_str("x"), mt_str("y")};

    mti_kv_get(s->c, keys, 2, s->seen_min, series_get_hear, s);
    mti_kv_scan(s->c, mt_str("l"), NONE, 10, s->seen_min, series_scan_hear, s);
}

static void series_commit_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    series *s = arg;

    mti_kv_need_ok(s->c, request, answer);
    if (request->note > s->seen_min) s->seen_min = (uint32_t)request->note;
    /* Here, inside the answer, is the earliest that something can be started after it. */
    series_read(s);
}

void mti_kv_check_commits_are_whole(mti_kv_caller *c)
{
    series s = {.c = c};

    for (uint32_t number = 1; number <= SERIES; number++) {
        series_read(&s);
        series_commit(c, number, NULL, NULL);
        series_read(&s);
        if (number % 7 == 0) mti_kv_turn(c);
    }
    mti_kv_await(c);
}

void mti_kv_check_answered_is_seen(mti_kv_caller *c)
{
    series s = {.c = c};

    for (uint32_t number = 1; number <= SERIES; number++) {
        series_commit(c, number, series_commit_hear, &s);
        if (number % 7 == 0) mti_kv_await(c);
    }
    mti_kv_await(c);
    mti_kv_expect_all(c, "k60= x=60 y=60");
}

/* ---- Requests made inside an answer ---- */

typedef struct inside {
    mti_kv_caller *c;
    uint32_t left; /* answers to go on in */
} inside;

/* While the answer is being read, all it points to is deleted and replaced. */
static void inside_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    inside *in = arg;
    mt_kv_op ops[3] = {{MT_KV_DELETE, mt_str("a"), NONE},
                       {MT_KV_PUT, mt_str("b"), mt_str("another value, and longer than it was")},
                       {MT_KV_DELETE_RANGE, mt_str("c"), mt_str("d")}};
    mt_bytes keys[3] = {mt_str("a"), mt_str("b"), mt_str("c")};
    mt_bytes value = mt_str("the value it had");

    mti_kv_need_ok(in->c, request, answer);
    if (answer->status != MT_OK) return;
    for (int i = 0; i < 3; i++) {
        mti_kv_commit(in->c, ops, 3, 0, NULL, NULL);
        mti_kv_get(in->c, keys, 3, 0, NULL, NULL);
        mti_kv_scan(in->c, NONE, NONE, 10, 0, NULL, NULL);
    }
    for (size_t i = 0; i < answer->count; i++) {
        if (mt_bytes_equal(answer->pairs[i].key, keys[i]) &&
            mt_bytes_equal(answer->pairs[i].value, value))
            continue;
        mti_trial_violate(in->c->trial, "an answer changed while requests were made inside it");
    }
}

static void inside_setup(mti_kv_caller *c)
{
    mt_bytes value = mt_str("the value it had");
    mt_kv_op ops[3] = {{MT_KV_PUT, mt_str("a"), value},
                       {MT_KV_PUT, mt_str("b"), value},
                       {MT_KV_PUT, mt_str("c"), value}};

    mti_kv_commit(c, ops, 3, 0, NULL, NULL);
    mti_kv_await(c);
}

/* Each answer makes the next commit. */
static void chain_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    inside *in = arg;

    mti_kv_need_ok(in->c, request, answer);
    if (in->left-- > 1) series_commit(in->c, SERIES + 1 - in->left, chain_hear, in);
}

void mti_kv_check_answers_hold_still(mti_kv_caller *c)
{
    mt_bytes keys[3] = {mt_str("a"), mt_str("b"), mt_str("c")};
    inside in = {.c = c, .left = SERIES};

    inside_setup(c);
    mti_kv_get(c, keys, 3, 0, inside_hear, &in);
    mti_kv_await(c);
    inside_setup(c);
    mti_kv_scan(c, NONE, NONE, 3, 0, inside_hear, &in);
    mti_kv_await(c);
    mti_kv_apply(c, "-b");
    mti_kv_expect_all(c, "");
    series_commit(c, 1, chain_hear, &in);
    mti_kv_await(c);
    mti_kv_expect_all(c, "k60= x=60 y=60");
}

/* ---- Failing, and opening again ---- */

static void failed_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    mti_kv_caller *c = arg;

    (void)request;
    if (answer->status == MT_OK) mti_trial_violate(c->trial, "the commit did not fail");
}

void mti_kv_check_failed_did_nothing(mti_kv_caller *c)
{
    mt_kv_op ops[5] = {{MT_KV_PUT, mt_str("a"), mt_str("9")},
                       {MT_KV_PUT, mt_str("aa"), mt_str("9")},
                       {MT_KV_DELETE, mt_str("b"), NONE},
                       {MT_KV_DELETE_RANGE, mt_str("c"), mt_str("e")},
                       {MT_KV_PUT, mt_str("d"), mt_str("9")}};

    mti_kv_apply(c, "a=1 b=2 c=3 d=4");
    for (size_t count = 1; count <= 5; count++) {
        c->subject->fail_commit(c->subject->ctx);
        mti_kv_commit_or_fail(c, ops, count, failed_hear, c);
        mti_kv_await(c);
        mti_kv_expect_all(c, "a=1 b=2 c=3 d=4");
    }
    /* The engine goes on. */
    mti_kv_apply(c, "a=9 -b c..d");
    mti_kv_expect_all(c, "a=9 d=4");
}

static void reopen(mti_kv_caller *c)
{
    mti_kv_caller_close(c);
    if (!c->trial->broken) mti_kv_caller_open(c, false);
}

void mti_kv_check_reopened_has_all(mti_kv_caller *c)
{
    mti_kv_apply(c, "a=1 b= c=3");
    reopen(c);
    if (c->trial->broken) return;
    mti_kv_expect_all(c, "a=1 b= c=3");
    mti_kv_apply(c, "-a b=2 d=4");
    reopen(c);
    if (c->trial->broken) return;
    mti_kv_expect_all(c, "b=2 c=3 d=4");
    reopen(c);
    if (c->trial->broken) return;
    mti_kv_expect_all(c, "b=2 c=3 d=4");
}
