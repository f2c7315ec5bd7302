#include "test_notation.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ---- */

/* What is left of a text. */
typedef struct text_reader {
    test_arena *arena;
    const char *at;
} text_reader;

static mt_bytes read_until(text_reader *r, const char *ends)
{
    size_t len = strcspn(r->at, ends);
    mt_bytes bytes = test_copy(r->arena, (mt_bytes){(const uint8_t *)r->at, len});

    r->at += len;
    return bytes;
}

static uint64_t read_number(text_reader *r)
{
    char *end;
    uint64_t number = strtoull(r->at, &end, 10);

    r->at = end;
    return number;
}

static bool pass(text_reader *r, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(r->at, text, len) != 0) return false;
    r->at += len;
    return true;
}

static mt_value read_value(text_reader *r)
{
    mt_value value;
    char *end;

    if (pass(r, "null")) return mt_null();
    if (pass(r, "true")) return mt_bool(true);
    if (pass(r, "false")) return mt_bool(false);
    if (pass(r, "&")) return mt_edge(read_until(r, "@, "));
    if (pass(r, "$")) return mt_blob(read_until(r, "@, "));
    if (pass(r, "'")) {
        value = mt_string(read_until(r, "'"));
        r->at++;
        return value;
    }
    if (pass(r, "#")) {
        value = (mt_value){.kind = MT_INT, .as.integer = strtoll(r->at, &end, 10)};
        r->at = end;
        return value;
    }
    value = (mt_value){.kind = MT_NUMBER, .as.number = strtod(r->at, &end)};
    if (end == r->at) fail_msg("no value: %s", r->at);
    r->at = end;
    return value;
}

static mt_field read_field(text_reader *r)
{
    mt_field field = {.name = read_until(r, "=")};

    r->at++;
    if (pass(r, "~")) field.kind = MT_FIELD_DELETED;
    else field.value = read_value(r);
    if (pass(r, "@")) field.state = read_number(r);
    return field;
}

static mt_row read_row(text_reader *r)
{
    mt_row row = {.delete_node = pass(r, "!")};
    mt_field *fields = NULL;
    size_t room = 0;

    row.uid = read_until(r, "^, ");
    if (pass(r, "^")) row.floor = read_number(r);
    while (pass(r, " ")) {
        fields = test_room(r->arena, fields, row.count, &room, sizeof *fields);
        fields[row.count++] = read_field(r);
    }
    row.fields = fields;
    return row;
}

mt_row *test_rows_read(test_arena *arena, const char *text, size_t *count)
{
    text_reader r = {arena, text};
    mt_row *rows = NULL;
    size_t room = 0;

    *count = 0;
    if (!*text) return NULL;
    do {
        rows = test_room(arena, rows, *count, &room, sizeof *rows);
        rows[(*count)++] = read_row(&r);
    } while (pass(&r, ", "));
    if (*r.at) fail_msg("not read: %s", r.at);
    return rows;
}

mt_graph *test_graph_from(const char *text)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *rows = test_rows_read(&arena, text, &count);
    mt_graph *graph = test_graph_of_rows(rows, count);

    test_arena_end(&arena);
    return graph;
}

mt_status test_patch(mt_graph *graph, const char *rows, uint64_t state, mt_delta **delta)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *read = test_rows_read(&arena, rows, &count);
    mt_status st = mt_graph_patch(graph, read, count, state, delta);

    test_arena_end(&arena);
    return st;
}

mt_status test_merge_rows(mt_graph *graph, const char *rows, mt_delta **delta)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *read = test_rows_read(&arena, rows, &count);
    mt_status st = mt_graph_merge_rows(graph, read, count, delta);

    test_arena_end(&arena);
    return st;
}

/* ---- Writing ---- */

typedef struct text_writer {
    char text[8192];
    size_t len;
} text_writer;

static void write_text(text_writer *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void write_text(text_writer *w, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(w->text + w->len, sizeof w->text - w->len, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof w->text - w->len) fail_msg("the text is too long");
    w->len += (size_t)len;
}

static void write_bytes(text_writer *w, mt_bytes bytes)
{
    write_text(w, "%.*s", (int)bytes.len, (const char *)bytes.data);
}

static void write_value(text_writer *w, const mt_field *field)
{
    const mt_value *value = &field->value;

    if (field->kind == MT_FIELD_DELETED) {
        write_text(w, "~");
        return;
    }
    switch (value->kind) {
    case MT_NULL: write_text(w, "null"); break;
    case MT_BOOL: write_text(w, value->as.boolean ? "true" : "false"); break;
    case MT_NUMBER: write_text(w, "%.17g", value->as.number); break;
    case MT_INT: write_text(w, "#%" PRId64, value->as.integer); break;
    case MT_STRING:
        write_text(w, "'");
        write_bytes(w, value->as.bytes);
        write_text(w, "'");
        break;
    case MT_BYTES:
        write_text(w, "$");
        write_bytes(w, value->as.bytes);
        break;
    case MT_EDGE:
        write_text(w, "&");
        write_bytes(w, value->as.bytes);
        break;
    }
}

static void write_field(text_writer *w, const mt_field *field)
{
    write_text(w, " ");
    write_bytes(w, field->name);
    write_text(w, "=");
    write_value(w, field);
    if (field->state) write_text(w, "@%" PRIu64, field->state);
}

static void write_head(text_writer *w, const char *mark, mt_bytes uid, uint64_t floor)
{
    write_text(w, "%s%s", w->len ? ", " : "", mark);
    write_bytes(w, uid);
    if (floor) write_text(w, "^%" PRIu64, floor);
}

void test_graph_says(const mt_graph *graph, const char *expected)
{
    const mt_bytes all = {NULL, 0};
    text_writer w = {.len = 0};
    const mt_node *node;
    mt_graph_iter iter;
    mt_field_iter fields;
    mt_field field;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        write_head(&w, "", mt_node_uid(node), mt_node_floor(node));
        mt_field_iter_init(&fields, node, true);
        while (mt_field_iter_next(&fields, &field)) write_field(&w, &field);
    }
    assert_string_equal(w.text, expected);
}

void test_part_says(const mt_delta *delta, mt_delta_part part, const char *expected)
{
    text_writer w = {.len = 0};
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field;

    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node)) {
        size_t before;

        write_head(&w, node.created ? "+" : "", node.uid, node.floor);
        before = w.len;
        while (mt_delta_iter_field(&iter, &field)) write_field(&w, &field);
        CHECK(node.empty ==
              (w.len == before && !node.floor && !(node.created && part == MT_UPDATE)));
    }
    assert_string_equal(w.text, expected);
}

void test_conflict_says(const mt_delta *delta, const char *expected)
{
    text_writer w = {.len = 0};
    mt_conflict conflict;
    mt_delta_node node;
    mt_delta_iter iter;

    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node)) {
        if (node.empty) continue;
        write_head(&w, "", node.uid, node.floor);
        while (mt_delta_iter_conflict(&iter, &conflict)) {
            CHECK(mt_bytes_equal(conflict.won.name, conflict.lost.name));
            write_field(&w, &conflict.lost);
            write_text(&w, "<");
            write_value(&w, &conflict.won);
            write_text(&w, "@%" PRIu64, conflict.won.state);
        }
    }
    assert_string_equal(w.text, expected);
}

void test_rows_say(const mt_row *rows, size_t count, const char *expected)
{
    text_writer w = {.len = 0};

    for (size_t i = 0; i < count; i++) {
        write_head(&w, rows[i].delete_node ? "!" : "", rows[i].uid, rows[i].floor);
        for (size_t f = 0; f < rows[i].count; f++) write_field(&w, &rows[i].fields[f]);
    }
    assert_string_equal(w.text, expected);
}

void test_error_is(const mt_graph *graph, mt_status status, const char *text)
{
    assert_int_equal(mt_graph_error(graph)->status, status);
    assert_string_equal(mt_graph_error(graph)->text, text);
}
