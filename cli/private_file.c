#include "private_file.h"

#include "output.h"

#include <mytosis/host.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS (S_IRWXG | S_IRWXO)

static mt_status fail(mt_error *err, mt_status status, const char *path, const char *what)
{
    err->status = status;
    (void)snprintf(err->text, sizeof err->text, "%.160s: %s", path, what);
    return status;
}

/* ---- Reading ---- */

static mt_status check_file(int fd, const char *path, mt_error *err)
{
    struct stat facts;

    if (fstat(fd, &facts) != 0) return fail(err, MT_IO, path, strerror(errno));
    if (!S_ISREG(facts.st_mode)) return fail(err, MT_REFUSED, path, "no regular file");
    if (facts.st_mode & OTHERS)
        return fail(err, MT_REFUSED, path, "others may read it; chmod 600 mends that");
    return MT_OK;
}

static mt_status take(int fd, const char *path, cli_text *into, mt_error *err)
{
    size_t start = into->buf.len;
    uint8_t piece[4096];
    ssize_t len = 1;

    while (len > 0) {
        len = read(fd, piece, sizeof piece);
        if (len < 0 && errno == EINTR) len = 1;
        else if (len < 0) return fail(err, MT_IO, path, strerror(errno));
        else cli_text_add(into, (mt_bytes){piece, (size_t)len});
        if (into->buf.len - start > PRIVATE_FILE_LEN_MAX)
            return fail(err, MT_TOO_LARGE, path, "longer than any such file");
    }
    mt_crypto_sodium()->wipe(NULL, piece, sizeof piece);
    return into->status == MT_OK ? MT_OK : fail(err, into->status, path, "out of memory");
}

mt_status cli_private_read(const char *path, cli_text *into, mt_error *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    mt_status st;

    if (fd < 0 && errno == ENOENT) return fail(err, MT_NOT_FOUND, path, strerror(errno));
    if (fd < 0 && errno == ELOOP)
        return fail(err, MT_REFUSED, path, "a link to another file, which is not followed");
    if (fd < 0) return fail(err, MT_IO, path, strerror(errno));
    if ((st = check_file(fd, path, err)) == MT_OK) st = take(fd, path, into, err);
    (void)close(fd);
    return st;
}

/* ---- Writing ---- */

static int write_all(int fd, mt_bytes bytes)
{
    return cli_output_all(fd, bytes.data, bytes.len) && fsync(fd) == 0 ? 0 : errno;
}

/* The path of what is written, and a descriptor of the folder, which is made if it is not there. */
static int open_folder(const char *path, char *temporary, size_t size)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    int fd = -1;

    (void)snprintf(temporary, size, "%s.%ld", path, (long)getpid());
    if (!folder) return -1;
    if (mkdir(folder, S_IRWXU) == 0 || errno == EEXIST)
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

mt_status cli_private_write(const char *path, mt_bytes bytes, mt_error *err)
{
    size_t size = strlen(path) + 24;
    char *temporary = malloc(size);
    int folder, fd = -1, error;

    if (!temporary) return fail(err, MT_NO_MEMORY, path, "out of memory");
    folder = open_folder(path, temporary, size);
    if (folder >= 0) {
        (void)unlink(temporary);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    }
    error = fd >= 0 ? write_all(fd, bytes) : errno;
    if (fd >= 0) (void)close(fd);
    if (error == 0 && rename(temporary, path) != 0) error = errno;
    if (error == 0 && fsync(folder) != 0) error = errno;
    if (error != 0 && fd >= 0) (void)unlink(temporary);
    if (folder >= 0) (void)close(folder);
    free(temporary);
    return error == 0 ? MT_OK : fail(err, MT_IO, path, strerror(error));
}
