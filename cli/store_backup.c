/* backup and compact: copies of a store without its free pages, beside it and in its place. */
#include "inspect.h"
#include "key_copy.h"
#include "message.h"
#include "report.h"
#include "save.h"
#include "shown.h"
#include "store.h"
#include "store_hold.h"

#include <mytosis/plugin/kv_lmdb.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Both ---- */

/* Writes a copy of the store to what will be `out`. */
static cli_exit_code copy_store(const char *path, bool held, cli_output *out)
{
    mt_kv_lmdb_copy_options options = {.size = sizeof options, .held = held};
    mt_error err = {MT_OK, ""};
    mt_status st;

    if (!out->temporary) return cli_complain(EXIT_INPUT, "%s is no regular file", out->name);
    cli_progress(held ? "compacting" : "backing up", path);
    st = mt_kv_lmdb_copy(path, out->temporary, &options, &err);
    cli_progress_end();
    return st == MT_OK ? EXIT_DONE : cli_storage_complain(&err);
}

/* Opens what was copied, page by page. */
static cli_exit_code open_copy(const cli_output *out, const char *path, cli_storage *copy)
{
    if (cli_storage_try(copy, out->temporary, ACCESS_CHECK) == MT_OK) return EXIT_DONE;
    return cli_complain(EXIT_INPUT,
                        "%s is damaged, and so is a copy of it; mytosis doctor says how", path);
}

static uint64_t len_of(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

/* ---- backup ---- */

typedef struct backing_up {
    const char *path, *file;
    cli_output out;
    uint64_t bytes, change; /* of the copy: its length, and the newest change in it */
} backing_up;

static cli_exit_code make_backup(backing_up *b)
{
    struct stat facts;
    cli_storage copy;
    cli_exit_code code = copy_store(b->path, false, &b->out);

    if (code == EXIT_DONE) code = open_copy(&b->out, b->path, &copy);
    if (code != EXIT_DONE) return code;
    b->bytes = cli_storage_bytes(&copy);
    b->change = copy.info.head.number;
    cli_storage_close(&copy);
    if (stat(b->path, &facts) != 0 || chmod(b->out.temporary, facts.st_mode & 0777) != 0)
        code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", b->file, strerror(errno));
    return code;
}

static cli_exit_code report_backup(const cli_options *options, const backing_up *b)
{
    cli_output out;

    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON)) {
        cli_text_str(&out.text, "{\"store\":");
        cli_text_note(&out.text, mt_json_string(mt_str(b->path), &out.text.buf));
        cli_text_str(&out.text, ",\"file\":");
        cli_text_note(&out.text, mt_json_string(mt_str(b->file), &out.text.buf));
        cli_save_number(&out.text, "bytes", b->bytes);
        cli_save_number(&out.text, "change", b->change);
        cli_text_str(&out.text, "}\n");
    } else {
        cli_text_str(&out.text, "backed up ");
        cli_shown_raw(&out.text, mt_str(b->path));
        cli_text_str(&out.text, " to ");
        cli_shown_raw(&out.text, mt_str(b->file));
        cli_text_str(&out.text, ": ");
        cli_text_count(&out.text, b->bytes, "byte");
        cli_text_str(&out.text, ", up to change ");
        cli_text_number(&out.text, b->change);
        cli_text_str(&out.text, "\n");
    }
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code check_file(const cli_options *options, const char *path, const char *file)
{
    struct stat there, store;

    if (strcmp(file, "-") == 0) return cli_complain_usage(options, "FILE is a file, not \"-\"");
    if (lstat(file, &there) != 0) return EXIT_DONE;
    if (stat(file, &there) == 0 && stat(path, &store) == 0 && there.st_dev == store.st_dev &&
        there.st_ino == store.st_ino)
        return cli_complain(EXIT_USAGE, "%s is the store itself", file);
    if (cli_options_has(options, OPTION_FORCE)) return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s exists; it is left as it is, but for --force", file);
}

static cli_exit_code run_backup(const cli_options *options)
{
    bool keys = cli_options_has(options, OPTION_KEYS);
    bool over = cli_options_has(options, OPTION_FORCE);
    backing_up b = {.file = options->operands[0]};
    cli_exit_code code = cli_store_path(options, &b.path);

    if (code == EXIT_DONE) code = check_file(options, b.path, b.file);
    if (code == EXIT_DONE && keys) code = cli_key_copy_check(b.path, b.file, over);
    if (code == EXIT_DONE) code = cli_output_file(&b.out, b.file);
    if (code != EXIT_DONE) return code;
    code = make_backup(&b);
    /* Before the backup is there: one that is has what it should have. */
    if (code == EXIT_DONE && keys) code = cli_key_copy(b.path, b.file, over);
    code = cli_output_end(&b.out, code);
    return code == EXIT_DONE ? report_backup(options, &b) : code;
}

/* ---- compact ---- */

/* Every record of the copy is read before it takes the place of the store. */
static cli_exit_code check_copy(const cli_output *out, const char *path)
{
    cli_storage copy;
    cli_exit_code code = open_copy(out, path, &copy);
    cli_inspection seen;

    if (code != EXIT_DONE) return code;
    copy.path = path;
    code = cli_inspect(&copy, &seen);
    if (code == EXIT_DONE) {
        if (seen.damaged > 0)
            code = cli_complain(EXIT_INPUT,
                                "%s is damaged, and left as it is; mytosis doctor says how", path);
        cli_inspection_free(&seen);
    }
    cli_storage_close(&copy);
    return code;
}

static cli_exit_code report_compacted(const cli_options *options, const char *path, uint64_t before,
                                      uint64_t after)
{
    cli_output out;

    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON)) {
        cli_text_str(&out.text, "{\"store\":");
        cli_text_note(&out.text, mt_json_string(mt_str(path), &out.text.buf));
        cli_save_number(&out.text, "before", before);
        cli_save_number(&out.text, "after", after);
        cli_text_str(&out.text, "}\n");
    } else {
        cli_shown_raw(&out.text, mt_str(path));
        cli_text_str(&out.text, ": ");
        cli_text_count(&out.text, before, "byte");
        cli_text_str(&out.text, " before, ");
        cli_text_number(&out.text, after);
        cli_text_str(&out.text, " after\n");
    }
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code run_compact(const cli_options *options)
{
    uint64_t before = 0, after = 0;
    const char *path = NULL;
    cli_output out;
    cli_hold hold;
    cli_exit_code code = cli_store_path(options, &path);

    if (code == EXIT_DONE) code = cli_hold_begin(&hold, path, "compact", false);
    if (code != EXIT_DONE) return code;
    before = (uint64_t)hold.found.st_size;
    code = cli_output_file(&out, path);
    if (code == EXIT_DONE) {
        code = copy_store(path, true, &out);
        if (code == EXIT_DONE) code = check_copy(&out, path);
        if (code == EXIT_DONE) after = len_of(out.temporary);
        if (code == EXIT_DONE) code = cli_hold_alone(&hold);
        code = cli_output_end(&out, code);
    }
    cli_hold_end(&hold, false);
    return code == EXIT_DONE ? report_compacted(options, path, before, after) : code;
}

/* ---- The verbs ---- */

const cli_command cli_verb_backup = {
    .name = "backup",
    .path = "mytosis backup",
    .operands = "an operand, FILE",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_KEYS) |
                   OPTION_BIT(OPTION_JSON),
    .run = run_backup,
    .help = "Usage: mytosis backup [OPTION...] FILE\n"
            "\n"
            "Writes a copy of the store, as it is at one moment, to FILE, without the pages\n"
            "that are free. A daemon that holds the store goes on meanwhile. FILE is there\n"
            "whole or not at all, and is a store itself. Without --keys the secrets of the\n"
            "device are not in it; mytosis keys export seals them with a passphrase.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --force        write over FILE\n"
            "      --keys         copy the secrets, too, as they are, to the folder FILE-keys\n"
            "      --json         print what was copied, as JSON\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis backup /mnt/notes.backup --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 there is no store, it is damaged, or FILE is\n"
            "there, 4 reading or writing failed, or no memory.\n",
};

const cli_command cli_verb_compact = {
    .name = "compact",
    .path = "mytosis compact",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON),
    .run = run_compact,
    .help = "Usage: mytosis compact [OPTION...]\n"
            "\n"
            "Gives back to the disk what the store no longer uses: writes it anew beside\n"
            "itself, checks every record, and puts that in its place at once. Whatever ends\n"
            "it, the store is the old one or the new one. There must be room for both, and\n"
            "no daemon may hold it.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --json         print the sizes as JSON\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis compact --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 there is no store, or it is damaged, 4 it is\n"
            "held, writing failed, or no memory.\n",
};
