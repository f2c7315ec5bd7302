/* restore: a backup takes the place of a store. */
#include "inspect.h"
#include "key_copy.h"
#include "message.h"
#include "report.h"
#include "save.h"
#include "shown.h"
#include "store.h"
#include "store_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_LEN ((size_t)1024 * 1024)

/* How many stores that were replaced are kept, each under a name of its own. */
#define KEPT_MAX 100

typedef struct restoring {
    const char *file, *path;
    cli_hold hold;
    cli_output out;
    cli_inspection seen;
    char *kept; /* the name of what was there; NULL: nothing was. OWNED */
    bool is_kept;
} restoring;

/* ---- The copy ---- */

static cli_exit_code copy_bytes(const restoring *r, int from)
{
    char *piece = malloc(PIECE_LEN);
    cli_exit_code code = EXIT_DONE;
    ssize_t len = piece ? 1 : 0;

    if (!piece) return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    while (code == EXIT_DONE && len > 0) {
        len = read(from, piece, PIECE_LEN);
        if (len < 0 && errno == EINTR) len = 1;
        else if (len < 0)
            code = cli_complain(EXIT_INPUT, "cannot read %s: %s", r->file, strerror(errno));
        else if (!cli_output_all(r->out.fd, piece, (size_t)len))
            code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", r->path, strerror(errno));
    }
    free(piece);
    return code;
}

/* A store is a backup, too, unless somebody writes it. */
static cli_exit_code copy_file(const restoring *r)
{
    int from = open(r->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    cli_exit_code code = EXIT_DONE;
    struct stat facts;

    if (from < 0 || fstat(from, &facts) != 0)
        code = cli_complain(EXIT_INPUT, "cannot read %s: %s", r->file, strerror(errno));
    else if (!S_ISREG(facts.st_mode))
        code = cli_complain(EXIT_INPUT, "%s is no backup: it is no regular file", r->file);
    else if (facts.st_dev == r->hold.found.st_dev && facts.st_ino == r->hold.found.st_ino)
        code = cli_complain(EXIT_USAGE, "%s is the store itself", r->file);
    else if (flock(from, LOCK_SH | LOCK_NB) != 0)
        code = cli_complain(EXIT_SYSTEM,
                            "%s is held by another: what is in use is copied by mytosis backup",
                            r->file);
    else code = copy_bytes(r, from);
    if (from >= 0) (void)close(from);
    return code;
}

/* What is checked is what will be there. */
static cli_exit_code check_copy(restoring *r)
{
    cli_exit_code code;
    cli_storage copy;

    if (cli_storage_try(&copy, r->out.temporary, ACCESS_CHECK) != MT_OK) {
        const char *name = strrchr(r->out.temporary, '/'), *why = copy.err.text;

        /* What the engine says begins with a name that nobody knows. */
        name = strstr(why, name ? name : r->out.temporary);
        why = name ? strchr(name, ' ') : NULL;
        return cli_complain(EXIT_INPUT, "%s%s", r->file, why ? why : " is no backup");
    }
    copy.path = r->file;
    if ((code = cli_inspect(&copy, &r->seen)) == EXIT_DONE && r->seen.damaged > 0)
        code = cli_complain(EXIT_INPUT,
                            "%s is damaged, and not restored: mytosis doctor --store %s says how",
                            r->file, r->file);
    cli_storage_close(&copy);
    return code;
}

/* ---- What was there ---- */

/* By a second name, so that at any time there is a store at the first. */
static cli_exit_code keep_old(restoring *r)
{
    size_t size = strlen(r->out.target) + 32;

    if (r->hold.made) return EXIT_DONE;
    if (!(r->kept = malloc(size)))
        return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    for (int i = 1; i <= KEPT_MAX && !r->is_kept; i++) {
        if (i == 1) (void)snprintf(r->kept, size, "%s.before-restore", r->out.target);
        else (void)snprintf(r->kept, size, "%s.before-restore-%d", r->out.target, i);
        r->is_kept = link(r->out.target, r->kept) == 0;
        if (!r->is_kept && errno != EEXIST) break;
    }
    if (r->is_kept) return EXIT_DONE;
    return cli_complain(EXIT_SYSTEM, "%s cannot be kept as %s: %s", r->path, r->kept,
                        strerror(errno));
}

/* ---- The verb ---- */

static cli_exit_code report(const cli_options *options, const restoring *r)
{
    cli_output out;

    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON)) {
        cli_text_str(&out.text, "{\"store\":");
        cli_text_note(&out.text, mt_json_string(mt_str(r->path), &out.text.buf));
        cli_save_number(&out.text, "nodes", r->seen.nodes);
        cli_save_number(&out.text, "fields", r->seen.fields);
        if (r->is_kept) {
            cli_text_str(&out.text, ",\"kept\":");
            cli_text_note(&out.text, mt_json_string(mt_str(r->kept), &out.text.buf));
        }
        cli_text_str(&out.text, "}\n");
    } else {
        cli_text_str(&out.text, "restored ");
        cli_shown_raw(&out.text, mt_str(r->path));
        cli_text_str(&out.text, " from ");
        cli_shown_raw(&out.text, mt_str(r->file));
        cli_text_str(&out.text, ": ");
        cli_text_count(&out.text, r->seen.nodes, "node");
        cli_text_str(&out.text, ", ");
        cli_text_count(&out.text, r->seen.fields, "field");
        if (r->is_kept) {
            cli_text_str(&out.text, "; what was there is ");
            cli_shown_raw(&out.text, mt_str(r->kept));
        }
        cli_text_str(&out.text, "\n");
    }
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code put_in_place(restoring *r, bool keys)
{
    cli_exit_code code = cli_output_file(&r->out, r->path);

    if (code != EXIT_DONE) return code;
    cli_progress("restoring", r->path);
    code = copy_file(r);
    if (code == EXIT_DONE) code = check_copy(r);
    if (code == EXIT_DONE && keys) code = cli_key_copy(r->file, r->path, false);
    if (code == EXIT_DONE) code = cli_hold_alone(&r->hold);
    if (code == EXIT_DONE) code = keep_old(r);
    code = cli_output_end(&r->out, code);
    cli_progress_end();
    if (code != EXIT_DONE && r->is_kept) (void)unlink(r->kept);
    return code;
}

static cli_exit_code run_restore(const cli_options *options)
{
    bool keys = cli_options_has(options, OPTION_KEYS);
    restoring r = {.file = options->operands[0]};
    cli_exit_code code = cli_store_path(options, &r.path);

    if (code == EXIT_DONE && strcmp(r.file, "-") == 0)
        code = cli_complain_usage(options, "FILE is a file, not \"-\"");
    if (code == EXIT_DONE && keys) code = cli_key_copy_check(r.file, r.path, false);
    if (code == EXIT_DONE) code = cli_hold_begin(&r.hold, r.path, "restore", true);
    if (code != EXIT_DONE) return code;
    if (!r.hold.made && !cli_options_has(options, OPTION_FORCE))
        code = cli_complain(EXIT_INPUT, "%s exists; it is left as it is, but for --force", r.path);
    else code = put_in_place(&r, keys);
    cli_hold_end(&r.hold, code != EXIT_DONE);
    if (code == EXIT_DONE) code = report(options, &r);
    cli_inspection_free(&r.seen);
    free(r.kept);
    return code;
}

const cli_command cli_verb_restore = {
    .name = "restore",
    .path = "mytosis restore",
    .operands = "an operand, FILE",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_KEYS) |
                   OPTION_BIT(OPTION_JSON),
    .run = run_restore,
    .help = "Usage: mytosis restore [OPTION...] FILE\n"
            "\n"
            "Makes a store of FILE, a backup, once every record of it has been checked. With\n"
            "--force it takes the place of one, which is kept as STORE.before-restore. Peers\n"
            "notice, and bring back what they have. No daemon may hold the store.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --force        also where there is a store\n"
            "      --keys         the secrets of the device, too, from FILE-keys. Two stores\n"
            "                     that have the same are never to run beside each other\n"
            "      --json         print what is in it, as JSON\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis restore /mnt/notes.backup --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 no keys are in FILE-keys, 2 usage, 3 FILE is damaged, or\n"
            "there is a store, 4 it is held, writing failed, or no memory.\n",
};
