#include "key_backup.h"

#include <stdio.h>
#include <string.h>

#define END "end\n"
#define END_LEN 4

size_t cli_key_backup_encode(const mt_crypto *crypto, const cli_key_backup *backup,
                             char out[KEY_BACKUP_LEN_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < backup->count; i++) {
        len += cli_key_file_encode(crypto, &backup->files[i], out + len);
        out[len++] = '\n';
    }
    memcpy(out + len, END, END_LEN);
    return len + END_LEN;
}

static mt_status refuse(mt_error *err, const char *why)
{
    (void)snprintf(err->text, sizeof err->text, "%s", why);
    return err->status = MT_MALFORMED;
}

/* The next line, and its key. */
static mt_status take_key(const mt_crypto *crypto, mt_bytes *text, cli_key_backup *out,
                          mt_error *err)
{
    cli_key_file *file = out->files + out->count;
    const uint8_t *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
    size_t len = end ? (size_t)(end - text->data) : 0;
    mt_status st;

    if (out->count == KEY_KINDS)
        return refuse(err, "expected \"end\": there are no more kinds of keys");
    if (!end) return refuse(err, "the end of the file is missing");
    st = cli_key_file_decode(crypto, (mt_bytes){text->data, len}, file, err);
    if (st != MT_OK) return st;
    text->data += len + 1;
    text->len -= len + 1;
    if (!file->is_sealed) st = refuse(err, "the key has no passphrase");
    else if (out->count == 0 && file->kind != KEY_DEVICE)
        st = refuse(err, "the first key is not that of a device");
    else if (out->count > 0 && file->kind <= file[-1].kind)
        st = refuse(err, "the keys are not in their order");
    if (st == MT_OK) out->count++;
    else crypto->wipe(crypto->ctx, file, sizeof *file);
    return st;
}

mt_status cli_key_backup_decode(const mt_crypto *crypto, mt_bytes text, cli_key_backup *out,
                                size_t *line, mt_error *err)
{
    mt_status st = MT_OK;

    memset(out, 0, sizeof *out);
    *line = 1;
    while (st == MT_OK && (text.len < END_LEN || memcmp(text.data, END, END_LEN) != 0)) {
        st = take_key(crypto, &text, out, err);
        if (st == MT_OK) ++*line;
    }
    if (st == MT_OK && out->count == 0) st = refuse(err, "there is no key");
    if (st == MT_OK && text.len > END_LEN) st = refuse(err, "something follows the end");
    return st;
}
