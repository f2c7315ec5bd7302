#include "test_link.h"

static void note(const test_link *link, const char *what)
{
    if (link->heard) test_heard_add(link->heard, "%s", what);
}

static mt_status link_send(void *ctx, mt_bytes message)
{
    test_link *link = ctx;

    CHECK(!mt_connection_offline(link->connection));
    if (link->heard) {
        test_heard_add(link->heard, "send(%.*s)", (int)message.len, (const char *)message.data);
    }
    return link->answer;
}

static size_t link_queued(void *ctx)
{
    return ((test_link *)ctx)->queued;
}

static void link_start(void *ctx)
{
    test_link *link = ctx;

    note(link, "start");
    CHECK(!link->started);
    link->started = true;
    CHECK(test_link_deliver(link, "early") == MT_AGAIN);
}

static void link_stop(void *ctx)
{
    test_link *link = ctx;

    note(link, "stop");
    CHECK(link->started);
    link->started = false;
    CHECK(test_link_deliver(link, "late") == MT_AGAIN);
}

static void link_close(void *ctx)
{
    note(ctx, "close");
}

static void link_free(void *ctx)
{
    test_link *link = ctx;

    note(link, "free");
    link->connection = NULL;
}

const mt_connection_ops test_link_ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof test_link_ops,
    .type = "test",
    .send = link_send,
    .queued = link_queued,
    .start = link_start,
    .stop = link_stop,
    .close = link_close,
    .free = link_free,
};

const mt_connection_ops test_link_other_ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof test_link_other_ops,
    .type = "other",
    .send = link_send,
    .queued = link_queued,
    .start = link_start,
    .stop = link_stop,
    .close = link_close,
    .free = link_free,
};

mt_status test_link_new(test_link *link, const mt_mem *mem, const mt_connection_ops *ops,
                        const char *id, unsigned flags)
{
    link->answer = MT_OK;
    link->connection = NULL;
    return mt_connection_new(mem, mt_str(id), ops, link, flags, &link->connection, NULL);
}

void test_link_begin(test_link *link, test_heard *heard, const char *id)
{
    *link = (test_link){.heard = heard};
    CHECK(test_link_new(link, test_mem(), &test_link_ops, id, 0) == MT_OK);
}

void test_link_end(test_link *link)
{
    if (!link->connection) return;
    mt_connection_unref(link->connection);
    if (link->connection && mt_connection_ended(link->connection)) {
        mt_connection_closed(link->connection, NULL);
    }
}

mt_status test_link_deliver(test_link *link, const char *text)
{
    return mt_connection_deliver(link->connection, mt_str(text));
}

void test_members_are(const mt_group *group, const char *ids)
{
    char text[64] = {0};

    for (size_t i = 0; i < mt_group_count(group); i++) {
        text[i] = (char)mt_connection_id(mt_group_at(group, i)).data[0];
    }
    assert_string_equal(text, ids);
    CHECK(!mt_group_at(group, mt_group_count(group)));
}
