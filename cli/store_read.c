/* read: a node, or fields of it and of what its edges lead to. */
#include "listing.h"
#include "message.h"
#include "report.h"
#include "save.h"
#include "shown.h"
#include "store.h"

#include <mytosis/blocking.h>

#include <string.h>

/* Of a value, without --all. */
#define VALUE_COLUMNS 64

typedef enum form { FORM_LISTING, FORM_JSON, FORM_PLAIN, FORM_RAW } form;

static form form_of(const cli_options *options)
{
    if (cli_options_has(options, OPTION_JSON)) return FORM_JSON;
    if (cli_options_has(options, OPTION_PLAIN)) return FORM_PLAIN;
    return cli_options_has(options, OPTION_RAW) ? FORM_RAW : FORM_LISTING;
}

static size_t columns_of(const cli_options *options)
{
    return cli_options_has(options, OPTION_ALL) ? SIZE_MAX : VALUE_COLUMNS;
}

/* ---- Following a path ---- */

/* Where a path has come to. */
typedef struct place {
    const cli_store *store;
    mt_handle *node; /* held */
    mt_bytes rest;   /* of the path, from there */
    mt_field field;  /* BORROWED until the database next runs */
} place;

/* Takes the longest beginning of the rest that names a field: one that is an edge, where more follows. */
static mt_status take_step(place *at, mt_handle **to, size_t *len)
{
    mt_options options = {.size = sizeof options};
    mt_bytes name = at->rest;
    mt_error err;

    for (; name.len != SIZE_MAX; name.len--) {
        bool more = name.len < at->rest.len;
        mt_status st;

        if (more && at->rest.data[name.len] != '.') continue;
        if (mt_name_check(name, &err) != MT_OK) continue;
        options.edges_none = !more;
        st = mt_field_wait(at->node, name, &options, &at->field, to);
        *len = name.len;
        if (st == MT_OK && (!more || at->field.value.kind == MT_EDGE)) return MT_OK;
        mt_handle_unref(*to);
        *to = NULL;
        if (st != MT_OK && st != MT_NOT_FOUND) return st;
    }
    return MT_NOT_FOUND;
}

static cli_exit_code complain_field(const place *at)
{
    mt_bytes uid = mt_handle_uid(at->node);

    return cli_complain(EXIT_DIFFERENT, "node \"%.*s\" has no field \"%.*s\"", (int)uid.len,
                        (const char *)uid.data, (int)at->rest.len, (const char *)at->rest.data);
}

static cli_exit_code complain_node(const place *at)
{
    mt_bytes uid = mt_handle_uid(at->node), name = at->field.name, to = at->field.value.as.bytes;

    return cli_complain(EXIT_DIFFERENT,
                        "there is no node \"%.*s\", where field \"%.*s\" of node \"%.*s\" leads",
                        (int)to.len, (const char *)to.data, (int)name.len, (const char *)name.data,
                        (int)uid.len, (const char *)uid.data);
}

/* Follows a path from `node` to a field. */
static cli_exit_code follow(place *at, mt_handle *node, mt_bytes path)
{
    at->node = mt_handle_ref(node);
    at->rest = path;
    for (;;) {
        mt_handle *to = NULL;
        size_t len = 0;
        mt_status st = take_step(at, &to, &len);

        if (st == MT_NOT_FOUND) return complain_field(at);
        if (st != MT_OK) return cli_store_complain(at->store, st, "read");
        if (len == at->rest.len) return EXIT_DONE;
        if (!to) return complain_node(at);
        mt_handle_unref(at->node);
        at->node = to;
        at->rest.data += len + 1;
        at->rest.len -= len + 1;
    }
}

/* ---- Fields ---- */

typedef struct printing {
    const cli_options *options;
    form form;
    cli_output out;
    cli_table table;
    size_t count; /* fields printed */
} printing;

/* A text and an edge as they are, bytes too, and those without the newline that all others get. */
static void print_raw(cli_text *text, const mt_value *value)
{
    if (value->kind >= MT_STRING) cli_text_add(text, value->as.bytes);
    else if (value->kind == MT_INT) cli_shown_value(text, value, SIZE_MAX);
    else cli_text_note(text, mt_value_json(value, &text->buf));
    if (value->kind != MT_BYTES) cli_text_str(text, "\n");
}

static void print_field(printing *p, mt_bytes path, mt_field field)
{
    cli_text *text = &p->out.text;

    field.name = path;
    switch (p->form) {
    case FORM_LISTING:
        if (p->count == 0) cli_listing_uid(&p->out, mt_str(p->options->operands[0]), 0);
        cli_listing_field(&p->out, &p->table, &field, columns_of(p->options));
        break;
    case FORM_RAW: print_raw(text, &field.value); break;
    case FORM_JSON:
    case FORM_PLAIN:
        cli_text_str(text, p->count == 0 ? "{" : ",\n");
        cli_text_note(text, mt_json_string(path, &text->buf));
        cli_text_str(text, ":");
        if (p->form == FORM_JSON) cli_text_note(text, mt_json_field(&field, &text->buf));
        else cli_text_note(text, mt_value_json(&field.value, &text->buf));
        break;
    }
    p->count++;
    cli_output_flow(&p->out);
}

/* What is there is printed, and what is not is said. */
static cli_exit_code print_fields(printing *p, const cli_store *store, mt_handle *node)
{
    cli_exit_code code = EXIT_DONE;

    cli_listing_fields_begin(&p->table);
    for (size_t i = 1; i < p->options->operand_count && code <= EXIT_DIFFERENT; i++) {
        mt_bytes path = mt_str(p->options->operands[i]);
        place at = {.store = store};
        cli_exit_code found = follow(&at, node, path);

        if (found == EXIT_DONE) print_field(p, path, at.field);
        else code = found;
        mt_handle_unref(at.node);
    }
    cli_table_print(&p->table, &p->out);
    cli_table_free(&p->table);
    if (p->count > 0 && (p->form == FORM_JSON || p->form == FORM_PLAIN))
        cli_text_str(&p->out.text, "}\n");
    return code;
}

/* ---- A whole node ---- */

static void print_values(cli_output *out, const mt_node *node)
{
    mt_field_iter iter;
    mt_field field;

    mt_field_iter_init(&iter, node, false);
    while (mt_field_iter_next(&iter, &field)) {
        print_raw(&out->text, &field.value);
        cli_output_flow(out);
    }
}

static void print_rows(cli_output *out, const mt_node *node)
{
    cli_rows rows;

    cli_rows_of_node(&rows, node);
    cli_save_rows(out, &rows);
}

static cli_exit_code print_node(printing *p, const cli_store *store, mt_handle *handle)
{
    mt_options options = {.size = sizeof options, .edges_none = true};
    mt_status st = mt_fields_wait(handle, NULL, 0, &options);
    const mt_node *node = mt_handle_node(handle);
    cli_text *text = &p->out.text;

    if (st != MT_OK) return cli_store_complain(store, st, "read");
    switch (p->form) {
    case FORM_LISTING: cli_listing_living(&p->out, node, columns_of(p->options)); break;
    case FORM_RAW: print_values(&p->out, node); break;
    case FORM_JSON: print_rows(&p->out, node); break;
    case FORM_PLAIN:
        cli_text_note(text, mt_node_snapshot(node, &text->buf));
        cli_text_str(text, "\n");
        break;
    }
    return EXIT_DONE;
}

/* ---- The verb ---- */

static cli_exit_code check_options(const cli_options *options)
{
    int forms = cli_options_has(options, OPTION_JSON) + cli_options_has(options, OPTION_PLAIN) +
                cli_options_has(options, OPTION_RAW);

    if (forms > 1)
        return cli_complain(EXIT_USAGE, "of --json, --plain and --raw only one can be given");
    for (size_t i = 1; i < options->operand_count; i++)
        for (size_t j = 1; j < i; j++)
            if (strcmp(options->operands[i], options->operands[j]) == 0)
                return cli_complain(EXIT_USAGE, "field \"%s\": it is named twice",
                                    options->operands[i]);
    return cli_store_check_uid(options->operands[0]);
}

static cli_exit_code run_read(const cli_options *options)
{
    printing p = {.options = options, .form = form_of(options)};
    cli_store store = {.path = NULL};
    mt_handle *node = NULL;
    cli_exit_code code = check_options(options);

    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_READ, &store);
    if (code == EXIT_DONE) code = cli_store_node(&store, mt_str(options->operands[0]), &node);
    if (code == EXIT_DONE) {
        cli_report_output(options, &p.out);
        if (options->operand_count > 1) code = print_fields(&p, &store, node);
        else code = print_node(&p, &store, node);
        code = cli_output_end(&p.out, code);
    }
    mt_handle_unref(node);
    cli_store_close(&store);
    return code;
}

const cli_command cli_verb_read = {
    .name = "read",
    .path = "mytosis read",
    .operands = "a UID, and then fields",
    .operand_min = 1,
    .operand_max = SIZE_MAX,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_PLAIN) |
                   OPTION_BIT(OPTION_RAW) | OPTION_BIT(OPTION_ALL),
    .run = run_read,
    .help = "Usage: mytosis read [OPTION...] UID [FIELD...]\n"
            "\n"
            "Prints a node, or fields of it, with values and states. A FIELD may be a path:\n"
            "friend.name follows the edge friend and reads the field name there. Names may\n"
            "have dots, too: of what is left of a path, the longest beginning that names a\n"
            "field is taken, an edge where more follows.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --json         print JSON with states: a graph, or an object of fields\n"
            "      --plain        print plain values without states, as JSON\n"
            "      --raw          print values alone, text and bytes as they are\n"
            "      --all          show long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis read ada name friend.name\n"
            "\n"
            "Exit codes: 0 done, 1 there is no such node or field, 2 usage, 3 bad input,\n"
            "4 reading or writing failed, or no memory.\n",
};
