/* space_peer.c - a home, a tablet and a phone that become one space, and a phone that leaves it.
 *
 * The home begins the space and writes two tickets. Tablet and phone come with them, and find in the graph what they
 * may: all that is in notes/. The phone then talks to the tablet alone, and when the home takes back what the phone
 * was given, it is the tablet that refuses it. Here all three are in one process; nothing else would change if not.
 * What the mytosis command does besides: it keeps keys, records and tickets in files. It prints:
 *
 *     the phone has notes/1
 *     the tablet refuses the phone: the token was revoked
 *     the tablet has notes/2
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <mytosis/space.h>
#include <mytosis/ticket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clocks of devices differ: what is given now is good from some minutes ago. */
#define SKEW_MS ((uint64_t)10 * 60000)

typedef struct peer {
    const mt_env *env;
    uint8_t seed[MT_KEY_LEN];
    mt_buf genesis, chain; /* the first record of the space, and what this device may */
    mt_space *space;
    mt_hook hooks[MT_SPACE_HOOKS];
    mt_secure *secure;
    mt_group *links;
    mt_server *server;
    mt_secure_server *secured;
    mt_connection *up; /* to the peer that it dials; NULL: none */
    mt_db *db;
    mt_ticket ticket; /* the last that it wrote */
    bool is_used;
} peer;

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "space_peer: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

static void turn(const peer *p)
{
    must(p->env->turn(p->env->ctx), NULL);
}

/* COPIED, instead of what was there. */
static void keep(mt_buf *to, mt_bytes from)
{
    mt_buf_free(to);
    to->data = to->mem->resize(to->mem->ctx, NULL, 0, from.len);
    must(to->data ? MT_OK : MT_NO_MEMORY, NULL);
    memcpy(to->data, from.data, from.len);
    to->len = to->cap = from.len;
}

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    must(result->status, mt_db_error(db));
    *(bool *)ctx = true;
}

/* ---- Tickets and tokens ---- */

/* Appends what a device may behind the chain of who gives it; the root has an empty one. */
static void give(const peer *p, const uint8_t *seed, mt_bytes own, const uint8_t *device,
                 unsigned rights, const char *prefix, mt_buf *chain)
{
    mt_bytes prefixes = mt_str(prefix);
    mt_token token = {.size = sizeof token,
                      .rights = rights,
                      .device = device,
                      .prefixes = &prefixes,
                      .prefix_count = 1,
                      .not_before_ms = p->env->now_ms(p->env->ctx) - SKEW_MS,
                      .not_after_ms = UINT64_MAX};
    mt_error err = {MT_OK, ""};

    must(mt_token_issue(p->env, mt_crypto_sodium(), mt_buf_bytes(&p->genesis), seed, own, &token,
                        chain, &err),
         &err);
}

/* A line that lets one device in within the hour. */
static void invite(peer *p, mt_buf *line)
{
    mt_ticket *t = &p->ticket;
    mt_error err = {MT_OK, ""};

    *t = (mt_ticket){.size = sizeof *t, .address_count = 1};
    memcpy(t->space, mt_space_id(p->space), sizeof t->space);
    t->expires_ms = p->env->now_ms(p->env->ctx) + 3600000;
    snprintf(t->addresses[0], sizeof t->addresses[0], "%s", mt_server_url(p->server));
    must(mt_ticket_make(p->env, mt_crypto_sodium(), p->seed, t, line, &err), &err);
    p->is_used = false;
}

static mt_status ticket_key(void *ctx, const uint8_t id[MT_TICKET_ID_LEN], uint8_t key[MT_KEY_LEN])
{
    const peer *p = ctx;

    if (p->is_used || memcmp(id, p->ticket.id, MT_TICKET_ID_LEN) != 0) return MT_NOT_FOUND;
    if (p->ticket.expires_ms <= p->env->now_ms(p->env->ctx)) return MT_NOT_FOUND;
    memcpy(key, p->ticket.key, MT_KEY_LEN);
    return MT_OK;
}

/* Who has proven to have the ticket is given a token, which it finds in the graph, and let in as if it had shown it. In
 * earnest the same device may come again with its ticket, for it may not have heard; cli/member.c has that. */
static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    mt_buf chain = {.mem = mt_mem_system()};
    mt_secure_visitor shown = *visitor;
    peer *p = ctx;
    mt_status st;

    if (!visitor->ticket) return mt_space_admit(p->space, visitor, connection, why);
    give(p, p->seed, mt_buf_bytes(&p->chain), visitor->device, MT_RIGHT_READ | MT_RIGHT_WRITE,
         "notes/", &chain);
    p->is_used = true;
    shown.papers = mt_buf_bytes(&chain);
    st = mt_space_publish(p->space, p->db, shown.papers, (mt_bytes){NULL, 0}, NULL, NULL);
    if (st == MT_OK) st = mt_space_admit(p->space, &shown, connection, why);
    mt_buf_free(&chain);
    return st;
}

/* ---- A device of the space ---- */

static void rights_changed(void *ctx)
{
    const peer *p = ctx;

    if (p->db) must(mt_db_rights_changed(p->db), mt_db_error(p->db));
}

static void open_db(peer *p)
{
    mt_sync_options sync = {.size = sizeof sync, .rights = mt_space_rights, .rights_ctx = p->space};
    mt_config config = {.size = sizeof config,
                        .env = p->env,
                        .group = p->links,
                        .hooks = p->hooks,
                        .hook_count = MT_SPACE_HOOKS};
    mt_router router;
    mt_error err = {MT_OK, ""};
    bool followed = false;

    mt_space_hooks(p->space, p->hooks);
    must(mt_router_sync(p->env, &sync, &router, &err), &err);
    config.router = &router;
    must(mt_open((const mt_config *[]){&config}, 1, &p->db, &err), &err);
    must(mt_space_follow(p->space, p->db, note, &followed), mt_db_error(p->db));
    while (!followed) turn(p);
}

/* With its seed, the genesis and its chain: from here on it listens. */
static void begin(peer *p)
{
    mt_space_options space = {.size = sizeof space,
                              .crypto = mt_crypto_sodium(),
                              .genesis = mt_buf_bytes(&p->genesis),
                              .changed = rights_changed,
                              .ctx = p};
    mt_secure_options secure = {.size = sizeof secure,
                                .crypto = mt_crypto_sodium(),
                                .seed = p->seed,
                                .papers = mt_buf_bytes(&p->chain),
                                .admit = admit,
                                .ticket = ticket_key,
                                .ctx = p};
    mt_error err = {MT_OK, ""};

    must(mt_space_new(p->env, &space, &p->space, &err), &err);
    secure.space = mt_space_id(p->space);
    must(mt_secure_new(p->env, &secure, &p->secure, &err), &err);
    must(mt_group_new(mt_mem_system(), &p->links), NULL);
    open_db(p);
    must(mt_space_publish(p->space, p->db, secure.papers, (mt_bytes){NULL, 0}, NULL, NULL), NULL);
    must(mt_server_new(p->env, "tcp://127.0.0.1:0", NULL, &p->server, &err), &err);
    must(mt_secure_serve(p->secure, mt_server_group(p->server), &p->secured, &err), &err);
    must(mt_group_follow(p->links, mt_secure_server_group(p->secured)), mt_group_error(p->links));
}

static mt_connection *dial(mt_secure *secure, const peer *p, const char *url,
                           const mt_secure_peer *to, mt_group *links)
{
    mt_connection *link, *secured;
    mt_error err = {MT_OK, ""};

    must(mt_dial(p->env, url, NULL, &link, &err), &err);
    must(mt_secure_dial(secure, link, to, &secured, &err), &err);
    mt_connection_unref(link);
    must(mt_group_add(links, secured), mt_group_error(links));
    return secured;
}

static void link_to(peer *p, const peer *other)
{
    mt_secure_peer to = {.size = sizeof to, .device = mt_secure_device(other->secure)};

    p->up = dial(p->secure, p, mt_server_url(other->server), &to, p->links);
}

static void end(peer *p)
{
    mt_close(p->db);
    if (p->up) mt_connection_close(p->up);
    mt_connection_unref(p->up);
    mt_group_unref(p->links);
    mt_secure_server_free(p->secured);
    mt_server_close(p->server);
    mt_space_free(p->space);
    mt_secure_unref(p->secure);
    mt_buf_free(&p->chain);
    mt_buf_free(&p->genesis);
}

/* ---- Joining ---- */

/* What a database in memory gets for a ticket: what the space says of itself, and nothing else. */
typedef struct joining {
    peer *peer;
    const uint8_t *device;
    bool is_live;
} joining;

static void look_live(void *ctx, const mt_sync_peer *at)
{
    ((joining *)ctx)->is_live |= at->state == MT_SYNC_LIVE;
}

static void take_own(void *ctx, const mt_space_member *member)
{
    const joining *j = ctx;

    if (memcmp(member->token.device, j->device, MT_DEVICE_LEN) != 0) return;
    keep(&j->peer->chain, member->chain);
}

/* The genesis is the right one if the space that it makes is that of the ticket. */
static void take_records(joining *j, mt_db *db, const mt_ticket *ticket)
{
    mt_space_options options = {.size = sizeof options, .crypto = mt_crypto_sodium()};
    const mt_node *node = mt_peek(db, mt_str("@space/genesis"));
    mt_error err = {MT_OK, ""};
    bool followed = false;
    mt_space *space;
    mt_field field;

    if (!node || mt_node_get(node, mt_str("record"), &field) != MT_OK) return;
    options.genesis = field.value.as.bytes;
    must(mt_space_new(j->peer->env, &options, &space, &err), &err);
    if (memcmp(mt_space_id(space), ticket->space, MT_SPACE_LEN) != 0) must(MT_REFUSED, NULL);
    keep(&j->peer->genesis, options.genesis);
    must(mt_space_follow(space, db, note, &followed), mt_db_error(db));
    while (!followed) turn(j->peer);
    mt_space_members(space, take_own, j);
    mt_space_free(space);
}

static void join(peer *p, mt_bytes line)
{
    mt_sync_range records = {.prefix = mt_str("@space/"), .push_none = true};
    mt_sync_options sync = {.size = sizeof sync, .ranges = &records, .range_count = 1};
    mt_secure_options options = {
        .size = sizeof options, .crypto = mt_crypto_sodium(), .seed = p->seed};
    mt_config config = {.size = sizeof config, .env = p->env};
    mt_secure_peer to = {.size = sizeof to};
    joining j = {.peer = p};
    mt_error err = {MT_OK, ""};
    mt_connection *link;
    mt_secure *secure;
    mt_router router;
    mt_ticket ticket;
    mt_db *db;

    must(mt_ticket_read(mt_crypto_sodium(), line, &ticket, &err), &err);
    options.space = ticket.space;
    to.device = ticket.device;
    to.ticket = ticket.id;
    to.ticket_key = ticket.key;
    must(mt_secure_new(p->env, &options, &secure, &err), &err);
    must(mt_group_new(mt_mem_system(), &config.group), NULL);
    must(mt_router_sync(p->env, &sync, &router, &err), &err);
    config.router = &router;
    must(mt_open((const mt_config *[]){&config}, 1, &db, &err), &err);
    j.device = mt_secure_device(secure);
    link = dial(secure, p, ticket.addresses[0], &to, config.group);
    while (p->chain.len == 0) {
        turn(p);
        must(mt_db_status(db, look_live, &j), mt_db_error(db));
        if (j.is_live) take_records(&j, db, &ticket);
    }
    mt_close(db);
    mt_connection_close(link);
    mt_connection_unref(link);
    mt_group_unref(config.group);
    mt_secure_unref(secure);
}

/* ---- Taking back ---- */

/* From the records that the home has: any device of the space has them. */
typedef struct revoking {
    peer *peer;
    const uint8_t *device;
} revoking;

static void revoke_token(void *ctx, const mt_space_member *member)
{
    const revoking *r = ctx;
    const peer *p = r->peer;
    mt_buf record = {.mem = mt_mem_system()};
    mt_error err = {MT_OK, ""};

    if (member->revoked || memcmp(member->token.device, r->device, MT_DEVICE_LEN) != 0) return;
    must(mt_revocation_make(p->env, mt_crypto_sodium(), mt_buf_bytes(&p->genesis), p->seed,
                            member->chain, &record, &err),
         &err);
    must(mt_space_publish(p->space, p->db, member->chain, mt_buf_bytes(&record), NULL, NULL),
         mt_db_error(p->db));
    mt_buf_free(&record);
}

/* ---- All of it ---- */

static void set(const peer *p, const char *uid, const char *text)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    must(mt_write_wait(p->db, &row, 1, NULL, NULL), mt_db_error(p->db));
}

static bool has(const peer *p, const char *uid)
{
    return mt_peek(p->db, mt_str(uid)) != NULL;
}

static void look_refused(void *ctx, const mt_sync_peer *at)
{
    bool *is_refused = ctx;

    if (at->state != MT_SYNC_REFUSED) return;
    printf("the tablet refuses the phone: %s\n", at->error);
    *is_refused = true;
}

static void begin_space(peer *home)
{
    uint8_t root[MT_KEY_LEN], recovery[MT_KEY_LEN] = {0}, key[MT_SIGNING_KEY_LEN];
    mt_error err = {MT_OK, ""};

    must(home->env->entropy(home->env->ctx, root, sizeof root), NULL);
    mt_crypto_sodium()->signing_key(NULL, home->seed, key);
    must(mt_genesis_make(mt_crypto_sodium(), root, recovery, 0, &home->genesis, &err), &err);
    give(home, root, (mt_bytes){NULL, 0}, key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN,
         MT_RIGHT_READ | MT_RIGHT_WRITE | MT_RIGHT_DELEGATE, "", &home->chain);
    begin(home);
}

int main(void)
{
    peer peers[3] = {{0}};
    peer *home = &peers[0], *tablet = &peers[1], *phone = &peers[2];
    bool is_refused = false;
    mt_loop *loop;

    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    for (peer *p = peers; p <= phone; p++) {
        p->env = mt_loop_env(loop);
        p->genesis.mem = p->chain.mem = mt_mem_system();
        must(p->env->entropy(p->env->ctx, p->seed, sizeof p->seed), NULL);
    }
    begin_space(home);
    for (peer *p = tablet; p <= phone; p++) {
        mt_buf line = {.mem = mt_mem_system()};

        invite(home, &line);
        join(p, mt_buf_bytes(&line));
        mt_buf_free(&line);
        begin(p);
        link_to(p, p - 1); /* the tablet to the home, the phone to the tablet */
    }
    set(home, "notes/1", "milk");
    set(home, "diary/1", "not for guests");
    while (!has(phone, "notes/1")) turn(phone);
    printf("the phone has notes/1%s\n", has(phone, "diary/1") ? ", and the diary" : "");

    revoking r = {home, mt_secure_device(phone->secure)};
    mt_space_members(home->space, revoke_token, &r);
    while (!is_refused) {
        turn(tablet);
        must(mt_db_status(tablet->db, look_refused, &is_refused), mt_db_error(tablet->db));
    }
    set(home, "notes/2", "bread");
    while (!has(tablet, "notes/2")) turn(tablet);
    printf("the tablet has notes/2%s\n", has(phone, "notes/2") ? ", and the phone too" : "");

    for (size_t i = 3; i-- > 0;) end(&peers[i]);
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    mt_loop_free(loop);
    return 0;
}
