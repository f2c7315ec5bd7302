#include "key_copy.h"

#include "keys.h"
#include "message.h"
#include "private_file.h"

#include <mytosis/host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"device.key", "root.key", "recovery.key", "space"};

#define NAMES (sizeof names / sizeof *names)

static void wipe(cli_text *text)
{
    mt_crypto_sodium()->wipe(NULL, text->buf.data, text->buf.len);
    cli_text_free(text);
}

/* OWNED: free. NULL without memory. */
static char *path_of(const char *store, const char *name)
{
    size_t size = strlen(store) + sizeof "-keys/" + strlen(name);
    char *path = malloc(size);

    if (path) (void)snprintf(path, size, "%s-keys/%s", store, name);
    return path;
}

/* Compares what is there with what is to be there. */
static cli_exit_code check_place(const char *path, const cli_text *content, bool over)
{
    cli_exit_code code = EXIT_DONE;
    mt_error err = {MT_OK, ""};
    cli_text there;
    mt_status st;

    cli_text_init(&there);
    st = cli_private_read(path, &there, &err);
    if (st != MT_OK && st != MT_NOT_FOUND) code = cli_complain(cli_exit_of(st), "%s", err.text);
    else if (st == MT_OK && !over &&
             !mt_bytes_equal(mt_buf_bytes(&there.buf), mt_buf_bytes(&content->buf)))
        code = cli_complain(EXIT_INPUT, "%s is another; it is left as it is", path);
    wipe(&there);
    return code;
}

/* `*count`: of those that are there. */
static cli_exit_code take_one(const char *from, const char *to, bool over, bool dry, size_t *count)
{
    cli_exit_code code = EXIT_DONE;
    mt_error err = {MT_OK, ""};
    cli_text content;
    mt_status st;

    if (!from || !to) return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    cli_text_init(&content);
    st = cli_private_read(from, &content, &err);
    if (st == MT_OK) {
        ++*count;
        code = check_place(to, &content, over);
        if (code == EXIT_DONE && !dry) st = cli_private_write(to, mt_buf_bytes(&content.buf), &err);
    }
    if (st != MT_OK && st != MT_NOT_FOUND) code = cli_complain(cli_exit_of(st), "%s", err.text);
    wipe(&content);
    return code;
}

static cli_exit_code take_all(const char *from, const char *to, bool over, bool dry)
{
    cli_exit_code code = EXIT_DONE;
    size_t count = 0;

    for (size_t i = 0; i < NAMES && code == EXIT_DONE; i++) {
        char *source = path_of(from, names[i]), *target = path_of(to, names[i]);

        code = take_one(source, target, over, dry, &count);
        free(source);
        free(target);
    }
    if (code == EXIT_DONE && count == 0)
        code = cli_complain(EXIT_DIFFERENT, "there are no keys in %s-keys", from);
    return code;
}

cli_exit_code cli_key_copy_check(const char *from, const char *to, bool over)
{
    cli_exit_code code = cli_keys_begin();

    return code == EXIT_DONE ? take_all(from, to, over, true) : code;
}

cli_exit_code cli_key_copy(const char *from, const char *to, bool over)
{
    return take_all(from, to, over, false);
}
