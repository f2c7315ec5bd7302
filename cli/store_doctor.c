/* doctor: whether a store is sound, and what it holds. */
#include "clock.h"
#include "inspect.h"
#include "interrupt.h"
#include "message.h"
#include "report.h"
#include "restamp.h"
#include "save.h"
#include "store.h"
#include "store_examine.h"
#include "table.h"

#include <inttypes.h>

/* ---- For a person ---- */

static void print_counts(cli_output *out, const cli_storage *storage, const cli_inspection *seen)
{
    cli_table table;
    cli_text *cell;
    size_t start;

    cli_table_init(&table, 1u << 1);
    cell = cli_table_counted(&table, out, "nodes", seen->nodes);
    start = cell->buf.len;
    cli_text_fact(cell, start, seen->nodes_deleted, "deleted");
    cli_text_fact(cell, start, seen->floors, "with a floor");
    cell = cli_table_counted(&table, out, "fields", seen->fields);
    cli_text_fact(cell, cell->buf.len, seen->fields_deleted, "deleted");
    cell = cli_table_counted(&table, out, "edges", seen->edges);
    cli_text_fact(cell, cell->buf.len, seen->edges_dangling, "lead to no node");
    (void)cli_table_counted(&table, out, "bytes", cli_storage_bytes(storage));
    (void)cli_table_counted(&table, out, "changes", seen->changes);
    (void)cli_table_counted(&table, out, "records", seen->records);
    cell = cli_table_counted(&table, out, "ahead", seen->ahead);
    if (seen->ahead > 0) {
        cli_text_str(cell, "states by more than 10 minutes, the highest by ");
        cli_clock_add_span(cell, cli_clock_ahead(seen->state_max, seen->now));
    }
    (void)cli_table_counted(&table, out, "damaged", seen->damaged);
    cli_table_print(&table, out);
    cli_table_free(&table);
}

static void print_inspection(cli_output *out, const cli_storage *storage,
                             const cli_inspection *seen)
{
    print_counts(out, storage, seen);
    if (seen->damaged == 0) return;
    cli_text_str(&out->text, "\n");
    cli_output_style(out, STYLE_RED);
    cli_text_add(&out->text, mt_buf_bytes(&seen->damage.buf));
    cli_output_style(out, STYLE_PLAIN);
    if (seen->damaged <= DAMAGE_NAMED) return;
    cli_text_str(&out->text, "… and ");
    cli_text_number(&out->text, seen->damaged - DAMAGE_NAMED);
    cli_text_str(&out->text, " more\n");
}

/* ---- For a program ---- */

static void add_damage(cli_text *text, mt_bytes lines)
{
    bool any = false;

    cli_text_str(text, ",\"damage\":[");
    while (lines.len > 0) {
        mt_bytes line = {lines.data, 0};

        while (line.data[line.len] != '\n') line.len++;
        if (any) cli_text_str(text, ",\n");
        cli_text_note(text, mt_json_string(line, &text->buf));
        lines.data += line.len + 1;
        lines.len -= line.len + 1;
        any = true;
    }
    cli_text_str(text, "]");
}

static void print_json(cli_output *out, const cli_storage *storage, const cli_inspection *seen)
{
    cli_text *text = &out->text;

    cli_text_str(text, "{\"store\":");
    cli_text_note(text, mt_json_string(mt_str(storage->path), &text->buf));
    cli_save_number(text, "nodes", seen->nodes);
    cli_save_number(text, "nodes_deleted", seen->nodes_deleted);
    cli_save_number(text, "floors", seen->floors);
    cli_save_number(text, "fields", seen->fields);
    cli_save_number(text, "fields_deleted", seen->fields_deleted);
    cli_save_number(text, "edges", seen->edges);
    cli_save_number(text, "edges_dangling", seen->edges_dangling);
    cli_save_number(text, "value_bytes", seen->value_len);
    cli_save_number(text, "bytes", cli_storage_bytes(storage));
    cli_save_number(text, "changes", seen->changes);
    cli_save_number(text, "records", seen->records);
    cli_save_number(text, "ahead", seen->ahead);
    cli_save_number(text, "damaged", seen->damaged);
    add_damage(text, mt_buf_bytes(&seen->damage.buf));
}

/* ---- The verb ---- */

static cli_exit_code print_all(const cli_storage *storage, const cli_inspection *seen, bool json,
                               cli_output *out)
{
    cli_findings findings = {.form = json ? FINDINGS_JSON : FINDINGS_TEXT, .out = &out->text};
    cli_exit_code code;
    cli_text text;

    cli_text_init(&text);
    findings.out = &text;
    code = cli_examine(storage, seen, &findings);
    if (json) print_json(out, storage, seen);
    else print_inspection(out, storage, seen);
    if (json) cli_text_str(&out->text, ",\"findings\":[");
    else if (findings.count > 0) cli_text_str(&out->text, "\n");
    cli_text_add(&out->text, mt_buf_bytes(&text.buf));
    if (json) cli_text_str(&out->text, "]}\n");
    cli_text_free(&text);
    return code;
}

static cli_exit_code report(const cli_options *options, const cli_storage *storage,
                            const cli_inspection *seen)
{
    const char *file = options->values[OPTION_REPORT];
    cli_exit_code code;
    cli_output out;

    cli_report_output(options, &out);
    code = print_all(storage, seen, cli_options_has(options, OPTION_JSON), &out);
    code = cli_output_end(&out, code);
    if (code == EXIT_DONE && file) code = cli_examine_report(storage, seen, file);
    if (code == EXIT_DONE && seen->damaged > 0)
        code = cli_complain(EXIT_INPUT, "%s is damaged", storage->path);
    return code;
}

/* The clock alone may be ahead, where all that it stamped was overwritten or forgotten. */
static cli_exit_code restamp(const cli_options *options, cli_storage *storage,
                             const cli_inspection *seen)
{
    const char *path = storage->path;
    cli_exit_code code;
    cli_output out;

    if (storage->info.clock_mode == MT_CLOCK_LAMPORT)
        return cli_complain(EXIT_INPUT, "%s has a lamport clock, whose states are no times", path);
    if (seen->damaged > 0)
        return cli_complain(EXIT_INPUT, "%s is damaged, and would lose what cannot be read", path);
    if (seen->ahead > 0 || storage->info.clock >= seen->ahead_from) {
        if (!cli_options_has(options, OPTION_YES))
            return cli_complain(EXIT_DIFFERENT,
                                "%s: %" PRIu64 " states of %" PRIu64 " nodes would be restamped; "
                                "that is sound only while no other replica has them: --yes does it",
                                path, seen->ahead, seen->ahead_nodes);
        code = cli_restamp(storage, seen);
        if (code != EXIT_DONE) return code;
    }
    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON))
        cli_text_printf(&out.text, "{\"restamped\":%" PRIu64 "}\n", seen->ahead);
    else {
        cli_text_str(&out.text, "restamped ");
        cli_text_count(&out.text, seen->ahead, "state");
        cli_text_str(&out.text, " of ");
        cli_text_count(&out.text, seen->ahead_nodes, "node");
        cli_text_str(&out.text, "\n");
    }
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code run_doctor(const cli_options *options)
{
    bool restamps = cli_options_has(options, OPTION_RESTAMP);
    bool reports = cli_options_has(options, OPTION_REPORT);
    cli_inspection seen;
    cli_storage storage;
    cli_exit_code code;

    if (cli_options_has(options, OPTION_YES) && !restamps)
        return cli_complain(EXIT_USAGE, "--yes goes with --restamp, and there is none");
    if (restamps && reports)
        return cli_complain(EXIT_USAGE, "--report and --restamp cannot be combined");
    if (cli_options_has(options, OPTION_CA) && options->operand_count == 0)
        return cli_complain(EXIT_USAGE, "--ca goes with a URL, and there is none");
    if (options->operand_count > 0 && (restamps || reports))
        return cli_complain(EXIT_USAGE, "--%s is of a store, and not of a peer",
                            restamps ? "restamp" : "report");
    if (options->operand_count > 0) return cli_examine_peer(options, options->operands[0]);
    code = cli_store_storage(options, restamps ? ACCESS_ALONE : ACCESS_CHECK, &storage);
    if (code != EXIT_DONE) return code;
    if ((code = cli_inspect(&storage, &seen)) == EXIT_DONE) {
        code = restamps ? restamp(options, &storage, &seen) : report(options, &storage, &seen);
        cli_inspection_free(&seen);
    }
    cli_storage_close(&storage);
    cli_interrupt_end();
    return code;
}

const cli_command cli_verb_doctor = {
    .name = "doctor",
    .path = "mytosis doctor",
    .operands = "at most one operand, URL",
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_RESTAMP) | OPTION_BIT(OPTION_YES) |
                   OPTION_BIT(OPTION_REPORT) | OPTION_BIT(OPTION_CA) | OPTION_BIT(OPTION_JSON),
    .run = run_doctor,
    .help = "Usage: mytosis doctor [OPTION...] [URL]\n"
            "\n"
            "Looks at every page and key of the file, reads every record, and at how the\n"
            "daemon stands with its peers; counts, names damage, and says of all that it\n"
            "finds what to do. Nothing is changed, but by --restamp. With a URL it tries that\n"
            "peer instead: the way, its clock, and what differs.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --report FILE  also write numbers, kinds and versions, to be sent to who\n"
            "                     helps: no uid, name, value, key, URL or path is in it\n"
            "      --restamp      after a wrong clock: give states that are too far ahead,\n"
            "                     which peers refuse, the state of now. Sound only while no\n"
            "                     other replica has them\n"
            "  -y, --yes          with --restamp: do it, instead of saying what would be done\n"
            "      --ca FILE      who certifies a peer at wss://, in PEM\n"
            "      --json         print it as JSON; --color WHEN: auto, always or never\n"
            "\n"
            "Example: mytosis doctor --store notes.mdb\n"
            "\n"
            "Exit codes: 0 sound, 1 there is something to restamp, 2 usage, 3 damage, 4 the\n"
            "peer cannot be reached, reading or writing failed, or no memory.\n",
};
