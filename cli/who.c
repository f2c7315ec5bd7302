/* who and revoke: the devices of a space. */
#include "keys.h"
#include "message.h"
#include "remote_print.h"
#include "report.h"
#include "store.h"
#include "wait.h"

#include <mytosis/host.h>

#include <string.h>

static cli_exit_code complain_none(const char *path)
{
    return cli_complain(EXIT_DIFFERENT,
                        "%s is in no space; mytosis share begins one, mytosis join joins one",
                        path);
}

/* ---- who ---- */

static cli_exit_code who_own(const cli_options *options, const cli_admin_form *form,
                             cli_output *out)
{
    cli_store store = {.path = NULL};
    cli_exit_code code = cli_store_open(options, ACCESS_READ, &store);

    if (code != EXIT_DONE) return code;
    if (store.member) cli_member_print(store.member, form, out);
    else code = complain_none(store.path);
    cli_store_close(&store);
    return code;
}

static cli_exit_code run_who(const cli_options *options)
{
    cli_admin_form form = {.json = cli_options_has(options, OPTION_JSON),
                           .is_long = cli_options_has(options, OPTION_LONG)};
    cli_storage storage;
    cli_exit_code code = cli_store_storage(options, ACCESS_READ, &storage);
    cli_output out;
    bool is_remote;

    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    is_remote = cli_remote_of(&storage.storage) != NULL;
    if (is_remote) code = cli_remote_print(&storage, ADMIN_WHO, form, &out);
    cli_storage_close(&storage);
    if (!is_remote) code = who_own(options, &form, &out);
    return cli_output_end(&out, code);
}

/* ---- revoke ---- */

static cli_exit_code revoke_own(const char *digits, cli_store *store, cli_output *out)
{
    cli_wait w = {.answered = false};
    mt_status st;

    if (!store->member) return complain_none(store->path);
    st = cli_member_revoke(store->member, digits, &out->text, cli_wait_answered, &w, &w.err);
    if (st == MT_OK) st = cli_wait_for(mt_loop_env(store->loop), &w);
    if (st == MT_OK) return EXIT_DONE;
    out->text.buf.len = 0;
    return cli_complain(st == MT_NOT_FOUND ? EXIT_DIFFERENT : cli_exit_of(st), "%s", w.err.text);
}

static cli_exit_code revoke_remote(const char *digits, const cli_storage *storage, cli_output *out)
{
    cli_text body;

    cli_text_init(&body);
    cli_pack_bytes(&body, mt_str(digits));
    return cli_remote_say(storage, ADMIN_REVOKE, &body, out);
}

static cli_exit_code run_revoke(const cli_options *options)
{
    const char *digits = options->operands[0];
    cli_store store = {.wants_peers = true};
    cli_storage storage;
    cli_exit_code code;
    cli_output out;
    bool is_remote;

    if (strlen(digits) < 4 || strlen(digits) > 2 * MT_DEVICE_LEN ||
        strspn(digits, "0123456789abcdefABCDEF") != strlen(digits))
        return cli_complain_usage(
            options, "a device is named by 4 or more of its digits, not \"%s\"", digits);
    if ((code = cli_store_storage(options, ACCESS_READ, &storage)) != EXIT_DONE) return code;
    cli_report_output(options, &out);
    is_remote = cli_remote_of(&storage.storage) != NULL;
    if (is_remote) code = revoke_remote(digits, &storage, &out);
    cli_storage_close(&storage);
    if (!is_remote && (code = cli_store_open(options, ACCESS_ALONE, &store)) == EXIT_DONE) {
        code = revoke_own(digits, &store, &out);
        cli_store_close(&store);
    }
    return cli_output_end(&out, code);
}

/* ---- The verbs ---- */

const cli_command cli_verb_who = {
    .name = "who",
    .path = "mytosis who",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_LONG) | OPTION_BIT(OPTION_JSON),
    .run = run_who,
    .help = "Usage: mytosis who [OPTION...]\n"
            "\n"
            "Lists the devices of the space: what each may do, where, from when and until\n"
            "when; and whether it is linked now, or was revoked.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "  -l, --long         all digits of each device\n"
            "      --json         print an array of objects\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis who --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 the store is in no space, 2 usage, 3 bad input, 4 reading\n"
            "failed, or no memory.\n",
};

const cli_command cli_verb_revoke = {
    .name = "revoke",
    .path = "mytosis revoke",
    .operands = "an operand, DEVICE",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE),
    .run = run_revoke,
    .help = "Usage: mytosis revoke [OPTION...] DEVICE\n"
            "\n"
            "Takes back all that a device was given, and what it has given to others: its\n"
            "links end at once, and each peer refuses it once it has learned of this, which\n"
            "spreads as data does. What it has read it keeps. DEVICE is its name as mytosis\n"
            "who shows it, or the first 4 or more of its digits. Only who gave it, or stands\n"
            "above, can take it back. That is for good, but a new ticket lets it in anew.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "\n"
            "Example: mytosis revoke 5d2f9c01a3b4 --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 there is no such device, 2 usage, 3 bad input, or this\n"
            "device may not, 4 it failed.\n",
};
