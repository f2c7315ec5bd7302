/* A daemon as a device of a space: its identity, tickets for those who are to come, and what was refused. */
#include "serve.h"

#include "clock.h"
#include "hex.h"
#include "keys.h"
#include "message.h"
#include "save.h"
#include "shown.h"

#include <mytosis/host.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Its identity ---- */

cli_exit_code cli_serve_space_load(cli_serving *s)
{
    cli_exit_code code = cli_space_file_load(s->path, &s->space_file);

    if (code != EXIT_DONE || !cli_space_file_is_there(&s->space_file)) return code;
    code = cli_key_load(s->path, KEY_DEVICE, s->seed);
    if (code != EXIT_DONE) cli_serve_space_end(s);
    return code == EXIT_DIFFERENT ? EXIT_INPUT : code;
}

mt_status cli_serve_space_begin(cli_serving *s, mt_error *err)
{
    if (!cli_space_file_is_there(&s->space_file)) return MT_OK;
    return cli_member_new(s->env, s->path, &s->space_file, s->seed, &s->member, err);
}

mt_status cli_serve_space_follow(cli_serving *s, mt_error *err)
{
    mt_bytes chain = mt_buf_bytes(&s->space_file.chain.buf), none = {NULL, 0};
    mt_status st = s->member ? cli_member_follow(s->member, s->db, err) : MT_OK;

    /* What this device may is known to all, too. */
    if (st == MT_OK && s->member)
        (void)!mt_space_publish(s->member->space, s->db, chain, none, NULL, NULL);
    if (st != MT_OK || !s->member || !cli_log_begin(&s->log, LOG_INFO, "space")) return st;
    cli_serve_log_hex(s, "space", mt_space_id(s->member->space), MT_SPACE_LEN);
    cli_serve_log_hex(s, "device", mt_secure_device(s->member->secure), MT_DEVICE_LEN);
    cli_log_end(&s->log);
    if (s->member->unfit.status != MT_OK)
        cli_log_line(&s->log, LOG_WARNING, "no-rights", "error", mt_str(s->member->unfit.text));
    return MT_OK;
}

cli_exit_code cli_serve_space_note(cli_serving *s)
{
    if (s->config.settings[SETTING_LISTEN].count == 0) return EXIT_DONE;
    cli_space_file_deafen(&s->space_file);
    for (size_t i = 0; i < s->listener_count; i++)
        if (cli_space_file_listen(&s->space_file, mt_server_url(s->listeners[i])) != MT_OK)
            return cli_complain(EXIT_SYSTEM, "out of memory");
    return cli_space_file_save(s->path, &s->space_file);
}

void cli_serve_space_end(cli_serving *s)
{
    cli_member_free(s->member);
    s->member = NULL;
    cli_space_file_free(&s->space_file);
    mt_crypto_sodium()->wipe(NULL, s->seed, sizeof s->seed);
}

void cli_serve_log_hex(cli_serving *s, const char *key, const uint8_t *bytes, size_t len)
{
    cli_text text;

    cli_text_init(&text);
    cli_hex_add(&text, bytes, len);
    cli_log_text(&s->log, key, mt_buf_bytes(&text.buf));
    cli_text_free(&text);
}

/* ---- Where it is found ---- */

typedef struct places {
    char *urls[MT_TICKET_ADDRESSES_MAX];
    size_t count;
} places;

static void add_place(places *p, const char *url)
{
    if (p->count == MT_TICKET_ADDRESSES_MAX || strlen(url) > MT_TICKET_ADDRESS_LEN_MAX) return;
    if ((p->urls[p->count] = strdup(url))) p->count++;
}

static bool is_elsewhere(const struct ifaddrs *at, int family)
{
    const struct sockaddr_in6 *address6 = (const void *)at->ifa_addr;

    if (!at->ifa_addr || at->ifa_addr->sa_family != family) return false;
    if (!(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK) return false;
    return family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&address6->sin6_addr);
}

/* The URL with an address in the place of the one that stands for all. */
static void add_address(places *p, const char *url, const char *all, const struct sockaddr *address)
{
    const char *at = strstr(url, all);
    bool is_six = address->sa_family == AF_INET6;
    const void *bytes =
        is_six ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
               : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    char text[INET6_ADDRSTRLEN], made[MT_CONNECTION_ID_LEN_MAX + INET6_ADDRSTRLEN];

    if (!inet_ntop(address->sa_family, bytes, text, sizeof text)) return;
    (void)snprintf(made, sizeof made, "%.*s%s%s%s%s", (int)(at - url), url, is_six ? "[" : "", text,
                   is_six ? "]" : "", at + strlen(all));
    add_place(p, made);
}

/* A listener at all addresses is found at each that the machine has, this machine's own where it has no other. */
static void add_all(places *p, const char *url, const char *all, int family)
{
    struct ifaddrs *first = NULL;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    size_t before = p->count;

    if (getifaddrs(&first) != 0) first = NULL;
    for (const struct ifaddrs *at = first; at; at = at->ifa_next)
        if (is_elsewhere(at, family)) add_address(p, url, all, at->ifa_addr);
    if (first) freeifaddrs(first);
    if (p->count == before) add_address(p, url, all, (const struct sockaddr *)(const void *)&own);
}

static void find_places(const cli_serving *s, places *p)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        const char *url = mt_server_url(s->listeners[i]);

        if (strstr(url, "//0.0.0.0:")) add_all(p, url, "0.0.0.0", AF_INET);
        else if (strstr(url, "//[::]:")) add_all(p, url, "[::]", AF_INET6);
        else add_place(p, url);
    }
}

mt_status cli_serve_share(cli_serving *s, const cli_invitation *invitation, cli_text *line,
                          mt_error *err)
{
    places p = {.count = 0};
    mt_status st = MT_INVALID;

    *err = (mt_error){st, "the daemon has no space yet: stop it, and run mytosis share again"};
    if (!s->member) return st;
    find_places(s, &p);
    *err = (mt_error){st, "the daemon listens nowhere: start it with --listen"};
    if (p.count > 0)
        st = cli_member_invite(s->member, invitation, (const char *const *)p.urls, p.count, line,
                               err);
    for (size_t i = 0; i < p.count; i++) free(p.urls[i]);
    return st;
}

/* ---- What was refused ---- */

void cli_serve_refused(cli_serving *s, mt_connection *connection, const char *why)
{
    cli_refusal *last = &s->refusals[s->refusal_count % REFUSALS_KEPT];
    const uint8_t *device = mt_connection_device(connection);
    mt_bytes id = mt_connection_id(connection);

    s->refusal_count++;
    memset(last, 0, sizeof *last);
    last->at_ms = s->env->now_ms(s->env->ctx);
    (void)snprintf(last->link, sizeof last->link, "%.*s", (int)id.len, (const char *)id.data);
    (void)snprintf(last->why, sizeof last->why, "%s", why);
    last->is_known = device != NULL;
    if (device) memcpy(last->device, device, sizeof last->device);
    if (!cli_log_begin(&s->log, LOG_WARNING, "refused")) return;
    cli_log_text(&s->log, "id", id);
    if (device) cli_serve_log_hex(s, "device", device, MT_DEVICE_LEN);
    cli_log_text(&s->log, "error", mt_str(why));
    cli_log_end(&s->log);
}

/* Those that are kept, the last one first. */
static const cli_refusal *refusal_at(const cli_serving *s, size_t at)
{
    size_t kept = s->refusal_count < REFUSALS_KEPT ? (size_t)s->refusal_count : REFUSALS_KEPT;

    return at < kept ? &s->refusals[(s->refusal_count - 1 - at) % REFUSALS_KEPT] : NULL;
}

void cli_serve_refusals_print(const cli_serving *s, cli_table *table, cli_output *out)
{
    const cli_refusal *r;

    for (size_t i = 0; (r = refusal_at(s, i)); i++) {
        cli_text *cell = cli_table_named(table, out, i == 0 ? "refused" : "");

        cli_clock_add_ms(cell, r->at_ms);
        cli_text_str(cell, r->is_known ? ", device " : ", ");
        if (r->is_known) cli_hex_add(cell, r->device, HEX_SHORT / 2);
        else cli_shown_raw(cell, mt_str(r->link));
        cli_text_str(cell, ": ");
        cli_shown_raw(cell, mt_str(r->why));
    }
}

void cli_serve_refusals_save(const cli_serving *s, cli_text *text)
{
    const cli_refusal *r;

    cli_text_str(text, ",\"refused\":[");
    for (size_t i = 0; (r = refusal_at(s, i)); i++) {
        cli_text_str(text, i > 0 ? ",{\"link\":" : "{\"link\":");
        cli_text_note(text, mt_json_string(mt_str(r->link), &text->buf));
        if (r->is_known) {
            cli_text_str(text, ",\"device\":\"");
            cli_hex_add(text, r->device, MT_DEVICE_LEN);
            cli_text_str(text, "\"");
        }
        cli_text_str(text, ",\"why\":");
        cli_text_note(text, mt_json_string(mt_str(r->why), &text->buf));
        cli_save_number(text, "at_ms", r->at_ms);
        cli_text_str(text, "}");
    }
    cli_text_str(text, "]");
}
