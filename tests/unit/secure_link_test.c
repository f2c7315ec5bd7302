/* Secured connections and the links below them: those that are full, gone, or that nobody listens to; and what
 * they are made with. */
#include "test_link.h"
#include "test_secure.h"

#include "trust/secure.h"

#include <stdlib.h>
#include <string.h>

/* Joins the two by one pipe, without anybody in the middle. */
static void join(test_secure *w, mt_pipe_options options)
{
    mt_secure_peer peer = {.size = sizeof peer, .device = mt_secure_device(w->ends[1].secure)};

    options.size = sizeof options;
    CHECK(mt_pipe_new(&w->te.env, &options, &w->ends[0].inner, &w->ends[1].inner, NULL) == MT_OK);
    CHECK(mt_secure_dial(w->ends[0].secure, w->ends[0].inner, &peer, &w->ends[0].outer, NULL) ==
          MT_OK);
    CHECK(mt_secure_accept(w->ends[1].secure, w->ends[1].inner, &w->ends[1].outer, NULL) == MT_OK);
    test_secure_listen(w);
}

static bool both_up(test_secure *w)
{
    test_env_run_for(&w->te, 50);
    return !mt_connection_offline(w->ends[0].outer) && !mt_connection_offline(w->ends[1].outer);
}

static void begin(test_secure *w, mt_pipe_options options)
{
    test_secure_begin(w);
    join(w, options);
    CHECK(both_up(w));
}

static mt_status send(test_secure *w, size_t from, size_t len)
{
    uint8_t *text = malloc(len);
    mt_status st;

    if (!text) abort();
    memset(text, 'x', len);
    st = mt_connection_send(w->ends[from].outer, (mt_bytes){text, len});
    free(text);
    return st;
}

static void count_writable(void *ctx, const void *event)
{
    if (((const mt_connection_event *)event)->kind == MT_CONNECTION_WRITABLE) ++*(unsigned *)ctx;
}

/* ---- Room ---- */

TEST(connection_is_writable_again_once_all_parts_have_gone)
{
    unsigned writable = 0;
    const mt_subscriber subscriber = {.on_event = count_writable, .ctx = &writable};
    mt_subscription *ear;
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1000, .latency_ms = 10});
    CHECK(mt_event_stream_subscribe(mt_connection_events(w.ends[0].outer), &subscriber, &ear) ==
          MT_OK);
    CHECK(send(&w, 0, 2000) == MT_OK);
    CHECK(send(&w, 0, MT_MESSAGE_LEN_MAX) == MT_OK); /* of two parts, which both wait */
    CHECK(mt_connection_queued(w.ends[0].outer) > MT_MESSAGE_LEN_MAX);
    CHECK(send(&w, 0, 5) == MT_AGAIN);
    test_env_run_for(&w.te, 15);
    CHECK(w.ends[1].got == 1 && writable == 0); /* the second part still waits */
    test_env_run_for(&w.te, 100);
    CHECK(w.ends[1].got == 2 && w.ends[1].last.len == MT_MESSAGE_LEN_MAX && writable == 1);
    CHECK(send(&w, 0, 5) == MT_OK);
    test_env_run_for(&w.te, 100);
    CHECK(w.ends[1].got == 3 && writable == 1); /* nobody was told to wait */
    mt_subscription_dispose(ear);
    test_secure_end_all(&w);
}

/* The second takes one message and no more; the first has sent so much that some of it waits. */
static void fill(test_secure *w)
{
    mt_subscription_dispose(w->ends[1].heard);
    w->ends[1].heard = NULL;
    for (int i = 0; i < 3; i++) {
        CHECK(send(w, 0, 2000) == MT_OK);
        test_env_run_for(&w->te, 10);
    }
    CHECK(send(w, 0, 5) == MT_AGAIN);
}

TEST(connection_that_is_closed_waits_five_seconds_for_a_peer_that_does_not_read)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1000});
    fill(&w);
    mt_connection_close(w.ends[0].outer);
    test_env_run_for(&w.te, 4900);
    CHECK(!w.ends[0].closed);
    test_env_run_for(&w.te, 200);
    CHECK(w.ends[0].closed && w.ends[0].why.status == MT_OK);
    test_secure_end_all(&w);
}

TEST(connection_that_is_closed_does_not_wait_for_a_link_that_is_down)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1000});
    fill(&w);
    mt_connection_close(w.ends[0].outer);
    CHECK(!w.ends[0].closed);
    CHECK(mt_pipe_cut(w.ends[0].inner) == MT_OK);
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[0].closed && w.ends[0].why.status == MT_OK);
    test_secure_end_all(&w);
}

TEST(what_waits_for_a_link_that_goes_down_is_forgotten)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1000});
    fill(&w);
    CHECK(mt_pipe_cut(w.ends[0].inner) == MT_OK);
    test_env_run_for(&w.te, 50);
    CHECK(send(&w, 0, 5) == MT_OFFLINE && mt_connection_queued(w.ends[0].outer) == 0);
    CHECK(mt_pipe_restore(w.ends[0].inner) == MT_OK && both_up(&w));
    CHECK(send(&w, 0, 5) == MT_OK);
    test_secure_end_all(&w);
}

/* ---- Nobody listens ---- */

TEST(message_that_nobody_listens_to_waits_until_somebody_does)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1 << 20});
    mt_subscription_dispose(w.ends[1].heard);
    w.ends[1].heard = NULL;
    test_secure_send(&w, 0, "one");
    test_secure_send(&w, 0, "two");
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[1].got == 0 && mti_secured_of(w.ends[1].outer)->holds);
    for (size_t i = 0; i < 2; i++) {
        mt_subscription_dispose(w.ends[i].told);
        if (i == 0) mt_subscription_dispose(w.ends[i].heard);
    }
    test_secure_listen(&w);
    test_secure_send(&w, 0, "three");
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[1].got == 3);
    CHECK(mt_bytes_equal(mt_buf_bytes(&w.ends[1].last), mt_str("three")));
    test_secure_end_all(&w);
}

TEST(who_stops_listening_before_the_next_turn_gets_what_was_held_later)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1 << 20});
    for (size_t i = 0; i < 2; i++) mt_subscription_dispose(w.ends[i].told);
    for (size_t i = 0; i < 2; i++) mt_subscription_dispose(w.ends[i].heard);
    test_secure_send(&w, 0, "one");
    test_env_run_for(&w.te, 50);
    test_secure_listen(&w);
    mt_subscription_dispose(w.ends[1].heard);
    w.ends[1].heard = NULL;
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[1].got == 0 && mti_secured_of(w.ends[1].outer)->holds);
    for (size_t i = 0; i < 2; i++) mt_subscription_dispose(w.ends[i].told);
    mt_subscription_dispose(w.ends[0].heard);
    test_secure_listen(&w);
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[1].got == 1);
    test_secure_end_all(&w);
}

/* ---- Other links ---- */

TEST(link_that_is_down_or_for_once_is_secured_as_it_is)
{
    test_secure w;

    test_secure_begin(&w);
    join(&w, (mt_pipe_options){.flags = MT_CONNECTION_OFFLINE | MT_CONNECTION_EPHEMERAL});
    CHECK(mt_connection_ephemeral(w.ends[0].outer) && mt_connection_ephemeral(w.ends[1].outer));
    CHECK(!both_up(&w) && mt_secure_counts_of(w.ends[0].secure).begun == 0);
    CHECK(mt_pipe_restore(w.ends[0].inner) == MT_OK && both_up(&w));
    test_secure_end_all(&w);
}

TEST(connection_knows_its_link_and_another_has_none)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.size = 0});
    CHECK(mt_secure_link(w.ends[0].outer) == w.ends[0].inner);
    CHECK(mt_secure_error(w.ends[0].outer)->status == MT_OK);
    CHECK(!mt_secure_link(w.ends[0].inner) && !mt_secure_error(w.ends[0].inner));
    test_secure_end_all(&w);
}

TEST(link_that_is_closed_is_not_secured)
{
    mt_pipe_options options = {.size = sizeof options};
    mt_connection *near, *far, *outer = NULL;
    mt_error err;
    test_secure w;

    test_secure_begin(&w);
    CHECK(mt_pipe_new(&w.te.env, &options, &near, &far, NULL) == MT_OK);
    mt_connection_close(near);
    test_env_run_for(&w.te, 50);
    CHECK(mt_secure_accept(w.ends[1].secure, near, &outer, &err) == MT_CLOSED && !outer);
    assert_string_equal(err.text, "the link cannot be listened to");
    mt_connection_unref(near);
    mt_connection_unref(far);
    test_secure_end_all(&w);
}

/* One device may secure what another has, as where two processes of a machine share a link. */
TEST(connection_of_one_device_is_a_link_for_another)
{
    uint8_t seed[MT_KEY_LEN] = {77};
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = test_secure_space};
    mt_connection *outer;
    mt_secure *other;
    test_secure w;

    begin(&w, (mt_pipe_options){.size = 0});
    CHECK(mt_secure_new(&w.te.env, &options, &other, NULL) == MT_OK);
    CHECK(mt_secure_accept(other, w.ends[0].outer, &outer, NULL) == MT_OK);
    CHECK(mt_secure_link(outer) == w.ends[0].outer && mt_connection_offline(outer));
    mt_connection_close(outer);
    mt_connection_unref(outer);
    test_env_run_for(&w.te, 50);
    mt_secure_unref(other);
    test_secure_end_all(&w);
}

TEST(links_that_were_there_before_are_served_like_those_that_come)
{
    mt_pipe_options options = {.size = sizeof options};
    mt_connection *ends[2][2];
    mt_secure_server *server;
    mt_group *links;
    test_secure w;

    test_secure_begin(&w);
    CHECK(mt_group_new(test_mem(), &links) == MT_OK);
    for (size_t i = 0; i < 2; i++) {
        options.a_id = mt_str(i ? "one" : "two");
        CHECK(mt_pipe_new(&w.te.env, &options, &ends[i][0], &ends[i][1], NULL) == MT_OK);
        CHECK(mt_group_add(links, ends[i][0]) == MT_OK);
    }
    CHECK(mt_secure_serve(w.ends[1].secure, links, &server, NULL) == MT_OK);
    CHECK(mt_group_count(mt_secure_server_group(server)) == 2);
    for (size_t i = 0; i < 2; i++) mt_connection_close(ends[i][1]);
    test_env_run_for(&w.te, 50);
    CHECK(mt_group_count(mt_secure_server_group(server)) == 0);
    mt_secure_server_free(server);
    for (size_t i = 0; i < 2; i++) {
        mt_connection_unref(ends[i][0]);
        mt_connection_unref(ends[i][1]);
    }
    mt_group_unref(links);
    test_secure_end_all(&w);
}

/* A transport that knows why it was closed. */
TEST(connection_is_closed_for_the_reason_of_its_link)
{
    mt_error why = {MT_IO, "the cable was pulled"};
    test_link link;
    test_secure w;

    test_secure_begin(&w);
    test_link_begin(&link, NULL, "x");
    CHECK(mt_secure_accept(w.ends[1].secure, link.connection, &w.ends[1].outer, NULL) == MT_OK);
    w.ends[0].outer = mt_connection_ref(w.ends[1].outer);
    test_secure_listen(&w);
    mt_connection_closed(link.connection, &why);
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_IO);
    assert_string_equal(w.ends[1].why.text, "the cable was pulled");
    mt_connection_unref(link.connection);
    test_secure_end_all(&w);
}

/* ---- Nonces ---- */

TEST(session_whose_nonces_are_used_up_sends_no_more)
{
    test_secure w;

    begin(&w, (mt_pipe_options){.queued_max = 1 << 23});
    mti_secured_of(w.ends[0].outer)->sealed.sends.nonce = UINT64_MAX;
    CHECK(send(&w, 0, 5) == MT_FULL && send(&w, 0, MT_MESSAGE_LEN_MAX) == MT_FULL);
    mt_connection_close(w.ends[0].outer); /* it cannot say that nothing follows */
    test_env_run_for(&w.te, 50);
    CHECK(w.ends[0].closed && w.ends[0].why.status == MT_OK);
    CHECK(w.ends[1].closed && w.ends[1].why.status == MT_IO);
    CHECK(w.ends[1].got == 0);
    test_secure_end_all(&w);
}

/* ---- Options ---- */

static void is_refused(const mt_env *env, const mt_secure_options *options, mt_status status,
                       const char *text)
{
    mt_secure *secure = NULL;
    mt_error err;

    CHECK(mt_secure_new(env, options, &secure, &err) == status && !secure);
    if (!strstr(err.text, text)) fail_msg("\"%s\", not \"%s\"", err.text, text);
}

TEST(options_that_cannot_be_are_refused_with_a_reason)
{
    uint8_t seed[MT_KEY_LEN] = {1}, papers[MT_PAPERS_LEN_MAX + 1] = {0};
    mt_crypto crypto = *mt_crypto_sodium();
    mt_secure_options good = {.size = sizeof good,
                              .crypto = mt_crypto_sodium(),
                              .seed = seed,
                              .space = test_secure_space},
                      bad = good;
    test_env te;

    test_env_init(&te, 1, test_mem());
    bad.crypto = &crypto;
    crypto.abi++;
    is_refused(&te.env, &bad, MT_INVALID, "secured connections need a table of ciphers");
    crypto.abi--;
    crypto.size--;
    is_refused(&te.env, &bad, MT_INVALID, "secured connections need a table of ciphers");
    bad = good;
    bad.space = NULL;
    is_refused(&te.env, &bad, MT_INVALID, "the id of a space");
    bad = good;
    bad.papers = (mt_bytes){papers, sizeof papers};
    is_refused(&te.env, &bad, MT_TOO_LARGE, "papers of 2049 bytes, more than 2048");
    for (size_t at = 0; at < 2; at++) {
        fail_mem memory = {.fail_at = at};
        mt_env scarce = te.env;
        scarce.mem = fail_mem_hook(&memory);
        good.papers = (mt_bytes){papers, 10};
        is_refused(&scarce, &good, MT_NO_MEMORY, "out of memory");
        CHECK(memory.tripped && memory.live_bytes == 0);
    }
    CHECK(!mt_secure_ref(NULL));
    test_env_end(&te);
}

TEST(limits_are_those_of_the_options)
{
    mt_secure_options options = {.handshake_ms = 200, .silent_max = 2, .half_open_max = 1};
    mt_connection *ends[3][2], *outer[3];
    mt_pipe_options pipe = {.size = sizeof pipe};
    test_secure w;

    test_secure_begin_with(&w, &options);
    for (size_t i = 0; i < 3; i++) {
        CHECK(mt_pipe_new(&w.te.env, &pipe, &ends[i][0], &ends[i][1], NULL) == MT_OK);
        CHECK(mt_secure_accept(w.ends[1].secure, ends[i][0], &outer[i], NULL) == MT_OK);
    }
    CHECK(mt_secure_counts_of(w.ends[1].secure).evicted == 1);
    CHECK(mt_secure_counts_of(w.ends[1].secure).silent == 2);
    test_env_run_for(&w.te, 190);
    CHECK(mt_secure_counts_of(w.ends[1].secure).silent == 2);
    test_env_run_for(&w.te, 20);
    CHECK(mt_secure_counts_of(w.ends[1].secure).silent == 0);
    for (size_t i = 0; i < 3; i++) {
        mt_connection_unref(outer[i]);
        mt_connection_unref(ends[i][0]);
        mt_connection_unref(ends[i][1]);
    }
    test_secure_end_all(&w);
}

/* ---- Sealed ---- */

static void sealed_pair(mti_sealed *a, mti_sealed *b)
{
    memset(a, 0, sizeof *a);
    memset(b, 0, sizeof *b);
    a->parts.mem = b->parts.mem = test_mem();
    memset(a->sends.key, 1, MT_KEY_LEN);
    memset(b->receives.key, 1, MT_KEY_LEN);
}

/* A part of any flag and length, as a peer may make it. */
static mt_status take(mti_sealed *a, mti_sealed *b, uint8_t flag, size_t len, mt_buf *room)
{
    uint8_t *part = calloc(1, MTI_SEALED_MORE + len);
    mt_bytes message;
    mt_status st;

    if (!part) abort();
    part[0] = flag;
    CHECK(mti_cipher_seal(mt_crypto_sodium(), &a->sends, (mt_bytes){NULL, 0},
                          (mt_bytes){part, 1 + len}, part) == MT_OK);
    st = mti_sealed_take(b, mt_crypto_sodium(), (mt_bytes){part, MTI_SEALED_MORE + len}, room,
                         &message);
    free(part);
    return st;
}

TEST(parts_that_make_no_message_end_a_session)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_buf room = {.mem = test_mem()};
    fail_mem memory = {.fail_at = 0};
    mt_bytes message;
    mti_sealed a, b;

    sealed_pair(&a, &b); /* longer than any message */
    CHECK(take(&a, &b, 1, MTI_SEALED_TEXT_MAX, &room) == MT_AGAIN);
    CHECK(take(&a, &b, 1, MTI_SEALED_TEXT_MAX, &room) == MT_TOO_LARGE);
    mti_sealed_wipe(&b, crypto);

    sealed_pair(&a, &b); /* an end within one */
    CHECK(take(&a, &b, 1, MTI_SEALED_TEXT_MAX, &room) == MT_AGAIN);
    CHECK(take(&a, &b, 2, 0, &room) == MT_MALFORMED);
    mti_sealed_wipe(&b, crypto);

    sealed_pair(&a, &b); /* something behind the end */
    CHECK(take(&a, &b, 2, 0, &room) == MT_END);
    CHECK(take(&a, &b, 0, 4, &room) == MT_MALFORMED);
    mti_sealed_wipe(&b, crypto);

    sealed_pair(&a, &b); /* a message in parts, and another behind it */
    CHECK(take(&a, &b, 1, MTI_SEALED_TEXT_MAX, &room) == MT_AGAIN);
    CHECK(take(&a, &b, 0, 4, &room) == MT_OK && b.whole);
    CHECK(take(&a, &b, 0, 4, &room) == MT_OK && !b.whole && b.parts.len == 0);
    CHECK(mti_sealed_take(&b, crypto, mt_str("short"), &room, &message) == MT_MALFORMED);
    mti_sealed_wipe(&b, crypto);

    sealed_pair(&a, &b); /* no memory for it */
    b.parts.mem = fail_mem_hook(&memory);
    CHECK(take(&a, &b, 1, MTI_SEALED_TEXT_MAX, &room) == MT_NO_MEMORY);
    mti_sealed_wipe(&b, crypto);
    mt_buf_free(&room);
}

TEST(nothing_is_sealed_without_memory_or_nonces)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    fail_mem memory = {.fail_at = 0};
    mt_buf none = {.mem = fail_mem_hook(&memory)}, out = {.mem = test_mem()};
    mti_sealed a, b;

    sealed_pair(&a, &b);
    CHECK(mti_sealed_put_end(&a, crypto, &none) == MT_NO_MEMORY && none.len == 0);
    memory = (fail_mem){.fail_at = 0};
    none.mem = fail_mem_hook(&memory);
    CHECK(mti_sealed_put(&a, crypto, mt_str("text"), &none) == MT_NO_MEMORY && none.len == 0);
    a.sends.nonce = UINT64_MAX;
    CHECK(mti_sealed_put_end(&a, crypto, &out) == MT_FULL && out.len == 0);
    CHECK(mti_sealed_put(&a, crypto, mt_str("text"), &out) == MT_FULL && out.len == 0);
    mt_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_is_writable_again_once_all_parts_have_gone),
        cmocka_unit_test(
            connection_that_is_closed_waits_five_seconds_for_a_peer_that_does_not_read),
        cmocka_unit_test(connection_that_is_closed_does_not_wait_for_a_link_that_is_down),
        cmocka_unit_test(what_waits_for_a_link_that_goes_down_is_forgotten),
        cmocka_unit_test(message_that_nobody_listens_to_waits_until_somebody_does),
        cmocka_unit_test(who_stops_listening_before_the_next_turn_gets_what_was_held_later),
        cmocka_unit_test(link_that_is_down_or_for_once_is_secured_as_it_is),
        cmocka_unit_test(connection_knows_its_link_and_another_has_none),
        cmocka_unit_test(link_that_is_closed_is_not_secured),
        cmocka_unit_test(connection_of_one_device_is_a_link_for_another),
        cmocka_unit_test(links_that_were_there_before_are_served_like_those_that_come),
        cmocka_unit_test(connection_is_closed_for_the_reason_of_its_link),
        cmocka_unit_test(session_whose_nonces_are_used_up_sends_no_more),
        cmocka_unit_test(options_that_cannot_be_are_refused_with_a_reason),
        cmocka_unit_test(limits_are_those_of_the_options),
        cmocka_unit_test(parts_that_make_no_message_end_a_session),
        cmocka_unit_test(nothing_is_sealed_without_memory_or_nonces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
