#include "space_file.h"

#include "hex.h"
#include "keys.h"
#include "message.h"
#include "private_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "mytosis-space 1";

/* The path of the file. OWNED: free; NULL: no memory. */
static char *path_of(const char *store_path)
{
    static const char name[] = "/space";
    char *folder = cli_keys_folder(store_path);
    size_t size = folder ? strlen(folder) + sizeof name : 0;
    char *path = folder ? malloc(size) : NULL;

    if (path) (void)snprintf(path, size, "%s%s", folder, name);
    free(folder);
    return path;
}

void cli_space_file_deafen(cli_space_file *file)
{
    while (file->listen_count > 0) free(file->listens[--file->listen_count]);
}

void cli_space_file_free(cli_space_file *file)
{
    cli_space_file_deafen(file);
    for (size_t i = 0; i < file->peer_count; i++) free(file->peers[i].url);
    cli_text_free(&file->genesis);
    cli_text_free(&file->chain);
    memset(file, 0, sizeof *file);
}

bool cli_space_file_is_there(const cli_space_file *file)
{
    return file->genesis.buf.len > 0;
}

/* ---- What is in it ---- */

mt_status cli_space_file_listen(cli_space_file *file, const char *url)
{
    char *copy;

    for (size_t i = 0; i < file->listen_count; i++)
        if (strcmp(file->listens[i], url) == 0) return MT_OK;
    if (!(copy = strdup(url))) return MT_NO_MEMORY;
    if (file->listen_count == SPACE_LISTENS_MAX) {
        free(file->listens[0]);
        memmove(file->listens, file->listens + 1, (SPACE_LISTENS_MAX - 1) * sizeof *file->listens);
        file->listen_count--;
    }
    file->listens[file->listen_count++] = copy;
    return MT_OK;
}

mt_status cli_space_file_meet(cli_space_file *file, const char *url,
                              const uint8_t device[MT_DEVICE_LEN])
{
    cli_space_peer *peer;
    char *copy;

    for (size_t i = 0; i < file->peer_count; i++) {
        if (strcmp(file->peers[i].url, url) != 0) continue;
        memcpy(file->peers[i].device, device, MT_DEVICE_LEN);
        return MT_OK;
    }
    if (!(copy = strdup(url))) return MT_NO_MEMORY;
    if (file->peer_count == SPACE_PEERS_MAX) {
        free(file->peers[0].url);
        memmove(file->peers, file->peers + 1, (SPACE_PEERS_MAX - 1) * sizeof *file->peers);
        file->peer_count--;
    }
    peer = &file->peers[file->peer_count++];
    peer->url = copy;
    memcpy(peer->device, device, MT_DEVICE_LEN);
    return MT_OK;
}

const uint8_t *cli_space_file_device(const cli_space_file *file, const char *url)
{
    for (size_t i = 0; i < file->peer_count; i++)
        if (strcmp(file->peers[i].url, url) == 0) return file->peers[i].device;
    return NULL;
}

/* ---- Reading ---- */

/* Reads digits into a text that is empty. */
static bool take_hex(const char *digits, cli_text *out)
{
    size_t len = strlen(digits) / 2;

    if (len == 0 || out->buf.len > 0 || !cli_text_reserve(out, len)) return false;
    if (!cli_hex_read(mt_str(digits), out->buf.data, len)) return false;
    out->buf.len = len;
    return true;
}

static bool take_peer(cli_space_file *file, char *values)
{
    char *space = strchr(values, ' ');
    uint8_t device[MT_DEVICE_LEN];

    if (!space) return false;
    *space = '\0';
    return cli_hex_read(mt_str(space + 1), device, sizeof device) &&
           cli_space_file_meet(file, values, device) == MT_OK;
}

static bool take_line(cli_space_file *file, char *line)
{
    char *space = strchr(line, ' ');

    if (!space) return false;
    *space = '\0';
    if (strcmp(line, "genesis") == 0) return take_hex(space + 1, &file->genesis);
    if (strcmp(line, "chain") == 0) return take_hex(space + 1, &file->chain);
    if (strcmp(line, "listen") == 0) return cli_space_file_listen(file, space + 1) == MT_OK;
    if (strcmp(line, "peer") == 0) return take_peer(file, space + 1);
    return false;
}

/* Answers the number of the line that is wrong, or 0. The text ends with a zero. */
static size_t take_text(cli_space_file *file, char *text)
{
    char *rest = text, *line;

    for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
        bool is_right =
            number == 1 ? strcmp(line, first_line) == 0 : !*line || take_line(file, line);

        if (!is_right) return number;
    }
    return cli_space_file_is_there(file) ? 0 : 1;
}

static cli_exit_code load(const char *path, cli_space_file *out)
{
    cli_exit_code code = EXIT_DONE;
    mt_error err = {MT_OK, ""};
    cli_text text;
    size_t wrong;
    mt_status st;

    cli_text_init(&text);
    st = cli_private_read(path, &text, &err);
    cli_text_add(&text, (mt_bytes){(const uint8_t *)"", 1});
    if (st == MT_OK && text.status != MT_OK) cli_error_note(&err, st = text.status, NULL);
    if (st == MT_OK && (wrong = take_text(out, (char *)text.buf.data)) > 0)
        code = cli_complain(EXIT_INPUT, "%s:%zu: not what a space is described with", path, wrong);
    else if (st != MT_OK && st != MT_NOT_FOUND)
        code = cli_complain(cli_exit_of(st), "%s", err.text);
    cli_text_free(&text);
    return code;
}

cli_exit_code cli_space_file_load(const char *store_path, cli_space_file *out)
{
    char *path = path_of(store_path);
    cli_exit_code code = EXIT_SYSTEM;

    memset(out, 0, sizeof *out);
    cli_text_init(&out->genesis);
    cli_text_init(&out->chain);
    if (path) code = load(path, out);
    else (void)cli_complain(code, "out of memory");
    if (code != EXIT_DONE) cli_space_file_free(out);
    free(path);
    return code;
}

/* ---- Writing ---- */

static void put_hex(cli_text *text, const char *word, const cli_text *bytes)
{
    if (bytes->buf.len == 0) return;
    cli_text_printf(text, "%s ", word);
    cli_hex_add(text, bytes->buf.data, bytes->buf.len);
    cli_text_str(text, "\n");
}

static void put_all(cli_text *text, const cli_space_file *file)
{
    cli_text_printf(text, "%s\n", first_line);
    put_hex(text, "genesis", &file->genesis);
    put_hex(text, "chain", &file->chain);
    for (size_t i = 0; i < file->listen_count; i++)
        cli_text_printf(text, "listen %s\n", file->listens[i]);
    for (size_t i = 0; i < file->peer_count; i++) {
        cli_text_printf(text, "peer %s ", file->peers[i].url);
        cli_hex_add(text, file->peers[i].device, MT_DEVICE_LEN);
        cli_text_str(text, "\n");
    }
}

cli_exit_code cli_space_file_save(const char *store_path, const cli_space_file *file)
{
    char *path = path_of(store_path);
    mt_error err = {MT_NO_MEMORY, "out of memory"};
    cli_text text;
    mt_status st;

    cli_text_init(&text);
    put_all(&text, file);
    st = path ? text.status : MT_NO_MEMORY;
    if (st == MT_OK) st = cli_private_write(path, mt_buf_bytes(&text.buf), &err);
    cli_text_free(&text);
    free(path);
    return st == MT_OK ? EXIT_DONE : cli_complain(cli_exit_of(st), "%s", err.text);
}
