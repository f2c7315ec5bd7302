/* The peers of a daemon as mytosis peers shows them. */
#include "hex.h"
#include "save.h"
#include "serve.h"
#include "shown.h"
#include "table.h"

#include <inttypes.h>

const char *cli_peer_state_name(mt_sync_state state)
{
    static const char *const names[] = {"offline", "greeting", "catching", "live",
                                        "standby", "refused",  "done"};

    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *cli_peer_error(const mt_sync_peer *peer)
{
    const mt_error *dialing = cli_dialed_error(peer->connection);

    if (peer->error && *peer->error) return peer->error;
    return dialing ? dialing->text : "";
}

typedef struct peer_list {
    const cli_serving *serving;
    const cli_admin_form *form;
    cli_output *out;
    cli_table table;
    size_t count, ranges;
} peer_list;

/* ---- For a person ---- */

enum { PEER_ID, PEER_STATE, PEER_IN, PEER_OUT, PEER_BEHIND, PEER_ERROR };

static void add_range(cli_text *text, const mt_sync_range *range)
{
    if (range->uid_count > 0) {
        cli_text_count(text, range->uid_count, "uid");
        cli_text_str(text, " from ");
        cli_shown_raw(text, range->uids[0]);
    } else if (range->prefix.len > 0) {
        cli_shown_raw(text, range->prefix);
    } else if (range->first.len > 0 || range->end.len > 0) {
        if (range->first.len > 0) cli_text_str(text, "from ");
        cli_shown_raw(text, range->first);
        if (range->end.len > 0)
            cli_text_str(text, range->first.len > 0 ? " to before " : "before ");
        cli_shown_raw(text, range->end);
    } else {
        cli_text_str(text, "everything");
    }
    if (range->once) cli_text_str(text, ", once");
}

static void add_behind(cli_table *table, uint64_t behind)
{
    cli_text *cell;

    if (behind == 0) return;
    cell = cli_table_cell_open(table, PEER_BEHIND, STYLE_YELLOW);
    cli_text_count(cell, behind, "change");
    cli_text_str(cell, " behind");
}

static void list_range(void *ctx, const mt_sync_subscription *sub)
{
    peer_list *l = ctx;
    cli_table *table = &l->table;
    cli_text *cell;

    cli_table_next(table, l->out);
    cell = cli_table_cell_open(table, PEER_ID, STYLE_PLAIN);
    cli_text_str(cell, sub->outgoing ? "  to it: " : "  from it: ");
    add_range(cell, &sub->range);
    cli_shown_raw(cli_table_cell_open(table, PEER_STATE, STYLE_PLAIN), mt_str(sub->text));
    cell = cli_table_cell_open(table, PEER_IN, STYLE_PLAIN);
    cli_text_count(cell, sub->nodes, "node");
    cell = cli_table_cell_open(table, PEER_OUT, STYLE_PLAIN);
    cli_text_count(cell, sub->bytes, "byte");
    add_behind(table, sub->behind);
}

static void list_peer(void *ctx, const mt_sync_peer *peer)
{
    peer_list *l = ctx;
    cli_table *table = &l->table;
    cli_text *cell;

    cli_table_next(table, l->out);
    cli_shown_raw(cli_table_cell_open(table, PEER_ID, STYLE_BOLD),
                  mt_connection_id(peer->connection));
    cli_shown_raw(cli_table_cell_open(table, PEER_STATE, STYLE_PLAIN), mt_str(peer->text));
    cell = cli_table_cell_open(table, PEER_IN, STYLE_PLAIN);
    cli_text_count(cell, peer->nodes_in, "node");
    cli_text_str(cell, " in");
    cell = cli_table_cell_open(table, PEER_OUT, STYLE_PLAIN);
    cli_text_number(cell, peer->nodes_out);
    cli_text_str(cell, " out");
    add_behind(table, peer->behind);
    if (*cli_peer_error(peer) && peer->state != MT_SYNC_REFUSED)
        cli_shown_raw(cli_table_cell_open(table, PEER_ERROR, STYLE_RED),
                      mt_str(cli_peer_error(peer)));
    if (l->form->is_long)
        (void)!mt_db_subscriptions(l->serving->db, peer->connection, list_range, l);
}

/* ---- For a program ---- */

static void save_text(cli_text *text, const char *name, mt_bytes value)
{
    cli_text_printf(text, ",\"%s\":", name);
    cli_save_name(text, value);
}

static void save_device(cli_text *text, const uint8_t *device)
{
    if (!device) return;
    cli_text_str(text, ",\"device\":\"");
    cli_hex_add(text, device, MT_DEVICE_LEN);
    cli_text_str(text, "\"");
}

static void save_range(cli_text *text, const mt_sync_range *range)
{
    if (range->uid_count > 0) {
        for (size_t i = 0; i < range->uid_count; i++) {
            cli_text_str(text, i == 0 ? ",\"uids\":[" : ",");
            cli_save_name(text, range->uids[i]);
        }
        cli_text_str(text, "]");
    } else if (range->first.len > 0 || range->end.len > 0) {
        save_text(text, "first", range->first);
        if (range->end.len > 0) save_text(text, "end", range->end);
    } else {
        save_text(text, "prefix", range->prefix);
    }
    cli_text_printf(text, ",\"once\":%s", range->once ? "true" : "false");
}

static void save_subscription(void *ctx, const mt_sync_subscription *sub)
{
    peer_list *l = ctx;
    cli_text *text = &l->out->text;

    cli_text_str(text, l->ranges++ > 0 ? "," : "");
    cli_text_printf(text, "{\"direction\":\"%s\"", sub->outgoing ? "out" : "in");
    save_range(text, &sub->range);
    save_text(text, "state", mt_str(cli_peer_state_name(sub->state)));
    save_text(text, "text", mt_str(sub->text));
    if (*sub->error) save_text(text, "error", mt_str(sub->error));
    cli_save_number(text, "since_ms", sub->since_ms);
    cli_save_number(text, "nodes", sub->nodes);
    cli_save_number(text, "bytes", sub->bytes);
    cli_save_number(text, "behind", sub->behind);
    cli_save_number(text, "unacknowledged", sub->unacknowledged);
    cli_text_str(text, "}");
}

static void save_peer(void *ctx, const mt_sync_peer *peer)
{
    peer_list *l = ctx;
    cli_text *text = &l->out->text;

    cli_text_str(text, l->count++ > 0 ? ",\n" : "");
    cli_text_printf(text, "{\"state\":\"%s\"", cli_peer_state_name(peer->state));
    save_text(text, "link", mt_connection_id(peer->connection));
    if (peer->id.len > 0) save_text(text, "id", peer->id);
    save_device(text, mt_connection_device(peer->connection));
    save_text(text, "text", mt_str(peer->text));
    if (*cli_peer_error(peer)) save_text(text, "error", mt_str(cli_peer_error(peer)));
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
    cli_save_number(text, "round_trips", peer->round_trips);
    cli_text_str(text, ",\"ranges\":[");
    l->ranges = 0;
    (void)!mt_db_subscriptions(l->serving->db, peer->connection, save_subscription, l);
    cli_text_str(text, "]}");
}

void cli_serve_peers_print(const cli_serving *s, const cli_admin_form *form, cli_output *out)
{
    peer_list list = {.serving = s, .form = form, .out = out};

    cli_table_init(&list.table, 0);
    if (form->json) cli_text_str(&out->text, "[");
    (void)!mt_db_status(s->db, form->json ? save_peer : list_peer, &list);
    cli_table_print(&list.table, out);
    cli_table_free(&list.table);
    if (form->json) cli_text_str(&out->text, "]\n");
}
