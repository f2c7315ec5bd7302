/* ls and log: what a store holds, and what changed in it. */
#include "message.h"
#include "report.h"
#include "save.h"
#include "shown.h"
#include "store.h"
#include "table.h"

#include <mytosis/blocking.h>

#include <inttypes.h>
#include <string.h>

/* A list that is being printed, for a person or as an array of JSON with an item a line. */
typedef struct list {
    const cli_options *options;
    bool json;
    cli_output out;
    cli_table table;
    size_t count; /* items so far */
} list;

static void list_begin(list *l, const cli_options *options, unsigned right)
{
    *l = (list){.options = options, .json = cli_options_has(options, OPTION_JSON)};
    cli_report_output(options, &l->out);
    cli_table_init(&l->table, right);
    if (l->json) cli_text_str(&l->out.text, "[");
}

/* Begins the next item: a line of the table, or its place in the array. */
static void list_next(list *l)
{
    if (l->json) {
        if (l->count > 0) cli_text_str(&l->out.text, ",\n");
    } else {
        cli_table_next(&l->table, &l->out);
    }
    l->count++;
    cli_output_flow(&l->out);
}

/* Whether another item is wanted. */
static bool list_goes_on(const list *l)
{
    return l->count < l->options->limit && !l->out.quiet && !l->out.error;
}

static cli_exit_code list_end(list *l, cli_exit_code code)
{
    cli_table_print(&l->table, &l->out);
    cli_table_free(&l->table);
    if (l->json) cli_text_str(&l->out.text, "]\n");
    return cli_output_end(&l->out, code);
}

static void add_member(list *l, const char *name, mt_bytes text)
{
    cli_text_str(&l->out.text, name);
    cli_text_note(&l->out.text, mt_json_string(text, &l->out.text.buf));
}

/* ---- ls ---- */

typedef struct node_list {
    list list;
    mt_bytes prefix;
    bool is_long;
    size_t fields; /* of the node at hand, so far */
} node_list;

static void add_node(node_list *n, mt_bytes uid)
{
    list *l = &n->list;

    list_next(l);
    if (!l->json) {
        cli_shown_key(cli_table_cell_open(&l->table, 0, STYLE_PLAIN), uid);
        if (n->is_long)
            cli_text_count(cli_table_cell_open(&l->table, 1, STYLE_PLAIN), n->fields, "field");
    } else if (n->is_long) {
        add_member(l, "{\"uid\":", uid);
        cli_text_printf(&l->out.text, ",\"fields\":%zu}", n->fields);
    } else {
        add_member(l, "", uid);
    }
    n->fields = 0;
}

static bool list_row(void *ctx, mt_db *db, const mt_row *row)
{
    node_list *n = ctx;

    (void)db;
    if (cli_store_left_out(n->prefix, row->uid)) return true;
    n->fields += row->count;
    if (!row->more) add_node(n, row->uid);
    return row->more || list_goes_on(&n->list);
}

static cli_exit_code run_ls(const cli_options *options)
{
    cli_store store = {.path = NULL};
    mt_range range = {.deleted = false};
    mt_status st = MT_OK;
    cli_exit_code code = cli_store_prefix(options, &range.prefix);
    node_list n;

    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_READ, &store);
    if (code != EXIT_DONE) return code;
    n = (node_list){.prefix = range.prefix, .is_long = cli_options_has(options, OPTION_LONG)};
    list_begin(&n.list, options, 0);
    if (list_goes_on(&n.list)) st = mt_stream_wait(store.db, &range, list_row, &n);
    if (st != MT_OK && list_goes_on(&n.list)) code = cli_store_complain(&store, st, "list");
    code = list_end(&n.list, code);
    cli_store_close(&store);
    return code;
}

/* ---- log ---- */

#define CHANGES_PAGE 1000

enum { LOG_NUMBER, LOG_UID, LOG_FIELDS, LOG_ORIGIN };

/* As text, or the bytes as JSON has them. */
static void print_origin(cli_text *cell, mt_bytes origin)
{
    static const char before[] = "{\"bytes\":\"", after[] = "\"}";
    size_t around = sizeof before - 1 + sizeof after - 1;
    mt_bytes shown;
    cli_text name;

    cli_text_init(&name);
    cli_save_name(&name, origin);
    shown = mt_buf_bytes(&name.buf);
    if (shown.len <= around || memcmp(shown.data, before, sizeof before - 1) != 0) shown = origin;
    else shown = (mt_bytes){shown.data + sizeof before - 1, shown.len - around};
    cli_shown_raw(cell, shown);
    cli_text_free(&name);
}

static void print_change(list *l, const mt_storage_change *change)
{
    cli_text *cell = cli_table_cell_open(&l->table, LOG_NUMBER, STYLE_DIM);

    cli_text_printf(cell, "%" PRIu64, change->number);
    cli_shown_key(cli_table_cell_open(&l->table, LOG_UID, STYLE_BOLD), change->uid);
    cell = cli_table_cell_open(&l->table, LOG_FIELDS, STYLE_PLAIN);
    if (change->all) cli_text_str(cell, "(all)");
    for (size_t i = 0; i < change->name_count; i++) {
        if (i > 0) cli_text_str(cell, ", ");
        cli_shown_key(cell, change->names[i]);
    }
    if (change->origin.len == 0) return;
    cell = cli_table_cell_open(&l->table, LOG_ORIGIN, STYLE_CYAN);
    cli_text_str(cell, "from ");
    print_origin(cell, change->origin);
}

static void print_change_json(list *l, const mt_storage_change *change)
{
    cli_text *text = &l->out.text;

    cli_text_printf(text, "{\"number\":%" PRIu64, change->number);
    add_member(l, ",\"uid\":", change->uid);
    if (change->all) {
        cli_text_str(text, ",\"all\":true");
    } else {
        cli_text_str(text, ",\"fields\":[");
        for (size_t i = 0; i < change->name_count; i++)
            add_member(l, i > 0 ? "," : "", change->names[i]);
        cli_text_str(text, "]");
    }
    if (change->origin.len > 0) {
        cli_text_str(text, ",\"origin\":");
        cli_save_name(text, change->origin);
    }
    cli_text_str(text, "}");
}

static void take_changes(void *ctx, const mt_storage_answer *answer)
{
    list *l = ctx;

    for (size_t i = 0; i < answer->change_count && list_goes_on(l); i++) {
        list_next(l);
        if (l->json) print_change_json(l, &answer->changes[i]);
        else print_change(l, &answer->changes[i]);
    }
}

/* Where the log is read from: behind --since, else from its beginning, of which older entries may be gone. */
static mt_cursor first_cursor(const cli_options *options, const cli_storage *storage)
{
    mt_cursor at = storage->info.head;

    if (cli_options_has(options, OPTION_SINCE)) at.number = options->since;
    else at.number = storage->info.log_first > 0 ? storage->info.log_first - 1 : 0;
    return at.number > 0 ? at : (mt_cursor){.number = 0};
}

static cli_exit_code list_changes(list *l, cli_storage *storage)
{
    mt_cursor at = first_cursor(l->options, storage);
    mt_status st = MT_OK;

    if (at.number >= storage->info.head.number) return EXIT_DONE;
    do {
        st = cli_storage_changes(storage, &at, CHANGES_PAGE, take_changes, l);
        at = storage->next;
    } while (st == MT_OK && !storage->end && list_goes_on(l));
    if (st == MT_OK || !list_goes_on(l)) return EXIT_DONE;
    if (st == MT_STALE)
        return cli_complain(EXIT_INPUT, "the log of %s no longer has what followed %" PRIu64,
                            storage->path, l->options->since);
    return cli_complain(cli_exit_of(st), "%s: %s", storage->path, storage->err.text);
}

static cli_exit_code run_log(const cli_options *options)
{
    cli_storage storage;
    cli_exit_code code = cli_store_storage(options, ACCESS_READ, &storage);
    list l;

    if (code != EXIT_DONE) return code;
    list_begin(&l, options, 1u << LOG_NUMBER);
    code = list_end(&l, list_goes_on(&l) ? list_changes(&l, &storage) : EXIT_DONE);
    cli_storage_close(&storage);
    return code;
}

/* ---- The verbs ---- */

const cli_command cli_verb_ls = {
    .name = "ls",
    .path = "mytosis ls",
    .operands = "at most one operand, PREFIX",
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_LONG) |
                   OPTION_BIT(OPTION_LIMIT),
    .run = run_ls,
    .help = "Usage: mytosis ls [OPTION...] [PREFIX]\n"
            "\n"
            "Lists the uids of the nodes, or of those whose uid begins with PREFIX, in order.\n"
            "Deleted nodes are not listed.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "  -l, --long         with the number of fields\n"
            "      --limit N      the first N nodes, at most\n"
            "      --json         print an array of uids; with --long, of objects\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis ls --long note/\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 reading or writing failed, or no\n"
            "memory.\n",
};

const cli_command cli_verb_log = {
    .name = "log",
    .path = "mytosis log",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_SINCE) |
                   OPTION_BIT(OPTION_LIMIT),
    .run = run_log,
    .help = "Usage: mytosis log [OPTION...]\n"
            "\n"
            "Lists the changes that the store remembers, oldest first: their number, which\n"
            "node, which of its fields or all, and the peer that they came from, if they\n"
            "were not written here. A newer change of a node takes the place of older ones.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --since N      only changes after the number N; it is an error if some\n"
            "                     of them are no longer remembered\n"
            "      --limit N      the first N changes, at most\n"
            "      --json         print an array of objects\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis log --since 1204\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, damage or forgotten, 4 reading or\n"
            "writing failed, or no memory.\n",
};
