#include "store_hold.h"

#include "message.h"
#include "storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool lock(int fd)
{
    int rc;

    do rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc != 0 && errno == EINTR);
    return rc == 0;
}

/* The engine knows who holds it; it does not look into a file that is held. */
static cli_exit_code complain_held(const cli_hold *hold, const char *verb)
{
    cli_storage storage;
    mt_status st = cli_storage_try(&storage, hold->path, ACCESS_ALONE);

    if (st == MT_OK) cli_storage_close(&storage);
    if (st != MT_BUSY) return cli_complain(EXIT_SYSTEM, "%s was held; try again", hold->path);
    return cli_complain(EXIT_SYSTEM, "%s; %s needs the store to itself: end that first",
                        storage.err.text, verb);
}

static cli_exit_code look(cli_hold *hold)
{
    struct stat now;

    if (fstat(hold->fd, &hold->found) != 0)
        return cli_complain(EXIT_SYSTEM, "%s: %s", hold->path, strerror(errno));
    if (!S_ISREG(hold->found.st_mode))
        return cli_complain(EXIT_INPUT, "%s is not the file of a store", hold->path);
    if (stat(hold->path, &now) != 0 || now.st_ino != hold->found.st_ino ||
        now.st_dev != hold->found.st_dev)
        return cli_complain(EXIT_SYSTEM, "%s: another process took it meanwhile", hold->path);
    hold->made = hold->found.st_size == 0;
    return EXIT_DONE;
}

cli_exit_code cli_hold_begin(cli_hold *hold, const char *path, const char *verb, bool make)
{
    cli_exit_code code;

    *hold = (cli_hold){.path = path, .fd = -1, .table = -1};
    hold->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | (make ? O_CREAT : 0), 0600);
    if (hold->fd < 0 && errno == ENOENT && !make)
        return cli_complain(EXIT_INPUT, "there is no store %s; mytosis init makes one", path);
    if (hold->fd < 0)
        return cli_complain(EXIT_SYSTEM, "%s cannot be opened: %s", path, strerror(errno));
    code = lock(hold->fd) ? look(hold) : complain_held(hold, verb);
    if (code == EXIT_DONE && hold->made && !make)
        code = cli_complain(
            EXIT_INPUT, "there is no store in %s: the file is empty; mytosis init makes one", path);
    if (code != EXIT_DONE) cli_hold_end(hold, false);
    return code;
}

/* A backup of a store that is held reads it as LMDB's lock file says, which the file that comes would have, too. */
cli_exit_code cli_hold_alone(cli_hold *hold)
{
    static const char tail[] = "-lock";
    size_t size = strlen(hold->path) + sizeof tail;
    char *path = malloc(size);

    if (!path) return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    (void)snprintf(path, size, "%s%s", hold->path, tail);
    hold->table = open(path, O_RDWR | O_CLOEXEC);
    free(path);
    if (hold->table < 0 && errno == ENOENT) return EXIT_DONE;
    if (hold->table >= 0 && lock(hold->table)) return EXIT_DONE;
    return cli_complain(EXIT_SYSTEM, "%s: a backup is being made of it; try again", hold->path);
}

void cli_hold_end(cli_hold *hold, bool undo)
{
    if (undo && hold->made && hold->fd >= 0) (void)unlink(hold->path);
    if (hold->table >= 0) (void)close(hold->table);
    if (hold->fd >= 0) (void)close(hold->fd);
    hold->fd = hold->table = -1;
}
