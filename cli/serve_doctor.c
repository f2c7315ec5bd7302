/* What is found in how a daemon stands with its peers, and what a report says of it: numbers alone. */
#include "serve.h"

#include "clock.h"
#include "findings.h"
#include "save.h"

#include <inttypes.h>
#include <string.h>

/* How many peers are compared with each other. */
#define PEERS_MAX 256

typedef struct seen_peer {
    uint8_t id[MT_PEER_LEN_MAX], device[MT_DEVICE_LEN];
    size_t id_len;
    bool has_device;
} seen_peer;

typedef struct examining {
    cli_findings findings;
    seen_peer peers[PEERS_MAX];
    size_t count;
    cli_text *out; /* of a report */
} examining;

/* ---- Two of one ---- */

/* A store that is linked twice has one link that stands by; two that are active are two stores. */
static void compare_peer(examining *e, const mt_sync_peer *peer, const char *link)
{
    const uint8_t *device = mt_connection_device(peer->connection);
    seen_peer *now = &e->peers[e->count];

    if (peer->state != MT_SYNC_LIVE && peer->state != MT_SYNC_CATCHING) return;
    if (e->count == PEERS_MAX || peer->id.len == 0 || peer->id.len > sizeof now->id) return;
    memset(now, 0, sizeof *now);
    memcpy(now->id, peer->id.data, peer->id.len);
    now->id_len = peer->id.len;
    now->has_device = device != NULL;
    if (device) memcpy(now->device, device, MT_DEVICE_LEN);
    for (size_t i = 0; i < e->count; i++) {
        const seen_peer *other = &e->peers[i];

        if (device && other->has_device && memcmp(other->device, device, MT_DEVICE_LEN) == 0)
            cli_findings_add(&e->findings, "doubled-device", 1,
                             "Two stores have the same keys. Stop one, and have it join anew with "
                             "keys of its own.",
                             "The device of %.200s is there twice.", link);
        else if (other->id_len == now->id_len && memcmp(other->id, now->id, now->id_len) == 0)
            cli_findings_add(&e->findings, "doubled-store", 1,
                             "They agree, but each meeting costs a comparison. Where one is a "
                             "backup that was forgotten, stop it.",
                             "The store of %.200s is there twice: one is a copy of the other.",
                             link);
    }
    e->count++;
}

/* ---- One by one ---- */

static void examine_peer(void *ctx, const mt_sync_peer *peer)
{
    examining *e = ctx;
    mt_bytes id = mt_connection_id(peer->connection);
    const char *why = cli_peer_error(peer);
    char link[MT_CONNECTION_ID_LEN_MAX + 1];

    memcpy(link, id.data, id.len);
    link[id.len] = '\0';
    if (peer->state == MT_SYNC_OFFLINE)
        cli_findings_add(&e->findings, "offline", 1,
                         "It is dialed again, for ever. See that it runs, and that the URL leads "
                         "there: mytosis doctor URL tries once.",
                         "%.200s is offline%s%.200s.", link, *why ? ": " : "", why);
    else if (peer->state == MT_SYNC_REFUSED && peer->lacks & MT_SYNC_LACKS_VERSION)
        cli_findings_add(&e->findings, "version", 1, FINDINGS_VERSION_ADVICE,
                         "%.200s and this store do not understand each other: %.200s.", link, why);
    else if (peer->state == MT_SYNC_REFUSED)
        cli_findings_add(&e->findings, "refused-peer", 1,
                         "They try again every 5 seconds. Versions, kinds of clocks and rights are "
                         "what peers do not agree about.",
                         "%.200s and this store do not go on: %.200s.", link, why);
    if (peer->refused > 0)
        cli_findings_add(&e->findings, "refused-nodes", peer->refused,
                         "States ahead of now are asked for again when their time has come: look "
                         "at the clock of who wrote them. Rights and hooks refuse for good.",
                         "Nodes of %.200s that are not taken: %" PRIu64 ".", link, peer->refused);
    if (peer->state == MT_SYNC_CATCHING && peer->behind > 0)
        cli_findings_add(&e->findings, "lagging", peer->behind,
                         "It is on its way, as fast as the link and the peer take it. If it does "
                         "not become less, the peer does not read.",
                         "Changes that %.200s has not been sent: %" PRIu64 ".", link, peer->behind);
    if (peer->state != MT_SYNC_OFFLINE) {
        cli_findings_clock(&e->findings, link, peer->clock_ahead_ms);
        cli_findings_lacks(&e->findings, link, peer->lacks);
    }
    compare_peer(e, peer, link);
}

/* ---- A report ---- */

static void report_peer(void *ctx, const mt_sync_peer *peer)
{
    examining *e = ctx;

    cli_text_str(e->out, e->count++ > 0 ? ",\n" : "");
    cli_text_printf(e->out, "{\"state\":\"%s\"", cli_peer_state_name(peer->state));
    cli_save_number(e->out, "nodes_in", peer->nodes_in);
    cli_save_number(e->out, "nodes_out", peer->nodes_out);
    cli_save_number(e->out, "bytes_in", peer->bytes_in);
    cli_save_number(e->out, "bytes_out", peer->bytes_out);
    cli_save_number(e->out, "behind", peer->behind);
    cli_save_number(e->out, "unacknowledged", peer->unacknowledged);
    cli_save_number(e->out, "refused", peer->refused);
    cli_save_number(e->out, "round_trip_ms", peer->round_trip_ms);
    cli_save_number(e->out, "round_trips", peer->round_trips);
    cli_text_printf(e->out, ",\"clock_ahead_ms\":%" PRId64 "}", peer->clock_ahead_ms);
}

static void report(const cli_serving *s, cli_text *text)
{
    mt_db_stats stats = {.size = sizeof stats};
    examining e = {.out = text, .findings = {.form = FINDINGS_BARE, .out = text}};

    mt_db_statistics(s->db, &stats);
    cli_text_str(text, "{\"version\":\"" MYTOSIS_VERSION "\"");
    cli_save_number(text, "up_ms", cli_clock_ticks() - s->start_ms);
    cli_save_number(text, "commits", stats.commits);
    cli_save_number(text, "cache_bytes", stats.cache_bytes);
    cli_save_number(text, "cache_nodes", stats.cache_nodes);
    cli_save_number(text, "calls", stats.calls);
    cli_save_number(text, "listens", s->listener_count);
    cli_save_number(text, "dials", s->dialed_count);
    cli_save_number(text, "refusals", s->refusal_count);
    cli_text_printf(text, ",\"in_space\":%s,\"peers\":[", s->member ? "true" : "false");
    (void)!mt_db_status(s->db, report_peer, &e);
    cli_text_str(text, "],\"findings\":[");
    e.count = 0;
    (void)!mt_db_status(s->db, examine_peer, &e);
    cli_text_str(text, "]}");
}

void cli_serve_doctor_print(const cli_serving *s, const cli_admin_form *form, cli_output *out)
{
    examining e = {
        .findings = {.form = form->json ? FINDINGS_JSON : FINDINGS_TEXT, .out = &out->text}};

    if (form->is_long) (void)!mt_db_status(s->db, examine_peer, &e);
    else report(s, &out->text);
}
