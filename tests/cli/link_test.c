/* link_test.c - messages of any length over a connection. */
#include "test_env.h"
#include <mytosis/plugin/pipe.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

/* One side of a link, or a bare connection. */
typedef struct side {
    mt_connection *connection;
    cli_link *link;
    size_t messages, len, drained, ended;
    uint8_t kind;
    uint64_t id;
    mt_status why;
    bool frees; /* itself, in whatever is called next */
} side;

typedef struct bed {
    test_env te;
    side a, b;
} bed;

static void maybe_free(side *s)
{
    if (!s->frees) return;
    cli_link_free(s->link);
    s->link = NULL;
}

static void on_message(void *ctx, uint8_t kind, uint64_t id, mt_bytes body)
{
    side *s = ctx;

    s->messages++;
    s->kind = kind;
    s->id = id;
    s->len = body.len;
    for (size_t i = 0; i < body.len; i += 1000) CHECK(body.data[i] == (uint8_t)(i / 1000));
    maybe_free(s);
}

static void on_drained(void *ctx)
{
    side *s = ctx;

    s->drained++;
}

static void on_ended(void *ctx, const mt_error *why)
{
    side *s = ctx;

    s->ended++;
    s->why = why ? why->status : MT_OK;
    maybe_free(s);
}

static const cli_link_ops ops = {on_message, on_drained, on_ended};

static void link_begin(side *s)
{
    CHECK(cli_link_new(s->connection, &ops, s, &s->link) == MT_OK);
    cli_link_listen(s->link, true);
}

/* `a` is a link, `b` too if `both`. */
static void bed_begin(bed *b, bool both)
{
    memset(b, 0, sizeof *b);
    test_env_init(&b->te, 1, test_mem());
    CHECK(mt_pipe_new(&b->te.env, NULL, &b->a.connection, &b->b.connection, NULL) == MT_OK);
    link_begin(&b->a);
    if (both) link_begin(&b->b);
}

static void bed_end(bed *b)
{
    cli_link_free(b->a.link);
    cli_link_free(b->b.link);
    mt_connection_unref(b->a.connection);
    mt_connection_unref(b->b.connection);
    test_env_run(&b->te);
    test_env_end(&b->te);
    CHECK(test_mem_live() == 0);
}

static void send(bed *b, size_t len)
{
    uint8_t *body = calloc(1, len + 1);

    if (!body) abort();
    for (size_t i = 0; i < len; i += 1000) body[i] = (uint8_t)(i / 1000);
    CHECK(cli_link_send(b->a.link, 7, len, (mt_bytes){body, len}) == MT_OK);
    free(body);
}

TEST(messages_of_every_length_arrive)
{
    static const size_t lens[] = {0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 5000000};
    bed b;

    bed_begin(&b, true);
    for (size_t i = 0; i < TEST_COUNT(lens); i++) {
        send(&b, lens[i]);
        test_env_run(&b.te);
        CHECK(b.b.messages == i + 1 && b.b.len == lens[i] && b.b.kind == 7 && b.b.id == lens[i]);
    }
    CHECK(b.a.drained > 0 && cli_link_queued(b.a.link) == 0 && b.a.ended == 0);
    bed_end(&b);
}

TEST(what_nobody_listens_to_waits)
{
    bed b;

    bed_begin(&b, true);
    cli_link_listen(b.b.link, false);
    for (size_t i = 0; i < 10; i++) send(&b, 100000);
    test_env_run(&b.te);
    CHECK(b.b.messages == 0 && cli_link_queued(b.a.link) > 0);
    cli_link_listen(b.b.link, true);
    test_env_run(&b.te);
    CHECK(b.b.messages == 10 && cli_link_queued(b.a.link) == 0);
    bed_end(&b);
}

static void refuses(const char *frame, size_t len, const char *next, size_t next_len)
{
    bed b;

    bed_begin(&b, false);
    CHECK(mt_connection_send(b.b.connection, (mt_bytes){(const uint8_t *)frame, len}) == MT_OK);
    if (next)
        CHECK(mt_connection_send(b.b.connection, (mt_bytes){(const uint8_t *)next, next_len}) ==
              MT_OK);
    test_env_run(&b.te);
    CHECK(b.a.messages == 0 && b.a.ended == 1 && b.a.why == MT_MALFORMED);
    CHECK(cli_link_send(b.a.link, 1, 1, (mt_bytes){NULL, 0}) == MT_CLOSED);
    bed_end(&b);
}

TEST(what_is_no_message_ends_the_link)
{
    refuses("", 0, NULL, 0);
    refuses("mA\1\1\0\0\0\0\0\0\0\0", 12, NULL, 0);
    refuses("mB\1\1\0\0\0\0\0\0\0\0\0", 13, NULL, 0);
    refuses("mA\2\1\0\0\0\0\0\0\0\0\0", 13, NULL, 0);
    refuses("mA\1\1\2\0\0\0\0\0\0\0\0", 13, NULL, 0);
    /* One message in the middle of another. */
    refuses("mA\1\1\1\0\0\0\0\0\0\0\0", 13, "mA\1\1\0\1\0\0\0\0\0\0\0", 13);
    refuses("mA\1\1\1\0\0\0\0\0\0\0\0", 13, "mA\1\2\0\0\0\0\0\0\0\0\0", 13);
}

TEST(a_link_that_breaks_has_ended)
{
    bed b;

    bed_begin(&b, true);
    CHECK(mt_pipe_cut(b.a.connection) == MT_OK);
    test_env_run(&b.te);
    CHECK(b.a.ended == 1 && b.a.why == MT_OFFLINE && b.b.ended == 1);
    CHECK(mt_pipe_restore(b.a.connection) == MT_OK);
    bed_end(&b);
}

TEST(a_link_that_the_other_side_closes_has_ended_well)
{
    bed b;

    bed_begin(&b, true);
    send(&b, 10);
    cli_link_close(b.a.link);
    test_env_run(&b.te);
    CHECK(b.b.messages == 1 && b.a.ended == 1 && b.b.ended == 1 && b.b.why == MT_OK);
    bed_end(&b);
}

TEST(it_may_be_freed_in_whatever_it_calls)
{
    for (size_t len = 0; len < 2000000; len += 1000000) {
        bed b;

        bed_begin(&b, true);
        b.b.frees = true;
        send(&b, len);
        test_env_run(&b.te);
        CHECK(b.b.messages == 1 && !b.b.link && b.a.ended == 1);
        bed_end(&b);
        bed_begin(&b, true);
        b.b.frees = true;
        cli_link_close(b.a.link);
        test_env_run(&b.te);
        CHECK(b.b.ended == 1 && !b.b.link);
        bed_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_length_arrive),
        cmocka_unit_test(what_nobody_listens_to_waits),
        cmocka_unit_test(what_is_no_message_ends_the_link),
        cmocka_unit_test(a_link_that_breaks_has_ended),
        cmocka_unit_test(a_link_that_the_other_side_closes_has_ended_well),
        cmocka_unit_test(it_may_be_freed_in_whatever_it_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
