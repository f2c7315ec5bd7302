/* Who has been given what in a space. */
#include "clock.h"
#include "hex.h"
#include "member.h"
#include "save.h"
#include "shown.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

typedef struct listing {
    const cli_member *member;
    const cli_admin_form *form;
    cli_output *out;
    cli_table table;
    size_t count;
    const uint8_t *device; /* whose links are counted */
    bool live;
} listing;

static const char *const right_names[] = {"read", "write", "delegate", "admin"};
#define RIGHT_COUNT (sizeof right_names / sizeof *right_names)

static bool is_own(const listing *l, const uint8_t *device)
{
    return l->member->has_device && memcmp(device, l->member->device, MT_DEVICE_LEN) == 0;
}

static void look_live(void *ctx, const mt_sync_peer *peer)
{
    listing *l = ctx;
    const uint8_t *device = mt_connection_device(peer->connection);

    l->live |= device && memcmp(device, l->device, MT_DEVICE_LEN) == 0 &&
               (peer->state == MT_SYNC_LIVE || peer->state == MT_SYNC_CATCHING);
}

static bool is_live(listing *l, const uint8_t *device)
{
    l->device = device;
    l->live = false;
    if (l->member->db) (void)!mt_db_status(l->member->db, look_live, l);
    return l->live;
}

static const char *state_of(listing *l, const mt_space_member *member)
{
    uint64_t now = l->member->env->now_ms(l->member->env->ctx);

    if (member->revoked) return "revoked";
    if (member->token.not_after_ms <= now) return "expired";
    if (is_own(l, member->token.device)) return "this device";
    return is_live(l, member->token.device) ? "linked" : "";
}

/* ---- For a person ---- */

enum { MEMBER_DEVICE, MEMBER_RIGHTS, MEMBER_PLACES, MEMBER_FROM, MEMBER_UNTIL, MEMBER_STATE };

static void add_rights(cli_text *text, unsigned rights)
{
    const char *before = "";

    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        if (!(rights >> i & 1)) continue;
        cli_text_printf(text, "%s%s", before, right_names[i]);
        before = ", ";
    }
}

static void add_places(cli_text *text, const mt_token *token)
{
    for (size_t i = 0; i < token->prefix_count; i++) {
        cli_text_str(text, i > 0 ? " " : "");
        if (token->prefixes[i].len > 0) cli_shown_raw(text, token->prefixes[i]);
        else cli_text_str(text, "everything");
    }
}

static void list_member(void *ctx, const mt_space_member *member)
{
    listing *l = ctx;
    const mt_token *token = &member->token;
    const char *state = state_of(l, member);
    cli_style style = member->revoked ? STYLE_RED : STYLE_GREEN;
    cli_text *cell;

    cli_table_next(&l->table, l->out);
    cell = cli_table_cell_open(&l->table, MEMBER_DEVICE, STYLE_BOLD);
    cli_hex_add(cell, token->device, l->form->is_long ? MT_DEVICE_LEN : HEX_SHORT / 2);
    add_rights(cli_table_cell_open(&l->table, MEMBER_RIGHTS, STYLE_PLAIN), token->rights);
    add_places(cli_table_cell_open(&l->table, MEMBER_PLACES, STYLE_PLAIN), token);
    cell = cli_table_cell_open(&l->table, MEMBER_FROM, STYLE_DIM);
    cli_text_str(cell, "from ");
    cli_clock_add_ms(cell, token->not_before_ms);
    if (token->not_after_ms != UINT64_MAX) {
        cell = cli_table_cell_open(&l->table, MEMBER_UNTIL, STYLE_DIM);
        cli_text_str(cell, "until ");
        cli_clock_add_ms(cell, token->not_after_ms);
    }
    cli_text_str(cli_table_cell_open(&l->table, MEMBER_STATE, style), state);
}

/* What a device was given, and the last of it. */
typedef struct own {
    const cli_member *member;
    uint64_t from_ms;
    cli_text text;
} own;

static void note_own(void *ctx, const mt_space_member *member)
{
    own *o = ctx;

    if (memcmp(member->token.device, o->member->device, MT_DEVICE_LEN) != 0 ||
        member->token.not_before_ms < o->from_ms)
        return;
    o->from_ms = member->token.not_before_ms;
    o->text.buf.len = 0;
    if (member->revoked) cli_text_str(&o->text, "revoked: ");
    add_rights(&o->text, member->token.rights);
    cli_text_str(&o->text, ": ");
    add_places(&o->text, &member->token);
    if (member->token.not_after_ms == UINT64_MAX) return;
    cli_text_str(&o->text, ", until ");
    cli_clock_add_ms(&o->text, member->token.not_after_ms);
}

void cli_member_add_own(const cli_member *member, cli_text *text)
{
    own o = {.member = member};

    cli_text_init(&o.text);
    if (member->has_device) mt_space_members(member->space, note_own, &o);
    cli_text_add(text, mt_buf_bytes(&o.text.buf));
    cli_text_free(&o.text);
}

/* ---- For a program ---- */

static void save_hex(cli_text *text, const char *name, const uint8_t *bytes, size_t len)
{
    cli_text_printf(text, "\"%s\":\"", name);
    cli_hex_add(text, bytes, len);
    cli_text_str(text, "\"");
}

static void save_member(void *ctx, const mt_space_member *member)
{
    listing *l = ctx;
    const mt_token *token = &member->token;
    cli_text *text = &l->out->text;
    const char *before = "";

    cli_text_str(text, l->count++ > 0 ? ",\n{" : "{");
    save_hex(text, "device", token->device, MT_DEVICE_LEN);
    cli_text_str(text, ",");
    save_hex(text, "by", member->issuer, MT_DEVICE_LEN);
    cli_text_str(text, ",\"rights\":[");
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        if (!(token->rights >> i & 1)) continue;
        cli_text_printf(text, "%s\"%s\"", before, right_names[i]);
        before = ",";
    }
    cli_text_str(text, "],\"prefixes\":[");
    for (size_t i = 0; i < token->prefix_count; i++) {
        cli_text_str(text, i > 0 ? "," : "");
        cli_save_name(text, token->prefixes[i]);
    }
    cli_text_str(text, "]");
    cli_save_number(text, "from_ms", token->not_before_ms);
    if (token->not_after_ms != UINT64_MAX) cli_save_number(text, "until_ms", token->not_after_ms);
    cli_text_printf(text, ",\"revoked\":%s", member->revoked ? "true" : "false");
    cli_text_printf(text, ",\"linked\":%s", is_live(l, token->device) ? "true" : "false");
    cli_text_printf(text, ",\"own\":%s}", is_own(l, token->device) ? "true" : "false");
}

void cli_member_print(const cli_member *member, const cli_admin_form *form, cli_output *out)
{
    listing l = {.member = member, .form = form, .out = out};

    cli_table_init(&l.table, 0);
    if (form->json) cli_text_str(&out->text, "[");
    mt_space_members(member->space, form->json ? save_member : list_member, &l);
    cli_table_print(&l.table, out);
    cli_table_free(&l.table);
    if (form->json) cli_text_str(&out->text, "]\n");
}
