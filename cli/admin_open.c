/* What a daemon tells a command of its store.
 *
 * Where the log begins is known from when the store was opened, and changes as old entries are dropped. That is found by asking
 * for what follows a place: it is stale before the beginning, and answered after it. */
#include "admin_client.h"

static void give(cli_asked *asked)
{
    mt_storage_info info = *cli_shared_storage_info(asked->admin->options.storage);
    mt_storage_answer answer = {.info = &info, .next = info.head, .end = true};

    info.log_first = asked->first;
    cli_asked_answer(asked, &answer);
}

static void probe(cli_asked *asked, uint64_t at);

/* Stale at `low`, valid at `high`. */
static void go_on(cli_asked *asked)
{
    if (asked->high - asked->low > 1) probe(asked, asked->low + (asked->high - asked->low) / 2);
    else give(asked);
}

static void probed(void *ctx, uint64_t at, const mt_storage_answer *answer)
{
    cli_asked *asked = ctx;

    if (answer->more) return;
    if (answer->status == MT_STALE && at < asked->high) {
        asked->low = at;
        go_on(asked);
        return;
    }
    if (answer->status == MT_OK)
        asked->first = answer->change_count > 0 ? answer->changes[0].number : 0;
    if (answer->status != MT_OK || at < asked->low + 1) {
        give(asked);
        return;
    }
    asked->high = at;
    go_on(asked);
}

/* Asks for the first change after a place. */
static void probe(cli_asked *asked, uint64_t at)
{
    const mt_storage *inner = cli_shared_storage_inner(asked->admin->options.storage);
    mt_cursor since = cli_shared_storage_info(asked->admin->options.storage)->head;

    since.number = at;
    if (at == 0) since = (mt_cursor){.number = 0};
    asked->host.answer = probed;
    if (inner->ops->changes(inner->ctx, &asked->host, at, &since, 1) != MT_OK) give(asked);
}

mt_status cli_client_open(cli_client *client, uint64_t id)
{
    const mt_storage_info *info = cli_shared_storage_info(client->admin->options.storage);
    cli_asked *asked = cli_asked_new(client, ADMIN_OPEN, id);

    if (!asked) return MT_NO_MEMORY;
    asked->first = info->log_first;
    asked->low = info->log_first > 0 ? info->log_first - 1 : 0;
    asked->high = info->head.number;
    if (asked->high == 0) give(asked);
    else probe(asked, asked->low);
    return MT_OK;
}
