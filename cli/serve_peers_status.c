/* The peers of a daemon as mytosis peers shows them. */
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

void cli_serve_peers_count(const cli_serving *s, size_t *peers, size_t *live)
{
    counting c = {0, 0};

    (void)!mt_db_status(s->db, count_peer, &c);
    *peers = c.peers;
    *live = c.live;
}

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

    if (!cli_table_line(table)) {
        cli_table_print(table, l->out);
        (void)cli_table_line(table);
    }
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

static void add_number(cli_text *text, const char *name, uint64_t number)
{
    cli_text_printf(text, ",\"%s\":%" PRIu64, name, number);
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
    add_number(text, "since_ms", peer->since_ms);
    add_number(text, "nodes_in", peer->nodes_in);
    add_number(text, "nodes_out", peer->nodes_out);
    add_number(text, "bytes_in", peer->bytes_in);
    add_number(text, "bytes_out", peer->bytes_out);
    add_number(text, "behind", peer->behind);
    add_number(text, "unacknowledged", peer->unacknowledged);
    add_number(text, "refused", peer->refused);
    add_number(text, "round_trip_ms", peer->round_trip_ms);
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
