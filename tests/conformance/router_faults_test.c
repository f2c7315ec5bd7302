/* router_faults_test.c - a router that breaks its contract is found out, each time by the check that
 * is about it.
 *
 * It is the relaying router of the examples, to which it passes everything on, but for one fault. */
#include "test_env.h"

#include <mytosis/conformance.h>

/* Its program has a main of its own. */
#define main relay_router_main
#include "../../examples/relay_router.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

typedef enum fault {
    NONE,
    LACKS,           /* a function */
    PUSH_SILENT,     /* pushes are not answered */
    PULL_SILENT,     /* pulls are not */
    KEEPS_PULLS,     /* those of a peer that left are not */
    KEEPS_PUSHES,    /* while there has been a peer, pushes are not */
    BREAKS,          /* once a pull was canceled, nothing is answered */
    TELLS_ALL,       /* whoever is to be told */
    STAYS,           /* sends to those that have left */
    BUSY,            /* tries again and again to send what is not taken */
    OFFENDED,        /* by one bad message, and deaf from then on */
    ECHOES,          /* what it hears */
    TELLS_NOBODY,    /* what is written */
    KEEPS_TO_ITSELF, /* what comes from a peer */
    ASKS_NOBODY,     /* for what is missing */
    ONE_AT_A_TIME,   /* answers one pull of many */
    NEVER_GREETS     /* who comes back */
} fault;

typedef struct faulty {
    mt_router inner;
    fault fault;
    mt_db *db;
    mt_group *group;
    mt_connection *friends[8]; /* all that ever joined; held */
    size_t friend_count;
    bool canceled, offended, pulling, busy;
    mt_timer again;
} faulty;

static void send_hello(faulty *f, mt_connection *to)
{
    if (mt_connection_send(to, mt_str("hello")) == MT_OK || f->fault != BUSY || f->busy) return;
    f->busy = true;
    mt_db_env(f->db)->timer_set(mt_db_env(f->db)->ctx, &f->again, 0);
}

/* BUSY: tries again, in every turn. */
static void try_again(void *arg)
{
    faulty *f = arg;

    f->busy = false;
    for (size_t i = 0; i < mt_group_count(f->group); i++) send_hello(f, mt_group_at(f->group, i));
}

static mt_status faulty_open(void *ctx, mt_db *db, mt_group *group)
{
    faulty *f = ctx;

    f->db = db;
    f->group = group;
    f->again = (mt_timer){.fire = try_again, .arg = f};
    return f->inner.ops->open(f->inner.ctx, db, group);
}

static mt_status faulty_push(void *ctx, uint64_t id, const mt_push *push)
{
    faulty *f = ctx;
    mt_push changed = *push;

    if (f->fault == PUSH_SILENT || (f->fault == BREAKS && f->canceled)) return MT_OK;
    if (f->fault == KEEPS_PUSHES && f->friend_count > 0) return MT_OK;
    if (f->fault == TELLS_ALL) changed.group = f->group;
    if (f->fault == TELLS_NOBODY || (f->fault == KEEPS_TO_ITSELF && push->origin))
        changed.group = NULL;
    for (size_t i = 0; f->fault == STAYS && i < f->friend_count; i++)
        (void)!mt_connection_send(f->friends[i], mt_str("hello"));
    for (size_t i = 0; f->fault == BUSY && i < mt_group_count(f->group); i++)
        send_hello(f, mt_group_at(f->group, i));
    return f->inner.ops->push(f->inner.ctx, id, &changed);
}

static mt_status faulty_pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    static const mt_pull_answer nothing;
    faulty *f = ctx;

    if (f->fault == PULL_SILENT || (f->fault == BREAKS && f->canceled)) return MT_OK;
    if (f->fault == ONE_AT_A_TIME && mt_group_count(f->group) > 0 && f->pulling) return MT_OK;
    f->pulling = true;
    if (f->fault != ASKS_NOBODY) return f->inner.ops->pull(f->inner.ctx, id, pull);
    mt_pull_done(f->db, id, &nothing);
    return MT_OK;
}

static void faulty_message(void *ctx, mt_connection *from, mt_bytes bytes)
{
    faulty *f = ctx;

    if (f->fault == OFFENDED && (bytes.len < HEAD_LEN || bytes.data[0] != '"')) f->offended = true;
    if (f->offended) return;
    f->inner.ops->message(f->inner.ctx, from, bytes);
    if (f->fault == ECHOES) (void)!mt_connection_send(from, bytes);
}

static void faulty_joined(void *ctx, mt_connection *who)
{
    faulty *f = ctx;
    bool known = false;

    for (size_t i = 0; i < f->friend_count; i++) known |= f->friends[i] == who;
    if (!known && f->friend_count < 8) f->friends[f->friend_count++] = mt_connection_ref(who);
    if (f->fault != NEVER_GREETS) f->inner.ops->joined(f->inner.ctx, who);
}

static void faulty_left(void *ctx, mt_connection *who)
{
    faulty *f = ctx;

    if (f->fault != KEEPS_PULLS) {
        f->inner.ops->left(f->inner.ctx, who);
        return;
    }
    mt_subscription_dispose(mt_connection_app(who));
    mt_connection_set_app(who, NULL);
}

static void faulty_cancel(void *ctx, uint64_t id)
{
    faulty *f = ctx;

    f->canceled = true;
    f->inner.ops->cancel(f->inner.ctx, id);
}

static void faulty_close(void *ctx)
{
    faulty *f = ctx;

    if (f->busy) mt_db_env(f->db)->timer_stop(mt_db_env(f->db)->ctx, &f->again);
    for (size_t i = 0; i < f->friend_count; i++) mt_connection_unref(f->friends[i]);
    f->inner.ops->close(f->inner.ctx);
    free(f);
}

static const mt_router_ops faulty_ops = {.abi = MT_ROUTER_ABI,
                                         .size = sizeof faulty_ops,
                                         .name = "faulty",
                                         .open = faulty_open,
                                         .push = faulty_push,
                                         .pull = faulty_pull,
                                         .message = faulty_message,
                                         .joined = faulty_joined,
                                         .left = faulty_left,
                                         .cancel = faulty_cancel,
                                         .close = faulty_close};

typedef struct subject {
    test_env te;
    fault fault;
    mt_router_ops ops;
    char found[4096]; /* the checks that were violated, each in a line */
} subject;

static mt_status make_faulty(void *ctx, mt_router *out, mt_error *err)
{
    subject *s = ctx;
    faulty *f = calloc(1, sizeof *f);

    (void)err;
    if (!f) return MT_NO_MEMORY;
    f->inner = relay_router_new();
    f->fault = s->fault;
    s->ops = faulty_ops;
    if (s->fault == LACKS) s->ops.left = NULL;
    out->ops = &s->ops;
    out->ctx = f;
    return MT_OK;
}

static void note(void *ctx, const char *check, const char *violation)
{
    subject *s = ctx;
    size_t len = strlen(s->found);

    if (violation) snprintf(s->found + len, sizeof s->found - len, "%s: %s\n", check, violation);
}

/* Runs the suite on a router with this fault; fails unless this check finds it, by this violation.
 */
static void is_found(fault with, const char *check, const char *violation)
{
    static subject s;
    const mt_conformance_router suite = {.size = sizeof suite,
                                         .env = &s.te.env,
                                         .make = make_faulty,
                                         .tells = true,
                                         .relays = true,
                                         .asks = true,
                                         .catches_up = true,
                                         .ctx = &s,
                                         .report = note};
    char line[512];
    mt_error err;

    s = (subject){.fault = with};
    test_env_init(&s.te, 1, test_mem());
    snprintf(line, sizeof line, with ? "%s: %s" : "%s%s", check, violation);
    if (mt_conformance_router_run(&suite, &err) != (with ? MT_REFUSED : MT_OK) ||
        !strstr(s.found, line)) {
        fail_msg("not found: %s\nfound:\n%s", line, s.found);
    }
    test_env_run(&s.te);
    test_env_end(&s.te);
    CHECK(test_mem_live() == 0);
}

/* ---- The faults ---- */

TEST(a_router_without_a_fault_conforms)
{
    is_found(NONE, "", "");
}

TEST(a_missing_function_is_found)
{
    is_found(LACKS, "the table has all that a database needs", "a function is missing");
}

TEST(pushes_that_are_not_answered_are_found)
{
    is_found(PUSH_SILENT, "without a peer, pushes and pulls are answered",
             "without a peer, a push or pull is not answered");
}

TEST(pulls_that_are_not_answered_are_found)
{
    is_found(PULL_SILENT, "without a peer, pushes and pulls are answered",
             "without a peer, a push or pull is not answered");
}

TEST(pulls_of_a_peer_that_left_are_found)
{
    is_found(KEEPS_PULLS, "a pull is answered when those who were asked have gone",
             "a pull is not answered although all who could be asked have gone");
}

TEST(pushes_to_a_peer_that_left_are_found)
{
    is_found(KEEPS_PUSHES, "a push is answered when those who were told have gone",
             "a push is not answered although all who could be told have gone");
}

TEST(a_router_that_a_cancel_breaks_is_found)
{
    is_found(BREAKS, "a pull may be canceled",
             "after some were canceled, nothing more is answered");
}

TEST(what_is_told_although_it_is_for_nobody_is_found)
{
    is_found(TELLS_ALL, "what is for nobody is sent to nobody",
             "a write of which nobody is to be told is sent");
}

TEST(messages_to_a_peer_that_left_are_found)
{
    is_found(STAYS, "a peer that has left hears nothing",
             "a peer that has left the group is sent a message");
}

TEST(a_router_that_keeps_the_loop_busy_is_found)
{
    is_found(BUSY, "links that take nothing hold nothing up", "the loop never comes to rest");
}

TEST(a_router_that_one_bad_message_makes_deaf_is_found)
{
    is_found(OFFENDED, "a bad peer does not harm a good one",
             "since one peer says nonsense, another is not heard");
}

TEST(messages_without_end_are_found)
{
    is_found(ECHOES, "messages come to an end", "messages never come to an end");
}

TEST(writes_that_nobody_is_told_are_found)
{
    is_found(TELLS_NOBODY, "peers get what is written",
             "what is written does not arrive at a peer");
}

TEST(writes_that_are_not_passed_on_are_found)
{
    is_found(KEEPS_TO_ITSELF, "what comes from a peer is passed on",
             "what one peer wrote does not arrive at another");
}

TEST(peers_that_are_not_asked_are_found)
{
    is_found(ASKS_NOBODY, "what a peer has is found", "a node that a peer has is not found");
}

TEST(pulls_that_others_displace_are_found)
{
    is_found(ONE_AT_A_TIME, "many pulls at once are answered",
             "of many reads at once, one is not answered");
}

TEST(peers_that_do_not_catch_up_are_found)
{
    is_found(NEVER_GREETS, "peers that were cut off catch up",
             "what was written while cut off does not arrive");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_router_without_a_fault_conforms),
        cmocka_unit_test(a_missing_function_is_found),
        cmocka_unit_test(pushes_that_are_not_answered_are_found),
        cmocka_unit_test(pulls_that_are_not_answered_are_found),
        cmocka_unit_test(pulls_of_a_peer_that_left_are_found),
        cmocka_unit_test(pushes_to_a_peer_that_left_are_found),
        cmocka_unit_test(a_router_that_a_cancel_breaks_is_found),
        cmocka_unit_test(what_is_told_although_it_is_for_nobody_is_found),
        cmocka_unit_test(messages_to_a_peer_that_left_are_found),
        cmocka_unit_test(a_router_that_keeps_the_loop_busy_is_found),
        cmocka_unit_test(a_router_that_one_bad_message_makes_deaf_is_found),
        cmocka_unit_test(messages_without_end_are_found),
        cmocka_unit_test(writes_that_nobody_is_told_are_found),
        cmocka_unit_test(writes_that_are_not_passed_on_are_found),
        cmocka_unit_test(peers_that_are_not_asked_are_found),
        cmocka_unit_test(pulls_that_others_displace_are_found),
        cmocka_unit_test(peers_that_do_not_catch_up_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
