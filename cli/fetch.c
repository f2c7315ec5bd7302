#include "fetch.h"

#include "clock.h"
#include "message.h"
#include "storage.h"
#include "tls.h"

#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>

#include <stdio.h>
#include <string.h>

/* How often it is looked at how far it is, and how long one address may take. */
#define LOOK_MS 20
#define PATIENCE_MS 15000

/* How long more is waited for than has come, once a device is there: for a ticket that this one comes with again it gets the
 * chain that it has, and a session may begin before the other has noted that the ticket is used, and then anew. */
#define AGAIN_MS 2000

/* A database in memory, which takes only what the space says of itself, and gives nothing. */
typedef struct fetching {
    const mt_ticket *ticket;
    mt_bytes old_chain;
    cli_space_file *file;
    mt_loop *loop;
    const mt_env *env;
    mt_secure *secure;
    mt_group *group;
    mt_db *db;
    mt_space *space;            /* once the genesis is there */
    mt_connection *link, *peer; /* to the address at hand */
    mt_timer timer;
    uint64_t end_ms; /* in ticks */
    bool met;        /* the device has been there */
    bool reading, ended;
    uint64_t newest_ms; /* when the chain that was found began to be good */
    mt_sync_range records;
    mt_error err;
} fetching;

static void fail(fetching *f, mt_status status, const char *text)
{
    f->ended = true;
    cli_error_note(&f->err, status, text);
}

/* ---- What has come ---- */

/* The last token that was given to this device is the one for the ticket; of two that begin at one time, that which it did not
 * have. */
static void take_chain(void *ctx, const mt_space_member *member)
{
    fetching *f = ctx;
    uint64_t from_ms = member->token.not_before_ms;
    bool is_old = mt_bytes_equal(member->chain, f->old_chain);

    if (member->revoked ||
        memcmp(member->token.device, mt_secure_device(f->secure), MT_DEVICE_LEN) != 0)
        return;
    if (f->file->chain.buf.len > 0 &&
        (from_ms < f->newest_ms || (from_ms == f->newest_ms && is_old)))
        return;
    f->newest_ms = from_ms;
    f->file->chain.buf.len = 0;
    cli_text_add(&f->file->chain, member->chain);
}

static bool more_may_come(const fetching *f)
{
    return f->env->ticks_ms(f->env->ctx) < f->end_ms - PATIENCE_MS + AGAIN_MS;
}

static void followed(void *ctx, mt_db *db, const mt_result *result)
{
    fetching *f = ctx;

    (void)db;
    f->reading = false;
    if (result->status != MT_OK) {
        fail(f, result->status, result->text);
        return;
    }
    mt_space_members(f->space, take_chain, f);
    if (f->file->chain.buf.len == 0) return; /* it is on its way */
    f->ended =
        !mt_bytes_equal(mt_buf_bytes(&f->file->chain.buf), f->old_chain) || !more_may_come(f);
}

/* A genesis is the right one if it has the id that the ticket names. */
static void take_genesis(fetching *f)
{
    const mt_node *node = mt_peek(f->db, mt_str("@space/genesis"));
    mt_space_options options = {.size = sizeof options, .crypto = mt_crypto_sodium()};
    mt_field field;

    if (!node || mt_node_get(node, mt_str("record"), &field) != MT_OK) return;
    if (field.kind != MT_FIELD_VALUE || field.value.kind != MT_BYTES) return;
    options.genesis = field.value.as.bytes;
    if (mt_space_new(f->env, &options, &f->space, &f->err) != MT_OK) {
        f->ended = true;
    } else if (memcmp(mt_space_id(f->space), f->ticket->space, MT_SPACE_LEN) != 0) {
        fail(f, MT_REFUSED, "it shows another space than that of the ticket");
    } else {
        f->file->genesis.buf.len = 0;
        cli_text_add(&f->file->genesis, field.value.as.bytes);
    }
}

/* ---- How far it is ---- */

static void note_peer(void *ctx, const mt_sync_peer *peer)
{
    fetching *f = ctx;

    if (peer->connection != f->peer || f->ended) return;
    if (peer->state == MT_SYNC_REFUSED) fail(f, MT_REFUSED, peer->error);
    if (peer->state != MT_SYNC_LIVE || f->reading) return;
    if (!f->space) take_genesis(f);
    if (f->ended) return;
    if (!f->space) {
        if (!more_may_come(f)) fail(f, MT_NOT_FOUND, "it says nothing of its space");
        return;
    }
    f->reading = true;
    if (mt_space_follow(f->space, f->db, followed, f) != MT_OK)
        fail(f, MT_NO_MEMORY, mt_db_error(f->db)->text);
}

static void say_why(fetching *f)
{
    const mt_error *dialing = mt_dial_error(f->link), *secured = mt_secure_error(f->peer);

    if (f->met) fail(f, MT_REFUSED, "it does not take the ticket, which may have been used before");
    else if (dialing && dialing->status != MT_OK) fail(f, dialing->status, dialing->text);
    else if (secured && secured->status != MT_OK) fail(f, secured->status, secured->text);
    else fail(f, MT_IO, "the link ended");
}

static void look(void *arg)
{
    fetching *f = arg;

    f->met |= mt_connection_device(f->peer) != NULL;
    (void)!mt_db_status(f->db, note_peer, f);
    if (!f->ended && !f->reading && mt_connection_ended(f->peer)) say_why(f);
    if (!f->ended && f->env->ticks_ms(f->env->ctx) >= f->end_ms)
        fail(f, MT_DEADLINE, f->met ? "it gives this device nothing" : "it does not answer");
    if (!f->ended) f->env->timer_set(f->env->ctx, &f->timer, LOOK_MS);
}

/* ---- One address ---- */

static mt_status dial(fetching *f, const char *url, const char *ca)
{
    mt_dial_options options = {
        .size = sizeof options, .once = true, .ca_file = cli_tls_is_url(url) ? ca : NULL};
    mt_secure_peer peer = {.size = sizeof peer,
                           .device = f->ticket->device,
                           .ticket = f->ticket->id,
                           .ticket_key = f->ticket->key};
    mt_status st = mt_dial(f->env, url, &options, &f->link, &f->err);

    if (st == MT_OK) st = mt_secure_dial(f->secure, f->link, &peer, &f->peer, &f->err);
    if (st == MT_OK && (st = mt_group_add(f->group, f->peer)) != MT_OK)
        f->err = *mt_group_error(f->group);
    return st;
}

/* Answers whether it has all; else `err` says why not. */
static bool go_to(fetching *f, const char *url, const char *ca)
{
    f->met = f->ended = f->reading = false;
    f->err = (mt_error){MT_OK, ""};
    f->end_ms = f->env->ticks_ms(f->env->ctx) + PATIENCE_MS;
    cli_progress("asking", url);
    if (dial(f, url, ca) == MT_OK) {
        f->env->timer_set(f->env->ctx, &f->timer, 0);
        while ((!f->ended || f->reading) && f->env->turn(f->env->ctx) == MT_OK) {
        }
        f->env->timer_stop(f->env->ctx, &f->timer);
    }
    if (f->peer) mt_connection_close(f->peer);
    else if (f->link) mt_connection_close(f->link);
    mt_connection_unref(f->peer);
    mt_connection_unref(f->link);
    f->peer = f->link = NULL;
    return f->err.status == MT_OK && f->ended;
}

/* ---- All of it ---- */

static mt_status rights(void *ctx, mt_connection *connection, mt_sync_rights *out, mt_error *why)
{
    fetching *f = ctx;

    (void)connection;
    (void)why;
    f->records = (mt_sync_range){.prefix = mt_str("@space/")};
    out->read_count = 0;
    out->write = &f->records;
    out->write_count = 1;
    return MT_OK;
}

static mt_status begin(fetching *f, const uint8_t *seed)
{
    mt_secure_options secure = {.size = sizeof secure,
                                .crypto = mt_crypto_sodium(),
                                .seed = seed,
                                .space = f->ticket->space};
    mt_sync_options sync = {.size = sizeof sync, .rights = rights, .rights_ctx = f};
    mt_config config = {.size = sizeof config};
    const mt_config *configs[] = {&config};
    mt_router router;
    mt_status st = mt_loop_new(mt_mem_system(), &f->loop);

    if (st != MT_OK) return st;
    f->env = mt_loop_env(f->loop);
    f->timer = (mt_timer){.fire = look, .arg = f};
    if ((st = mt_secure_new(f->env, &secure, &f->secure, &f->err)) != MT_OK) return st;
    if ((st = mt_group_new(mt_mem_system(), &f->group)) != MT_OK) return st;
    if ((st = mt_router_sync(f->env, &sync, &router, &f->err)) != MT_OK) return st;
    config.env = f->env;
    config.router = &router;
    config.group = f->group;
    if ((st = mt_open(configs, 1, &f->db, &f->err)) != MT_OK) router.ops->close(router.ctx);
    return st;
}

static void end(fetching *f)
{
    mt_close(f->db);
    mt_group_unref(f->group);
    mt_space_free(f->space);
    if (f->loop) cli_storage_loop_settle(f->loop);
    mt_secure_unref(f->secure);
    mt_loop_free(f->loop);
}

/* What comes from dialing begins with the address. */
static void complain(const char *address, const char *why)
{
    if (strncmp(why, address, strlen(address)) == 0) (void)cli_complain(EXIT_SYSTEM, "%s", why);
    else (void)cli_complain(EXIT_SYSTEM, "%s: %s", address, why);
}

static bool go_to_all(fetching *f, const char *ca)
{
    const mt_ticket *ticket = f->ticket;
    bool found = false;

    for (size_t i = 0; i < ticket->address_count && !found; i++) {
        if (!(found = go_to(f, ticket->addresses[i], ca))) {
            cli_progress_end();
            complain(ticket->addresses[i], f->err.text);
            continue;
        }
        if (cli_space_file_meet(f->file, ticket->addresses[i], ticket->device) != MT_OK)
            f->file->chain.status = MT_NO_MEMORY;
    }
    return found;
}

cli_exit_code cli_fetch(const mt_ticket *ticket, const uint8_t seed[MT_KEY_LEN], const char *ca,
                        mt_bytes old_chain, cli_space_file *file)
{
    fetching f = {.ticket = ticket, .old_chain = old_chain, .file = file};
    mt_status st = begin(&f, seed);
    bool found = st == MT_OK && go_to_all(&f, ca);

    if (found) st = file->genesis.status != MT_OK ? file->genesis.status : file->chain.status;
    end(&f);
    cli_progress_end();
    if (st != MT_OK)
        return cli_complain(EXIT_SYSTEM, "%s", *f.err.text ? f.err.text : mt_status_text(st));
    return found ? EXIT_DONE : EXIT_SYSTEM;
}
