/* sensor_fleet.c - sensors that report to a hub, each in its own place, and a dashboard that only looks.
 *
 * The hub begins a space and gives each device a token: a sensor may write below sensor/ and its number, and read
 * nothing; the dashboard may read all of that, and write nothing. The links are encrypted, and each device proves who it
 * is. The hub asks nobody for what they may not write; a hook lets the dashboard's program know at once. Here they are in
 * one process; nothing else would change if not. It prints:
 *
 *     the hub has sensor/1/now=21.5 sensor/2/now=19
 *     the dashboard has sensor/1/now=21.5 sensor/2/now=19
 *     sensor 1 has sensor/1/now=21.5
 *     the dashboard wants to write: the token does not give this right
 *     sensor 2 has sensor/1/now=99 sensor/2/now=20
 *     the hub has sensor/1/now=21.5 sensor/2/now=20
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <mytosis/space.h>
#include <stdio.h>
#include <stdlib.h>

#define YEAR ((uint64_t)365 * 24 * 3600000)

typedef struct device {
    const char *name;
    const mt_env *env;
    uint8_t seed[MT_KEY_LEN]; /* in earnest in a file that nobody else can read */
    mt_buf chain;             /* what it may; the hub is the root, and needs none */
    mt_space *space;
    mt_secure *secure;
    mt_group *links;
    mt_connection *up; /* to the hub */
    mt_db *db;
} device;

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "sensor_fleet: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

/* Says no to the program's own writes that no other device would take. */
static void check_own(void *ctx, mt_action *action)
{
    const device *d = ctx;
    size_t count, i = 0;
    const mt_row *rows = mt_action_rows(action, &count);
    const uint8_t *own = mt_secure_device(d->secure);
    mt_error why = {MT_OK, ""};

    while (i < count && mt_space_may(d->space, own, MT_RIGHT_WRITE, rows[i].uid, &why) == MT_OK)
        i++;
    if (i == count) mt_action_pass(action);
    else mt_action_refuse(action, MT_REFUSED, why.text);
}

/* With its seed and its chain. What each peer may its own chain says, at the hub; a device takes all from the hub. */
static void begin(device *d, mt_bytes genesis, bool is_hub, bool is_checked)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes papers = mt_buf_bytes(&d->chain);
    mt_space_options space = {.size = sizeof space, .crypto = crypto, .genesis = genesis};
    mt_secure_options secure = {
        .size = sizeof secure, .crypto = crypto, .seed = d->seed, .papers = papers};
    mt_sync_options sync = {.size = sizeof sync, .rights = is_hub ? mt_space_rights : NULL};
    mt_hook hook = {.point = MT_BEFORE_WRITE, .run = check_own, .ctx = d};
    mt_config config = {.size = sizeof config, .env = d->env, .group = d->links, .app = d};
    mt_secure_visitor self = {.size = sizeof self, .papers = papers};
    mt_error err = {MT_OK, ""};
    mt_router router;

    must(mt_space_new(d->env, &space, &d->space, &err), &err);
    secure.space = mt_space_id(d->space);
    secure.admit = is_hub ? mt_space_admit : NULL;
    secure.ctx = sync.rights_ctx = d->space;
    must(mt_secure_new(d->env, &secure, &d->secure, &err), &err);
    self.device = mt_secure_device(d->secure);
    if (is_checked) must(mt_space_admit(d->space, &self, NULL, &err), &err);
    must(mt_router_sync(d->env, &sync, &router, &err), &err);
    config.router = &router;
    config.hooks = &hook;
    config.hook_count = is_checked ? 1 : 0;
    must(mt_open((const mt_config *[]){&config}, 1, &d->db, &err), &err);
}

/* What the hub gives a device: for a year, some rights in one place. */
static void give(const device *hub, mt_bytes genesis, device *to, unsigned rights,
                 const char *where)
{
    uint64_t now_ms = hub->env->now_ms(hub->env->ctx);
    uint8_t key[MT_SIGNING_KEY_LEN];
    mt_bytes prefix = mt_str(where);
    mt_token token = {.size = sizeof token,
                      .rights = rights,
                      .device = key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN,
                      .prefixes = &prefix,
                      .prefix_count = 1,
                      .not_before_ms = now_ms,
                      .not_after_ms = now_ms + YEAR};
    mt_error err = {MT_OK, ""};

    mt_crypto_sodium()->signing_key(NULL, to->seed, key);
    must(mt_token_issue(hub->env, mt_crypto_sodium(), genesis, hub->seed, (mt_bytes){NULL, 0},
                        &token, &to->chain, &err),
         &err);
}

static void link_up(device *d, const device *hub, const char *url)
{
    mt_secure_peer to = {.size = sizeof to, .device = mt_secure_device(hub->secure)};
    mt_error err = {MT_OK, ""};
    mt_connection *link;

    must(mt_dial(d->env, url, NULL, &link, &err), &err);
    must(mt_secure_dial(d->secure, link, &to, &d->up, &err), &err);
    mt_connection_unref(link);
    must(mt_group_add(d->links, d->up), mt_group_error(d->links));
}

static void measure(const device *d, const char *uid, double value)
{
    mt_field field = {.name = mt_str("value"), .value = mt_number(value)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    if (mt_write_wait(d->db, &row, 1, NULL, NULL) != MT_OK)
        printf("%s wants to write: %s\n", d->name, mt_db_error(d->db)->text);
}

/* The value of a node; no sensor measures -1. */
static double value_of(const device *d, const char *uid)
{
    const mt_node *node = mt_peek(d->db, mt_str(uid));
    mt_field field;

    return node && mt_node_get(node, mt_str("value"), &field) == MT_OK ? field.value.as.number : -1;
}

static void wait_for(const device *d, const char *uid, double value)
{
    while (value_of(d, uid) != value) must(d->env->turn(d->env->ctx), NULL);
}

static void show(const device *d)
{
    printf("%s has", d->name);
    for (unsigned i = 1; i <= 2; i++) {
        char uid[16];

        (void)snprintf(uid, sizeof uid, "sensor/%u/now", i);
        if (value_of(d, uid) >= 0) printf(" %s=%g", uid, value_of(d, uid));
    }
    printf("\n");
}

static void end(device *d)
{
    mt_close(d->db);
    if (d->up) mt_connection_close(d->up);
    mt_connection_unref(d->up);
    mt_group_unref(d->links);
    mt_space_free(d->space);
    mt_secure_unref(d->secure);
    mt_buf_free(&d->chain);
}

int main(void)
{
    device all[] = {
        {.name = "the hub"}, {.name = "sensor 1"}, {.name = "sensor 2"}, {.name = "the dashboard"}};
    device *hub = &all[0], *first = &all[1], *second = &all[2], *dashboard = &all[3];
    uint8_t recovery[MT_KEY_LEN] = {0}; /* none is kept here */
    mt_buf record = {.mem = mt_mem_system()};
    mt_error err = {MT_OK, ""};
    mt_secure_server *secured;
    mt_server *server;
    mt_bytes genesis;
    mt_loop *loop;

    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    for (device *d = all; d <= dashboard; d++) {
        d->env = mt_loop_env(loop);
        d->chain.mem = mt_mem_system();
        must(d->env->entropy(d->env->ctx, d->seed, sizeof d->seed), NULL);
        must(mt_group_new(mt_mem_system(), &d->links), NULL);
    }
    must(mt_genesis_make(mt_crypto_sodium(), hub->seed, recovery, 0, &record, &err), &err);
    genesis = mt_buf_bytes(&record);
    give(hub, genesis, first, MT_RIGHT_WRITE, "sensor/1/");
    give(hub, genesis, second, MT_RIGHT_WRITE, "sensor/2/");
    give(hub, genesis, dashboard, MT_RIGHT_READ, "sensor/");

    for (device *d = all; d <= dashboard; d++) begin(d, genesis, d == hub, d == dashboard);
    must(mt_server_new(hub->env, "tcp://127.0.0.1:0", NULL, &server, &err), &err);
    must(mt_secure_serve(hub->secure, mt_server_group(server), &secured, &err), &err);
    must(mt_group_follow(hub->links, mt_secure_server_group(secured)), mt_group_error(hub->links));
    for (device *d = first; d <= dashboard; d++) link_up(d, hub, mt_server_url(server));

    measure(first, "sensor/1/now", 21.5);
    measure(second, "sensor/2/now", 19);
    wait_for(dashboard, "sensor/1/now", 21.5);
    wait_for(dashboard, "sensor/2/now", 19);
    show(hub);
    show(dashboard);
    show(first);

    measure(dashboard, "sensor/1/now", 0);
    measure(second, "sensor/1/now", 99); /* without a hook: it stays in this replica */
    measure(second, "sensor/2/now", 20);
    wait_for(hub, "sensor/2/now", 20);
    show(second);
    show(hub);

    for (device *d = dashboard; d >= first; d--) end(d);
    mt_secure_server_free(secured);
    end(hub);
    mt_server_close(server);
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    mt_buf_free(&record);
    mt_loop_free(loop);
    return 0;
}
