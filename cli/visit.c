#include "visit.h"

#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often it is looked at how far it is. */
#define LOOK_MS 20

/* After so long it is stored how far we came with a peer. */
#define STORED_MS 400

struct cli_visit {
    mt_db *db;
    const mt_env *env;
    mt_group *group;
    mt_connection *connection;
    mt_timer timer;
    uint64_t start_ms;
    cli_visit_hear *hear;
    void *ctx;
    cli_visit_facts facts;
    bool equal, refused, timed;
    bool met;           /* the device of a space has been there */
    uint64_t failed_at; /* in ticks; 0: it has not failed */
    bool unstored; /* how far we came is not in the store yet: the next time it would go again */
    uint8_t id[MT_PEER_LEN_MAX]; /* of the peer, once it is known */
    size_t id_len;
    char why[MT_ERROR_TEXT_MAX];
};

static bool is_equal(const mt_sync_peer *peer)
{
    return peer->state == MT_SYNC_LIVE && peer->behind == 0 && peer->unacknowledged == 0;
}

/* What a dry run came to, and whether the peer can tell. */
static void note_subscription(void *ctx, const mt_sync_subscription *subscription)
{
    cli_visit *v = ctx;

    if (subscription->outgoing) return;
    v->facts.only_there = subscription->only_there;
    v->facts.only_here = subscription->only_here;
    v->facts.on_both = subscription->on_both;
    if (subscription->state != MT_SYNC_REFUSED) return;
    v->refused = true;
    (void)snprintf(v->why, sizeof v->why, "%s", subscription->error);
}

static void note_own(cli_visit *v, const mt_sync_peer *peer)
{
    v->facts.nodes_in = peer->nodes_in;
    v->facts.nodes_out = peer->nodes_out;
    v->facts.bytes_in = peer->bytes_in;
    v->facts.bytes_out = peer->bytes_out;
    v->facts.round_trip_ms = peer->round_trip_ms;
    v->facts.refused = peer->refused;
    v->facts.clock_ahead_ms = peer->clock_ahead_ms;
    v->facts.lacks = peer->lacks;
    v->facts.status = peer->status;
    v->facts.peer_len = peer->id.len <= sizeof v->facts.peer ? peer->id.len : 0;
    if (v->facts.peer_len > 0) memcpy(v->facts.peer, peer->id.data, v->facts.peer_len);
    memcpy(v->facts.words, peer->text, sizeof v->facts.words);
    v->equal |= is_equal(peer);
    v->unstored = peer->unstored;
    v->refused = peer->state == MT_SYNC_REFUSED;
    if (peer->error) (void)snprintf(v->why, sizeof v->why, "%s", peer->error);
    (void)!mt_db_subscriptions(v->db, v->connection, note_subscription, v);
    v->equal &= !v->refused;
    if (peer->state != MT_SYNC_STANDBY || peer->id.len > sizeof v->id) return;
    memcpy(v->id, peer->id.data, peer->id.len);
    v->id_len = peer->id.len;
}

/* Where the peer is linked already, that link counts. */
static void note_peer(void *ctx, const mt_sync_peer *peer)
{
    cli_visit *v = ctx;
    mt_bytes id = {v->id, v->id_len};

    if (peer->connection == v->connection) note_own(v, peer);
    else if (v->id_len > 0 && mt_bytes_equal(peer->id, id)) v->equal |= is_equal(peer);
}

static mt_status outcome(cli_visit *v)
{
    mt_status st = mt_db_status(v->db, note_peer, v);

    if (st != MT_OK || v->equal) return st;
    if (v->refused) return MT_REFUSED;
    return mt_connection_ended(v->connection) ? MT_IO : MT_OK;
}

static void say_why(const cli_visit *v, mt_error *why)
{
    const mt_connection *link = mt_secure_link(v->connection);
    const mt_error *dialing = mt_dial_error(link ? link : v->connection);
    const mt_error *secured = mt_secure_error(v->connection);
    const char *text = mt_status_text(why->status);

    if (secured && secured->status != MT_OK) text = secured->text;
    if (v->met && v->facts.bytes_in == 0) text = "the peer does not let this device in";
    else if (dialing && dialing->status != MT_OK) text = dialing->text;
    if (*v->why) text = v->why;
    (void)snprintf(why->text, sizeof why->text, "%s", text);
}

/* After a failure, too, it is stored how far we came: the next time goes on from there. The peer may be gone from the list then,
 * so that nobody says when it is. */
static bool is_over(cli_visit *v, mt_status st)
{
    uint64_t now = v->env->ticks_ms(v->env->ctx);

    if (st != MT_OK && v->failed_at == 0) v->failed_at = now;
    if (st != MT_OK) return !v->unstored || now - v->failed_at >= STORED_MS;
    if (!v->timed) v->facts.ms = now - v->start_ms;
    v->timed = v->equal;
    return v->equal && (!v->unstored || mt_connection_ended(v->connection));
}

static void look(void *arg)
{
    cli_visit *v = arg;
    mt_error why = {.status = outcome(v)};

    v->met |= mt_connection_device(v->connection) != NULL;

    if (!is_over(v, why.status)) {
        v->env->timer_set(v->env->ctx, &v->timer, LOOK_MS);
        v->hear(v->ctx, &v->facts, NULL);
        return;
    }
    if (why.status != MT_OK) say_why(v, &why);
    v->hear(v->ctx, &v->facts, &why);
}

static bool is_taken(const mt_group *group, const char *id)
{
    size_t i = 0, count = mt_group_count(group);

    while (i < count && !mt_bytes_equal(mt_connection_id(mt_group_at(group, i)), mt_str(id))) i++;
    return i < count;
}

/* The URL, unless a link of the group has that name: one that is there for ever, or another visit's. */
static void choose_id(const mt_group *group, const char *url, char id[MT_CONNECTION_ID_LEN_MAX + 1])
{
    size_t at = 1;

    (void)snprintf(id, MT_CONNECTION_ID_LEN_MAX + 1, "%s", url);
    while (is_taken(group, id))
        (void)snprintf(id, MT_CONNECTION_ID_LEN_MAX + 1, "%.200s (%zu)", url, ++at);
}

mt_status cli_visit_new(mt_db *db, mt_group *group, const cli_member *member,
                        const cli_peer_name *name, const char *ca, cli_visit_hear *hear, void *ctx,
                        cli_visit **out, mt_error *err)
{
    mt_dial_options options = {.size = sizeof options, .once = true, .ca_file = ca};
    char id[MT_CONNECTION_ID_LEN_MAX + 1];
    cli_visit *v = calloc(1, sizeof *v);
    mt_status st = MT_NO_MEMORY;

    *err = (mt_error){st, "out of memory"};
    if (!v) return st;
    v->db = db;
    v->env = mt_db_env(db);
    v->group = group;
    v->hear = hear;
    v->ctx = ctx;
    v->timer = (mt_timer){.fire = look, .arg = v};
    v->start_ms = v->env->ticks_ms(v->env->ctx);
    choose_id(group, name->url, id);
    options.id = mt_str(id);
    st = cli_member_reach(member, v->env, name->url, name->has_device ? name->device : NULL,
                          &options, &v->connection, err);
    if (st == MT_OK && (st = mt_group_add(group, v->connection)) != MT_OK)
        *err = *mt_group_error(group);
    if (st != MT_OK) {
        if (v->connection) mt_connection_close(v->connection);
        mt_connection_unref(v->connection);
        free(v);
        return st;
    }
    v->env->timer_set(v->env->ctx, &v->timer, 0);
    *out = v;
    return MT_OK;
}

void cli_visit_free(cli_visit *visit)
{
    if (!visit) return;
    visit->env->timer_stop(visit->env->ctx, &visit->timer);
    mt_connection_close(visit->connection);
    mt_connection_unref(visit->connection);
    free(visit);
}

void cli_visit_print(const cli_visit_facts *facts, const char *url, bool json, cli_text *text)
{
    if (json) {
        cli_text_str(text, "{\"url\":");
        cli_text_note(text, mt_json_string(mt_str(url), &text->buf));
        cli_text_printf(text, ",\"nodes_in\":%" PRIu64 ",\"nodes_out\":%" PRIu64, facts->nodes_in,
                        facts->nodes_out);
        cli_text_printf(text, ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64, facts->bytes_in,
                        facts->bytes_out);
        cli_text_printf(text, ",\"ms\":%" PRIu64 "}\n", facts->ms);
        return;
    }
    cli_text_str(text, "equal: ");
    cli_text_count(text, facts->nodes_in, "node");
    cli_text_str(text, " and ");
    cli_text_count(text, facts->bytes_in, "byte");
    cli_text_str(text, " in, ");
    cli_text_number(text, facts->nodes_out);
    cli_text_str(text, " and ");
    cli_text_number(text, facts->bytes_out);
    cli_text_printf(text, " out, in %" PRIu64 ".%" PRIu64 " s\n", facts->ms / 1000,
                    facts->ms % 1000 / 100);
}

static void print_json_dry(const cli_visit_facts *facts, const char *url, bool equal,
                           cli_text *text)
{
    cli_text_str(text, "{\"url\":");
    cli_text_note(text, mt_json_string(mt_str(url), &text->buf));
    cli_text_printf(text, ",\"equal\":%s", equal ? "true" : "false");
    cli_text_printf(text, ",\"only_there\":%" PRIu64 ",\"only_here\":%" PRIu64, facts->only_there,
                    facts->only_here);
    cli_text_printf(text, ",\"on_both\":%" PRIu64, facts->on_both);
    cli_text_printf(text, ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64, facts->bytes_in,
                    facts->bytes_out);
    cli_text_printf(text, ",\"ms\":%" PRIu64 "}\n", facts->ms);
}

bool cli_visit_print_dry(const cli_visit_facts *facts, const char *url, bool json, cli_text *text)
{
    bool equal = facts->only_there + facts->only_here + facts->on_both == 0;

    if (json) {
        print_json_dry(facts, url, equal, text);
        return !equal;
    }
    if (equal) {
        cli_text_str(text, "equal; ");
    } else {
        cli_text_count(text, facts->only_there, "node");
        cli_text_str(text, " only there, ");
        cli_text_number(text, facts->only_here);
        cli_text_str(text, " only here, ");
        cli_text_number(text, facts->on_both);
        cli_text_str(text, " on both that differ; ");
    }
    cli_text_str(text, "found with ");
    cli_text_count(text, facts->bytes_in + facts->bytes_out, "byte");
    cli_text_printf(text, " in %" PRIu64 ".%" PRIu64 " s\n", facts->ms / 1000,
                    facts->ms % 1000 / 100);
    return !equal;
}
