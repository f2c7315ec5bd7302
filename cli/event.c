#include "event.h"

#include "listing.h"
#include "report.h"
#include "rows.h"
#include "save.h"
#include "shown.h"

#include <inttypes.h>
#include <string.h>

#define VALUE_COLUMNS 64

static const char *kind_name(mt_event_kind kind)
{
    return kind == MT_EVENT_HISTORY ? "history" : kind == MT_EVENT_CONFLICT ? "conflict" : "update";
}

/* ---- For a person ---- */

static void list_history(cli_events *e, const mt_event *event)
{
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_field field;
    cli_table table;

    cli_listing_fields_begin(&table);
    while (mt_event_node(event, &iter, &node)) {
        cli_listing_uid(&e->out, node.uid, node.floor);
        while (mt_delta_iter_field(&iter, &field))
            cli_listing_field(&e->out, &table, &field, e->columns);
        cli_table_print(&table, &e->out);
    }
    cli_table_free(&table);
}

static void list_conflicts(cli_events *e, const mt_event *event)
{
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_conflict conflict;
    cli_table table;

    cli_table_init(&table, 0);
    while (mt_event_node(event, &iter, &node))
        while (mt_delta_iter_conflict(&iter, &conflict))
            cli_listing_conflict(&e->out, &table, node.uid, &conflict, e->columns);
    cli_table_print(&table, &e->out);
    cli_table_free(&table);
}

static void list_event(cli_events *e, const mt_event *event)
{
    cli_extent extent = {SIZE_MAX, SIZE_MAX, e->columns};
    cli_change_counts counts = {.lines = 0};
    cli_changes changes;

    cli_output_style(&e->out, STYLE_DIM);
    cli_text_printf(&e->out.text, "%s %" PRIu64, kind_name(event->kind), event->commit);
    if (event->origin) {
        cli_text_str(&e->out.text, " from ");
        cli_shown_raw(&e->out.text, mt_connection_id(event->origin));
    }
    cli_output_style(&e->out, STYLE_PLAIN);
    cli_text_str(&e->out.text, "\n");
    switch (event->kind) {
    case MT_EVENT_UPDATE:
        cli_changes_init(&changes, event->delta, e->prefix);
        (void)cli_listing_changes(&e->out, changes, &counts, extent);
        break;
    case MT_EVENT_HISTORY: list_history(e, event); break;
    case MT_EVENT_CONFLICT: list_conflicts(e, event); break;
    }
}

/* ---- For a program ---- */

static void add_nodes(cli_text *text, const mt_event *event)
{
    mt_json_writer writer;
    const mt_row *row;
    cli_rows rows;

    cli_text_note(text, mt_json_rows_begin(&writer, &text->buf));
    cli_rows_of_event(&rows, event);
    while (text->status == MT_OK && (row = cli_rows_next(&rows)))
        cli_text_note(text, mt_json_row(&writer, row, &text->buf));
    if (text->status == MT_OK) cli_text_note(text, mt_json_rows_end(&writer, &text->buf));
}

static void add_conflicts(cli_text *text, const mt_event *event)
{
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_conflict conflict;
    bool any = false;

    cli_text_str(text, "[");
    while (mt_event_node(event, &iter, &node)) {
        while (mt_delta_iter_conflict(&iter, &conflict)) {
            if (any) cli_text_str(text, ",");
            cli_save_conflict(text, node.uid, &conflict);
            any = true;
        }
    }
    cli_text_str(text, "]");
}

/* Takes the ends of lines away that stand between nodes: in strings they are escaped. */
static void join_lines(cli_text *text, size_t start)
{
    size_t kept = start;

    for (size_t i = start; i < text->buf.len; i++)
        if (text->buf.data[i] != '\n') text->buf.data[kept++] = text->buf.data[i];
    text->buf.len = kept;
}

static void print_json(cli_events *e, const mt_event *event)
{
    cli_text *text = &e->out.text;
    size_t start = text->buf.len;

    cli_text_printf(text, "{\"event\":\"%s\",\"commit\":%" PRIu64, kind_name(event->kind),
                    event->commit);
    if (event->origin) {
        cli_text_str(text, ",\"origin\":");
        cli_save_name(text, mt_connection_id(event->origin));
    }
    cli_text_str(text, event->kind == MT_EVENT_CONFLICT ? ",\"conflicts\":" : ",\"nodes\":");
    if (event->kind == MT_EVENT_CONFLICT) add_conflicts(text, event);
    else add_nodes(text, event);
    join_lines(text, start);
    cli_text_str(text, "}\n");
}

/* ---- Listening ---- */

void cli_events_print(cli_events *events, const mt_event *event)
{
    if (events->json) print_json(events, event);
    else list_event(events, event);
}

void cli_events_init(cli_events *events, const cli_admin_form *form, mt_bytes prefix)
{
    memset(events, 0, sizeof *events);
    events->json = form->json;
    events->columns = form->all ? SIZE_MAX : VALUE_COLUMNS;
    events->prefix = prefix;
    cli_output_memory(&events->out, form->color);
}

cli_admin_form cli_events_form(const cli_options *options, const cli_output *out)
{
    return (cli_admin_form){.json = cli_options_has(options, OPTION_JSON),
                            .color = out->color,
                            .all = cli_options_has(options, OPTION_ALL)};
}

unsigned cli_events_kinds(const cli_options *options)
{
    unsigned kinds = MT_EVENT_UPDATE;

    if (cli_options_has(options, OPTION_HISTORY)) kinds |= MT_EVENT_HISTORY;
    if (cli_options_has(options, OPTION_CONFLICTS)) kinds |= MT_EVENT_CONFLICT;
    return kinds;
}

static void on_event(void *ctx, mt_db *db, const mt_event *event)
{
    cli_events *e = ctx;

    (void)db;
    cli_events_print(e, event);
    cli_output_flush(&e->out);
}

mt_status cli_events_begin(cli_events *events, const cli_options *options, mt_db *db,
                           mt_bytes prefix)
{
    mt_listen listen = {.kinds = cli_events_kinds(options), .prefix = prefix};
    cli_admin_form form;
    cli_output out;

    cli_report_output(options, &out);
    form = cli_events_form(options, &out);
    cli_events_init(events, &form, prefix);
    events->out = out;
    return mt_on(db, &listen, on_event, events, NULL);
}

cli_exit_code cli_events_end(cli_events *events, cli_exit_code code)
{
    return cli_output_end(&events->out, code);
}
