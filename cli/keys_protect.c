/* keys protect: keys get a passphrase, another one, or none. */
#include "keys_group.h"
#include "passphrase.h"
#include "report.h"
#include "store.h"

#include <mytosis/host.h>

/* The keys that are about to be written anew. */
typedef struct opened_keys {
    bool is_there[KEY_RECOVERY + 1];
    uint8_t seeds[KEY_RECOVERY + 1][MT_KEY_LEN];
} opened_keys;

/* Opens each; without a passphrase wanted, only those that have one. */
static cli_exit_code open_all(const cli_key_folder *folder, bool off, opened_keys *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_exit_code code = EXIT_DONE;

    for (cli_key_kind kind = KEY_DEVICE; code == EXIT_DONE && kind <= KEY_RECOVERY; kind++) {
        cli_key_path path = cli_key_folder_path(folder, kind);
        cli_key_file file = {.is_sealed = false};

        code = cli_key_folder_read(folder, kind, &file);
        out->is_there[kind] = code == EXIT_DONE && (file.is_sealed || !off);
        if (out->is_there[kind])
            code = cli_key_open(&file, path.text, folder->path, out->seeds[kind]);
        if (code == EXIT_DIFFERENT) code = EXIT_DONE;
        crypto->wipe(crypto->ctx, &file, sizeof file);
    }
    return code;
}

/* All are written before the first takes its place: a failure leaves all as they were. */
static cli_exit_code write_all(cli_key_folder *folder, const opened_keys *keys,
                               const mt_bytes *passphrase)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_exit_code code = EXIT_DONE;

    for (cli_key_kind kind = KEY_DEVICE; code == EXIT_DONE && kind <= KEY_RECOVERY; kind++) {
        cli_key_file file = {.is_sealed = false};

        if (!keys->is_there[kind]) continue;
        code = cli_key_close(kind, keys->seeds[kind], passphrase, &file);
        if (code == EXIT_DONE) code = cli_key_folder_stage(folder, &file);
        crypto->wipe(crypto->ctx, &file, sizeof file);
    }
    return code == EXIT_DONE ? cli_key_folder_commit(folder) : code;
}

static cli_exit_code protect(cli_key_folder *folder, bool off)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes passphrase = {NULL, 0};
    opened_keys keys = {.is_there = {false}};
    cli_exit_code code = open_all(folder, off, &keys);

    if (code == EXIT_DONE && !off) code = cli_passphrase_new(folder->path, &passphrase);
    if (code == EXIT_DONE) code = write_all(folder, &keys, off ? NULL : &passphrase);
    crypto->wipe(crypto->ctx, &keys, sizeof keys);
    return code;
}

/* Nothing is made where there is no key. */
static cli_exit_code check_there(const char *store)
{
    cli_key_folder folder;
    cli_exit_code code = cli_key_folder_open(store, &folder);

    if (code != EXIT_DONE) return code;
    if (!cli_key_folder_has(&folder, KEY_DEVICE))
        code = cli_keys_complain_none(&folder, KEY_DEVICE);
    cli_key_folder_close(&folder);
    return code;
}

static cli_exit_code run_protect(const cli_options *options)
{
    cli_exit_code code = cli_keys_begin();
    cli_key_folder folder;
    const char *store;
    cli_output out;

    if (code == EXIT_DONE) code = cli_store_path(options, &store);
    if (code == EXIT_DONE) code = check_there(store);
    if (code == EXIT_DONE) code = cli_key_folder_lock(store, &folder);
    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    code = protect(&folder, cli_options_has(options, OPTION_OFF));
    if (code == EXIT_DONE) code = cli_keys_print(&folder, false, &out);
    cli_key_folder_close(&folder);
    return cli_output_end(&out, code);
}

const cli_command cli_keys_protect = {
    .name = "protect",
    .path = "mytosis keys protect",
    .summary = "give them a passphrase, or take it away",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_OFF),
    .run = run_protect,
    .help = "Usage: mytosis keys protect [OPTION...]\n"
            "\n"
            "Seals the keys with a passphrase, without which nobody has any use for the\n"
            "files; or, where they have one, with a new one, which is asked for twice. One\n"
            "that MYTOSIS_PASSPHRASE_FILE or MYTOSIS_PASSPHRASE gives is both, old and new.\n"
            "Whoever forgets it has lost the keys.\n"
            "\n"
            "      --off          store them plain again\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis keys protect --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 there is no key, 2 usage, 3 wrong passphrase or bad input,\n"
            "4 writing failed, or no memory.\n",
};
