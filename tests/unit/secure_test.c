/* Secured connections: who gets through a handshake, and what a link in other hands can do. */
#include "test_secure.h"

#include "trust/handshake.h"
#include "trust/sealed.h"

#include <stdlib.h>
#include <string.h>

static bool is_up(const test_secure *w, size_t at)
{
    return !mt_connection_offline(w->ends[at].outer);
}

static bool both_up(test_secure *w)
{
    test_env_run_for(&w->te, 20);
    return is_up(w, 0) && is_up(w, 1);
}

static bool heard(const test_secure *w, size_t at, const char *text)
{
    return mt_bytes_equal(mt_buf_bytes(&w->ends[at].last), mt_str(text));
}

static bool contains(mt_bytes bytes, mt_bytes part)
{
    for (size_t i = 0; i + part.len <= bytes.len; i++)
        if (memcmp(bytes.data + i, part.data, part.len) == 0) return true;
    return false;
}

/* ---- Who gets through ---- */

TEST(two_devices_know_each_other_once_the_link_is_up)
{
    test_secure w;

    test_secure_begin(&w);
    test_secure_join(&w);
    CHECK(!is_up(&w, 0) && !mt_connection_device(w.ends[0].outer));
    CHECK(both_up(&w));
    for (size_t i = 0; i < 2; i++)
        CHECK(memcmp(mt_connection_device(w.ends[i].outer), mt_secure_device(w.ends[1 - i].secure),
                     MT_DEVICE_LEN) == 0);
    test_secure_send(&w, 0, "hello");
    test_secure_send(&w, 1, "hello yourself");
    test_env_run_for(&w.te, 5);
    CHECK(heard(&w, 1, "hello") && heard(&w, 0, "hello yourself"));
    CHECK(mt_secure_counts_of(w.ends[1].secure).done == 1);
    test_secure_end_all(&w);
}

TEST(who_dials_stops_before_it_is_seen_where_another_device_answers)
{
    uint8_t other[MT_DEVICE_LEN] = {7};
    test_secure w;

    test_secure_begin(&w);
    test_secure_join_to(&w, &(mt_secure_peer){.size = sizeof(mt_secure_peer), .device = other});
    CHECK(!both_up(&w));
    CHECK(w.ends[0].sent == 1 && w.ends[1].sent == 1);
    CHECK(w.ends[0].closed && w.ends[0].why.status == MT_REFUSED);
    CHECK(strstr(w.ends[0].why.text, "another device"));
    CHECK(mt_secure_error(w.ends[0].outer)->status == MT_REFUSED);
    test_secure_end_all(&w);
}

TEST(who_is_not_admitted_hears_nothing_and_is_dropped)
{
    test_secure w;

    test_secure_begin(&w);
    memcpy(w.strangers, mt_secure_device(w.ends[0].secure), MT_DEVICE_LEN);
    test_secure_join(&w);
    test_env_run_for(&w.te, 20);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_REFUSED && w.ends[0].closed);
    CHECK(strcmp(w.ends[1].why.text, "not this one") == 0);
    CHECK(w.ends[1].sent == 1); /* its part of the handshake */
    CHECK(mt_secure_counts_of(w.ends[1].secure).failed == 1);
    test_secure_end_all(&w);
}

/* Changes who dials to a device of another space. */
static void move_elsewhere(test_secure *w)
{
    uint8_t seed[MT_KEY_LEN], space[MT_SPACE_LEN] = "elsewhere";
    mt_secure_options options = {
        .size = sizeof options, .crypto = mt_crypto_sodium(), .seed = seed, .space = space};

    test_secure_seed(0, seed);
    mt_secure_unref(w->ends[0].secure);
    CHECK(mt_secure_new(&w->te.env, &options, &w->ends[0].secure, NULL) == MT_OK);
}

TEST(who_does_not_know_the_space_gets_no_answer)
{
    test_secure w;

    test_secure_begin(&w);
    move_elsewhere(&w);
    test_secure_join(&w);
    test_env_run_for(&w.te, 4000);
    CHECK(w.ends[1].sent == 0 && !w.ends[1].closed && !w.ends[0].closed);
    CHECK(mt_secure_error(w.ends[1].outer)->status == MT_REFUSED);
    CHECK(mt_secure_counts_of(w.ends[1].secure).silent == 1);
    test_env_run_for(&w.te, 1020);
    CHECK(w.ends[1].sent == 0 && w.ends[1].closed && w.ends[0].closed);
    CHECK(w.ends[1].why.status == MT_REFUSED && strstr(w.ends[1].why.text, "another space"));
    test_secure_end_all(&w);
}

static void join_with_ticket(test_secure *w, const char *ticket, uint8_t key)
{
    uint8_t id[MT_TICKET_ID_LEN], secret[MT_KEY_LEN];

    memcpy(id, ticket, sizeof id);
    memset(secret, key, sizeof secret);
    test_secure_join_to(w, &(mt_secure_peer){.size = sizeof(mt_secure_peer),
                                             .device = mt_secure_device(w->ends[1].secure),
                                             .ticket = id,
                                             .ticket_key = secret});
}

TEST(ticket_opens_while_it_is_good)
{
    test_secure w;

    test_secure_begin(&w);
    memset(w.ticket_key, 5, sizeof w.ticket_key);
    w.ticket_good = true;
    join_with_ticket(&w, TEST_TICKET, 5);
    CHECK(both_up(&w));
    test_secure_send(&w, 0, "with a ticket");
    test_env_run_for(&w.te, 5);
    CHECK(heard(&w, 1, "with a ticket"));
    w.ticket_good = false;
    join_with_ticket(&w, TEST_TICKET, 5);
    CHECK(!both_up(&w) && w.ends[1].sent == 0);
    CHECK(strstr(w.ends[1].why.text, "ticket"));
    test_secure_end_all(&w);
}

TEST(ticket_with_another_secret_does_not_open)
{
    test_secure w;

    test_secure_begin(&w);
    memset(w.ticket_key, 5, sizeof w.ticket_key);
    w.ticket_good = true;
    join_with_ticket(&w, TEST_TICKET, 6);
    CHECK(!both_up(&w) && w.ends[1].got == 0);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_MALFORMED);
    join_with_ticket(&w, "ticket of nobody", 5);
    CHECK(!both_up(&w) && w.ends[1].sent == 0);
    test_secure_end_all(&w);
}

TEST(papers_are_shown_to_the_other_device_and_to_nobody_else)
{
    uint8_t seed[MT_KEY_LEN], papers[MT_PAPERS_LEN_MAX + 1];
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = test_secure_space};
    test_secure w;

    for (size_t i = 0; i < sizeof papers; i++) papers[i] = (uint8_t)(i * 11);
    test_secure_begin(&w);
    test_secure_seed(0, seed);
    options.papers = (mt_bytes){papers, sizeof papers};
    mt_secure_unref(w.ends[0].secure);
    CHECK(mt_secure_new(&w.te.env, &options, &w.ends[0].secure, NULL) == MT_TOO_LARGE);
    options.papers.len--;
    CHECK(mt_secure_new(&w.te.env, &options, &w.ends[0].secure, NULL) == MT_OK);
    test_secure_join(&w);
    CHECK(both_up(&w));
    CHECK(mt_bytes_equal((mt_bytes){w.papers, w.papers_len}, options.papers));
    CHECK(!contains(mt_buf_bytes(&w.seen), (mt_bytes){papers, 16}));
    test_secure_end_all(&w);
}

TEST(nobody_is_admitted_where_nothing_says_who_is)
{
    test_secure w;
    uint8_t seed[MT_KEY_LEN];
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = test_secure_space};

    test_secure_begin(&w);
    test_secure_seed(1, seed);
    mt_secure_unref(w.ends[1].secure);
    CHECK(mt_secure_new(&w.te.env, &options, &w.ends[1].secure, NULL) == MT_OK);
    test_secure_join(&w);
    test_env_run_for(&w.te, 20);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_REFUSED);
    test_secure_end_all(&w);
}

TEST(options_without_a_secret_or_ciphers_or_a_device_to_expect_are_refused)
{
    uint8_t seed[MT_KEY_LEN] = {1};
    mt_secure_options options = {.size = sizeof options, .seed = seed, .space = test_secure_space};
    mt_secure *secure;
    mt_connection *outer;
    mt_error err;
    test_secure w;

    test_secure_begin(&w);
    CHECK(mt_secure_new(&w.te.env, &options, &secure, &err) == MT_INVALID);
    options.crypto = mt_crypto_sodium();
    options.seed = NULL;
    CHECK(mt_secure_new(&w.te.env, &options, &secure, &err) == MT_INVALID);
    test_secure_join(&w);
    CHECK(mt_secure_dial(w.ends[0].secure, w.ends[0].inner,
                         &(mt_secure_peer){.size = sizeof(mt_secure_peer)}, &outer,
                         &err) == MT_INVALID);
    CHECK(mt_secure_dial(
              w.ends[0].secure, w.ends[0].inner,
              &(mt_secure_peer){.size = sizeof(mt_secure_peer), .device = seed, .ticket = seed},
              &outer, &err) == MT_INVALID);
    test_secure_end_all(&w);
}

/* ---- A link in other hands ---- */

TEST(link_shows_no_text_and_no_key)
{
    const char *secret = "nobody else is to read this";
    test_secure w;
    mt_bytes seen;

    test_secure_begin(&w);
    test_secure_join(&w);
    CHECK(both_up(&w));
    test_secure_send(&w, 0, secret);
    test_secure_send(&w, 1, secret);
    test_env_run_for(&w.te, 5);
    CHECK(heard(&w, 0, secret) && heard(&w, 1, secret));
    seen = mt_buf_bytes(&w.seen);
    CHECK(seen.len > 0 && !contains(seen, mt_str(secret)));
    CHECK(!contains(seen, (mt_bytes){test_secure_space, MT_SPACE_LEN}));
    for (size_t i = 0; i < 2; i++) {
        mti_identity identity;
        uint8_t seed[MT_KEY_LEN];

        test_secure_seed(i, seed);
        mti_identity_make(mt_crypto_sodium(), seed, &identity);
        CHECK(!contains(seen, (mt_bytes){mti_identity_device(&identity), MT_DEVICE_LEN}));
        CHECK(!contains(seen, (mt_bytes){identity.fixed, MT_KEY_LEN}));
        CHECK(!contains(seen, (mt_bytes){identity.proof, MT_SIGNATURE_LEN}));
    }
    test_secure_end_all(&w);
}

enum { FLIP, DROP, TWICE, EMPTY, CUT };

/* What happens to one message of an end. */
typedef struct meddling {
    size_t from, number;
    size_t byte; /* its byte, from the end where there are not so many */
    unsigned how;
    bool done;
} meddling;

static bool meddle(test_secure *w, size_t from, size_t number, mt_buf *bytes)
{
    meddling *m = w->arg;
    mt_status st;

    if (from != m->from || number != m->number) return true;
    m->done = true;
    switch (m->how) {
    case FLIP: bytes->data[m->byte % bytes->len] ^= 1; break;
    case DROP: return false;
    case TWICE:
        st = mt_connection_send(w->ends[1 - from].tap, mt_buf_bytes(bytes));
        CHECK(st == MT_OK);
        break;
    case EMPTY: bytes->len = 0; break;
    case CUT: bytes->len--; break;
    }
    return true;
}

TEST(no_changed_byte_of_a_handshake_lets_anybody_through)
{
    for (size_t message = 0; message < 3; message++)
        for (size_t byte = 0; byte < 192; byte += 5) {
            meddling m = {message % 2, message / 2 + 1, byte, FLIP, false};
            test_secure w;

            test_secure_begin(&w);
            w.tamper = meddle;
            w.arg = &m;
            test_secure_join(&w);
            test_env_run_for(&w.te, message == 0 ? 5020 : 20);
            CHECK(m.done && !is_up(&w, 1) && w.ends[1].got == 0);
            CHECK(w.ends[message == 1 ? 0 : 1].closed);
            test_secure_end_all(&w);
        }
}

TEST(part_that_is_changed_lost_repeated_or_cut_ends_the_session)
{
    for (unsigned how = FLIP; how <= CUT; how++) {
        meddling m = {0, 4, 3, how, false}; /* the second behind the handshake */
        test_secure w;

        test_secure_begin(&w);
        w.tamper = meddle;
        w.arg = &m;
        test_secure_join(&w);
        CHECK(both_up(&w));
        test_secure_send(&w, 0, "first");
        test_secure_send(&w, 0, "second");
        test_secure_send(&w, 0, "third");
        test_env_run_for(&w.te, 20);
        CHECK(m.done && w.ends[1].closed && w.ends[1].why.status == MT_MALFORMED);
        CHECK(w.ends[1].got == (how == TWICE ? 2 : 1));
        CHECK(w.ends[0].closed);
        test_secure_end_all(&w);
    }
}

TEST(session_that_is_cut_off_without_a_word_is_told_from_one_that_ends)
{
    test_secure w;

    test_secure_begin(&w);
    test_secure_join(&w);
    CHECK(both_up(&w));
    mt_connection_close(w.ends[0].outer);
    test_env_run_for(&w.te, 20);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_OK);
    test_secure_join(&w);
    CHECK(both_up(&w));
    mt_connection_close(w.ends[1].tap); /* whoever is between them */
    test_env_run_for(&w.te, 20);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_IO);
    test_secure_end_all(&w);
}

/* ---- An application that does things while it is asked ---- */

static void close_it(test_secure *w, mt_connection *connection)
{
    (void)w;
    mt_connection_close(connection);
}

static void drop_it(test_secure *w, mt_connection *connection)
{
    const mt_error why = {MT_REFUSED, "dropped meanwhile"};

    (void)w;
    mt_connection_drop(connection, &why);
}

static void cut_it(test_secure *w, mt_connection *connection)
{
    (void)connection;
    CHECK(mt_pipe_cut(w->ends[1].inner) == MT_OK);
    CHECK(mt_pipe_restore(w->ends[1].inner) == MT_OK);
}

TEST(connection_may_be_closed_dropped_or_cut_while_it_is_asked_who_may_come)
{
    static void (*const cases[])(test_secure *, mt_connection *) = {close_it, drop_it, cut_it};

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        test_secure w;

        test_secure_begin(&w);
        w.admitting = cases[i];
        test_secure_join(&w);
        test_env_run_for(&w.te, 100);
        CHECK(!is_up(&w, 1) && mt_secure_counts_of(w.ends[1].secure).done == 0);
        test_secure_end_all(&w);
        test_secure_begin(&w);
        w.ticketing = cases[i];
        w.ticket_good = true;
        join_with_ticket(&w, TEST_TICKET, 0);
        test_env_run_for(&w.te, 100);
        CHECK(!is_up(&w, 1) && mt_secure_counts_of(w.ends[1].secure).done == 0);
        test_secure_end_all(&w);
    }
}

TEST(who_is_asked_knows_whether_a_ticket_was_proven)
{
    test_secure w;

    test_secure_begin(&w);
    w.ticket_good = true;
    join_with_ticket(&w, TEST_TICKET, 0);
    CHECK(both_up(&w) && w.came_with);
    test_secure_join(&w);
    CHECK(both_up(&w) && !w.came_with);
    test_secure_end_all(&w);
}

TEST(link_that_is_secured_is_not_secured_again_by_the_same_device)
{
    mt_secure_peer peer = {.size = sizeof peer};
    mt_connection *twice;
    test_secure w;
    mt_error err;

    test_secure_begin(&w);
    test_secure_join(&w);
    peer.device = mt_secure_device(w.ends[1].secure);
    CHECK(mt_secure_dial(w.ends[0].secure, w.ends[0].outer, &peer, &twice, &err) == MT_INVALID);
    test_secure_end_all(&w);
}

/* ---- Links that are full when they are closed ---- */

TEST(close_behind_a_message_that_waits_is_no_cut)
{
    static uint8_t text[1 << 20];
    mt_pipe_options options = {.size = sizeof options, .queued_max = 1000};
    mt_secure_peer peer = {.size = sizeof peer};
    mt_connection *near, *far;
    test_secure_end *a, *b;
    test_secure w;

    test_secure_begin(&w);
    test_secure_join(&w); /* so that there are listeners; those links are not used */
    a = &w.ends[0];
    b = &w.ends[1];
    mt_connection_unref(a->outer);
    mt_subscription_dispose(a->heard);
    mt_subscription_dispose(a->told);
    mt_subscription_dispose(b->heard);
    mt_subscription_dispose(b->told);
    mt_connection_unref(b->outer);
    a->heard = a->told = b->heard = b->told = NULL;
    peer.device = mt_secure_device(b->secure);
    CHECK(mt_pipe_new(&w.te.env, &options, &near, &far, NULL) == MT_OK);
    CHECK(mt_secure_dial(a->secure, near, &peer, &a->outer, NULL) == MT_OK);
    CHECK(mt_secure_accept(b->secure, far, &b->outer, NULL) == MT_OK);
    test_secure_listen(&w);
    CHECK(both_up(&w));
    for (int i = 0; i < 3; i++)
        CHECK(mt_connection_send(a->outer, (mt_bytes){text, sizeof text}) ==
              (i < 2 ? MT_OK : MT_AGAIN));
    mt_connection_close(a->outer);
    test_env_run_for(&w.te, 100);
    CHECK(b->got == 2 && b->closed && b->why.status == MT_OK);
    CHECK(a->closed && a->why.status == MT_OK);
    mt_connection_unref(near);
    mt_connection_unref(far);
    test_secure_end_all(&w);
}

/* ---- Links that come and go ---- */

TEST(link_that_is_cut_and_comes_back_has_a_new_session)
{
    test_secure w;
    size_t first;

    test_secure_begin(&w);
    test_secure_join(&w);
    CHECK(both_up(&w));
    test_secure_send(&w, 0, "the same text");
    test_env_run_for(&w.te, 5);
    first = w.seen.len;
    for (size_t i = 0; i < 2; i++) CHECK(mt_pipe_cut(w.ends[i].inner) == MT_OK);
    CHECK(!is_up(&w, 0) && !is_up(&w, 1) && !mt_connection_device(w.ends[1].outer));
    CHECK(mt_connection_send(w.ends[0].outer, mt_str("x")) == MT_OFFLINE);
    for (size_t i = 0; i < 2; i++) CHECK(mt_pipe_restore(w.ends[1 - i].inner) == MT_OK);
    CHECK(both_up(&w));
    test_secure_send(&w, 0, "the same text");
    test_env_run_for(&w.te, 5);
    CHECK(w.ends[1].got == 2 && w.seen.len == 2 * first);
    CHECK(memcmp(w.seen.data, w.seen.data + first, first) != 0);
    CHECK(!contains((mt_bytes){w.seen.data + first, first},
                    (mt_bytes){w.seen.data + first - 30, 30}));
    test_secure_end_all(&w);
}

TEST(peer_that_says_nothing_is_dropped_after_five_seconds)
{
    mt_pipe_options options = {.size = sizeof options};
    mt_connection *silent, *link, *outer;
    test_secure w;

    test_secure_begin(&w);
    CHECK(mt_pipe_new(&w.te.env, &options, &silent, &link, NULL) == MT_OK);
    CHECK(mt_secure_accept(w.ends[1].secure, link, &outer, NULL) == MT_OK);
    test_env_run_for(&w.te, 4999);
    CHECK(!mt_connection_ended(silent));
    CHECK(mt_secure_counts_of(w.ends[1].secure).half_open == 1);
    test_env_run_for(&w.te, 10);
    CHECK(mt_connection_ended(silent));
    CHECK(mt_secure_error(outer)->status == MT_DEADLINE);
    CHECK(mt_secure_counts_of(w.ends[1].secure).half_open == 0);
    mt_connection_unref(silent);
    mt_connection_unref(link);
    mt_connection_unref(outer);
    test_secure_end_all(&w);
}

/* Beside more than there is room for. */
TEST(thousand_silent_links_do_not_keep_a_device_out)
{
    enum { FLOOD = 1100, ROOM = 1024 };
    static mt_connection *silent[FLOOD], *outer[FLOOD];
    mt_pipe_options options = {.size = sizeof options};
    mt_secure_counts counts;
    mt_connection *link;
    test_secure w;

    test_secure_begin(&w);
    for (size_t i = 0; i < FLOOD; i++) {
        CHECK(mt_pipe_new(&w.te.env, &options, &silent[i], &link, NULL) == MT_OK);
        CHECK(mt_secure_accept(w.ends[1].secure, link, &outer[i], NULL) == MT_OK);
        mt_connection_unref(link);
    }
    test_secure_join(&w);
    CHECK(both_up(&w));
    counts = mt_secure_counts_of(w.ends[1].secure);
    CHECK(counts.begun == FLOOD + 1 && counts.done == 1);
    CHECK(counts.evicted == FLOOD + 1 - ROOM && counts.half_open == ROOM - 1);
    CHECK(counts.silent == ROOM - 1);
    for (size_t i = 0; i < FLOOD; i++) {
        mt_connection_unref(silent[i]);
        mt_connection_unref(outer[i]);
    }
    test_secure_end_all(&w);
}

/* What somebody has recorded of a link, said again. */
TEST(who_knocks_and_says_no_more_makes_room_for_others_and_not_for_who_says_nothing)
{
    enum { FLOOD = 70, ROOM = 64, FIRST_LEN = 2 + 16 + 32 };
    static mt_connection *strangers[FLOOD + 1], *outer[FLOOD + 1];
    mt_pipe_options options = {.size = sizeof options};
    mt_secure_counts counts;
    mt_connection *link;
    test_secure w;

    test_secure_begin(&w);
    test_secure_join(&w);
    CHECK(both_up(&w));
    for (size_t i = 0; i <= FLOOD; i++) {
        CHECK(mt_pipe_new(&w.te.env, &options, &strangers[i], &link, NULL) == MT_OK);
        CHECK(mt_secure_accept(w.ends[1].secure, link, &outer[i], NULL) == MT_OK);
        mt_connection_unref(link);
        if (i == 0) continue;
        CHECK(mt_connection_send(strangers[i], (mt_bytes){w.seen.data, FIRST_LEN}) == MT_OK);
        test_env_run_for(&w.te, 1);
    }
    test_env_run_for(&w.te, 20);
    counts = mt_secure_counts_of(w.ends[1].secure);
    CHECK(counts.half_open == ROOM + 1 && counts.silent == 1 && counts.evicted == FLOOD - ROOM);
    CHECK(mt_secure_error(outer[0])->status == MT_OK);
    CHECK(mt_secure_error(outer[1])->status == MT_FULL);
    for (size_t i = 0; i <= FLOOD; i++) {
        mt_connection_unref(strangers[i]);
        mt_connection_unref(outer[i]);
    }
    test_secure_end_all(&w);
}

TEST(without_randomness_no_session_begins)
{
    test_secure w;

    test_secure_begin(&w);
    w.te.no_entropy = true;
    test_secure_join(&w);
    test_env_run_for(&w.te, 20);
    CHECK(!is_up(&w, 0) && !is_up(&w, 1) && w.ends[0].closed && w.ends[1].closed);
    CHECK(w.ends[0].sent == 0 && w.ends[1].sent == 0);
    test_secure_end_all(&w);
}

/* ---- Messages ---- */

TEST(messages_of_every_length_come_as_they_were)
{
    static const size_t lens[] = {0,
                                  1,
                                  100,
                                  65536,
                                  MTI_SEALED_TEXT_MAX - 1,
                                  MTI_SEALED_TEXT_MAX,
                                  MTI_SEALED_TEXT_MAX + 1,
                                  MT_MESSAGE_LEN_MAX};
    uint8_t *text = malloc(MT_MESSAGE_LEN_MAX);
    test_secure w;

    CHECK(text);
    for (size_t i = 0; i < MT_MESSAGE_LEN_MAX; i++) text[i] = (uint8_t)(i * 7 + i / 256);
    test_secure_begin(&w);
    test_secure_join(&w);
    CHECK(both_up(&w));
    for (size_t i = 0; i < TEST_COUNT(lens); i++) {
        mt_bytes message = {text, lens[i]};

        CHECK(mt_connection_send(w.ends[0].outer, message) == MT_OK);
        test_env_run_for(&w.te, 5);
        CHECK(w.ends[1].got == i + 1);
        CHECK(mt_bytes_equal(mt_buf_bytes(&w.ends[1].last), message));
    }
    free(text);
    test_secure_end_all(&w);
}

/* Two sessions that were told what a handshake would have told them. */
static void sealed_pair(mti_sealed *a, mti_sealed *b)
{
    memset(a, 0, sizeof *a);
    memset(b, 0, sizeof *b);
    a->parts.mem = b->parts.mem = test_mem();
    memset(a->sends.key, 1, MT_KEY_LEN);
    memset(b->receives.key, 1, MT_KEY_LEN);
}

TEST(keys_change_at_the_same_place_on_both_sides)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_buf out = {.mem = test_mem()}, room = {.mem = test_mem()};
    uint8_t before[MT_KEY_LEN];
    mt_bytes part, message;
    mti_sealed a, b;

    sealed_pair(&a, &b);
    a.sent = b.received = MTI_SEALED_REKEY - 40;
    for (int i = 0; i < 4; i++) {
        memcpy(before, a.sends.key, sizeof before);
        out.len = 0;
        CHECK(mti_sealed_put(&a, crypto, mt_str("text"), &out) == MT_OK);
        CHECK(mti_sealed_part(&out, 0, &part));
        CHECK(mti_sealed_take(&b, crypto, part, &room, &message) == MT_OK);
        CHECK(mt_bytes_equal(message, mt_str("text")));
        CHECK(memcmp(a.sends.key, b.receives.key, MT_KEY_LEN) == 0);
        CHECK((memcmp(before, a.sends.key, sizeof before) == 0) == (i != 1));
    }
    mti_sealed_wipe(&a, crypto);
    mti_sealed_wipe(&b, crypto);
    mt_buf_free(&out);
    mt_buf_free(&room);
}

TEST(parts_of_another_form_than_ours_are_refused)
{
    static const struct {
        uint8_t flag;
        size_t len;
    } cases[] = {{1, 10}, {2, 1}, {3, 0}, {255, 4}};
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_buf room = {.mem = test_mem()};

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        uint8_t text[32] = {cases[i].flag}, sealed[sizeof text + MT_TAG_LEN];
        mti_sealed a, b;
        mt_bytes message;

        sealed_pair(&a, &b);
        CHECK(mti_cipher_seal(crypto, &a.sends, (mt_bytes){NULL, 0},
                              (mt_bytes){text, 1 + cases[i].len}, sealed) == MT_OK);
        CHECK(mti_sealed_take(&b, crypto, (mt_bytes){sealed, 1 + cases[i].len + MT_TAG_LEN}, &room,
                              &message) == MT_MALFORMED);
        mti_sealed_wipe(&a, crypto);
        mti_sealed_wipe(&b, crypto);
    }
    mt_buf_free(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_devices_know_each_other_once_the_link_is_up),
        cmocka_unit_test(who_dials_stops_before_it_is_seen_where_another_device_answers),
        cmocka_unit_test(who_is_not_admitted_hears_nothing_and_is_dropped),
        cmocka_unit_test(who_does_not_know_the_space_gets_no_answer),
        cmocka_unit_test(ticket_opens_while_it_is_good),
        cmocka_unit_test(ticket_with_another_secret_does_not_open),
        cmocka_unit_test(papers_are_shown_to_the_other_device_and_to_nobody_else),
        cmocka_unit_test(nobody_is_admitted_where_nothing_says_who_is),
        cmocka_unit_test(options_without_a_secret_or_ciphers_or_a_device_to_expect_are_refused),
        cmocka_unit_test(link_shows_no_text_and_no_key),
        cmocka_unit_test(no_changed_byte_of_a_handshake_lets_anybody_through),
        cmocka_unit_test(part_that_is_changed_lost_repeated_or_cut_ends_the_session),
        cmocka_unit_test(session_that_is_cut_off_without_a_word_is_told_from_one_that_ends),
        cmocka_unit_test(connection_may_be_closed_dropped_or_cut_while_it_is_asked_who_may_come),
        cmocka_unit_test(who_is_asked_knows_whether_a_ticket_was_proven),
        cmocka_unit_test(link_that_is_secured_is_not_secured_again_by_the_same_device),
        cmocka_unit_test(close_behind_a_message_that_waits_is_no_cut),
        cmocka_unit_test(link_that_is_cut_and_comes_back_has_a_new_session),
        cmocka_unit_test(peer_that_says_nothing_is_dropped_after_five_seconds),
        cmocka_unit_test(thousand_silent_links_do_not_keep_a_device_out),
        cmocka_unit_test(
            who_knocks_and_says_no_more_makes_room_for_others_and_not_for_who_says_nothing),
        cmocka_unit_test(without_randomness_no_session_begins),
        cmocka_unit_test(messages_of_every_length_come_as_they_were),
        cmocka_unit_test(keys_change_at_the_same_place_on_both_sides),
        cmocka_unit_test(parts_of_another_form_than_ours_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
