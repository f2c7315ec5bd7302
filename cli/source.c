#include "source.h"

#include "input.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_LEN ((size_t)1024 * 1024)

__attribute__((format(printf, 3, 4))) static mt_status fail(cli_source *source, mt_status status,
                                                            const char *format, ...)
{
    va_list args;

    source->err.status = status;
    va_start(args, format);
    (void)vsnprintf(source->err.text, sizeof source->err.text, format, args);
    va_end(args);
    return status;
}

cli_exit_code cli_source_open(cli_source *out, const char *path)
{
    struct stat facts;

    memset(out, 0, sizeof *out);
    out->name = cli_input_name(path);
    out->fd = out->name == path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (out->fd < 0) return cli_complain(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    if (fstat(out->fd, &facts) == 0 && S_ISREG(facts.st_mode)) out->size = (uint64_t)facts.st_size;
    out->piece = malloc(PIECE_LEN);
    if (out->piece) return EXIT_DONE;
    cli_source_close(out);
    return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
}

void cli_source_close(cli_source *source)
{
    mt_json_reader_free(source->json);
    mt_binary_reader_free(source->binary);
    free(source->piece);
    if (source->fd > STDIN_FILENO) (void)close(source->fd);
    memset(source, 0, sizeof *source);
}

/* ---- Pieces ---- */

/* The first byte says which reader is needed. */
static mt_status make_reader(cli_source *source, mt_bytes first)
{
    const mt_mem *mem = mt_mem_system();
    mt_status st;

    if (source->json || source->binary) return MT_OK;
    if (cli_input_is_binary(first))
        st = mt_binary_reader_new(mem, NULL, mt_compressor_zstd(), source->name, &source->binary);
    else st = mt_json_reader_new(mem, MT_JSON_GRAPH, source->name, NULL, &source->json);
    return st == MT_OK ? MT_OK : fail(source, st, "%s", mt_status_text(st));
}

static void tell_idle(const cli_source *source)
{
    struct pollfd ready = {source->fd, POLLIN, 0};

    if (source->idle && poll(&ready, 1, 0) == 0) source->idle(source->ctx);
}

static mt_status feed(cli_source *source)
{
    mt_bytes bytes = {source->piece, 0};
    mt_status st;
    ssize_t len;

    tell_idle(source);
    len = read(source->fd, source->piece, PIECE_LEN);
    if (len > 0) bytes.len = (size_t)len;

    if (len < 0 && errno == EINTR) return MT_CANCELED;
    if (len < 0)
        return fail(source, MT_MALFORMED, "cannot read %s: %s", source->name, strerror(errno));
    source->taken += bytes.len;
    if ((st = make_reader(source, bytes)) != MT_OK) return st;
    if (source->binary) return mt_binary_reader_feed(source->binary, bytes, len == 0);
    return mt_json_reader_feed(source->json, bytes, len == 0);
}

/* ---- Rows ---- */

static mt_status next_rows(cli_source *source, const mt_row **rows, size_t *count)
{
    if (source->binary) return mt_binary_reader_rows(source->binary, rows, count);
    if (!source->json) return MT_AGAIN;
    *rows = &source->row;
    *count = 1;
    return mt_json_reader_next(source->json, &source->row);
}

mt_status cli_source_rows(cli_source *source, const mt_row **rows, size_t *count)
{
    mt_status st;

    while ((st = next_rows(source, rows, count)) == MT_AGAIN)
        if ((st = feed(source)) != MT_OK) break;
    if (st == MT_OK || st == MT_CANCELED) return st;
    *count = 0;
    if (st == MT_END) return MT_OK;
    if (source->err.status == MT_OK)
        source->err = source->binary ? *mt_binary_reader_error(source->binary)
                                     : *mt_json_reader_error(source->json);
    return st;
}
