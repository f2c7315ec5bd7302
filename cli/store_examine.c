#include "store_examine.h"

#include "clock.h"
#include "message.h"
#include "remote_print.h"
#include "report.h"
#include "save.h"
#include "shown.h"
#include "store.h"
#include "table.h"
#include "tls.h"

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- Findings ---- */

static void examine_store(const cli_inspection *seen, cli_findings *findings)
{
    if (seen->damaged > 0)
        cli_findings_add(findings, "damaged", seen->damaged,
                         "All else is read as before. Restore a backup, or make a new store, into "
                         "which peers copy what they have; and look at the disk.",
                         "Damaged records, which are not served: %zu.", seen->damaged);
    if (seen->ahead > 0)
        cli_findings_add(findings, "ahead", seen->ahead,
                         "If the clock of this machine was wrong: mytosis doctor --restamp. Else "
                         "wait: peers take them when their time has come.",
                         "States more than 10 minutes ahead, which peers refuse: %" PRIu64
                         ", of nodes: %" PRIu64 ".",
                         seen->ahead, seen->ahead_nodes);
    if (seen->edges_dangling > 0)
        cli_findings_add(findings, "dangling", seen->edges_dangling,
                         "That is no damage: the nodes were deleted, have not come yet, or are not "
                         "replicated here.",
                         "Edges that lead to no node: %" PRIu64 ".", seen->edges_dangling);
    cli_met_list_examine(&seen->met, cli_clock_now_ms(), findings);
}

static cli_exit_code add_daemon(const cli_storage *storage, bool json, bool is_long, cli_text *text)
{
    cli_admin_form form = {.json = json, .is_long = is_long};
    cli_output out;
    cli_exit_code code;

    cli_output_memory(&out, false);
    code = cli_remote_print(storage, ADMIN_DOCTOR, form, &out);
    if (code == EXIT_DONE) cli_text_add(text, mt_buf_bytes(&out.text.buf));
    cli_text_free(&out.text);
    return code;
}

cli_exit_code cli_examine(const cli_storage *storage, const cli_inspection *seen,
                          cli_findings *findings)
{
    bool json = findings->form != FINDINGS_TEXT;
    cli_text *out = findings->out, more;
    cli_exit_code code;

    examine_store(seen, findings);
    if (!cli_remote_of(&storage->storage)) return EXIT_DONE;
    cli_text_init(&more);
    code = add_daemon(storage, json, true, &more);
    if (json && findings->count > 0 && more.buf.len > 0) cli_text_str(out, ",\n");
    cli_text_add(out, mt_buf_bytes(&more.buf));
    findings->count += more.buf.len > 0;
    cli_text_free(&more);
    return code;
}

/* ---- A report ---- */

static void report_system(cli_text *text)
{
    struct utsname system;

    if (uname(&system) != 0) memset(&system, 0, sizeof system);
    cli_text_str(text, "{\"report\":1,\"version\":\"" MYTOSIS_VERSION "\"");
    cli_text_printf(text, ",\"system\":\"%s\",\"machine\":\"%s\"", system.sysname, system.machine);
    cli_save_number(text, "processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    cli_save_number(text, "pointer_bits", 8 * sizeof(void *));
}

static void report_limits(cli_text *text)
{
    mt_limits limits = {.size = sizeof limits};

    mt_limits_init(&limits);
    cli_text_printf(text, ",\n\"limits\":{\"value_len_max\":%zu", limits.value_len_max);
    cli_save_number(text, "frame_len_max", limits.frame_len_max);
    cli_save_number(text, "block_len_max", limits.block_len_max);
    cli_save_number(text, "expand_max", limits.expand_max);
    cli_text_str(text, "}");
}

static void report_store(cli_text *text, const cli_storage *storage, const cli_inspection *seen)
{
    const mt_storage_info *info = &storage->info;
    bool lamport = info->clock_mode == MT_CLOCK_LAMPORT;
    const char *comma = "";

    cli_text_printf(text, ",\n\"store\":{\"clock\":\"%s\"", lamport ? "lamport" : "hybrid");
    cli_save_number(text, "clock_ahead_ms",
                    lamport ? 0 : cli_clock_ahead(info->clock, cli_clock_now()));
    cli_save_number(text, "log_first", info->log_first);
    cli_save_number(text, "log_last", info->head.number);
    cli_save_number(text, "bytes", cli_storage_bytes(storage));
    cli_save_number(text, "nodes", seen->nodes);
    cli_save_number(text, "nodes_deleted", seen->nodes_deleted);
    cli_save_number(text, "floors", seen->floors);
    cli_save_number(text, "fields", seen->fields);
    cli_save_number(text, "fields_deleted", seen->fields_deleted);
    cli_save_number(text, "edges", seen->edges);
    cli_save_number(text, "edges_dangling", seen->edges_dangling);
    cli_save_number(text, "value_bytes", seen->value_len);
    cli_save_number(text, "changes", seen->changes);
    cli_save_number(text, "records", seen->records);
    cli_save_number(text, "ahead", seen->ahead);
    cli_save_number(text, "damaged", seen->damaged);
    cli_text_str(text, ",\"node_sizes\":[");
    for (size_t i = 0; i < INSPECT_SIZES; i++) {
        if (seen->sizes[i] == 0) continue;
        cli_text_printf(text, "%s{\"below\":%" PRIu64 ",\"nodes\":%" PRIu64 "}", comma,
                        UINT64_C(1) << i, seen->sizes[i]);
        comma = ",";
    }
    cli_text_str(text, "]}");
}

cli_exit_code cli_examine_report(const cli_storage *storage, const cli_inspection *seen,
                                 const char *path)
{
    cli_exit_code code;
    cli_output out;
    cli_findings findings = {.form = FINDINGS_BARE, .out = &out.text};

    if ((code = cli_output_file(&out, path)) != EXIT_DONE) return code;
    report_system(&out.text);
    report_limits(&out.text);
    report_store(&out.text, storage, seen);
    cli_text_str(&out.text, ",\n\"findings\":[");
    examine_store(seen, &findings);
    cli_text_str(&out.text, "],\n\"daemon\":");
    if (cli_remote_of(&storage->storage)) code = add_daemon(storage, true, false, &out.text);
    else cli_text_str(&out.text, "null");
    cli_text_str(&out.text, "}\n");
    return cli_output_end(&out, code);
}

/* ---- A peer ---- */

static void print_peer(const cli_visit_facts *facts, const char *url, cli_output *out)
{
    int64_t ahead = facts->clock_ahead_ms;
    cli_table table;
    cli_text *cell;

    cli_table_init(&table, 0);
    cli_shown_raw(cli_table_named(&table, out, "peer"), mt_str(url));
    cell = cli_table_named(&table, out, "greeting");
    cli_clock_add_span(cell, facts->round_trip_ms);
    cell = cli_table_named(&table, out, "clock");
    cli_clock_add_span(cell, ahead < 0 ? (uint64_t)-ahead : (uint64_t)ahead);
    cli_text_str(cell, ahead < 0 ? " behind" : " ahead");
    cell = cli_table_named(&table, out, "differ");
    cli_text_count(cell, facts->only_there, "node");
    cli_text_str(cell, " only there, ");
    cli_text_number(cell, facts->only_here);
    cli_text_str(cell, " only here, ");
    cli_text_number(cell, facts->on_both);
    cli_text_str(cell, " on both");
    cli_table_print(&table, out);
    cli_table_free(&table);
}

static void print_peer_json(const cli_visit_facts *facts, const char *url, cli_text *text)
{
    cli_text_str(text, "{\"url\":");
    cli_text_note(text, mt_json_string(mt_str(url), &text->buf));
    cli_save_number(text, "round_trip_ms", facts->round_trip_ms);
    cli_text_printf(text, ",\"clock_ahead_ms\":%" PRId64, facts->clock_ahead_ms);
    cli_save_number(text, "only_there", facts->only_there);
    cli_save_number(text, "only_here", facts->only_here);
    cli_save_number(text, "on_both", facts->on_both);
    cli_text_str(text, ",\"findings\":[");
}

static cli_exit_code try_peer(cli_store *store, const char *url, const char *ca,
                              cli_visit_facts *facts)
{
    mt_error err = {MT_OK, ""};
    cli_peer_name name;
    mt_status st = cli_peer_name_read(url, &store->space_file, &name, &err);

    cli_progress("connecting", "");
    if (st == MT_OK) st = cli_store_visit(store, &name, ca, facts, &err);
    cli_progress_end();
    if (st == MT_OK) return EXIT_DONE;
    if (st == MT_REFUSED && facts->lacks & MT_SYNC_LACKS_VERSION)
        return cli_complain(EXIT_SYSTEM, "%s was reached, and does not go on: %s. %s", url,
                            err.text, FINDINGS_VERSION_ADVICE);
    return cli_complain(EXIT_SYSTEM,
                        st == MT_REFUSED ? "%s was reached, and does not go on: %s"
                                         : "%s cannot be reached: %s",
                        url, err.text);
}

cli_exit_code cli_examine_peer(const cli_options *options, const char *url)
{
    bool json = cli_options_has(options, OPTION_JSON);
    cli_store store = {.wants_peers = true, .dry_run = true};
    cli_visit_facts facts = {.ms = 0};
    cli_output out;
    cli_findings findings = {.form = json ? FINDINGS_JSON : FINDINGS_TEXT, .out = &out.text};
    cli_peer_name name;
    cli_exit_code code;
    const char *ca;
    mt_error err;

    if (cli_peer_name_read(url, NULL, &name, &err) != MT_OK)
        return cli_complain(EXIT_USAGE, "%s", err.text);
    if ((code = cli_tls_ca(options, url, &ca)) != EXIT_DONE) return code;
    if ((code = cli_store_open(options, ACCESS_WRITE, &store)) != EXIT_DONE) return code;
    code = try_peer(&store, url, ca, &facts);
    cli_store_close(&store);
    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    if (json) print_peer_json(&facts, url, &out.text);
    else print_peer(&facts, url, &out);
    cli_findings_clock(&findings, url, facts.clock_ahead_ms);
    cli_findings_lacks(&findings, url, facts.lacks);
    if (json) cli_text_str(&out.text, "]}\n");
    return cli_output_end(&out, EXIT_DONE);
}
