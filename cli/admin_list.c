/* Lists of nodes for a command: asked for page by page, and no further while what came waits to be sent. */
#include "admin_client.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_NODES 64

typedef struct cli_listing {
    uint8_t prefix[MT_UID_LEN_MAX], after[MT_UID_LEN_MAX];
    size_t prefix_len, after_len;
    size_t left;  /* nodes that are wanted yet */
    bool waiting; /* for room */
} cli_listing;

static void next_page(cli_asked *asked);

static void note_rows(cli_listing *list, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->row_count; i++) {
        const mt_row *row = &answer->rows[i].row;

        if (row->more || row->uid.len > MT_UID_LEN_MAX) continue;
        list->left -= list->left > 0;
        list->after_len = row->uid.len;
        memcpy(list->after, row->uid.data, row->uid.len);
    }
}

static void listed(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    cli_asked *asked = ctx;
    cli_listing *list = asked->list;
    mt_storage_answer piece = *answer;
    uint64_t left = list->left;

    (void)id;
    note_rows(list, answer);
    /* A page that brings nothing, and no end, would come again and again. */
    piece.more = answer->more ||
                 (answer->status == MT_OK && !answer->end && list->left > 0 && list->left < left);
    cli_asked_answer(asked, &piece);
    if (piece.more && !answer->more) next_page(asked);
}

static void page(cli_asked *asked)
{
    cli_listing *list = asked->list;
    const mt_storage *inner = cli_shared_storage_inner(asked->admin->options.storage);
    mt_bytes prefix = {list->prefix, list->prefix_len}, after = {list->after, list->after_len};
    size_t limit = list->left < PAGE_NODES ? list->left : PAGE_NODES;

    list->waiting = false;
    cli_asked_started(asked,
                      inner->ops->list(inner->ctx, &asked->host, asked->id, prefix, after, limit),
                      "the storage does not list its nodes");
}

static void next_page(cli_asked *asked)
{
    if (!asked->client || asked->admin->stopping)
        cli_asked_started(asked, MT_IO, "the daemon is being stopped");
    else if (cli_link_queued(asked->client->link) < CLIENT_QUEUED_MAX) page(asked);
    else asked->list->waiting = true;
}

void cli_client_list_on(cli_client *client)
{
    cli_asked *asked = client->asked, *next;

    for (; asked; asked = next) {
        next = asked->next;
        if (asked->list && asked->list->waiting) next_page(asked);
    }
}

mt_status cli_client_list(cli_client *client, uint64_t id, mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_listing *list = calloc(1, sizeof *list);
    cli_asked *asked;
    cli_admin_page wanted;
    mt_status st = list ? cli_admin_take_page(&from, &wanted) : MT_NO_MEMORY;

    asked = st == MT_OK ? cli_asked_new(client, ADMIN_LIST, id) : NULL;
    if (!asked) {
        free(list);
        return st == MT_OK ? MT_NO_MEMORY : st;
    }
    list->left = wanted.limit;
    list->prefix_len = wanted.prefix.len;
    list->after_len = wanted.after.len;
    if (wanted.prefix.len) memcpy(list->prefix, wanted.prefix.data, wanted.prefix.len);
    if (wanted.after.len) memcpy(list->after, wanted.after.data, wanted.after.len);
    asked->list = list;
    asked->host.answer = listed;
    page(asked);
    return MT_OK;
}
