/* small_router.c - a router of one's own in under 100 lines, and two databases that use it: each peer
 * hears what is written while it is online. relay_router.c also asks, relays and catches up. It prints:
 *
 *     The laptop has heard of the trip.
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/router.h>
#include <stdio.h>
#include <stdlib.h>

static void must(mt_status status)
{
    if (status != MT_OK) exit(fprintf(stderr, "small_router: %s\n", mt_status_text(status)));
}

static mt_status opened(void *ctx, mt_db *db, mt_group *group)
{
    (void)group;
    *(mt_db **)ctx = db; /* all that it remembers */
    return MT_OK;
}

/* Sends what changed to all but who told us. What a link does not take is lost. */
static mt_status push(void *ctx, uint64_t id, const mt_push *push)
{
    mt_buf message = {.mem = mt_mem_system()};
    mt_binary_writer *writer;

    must(mt_binary_writer_new(message.mem, NULL, NULL, &message, &writer));
    must(mt_binary_delta(writer, push->delta, MT_UPDATE));
    must(mt_binary_finish(writer));
    for (size_t i = 0; push->group && i < mt_group_count(push->group); i++) {
        mt_connection *to = mt_group_at(push->group, i);
        if (to != push->origin) (void)!mt_connection_send(to, mt_buf_bytes(&message));
    }
    mt_binary_writer_free(writer);
    mt_buf_free(&message);
    mt_push_done(*(mt_db **)ctx, id, &(mt_push_answer){.status = MT_OK});
    return MT_OK;
}

static mt_status pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    (void)pull; /* nobody is asked */
    mt_pull_done(*(mt_db **)ctx, id, &(mt_pull_answer){.status = MT_OK});
    return MT_OK;
}

/* Hands over what came, as one commit. What is no frame is dropped. */
static void message(void *ctx, mt_connection *from, mt_bytes bytes)
{
    mt_binary_reader *reader;
    const mt_row *rows;
    size_t count;

    must(mt_binary_reader_new(mt_mem_system(), NULL, NULL, "a peer", &reader));
    if (mt_binary_reader_feed(reader, bytes, true) == MT_OK)
        while (mt_binary_reader_rows(reader, &rows, &count) == MT_OK)
            (void)!mt_db_receive(*(mt_db **)ctx, from, rows, count, NULL, NULL, NULL, NULL);
    mt_binary_reader_free(reader);
}

static void ignore(void *ctx, mt_connection *who)
{
    (void)ctx, (void)who;
}

static mt_db *open_on(mt_loop *loop, mt_connection *link)
{
    static const mt_router_ops ops = {MT_ROUTER_ABI, sizeof ops, "small", opened, push, pull,
                                      message,       ignore,     ignore,  NULL,   free};
    mt_router router = {&ops, calloc(1, sizeof(mt_db *))};
    mt_config config = {.size = sizeof config, .env = mt_loop_env(loop), .router = &router};
    mt_db *db;

    must(router.ctx ? MT_OK : MT_NO_MEMORY);
    config.connections = &link;
    config.connection_count = 1;
    must(mt_open(&(const mt_config *){&config}, 1, &db, NULL));
    mt_connection_unref(link); /* the database holds it */
    return db;
}

int main(void)
{
    mt_connection *here, *there;
    mt_loop *loop;
    must(mt_loop_new(mt_mem_system(), &loop));
    must(mt_pipe_new(mt_loop_env(loop), NULL, &here, &there, NULL));
    mt_db *phone = open_on(loop, here), *laptop = open_on(loop, there);
    mt_field field = {.name = mt_str("to"), .value = mt_text("Lisbon")};
    mt_row row = {.uid = mt_str("trip"), .fields = &field, .count = 1};
    must(mt_write_wait(phone, &row, 1, NULL, NULL));
    while (!mt_peek(laptop, mt_str("trip"))) must(mt_loop_env(loop)->turn(mt_loop_env(loop)->ctx));
    puts("The laptop has heard of the trip.");
    mt_close(phone);
    mt_close(laptop);
    must(mt_loop_run(loop)); /* until the pipe is gone */
    mt_loop_free(loop);
}
