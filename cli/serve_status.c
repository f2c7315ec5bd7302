/* What a daemon says of itself: for mytosis status, and as metrics. */
#include "serve.h"

#include "clock.h"
#include "hex.h"
#include "save.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- Facts ---- */

typedef struct facts {
    mt_db_stats stats;
    uint64_t up_ms;
    size_t commands; /* that are connected */
    size_t peers, live;
} facts;

static facts facts_of(const cli_serving *s)
{
    facts f = {.stats.size = sizeof f.stats};

    mt_db_statistics(s->db, &f.stats);
    f.up_ms = cli_clock_ticks() - s->start_ms;
    if (s->admin) f.commands = cli_admin_count(s->admin);
    cli_serve_peers_count(s, &f.peers, &f.live);
    return f;
}

/* ---- status ---- */

static void print_status(const cli_serving *s, cli_output *out)
{
    facts f = facts_of(s);
    cli_table table;
    cli_text *cell;

    cli_table_init(&table, 0);
    cell = cli_table_named(&table, out, "daemon");
    cli_text_printf(cell, "pid %ld, for ", (long)getpid());
    cli_clock_add_span(cell, f.up_ms);
    cli_text_number(cli_table_named(&table, out, "commits"), f.stats.commits);
    cell = cli_table_named(&table, out, "memory");
    cli_text_count(cell, f.stats.cache_bytes, "byte");
    cli_text_str(cell, " for ");
    cli_text_count(cell, f.stats.cache_nodes, "node");
    cell = cli_table_named(&table, out, "peers");
    cli_text_number(cell, f.peers);
    if (f.peers > 0) {
        cli_text_str(cell, ", of which ");
        cli_text_number(cell, f.live);
        cli_text_str(cell, " live");
    }
    for (size_t i = 0; i < s->listener_count; i++)
        cli_text_str(cli_table_named(&table, out, i == 0 ? "listens" : ""),
                     mt_server_url(s->listeners[i]));
    if (s->member) {
        cell = cli_table_named(&table, out, "space");
        cli_hex_add(cell, mt_space_id(s->member->space), MT_SPACE_LEN);
        cell = cli_table_named(&table, out, "device");
        cli_hex_add(cell, mt_secure_device(s->member->secure), MT_DEVICE_LEN);
        cli_member_add_own(s->member, cli_table_named(&table, out, "rights"));
    }
    cli_serve_refusals_print(s, &table, out);
    cli_table_print(&table, out);
    cli_table_free(&table);
}

static void print_status_json(const cli_serving *s, cli_text *text)
{
    facts f = facts_of(s);

    cli_text_printf(text, "{\"pid\":%ld", (long)getpid());
    cli_save_number(text, "up_ms", f.up_ms);
    cli_save_number(text, "commits", f.stats.commits);
    cli_save_number(text, "cache_bytes", f.stats.cache_bytes);
    cli_save_number(text, "cache_nodes", f.stats.cache_nodes);
    cli_save_number(text, "calls", f.stats.calls);
    cli_save_number(text, "commands", f.commands);
    cli_save_number(text, "peers", f.peers);
    cli_save_number(text, "peers_live", f.live);
    cli_text_str(text, ",\"listens\":[");
    for (size_t i = 0; i < s->listener_count; i++) {
        if (i > 0) cli_text_str(text, ",");
        cli_text_note(text, mt_json_string(mt_str(mt_server_url(s->listeners[i])), &text->buf));
    }
    cli_text_str(text, "]");
    if (s->member) {
        cli_text_str(text, ",\"space\":\"");
        cli_hex_add(text, mt_space_id(s->member->space), MT_SPACE_LEN);
        cli_text_str(text, "\",\"device\":\"");
        cli_hex_add(text, mt_secure_device(s->member->secure), MT_DEVICE_LEN);
        cli_text_str(text, "\"");
    }
    cli_save_number(text, "refusals", s->refusal_count);
    cli_serve_refusals_save(s, text);
    cli_text_str(text, "}");
}

void cli_serve_print(void *ctx, uint8_t kind, const cli_admin_form *form, cli_output *out)
{
    const cli_serving *s = ctx;

    if (kind == ADMIN_PEERS) cli_serve_peers_print(s, form, out);
    else if (kind == ADMIN_DOCTOR) cli_serve_doctor_print(s, form, out);
    else if (kind == ADMIN_WHO && s->member) cli_member_print(s->member, form, out);
    else if (kind == ADMIN_WHO) cli_text_str(&out->text, form->json ? "[]\n" : "");
    else if (form->json) print_status_json(s, &out->text);
    else print_status(s, out);
}

/* ---- Metrics ---- */

static void add_metric(cli_text *text, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    cli_text_printf(text, "# TYPE mytosis_%s %s\n# HELP mytosis_%s %s\n", name, type, name, help);
    cli_text_printf(text, "mytosis_%s%s %" PRIu64 "\n", name,
                    strcmp(type, "counter") == 0 ? "_total" : "", value);
}

void cli_serve_metrics(const cli_serving *s, cli_text *text)
{
    facts f = facts_of(s);

    add_metric(text, "commits", "counter", "Commits since the daemon started.", f.stats.commits);
    add_metric(text, "calls", "gauge", "Calls of the database under way.", f.stats.calls);
    add_metric(text, "cache_bytes", "gauge", "Memory of nodes.", f.stats.cache_bytes);
    add_metric(text, "cache_nodes", "gauge", "Nodes in memory.", f.stats.cache_nodes);
    add_metric(text, "storage_bytes", "gauge", "Bytes of the store.", f.stats.storage_bytes);
    add_metric(text, "clock_ahead_milliseconds", "gauge",
               "How far the clock is ahead of the time of day.", f.stats.clock_ahead_ms);
    add_metric(text, "commands", "gauge", "Commands that are connected.", f.commands);
    add_metric(text, "peers", "gauge", "Peers that are known.", f.peers);
    add_metric(text, "peers_live", "gauge", "Peers that are equal.", f.live);
    add_metric(text, "refusals", "counter", "Links and peers that were refused.", s->refusal_count);
    add_metric(text, "up_milliseconds", "gauge", "Time since the daemon started.", f.up_ms);
    cli_serve_peers_metrics(s, text);
    cli_text_str(text, "# EOF\n");
}
