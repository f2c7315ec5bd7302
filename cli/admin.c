#include "admin_client.h"

#include <stdlib.h>

/* A client is not read while it has so many requests under way. */
#define UNDER_WAY_MAX 64

static void client_free(cli_client *client);

/* ---- Stopping ---- */

static void tell_stopped(cli_admin *admin)
{
    void (*told)(void *ctx) = admin->stopped;

    admin->stopped = NULL;
    admin->options.env->timer_stop(admin->options.env->ctx, &admin->timer);
    if (told) told(admin->stopped_ctx);
}

static bool is_idle(const cli_admin *admin)
{
    if (admin->under_way > 0) return false;
    for (const cli_client *c = admin->clients; c; c = c->next)
        if (cli_link_queued(c->link) > 0) return false;
    return true;
}

/* Looks again in a while: nothing tells of what is on its way to a client. */
#define LOOK_MS 5

static void look(void *arg)
{
    cli_admin *admin = arg;
    const mt_env *env = admin->options.env;

    if (is_idle(admin) || (admin->patience_ms == 0 && admin->under_way == 0)) {
        tell_stopped(admin);
        return;
    }
    admin->patience_ms -= admin->patience_ms < LOOK_MS ? admin->patience_ms : LOOK_MS;
    env->timer_set(env->ctx, &admin->timer, LOOK_MS);
}

void cli_admin_stop(cli_admin *admin, uint64_t patience_ms, void (*stopped)(void *ctx), void *ctx)
{
    const mt_env *env = admin->options.env;

    admin->stopping = true;
    admin->stopped = stopped;
    admin->stopped_ctx = ctx;
    admin->patience_ms = patience_ms;
    for (cli_client *c = admin->clients; c; c = c->next) {
        cli_link_listen(c->link, false);
        cli_client_list_on(c);
    }
    env->timer_set(env->ctx, &admin->timer, 0);
}

/* ---- Sending ---- */

/* Reads from a client, or does not. */
static void flow(cli_client *client)
{
    cli_link_listen(client->link, !client->admin->stopping && !client->removing &&
                                      client->under_way < UNDER_WAY_MAX &&
                                      cli_link_queued(client->link) < CLIENT_QUEUED_MAX);
}

static mt_status send_piece(void *ctx, mt_bytes body)
{
    cli_asked *asked = ctx;

    return cli_link_send(asked->client->link, ADMIN_ANSWER, asked->id, body);
}

/* Without its answer a client would wait for ever. */
static void give_up(cli_client *client, mt_status st)
{
    if (st != MT_OK && st != MT_CLOSED) cli_link_close(client->link);
}

void cli_client_say(cli_client *client, uint64_t id, mt_status status, mt_bytes text, bool more)
{
    cli_text body;

    cli_text_init(&body);
    cli_pack_status(&body, status);
    cli_pack_number(&body, more, 1);
    cli_pack_bytes(&body, text);
    give_up(client, body.status == MT_OK
                        ? cli_link_send(client->link, ADMIN_TEXT, id, mt_buf_bytes(&body.buf))
                        : body.status);
    cli_text_free(&body);
}

/* ---- Requests ---- */

static bool writes(uint8_t kind)
{
    return kind == ADMIN_WRITE || kind == ADMIN_PATCH;
}

static void storage_answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    (void)id;
    cli_asked_answer(ctx, answer);
}

cli_asked *cli_asked_new(cli_client *client, uint8_t kind, uint64_t id)
{
    cli_asked *asked = calloc(1, sizeof *asked);

    if (!asked) return NULL;
    asked->client = client;
    asked->admin = client->admin;
    asked->kind = kind;
    asked->id = id;
    asked->host = (mt_storage_host){storage_answered, asked};
    asked->next = client->asked;
    client->asked = asked;
    client->under_way++;
    client->admin->under_way++;
    client->writes += writes(kind);
    client->removing |= kind == ADMIN_REMOVE;
    return asked;
}

void cli_asked_end(cli_asked *asked)
{
    cli_client *client = asked->client;
    cli_asked **at = client ? &client->asked : NULL;
    bool wrote = writes(asked->kind), removed = asked->kind == ADMIN_REMOVE;

    while (at && *at != asked) at = &(*at)->next;
    if (at) *at = asked->next;
    asked->admin->under_way--;
    free(asked->list);
    free(asked->uids);
    free(asked);
    if (!client) return;
    client->under_way--;
    client->writes -= wrote;
    client->removing &= !removed;
    if (wrote) cli_client_wrote(client);
    flow(client);
}

void cli_asked_answer(cli_asked *asked, const mt_storage_answer *answer)
{
    cli_admin *admin = asked->admin;
    const mt_storage *inner = cli_shared_storage_inner(admin->options.storage);
    uint64_t bytes = 0;

    if (answer->info && inner->ops->bytes) bytes = inner->ops->bytes(inner->ctx);
    if (asked->client)
        give_up(asked->client, cli_admin_send_answer(answer, bytes, send_piece, asked));
    if (!answer->more) cli_asked_end(asked);
}

void cli_asked_started(cli_asked *asked, mt_status status, const char *text)
{
    mt_storage_answer refused = {.status = status, .text = text ? text : mt_status_text(status)};

    if (status != MT_OK) cli_asked_answer(asked, &refused);
}

static mt_status start_read(cli_client *client, uint64_t id, cli_unpacking *from)
{
    const mt_storage *inner = cli_shared_storage_inner(client->admin->options.storage);
    cli_admin_keys keys;
    cli_asked *asked;
    mt_status st = cli_admin_take_keys(from, &keys);

    if (st != MT_OK) return st;
    if ((asked = cli_asked_new(client, ADMIN_READ, id)))
        cli_asked_started(
            asked, inner->ops->read(inner->ctx, &asked->host, id, keys.keys, keys.count), NULL);
    free(keys.keys);
    free(keys.names);
    return asked ? MT_OK : MT_NO_MEMORY;
}

static mt_status start_records(cli_client *client, uint64_t id, cli_unpacking *from)
{
    const mt_storage *inner = cli_shared_storage_inner(client->admin->options.storage);
    cli_admin_page page;
    cli_asked *asked;
    mt_status st = cli_admin_take_page(from, &page);

    if (st != MT_OK) return st;
    if (!(asked = cli_asked_new(client, ADMIN_RECORDS, id))) return MT_NO_MEMORY;
    st = inner->ops->records(inner->ctx, &asked->host, id, page.prefix, page.after, page.limit);
    cli_asked_started(asked, st, NULL);
    return MT_OK;
}

static mt_status start_changes(cli_client *client, uint64_t id, cli_unpacking *from)
{
    const mt_storage *inner = cli_shared_storage_inner(client->admin->options.storage);
    mt_cursor since;
    size_t limit;
    cli_asked *asked;
    mt_status st = cli_admin_take_since(from, &since, &limit);

    if (st != MT_OK) return st;
    if (!(asked = cli_asked_new(client, ADMIN_CHANGES, id))) return MT_NO_MEMORY;
    cli_asked_started(asked, inner->ops->changes(inner->ctx, &asked->host, id, &since, limit),
                      NULL);
    return MT_OK;
}

static mt_status print(cli_client *client, uint8_t kind, uint64_t id, cli_unpacking *from)
{
    const cli_admin_options *options = &client->admin->options;
    cli_admin_form form;
    cli_output out;
    mt_bytes text;
    mt_status st;

    cli_admin_take_form(from, &form);
    if (!cli_unpack_end(from)) return MT_MALFORMED;
    cli_output_memory(&out, form.color);
    options->print(options->ctx, kind, &form, &out);
    st = out.text.status;
    text = st == MT_OK ? mt_buf_bytes(&out.text.buf) : mt_str(mt_status_text(st));
    cli_client_say(client, id, st, text, false);
    cli_text_free(&out.text);
    return MT_OK;
}

static mt_status start(cli_client *client, uint8_t kind, uint64_t id, mt_bytes body)
{
    cli_unpacking from = {.rest = body};

    switch (kind) {
    case ADMIN_OPEN: return body.len == 0 ? cli_client_open(client, id) : MT_MALFORMED;
    case ADMIN_READ: return start_read(client, id, &from);
    case ADMIN_WRITE: return cli_client_write(client, id, body);
    case ADMIN_PATCH: return cli_client_patch(client, id, body);
    case ADMIN_REMOVE: return cli_client_remove(client, id, body);
    case ADMIN_LIST: return cli_client_list(client, id, body);
    case ADMIN_RECORDS: return start_records(client, id, &from);
    case ADMIN_CHANGES: return start_changes(client, id, &from);
    case ADMIN_STATUS:
    case ADMIN_PEERS:
    case ADMIN_WHO:
    case ADMIN_DOCTOR: return print(client, kind, id, &from);
    case ADMIN_SHARE: return cli_client_share(client, id, body);
    case ADMIN_REVOKE: return cli_client_revoke(client, id, body);
    case ADMIN_VISIT: return cli_client_visit(client, id, body);
    case ADMIN_WATCH: return cli_client_watch(client, id, body);
    default: return MT_UNSUPPORTED;
    }
}

/* Who says what cannot be understood gets no answer, for it is not known what would be one. */
static void on_message(void *ctx, uint8_t kind, uint64_t id, mt_bytes body)
{
    cli_client *client = ctx;
    mt_status st = start(client, kind, id, body);

    if (st == MT_OK) flow(client);
    else cli_link_close(client->link);
}

static void on_drained(void *ctx)
{
    cli_client *client = ctx;

    cli_client_list_on(client);
    flow(client);
}

static void on_ended(void *ctx, const mt_error *why)
{
    (void)why;
    client_free(ctx);
}

static const cli_link_ops link_ops = {
    .message = on_message, .drained = on_drained, .ended = on_ended};

/* ---- Clients ---- */

static void client_drop(cli_client *client)
{
    client->admin->count--;
    for (cli_asked *asked = client->asked; asked; asked = asked->next) asked->client = NULL;
    cli_client_list_on(client);
    if (client->waiting) cli_asked_end(client->waiting);
    cli_client_unwatch(client);
    cli_client_unvisit(client);
    cli_link_free(client->link);
    cli_text_free(&client->remove);
    free(client);
}

static void client_free(cli_client *client)
{
    cli_client **at = &client->admin->clients;

    while (*at != client) at = &(*at)->next;
    *at = client->next;
    client_drop(client);
}

mt_status cli_admin_take(cli_admin *admin, mt_connection *connection)
{
    cli_client *client = calloc(1, sizeof *client);
    mt_status st;

    if (!client) return MT_NO_MEMORY;
    client->admin = admin;
    cli_text_init(&client->remove);
    if ((st = cli_link_new(connection, &link_ops, client, &client->link)) != MT_OK) {
        free(client);
        return st;
    }
    client->next = admin->clients;
    admin->clients = client;
    admin->count++;
    flow(client);
    return MT_OK;
}

size_t cli_admin_count(const cli_admin *admin)
{
    return admin->count;
}

mt_status cli_admin_new(const cli_admin_options *options, cli_admin **out)
{
    cli_admin *admin = calloc(1, sizeof *admin);

    if (!admin) return MT_NO_MEMORY;
    admin->options = *options;
    admin->timer = (mt_timer){.fire = look, .arg = admin};
    *out = admin;
    return MT_OK;
}

void cli_admin_free(cli_admin *admin)
{
    if (!admin) return;
    admin->options.env->timer_stop(admin->options.env->ctx, &admin->timer);
    for (cli_client *client = admin->clients, *next; client; client = next) {
        next = client->next;
        client_drop(client);
    }
    free(admin);
}
