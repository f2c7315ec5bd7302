#include "passphrase.h"

#include "ask.h"
#include "message.h"
#include "shown.h"

#include <mytosis/host.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_VARIABLE "MYTOSIS_PASSPHRASE_FILE"
#define VARIABLE "MYTOSIS_PASSPHRASE"

typedef struct secret {
    char text[PASSPHRASE_LEN_MAX + 1];
    size_t len;
    bool is_known;
} secret;

static secret held;  /* of what is there */
static secret fresh; /* of what is to be sealed, if it was asked for */
static bool is_given;

static void wipe(void *data, size_t len)
{
    const mt_crypto *crypto = mt_crypto_sodium();

    if (crypto) crypto->wipe(crypto->ctx, data, len);
}

static void wipe_all(void)
{
    wipe(&held, sizeof held);
    wipe(&fresh, sizeof fresh);
}

static void wipe_in_the_end(void)
{
    static bool begun;

    if (!begun) begun = atexit(wipe_all) == 0;
}

/* NULL: not set, or empty. */
static char *variable(const char *name)
{
    char *value = getenv(name);

    return value && *value ? value : NULL;
}

bool cli_passphrase_is_given(void)
{
    return is_given || variable(FILE_VARIABLE) || variable(VARIABLE);
}

static cli_exit_code complain_long(const char *name)
{
    return cli_complain(EXIT_INPUT, "%s: a passphrase has at most %d bytes", name,
                        PASSPHRASE_LEN_MAX);
}

/* ---- Given ---- */

/* The first line of a file, as far as there is room. False: errno says why. */
static bool read_line(const char *path, secret *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t len = -1;
    int error;

    if (fd < 0) return false;
    out->len = 0;
    while (out->len < sizeof out->text && !memchr(out->text, '\n', out->len)) {
        len = read(fd, out->text + out->len, sizeof out->text - out->len);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) break;
        out->len += (size_t)len;
    }
    error = errno;
    (void)close(fd);
    errno = error;
    return len >= 0;
}

static cli_exit_code take_file(const char *path)
{
    const char *end;

    if (!read_line(path, &held))
        return cli_complain(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    end = memchr(held.text, '\n', held.len);
    if (end) held.len = (size_t)(end - held.text);
    if (held.len > PASSPHRASE_LEN_MAX) return complain_long(path);
    if (held.len > 0) return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s: its first line is empty, and no passphrase", path);
}

/* What /proc shows of the environment is this very text. */
static cli_exit_code take_variable(char *value)
{
    size_t len = strlen(value);

    if (len > PASSPHRASE_LEN_MAX) return complain_long(VARIABLE);
    memcpy(held.text, value, len);
    held.len = len;
    wipe(value, len);
    (void)unsetenv(VARIABLE);
    return EXIT_DONE;
}

static cli_exit_code take_given(void)
{
    const char *path = variable(FILE_VARIABLE);
    cli_exit_code code;

    wipe_in_the_end();
    code = path ? take_file(path) : take_variable(variable(VARIABLE));
    held.is_known = is_given = code == EXIT_DONE;
    return code;
}

/* ---- Asked for ---- */

/* "Passphrase of notes.mdb-keys: ", of which the name may not steer the terminal. */
static cli_ask_outcome ask_about(const char *before, const char *name, secret *out)
{
    cli_ask_outcome outcome = ASK_FAILED;
    cli_text question;

    cli_text_init(&question);
    cli_text_str(&question, before);
    cli_shown_raw(&question, mt_str(name));
    cli_text_add(&question, (mt_bytes){(const uint8_t *)": ", sizeof ": "});
    errno = ENOMEM;
    if (question.status == MT_OK)
        outcome =
            cli_ask((const char *)question.buf.data, out->text, PASSPHRASE_LEN_MAX, &out->len);
    cli_text_free(&question);
    return outcome;
}

static cli_exit_code ask(const char *before, const char *name, secret *out)
{
    wipe_in_the_end();
    switch (ask_about(before, name, out)) {
    case ASK_DONE: break;
    case ASK_NO_TERMINAL:
        return cli_complain(
            EXIT_INPUT,
            "a passphrase is needed, and there is no terminal to ask for it: set " FILE_VARIABLE
            " to the name of a file, or " VARIABLE);
    case ASK_TOO_LONG: return complain_long("the terminal");
    case ASK_FAILED:
        return cli_complain(EXIT_SYSTEM, "cannot read from the terminal: %s", strerror(errno));
    }
    if (out->len == 0) return cli_complain(EXIT_INPUT, "a passphrase is not empty");
    out->is_known = true;
    return EXIT_DONE;
}

static cli_exit_code ask_twice(const char *name)
{
    secret again = {.len = 0};
    cli_exit_code code = ask("New passphrase for ", name, &fresh);

    if (code != EXIT_DONE) return code;
    code = ask("The same again, for ", name, &again);
    if (code == EXIT_DONE &&
        (again.len != fresh.len || memcmp(again.text, fresh.text, fresh.len) != 0))
        code = cli_complain(EXIT_INPUT, "the two passphrases are not the same");
    fresh.is_known = code == EXIT_DONE;
    wipe(&again, sizeof again);
    return code;
}

/* ---- Both ---- */

static mt_bytes bytes_of(const secret *s)
{
    return (mt_bytes){(const uint8_t *)s->text, s->len};
}

cli_exit_code cli_passphrase(const char *name, mt_bytes *out)
{
    cli_exit_code code = EXIT_DONE;

    if (!held.is_known && cli_passphrase_is_given()) code = take_given();
    else if (!held.is_known) code = ask("Passphrase of ", name, &held);
    *out = bytes_of(&held);
    return code;
}

cli_exit_code cli_passphrase_new(const char *name, mt_bytes *out)
{
    cli_exit_code code;

    if (cli_passphrase_is_given()) return cli_passphrase(name, out);
    code = fresh.is_known ? EXIT_DONE : ask_twice(name);
    *out = bytes_of(&fresh);
    return code;
}
