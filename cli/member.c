#include "member.h"

#include "hex.h"
#include "keys.h"
#include "message.h"
#include "wait.h"

#include <mytosis/host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Its life ---- */

static void changed(void *ctx)
{
    cli_member *m = ctx;

    if (m->db) (void)!mt_db_rights_changed(m->db); /* without a router there are no sessions */
}

static uint64_t now_of(const cli_member *m)
{
    return m->env->now_ms(m->env->ctx);
}

static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why);

static mt_status ticket_key(void *ctx, const uint8_t id[MT_TICKET_ID_LEN], uint8_t key[MT_KEY_LEN])
{
    const cli_member *m = ctx;
    cli_ticket_note note;
    mt_error ignored;
    mt_status st = cli_ticket_find(m->path, id, &note, &ignored);

    if (st != MT_OK) return MT_NOT_FOUND;
    if (note.expires_ms <= now_of(m)) st = MT_NOT_FOUND;
    else memcpy(key, note.key, MT_KEY_LEN);
    cli_ticket_note_free(&note);
    return st;
}

static mt_status make_secure(cli_member *m, mt_error *err)
{
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = m->seed,
                                 .space = mt_space_id(m->space),
                                 .papers = mt_buf_bytes(&m->file->chain.buf),
                                 .admit = admit,
                                 .ticket = ticket_key,
                                 .ctx = m};

    return mt_secure_new(m->env, &options, &m->secure, err);
}

/* What this device shows must at least be a chain; one that is not good now is noted. */
static mt_status check_chain(cli_member *m, mt_error *err)
{
    mt_secure_visitor own = {
        .size = sizeof own, .device = m->device, .papers = mt_buf_bytes(&m->file->chain.buf)};
    mt_status st = mt_space_admit(m->space, &own, NULL, &m->unfit);

    if (st != MT_MALFORMED && st != MT_UNSUPPORTED) return MT_OK;
    err->status = st;
    (void)snprintf(err->text, sizeof err->text, "%.100s: what its space gave it is damaged: %.150s",
                   m->path, m->unfit.text);
    return st;
}

mt_status cli_member_new(const mt_env *env, const char *path, const cli_space_file *file,
                         const uint8_t *seed, cli_member **out, mt_error *err)
{
    mt_space_options options = {.size = sizeof options,
                                .crypto = mt_crypto_sodium(),
                                .genesis = mt_buf_bytes(&file->genesis.buf),
                                .changed = changed};
    cli_member *m = options.crypto ? calloc(1, sizeof *m) : NULL;
    mt_status st;

    *err = options.crypto ? (mt_error){MT_NO_MEMORY, "out of memory"}
                          : (mt_error){MT_IO, "there is no source of randomness"};
    if (!m) return err->status;
    *m = (cli_member){.env = env, .path = path, .file = file};
    if (seed) memcpy(m->seed, seed, sizeof m->seed);
    m->has_device =
        cli_keys_has(path, KEY_DEVICE) && cli_key_public(path, KEY_DEVICE, m->device) == EXIT_DONE;
    options.ctx = m;
    st = mt_space_new(env, &options, &m->space, err);
    if (st == MT_OK && seed) st = make_secure(m, err);
    if (st == MT_OK && m->has_device) st = check_chain(m, err);
    if (st != MT_OK) {
        cli_member_free(m);
        return st;
    }
    *out = m;
    return MT_OK;
}

void cli_member_close(cli_member *member)
{
    if (!member) return;
    mt_space_free(member->space);
    member->space = NULL;
    member->db = NULL;
}

void cli_member_free(cli_member *member)
{
    if (!member) return;
    cli_member_close(member);
    mt_secure_unref(member->secure);
    mt_crypto_sodium()->wipe(NULL, member->seed, sizeof member->seed);
    free(member);
}

void cli_member_equip(cli_member *member, mt_config *config, mt_sync_options *options)
{
    if (!member) return;
    mt_space_hooks(member->space, member->hooks);
    config->hooks = member->hooks;
    config->hook_count = MT_SPACE_HOOKS;
    if (!options) return;
    options->rights = mt_space_rights;
    options->rights_ctx = member->space;
}

mt_status cli_member_follow(cli_member *member, mt_db *db, mt_error *err)
{
    cli_wait w = {.answered = false};
    mt_status st = mt_space_follow(member->space, db, cli_wait_answered, &w);

    if (st != MT_OK) {
        *err = *mt_db_error(db);
        return st;
    }
    st = cli_wait_for(member->env, &w);
    *err = w.err;
    if (st == MT_OK) member->db = db;
    return st;
}

/* ---- Links ---- */

mt_status cli_peer_name_read(const char *word, const cli_space_file *file, cli_peer_name *out,
                             mt_error *err)
{
    const char *hash = strrchr(word, '#');
    size_t len = hash ? (size_t)(hash - word) : strlen(word);
    const uint8_t *known;
    mt_status st;

    memset(out, 0, sizeof *out);
    (void)snprintf(out->url, sizeof out->url, "%.*s", len < sizeof out->url ? (int)len : 0, word);
    if ((st = mt_url_check(len < sizeof out->url ? out->url : word, false, err)) != MT_OK)
        return st;
    known = file ? cli_space_file_device(file, out->url) : NULL;
    if (known) memcpy(out->device, known, sizeof out->device);
    out->has_device = hash || known;
    if (!hash || cli_hex_read(mt_str(hash + 1), out->device, sizeof out->device)) return MT_OK;
    *err = (mt_error){MT_INVALID, ""};
    (void)snprintf(err->text, sizeof err->text, "%.200s: a device has %d hexadecimal digits", word,
                   2 * MT_DEVICE_LEN);
    return MT_INVALID;
}

static mt_status fail_device(const char *url, const char *what, mt_error *err)
{
    err->status = MT_INVALID;
    (void)snprintf(err->text, sizeof err->text, "%.160s: %s", url, what);
    return MT_INVALID;
}

mt_status cli_member_reach(const cli_member *member, const mt_env *env, const char *url,
                           const uint8_t *device, const mt_dial_options *options,
                           mt_connection **out, mt_error *err)
{
    mt_secure_peer peer = {.size = sizeof peer, .device = device};
    mt_connection *link = NULL;
    mt_status st;

    if (!member && device)
        return fail_device(url, "a device is named, and this store is in no space", err);
    if (member && !device)
        return fail_device(url, "in a space a peer is named as URL#DEVICE, unless it is known",
                           err);
    st = mt_dial(env, url, options, member ? &link : out, err);
    if (st != MT_OK || !member) return st;
    st = mt_secure_dial(member->secure, link, &peer, out, err);
    if (st != MT_OK) mt_connection_close(link);
    mt_connection_unref(link);
    return st;
}

/* ---- Inviting ---- */

/* What an invitation gives a device, behind the chain of this one. */
static mt_status issue(const cli_member *m, const cli_invitation *invitation, const uint8_t *device,
                       mt_buf *chain, mt_error *err)
{
    uint64_t now = now_of(m);
    mt_token token = {.size = sizeof token,
                      .rights = invitation->rights,
                      .device = device,
                      .prefixes = invitation->prefixes,
                      .prefix_count = invitation->prefix_count,
                      .not_before_ms = now - MEMBER_SKEW_MS,
                      .not_after_ms =
                          invitation->token_ms ? now + invitation->token_ms : UINT64_MAX};

    return mt_token_issue(m->env, mt_crypto_sodium(), mt_buf_bytes(&m->file->genesis.buf), m->seed,
                          mt_buf_bytes(&m->file->chain.buf), &token, chain, err);
}

/* What could not be given then is not promised now. */
static mt_status try(const cli_member *m, const cli_invitation *invitation, mt_error *err)
{
    mt_buf chain = {.mem = mt_mem_system()};
    mt_status st = issue(m, invitation, mt_secure_device(m->secure), &chain, err);

    mt_buf_free(&chain);
    return st;
}

mt_status cli_member_invite(const cli_member *member, const cli_invitation *invitation,
                            const char *const *addresses, size_t address_count, cli_text *line,
                            mt_error *err)
{
    cli_ticket_note note = {.invitation = *invitation};
    mt_ticket ticket = {.size = sizeof ticket, .address_count = address_count};
    uint64_t now = now_of(member);
    mt_status st = try(member, invitation, err);

    if (st != MT_OK) return st;
    cli_tickets_sweep(member->path, now);
    memcpy(ticket.space, mt_space_id(member->space), sizeof ticket.space);
    ticket.expires_ms = note.expires_ms = now + invitation->ticket_ms;
    for (size_t i = 0; i < address_count && i < MT_TICKET_ADDRESSES_MAX; i++)
        (void)snprintf(ticket.addresses[i], sizeof ticket.addresses[i], "%s", addresses[i]);
    st = mt_ticket_make(member->env, mt_crypto_sodium(), member->seed, &ticket, &line->buf, err);
    memcpy(note.key, ticket.key, sizeof note.key);
    if (st == MT_OK) st = cli_ticket_keep(member->path, ticket.id, &note, err);
    mt_crypto_sodium()->wipe(NULL, &note, sizeof note);
    mt_crypto_sodium()->wipe(NULL, &ticket, sizeof ticket);
    return st;
}

/* ---- Who comes ---- */

/* Issues what a ticket is good for, and notes that before anybody hears of it. */
static mt_status give(const cli_member *m, const mt_secure_visitor *visitor, cli_ticket_note *note,
                      mt_buf *chain, mt_error *why)
{
    mt_status st = issue(m, &note->invitation, visitor->device, chain, why);

    if (st != MT_OK) return st;
    note->used = true;
    memcpy(note->device, visitor->device, sizeof note->device);
    note->chain = mt_buf_bytes(chain);
    return cli_ticket_keep(m->path, visitor->ticket, note, why);
}

/* What a device gets for its ticket. */
static mt_status redeem(const cli_member *m, const mt_secure_visitor *visitor, cli_text *chain,
                        mt_error *why)
{
    cli_ticket_note note;
    mt_status st = cli_ticket_find(m->path, visitor->ticket, &note, why);

    if (st != MT_OK) return st;
    if (note.expires_ms <= now_of(m)) {
        *why = (mt_error){st = MT_REFUSED, "the ticket has expired"};
    } else if (!note.used) {
        st = give(m, visitor, &note, &chain->buf, why);
    } else if (memcmp(note.device, visitor->device, sizeof note.device) != 0) {
        *why = (mt_error){st = MT_REFUSED, "the ticket was used by another device"};
    } else {
        cli_text_add(chain, note.chain);
        st = chain->status;
    }
    cli_ticket_note_free(&note);
    return st;
}

/* Why somebody is not let in, and who it is. */
static mt_status name_visitor(const mt_secure_visitor *visitor, mt_status st, mt_error *why)
{
    mt_error all = {st, ""};
    cli_text name;

    if (st == MT_OK) return st;
    cli_text_init(&name);
    cli_hex_add(&name, visitor->device, HEX_SHORT / 2);
    (void)snprintf(all.text, sizeof all.text, "device %.*s: %.200s", (int)name.buf.len,
                   (const char *)name.buf.data, why->text);
    cli_text_free(&name);
    *why = all;
    return st;
}

/* Who comes with a ticket is let in as if it had shown what it gets for that, which it finds in the graph. */
static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    cli_member *m = ctx;
    mt_secure_visitor shown = *visitor;
    cli_text chain;
    mt_status st;

    if (!m->space || !m->db) {
        *why = (mt_error){MT_CLOSED, "the database is closed"};
        return MT_CLOSED;
    }
    if (!visitor->ticket)
        return name_visitor(visitor, mt_space_admit(m->space, visitor, connection, why), why);
    cli_text_init(&chain);
    st = redeem(m, visitor, &chain, why);
    shown.papers = mt_buf_bytes(&chain.buf);
    if (st == MT_OK)
        st = mt_space_publish(m->space, m->db, shown.papers, (mt_bytes){NULL, 0}, NULL, NULL);
    if (st == MT_OK) st = mt_space_admit(m->space, &shown, connection, why);
    cli_text_free(&chain);
    return name_visitor(visitor, st, why);
}

/* ---- Taking back ---- */

/* The chains of one device, and what becomes of them. */
typedef struct revoking {
    cli_member *member;
    const char *digits;
    uint8_t device[MT_DEVICE_LEN];
    size_t devices, tokens; /* that there are */
    size_t left;            /* records on their way; one more while they are made */
    mt_error err;
    mt_done *done;
    void *ctx;
} revoking;

static void count_token(void *ctx, const mt_space_member *member)
{
    revoking *r = ctx;

    if (!cli_hex_begins(member->token.device, MT_DEVICE_LEN, r->digits)) return;
    if (r->devices == 0 || memcmp(r->device, member->token.device, MT_DEVICE_LEN) != 0)
        r->devices++;
    memcpy(r->device, member->token.device, MT_DEVICE_LEN);
    r->tokens += !member->revoked;
}

static void revoking_left(revoking *r, mt_db *db)
{
    mt_result result = {.status = r->err.status, .text = r->err.text};

    if (--r->left > 0) return;
    r->done(r->ctx, db, &result);
    free(r);
}

static void record_stored(void *ctx, mt_db *db, const mt_result *result)
{
    revoking *r = ctx;

    if (result->status != MT_OK) cli_error_note(&r->err, result->status, result->text);
    revoking_left(r, db);
}

static void revoke_token(void *ctx, const mt_space_member *member)
{
    revoking *r = ctx;
    const cli_member *m = r->member;
    mt_buf record = {.mem = mt_mem_system()};
    mt_status st;

    if (r->err.status != MT_OK || member->revoked ||
        memcmp(r->device, member->token.device, MT_DEVICE_LEN) != 0)
        return;
    st = mt_revocation_make(m->env, mt_crypto_sodium(), mt_buf_bytes(&m->file->genesis.buf),
                            m->seed, member->chain, &record, &r->err);
    if (st == MT_OK) {
        r->left++;
        st = mt_space_publish(m->space, m->db, member->chain, mt_buf_bytes(&record), record_stored,
                              r);
        r->left -= st != MT_OK;
        if (st != MT_OK) r->err = *mt_db_error(m->db);
    }
    mt_buf_free(&record);
}

/* What keeps it from being taken back. */
static mt_status check_revoking(const revoking *r, mt_error *err)
{
    const char *digits = r->digits;

    err->status = MT_OK;
    if (r->devices == 0) {
        err->status = MT_NOT_FOUND;
        (void)snprintf(err->text, sizeof err->text,
                       "no device that is known begins with \"%.64s\"; mytosis who lists them",
                       digits);
    } else if (r->devices > 1) {
        err->status = MT_NOT_FOUND;
        (void)snprintf(err->text, sizeof err->text, "several devices begin with \"%.64s\"", digits);
    } else if (memcmp(r->device, r->member->device, MT_DEVICE_LEN) == 0) {
        err->status = MT_INVALID;
        (void)snprintf(err->text, sizeof err->text, "that is this device");
    }
    return err->status;
}

mt_status cli_member_revoke(cli_member *member, const char *digits, cli_text *text, mt_done *done,
                            void *ctx, mt_error *err)
{
    revoking *r = calloc(1, sizeof *r);
    mt_status st;

    *err = (mt_error){MT_NO_MEMORY, "out of memory"};
    if (!r) return MT_NO_MEMORY;
    *r = (revoking){.member = member, .digits = digits, .left = 1, .done = done, .ctx = ctx};
    mt_space_members(member->space, count_token, r);
    if ((st = check_revoking(r, err)) == MT_OK) {
        cli_text_str(text, r->tokens > 0 ? "revoked " : "revoked before: ");
        cli_hex_add(text, r->device, MT_DEVICE_LEN);
        cli_text_str(text, "\n");
        mt_space_members(member->space, revoke_token, r);
        st = r->left == 1 ? r->err.status : MT_OK;
        *err = r->err;
    }
    if (st != MT_OK) free(r);
    else revoking_left(r, member->db);
    return st;
}
