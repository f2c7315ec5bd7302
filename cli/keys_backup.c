/* keys export and import: a backup of the keys, in a file. */
#include "key_backup.h"
#include "keys_group.h"
#include "message.h"
#include "passphrase.h"
#include "report.h"
#include "shown.h"
#include "store.h"

#include <mytosis/host.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file, which is one. */
static cli_exit_code take_operand(const cli_options *options, const char **out)
{
    *out = options->operands[0];
    if (strcmp(*out, "-") != 0) return EXIT_DONE;
    return cli_complain_usage(options, "FILE is a file, not \"-\"");
}

/* ---- export ---- */

static cli_exit_code complain_there(const char *path)
{
    return cli_complain(EXIT_INPUT, "%s exists; it is left as it is", path);
}

/* Opens a key and seals it anew. */
static cli_exit_code add_key(const cli_key_folder *folder, const cli_key_file *file,
                             const char *path, cli_key_backup *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes passphrase = {NULL, 0};
    uint8_t seed[MT_KEY_LEN];
    cli_exit_code code;

    code = cli_key_open(file, cli_key_folder_path(folder, file->kind).text, folder->path, seed);
    if (code == EXIT_DONE) code = cli_passphrase_new(path, &passphrase);
    if (code == EXIT_DONE)
        code = cli_key_close(file->kind, seed, &passphrase, &out->files[out->count]);
    if (code == EXIT_DONE) out->count++;
    crypto->wipe(crypto->ctx, seed, sizeof seed);
    return code;
}

static cli_exit_code gather(const cli_key_folder *folder, bool all, const char *path,
                            cli_key_backup *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_key_kind last = all ? KEY_RECOVERY : KEY_DEVICE;
    cli_exit_code code = EXIT_DONE;

    for (cli_key_kind kind = KEY_DEVICE; code == EXIT_DONE && kind <= last; kind++) {
        cli_key_file file = {.is_sealed = false};

        code = cli_key_folder_read(folder, kind, &file);
        if (code == EXIT_DONE) code = add_key(folder, &file, path, out);
        else if (code == EXIT_DIFFERENT && kind == KEY_DEVICE)
            code = cli_keys_complain_none(folder, kind);
        else if (code == EXIT_DIFFERENT) code = EXIT_DONE;
        crypto->wipe(crypto->ctx, &file, sizeof file);
    }
    return code;
}

/* The file is made under its own name, since not every file system that a backup is put on has links; what a crash leaves
 * of it has no end, and is refused. */
static cli_exit_code write_backup(const char *path, const cli_key_backup *backup)
{
    char text[KEY_BACKUP_LEN_MAX];
    size_t len = cli_key_backup_encode(mt_crypto_sodium(), backup, text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = 0;

    if (fd < 0 && errno == EEXIST) return complain_there(path);
    if (fd < 0 || !cli_output_all(fd, text, len) || fsync(fd) != 0) error = errno;
    if (fd >= 0 && close(fd) != 0 && !error) error = errno;
    if (fd >= 0 && error) (void)unlink(path);
    if (error) return cli_complain(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(error));
    cli_output_sync_folder(path);
    return EXIT_DONE;
}

/* "laptop.keys has the device, root and recovery keys" is what somebody looks for who needs them. */
static cli_exit_code tell_exported(const cli_options *options, const cli_key_backup *backup,
                                   const char *path)
{
    cli_output out;

    cli_report_output(options, &out);
    for (size_t i = 0; i < backup->count; i++)
        cli_text_printf(&out.text, "%s%s", i > 0 ? ", " : "",
                        cli_key_kind_name(backup->files[i].kind));
    cli_text_str(&out.text, backup->count > 1 ? " keys" : " key");
    cli_text_str(&out.text, " written to ");
    cli_shown_raw(&out.text, mt_str(path));
    cli_text_str(&out.text, "\n");
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code run_export(const cli_options *options)
{
    cli_key_backup backup = {.count = 0};
    cli_exit_code code = cli_keys_begin();
    const char *store, *path;
    cli_key_folder folder;
    struct stat about;

    if (code == EXIT_DONE) code = take_operand(options, &path);
    if (code == EXIT_DONE) code = cli_store_path(options, &store);
    if (code == EXIT_DONE && lstat(path, &about) == 0) code = complain_there(path);
    if (code == EXIT_DONE) code = cli_key_folder_open(store, &folder);
    if (code != EXIT_DONE) return code;
    code = gather(&folder, cli_options_has(options, OPTION_ALL), path, &backup);
    cli_key_folder_close(&folder);
    if (code == EXIT_DONE) code = write_backup(path, &backup);
    return code == EXIT_DONE ? tell_exported(options, &backup, path) : code;
}

/* ---- import ---- */

/* A byte more than any backup has: what is longer is found to be so. */
static cli_exit_code read_backup(const char *path, cli_key_backup *out)
{
    char text[KEY_BACKUP_LEN_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    mt_error err = {MT_OK, ""};
    size_t len = 0, line = 0;
    ssize_t got = -1;

    while (fd >= 0 && len < sizeof text) {
        got = read(fd, text + len, sizeof text - len);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        len += (size_t)got;
    }
    if (got < 0) (void)cli_complain(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    if (fd >= 0) (void)close(fd);
    if (got < 0) return EXIT_INPUT;
    if (cli_key_backup_decode(mt_crypto_sodium(), (mt_bytes){(const uint8_t *)text, len}, out,
                              &line, &err) == MT_OK)
        return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s:%zu: %s", path, line, err.text);
}

/* Each opens with the one passphrase, and is what it says. */
static cli_exit_code check_backup(const char *path, const cli_key_backup *backup)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_exit_code code = EXIT_DONE;
    uint8_t seed[MT_KEY_LEN];

    for (size_t i = 0; code == EXIT_DONE && i < backup->count; i++)
        code = cli_key_open(&backup->files[i], path, path, seed);
    crypto->wipe(crypto->ctx, seed, sizeof seed);
    return code;
}

/* A key that is there stays, and has to be the same. `*is_there`: it is. */
static cli_exit_code check_same(const cli_key_folder *folder, const cli_key_file *file,
                                const char *path, bool *is_there)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_key_file there = {.is_sealed = false};
    cli_exit_code code = cli_key_folder_read(folder, file->kind, &there);

    *is_there = code == EXIT_DONE;
    if (*is_there && memcmp(there.public_key, file->public_key, MT_KEY_LEN) != 0)
        code = cli_complain(EXIT_INPUT, "%s is another key than that in %s; it is left as it is",
                            cli_key_folder_path(folder, file->kind).text, path);
    crypto->wipe(crypto->ctx, &there, sizeof there);
    return code == EXIT_DIFFERENT ? EXIT_DONE : code;
}

/* Keys of one folder have one passphrase: it is asked for once. */
static cli_exit_code check_passphrase(const cli_key_folder *folder, cli_key_kind kind,
                                      const char *path)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_key_file there = {.is_sealed = false};
    mt_bytes passphrase = {NULL, 0};
    uint8_t seed[MT_KEY_LEN];
    mt_error err = {MT_OK, ""};
    cli_exit_code code = cli_key_folder_read(folder, kind, &there);

    if (code == EXIT_DONE && there.is_sealed) code = cli_passphrase(path, &passphrase);
    if (code == EXIT_DONE && cli_key_file_seed(crypto, &there, passphrase, seed, &err) != MT_OK)
        code = cli_complain(cli_exit_of(err.status),
                            "%s does not open with the passphrase of %s; mytosis keys protect "
                            "gives it another",
                            cli_key_folder_path(folder, kind).text, path);
    crypto->wipe(crypto->ctx, seed, sizeof seed);
    crypto->wipe(crypto->ctx, &there, sizeof there);
    return code == EXIT_DIFFERENT ? EXIT_DONE : code;
}

/* All is checked before the first is written. */
static cli_exit_code put_keys(cli_key_folder *folder, const cli_key_backup *backup,
                              const char *path)
{
    bool is_there[KEY_KINDS] = {false}, any = false;
    cli_exit_code code = EXIT_DONE;

    for (size_t i = 0; code == EXIT_DONE && i < backup->count; i++) {
        code = check_same(folder, &backup->files[i], path, &is_there[i]);
        any |= !is_there[i];
    }
    for (cli_key_kind kind = KEY_DEVICE; any && code == EXIT_DONE && kind <= KEY_RECOVERY; kind++)
        code = check_passphrase(folder, kind, path);
    for (size_t i = 0; code == EXIT_DONE && i < backup->count; i++)
        if (!is_there[i]) code = cli_key_folder_stage(folder, &backup->files[i]);
    return code == EXIT_DONE ? cli_key_folder_commit(folder) : code;
}

static cli_exit_code run_import(const cli_options *options)
{
    cli_key_backup backup = {.count = 0};
    cli_exit_code code = cli_keys_begin();
    const char *store, *path;
    cli_key_folder folder;
    cli_output out;

    if (code == EXIT_DONE) code = take_operand(options, &path);
    if (code == EXIT_DONE) code = cli_store_path(options, &store);
    if (code == EXIT_DONE) code = read_backup(path, &backup);
    if (code == EXIT_DONE) code = check_backup(path, &backup);
    if (code == EXIT_DONE) code = cli_key_folder_lock(store, &folder);
    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    code = put_keys(&folder, &backup, path);
    if (code == EXIT_DONE) code = cli_keys_print(&folder, false, &out);
    cli_key_folder_close(&folder);
    return cli_output_end(&out, code);
}

/* ---- The verbs ---- */

const cli_command cli_keys_export = {
    .name = "export",
    .path = "mytosis keys export",
    .summary = "write a backup, sealed with a passphrase",
    .operands = "an operand, FILE",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_ALL),
    .run = run_export,
    .help = "Usage: mytosis keys export [OPTION...] FILE\n"
            "\n"
            "Writes the key of the device to a new file, sealed with a passphrase, which is\n"
            "asked for twice. What is there already is left as it is. Whoever has the file\n"
            "and the passphrase is this device.\n"
            "\n"
            "      --all          the root and recovery keys, too, if they are here: whoever\n"
            "                     has these can do anything with the space\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis keys export laptop.keys --all --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 there is no key, 2 usage, 3 there is such a file, wrong\n"
            "passphrase or bad input, 4 writing failed, or no memory.\n",
};

const cli_command cli_keys_import = {
    .name = "import",
    .path = "mytosis keys import",
    .summary = "bring a backup back",
    .operands = "an operand, FILE",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE),
    .run = run_import,
    .help = "Usage: mytosis keys import [OPTION...] FILE\n"
            "\n"
            "Puts the keys of a backup beside the store, and prints which there are then. All\n"
            "is checked before any is written; a key that is there is never replaced by\n"
            "another one. They keep the passphrase of the backup: protect changes it. A key\n"
            "is for one store at a time, not for a second device.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis keys import laptop.keys --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 wrong passphrase, bad input, or another key is\n"
            "there, 4 writing failed, or no memory.\n",
};
