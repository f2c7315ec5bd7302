/* guest_peer.c - a home that a guest's phone may see a part of, over a link that nobody else can read.
 *
 * Each has a secret of its own, and both know the id of their space. The home admits the phone by its key, and
 * lets it read what is in guests/ and write what is in guests/wishes/; the phone talks to nobody but the home. Here
 * they are in one process; nothing else would change if not. */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "guest_peer: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

/* What the home knows of the phone. */
static uint8_t phone_key[MT_DEVICE_LEN];

/* Both may be at the other end of a link of the other, and nobody else. */
static mt_status admit(void *ctx, const uint8_t *device, mt_bytes papers, mt_connection *connection,
                       mt_error *why)
{
    (void)ctx, (void)papers, (void)connection;
    if (memcmp(device, phone_key, MT_DEVICE_LEN) == 0) return MT_OK;
    snprintf(why->text, sizeof why->text, "a device that nobody has invited");
    return why->status = MT_REFUSED;
}

/* The home is asked this of each device that it has admitted. */
static mt_status guest_rights(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                              mt_error *why)
{
    static mt_sync_range read, write;

    (void)ctx, (void)connection, (void)why;
    read.prefix = mt_str("guests/");
    write.prefix = mt_str("guests/wishes/");
    *rights = (mt_sync_rights){&read, 1, &write, 1};
    return MT_OK;
}

/* In earnest the secret of a device is kept in a file that nobody else can read, and the id of the space comes
 * with the invitation. */
static mt_secure *device(const mt_env *env, bool is_home)
{
    static const uint8_t space[MT_SPACE_LEN] = "the id of this very small space";
    uint8_t seed[MT_KEY_LEN];
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = space,
                                 .admit = is_home ? admit : NULL};
    mt_error err = {MT_OK, ""};
    mt_secure *secure;

    must(env->entropy(env->ctx, seed, sizeof seed), NULL);
    must(mt_secure_new(env, &options, &secure, &err), &err);
    return secure;
}

static mt_db *open_peer(const mt_env *env, mt_group *links, bool is_home)
{
    mt_sync_options options = {.size = sizeof options, .rights = is_home ? guest_rights : NULL};
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
    mt_error err = {MT_OK, ""};
    mt_secure *home_device, *phone_device;
    mt_secure_server *secured;
    mt_connection *link, *to_home;
    mt_db *home, *phone;
    mt_server *server;
    mt_group *links;
    const mt_env *env;
    mt_loop *loop;

    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    env = mt_loop_env(loop);
    home_device = device(env, true);
    phone_device = device(env, false);
    memcpy(phone_key, mt_secure_device(phone_device), sizeof phone_key);
    to.device = mt_secure_device(home_device);

    must(mt_server_new(env, "tcp://127.0.0.1:0", NULL, &server, &err), &err);
    must(mt_secure_serve(home_device, mt_server_group(server), &secured, &err), &err);
    must(mt_group_new(mt_mem_system(), &links), NULL);
    home = open_peer(env, mt_secure_server_group(secured), true);
    phone = open_peer(env, links, false);
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
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    mt_secure_unref(phone_device);
    mt_secure_unref(home_device);
    mt_loop_free(loop);
    return 0;
}
