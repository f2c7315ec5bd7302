#include "remote_storage.h"

#include "link.h"

#include <stdio.h>
#include <stdlib.h>

/* A request that is not answered wholly. */
typedef struct pending {
    struct pending *next;
    uint64_t id; /* on the link */
    const mt_storage_host *host;
    uint64_t host_id;
    cli_remote_hear *hear; /* of an ask; then there is no host */
    void *ctx;
} pending;

struct cli_remote {
    cli_link *link;
    pending *first;
    uint64_t last_id;
    uint64_t bytes; /* that the daemon's storage takes, as far as is known */
    mt_error ended; /* why there is no link any more */
};

/* ---- The end of a request ---- */

static pending *detach(cli_remote *r, uint64_t id)
{
    pending **at = &r->first, *found;

    while (*at && (*at)->id != id) at = &(*at)->next;
    if ((found = *at)) *at = found->next;
    return found;
}

static void attach(cli_remote *r, pending *p)
{
    p->next = r->first;
    r->first = p;
}

static void fail_one(pending *p, const mt_error *why)
{
    mt_storage_answer answer = {.status = why->status, .text = why->text};

    if (p->hear) p->hear(p->ctx, mt_str(NULL), why);
    else p->host->answer(p->host->ctx, p->host_id, &answer);
    free(p);
}

/* The storage may be closed inside the last answer: then nothing of it may be looked at any more. */
static void fail_all(cli_remote *r)
{
    pending *p = r->first;
    mt_error why = r->ended;

    r->first = NULL;
    while (p) {
        pending *next = p->next;

        fail_one(p, &why);
        p = next;
    }
}

static void end(cli_remote *r, const mt_error *why)
{
    if (r->ended.status != MT_OK) return;
    r->ended.status = MT_IO;
    (void)snprintf(r->ended.text, sizeof r->ended.text, "the daemon has gone%s%.200s",
                   why ? ": " : "", why ? why->text : "");
    fail_all(r);
}

static void on_ended(void *ctx, const mt_error *why)
{
    end(ctx, why);
}

/* ---- What comes ---- */

/* A daemon that says what it should not is no longer listened to. */
static void refuse(cli_remote *r, mt_status st)
{
    mt_error why = {.status = st};

    (void)snprintf(why.text, sizeof why.text, "%s",
                   st == MT_NO_MEMORY ? mt_status_text(st) : "it says what is not understood");
    cli_link_listen(r->link, false);
    end(r, &why);
}

static void take_answer(cli_remote *r, pending *p, mt_bytes body)
{
    bool more = true;
    mt_status st = cli_admin_give_answer(body, p->host, p->host_id, &more, &r->bytes);

    if (st == MT_OK && !more) {
        free(p); /* and `r` may be gone */
        return;
    }
    attach(r, p);
    if (st != MT_OK) refuse(r, st);
}

static void take_text(cli_remote *r, pending *p, mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    mt_error why = {.status = cli_unpack_status(&from)};
    bool more = cli_unpack_bool(&from);
    mt_bytes text = cli_unpack_bytes(&from);

    if (!cli_unpack_end(&from) || (more && why.status != MT_OK)) {
        attach(r, p);
        refuse(r, MT_MALFORMED);
    } else if (more) {
        attach(r, p);
        p->hear(p->ctx, text, NULL);
    } else if (why.status != MT_OK) {
        (void)snprintf(why.text, sizeof why.text, "%.*s", (int)text.len, (const char *)text.data);
        fail_one(p, &why);
    } else {
        p->hear(p->ctx, text, &why);
        free(p);
    }
}

static void on_message(void *ctx, uint8_t kind, uint64_t id, mt_bytes body)
{
    cli_remote *r = ctx;
    pending *p = detach(r, id);

    if (p && kind == (p->hear ? ADMIN_TEXT : ADMIN_ANSWER)) {
        if (p->hear) take_text(r, p, body);
        else take_answer(r, p, body);
        return;
    }
    if (p) attach(r, p);
    refuse(r, MT_MALFORMED);
}

static const cli_link_ops link_ops = {.message = on_message, .ended = on_ended};

/* ---- Requests ---- */

static mt_status send(cli_remote *r, cli_admin_kind kind, const cli_text *text, const pending *like)
{
    pending *p;
    mt_status st = text->status;

    if (st != MT_OK) return st;
    if (!(p = malloc(sizeof *p))) return MT_NO_MEMORY;
    *p = *like;
    p->id = ++r->last_id;
    st = cli_link_send(r->link, (uint8_t)kind, p->id, mt_buf_bytes(&text->buf));
    if (st == MT_OK) attach(r, p);
    else free(p);
    return st;
}

/* Sends a request and frees its text. One that comes too late is answered at once. */
static mt_status request(cli_remote *r, cli_admin_kind kind, cli_text *text,
                         const mt_storage_host *host, uint64_t id)
{
    pending like = {.host = host, .host_id = id};
    mt_storage_answer late = {.status = MT_IO, .text = r->ended.text};
    mt_status st = MT_OK;

    if (r->ended.status == MT_OK) st = send(r, kind, text, &like);
    cli_text_free(text);
    if (r->ended.status != MT_OK) host->answer(host->ctx, id, &late);
    return st;
}

static mt_status remote_open(void *ctx, const mt_storage_host *host, uint64_t id)
{
    cli_text text;

    cli_text_init(&text);
    return request(ctx, ADMIN_OPEN, &text, host, id);
}

static mt_status remote_read(void *ctx, const mt_storage_host *host, uint64_t id,
                             const mt_storage_key *keys, size_t count)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_keys(&text, keys, count);
    return request(ctx, ADMIN_READ, &text, host, id);
}

static mt_status remote_write(void *ctx, const mt_storage_host *host, uint64_t id,
                              const mt_storage_write *write)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_write(&text, write, true); /* the database above has looked at them */
    return request(ctx, ADMIN_WRITE, &text, host, id);
}

static mt_status remote_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                               const mt_bytes *uids, size_t count)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_uids(&text, uids, count);
    return request(ctx, ADMIN_REMOVE, &text, host, id);
}

static mt_status remote_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                             mt_bytes after, size_t limit)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_page(&text, prefix, after, limit);
    return request(ctx, ADMIN_LIST, &text, host, id);
}

static mt_status remote_changes(void *ctx, const mt_storage_host *host, uint64_t id,
                                const mt_cursor *since, size_t limit)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_since(&text, since, limit);
    return request(ctx, ADMIN_CHANGES, &text, host, id);
}

static mt_status remote_records(void *ctx, const mt_storage_host *host, uint64_t id,
                                mt_bytes prefix, mt_bytes after, size_t limit)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_page(&text, prefix, after, limit);
    return request(ctx, ADMIN_RECORDS, &text, host, id);
}

static uint64_t remote_bytes(void *ctx)
{
    return ((cli_remote *)ctx)->bytes;
}

mt_status cli_remote_patch(cli_remote *remote, const mt_row *rows, size_t count,
                           const mt_storage_host *host)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_patch(&text, rows, count);
    return request(remote, ADMIN_PATCH, &text, host, 0);
}

mt_status cli_remote_merge(cli_remote *remote, const mt_graph *graph, bool future,
                           const mt_storage_host *host)
{
    cli_text text;

    cli_text_init(&text);
    cli_admin_put_merge(&text, graph, future);
    return request(remote, ADMIN_WRITE, &text, host, 0);
}

mt_status cli_remote_ask(cli_remote *remote, cli_admin_kind kind, cli_text *body,
                         cli_remote_hear *hear, void *ctx)
{
    pending like = {.hear = hear, .ctx = ctx};
    mt_status st = remote->ended.status == MT_OK ? send(remote, kind, body, &like) : MT_IO;

    cli_text_free(body);
    return st == MT_CLOSED ? MT_IO : st;
}

/* ---- The storage ---- */

static void remote_close(void *ctx)
{
    cli_remote *r = ctx;

    cli_link_free(r->link);
    while (r->first) {
        pending *next = r->first->next;

        free(r->first);
        r->first = next;
    }
    free(r);
}

static const mt_storage_ops remote_ops = {.abi = MT_STORAGE_ABI,
                                          .size = sizeof remote_ops,
                                          .name = "daemon",
                                          .open = remote_open,
                                          .read = remote_read,
                                          .write = remote_write,
                                          .remove = remote_remove,
                                          .close = remote_close,
                                          .list = remote_list,
                                          .changes = remote_changes,
                                          .records = remote_records,
                                          .bytes = remote_bytes};

mt_status cli_remote_new(mt_connection *connection, mt_storage *out)
{
    cli_remote *r = calloc(1, sizeof *r);
    mt_status st;

    if (!r) return MT_NO_MEMORY;
    if ((st = cli_link_new(connection, &link_ops, r, &r->link)) != MT_OK) {
        free(r);
        return st;
    }
    cli_link_listen(r->link, true);
    *out = (mt_storage){&remote_ops, r};
    return MT_OK;
}

cli_remote *cli_remote_of(const mt_storage *storage)
{
    return storage->ops == &remote_ops ? storage->ctx : NULL;
}
