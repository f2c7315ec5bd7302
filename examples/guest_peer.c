/* guest_peer.c - a home that a guest's phone may see a part of, over a link that nobody else can read.
 *
 * The home begins a space, and gives the phone a token: for an hour it may read and write what is in guests/. The phone
 * shows that when it comes, and talks to nobody but the home. Here they are in one process; nothing else would change if
 * not. It prints:
 *
 *     the home has guests/wifi guests/wishes/1 diary/monday
 *     the phone has guests/wifi guests/wishes/1 letters/1
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <mytosis/space.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR ((uint64_t)3600000)

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "guest_peer: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

/* In earnest the secret of a device is kept in a file that nobody else can read. */
static void draw(const mt_env *env, uint8_t seed[MT_KEY_LEN])
{
    must(env->entropy(env->ctx, seed, MT_KEY_LEN), NULL);
}

/* The home is the root of its space: whoever has this secret decides who comes. */
static mt_space *begin_space(const mt_env *env, const uint8_t *root, mt_buf *genesis)
{
    uint8_t recovery[MT_KEY_LEN] = {0}; /* none is kept here */
    mt_space_options options = {.size = sizeof options, .crypto = mt_crypto_sodium()};
    mt_error err = {MT_OK, ""};
    mt_space *space;

    must(mt_genesis_make(options.crypto, root, recovery, 0, genesis, &err), &err);
    options.genesis = mt_buf_bytes(genesis);
    must(mt_space_new(env, &options, &space, &err), &err);
    return space;
}

/* What the home gives the phone: a chain of one token, which says what its device may, and until when. */
static void invite(const mt_env *env, mt_bytes genesis, const uint8_t *root, const uint8_t *phone,
                   mt_buf *chain)
{
    uint8_t key[MT_SIGNING_KEY_LEN];
    mt_bytes guests = mt_str("guests/");
    mt_token token = {.size = sizeof token,
                      .rights = MT_RIGHT_READ | MT_RIGHT_WRITE,
                      .device = key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN,
                      .prefixes = &guests,
                      .prefix_count = 1,
                      .not_before_ms = env->now_ms(env->ctx),
                      .not_after_ms = env->now_ms(env->ctx) + HOUR};
    mt_error err = {MT_OK, ""};

    mt_crypto_sodium()->signing_key(NULL, phone, key);
    must(mt_token_issue(env, mt_crypto_sodium(), genesis, root, (mt_bytes){NULL, 0}, &token, chain,
                        &err),
         &err);
}

/* A device of the space; who admits others does so by what they show. */
static mt_secure *device(const mt_env *env, const uint8_t *seed, mt_space *space, bool admits,
                         mt_bytes papers)
{
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = mt_space_id(space),
                                 .papers = papers,
                                 .admit = admits ? mt_space_admit : NULL,
                                 .ctx = space};
    mt_error err = {MT_OK, ""};
    mt_secure *secure;

    must(mt_secure_new(env, &options, &secure, &err), &err);
    return secure;
}

/* `space` says what each peer may; NULL: everything. */
static mt_db *open_peer(const mt_env *env, mt_group *links, mt_space *space)
{
    mt_sync_options options = {
        .size = sizeof options, .rights = space ? mt_space_rights : NULL, .rights_ctx = space};
    mt_router router;
    mt_config config = {.size = sizeof config, .env = env, .group = links};
    mt_error err = {MT_OK, ""};
    mt_db *db;

    must(mt_router_sync(env, &options, &router, &err), &err);
    config.router = &router;
    must(mt_open((const mt_config *[]){&config}, 1, &db, &err), &err);
    return db;
}

static void set(mt_db *db, const char *uid, const char *text)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    must(mt_write_wait(db, &row, 1, NULL, NULL), mt_db_error(db));
}

static bool has(mt_db *db, const char *uid)
{
    return mt_peek(db, mt_str(uid)) != NULL;
}

static void show(const char *who, mt_db *db)
{
    static const char *const uids[] = {"guests/wifi", "guests/wishes/1", "diary/monday",
                                       "letters/1"};

    printf("the %s has", who);
    for (size_t i = 0; i < sizeof uids / sizeof *uids; i++)
        if (has(db, uids[i])) printf(" %s", uids[i]);
    printf("\n");
}

int main(void)
{
    mt_secure_peer to = {.size = sizeof to};
    mt_buf genesis = {.mem = mt_mem_system()}, chain = {.mem = mt_mem_system()};
    uint8_t root[MT_KEY_LEN], phone_seed[MT_KEY_LEN];
    mt_error err = {MT_OK, ""};
    mt_secure *home_device, *phone_device;
    mt_secure_server *secured;
    mt_connection *link, *to_home;
    mt_db *home, *phone;
    mt_server *server;
    mt_space *space;
    mt_group *links;
    const mt_env *env;
    mt_loop *loop;

    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    env = mt_loop_env(loop);
    draw(env, root);
    draw(env, phone_seed);
    space = begin_space(env, root, &genesis);
    invite(env, mt_buf_bytes(&genesis), root, phone_seed, &chain);
    home_device = device(env, root, space, true, (mt_bytes){NULL, 0});
    phone_device = device(env, phone_seed, space, false, mt_buf_bytes(&chain));
    to.device = mt_secure_device(home_device);

    must(mt_server_new(env, "tcp://127.0.0.1:0", NULL, &server, &err), &err);
    must(mt_secure_serve(home_device, mt_server_group(server), &secured, &err), &err);
    must(mt_group_new(mt_mem_system(), &links), NULL);
    home = open_peer(env, mt_secure_server_group(secured), space);
    phone = open_peer(env, links, NULL);
    set(home, "guests/wifi", "the password is on the fridge");
    set(home, "diary/monday", "nobody reads this");
    set(phone, "guests/wishes/1", "more pillows");
    set(phone, "letters/1", "not for the home");

    must(mt_dial(env, mt_server_url(server), NULL, &link, &err), &err);
    must(mt_secure_dial(phone_device, link, &to, &to_home, &err), &err);
    mt_connection_unref(link);
    must(mt_group_add(links, to_home), mt_group_error(links));
    while (!has(home, "guests/wishes/1") || !has(phone, "guests/wifi"))
        must(env->turn(env->ctx), NULL);
    show("home", home);
    show("phone", phone);

    mt_close(phone);
    mt_close(home);
    mt_connection_close(to_home);
    mt_connection_unref(to_home);
    mt_group_unref(links);
    mt_secure_server_free(secured);
    mt_server_close(server);
    mt_space_free(space);
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    mt_secure_unref(phone_device);
    mt_secure_unref(home_device);
    mt_buf_free(&chain);
    mt_buf_free(&genesis);
    mt_loop_free(loop);
    return 0;
}
