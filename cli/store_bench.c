/* bench: what this machine does, measured in a moment and printed to be pasted. */
#include "interrupt.h"
#include "message.h"
#include "report.h"
#include "save.h"
#include "store.h"
#include "store_measure.h"
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RUNS 5
#define SECONDS_DEFAULT 10
#define SECONDS_MAX 3600

typedef struct benching {
    cli_measuring measuring;
    double runs[MEASURES][RUNS];
    uint64_t seconds;
    char *folder; /* OWNED */
} benching;

/* ---- The folder ---- */

static cli_exit_code make_folder(benching *b, const char *where)
{
    static const char form[] = "%s/.mytosis-bench-XXXXXX";
    size_t size = strlen(where) + sizeof form;

    if (!(b->folder = malloc(size)))
        return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    (void)snprintf(b->folder, size, form, where);
    if (mkdtemp(b->folder)) return EXIT_DONE;
    free(b->folder);
    b->folder = NULL;
    return cli_complain(errno == ENOENT || errno == ENOTDIR ? EXIT_INPUT : EXIT_SYSTEM,
                        "cannot make a folder in %s: %s", where, strerror(errno));
}

/* What the measures have made, and no more. */
static void remove_folder(benching *b)
{
    static const char *const names[] = {"one.mdb",  "one.mdb-lock",  "one.mdb-owner",
                                        "many.mdb", "many.mdb-lock", "many.mdb-owner"};
    size_t size;
    char *path;

    if (!b->folder) return;
    size = strlen(b->folder) + 32;
    path = malloc(size);
    for (size_t i = 0; path && i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, size, "%s/%s", b->folder, names[i]);
        (void)unlink(path);
    }
    free(path);
    (void)rmdir(b->folder);
    free(b->folder);
}

/* ---- Measuring ---- */

/* In turn, so that a busy moment spoils a run of each and not all of one. */
static cli_exit_code measure_all(benching *b)
{
    cli_measuring *m = &b->measuring;

    for (size_t run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < MEASURES; i++) {
            cli_progress("measuring", cli_measures[i].what);
            if (cli_measures[i].run(m, &b->runs[i][run]) != MT_OK)
                return cli_complain(cli_exit_of(m->err.status), "cannot measure %s: %s",
                                    cli_measures[i].what, m->err.text);
            if (cli_interrupted()) return cli_complain(EXIT_SYSTEM, "interrupted");
        }
    }
    return EXIT_DONE;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* ---- Printing ---- */

static void print(const benching *b, cli_output *out)
{
    struct utsname system;
    cli_table table;

    if (uname(&system) != 0) memset(&system, 0, sizeof system);
    cli_text_printf(&out->text, "mytosis " MYTOSIS_VERSION ", %s %s, %ld processors\n\n",
                    system.sysname, system.machine, sysconf(_SC_NPROCESSORS_ONLN));
    cli_table_init(&table, 1u << 1);
    for (size_t i = 0; i < MEASURES; i++) {
        const double *runs = b->runs[i];
        cli_text *cell =
            cli_table_counted(&table, out, cli_measures[i].what, (uint64_t)(runs[RUNS / 2] + 0.5));

        cli_text_str(cell, cli_measures[i].unit);
        cell = cli_table_cell_open(&table, 3, STYLE_DIM);
        cli_text_number(cell, (uint64_t)(runs[0] + 0.5));
        cli_text_str(cell, " to ");
        cli_text_number(cell, (uint64_t)(runs[RUNS - 1] + 0.5));
    }
    cli_table_print(&table, out);
    cli_table_free(&table);
    cli_text_printf(&out->text, "\nMedians of %d runs; a node has 5 short texts.\n", RUNS);
}

static void print_json(const benching *b, cli_text *text)
{
    struct utsname system;

    if (uname(&system) != 0) memset(&system, 0, sizeof system);
    cli_text_str(text, "{\"version\":\"" MYTOSIS_VERSION "\"");
    cli_text_printf(text, ",\"system\":\"%s\",\"machine\":\"%s\"", system.sysname, system.machine);
    cli_save_number(text, "processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    cli_save_number(text, "runs", RUNS);
    for (size_t i = 0; i < MEASURES; i++)
        cli_save_number(text, cli_measures[i].name, (uint64_t)(b->runs[i][RUNS / 2] + 0.5));
    cli_text_str(text, "}\n");
}

/* ---- The verb ---- */

static cli_exit_code run_bench(const cli_options *options)
{
    const char *where = options->values[OPTION_STORE_DIR];
    benching b = {.seconds = SECONDS_DEFAULT};
    cli_exit_code code;
    cli_output out;

    if (cli_options_has(options, OPTION_SECONDS)) b.seconds = options->seconds;
    if (b.seconds < 1 || b.seconds > SECONDS_MAX)
        return cli_complain_usage(options, "--seconds takes 1 to %d", SECONDS_MAX);
    cli_interrupt_watch();
    if ((code = make_folder(&b, where ? where : ".")) != EXIT_DONE) return code;
    cli_progress("measuring", "");
    if (cli_measuring_begin(&b.measuring, b.folder,
                            (double)b.seconds / (double)(RUNS * MEASURES)) != MT_OK)
        code = cli_complain(EXIT_SYSTEM, "%s", b.measuring.err.text);
    else code = measure_all(&b);
    cli_progress_end();
    cli_measuring_end(&b.measuring);
    remove_folder(&b);
    cli_interrupt_end();
    if (code != EXIT_DONE) return code;
    for (size_t i = 0; i < MEASURES; i++) qsort(b.runs[i], RUNS, sizeof b.runs[i][0], compare);
    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON)) print_json(&b, &out.text);
    else print(&b, &out);
    return cli_output_end(&out, EXIT_DONE);
}

const cli_command cli_verb_bench = {
    .name = "bench",
    .path = "mytosis bench",
    .operands = "no operands",
    .option_bits =
        OPTION_BIT(OPTION_SECONDS) | OPTION_BIT(OPTION_STORE_DIR) | OPTION_BIT(OPTION_JSON),
    .run = run_bench,
    .help = "Usage: mytosis bench [OPTION...]\n"
            "\n"
            "Measures what this machine does, and prints a table: writes that are durable,\n"
            "reads from the file and from memory, merges, and a first sync of two peers in\n"
            "one process. What it makes for that it removes. Stores that there are, are left\n"
            "alone.\n"
            "\n"
            "      --seconds N      how long, about: 10, unless it is given\n"
            "      --store-dir DIR  where its stores are made: on the disk that is meant. The\n"
            "                       folder at hand, unless it is given\n"
            "      --json           print the medians as JSON\n"
            "      --color WHEN     auto, always or never\n"
            "\n"
            "Example: mytosis bench --seconds 30 --store-dir /mnt/data\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 there is no such folder, 4 it failed.\n",
};
