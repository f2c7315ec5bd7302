#include "remote_print.h"

#include "message.h"

#include <stdio.h>

typedef struct printing {
    cli_output *out;
    bool ended;
    mt_error err;
} printing;

static void hear(void *ctx, mt_status status, mt_bytes text, bool more)
{
    printing *p = ctx;

    p->ended = !more;
    p->err.status = status;
    if (status == MT_OK) cli_text_add(&p->out->text, text);
    else
        (void)snprintf(p->err.text, sizeof p->err.text, "%.*s", (int)text.len,
                       (const char *)text.data);
}

cli_exit_code cli_remote_print(const cli_storage *storage, cli_admin_kind kind, bool json,
                               cli_output *out)
{
    cli_admin_form form = {.json = json, .color = out->color};
    const mt_env *env = mt_loop_env(storage->loop);
    printing p = {.out = out};
    cli_text text;
    mt_status st;

    cli_text_init(&text);
    cli_admin_put_form(&text, &form);
    st = text.status;
    if (st == MT_OK)
        st = cli_remote_ask(cli_remote_of(&storage->storage), (uint8_t)kind,
                            mt_buf_bytes(&text.buf), hear, &p);
    cli_text_free(&text);
    while (st == MT_OK && !p.ended) st = env->turn(env->ctx);
    if (st == MT_OK && p.err.status == MT_OK) return EXIT_DONE;
    if (st == MT_OK) st = p.err.status;
    return cli_complain(cli_exit_of(st), "%s: %s", storage->path,
                        *p.err.text ? p.err.text : mt_status_text(st));
}
