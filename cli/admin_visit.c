/* Visits: a command has a daemon meet a peer once. */
#include "admin_client.h"

#include "met.h"
#include "tls.h"
#include "visit.h"

#include <stdlib.h>
#include <string.h>

/* How often it is said, at most, how far a visit is. */
#define SAY_MS 250

struct cli_visiting {
    cli_visiting *next;
    cli_client *client;
    uint64_t id;
    bool json;
    char *url;
    cli_visit *visit;
    cli_visit_facts said; /* what the command was told last */
};

static void visiting_drop(cli_visiting *v)
{
    cli_visit_free(v->visit);
    free(v->url);
    free(v);
}

static void visiting_free(cli_visiting *v)
{
    cli_visiting **at = &v->client->visits;

    while (*at != v) at = &(*at)->next;
    *at = v->next;
    visiting_drop(v);
}

static void say_progress(cli_visiting *v, const cli_visit_facts *facts)
{
    if (strcmp(facts->words, v->said.words) == 0 || facts->ms - v->said.ms < SAY_MS) return;
    if (cli_link_queued(v->client->link) > CLIENT_QUEUED_MAX) return;
    v->said = *facts;
    cli_client_say(v->client, v->id, MT_OK, mt_str(facts->words), true);
}

/* Where that fails, it is not known when the peer was met: nothing else is lost. */
static void note_met(const cli_visiting *v, const cli_visit_facts *facts)
{
    mt_bytes peer = {facts->peer, facts->peer_len};

    if (peer.len == 0) return;
    (void)!cli_met_note(v->client->admin->options.db, peer, mt_str(v->url), NULL, NULL);
}

static void hear(void *ctx, const cli_visit_facts *facts, const mt_error *why)
{
    cli_visiting *v = ctx;
    cli_text text;

    if (!why) {
        say_progress(v, facts);
        return;
    }
    cli_text_init(&text);
    if (why->status == MT_OK) {
        note_met(v, facts);
        cli_visit_print(facts, v->url, v->json, &text);
    } else cli_text_str(&text, why->text);
    cli_client_say(v->client, v->id, why->status, mt_buf_bytes(&text.buf), false);
    cli_text_free(&text);
    visiting_free(v);
}

/* A copy that ends with a zero; NULL: no memory, or the text has one in it. */
static char *copy_text(mt_bytes text)
{
    char *copy = memchr(text.data, 0, text.len) ? NULL : malloc(text.len + 1);

    if (!copy) return NULL;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* Certified by `ca`, or as the daemon's own peers are. */
static mt_status begin(cli_visiting *v, mt_bytes ca, mt_error *err)
{
    const cli_admin_options *options = &v->client->admin->options;
    char *named = ca.len > 0 ? copy_text(ca) : NULL;
    const char *file = named || !cli_tls_is_url(v->url) ? named : options->ca;
    mt_status st = MT_NO_MEMORY;
    cli_peer_name name;

    *err = (mt_error){st, "out of memory"};
    if (named || ca.len == 0)
        st = cli_peer_name_read(v->url, options->member ? options->member->file : NULL, &name, err);
    if (st == MT_OK)
        st = cli_visit_new(options->db, options->peers, options->member, &name, file, hear, v,
                           &v->visit, err);
    free(named);
    return st;
}

mt_status cli_client_visit(cli_client *client, uint64_t id, mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_visiting *v;
    cli_admin_form form;
    mt_error err = {MT_OK, ""};
    mt_bytes url, ca = {NULL, 0};

    cli_admin_take_form(&from, &form);
    url = cli_unpack_bytes(&from);
    if (from.rest.len > 0) ca = cli_unpack_bytes(&from);
    if (!cli_unpack_end(&from) || url.len == 0) return MT_MALFORMED;
    if (!(v = calloc(1, sizeof *v))) return MT_NO_MEMORY;
    *v = (cli_visiting){.client = client, .id = id, .json = form.json, .url = copy_text(url)};
    if (!v->url) {
        free(v);
        return MT_NO_MEMORY;
    }
    v->next = client->visits;
    client->visits = v;
    if (begin(v, ca, &err) == MT_OK) return MT_OK;
    cli_client_say(client, id, err.status, mt_str(err.text), false);
    visiting_free(v);
    return MT_OK;
}

void cli_client_unvisit(cli_client *client)
{
    for (cli_visiting *v = client->visits, *next; v; v = next) {
        next = v->next;
        visiting_drop(v);
    }
    client->visits = NULL;
}
