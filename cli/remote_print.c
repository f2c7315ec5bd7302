#include "remote_print.h"

#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct printing {
    cli_output *out;
    bool tells_progress; /* by all texts but the last */
    bool ended;
    mt_error err;
} printing;

static void show_progress(mt_bytes text)
{
    char words[128];

    (void)snprintf(words, sizeof words, "%.*s", (int)text.len, (const char *)text.data);
    cli_progress("", words); /* of a peer, perhaps */
}

static void hear(void *ctx, mt_bytes text, const mt_error *why)
{
    printing *p = ctx;

    p->ended = why != NULL;
    if (why) p->err = *why;
    if (!why && p->tells_progress) show_progress(text);
    else cli_text_add(&p->out->text, text);
}

/* Asks, waits, and notes in `p` what it came to. `body` is freed. */
static mt_status ask(cli_remote *remote, const mt_env *env, cli_admin_kind kind, cli_text *body,
                     printing *p)
{
    mt_status st = cli_remote_ask(remote, kind, body, hear, p);

    while (st == MT_OK && !p->ended) st = env->turn(env->ctx);
    if (st == MT_OK) st = p->err.status;
    if (!*p->err.text) cli_error_note(&p->err, st, NULL);
    return st;
}

cli_exit_code cli_remote_print(const cli_storage *storage, cli_admin_kind kind, cli_admin_form form,
                               cli_output *out)
{
    printing p = {.out = out};
    cli_text body;
    mt_status st;

    cli_text_init(&body);
    form.color = out->color;
    cli_admin_put_form(&body, &form);
    st = ask(cli_remote_of(&storage->storage), mt_loop_env(storage->loop), kind, &body, &p);
    if (st == MT_OK) return EXIT_DONE;
    return cli_complain(cli_exit_of(st), "%s: %s", storage->path, p.err.text);
}

cli_exit_code cli_remote_say(const cli_storage *storage, cli_admin_kind kind, cli_text *body,
                             cli_output *out)
{
    printing p = {.out = out};
    mt_status st =
        ask(cli_remote_of(&storage->storage), mt_loop_env(storage->loop), kind, body, &p);

    if (st == MT_OK) return EXIT_DONE;
    return cli_complain(st == MT_NOT_FOUND ? EXIT_DIFFERENT : cli_exit_of(st), "%s", p.err.text);
}

cli_exit_code cli_remote_visit(const cli_store *store, const char *url, const char *ca, bool json,
                               cli_output *out)
{
    cli_admin_form form = {.json = json};
    printing p = {.out = out, .tells_progress = true};
    char *path = ca ? realpath(ca, NULL) : NULL; /* it has another folder */
    cli_text body;
    mt_status st;

    if (ca && !path) return cli_complain(EXIT_INPUT, "%s: %s", ca, strerror(errno));
    cli_text_init(&body);
    cli_admin_put_form(&body, &form);
    cli_pack_bytes(&body, mt_str(url));
    if (path) cli_pack_bytes(&body, mt_str(path));
    free(path);
    st = ask(store->remote, mt_loop_env(store->loop), ADMIN_VISIT, &body, &p);
    return st == MT_OK ? EXIT_DONE : cli_complain(EXIT_SYSTEM, "%s", p.err.text);
}
