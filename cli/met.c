#include "met.h"

#include "clock.h"
#include "hex.h"

#include <mytosis/plugin/router.h>
#include <mytosis/plugin/sync.h>

#include <stdlib.h>
#include <string.h>

static const char met_key[] = "met/", position_key[] = "sync/in/";
#define MET_LEN (sizeof met_key - 1)
#define POSITION_LEN (sizeof position_key - 1)
#define TIME_LEN 8

/* The peers of a moment are noted together, and each again after an hour. */
#define MOMENT_MS 1000
#define AGAIN_MS (UINT64_C(3600) * 1000)

/* How many peers a daemon notes, and how many doctor names. */
#define NOTED_MAX 4096
#define NAMED_MAX 20

/* ---- Noting ---- */

mt_status cli_met_note(mt_db *db, mt_bytes peer, mt_bytes link, mt_done *done, void *ctx)
{
    const mt_env *env = mt_db_env(db);
    uint64_t now_ms = env->now_ms(env->ctx);
    uint8_t key[MET_LEN + MT_PEER_LEN_MAX], value[TIME_LEN + MT_CONNECTION_ID_LEN_MAX];
    mt_storage_record record = {{key, MET_LEN + peer.len}, {value, TIME_LEN + link.len}};
    mt_received what = {.records = &record, .record_count = 1};

    if (peer.len > MT_PEER_LEN_MAX || link.len > MT_CONNECTION_ID_LEN_MAX) return MT_TOO_LARGE;
    memcpy(key, met_key, MET_LEN);
    memcpy(key + MET_LEN, peer.data, peer.len);
    for (size_t i = 0; i < TIME_LEN; i++) value[i] = (uint8_t)(now_ms >> (8 * i));
    memcpy(value + TIME_LEN, link.data, link.len);
    return mt_db_receive_with(db, NULL, &what, NULL, done, ctx, NULL);
}

/* Of more peers than that the one that was noted longest ago is forgotten: it is noted sooner than in an hour. */
static cli_met_noted *noted_new(cli_met *met)
{
    cli_met_noted *more, *oldest = met->noted;

    if (met->count == NOTED_MAX) {
        for (size_t i = 1; i < met->count; i++)
            if (met->noted[i].ticks < oldest->ticks) oldest = &met->noted[i];
        return oldest;
    }
    if (!(more = realloc(met->noted, (met->count + 1) * sizeof *more))) return NULL;
    met->noted = more;
    return more + met->count++;
}

static cli_met_noted *noted_of(cli_met *met, mt_bytes peer)
{
    cli_met_noted *at;

    for (size_t i = 0; i < met->count; i++)
        if (mt_bytes_equal((mt_bytes){met->noted[i].peer, met->noted[i].len}, peer))
            return &met->noted[i];
    if (peer.len > MT_PEER_LEN_MAX || !(at = noted_new(met))) return NULL;
    *at = (cli_met_noted){.len = peer.len};
    memcpy(at->peer, peer.data, peer.len);
    return at;
}

static void see_live(void *ctx, const mt_sync_peer *peer)
{
    cli_met *met = ctx;
    uint64_t now = met->env->ticks_ms(met->env->ctx) + 1; /* 0: never */
    mt_bytes link = mt_connection_id(peer->connection);
    cli_met_noted *at;

    if (peer->state != MT_SYNC_LIVE || peer->id.len == 0) return;
    if (!(at = noted_of(met, peer->id)) || (at->ticks > 0 && now - at->ticks < AGAIN_MS)) return;
    at->link_len = link.len < sizeof at->link ? link.len : sizeof at->link - 1;
    memcpy(at->link, link.data, at->link_len);
    at->ticks = now;
    at->is_due = true;
}

/* What cannot be stored is older than it could be. */
static void store(void *arg)
{
    cli_met *met = arg;

    met->is_soon = false;
    (void)!mt_db_status(met->db, see_live, met);
    for (size_t i = 0; i < met->count; i++) {
        cli_met_noted *at = &met->noted[i];

        if (!at->is_due) continue;
        at->is_due = false;
        (void)!cli_met_note(met->db, (mt_bytes){at->peer, at->len},
                            (mt_bytes){(const uint8_t *)at->link, at->link_len}, NULL, NULL);
    }
    met->env->timer_set(met->env->ctx, &met->timer, AGAIN_MS);
}

void cli_met_begin(cli_met *met, mt_db *db)
{
    *met = (cli_met){.db = db, .env = mt_db_env(db), .timer = {.fire = store, .arg = met}};
}

void cli_met_look(cli_met *met)
{
    if (!met->db) return;
    (void)!mt_db_status(met->db, see_live, met); /* a visit may be over before the timer fires */
    if (met->is_soon) return;
    met->is_soon = true;
    met->env->timer_set(met->env->ctx, &met->timer, MOMENT_MS);
}

void cli_met_end(cli_met *met)
{
    if (met->db) met->env->timer_stop(met->env->ctx, &met->timer);
    free(met->noted);
    *met = (cli_met){.db = NULL};
}

/* ---- Looking at what was noted ---- */

static bool begins_with(mt_bytes key, const char *prefix, size_t len)
{
    return key.len > len && memcmp(key.data, prefix, len) == 0;
}

static bool take_met(cli_met_list *list, mt_bytes peer, mt_bytes value)
{
    cli_met_peer *at;

    if (peer.len > MT_PEER_LEN_MAX || value.len < TIME_LEN ||
        value.len - TIME_LEN > MT_CONNECTION_ID_LEN_MAX)
        return true; /* none of ours */
    if (!(at = realloc(list->peers, (list->count + 1) * sizeof *at))) return false;
    list->peers = at;
    at += list->count++;
    *at = (cli_met_peer){.len = peer.len};
    memcpy(at->peer, peer.data, peer.len);
    for (size_t i = 0; i < TIME_LEN; i++) at->at_ms |= (uint64_t)value.data[i] << (8 * i);
    memcpy(at->link, value.data + TIME_LEN, value.len - TIME_LEN);
    return true;
}

bool cli_met_list_take(cli_met_list *list, const mt_storage_record *record)
{
    mt_bytes key = record->key;

    if (begins_with(key, met_key, MET_LEN))
        return take_met(list, (mt_bytes){key.data + MET_LEN, key.len - MET_LEN}, record->value);
    if (!begins_with(key, position_key, POSITION_LEN)) return true;
    for (size_t i = 0; i < list->count; i++) {
        cli_met_peer *at = &list->peers[i];

        at->has_position |= begins_with((mt_bytes){key.data + POSITION_LEN, key.len - POSITION_LEN},
                                        (const char *)at->peer, at->len);
    }
    return true;
}

static void add_stale(const cli_met_peer *at, uint64_t now_ms, cli_findings *findings)
{
    cli_text text;

    cli_text_init(&text);
    cli_hex_add(&text, at->peer, at->len < 6 ? at->len : 6);
    cli_text_printf(&text, ", by %.200s, was last met on ", at->link);
    cli_clock_add_ms(&text, at->at_ms);
    cli_text_str(&text, ", ");
    cli_clock_add_span(&text, now_ms - at->at_ms);
    cli_findings_add(findings, "stale-position", 1,
                     "That costs two records or some more: the log is not held for it. If it comes "
                     "back it goes on there, or what differs is found out. If it never will, and "
                     "is of your space, mytosis revoke takes back what it may.",
                     "The peer %.*s ago, and how far this store came with it is kept.",
                     (int)text.buf.len, (const char *)text.buf.data);
    cli_text_free(&text);
}

void cli_met_list_examine(const cli_met_list *list, uint64_t now_ms, cli_findings *findings)
{
    size_t stale = 0;

    for (size_t i = 0; i < list->count; i++) {
        const cli_met_peer *at = &list->peers[i];

        if (!at->has_position || at->at_ms >= now_ms || now_ms - at->at_ms < MET_STALE_MS) continue;
        if (stale++ < NAMED_MAX) add_stale(at, now_ms, findings);
    }
    if (stale <= NAMED_MAX) return;
    cli_findings_add(findings, "stale-position", stale - NAMED_MAX, "As of those that are named.",
                     "Peers besides that were not met for as long: %zu.", stale - NAMED_MAX);
}

void cli_met_list_free(cli_met_list *list)
{
    free(list->peers);
    *list = (cli_met_list){.count = 0};
}
