/* The peers of a daemon: how many are live, as metrics, and in the log. */
#include "serve.h"

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

/* ---- Metrics ---- */

enum {
    METRIC_NODES_IN,
    METRIC_NODES_OUT,
    METRIC_BYTES_IN,
    METRIC_BYTES_OUT,
    METRIC_BEHIND,
    METRIC_UNACKNOWLEDGED,
    METRIC_REFUSED,
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
    [METRIC_BEHIND] = {"behind", "Changes that the peer has not been sent."},
    [METRIC_UNACKNOWLEDGED] = {"unacknowledged_bytes", "Bytes on their way to the peer."},
    [METRIC_REFUSED] = {"refused", "Commits and nodes of the peer that are not taken."},
    [METRIC_LIVE] = {"live", "Whether the peer is equal."},
};

typedef struct measuring {
    cli_text *text;
    size_t metric;
} measuring;

static uint64_t metric_of(const mt_sync_peer *peer, size_t metric)
{
    const uint64_t values[METRIC_COUNT] = {
        [METRIC_NODES_IN] = peer->nodes_in, [METRIC_NODES_OUT] = peer->nodes_out,
        [METRIC_BYTES_IN] = peer->bytes_in, [METRIC_BYTES_OUT] = peer->bytes_out,
        [METRIC_BEHIND] = peer->behind,     [METRIC_UNACKNOWLEDGED] = peer->unacknowledged,
        [METRIC_REFUSED] = peer->refused,   [METRIC_LIVE] = peer->state == MT_SYNC_LIVE};

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
    if (peer->state == MT_SYNC_REFUSED)
        cli_serve_refused(s, peer->connection, cli_peer_error(peer));
    if (!cli_log_begin(&s->log, level_of(peer->state), "peer-state")) return;
    cli_log_text(&s->log, "id", mt_connection_id(peer->connection));
    cli_log_text(&s->log, "state", mt_str(cli_peer_state_name(peer->state)));
    if (mt_connection_device(peer->connection))
        cli_serve_log_hex(s, "device", mt_connection_device(peer->connection), MT_DEVICE_LEN);
    if (*cli_peer_error(peer)) cli_log_text(&s->log, "error", mt_str(cli_peer_error(peer)));
    cli_log_end(&s->log);
}

void cli_serve_peers_tell(cli_serving *s)
{
    (void)!mt_db_status(s->db, tell_state, s);
}
