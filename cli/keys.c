#include "keys.h"

#include "message.h"
#include "passphrase.h"

#include <mytosis/host.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define ENDING "-keys"

char *cli_keys_folder(const char *store_path)
{
    size_t len = strlen(store_path);
    char *path = malloc(len + sizeof ENDING);

    if (!path) return NULL;
    memcpy(path, store_path, len);
    memcpy(path + len, ENDING, sizeof ENDING);
    return path;
}

bool cli_keys_has(const char *store_path, cli_key_kind kind)
{
    cli_key_folder folder = {.path = cli_keys_folder(store_path), .fd = -1};
    bool has;

    if (folder.path) folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    has = cli_key_folder_has(&folder, kind);
    cli_key_folder_close(&folder);
    return has;
}

cli_exit_code cli_keys_begin(void)
{
    const struct rlimit none = {0, 0};

#ifdef __linux__
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    (void)setrlimit(RLIMIT_CORE, &none);
    if (mt_crypto_sodium()) return EXIT_DONE;
    return cli_complain(EXIT_SYSTEM, "there is no source of randomness");
}

cli_exit_code cli_keys_complain_none(const cli_key_folder *folder, cli_key_kind kind)
{
    const char *whence = kind == KEY_DEVICE
                             ? "mytosis share and mytosis join make one, and mytosis "
                               "keys import brings one back"
                             : "it is with the device that founded the space";

    return cli_complain(EXIT_DIFFERENT, "there is no %s key in %s; %s", cli_key_kind_name(kind),
                        folder->path, whence);
}

cli_exit_code cli_key_open(const cli_key_file *file, const char *path, const char *name,
                           uint8_t seed[MT_KEY_LEN])
{
    mt_bytes passphrase = {NULL, 0};
    cli_exit_code code = EXIT_DONE;
    mt_error err = {MT_OK, ""};
    mt_status st;

    if (file->is_sealed) code = cli_passphrase(name, &passphrase);
    if (code != EXIT_DONE) return code;
    st = cli_key_file_seed(mt_crypto_sodium(), file, passphrase, seed, &err);
    if (st == MT_OK) return EXIT_DONE;
    return cli_complain(cli_exit_of(st), "%s: %s", path, err.text);
}

cli_exit_code cli_key_close(cli_key_kind kind, const uint8_t seed[MT_KEY_LEN],
                            const mt_bytes *passphrase, cli_key_file *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    uint8_t salt[MT_SALT_LEN];
    mt_status st;

    if (!passphrase) {
        cli_key_file_plain(crypto, kind, seed, out);
        return EXIT_DONE;
    }
    st = mt_entropy(salt, sizeof salt);
    if (st == MT_OK)
        st = cli_key_file_seal(crypto, kind, seed, *passphrase, salt, KEY_PASSES, KEY_KIB, out);
    if (st == MT_OK) return EXIT_DONE;
    return cli_complain(EXIT_SYSTEM, "cannot seal the %s key: %s", cli_key_kind_name(kind),
                        mt_status_text(st));
}

/* ---- Reading ---- */

/* A key that must be there. */
static cli_exit_code read_file(const cli_key_folder *folder, cli_key_kind kind, cli_key_file *out)
{
    cli_exit_code code = cli_key_folder_read(folder, kind, out);

    return code == EXIT_DIFFERENT ? cli_keys_complain_none(folder, kind) : code;
}

cli_exit_code cli_key_load(const char *store_path, cli_key_kind kind, uint8_t seed[MT_KEY_LEN])
{
    cli_exit_code code = cli_keys_begin();
    cli_key_folder folder;
    cli_key_file file = {.is_sealed = false};

    if (code == EXIT_DONE) code = cli_key_folder_open(store_path, &folder);
    if (code != EXIT_DONE) return code;
    code = read_file(&folder, kind, &file);
    if (code == EXIT_DONE)
        code = cli_key_open(&file, cli_key_folder_path(&folder, kind).text, folder.path, seed);
    mt_crypto_sodium()->wipe(mt_crypto_sodium()->ctx, &file, sizeof file);
    cli_key_folder_close(&folder);
    return code;
}

cli_exit_code cli_key_public(const char *store_path, cli_key_kind kind, uint8_t out[MT_KEY_LEN])
{
    cli_exit_code code = cli_keys_begin();
    cli_key_folder folder;
    cli_key_file file = {.is_sealed = false};

    if (code == EXIT_DONE) code = cli_key_folder_open(store_path, &folder);
    if (code != EXIT_DONE) return code;
    code = read_file(&folder, kind, &file);
    if (code == EXIT_DONE) memcpy(out, file.public_key, MT_KEY_LEN);
    mt_crypto_sodium()->wipe(mt_crypto_sodium()->ctx, &file, sizeof file);
    cli_key_folder_close(&folder);
    return code;
}

/* ---- Making ---- */

/* Whether keys here have a passphrase: then `*out` is it, and opens device.key if that has one. */
static cli_exit_code find_passphrase(const cli_key_folder *folder, bool *has, mt_bytes *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_key_file device = {.is_sealed = false};
    uint8_t seed[MT_KEY_LEN];
    cli_exit_code code = cli_key_folder_read(folder, KEY_DEVICE, &device);

    *has = device.is_sealed || cli_passphrase_is_given();
    if (code == EXIT_DIFFERENT) code = EXIT_DONE;
    if (code == EXIT_DONE && device.is_sealed)
        code =
            cli_key_open(&device, cli_key_folder_path(folder, KEY_DEVICE).text, folder->path, seed);
    if (code == EXIT_DONE && *has) code = cli_passphrase(folder->path, out);
    crypto->wipe(crypto->ctx, &device, sizeof device);
    crypto->wipe(crypto->ctx, seed, sizeof seed);
    return code;
}

static cli_exit_code draw_key(cli_key_folder *folder, cli_key_kind kind, uint8_t seed[MT_KEY_LEN])
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes passphrase = {NULL, 0};
    cli_key_file file = {.is_sealed = false};
    cli_exit_code code;
    bool has;

    if ((code = find_passphrase(folder, &has, &passphrase)) != EXIT_DONE) return code;
    if (mt_entropy(seed, MT_KEY_LEN) != MT_OK)
        return cli_complain(EXIT_SYSTEM, "there is no source of randomness");
    code = cli_key_close(kind, seed, has ? &passphrase : NULL, &file);
    if (code == EXIT_DONE) code = cli_key_folder_stage(folder, &file);
    if (code == EXIT_DONE) code = cli_key_folder_commit(folder);
    crypto->wipe(crypto->ctx, &file, sizeof file);
    if (code != EXIT_DONE) crypto->wipe(crypto->ctx, seed, MT_KEY_LEN);
    return code;
}

cli_exit_code cli_key_make(const char *store_path, cli_key_kind kind, uint8_t seed[MT_KEY_LEN])
{
    cli_exit_code code = cli_keys_begin();
    cli_key_folder folder;

    if (code == EXIT_DONE) code = cli_key_folder_lock(store_path, &folder);
    if (code != EXIT_DONE) return code;
    if (cli_key_folder_has(&folder, kind))
        code = cli_complain(EXIT_INPUT, "%s exists; it is left as it is",
                            cli_key_folder_path(&folder, kind).text);
    else code = draw_key(&folder, kind, seed);
    cli_key_folder_close(&folder);
    return code;
}
