/* The answers of a storage as messages.
 *
 *     answer     status, text, more, end; the cursor; what was opened; rows; changes; records
 *     rows       runs: the highest state of a node, and marks; then all fields in the binary form
 *
 * A run is what follows one another of one node. Of the last one it says whether the node goes on in the next piece, for the
 * binary form knows only whole nodes. */
#include "admin_message.h"

#include <stdlib.h>
#include <string.h>

/* How many bytes of rows, at least, make a message of their own. */
#define ROWS_LEN ((size_t)256 * 1024)

#define RUN_LEN 9
#define CHANGE_LEN_MIN 29
#define RECORD_LEN_MIN 8
#define NAME_LEN_MIN 4

enum { ANSWER_MORE = 1, ANSWER_END = 2, ANSWER_INFO = 4 };
enum { RUN_PARTIAL = 1, RUN_GOES_ON = 2 };

/* ---- Packing ---- */

static size_t row_len(const mt_row *row)
{
    size_t len = row->uid.len;

    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];

        len += field->name.len + 16;
        if (field->kind == MT_FIELD_VALUE && field->value.kind >= MT_STRING)
            len += field->value.as.bytes.len;
    }
    return len;
}

/* How many of the rows fill a message. */
static size_t rows_that_fit(const mt_storage_row *rows, size_t count)
{
    size_t len = 0, taken = 0;

    while (taken < count && len < ROWS_LEN) len += row_len(&rows[taken++].row);
    return taken;
}

static void put_runs(cli_text *text, const mt_storage_row *rows, size_t count)
{
    size_t runs = 0;

    for (size_t i = 0; i < count; i++) runs += !rows[i].row.more || i + 1 == count;
    cli_pack_number(text, runs, 4);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].row.more && i + 1 < count) continue;
        cli_pack_number(text, rows[i].state_max, 8);
        cli_pack_number(
            text, (rows[i].partial ? RUN_PARTIAL : 0u) | (rows[i].row.more ? RUN_GOES_ON : 0u), 1);
    }
}

static void put_rows(cli_text *text, const mt_storage_row *rows, size_t count)
{
    mt_binary_writer *writer = NULL;
    cli_text binary;
    mt_status st;

    put_runs(text, rows, count);
    if (count == 0) return;
    cli_text_init(&binary);
    st = mt_binary_writer_new(mt_mem_system(), NULL, NULL, &binary.buf, &writer);
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        mt_row row = rows[i].row;

        row.more = row.more && i + 1 < count;
        st = mt_binary_row(writer, &row);
    }
    if (st == MT_OK) st = mt_binary_finish(writer);
    mt_binary_writer_free(writer);
    cli_text_note(text, st);
    cli_pack_bytes(text, mt_buf_bytes(&binary.buf));
    cli_text_free(&binary);
}

static void put_change(cli_text *text, const mt_storage_change *change)
{
    cli_pack_number(text, change->number, 8);
    cli_pack_number(text, change->since, 8);
    cli_pack_number(text, change->all, 1);
    cli_pack_bytes(text, change->uid);
    cli_pack_bytes(text, change->origin);
    cli_pack_number(text, change->name_count, 4);
    for (size_t i = 0; i < change->name_count; i++) cli_pack_bytes(text, change->names[i]);
}

/* All but rows. `more`: of this message. */
static void put_head(cli_text *text, const mt_storage_answer *answer, bool more, uint64_t bytes)
{
    cli_pack_status(text, answer->status);
    cli_pack_bytes(text, mt_str(answer->text));
    cli_pack_number(text,
                    (more ? ANSWER_MORE : 0u) | (answer->end && !more ? ANSWER_END : 0u) |
                        (answer->info ? ANSWER_INFO : 0u),
                    1);
    cli_pack_cursor(text, &answer->next);
    if (!answer->info) return;
    cli_pack_number(text, answer->info->clock, 8);
    cli_pack_number(text, answer->info->clock_mode, 1);
    cli_pack_cursor(text, &answer->info->head);
    cli_pack_number(text, answer->info->log_first, 8);
    cli_pack_number(text, bytes, 8);
}

static void put_rest(cli_text *text, const mt_storage_answer *answer)
{
    cli_pack_number(text, answer->change_count, 4);
    for (size_t i = 0; i < answer->change_count; i++) put_change(text, &answer->changes[i]);
    cli_pack_number(text, answer->record_count, 4);
    for (size_t i = 0; i < answer->record_count; i++) {
        cli_pack_bytes(text, answer->records[i].key);
        cli_pack_bytes(text, answer->records[i].value);
    }
}

mt_status cli_admin_send_answer(const mt_storage_answer *answer, uint64_t bytes,
                                cli_admin_send *send, void *ctx)
{
    static const mt_storage_answer none;
    mt_status st = MT_OK;
    size_t at = 0;
    cli_text text;

    do {
        size_t count = rows_that_fit(answer->rows + at, answer->row_count - at);
        bool last = at + count == answer->row_count;
        mt_storage_answer piece = *answer;

        if (!last) piece.status = MT_OK;
        cli_text_init(&text);
        put_head(&text, &piece, answer->more || !last, bytes);
        put_rows(&text, answer->rows + at, count);
        put_rest(&text, last ? answer : &none);
        st = text.status == MT_OK ? send(ctx, mt_buf_bytes(&text.buf)) : text.status;
        cli_text_free(&text);
        at += count;
    } while (st == MT_OK && at < answer->row_count);
    return st;
}

/* ---- Giving ---- */

typedef struct giving {
    const mt_storage_host *host;
    uint64_t id;
    cli_unpacking runs;
    mt_storage_row *rows;
    size_t cap;
} giving;

/* Rows as the reader has them at hand, with what their runs say. */
static mt_status give_some(giving *g, const mt_row *rows, size_t count)
{
    mt_storage_answer answer = {.more = true, .row_count = count};

    if (count > g->cap) {
        mt_storage_row *grown = realloc(g->rows, count * sizeof *grown);

        if (!grown) return MT_NO_MEMORY;
        g->rows = grown;
        g->cap = count;
    }
    for (size_t i = 0; i < count; i++) {
        cli_unpacking run = g->runs;
        uint64_t state_max = cli_unpack_number(&run, 8);
        uint64_t marks = cli_unpack_number(&run, 1);

        if (run.failed) return MT_MALFORMED;
        g->rows[i] = (mt_storage_row){
            .row = rows[i], .state_max = state_max, .partial = marks & RUN_PARTIAL};
        g->rows[i].row.shape = NULL;
        if (rows[i].more) continue;
        g->rows[i].row.more = marks & RUN_GOES_ON;
        g->runs = run;
    }
    answer.rows = g->rows;
    g->host->answer(g->host->ctx, g->id, &answer);
    return MT_OK;
}

static mt_status read_rows(giving *g, mt_bytes binary)
{
    mt_binary_reader *reader = NULL;
    const mt_row *rows;
    size_t count;
    mt_status st = mt_binary_reader_new(mt_mem_system(), NULL, NULL, "the daemon", &reader);

    if (st == MT_OK) st = mt_binary_reader_feed(reader, binary, true);
    while (st == MT_OK && (st = mt_binary_reader_rows(reader, &rows, &count)) == MT_OK)
        st = give_some(g, rows, count);
    mt_binary_reader_free(reader);
    if (st == MT_END) st = g->runs.rest.len == 0 ? MT_OK : MT_MALFORMED;
    return st == MT_OK || st == MT_NO_MEMORY ? st : MT_MALFORMED;
}

static mt_status give_rows(cli_unpacking *from, const mt_storage_host *host, uint64_t id)
{
    giving g = {.host = host, .id = id};
    size_t runs = cli_unpack_count(from, RUN_LEN);
    mt_bytes binary;
    mt_status st;

    if (runs == 0) return from->failed ? MT_MALFORMED : MT_OK;
    g.runs.rest = (mt_bytes){from->rest.data, runs * RUN_LEN};
    from->rest.data += runs * RUN_LEN;
    from->rest.len -= runs * RUN_LEN;
    binary = cli_unpack_bytes(from);
    if (from->failed) return MT_MALFORMED;
    st = read_rows(&g, binary);
    free(g.rows);
    return st;
}

/* What is known of the answer before its rows. */
typedef struct answer_head {
    mt_storage_answer answer;
    mt_storage_info info;
    char text[MT_ERROR_TEXT_MAX];
} answer_head;

static mt_status take_head(cli_unpacking *from, answer_head *out, uint64_t *bytes)
{
    mt_status status = cli_unpack_status(from);
    mt_bytes text = cli_unpack_bytes(from);
    uint64_t marks = cli_unpack_number(from, 1);

    memset(out, 0, sizeof *out);
    if (text.len >= sizeof out->text) text.len = sizeof out->text - 1;
    if (text.len) memcpy(out->text, text.data, text.len);
    out->answer = (mt_storage_answer){.status = status,
                                      .text = text.len ? out->text : NULL,
                                      .more = marks & ANSWER_MORE,
                                      .end = marks & ANSWER_END};
    cli_unpack_cursor(from, &out->answer.next);
    if (marks & ANSWER_INFO) {
        out->answer.info = &out->info;
        out->info.clock = cli_unpack_number(from, 8);
        out->info.clock_mode = (uint8_t)cli_unpack_number(from, 1);
        cli_unpack_cursor(from, &out->info.head);
        out->info.log_first = cli_unpack_number(from, 8);
        *bytes = cli_unpack_number(from, 8);
    }
    return from->failed || marks > 7 ? MT_MALFORMED : MT_OK;
}

/* Changes, and behind them the names of all. OWNED: free. */
static mt_status take_changes(cli_unpacking *from, mt_storage_answer *answer)
{
    size_t count = cli_unpack_count(from, CHANGE_LEN_MIN), names = 0;
    size_t names_max = from->rest.len / NAME_LEN_MIN;
    mt_storage_change *changes;
    mt_bytes *name;

    if (count == 0) return from->failed ? MT_MALFORMED : MT_OK;
    changes = calloc(1, count * sizeof *changes + names_max * sizeof *name);
    if (!changes) return MT_NO_MEMORY;
    answer->changes = changes;
    answer->change_count = count;
    name = (mt_bytes *)(changes + count);
    for (size_t i = 0; i < count; i++) {
        mt_storage_change *c = &changes[i];

        c->number = cli_unpack_number(from, 8);
        c->since = cli_unpack_number(from, 8);
        c->all = cli_unpack_bool(from);
        c->uid = cli_unpack_bytes(from);
        c->origin = cli_unpack_bytes(from);
        c->name_count = cli_unpack_count(from, NAME_LEN_MIN);
        c->names = name + names;
        for (size_t j = 0; j < c->name_count; j++) name[names++] = cli_unpack_bytes(from);
    }
    return from->failed ? MT_MALFORMED : MT_OK;
}

/* OWNED: free. */
static mt_status take_records(cli_unpacking *from, mt_storage_answer *answer)
{
    size_t count = cli_unpack_count(from, RECORD_LEN_MIN);
    mt_storage_record *records;

    if (count == 0) return from->failed ? MT_MALFORMED : MT_OK;
    if (!(records = calloc(count, sizeof *records))) return MT_NO_MEMORY;
    answer->records = records;
    answer->record_count = count;
    for (size_t i = 0; i < count; i++) {
        records[i].key = cli_unpack_bytes(from);
        records[i].value = cli_unpack_bytes(from);
    }
    return from->failed ? MT_MALFORMED : MT_OK;
}

mt_status cli_admin_give_answer(mt_bytes body, const mt_storage_host *host, uint64_t id, bool *more,
                                uint64_t *bytes)
{
    cli_unpacking from = {.rest = body};
    answer_head head;
    mt_status st = take_head(&from, &head, bytes);

    *more = true;
    if (st == MT_OK) st = give_rows(&from, host, id);
    if (st == MT_OK) st = take_changes(&from, &head.answer);
    if (st == MT_OK) st = take_records(&from, &head.answer);
    if (st == MT_OK && !cli_unpack_end(&from)) st = MT_MALFORMED;
    if (st == MT_OK) {
        *more = head.answer.more;
        host->answer(host->ctx, id, &head.answer);
    }
    free((void *)(uintptr_t)head.answer.changes);
    free((void *)(uintptr_t)head.answer.records);
    return st;
}
