/* keys show: which keys there are. */
#include "keys_group.h"
#include "message.h"
#include "report.h"
#include "shown.h"
#include "store.h"
#include "table.h"

#include <mytosis/host.h>

static void add_hex(cli_text *text, const uint8_t key[MT_KEY_LEN])
{
    for (size_t i = 0; i < MT_KEY_LEN; i++) cli_text_printf(text, "%02x", key[i]);
}

static void add_path(cli_text *text, const cli_key_folder *folder, cli_key_kind kind)
{
    cli_text_str(text, folder->path);
    cli_text_printf(text, "/%s.key", cli_key_kind_name(kind));
}

/* ---- For a person ---- */

static void add_line(cli_table *table, const cli_key_folder *folder, cli_key_kind kind,
                     const cli_key_file *file, cli_output *out)
{
    cli_text *cell = cli_table_named(table, out, cli_key_kind_name(kind));
    cli_text path;

    if (!file) {
        cli_text_str(cell, "not on this device");
        return;
    }
    add_hex(cell, file->public_key);
    cell = cli_table_cell_open(table, 2, STYLE_PLAIN);
    cli_text_str(cell, file->is_sealed ? "with a passphrase" : "no passphrase");
    cell = cli_table_cell_open(table, 3, STYLE_DIM);
    cli_text_init(&path);
    add_path(&path, folder, kind);
    cli_shown_raw(cell, mt_buf_bytes(&path.buf));
    cli_text_note(cell, path.status);
    cli_text_free(&path);
}

/* ---- For a program ---- */

static void add_json(const cli_key_folder *folder, cli_key_kind kind, const cli_key_file *file,
                     cli_text *text)
{
    cli_text path;

    cli_text_printf(text, "%s\"%s\":", kind == KEY_DEVICE ? "{" : ",", cli_key_kind_name(kind));
    if (!file) {
        cli_text_str(text, "null");
        return;
    }
    cli_text_str(text, "{\"key\":\"");
    add_hex(text, file->public_key);
    cli_text_str(text, "\",\"file\":");
    cli_text_init(&path);
    add_path(&path, folder, kind);
    cli_text_note(text, path.status);
    cli_text_note(text, mt_json_string(mt_buf_bytes(&path.buf), &text->buf));
    cli_text_free(&path);
    cli_text_printf(text, ",\"passphrase\":%s}", file->is_sealed ? "true" : "false");
}

/* ---- Both ---- */

cli_exit_code cli_keys_print(const cli_key_folder *folder, bool json, cli_output *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_exit_code code = EXIT_DONE;
    cli_table table;

    cli_table_init(&table, 0);
    for (cli_key_kind kind = KEY_DEVICE; code == EXIT_DONE && kind <= KEY_RECOVERY; kind++) {
        cli_key_file file = {.is_sealed = false};
        bool is_there = (code = cli_key_folder_read(folder, kind, &file)) == EXIT_DONE;

        if (code == EXIT_DIFFERENT)
            code = kind == KEY_DEVICE ? cli_keys_complain_none(folder, kind) : EXIT_DONE;
        if (code == EXIT_DONE && json) add_json(folder, kind, is_there ? &file : NULL, &out->text);
        else if (code == EXIT_DONE) add_line(&table, folder, kind, is_there ? &file : NULL, out);
        crypto->wipe(crypto->ctx, &file, sizeof file);
    }
    if (json) cli_text_str(&out->text, "}\n");
    else cli_table_print(&table, out);
    if (code != EXIT_DONE) out->text.buf.len = 0;
    cli_table_free(&table);
    return code;
}

static cli_exit_code run_show(const cli_options *options)
{
    cli_exit_code code = cli_keys_begin();
    cli_key_folder folder;
    const char *store;
    cli_output out;

    if (code == EXIT_DONE) code = cli_store_path(options, &store);
    if (code == EXIT_DONE) code = cli_key_folder_open(store, &folder);
    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    code = cli_keys_print(&folder, cli_options_has(options, OPTION_JSON), &out);
    cli_key_folder_close(&folder);
    return cli_output_end(&out, code);
}

const cli_command cli_keys_show = {
    .name = "show",
    .path = "mytosis keys show",
    .summary = "which keys there are",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON),
    .run = run_show,
    .help = "Usage: mytosis keys show [OPTION...]\n"
            "\n"
            "Prints the public key of the device, by which others know it, where its secret\n"
            "is, and whether that has a passphrase; the same of the root and recovery keys,\n"
            "which are where a space was founded. No passphrase is asked for, and no secret\n"
            "printed.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --json         print it as JSON\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis keys show --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 there is no key yet, 2 usage, 3 a file is not what it\n"
            "should be, 4 no memory.\n",
};
