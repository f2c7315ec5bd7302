#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIECE_LEN ((size_t)64 * 1024)

void cli_lines_init(cli_lines *lines)
{
    memset(lines, 0, sizeof *lines);
    cli_text_init(&lines->held);
}

void cli_lines_free(cli_lines *lines)
{
    cli_text_free(&lines->held);
}

/* Reads more behind what is held, from which what was given is removed first. */
static bool read_more(cli_lines *lines)
{
    mt_buf *buf = &lines->held.buf;
    ssize_t len;

    if (buf->data && lines->taken > 0) {
        buf->len -= lines->taken;
        memmove(buf->data, buf->data + lines->taken, buf->len);
        lines->taken = 0;
    }
    if (buf->len > LINE_LEN_MAX) cli_text_note(&lines->held, MT_TOO_LARGE);
    if (!cli_text_reserve(&lines->held, PIECE_LEN)) return false;
    if (lines->wait && !lines->wait(lines->ctx)) {
        lines->ended = true;
        return false;
    }
    do len = read(STDIN_FILENO, buf->data + buf->len, PIECE_LEN);
    while (len < 0 && errno == EINTR);
    if (len < 0) lines->error = errno;
    else buf->len += (size_t)len;
    lines->ended = len == 0;
    return len >= 0;
}

bool cli_lines_next(cli_lines *lines, mt_bytes *out)
{
    const mt_buf *buf = &lines->held.buf;
    size_t looked = 0;

    for (;;) {
        const uint8_t *rest = buf->data ? buf->data + lines->taken : NULL, *end = NULL;
        size_t len = buf->len - lines->taken;

        if (rest && len > looked) end = memchr(rest + looked, '\n', len - looked);
        if (end || (lines->ended && len > 0)) {
            *out = (mt_bytes){rest, end ? (size_t)(end - rest) : len};
            lines->taken += end ? out->len + 1 : len;
            lines->number++;
            return true;
        }
        looked = len;
        if (lines->ended || !read_more(lines)) return false;
    }
}
