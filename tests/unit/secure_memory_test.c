/* Each allocation of two secured connections fails once: the session is there, or it ends and nothing is left;
 * and what comes is what was sent. */
#include "test_env.h"

#include <mytosis/host.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/secure.h>
#include <string.h>

typedef struct scene {
    fail_mem memory;
    test_env te;
    mt_secure *secure[2];
    mt_secure_server *server;
    mt_group *links;
    mt_connection *outer, *near, *far;
    mt_subscription *heard;
    size_t got;
} scene;

static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    (void)ctx, (void)visitor, (void)connection, (void)why;
    return MT_OK;
}

static void hear(void *ctx, const void *event)
{
    const mt_message *message = event;
    scene *s = ctx;

    CHECK(message->bytes.len == 300000 && message->bytes.data[299999] == 'x');
    s->got++;
}

static mt_status make(scene *s, size_t at)
{
    uint8_t seed[MT_KEY_LEN] = {(uint8_t)(1 + at)}, space[MT_SPACE_LEN] = {9};
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = space,
                                 .admit = admit};

    return mt_secure_new(&s->te.env, &options, &s->secure[at], NULL);
}

static mt_status join(scene *s)
{
    mt_pipe_options options = {.size = sizeof options, .queued_max = 400000};
    mt_subscriber subscriber = {.on_event = hear, .ctx = s};
    mt_secure_peer peer = {.size = sizeof peer};
    mt_status st = make(s, 0);

    if (st == MT_OK) st = make(s, 1);
    if (st == MT_OK) st = mt_group_new(s->te.env.mem, &s->links);
    if (st == MT_OK) st = mt_secure_serve(s->secure[1], s->links, &s->server, NULL);
    if (st == MT_OK)
        st = mt_event_stream_subscribe(mt_group_messages(mt_secure_server_group(s->server)),
                                       &subscriber, &s->heard);
    if (st == MT_OK) st = mt_pipe_new(&s->te.env, &options, &s->near, &s->far, NULL);
    if (st == MT_OK) st = mt_group_add(s->links, s->far);
    if (st != MT_OK) return st;
    peer.device = mt_secure_device(s->secure[1]);
    return mt_secure_dial(s->secure[0], s->near, &peer, &s->outer, NULL);
}

static void talk(scene *s)
{
    static uint8_t text[300000];
    size_t sent = 0;

    memset(text, 'x', sizeof text);
    test_env_run_for(&s->te, 100);
    for (int i = 0; i < 4 && !mt_connection_offline(s->outer); i++) {
        sent += mt_connection_send(s->outer, (mt_bytes){text, sizeof text}) == MT_OK;
        if (i % 2) test_env_run_for(&s->te, 100);
    }
    test_env_run_for(&s->te, 100);
    CHECK(s->got <= sent);
    if (!s->memory.tripped) CHECK(sent == 4 && s->got == 4);
}

static void end(scene *s)
{
    mt_subscription_dispose(s->heard);
    mt_connection_unref(s->outer);
    mt_connection_unref(s->near);
    mt_connection_unref(s->far);
    mt_secure_server_free(s->server);
    mt_group_unref(s->links);
    test_env_run(&s->te);
    for (size_t i = 0; i < 2; i++) mt_secure_unref(s->secure[i]);
    test_env_end(&s->te);
    CHECK(s->memory.live_bytes == 0);
}

TEST(each_allocation_that_fails_ends_a_session_at_most)
{
    size_t points = 0;

    for (;; points++) {
        scene s = {.memory = {.fail_at = points}};
        bool tripped;

        test_env_init(&s.te, 3, fail_mem_hook(&s.memory));
        if (join(&s) == MT_OK) talk(&s);
        else CHECK(s.memory.tripped);
        tripped = s.memory.tripped;
        end(&s);
        if (!tripped) break;
    }
    CHECK(points > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_ends_a_session_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
