/* What a daemon writes for a command, through its database.
 *
 * A remove waits for the writes before it, and what comes after it waits for it, since a database lets it overtake them. */
#include "admin_client.h"

#include "batch.h"
#include "rows.h"

#include <mytosis/plugin/router.h>

#include <stdlib.h>

/* ---- Writes ---- */

static void written(void *ctx, mt_db *db, const mt_result *result)
{
    cli_asked *asked = ctx;
    cli_shared_storage *storage = asked->admin->options.storage;
    mt_storage_answer answer = {.status = result->status, .text = result->text};

    (void)db;
    answer.next = cli_shared_storage_info(storage)->head;
    cli_asked_answer(asked, &answer);
}

/* The rows of a commit, which go on where the ones before end. */
static mt_status take_rows(mt_binary_reader *reader, mt_bytes binary, cli_batch *batch)
{
    const mt_row *rows;
    size_t count;
    mt_status st;

    if (binary.len == 0) return MT_OK;
    mt_binary_reader_reset(reader);
    st = mt_binary_reader_feed(reader, binary, true);
    while (st == MT_OK && (st = mt_binary_reader_rows(reader, &rows, &count)) == MT_OK)
        for (size_t i = 0; i < count && st == MT_OK; i++) st = cli_batch_add(batch, &rows[i]);
    return st == MT_END ? MT_OK : st;
}

static mt_status take_commits(cli_unpacking *from, size_t count, cli_batch *batch)
{
    mt_binary_reader *reader = NULL;
    mt_status st = mt_binary_reader_new(mt_mem_system(), NULL, NULL, "a command", &reader);

    for (size_t i = 0; i < count && st == MT_OK; i++)
        st = take_rows(reader, cli_unpack_bytes(from), batch);
    mt_binary_reader_free(reader);
    return st == MT_OK && !cli_unpack_end(from) ? MT_MALFORMED : st;
}

/* Rows and records as one commit. */
static void commit(cli_asked *asked, const cli_admin_write *write, cli_batch *batch)
{
    mt_db *db = asked->admin->options.db;
    mt_options options = {.size = sizeof options, .allow_future = write->future};
    mt_received what = {.records = write->records, .record_count = write->record_count};

    what.rows = cli_batch_rows(batch, &what.count);
    cli_asked_started(asked, mt_db_receive_with(db, NULL, &what, &options, written, asked, NULL),
                      mt_db_error(db)->text);
}

mt_status cli_client_write(cli_client *client, uint64_t id, mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_batch batch = {.nodes = 0};
    cli_admin_write write;
    cli_asked *asked;
    mt_status st = cli_admin_take_write(&from, &write);

    if (st != MT_OK) return st;
    st = take_commits(&from, write.commit_count, &batch);
    if (st == MT_OK && !(asked = cli_asked_new(client, ADMIN_WRITE, id))) st = MT_NO_MEMORY;
    if (st == MT_OK) {
        cli_shared_storage_clock(client->admin->options.storage, write.clock);
        commit(asked, &write, &batch);
    }
    free(write.records);
    cli_batch_free(&batch);
    return st;
}

/* ---- Patches ---- */

/* What changed, as rows of which more may follow in the same node. */
static mt_status gather(const mt_delta *delta, cli_batch *batch)
{
    mt_status st = MT_OK;
    const mt_row *row;
    cli_rows rows;

    cli_rows_of_delta(&rows, delta, MT_UPDATE);
    while (st == MT_OK && (row = cli_rows_next(&rows))) st = cli_batch_add(batch, row);
    return st;
}

static void patched(void *ctx, mt_db *db, const mt_result *result)
{
    cli_asked *asked = ctx;
    mt_storage_answer answer = {.status = result->status, .text = result->text};
    cli_batch batch = {.nodes = 0};
    mt_storage_row *shown = NULL;
    const mt_row *rows;

    (void)db;
    if (result->status == MT_OK && result->delta && gather(result->delta, &batch) == MT_OK) {
        rows = cli_batch_rows(&batch, &answer.row_count);
        shown = calloc(answer.row_count + 1, sizeof *shown);
        for (size_t i = 0; shown && i < answer.row_count; i++) shown[i].row = rows[i];
        if (!shown) answer.row_count = 0;
        answer.rows = shown;
    }
    cli_asked_answer(asked, &answer);
    free(shown);
    cli_batch_free(&batch);
}

mt_status cli_client_patch(cli_client *client, uint64_t id, mt_bytes body)
{
    mt_db *db = client->admin->options.db;
    cli_unpacking from = {.rest = body};
    cli_admin_patch patch;
    cli_asked *asked;
    mt_status st = cli_admin_take_patch(&from, &patch);

    if (st != MT_OK) return st;
    if ((asked = cli_asked_new(client, ADMIN_PATCH, id)))
        cli_asked_started(asked, mt_write(db, patch.rows, patch.count, NULL, patched, asked, NULL),
                          mt_db_error(db)->text);
    free(patch.rows);
    free(patch.fields);
    return asked ? MT_OK : MT_NO_MEMORY;
}

/* ---- Removes ---- */

static void removed(void *ctx, mt_db *db, const mt_result *result)
{
    mt_storage_answer answer = {.status = result->status, .text = result->text};

    (void)db;
    cli_asked_answer(ctx, &answer);
}

static void start_remove(cli_asked *asked)
{
    mt_db *db = asked->admin->options.db;

    cli_asked_started(asked,
                      mt_forget(db, asked->uids, asked->uid_count, NULL, removed, asked, NULL),
                      mt_db_error(db)->text);
}

mt_status cli_client_remove(cli_client *client, uint64_t id, mt_bytes body)
{
    cli_unpacking from;
    cli_asked *asked;
    mt_bytes *uids;
    size_t count;
    mt_status st;

    client->remove.buf.len = 0;
    cli_text_add(&client->remove, body);
    if (client->remove.status != MT_OK) return client->remove.status;
    from = (cli_unpacking){.rest = mt_buf_bytes(&client->remove.buf)};
    if ((st = cli_admin_take_uids(&from, &uids, &count)) != MT_OK) return st;
    if (!(asked = cli_asked_new(client, ADMIN_REMOVE, id))) {
        free(uids);
        return MT_NO_MEMORY;
    }
    asked->uids = uids;
    asked->uid_count = count;
    client->waiting = asked;
    cli_client_wrote(client);
    return MT_OK;
}

void cli_client_wrote(cli_client *client)
{
    cli_asked *asked = client->waiting;

    if (!asked || client->writes > 0) return;
    client->waiting = NULL;
    start_remove(asked);
}
