/* Watching: what changes in a daemon's store, printed for a command as it happens. */
#include "admin_client.h"

#include "event.h"

#include <stdlib.h>

/* Who reads so slowly that this waits for it is told no more. */
#define BEHIND_MAX ((size_t)16 * 1024 * 1024)

struct cli_watch {
    cli_watch *next;
    cli_client *client;
    uint64_t id;
    cli_events events;
    cli_text prefix;
    mt_listening *listening;
};

static void watch_drop(cli_watch *watch)
{
    mt_off(watch->listening);
    cli_text_free(&watch->events.out.text);
    cli_text_free(&watch->prefix);
    free(watch);
}

static void watch_free(cli_watch *watch)
{
    cli_watch **at = &watch->client->watches;

    while (*at != watch) at = &(*at)->next;
    *at = watch->next;
    watch_drop(watch);
}

static void end(cli_watch *watch, mt_status status, const char *why)
{
    cli_client_say(watch->client, watch->id, status, mt_str(why), false);
    watch_free(watch);
}

static void on_event(void *ctx, mt_db *db, const mt_event *event)
{
    cli_watch *watch = ctx;
    cli_text *text = &watch->events.out.text;

    (void)db;
    cli_events_print(&watch->events, event);
    if (text->status != MT_OK) {
        end(watch, text->status, mt_status_text(text->status));
    } else if (cli_link_queued(watch->client->link) > BEHIND_MAX) {
        end(watch, MT_STALE, "events come faster than they are read here");
    } else {
        cli_client_say(watch->client, watch->id, MT_OK, mt_buf_bytes(&text->buf), true);
        text->buf.len = 0;
    }
}

/* An empty piece says that it has begun. */
static mt_status begin(cli_watch *watch, unsigned kinds)
{
    mt_db *db = watch->client->admin->options.db;
    mt_listen listen = {.kinds = kinds, .prefix = mt_buf_bytes(&watch->prefix.buf)};
    mt_status st = mt_on(db, &listen, on_event, watch, &watch->listening);

    if (st == MT_OK) cli_client_say(watch->client, watch->id, MT_OK, mt_str(NULL), true);
    return st;
}

mt_status cli_client_watch(cli_client *client, uint64_t id, mt_bytes body)
{
    const unsigned all = MT_EVENT_UPDATE | MT_EVENT_HISTORY | MT_EVENT_CONFLICT;
    cli_unpacking from = {.rest = body};
    cli_watch *watch = calloc(1, sizeof *watch);
    cli_admin_form form;
    mt_bytes prefix;
    unsigned kinds;
    mt_status st;

    if (!watch) return MT_NO_MEMORY;
    cli_admin_take_form(&from, &form);
    kinds = (unsigned)cli_unpack_number(&from, 1);
    prefix = cli_unpack_bytes(&from);
    watch->client = client;
    watch->id = id;
    watch->next = client->watches;
    client->watches = watch;
    cli_text_init(&watch->prefix);
    cli_text_add(&watch->prefix, prefix);
    cli_events_init(&watch->events, &form, mt_buf_bytes(&watch->prefix.buf));
    st = watch->prefix.status;
    if (!cli_unpack_end(&from) || !kinds || kinds & ~all || prefix.len > MT_UID_LEN_MAX)
        st = MT_MALFORMED;
    if (st == MT_OK) st = begin(watch, kinds);
    if (st != MT_OK) watch_free(watch);
    return st;
}

void cli_client_unwatch(cli_client *client)
{
    for (cli_watch *watch = client->watches, *next; watch; watch = next) {
        next = watch->next;
        watch_drop(watch);
    }
    client->watches = NULL;
}
