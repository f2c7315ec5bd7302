/* What a daemon answers plain HTTP with: whether it is well, and its metrics. */
#include "serve.h"

#include <string.h>

static bool is_path(mt_bytes path, const char *name)
{
    size_t len = strlen(name);

    return path.len >= len && memcmp(path.data, name, len) == 0 &&
           (path.len == len || path.data[len] == '?');
}

/* What fails is answered with 500 by itself. */
void cli_serve_http(void *ctx, mt_bytes path, mt_http_response *response)
{
    const cli_serving *s = ctx;
    cli_text text;

    cli_text_init(&text);
    if (is_path(path, "/healthz")) {
        cli_text_str(&text, s->stopping ? "stopping\n" : "ok\n");
        (void)!mt_http_respond(response, s->stopping ? 503 : 200, "text/plain; charset=utf-8",
                               mt_buf_bytes(&text.buf));
    } else if (is_path(path, "/metrics")) {
        cli_serve_metrics(s, &text);
        (void)!mt_http_respond(response, text.status == MT_OK ? 200 : 500,
                               "application/openmetrics-text; version=1.0.0; charset=utf-8",
                               mt_buf_bytes(&text.buf));
    }
    cli_text_free(&text);
}
