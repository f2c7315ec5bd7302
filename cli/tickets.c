#include "tickets.h"

#include "hex.h"
#include "keys.h"
#include "private_file.h"

#include <mytosis/host.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_VERSION 1

static const char folder_name[] = "/tickets";

/* The folder, or a file in it. OWNED: free; NULL: no memory. */
static char *path_of(const char *store_path, const char *name)
{
    char *keys = cli_keys_folder(store_path);
    size_t size = keys ? strlen(keys) + sizeof folder_name + 1 + strlen(name) : 0;
    char *path = keys ? malloc(size) : NULL;

    if (path) (void)snprintf(path, size, "%s%s%s%s", keys, folder_name, *name ? "/" : "", name);
    free(keys);
    return path;
}

static char *path_of_ticket(const char *store_path, const uint8_t id[MT_TICKET_ID_LEN])
{
    cli_text name;
    char *path;

    cli_text_init(&name);
    cli_hex_add(&name, id, MT_TICKET_ID_LEN);
    cli_text_add(&name, (mt_bytes){(const uint8_t *)"", 1});
    path = name.status == MT_OK ? path_of(store_path, (const char *)name.buf.data) : NULL;
    cli_text_free(&name);
    return path;
}

/* ---- One ---- */

void cli_invitation_put(cli_text *text, const cli_invitation *invitation)
{
    cli_pack_number(text, invitation->rights, 1);
    cli_pack_number(text, invitation->ticket_ms, 8);
    cli_pack_number(text, invitation->token_ms, 8);
    cli_pack_number(text, invitation->prefix_count, 1);
    for (size_t i = 0; i < invitation->prefix_count; i++)
        cli_pack_bytes(text, invitation->prefixes[i]);
}

bool cli_invitation_take(cli_unpacking *from, cli_invitation *out)
{
    memset(out, 0, sizeof *out);
    out->rights = (unsigned)cli_unpack_number(from, 1);
    out->ticket_ms = cli_unpack_number(from, 8);
    out->token_ms = cli_unpack_number(from, 8);
    out->prefix_count = (size_t)cli_unpack_number(from, 1);
    if (out->prefix_count < 1 || out->prefix_count > MT_TOKEN_PREFIXES_MAX) return false;
    for (size_t i = 0; i < out->prefix_count; i++) out->prefixes[i] = cli_unpack_bytes(from);
    return !from->failed;
}

static void put_note(cli_text *text, const cli_ticket_note *note)
{
    cli_pack_number(text, NOTE_VERSION, 1);
    cli_pack_bytes(text, (mt_bytes){note->key, sizeof note->key});
    cli_invitation_put(text, &note->invitation);
    cli_pack_number(text, note->expires_ms, 8);
    cli_pack_number(text, note->used, 1);
    cli_pack_bytes(text, (mt_bytes){note->device, sizeof note->device});
    cli_pack_bytes(text, note->chain);
}

static void take_fixed(cli_unpacking *from, uint8_t *out, size_t len)
{
    mt_bytes bytes = cli_unpack_bytes(from);

    if (bytes.len == len) memcpy(out, bytes.data, len);
    else from->failed = true;
}

static bool take_note(cli_ticket_note *out)
{
    cli_unpacking from = {.rest = mt_buf_bytes(&out->text.buf)};

    if (cli_unpack_number(&from, 1) != NOTE_VERSION) return false;
    take_fixed(&from, out->key, sizeof out->key);
    if (!cli_invitation_take(&from, &out->invitation)) return false;
    out->expires_ms = cli_unpack_number(&from, 8);
    out->used = cli_unpack_bool(&from);
    take_fixed(&from, out->device, sizeof out->device);
    out->chain = cli_unpack_bytes(&from);
    return cli_unpack_end(&from);
}

mt_status cli_ticket_keep(const char *store_path, const uint8_t id[MT_TICKET_ID_LEN],
                          const cli_ticket_note *note, mt_error *err)
{
    char *path = path_of_ticket(store_path, id);
    cli_text text;
    mt_status st;

    *err = (mt_error){MT_NO_MEMORY, "out of memory"};
    cli_text_init(&text);
    put_note(&text, note);
    st = path ? text.status : MT_NO_MEMORY;
    if (st == MT_OK) st = cli_private_write(path, mt_buf_bytes(&text.buf), err);
    if (text.buf.len > 0) mt_crypto_sodium()->wipe(NULL, text.buf.data, text.buf.len);
    cli_text_free(&text);
    free(path);
    return st;
}

void cli_ticket_note_free(cli_ticket_note *note)
{
    if (note->text.buf.len > 0)
        mt_crypto_sodium()->wipe(NULL, note->text.buf.data, note->text.buf.len);
    cli_text_free(&note->text);
    mt_crypto_sodium()->wipe(NULL, note, sizeof *note);
}

mt_status cli_ticket_find(const char *store_path, const uint8_t id[MT_TICKET_ID_LEN],
                          cli_ticket_note *out, mt_error *err)
{
    char *path = path_of_ticket(store_path, id);
    mt_status st = MT_NO_MEMORY;

    *err = (mt_error){st, "out of memory"};
    memset(out, 0, sizeof *out);
    cli_text_init(&out->text);
    if (path) st = cli_private_read(path, &out->text, err);
    if (st == MT_OK && !take_note(out)) {
        *err = (mt_error){st = MT_MALFORMED, "it is damaged"};
        (void)snprintf(err->text, sizeof err->text, "%.200s is damaged", path);
    }
    if (st != MT_OK) cli_ticket_note_free(out);
    free(path);
    return st;
}

/* ---- All ---- */

static void sweep_one(const char *store_path, const char *name, uint64_t now_ms)
{
    uint8_t id[MT_TICKET_ID_LEN];
    cli_ticket_note note;
    mt_error ignored;
    char *path;

    if (!cli_hex_read(mt_str(name), id, sizeof id)) return;
    if (cli_ticket_find(store_path, id, &note, &ignored) != MT_OK) return;
    if (note.expires_ms <= now_ms && (path = path_of(store_path, name))) {
        (void)unlink(path);
        free(path);
    }
    cli_ticket_note_free(&note);
}

void cli_tickets_sweep(const char *store_path, uint64_t now_ms)
{
    char *path = path_of(store_path, "");
    DIR *folder = path ? opendir(path) : NULL;
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) sweep_one(store_path, entry->d_name, now_ms);
    if (folder) (void)closedir(folder);
    free(path);
}
