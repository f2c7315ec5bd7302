/* The peers of a daemon as mytosis peers shows them, as metrics, and in the log. */
#include "serve.h"

#include "save.h"
#include "shown.h"
#include "table.h"

#include <mytosis/plugin/sync.h>

#include <inttypes.h>

typedef struct counting {
    size_t peers, live;
} counting;

static void count_peer(void *ctx, const mt_sync_peer *peer)
{
    counting *c = ctx;

    c->peers++;
    c->live += peer->state == MT_SYNC_LIVE;
}

static void look_stored(void *ctx, const mt_sync_peer *peer)
{
    *(bool *)ctx &= !peer->unstored;
}

bool cli_serve_peers_stored(const cli_serving *s)
{
    bool stored = true;

    (void)!mt_db_status(s->db, look_stored, &stored);
    return stored;
}

void cli_serve_peers_count(const cli_serving *s, size_t *peers, size_t *live)
{
    counting c = {0, 0};

    (void)!mt_db_status(s->db, count_peer, &c);
    *peers = c.peers;
    *live = c.live;
}

/* ---- For a person and for a program ---- */

typedef struct peer_list {
    cli_output *out;
    cli_table table;
    size_t count;
} peer_list;

enum { PEER_ID, PEER_STATE, PEER_IN, PEER_OUT, PEER_BEHIND, PEER_ERROR };

static const char *state_name(mt_sync_state state)
{
    static const char *const names[] = {"offline", "greeting", "catching",
                                        "live",    "standby",  "refused"};

    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

static const char *error_of(const mt_sync_peer *peer)
{
    const mt_error *dialing = mt_dial_error(peer->connection);

    if (peer->error && *peer->error) return peer->error;
    return dialing && dialing->status != MT_OK ? dialing->text : "";
}

static void list_peer(void *ctx, const mt_sync_peer *peer)
{
    peer_list *l = ctx;
    cli_table *table = &l->table;
    cli_text *cell;

    cli_table_next(table, l->out);
    l->count++;
    cli_shown_raw(cli_table_cell_open(table, PEER_ID, STYLE_BOLD),
                  mt_connection_id(peer->connection));
    cli_shown_raw(cli_table_cell_open(table, PEER_STATE, STYLE_PLAIN), mt_str(peer->text));
    cell = cli_table_cell_open(table, PEER_IN, STYLE_PLAIN);
    cli_text_count(cell, peer->nodes_in, "node");
    cli_text_str(cell, " in");
    cell = cli_table_cell_open(table, PEER_OUT, STYLE_PLAIN);
    cli_text_number(cell, peer->nodes_out);
    cli_text_str(cell, " out");
    if (peer->behind > 0) {
        cell = cli_table_cell_open(table, PEER_BEHIND, STYLE_YELLOW);
        cli_text_count(cell, peer->behind, "change");
        cli_text_str(cell, " behind");
    }
    if (*error_of(peer))
        cli_shown_raw(cli_table_cell_open(table, PEER_ERROR, STYLE_RED), mt_str(error_of(peer)));
}

static void add_text(cli_text *text, const char *name, mt_bytes value)
{
    cli_text_printf(text, ",\"%s\":", name);
    cli_save_name(text, value);
}

static void list_peer_json(void *ctx, const mt_sync_peer *peer)
{
    peer_list *l = ctx;
    cli_text *text = &l->out->text;

    cli_text_str(text, l->count++ > 0 ? ",\n" : "");
    cli_text_printf(text, "{\"state\":\"%s\"", state_name(peer->state));
    add_text(text, "link", mt_connection_id(peer->connection));
    if (peer->id.len > 0) add_text(text, "id", peer->id);
    add_text(text, "text", mt_str(peer->text));
    if (*error_of(peer)) add_text(text, "error", mt_str(error_of(peer)));
    cli_save_number(text, "since_ms", peer->since_ms);
    cli_save_number(text, "nodes_in", peer->nodes_in);
    cli_save_number(text, "nodes_out", peer->nodes_out);
    cli_save_number(text, "bytes_in", peer->bytes_in);
    cli_save_number(text, "bytes_out", peer->bytes_out);
    cli_save_number(text, "behind", peer->behind);
    cli_save_number(text, "unacknowledged", peer->unacknowledged);
    cli_text_printf(text, ",\"unstored\":%s", peer->unstored ? "true" : "false");
    cli_save_number(text, "refused", peer->refused);
    cli_save_number(text, "round_trip_ms", peer->round_trip_ms);
    cli_text_str(text, "}");
}

void cli_serve_peers_print(const cli_serving *s, bool json, cli_output *out)
{
    peer_list list = {.out = out};

    cli_table_init(&list.table, 0);
    if (json) cli_text_str(&out->text, "[");
    (void)!mt_db_status(s->db, json ? list_peer_json : list_peer, &list);
    cli_table_print(&list.table, out);
    cli_table_free(&list.table);
    if (json) cli_text_str(&out->text, "]\n");
}

/* ---- Metrics ---- */

enum {
    METRIC_NODES_IN,
    METRIC_NODES_OUT,
    METRIC_BYTES_IN,
    METRIC_BYTES_OUT,
    METRIC_REFUSED,
    METRIC_BEHIND,
    METRIC_LIVE,
    METRIC_COUNT
};

/* The counters come first. */
static const struct {
    const char *name, *help;
} metrics[METRIC_COUNT] = {
    [METRIC_NODES_IN] = {"nodes_in", "Nodes that came from the peer."},
    [METRIC_NODES_OUT] = {"nodes_out", "Nodes that went to the peer."},
    [METRIC_BYTES_IN] = {"bytes_in", "Bytes that came from the peer."},
    [METRIC_BYTES_OUT] = {"bytes_out", "Bytes that went to the peer."},
    [METRIC_REFUSED] = {"refused", "Commits and nodes of the peer that were not taken."},
    [METRIC_BEHIND] = {"behind", "Changes that the peer has not been sent."},
    [METRIC_LIVE] = {"live", "Whether the peer is equal."},
};

typedef struct measuring {
    cli_text *text;
    size_t metric;
} measuring;

static uint64_t metric_of(const mt_sync_peer *peer, size_t metric)
{
    const uint64_t values[METRIC_COUNT] = {
        [METRIC_NODES_IN] = peer->nodes_in,         [METRIC_NODES_OUT] = peer->nodes_out,
        [METRIC_BYTES_IN] = peer->bytes_in,         [METRIC_BYTES_OUT] = peer->bytes_out,
        [METRIC_REFUSED] = peer->refused,           [METRIC_BEHIND] = peer->behind,
        [METRIC_LIVE] = peer->state == MT_SYNC_LIVE};

    return values[metric];
}

static void measure(void *ctx, const mt_sync_peer *peer)
{
    const measuring *m = ctx;
    mt_bytes id = mt_connection_id(peer->connection);

    cli_text_printf(m->text, "mytosis_peer_%s%s{link=\"", metrics[m->metric].name,
                    m->metric < METRIC_BEHIND ? "_total" : "");
    for (size_t i = 0; i < id.len; i++)
        cli_text_printf(m->text, id.data[i] == '"' || id.data[i] == '\\' ? "\\%c" : "%c",
                        id.data[i] < ' ' ? '?' : id.data[i]);
    cli_text_printf(m->text, "\"} %" PRIu64 "\n", metric_of(peer, m->metric));
}

void cli_serve_peers_metrics(const cli_serving *s, cli_text *text)
{
    measuring m = {.text = text};

    for (; m.metric < METRIC_COUNT; m.metric++) {
        const char *name = metrics[m.metric].name;

        cli_text_printf(text, "# TYPE mytosis_peer_%s %s\n", name,
                        m.metric < METRIC_BEHIND ? "counter" : "gauge");
        cli_text_printf(text, "# HELP mytosis_peer_%s %s\n", name, metrics[m.metric].help);
        (void)!mt_db_status(s->db, measure, &m);
    }
}

/* ---- The log ---- */

static cli_log_level level_of(mt_sync_state state)
{
    if (state == MT_SYNC_REFUSED) return LOG_WARNING;
    return state == MT_SYNC_GREETING || state == MT_SYNC_CATCHING ? LOG_DEBUG : LOG_INFO;
}

/* The state that was told of last stands in the connection, as a number from 1. */
static void tell_state(void *ctx, const mt_sync_peer *peer)
{
    cli_serving *s = ctx;
    void *state = (void *)(uintptr_t)(peer->state + 1);

    if (mt_connection_app(peer->connection) == state) return;
    mt_connection_set_app(peer->connection, state);
    if (!cli_log_begin(&s->log, level_of(peer->state), "peer-state")) return;
    cli_log_text(&s->log, "id", mt_connection_id(peer->connection));
    cli_log_text(&s->log, "state", mt_str(state_name(peer->state)));
    if (*error_of(peer)) cli_log_text(&s->log, "error", mt_str(error_of(peer)));
    cli_log_end(&s->log);
}

void cli_serve_peers_tell(cli_serving *s)
{
    (void)!mt_db_status(s->db, tell_state, s);
}
