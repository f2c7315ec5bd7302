#include "key_folder.h"

#include "keys.h"
#include "message.h"
#include "output.h"

#include <mytosis/host.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_OTHERS (S_IRWXG | S_IRWXO)

typedef struct file_name {
    char text[24];
} file_name;

static file_name name_of(cli_key_kind kind, const char *ending)
{
    file_name name;

    (void)snprintf(name.text, sizeof name.text, "%s.key%s", cli_key_kind_name(kind), ending);
    return name;
}

cli_key_path cli_key_folder_path(const cli_key_folder *folder, cli_key_kind kind)
{
    cli_key_path path;

    (void)snprintf(path.text, sizeof path.text, "%.370s/%s.key", folder->path,
                   cli_key_kind_name(kind));
    return path;
}

static cli_exit_code complain_write(const char *path)
{
    return cli_complain(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
}

/* ---- The folder ---- */

/* O_NOFOLLOW and O_DIRECTORY together say of a link that it is no folder. */
static cli_exit_code open_folder(cli_key_folder *folder)
{
    struct stat about;

    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder->fd < 0 && errno == ENOENT) return EXIT_DONE;
    if (folder->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return cli_complain(EXIT_INPUT, "%s is not a folder", folder->path);
    if (folder->fd < 0 || fstat(folder->fd, &about) != 0)
        return cli_complain(EXIT_INPUT, "cannot read %s: %s", folder->path, strerror(errno));
    if ((about.st_mode & MODE_OTHERS) == 0) return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s: others than its owner may enter it: chmod 700 %s",
                        folder->path, folder->path);
}

cli_exit_code cli_key_folder_open(const char *store_path, cli_key_folder *out)
{
    cli_exit_code code;

    *out = (cli_key_folder){.path = cli_keys_folder(store_path), .fd = -1};
    if (!out->path) return cli_complain(EXIT_SYSTEM, "out of memory");
    if ((code = open_folder(out)) != EXIT_DONE) cli_key_folder_close(out);
    return code;
}

/* Not every file system can do that to a folder. */
static bool sync_folder(int fd)
{
    return fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
}

/* So that the folder itself lasts. */
static bool sync_parent(const cli_key_folder *folder)
{
    int fd = openat(folder->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = sync_folder(fd);

    if (fd >= 0) (void)close(fd);
    return done;
}

static cli_exit_code make_folder(cli_key_folder *folder)
{
    cli_exit_code code;

    if (mkdir(folder->path, 0700) != 0 && errno != EEXIST)
        return cli_complain(EXIT_SYSTEM, "cannot make %s: %s", folder->path, strerror(errno));
    if ((code = open_folder(folder)) != EXIT_DONE) return code;
    return folder->fd >= 0 && sync_parent(folder) ? EXIT_DONE : complain_write(folder->path);
}

cli_exit_code cli_key_folder_lock(const char *store_path, cli_key_folder *out)
{
    cli_exit_code code = cli_key_folder_open(store_path, out);
    int locked = -1;

    if (code != EXIT_DONE) return code;
    if (out->fd < 0) code = make_folder(out);
    if (code == EXIT_DONE) {
        do locked = flock(out->fd, LOCK_EX);
        while (locked != 0 && errno == EINTR);
        if (locked != 0) code = complain_write(out->path);
    }
    if (code != EXIT_DONE) cli_key_folder_close(out);
    return code;
}

void cli_key_folder_close(cli_key_folder *folder)
{
    for (cli_key_kind kind = KEY_DEVICE; kind <= KEY_RECOVERY; kind++)
        if (folder->is_staged[kind]) (void)unlinkat(folder->fd, name_of(kind, ".new").text, 0);
    if (folder->fd >= 0) (void)close(folder->fd);
    free(folder->path);
    *folder = (cli_key_folder){.fd = -1};
}

/* ---- Reading ---- */

bool cli_key_folder_has(const cli_key_folder *folder, cli_key_kind kind)
{
    struct stat about;

    return folder->fd >= 0 &&
           fstatat(folder->fd, name_of(kind, "").text, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A key that is there and ours alone. A pipe would wait for a writer. */
static cli_exit_code open_key(const cli_key_folder *folder, cli_key_kind kind, int *out)
{
    cli_key_path path = cli_key_folder_path(folder, kind);
    struct stat about;

    *out = openat(folder->fd, name_of(kind, "").text,
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*out < 0 && errno == ENOENT) return EXIT_DIFFERENT;
    if (*out < 0 && errno == ELOOP)
        return cli_complain(EXIT_INPUT, "%s is not a regular file", path.text);
    if (*out < 0 || fstat(*out, &about) != 0)
        return cli_complain(EXIT_INPUT, "cannot read %s: %s", path.text, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return cli_complain(EXIT_INPUT, "%s is not a regular file", path.text);
    if ((about.st_mode & MODE_OTHERS) == 0) return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s: others than its owner may use it: chmod 600 %s", path.text,
                        path.text);
}

/* As much as there is, up to `cap`; -1: errno says why. */
static ssize_t read_bytes(int fd, char *out, size_t cap)
{
    size_t len = 0;

    while (len < cap) {
        ssize_t got = read(fd, out + len, cap - len);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* One byte more than any key: what is longer is found to be so. */
static cli_exit_code read_key(int fd, const char *path, cli_key_file *out)
{
    char text[KEY_LINE_LEN_MAX + 2];
    const mt_crypto *crypto = mt_crypto_sodium();
    ssize_t len = read_bytes(fd, text, sizeof text);
    cli_exit_code code = EXIT_DONE;
    mt_error err = {MT_OK, ""};

    if (len < 0) code = cli_complain(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    else if (len == 0 || text[len - 1] != '\n')
        code = cli_complain(EXIT_INPUT, "%s: not one whole line", path);
    else if (cli_key_file_decode(crypto, (mt_bytes){(const uint8_t *)text, (size_t)len - 1}, out,
                                 &err) != MT_OK)
        code = cli_complain(EXIT_INPUT, "%s: %s", path, err.text);
    crypto->wipe(crypto->ctx, text, sizeof text);
    return code;
}

cli_exit_code cli_key_folder_read(const cli_key_folder *folder, cli_key_kind kind,
                                  cli_key_file *out)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_key_path path = cli_key_folder_path(folder, kind);
    cli_exit_code code;
    int fd = -1;

    if (folder->fd < 0) return EXIT_DIFFERENT;
    code = open_key(folder, kind, &fd);
    if (code == EXIT_DONE) code = read_key(fd, path.text, out);
    if (fd >= 0) (void)close(fd);
    if (code == EXIT_DONE && out->kind != kind) {
        code =
            cli_complain(EXIT_INPUT, "%s: it is a %s key", path.text, cli_key_kind_name(out->kind));
        crypto->wipe(crypto->ctx, out, sizeof *out);
    }
    return code;
}

/* ---- Writing ---- */

/* Puts a new file with the line of a key and its end on disk. False: errno says why. */
static bool write_key(int fd, const cli_key_file *file)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    char text[KEY_LINE_LEN_MAX + 1];
    size_t len = cli_key_file_encode(crypto, file, text);
    bool done;

    text[len++] = '\n';
    done = fchmod(fd, 0600) == 0 && cli_output_all(fd, text, len) && fsync(fd) == 0;
    crypto->wipe(crypto->ctx, text, sizeof text);
    return done;
}

/* What lies there under the other name was left by a crash: whoever has the folder locked is alone. */
cli_exit_code cli_key_folder_stage(cli_key_folder *folder, const cli_key_file *file)
{
    cli_key_path path = cli_key_folder_path(folder, file->kind);
    file_name name = name_of(file->kind, ".new");
    bool done;
    int fd;

    if (unlinkat(folder->fd, name.text, 0) != 0 && errno != ENOENT)
        return complain_write(path.text);
    fd = openat(folder->fd, name.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return complain_write(path.text);
    folder->is_staged[file->kind] = true;
    done = write_key(fd, file);
    if (!done) (void)complain_write(path.text);
    if (close(fd) != 0 && done) {
        done = false;
        (void)complain_write(path.text);
    }
    return done ? EXIT_DONE : EXIT_SYSTEM;
}

cli_exit_code cli_key_folder_commit(cli_key_folder *folder)
{
    for (cli_key_kind kind = KEY_DEVICE; kind <= KEY_RECOVERY; kind++) {
        if (!folder->is_staged[kind]) continue;
        if (renameat(folder->fd, name_of(kind, ".new").text, folder->fd, name_of(kind, "").text))
            return complain_write(cli_key_folder_path(folder, kind).text);
        folder->is_staged[kind] = false;
    }
    return sync_folder(folder->fd) ? EXIT_DONE : complain_write(folder->path);
}
