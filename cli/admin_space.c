/* What commands ask a daemon of its space: tickets, and to take back what was given. */
#include "admin_client.h"

#include <mytosis/host.h>

#include <stdlib.h>
#include <string.h>

/* ---- Sharing ---- */

mt_status cli_client_share(cli_client *client, uint64_t id, mt_bytes body)
{
    const cli_admin_options *options = &client->admin->options;
    cli_unpacking from = {.rest = body};
    cli_invitation invitation;
    mt_error err = {MT_OK, ""};
    cli_text line;
    mt_status st;

    if (!cli_invitation_take(&from, &invitation) || !cli_unpack_end(&from)) return MT_MALFORMED;
    cli_text_init(&line);
    st = options->share(options->ctx, &invitation, &line, &err);
    cli_text_str(&line, "\n");
    cli_client_say(client, id, st, st == MT_OK ? mt_buf_bytes(&line.buf) : mt_str(err.text), false);
    mt_crypto_sodium()->wipe(NULL, line.buf.data, line.buf.len);
    cli_text_free(&line);
    return MT_OK;
}

/* ---- Taking back ---- */

typedef struct revoked {
    cli_asked *asked;
    cli_text text;
    char digits[2 * MT_DEVICE_LEN + 1];
} revoked;

static void revoked_end(revoked *r, mt_status status, mt_bytes text)
{
    if (r->asked->client) cli_client_say(r->asked->client, r->asked->id, status, text, false);
    cli_asked_end(r->asked);
    cli_text_free(&r->text);
    free(r);
}

static void stored(void *ctx, mt_db *db, const mt_result *result)
{
    revoked *r = ctx;
    const char *why = result->text ? result->text : mt_status_text(result->status);

    (void)db;
    revoked_end(r, result->status,
                result->status == MT_OK ? mt_buf_bytes(&r->text.buf) : mt_str(why));
}

mt_status cli_client_revoke(cli_client *client, uint64_t id, mt_bytes body)
{
    const cli_admin_options *options = &client->admin->options;
    cli_unpacking from = {.rest = body};
    mt_bytes digits = cli_unpack_bytes(&from);
    mt_error err = {MT_INVALID, "the store is in no space"};
    mt_status st = MT_INVALID;
    revoked *r;

    if (!cli_unpack_end(&from) || digits.len > 2 * MT_DEVICE_LEN) return MT_MALFORMED;
    if (!(r = calloc(1, sizeof *r))) return MT_NO_MEMORY;
    cli_text_init(&r->text);
    if (digits.len > 0) memcpy(r->digits, digits.data, digits.len);
    if (!(r->asked = cli_asked_new(client, ADMIN_REVOKE, id))) {
        free(r);
        return MT_NO_MEMORY;
    }
    if (options->member)
        st = cli_member_revoke(options->member, r->digits, &r->text, stored, r, &err);
    if (st != MT_OK) revoked_end(r, st, mt_str(err.text));
    return MT_OK;
}
