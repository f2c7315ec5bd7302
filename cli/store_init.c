/* init and status: making a store, and what there is to know of one. */
#include "clock.h"
#include "message.h"
#include "plugins.h"
#include "remote_print.h"
#include "report.h"
#include "save.h"
#include "shown.h"
#include "store.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *clock_name(unsigned mode)
{
    return mode == MT_CLOCK_LAMPORT ? "lamport" : "hybrid";
}

/* ---- init ---- */

/* An empty file, so that what is there is never touched, whoever else makes a store. */
static cli_exit_code make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0 && close(fd) == 0) return EXIT_DONE;
    if (errno == EEXIST) return cli_complain(EXIT_INPUT, "%s exists; it is left as it is", path);
    return cli_complain(EXIT_SYSTEM, "cannot make %s: %s", path, strerror(errno));
}

/* The store's first record: what it is, and its clock. */
static cli_exit_code make_store(const char *path, mt_clock clock)
{
    mt_storage_write write = {.clock_mode = (uint8_t)clock};
    cli_storage storage;
    cli_exit_code code = cli_storage_open(&storage, path, ACCESS_MAKE);

    if (code != EXIT_DONE) return code;
    if (cli_storage_write(&storage, &write) != MT_OK)
        code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", path, storage.err.text);
    cli_storage_close(&storage);
    return code;
}

cli_exit_code cli_store_make(const char *path, mt_clock clock)
{
    cli_exit_code code = make_file(path);

    if (code != EXIT_DONE) return code;
    if ((code = make_store(path, clock)) != EXIT_DONE) (void)unlink(path);
    return code;
}

static cli_exit_code run_init(const cli_options *options)
{
    const char *clock = options->values[OPTION_CLOCK];
    bool lamport = clock && *clock == 'l';
    const char *path = options->operands[0];
    cli_exit_code code = EXIT_DONE;
    cli_output out;

    if (options->operand_count == 0) code = cli_store_path(options, &path);
    else if (cli_options_has(options, OPTION_STORE))
        code = cli_complain_usage(options, "the store is named twice, by --store and as PATH");
    else code = cli_plugins_load(options);
    if (code == EXIT_DONE)
        code = cli_store_make(path, lamport ? MT_CLOCK_LAMPORT : MT_CLOCK_HYBRID);
    if (code != EXIT_DONE) return code;
    cli_output_standard(&out);
    cli_text_str(&out.text, "made ");
    cli_shown_raw(&out.text, mt_str(path));
    cli_text_printf(&out.text, ", an empty store with a %s clock\n", clock_name(1 + lamport));
    return cli_output_end(&out, EXIT_DONE);
}

/* ---- status ---- */

static void print_status(cli_output *out, const cli_storage *storage)
{
    const mt_storage_info *info = &storage->info;
    bool hybrid = info->clock_mode != MT_CLOCK_LAMPORT;
    uint64_t ahead = hybrid ? cli_clock_ahead(info->clock, cli_clock_now()) : 0;
    cli_table table;
    cli_text *cell;

    cli_table_init(&table, 0);
    cli_shown_raw(cli_table_named(&table, out, "store"), mt_str(storage->path));
    cli_text_count(cli_table_named(&table, out, "size"), cli_storage_bytes(storage), "byte");
    cell = cli_table_named(&table, out, "clock");
    cli_text_str(cell, clock_name(info->clock_mode));
    if (info->clock > 0 && hybrid) {
        cli_text_str(cell, ", last write at ");
        cli_clock_add(cell, info->clock);
    }
    if (ahead > 0) {
        cli_text_str(cell, ", ");
        cli_clock_add_span(cell, ahead);
        cli_text_str(cell, " ahead of now");
    }
    cell = cli_table_named(&table, out, "log");
    if (info->log_first == 0) cli_text_str(cell, "empty");
    else {
        cli_text_str(cell, "changes ");
        cli_text_number(cell, info->log_first);
        cli_text_str(cell, " to ");
        cli_text_number(cell, info->head.number);
    }
    cli_table_print(&table, out);
    cli_table_free(&table);
}

/* The rest comes from the daemon, if there is one. */
static void print_status_json(cli_output *out, const cli_storage *storage)
{
    const mt_storage_info *info = &storage->info;
    bool hybrid = info->clock_mode != MT_CLOCK_LAMPORT;
    cli_text *text = &out->text;

    cli_text_str(text, "{\"store\":");
    cli_text_note(text, mt_json_string(mt_str(storage->path), &text->buf));
    cli_save_number(text, "bytes", cli_storage_bytes(storage));
    cli_text_printf(text, ",\"clock\":{\"mode\":\"%s\"", clock_name(info->clock_mode));
    cli_save_number(text, "state", info->clock);
    if (hybrid) cli_save_number(text, "ahead_ms", cli_clock_ahead(info->clock, cli_clock_now()));
    cli_text_printf(text, "},\"log\":{\"first\":%" PRIu64 ",\"last\":%" PRIu64 "}", info->log_first,
                    info->head.number);
}

static cli_exit_code print_all(const cli_storage *storage, bool json, cli_output *out)
{
    bool is_remote = cli_remote_of(&storage->storage) != NULL;
    cli_exit_code code = EXIT_DONE;

    if (json) print_status_json(out, storage);
    else print_status(out, storage);
    if (json && is_remote) cli_text_str(&out->text, ",\"daemon\":");
    if (is_remote)
        code = cli_remote_print(storage, ADMIN_STATUS, (cli_admin_form){.json = json}, out);
    if (json) cli_text_str(&out->text, "}\n");
    if (code != EXIT_DONE) out->text.buf.len = 0;
    return code;
}

static cli_exit_code run_status(const cli_options *options)
{
    cli_storage storage;
    cli_exit_code code = cli_store_storage(options, ACCESS_READ, &storage);
    cli_output out;

    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    code = print_all(&storage, cli_options_has(options, OPTION_JSON), &out);
    cli_storage_close(&storage);
    return cli_output_end(&out, code);
}

/* ---- The verbs ---- */

const cli_command cli_verb_init = {
    .name = "init",
    .path = "mytosis init",
    .operands = "at most one operand, PATH",
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_CLOCK),
    .run = run_init,
    .help = "Usage: mytosis init [OPTION...] [PATH]\n"
            "\n"
            "Makes an empty store, a file. What is there already is left as it is.\n"
            "\n"
            "      --store PATH   where, if PATH is not given; else MYTOSIS_STORE says\n"
            "      --clock MODE   hybrid (by default): later writes win, by the time of day;\n"
            "                     or lamport: states count writes. It is for ever, and the\n"
            "                     same at all peers\n"
            "\n"
            "Example: mytosis init notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 there is something already, 4 making it failed.\n",
};

const cli_command cli_verb_status = {
    .name = "status",
    .path = "mytosis status",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON),
    .run = run_status,
    .help = "Usage: mytosis status [OPTION...]\n"
            "\n"
            "Says what there is to know of the store without reading its nodes: its size,\n"
            "its clock, and which changes it remembers; and of the daemon that holds it, if\n"
            "one does. doctor counts nodes and fields.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --json         print it as JSON\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis status --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 reading failed, or no memory.\n",
};
