#include "follow.h"

#include "event.h"
#include "message.h"
#include "report.h"

#include <string.h>
#include <unistd.h>
#include <uv.h>

static void hear(void *ctx, mt_bytes text, const mt_error *why)
{
    cli_follow *f = ctx;

    f->begun = true;
    f->ended = why != NULL;
    if (why) f->err = *why;
    cli_text_add(&f->out.text, text);
    cli_output_flush(&f->out);
}

static bool goes_on(const cli_follow *f)
{
    return !f->ended && !f->out.quiet && !f->out.error;
}

mt_status cli_follow_begin(cli_follow *follow, const cli_options *options, const cli_store *store,
                           mt_bytes prefix)
{
    cli_admin_form form;
    cli_text text;
    mt_status st;

    memset(follow, 0, sizeof *follow);
    follow->store = store;
    cli_report_output(options, &follow->out);
    form = cli_events_form(options, &follow->out);
    cli_text_init(&text);
    cli_admin_put_form(&text, &form);
    cli_pack_number(&text, cli_events_kinds(options), 1);
    cli_pack_bytes(&text, prefix);
    st = cli_remote_ask(store->remote, ADMIN_WATCH, &text, hear, follow);
    while (st == MT_OK && !follow->begun)
        if (!cli_store_turn(store)) st = MT_IO;
    if (st != MT_OK) follow->err = (mt_error){st, "the daemon does not answer"};
    return follow->err.status;
}

/* ---- Waiting ---- */

typedef struct looking {
    uv_poll_t poll;
    bool readable, closed;
} looking;

static void on_readable(uv_poll_t *poll, int status, int events)
{
    looking *l = poll->data;

    (void)status;
    (void)events;
    l->readable = true;
}

static void on_closed(uv_handle_t *poll)
{
    looking *l = poll->data;

    l->closed = true;
}

bool cli_follow_input(void *ctx)
{
    cli_follow *f = ctx;
    looking l = {.readable = false};

    /* A file can always be read. */
    if (uv_poll_init(mt_loop_uv(f->store->loop), &l.poll, STDIN_FILENO) != 0) return goes_on(f);
    l.poll.data = &l;
    if (uv_poll_start(&l.poll, UV_READABLE | UV_DISCONNECT, on_readable) != 0) l.readable = true;
    while (!l.readable && goes_on(f) && cli_store_turn(f->store)) {
    }
    uv_close((uv_handle_t *)&l.poll, on_closed);
    while (!l.closed && cli_store_turn(f->store)) {
    }
    return goes_on(f);
}

void cli_follow_wait(cli_follow *follow)
{
    while (goes_on(follow) && cli_store_turn(follow->store)) {
    }
}

cli_exit_code cli_follow_end(cli_follow *follow, cli_exit_code code)
{
    if (follow->err.status != MT_OK && code == EXIT_DONE)
        code = cli_complain(cli_exit_of(follow->err.status), "%s: %s", follow->store->path,
                            follow->err.text);
    return cli_output_end(&follow->out, code);
}
