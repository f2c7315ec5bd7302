/* watch: writes and merges what is typed, and prints the events that result. */
#include "event.h"
#include "follow.h"
#include "lines.h"
#include "message.h"
#include "patch.h"
#include "store.h"

#include <string.h>

#define NAME "standard input"

typedef struct watching {
    const cli_options *options;
    cli_store store;
    cli_events events; /* of our own database */
    cli_follow follow; /* of a daemon's */
    cli_lines lines;
} watching;

/* Says what is wrong with a line. Readers take it for the first one. */
static cli_exit_code complain_line(const watching *w, const mt_error *err)
{
    static const char first[] = NAME ":1:";
    bool has_place = strncmp(err->text, first, sizeof first - 1) == 0;

    return cli_complain(cli_exit_of(err->status), "%s:%zu:%s%s", NAME, w->lines.number,
                        has_place ? "" : " ", err->text + (has_place ? sizeof first - 1 : 0));
}

static mt_status write_patch(const watching *w, mt_bytes line, mt_error *err)
{
    cli_patch patch;
    mt_status st = cli_patch_parse(line, NAME, &patch, err);

    if (st != MT_OK) return st;
    st = cli_store_patch(&w->store, patch.rows, patch.row_count, NULL, NULL, err);
    cli_patch_free(&patch);
    return st;
}

/* Whether a text that is neither a graph nor a patch was meant to be a graph: then its fields are no values. */
static bool is_like_graph(const mt_error *as_patch)
{
    return strstr(as_patch->text, "unknown member \"value\"") ||
           strstr(as_patch->text, "unknown member \"state\"");
}

/* A line is a graph or a patch. No text is both, unless it has no fields. */
static mt_status take_line(const watching *w, mt_bytes line, mt_error *err)
{
    mt_graph *graph = NULL;
    mt_error as_graph;
    mt_status st = mt_json_load(mt_mem_system(), NULL, NAME, line, &graph, &as_graph);

    if (st == MT_OK)
        st = cli_store_merge(&w->store, graph, cli_options_has(w->options, OPTION_ALLOW_FUTURE),
                             err);
    else {
        st = write_patch(w, line, err);
        if (st == MT_MALFORMED && is_like_graph(err)) *err = as_graph;
    }
    mt_graph_free(graph);
    return st;
}

static bool is_blank(mt_bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" \t\r", line.data[i]) || !line.data[i]) return false;
    return true;
}

/* Bad lines are left out, and said; what the store refuses to take ends it, and so does that nobody reads `out` any more. */
static cli_exit_code take_lines(watching *w, const cli_output *out)
{
    cli_exit_code code = EXIT_DONE;
    mt_bytes line;

    while (code != EXIT_SYSTEM && !out->quiet && cli_lines_next(&w->lines, &line)) {
        mt_error err = {MT_OK, ""};

        if (!is_blank(line) && take_line(w, line, &err) != MT_OK) code = complain_line(w, &err);
    }
    if (w->lines.error)
        return cli_complain(EXIT_INPUT, "cannot read %s: %s", NAME, strerror(w->lines.error));
    if (w->lines.held.status == MT_TOO_LARGE)
        return cli_complain(EXIT_INPUT, "%s:%zu: a line of more than %zu bytes", NAME,
                            w->lines.number + 1, LINE_LEN_MAX);
    if (w->lines.held.status != MT_OK)
        return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(w->lines.held.status));
    return code;
}

/* The events of a store of our own: only what is typed changes it. */
static cli_exit_code watch_own(watching *w, mt_bytes prefix)
{
    cli_exit_code code;
    mt_status st;

    if (cli_options_has(w->options, OPTION_FOLLOW)) {
        cli_store_close(&w->store);
        return cli_complain(EXIT_DIFFERENT, "no daemon holds %s: nobody else changes it",
                            w->store.path);
    }
    st = cli_events_begin(&w->events, w->options, w->store.db, prefix);
    if (st == MT_OK) code = take_lines(w, &w->events.out);
    else code = cli_store_complain(&w->store, st, "watch");
    cli_store_close(&w->store);
    return cli_events_end(&w->events, code);
}

static cli_exit_code watch_daemon(watching *w, mt_bytes prefix)
{
    cli_exit_code code = EXIT_DONE;

    if (cli_follow_begin(&w->follow, w->options, &w->store, prefix) == MT_OK) {
        w->lines.wait = cli_follow_input;
        w->lines.ctx = &w->follow;
        if (cli_options_has(w->options, OPTION_FOLLOW)) cli_follow_wait(&w->follow);
        else code = take_lines(w, &w->follow.out);
    }
    cli_store_close(&w->store);
    return cli_follow_end(&w->follow, code);
}

static cli_exit_code run_watch(const cli_options *options)
{
    watching w = {.options = options};
    mt_bytes prefix;
    cli_exit_code code = cli_store_prefix(options, &prefix);

    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &w.store);
    if (code != EXIT_DONE) return code;
    cli_lines_init(&w.lines);
    code = w.store.remote ? watch_daemon(&w, prefix) : watch_own(&w, prefix);
    cli_lines_free(&w.lines);
    return code;
}

const cli_command cli_verb_watch = {
    .name = "watch",
    .path = "mytosis watch",
    .operands = "at most one operand, PREFIX",
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_HISTORY) |
                   OPTION_BIT(OPTION_CONFLICTS) | OPTION_BIT(OPTION_ALLOW_FUTURE) |
                   OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_FOLLOW),
    .run = run_watch,
    .help = "Usage: mytosis watch [OPTION...] [PREFIX]\n"
            "\n"
            "Reads lines from standard input, each a patch, {\"uid\":{\"field\":value}}, which is\n"
            "written, or a graph with states, which is merged; and prints what each changed,\n"
            "of all nodes or of those whose uid begins with PREFIX. A bad line is left out.\n"
            "While a daemon holds the store, what others and peers change is printed, too.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "  -f, --follow       read no lines; print what changes until it is interrupted\n"
            "      --history      print also what was overwritten, and what came too late\n"
            "      --conflicts    print also which equal states were settled, and how\n"
            "      --allow-future take states that are more than 10 minutes ahead of now\n"
            "      --all          show long values whole\n"
            "      --json         print an object a line\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: echo '{\"ada\":{\"born\":1815}}' | mytosis watch --history\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};
