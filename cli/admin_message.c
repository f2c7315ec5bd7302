#include "admin_message.h"

#include <stdlib.h>

/* The shortest that a key, a uid, and a record can be. */
#define KEY_LEN_MIN 9
#define BYTES_LEN_MIN 4
#define RECORD_LEN_MIN 9

/* ---- Packing requests ---- */

void cli_admin_put_keys(cli_text *text, const mt_storage_key *keys, size_t count)
{
    cli_pack_number(text, count, 4);
    for (size_t i = 0; i < count; i++) {
        cli_pack_bytes(text, keys[i].uid);
        cli_pack_number(text, keys[i].whole, 1);
        cli_pack_number(text, keys[i].name_count, 4);
        for (size_t j = 0; j < keys[i].name_count; j++) cli_pack_bytes(text, keys[i].names[j]);
    }
}

void cli_admin_put_uids(cli_text *text, const mt_bytes *uids, size_t count)
{
    cli_pack_number(text, count, 4);
    for (size_t i = 0; i < count; i++) cli_pack_bytes(text, uids[i]);
}

void cli_admin_put_page(cli_text *text, mt_bytes prefix, mt_bytes after, size_t limit)
{
    cli_pack_bytes(text, prefix);
    cli_pack_bytes(text, after);
    cli_pack_number(text, limit, 8);
}

void cli_admin_put_since(cli_text *text, const mt_cursor *since, size_t limit)
{
    cli_pack_cursor(text, since);
    cli_pack_number(text, limit, 8);
}

/* What changed; or all of the nodes, of which the storage may lack more. */
static mt_status add_commit(mt_binary_writer *writer, const mt_storage_commit *commit)
{
    mt_status st = MT_OK;
    mt_delta_iter iter;
    mt_delta_node node;

    if (commit->whole) {
        mt_delta_iter_init(&iter, commit->delta, MT_UPDATE);
        while (st == MT_OK && mt_delta_iter_node(&iter, &node))
            st = mt_binary_node(writer, node.after);
    } else {
        st = mt_binary_delta(writer, commit->delta, MT_UPDATE);
    }
    return st == MT_OK ? mt_binary_finish(writer) : st;
}

/* Commit after commit, each a sequence of its own. */
static void put_commits(cli_text *text, const mt_storage_write *write)
{
    mt_binary_writer *writer = NULL;
    cli_text rows;
    mt_status st;

    cli_text_init(&rows);
    st = mt_binary_writer_new(mt_mem_system(), NULL, NULL, &rows.buf, &writer);
    for (size_t i = 0; i < write->commit_count && st == MT_OK; i++) {
        rows.buf.len = 0;
        if (write->commits[i].delta) st = add_commit(writer, &write->commits[i]);
        cli_pack_bytes(text, mt_buf_bytes(&rows.buf));
    }
    mt_binary_writer_free(writer);
    cli_text_free(&rows);
    cli_text_note(text, st);
}

/* All but what the commits hold. */
static void put_write_head(cli_text *text, const mt_storage_write *write, bool future)
{
    cli_pack_number(text, future, 1);
    cli_pack_number(text, write->clock, 8);
    cli_pack_number(text, write->clock_mode, 1);
    cli_pack_number(text, write->record_count, 4);
    for (size_t i = 0; i < write->record_count; i++) {
        const mt_storage_record *record = &write->records[i];

        cli_pack_bytes(text, record->key);
        cli_pack_number(text, record->value.data != NULL, 1);
        cli_pack_bytes(text, record->value);
    }
    cli_pack_number(text, write->commit_count, 4);
}

void cli_admin_put_write(cli_text *text, const mt_storage_write *write, bool future)
{
    put_write_head(text, write, future);
    put_commits(text, write);
}

void cli_admin_put_merge(cli_text *text, const mt_graph *graph, bool future)
{
    mt_storage_write write = {.commit_count = 1};
    mt_binary_writer *writer = NULL;
    cli_text rows;
    mt_status st;

    put_write_head(text, &write, future);
    cli_text_init(&rows);
    st = mt_binary_writer_new(mt_mem_system(), NULL, NULL, &rows.buf, &writer);
    if (st == MT_OK) st = mt_binary_graph(writer, graph);
    if (st == MT_OK) st = mt_binary_finish(writer);
    cli_pack_bytes(text, mt_buf_bytes(&rows.buf));
    mt_binary_writer_free(writer);
    cli_text_free(&rows);
    cli_text_note(text, st);
}

/* ---- Unpacking requests ---- */

static bool follows(mt_bytes before, mt_bytes name, bool first)
{
    return first || mt_bytes_compare(before, name) < 0;
}

static bool take_names(cli_unpacking *from, mt_storage_key *key, mt_bytes *names)
{
    key->names = names;
    for (size_t i = 0; i < key->name_count; i++) {
        names[i] = cli_unpack_bytes(from);
        if (from->failed || mt_name_check(names[i], NULL) != MT_OK) return false;
        if (!follows(names[i > 0 ? i - 1 : 0], names[i], i == 0)) return false;
    }
    return true;
}

static bool take_key(cli_unpacking *from, mt_storage_key *key, mt_bytes *names)
{
    key->uid = cli_unpack_bytes(from);
    key->whole = cli_unpack_bool(from);
    key->name_count = cli_unpack_count(from, BYTES_LEN_MIN);
    return !from->failed && mt_uid_check(key->uid, NULL) == MT_OK && take_names(from, key, names);
}

static bool take_all_keys(cli_unpacking *from, const cli_admin_keys *out)
{
    mt_bytes *names = out->names;

    for (size_t i = 0; i < out->count; i++) {
        mt_storage_key *key = &out->keys[i];

        if (!take_key(from, key, names)) return false;
        if (!follows(out->keys[i > 0 ? i - 1 : 0].uid, key->uid, i == 0)) return false;
        names += key->name_count;
    }
    return cli_unpack_end(from);
}

/* Each name takes some bytes, so that there are no more than would fit. */
mt_status cli_admin_take_keys(cli_unpacking *from, cli_admin_keys *out)
{
    mt_status st = MT_NO_MEMORY;

    out->count = cli_unpack_count(from, KEY_LEN_MIN);
    out->keys = calloc(out->count + 1, sizeof *out->keys);
    out->names = calloc(from->rest.len / BYTES_LEN_MIN + 1, sizeof *out->names);
    if (out->keys && out->names) st = take_all_keys(from, out) ? MT_OK : MT_MALFORMED;
    if (st == MT_OK) return MT_OK;
    free(out->keys);
    free(out->names);
    return st;
}

mt_status cli_admin_take_uids(cli_unpacking *from, mt_bytes **out, size_t *count)
{
    bool sound = true;

    *count = cli_unpack_count(from, BYTES_LEN_MIN);
    if (!(*out = calloc(*count + 1, sizeof **out))) return MT_NO_MEMORY;
    for (size_t i = 0; i < *count && sound; i++) {
        (*out)[i] = cli_unpack_bytes(from);
        sound = !from->failed && mt_uid_check((*out)[i], NULL) == MT_OK;
    }
    if (sound && cli_unpack_end(from)) return MT_OK;
    free(*out);
    return MT_MALFORMED;
}

static size_t take_limit(cli_unpacking *from)
{
    uint64_t limit = cli_unpack_number(from, 8);

    return limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
}

mt_status cli_admin_take_page(cli_unpacking *from, cli_admin_page *out)
{
    out->prefix = cli_unpack_bytes(from);
    out->after = cli_unpack_bytes(from);
    out->limit = take_limit(from);
    if (out->prefix.len > MT_UID_LEN_MAX || out->after.len > MT_UID_LEN_MAX) return MT_MALFORMED;
    return cli_unpack_end(from) ? MT_OK : MT_MALFORMED;
}

mt_status cli_admin_take_since(cli_unpacking *from, mt_cursor *since, size_t *limit)
{
    cli_unpack_cursor(from, since);
    *limit = take_limit(from);
    return cli_unpack_end(from) ? MT_OK : MT_MALFORMED;
}

static bool take_record(cli_unpacking *from, mt_storage_record *out)
{
    bool is_put;

    out->key = cli_unpack_bytes(from);
    is_put = cli_unpack_bool(from);
    out->value = cli_unpack_bytes(from);
    if (from->failed || out->key.len > MT_UID_LEN_MAX) return false;
    if (is_put) return true;
    out->value.data = NULL;
    return out->value.len == 0;
}

mt_status cli_admin_take_write(cli_unpacking *from, cli_admin_write *out)
{
    bool sound = true;

    out->future = cli_unpack_bool(from);
    out->clock = cli_unpack_number(from, 8);
    out->clock_mode = (uint8_t)cli_unpack_number(from, 1);
    out->record_count = cli_unpack_count(from, RECORD_LEN_MIN);
    if (!(out->records = calloc(out->record_count + 1, sizeof *out->records))) return MT_NO_MEMORY;
    for (size_t i = 0; i < out->record_count && sound; i++)
        sound = take_record(from, &out->records[i]);
    out->commit_count = cli_unpack_count(from, BYTES_LEN_MIN);
    if (sound && !from->failed && out->clock <= MT_STATE_MAX) return MT_OK;
    free(out->records);
    return MT_MALFORMED;
}

/* ---- What is printed ---- */

enum { FORM_JSON = 1, FORM_COLOR = 2, FORM_ALL = 4, FORM_LONG = 8 };

void cli_admin_put_form(cli_text *text, const cli_admin_form *form)
{
    unsigned bits = (form->json ? FORM_JSON : 0u) | (form->color ? FORM_COLOR : 0u) |
                    (form->all ? FORM_ALL : 0u) | (form->is_long ? FORM_LONG : 0u);

    cli_pack_number(text, bits, 1);
}

void cli_admin_take_form(cli_unpacking *from, cli_admin_form *out)
{
    uint64_t bits = cli_unpack_number(from, 1);

    *out = (cli_admin_form){.json = bits & FORM_JSON,
                            .color = bits & FORM_COLOR,
                            .all = bits & FORM_ALL,
                            .is_long = bits & FORM_LONG};
}
