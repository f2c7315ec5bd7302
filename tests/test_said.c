#include "test_said.h"
#include "base/bytes.h"
#include "test.h"
#include "test_guard.h"
#include <stdio.h>

void test_said_add(mt_buf *out, const char *text)
{
    CHECK(mti_buf_append(out, text, strlen(text)) == MT_OK);
}

static void add_number(mt_buf *out, const char *before, uint64_t number)
{
    char line[64];

    snprintf(line, sizeof line, "%s%llu", before, (unsigned long long)number);
    test_said_add(out, line);
}

static void add_row(mt_buf *out, const mt_row *row)
{
    CHECK(mt_json_string(row->uid, out) == MT_OK);
    if (row->floor) add_number(out, "^", row->floor);
    if (row->delete_node) test_said_add(out, " delete");
    test_said_add(out, ":");
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];

        test_said_add(out, " ");
        CHECK(field->type == MT_TYPE_REGISTER);
        CHECK(mt_json_string(field->name, out) == MT_OK);
        test_said_add(out, "=");
        if (field->kind == MT_FIELD_DELETED) test_said_add(out, "deleted");
        else CHECK(mt_value_json(&field->value, out) == MT_OK);
        if (field->state) add_number(out, "@", field->state);
    }
    test_said_add(out, row->more ? " more\n" : "\n");
}

mt_buf test_said_in_pieces(const mt_mem *mem, const test_text *text, size_t first, size_t step)
{
    mt_buf out = {.mem = test_mem()};
    mt_json_reader *reader;
    size_t at = 0, len = first;
    test_guard guard;
    mt_status st;
    mt_row row;

    if (mt_json_reader_new(mem, text->form, "t", text->limits, &reader) != MT_OK) {
        test_said_add(&out, "MT_NO_MEMORY");
        return out;
    }
    guard = test_guard_new(first > step ? first : step);
    while ((st = mt_json_reader_next(reader, &row)) == MT_OK || st == MT_AGAIN) {
        if (st == MT_OK) {
            add_row(&out, &row);
            continue;
        }
        if (len > text->text.len - at) len = text->text.len - at;
        CHECK(mt_json_reader_feed(reader,
                                  test_guard_put(&guard, (mt_bytes){text->text.data + at, len}),
                                  at + len == text->text.len) == MT_OK);
        at += len;
        len = step;
    }
    CHECK(mt_json_reader_next(reader, &row) == st);
    test_said_add(&out, mt_status_name(st));
    if (st != MT_END) {
        CHECK(mt_json_reader_error(reader)->status == st);
        test_said_add(&out, " ");
        test_said_add(&out, mt_json_reader_error(reader)->text);
    }
    mt_json_reader_free(reader);
    test_guard_free(&guard);
    return out;
}

void test_said_check_same(const test_text *text, const mt_buf *expected, size_t first, size_t step)
{
    mt_buf said = test_said_in_pieces(test_mem(), text, first, step);

    if (!mt_bytes_equal(mt_buf_bytes(&said), mt_buf_bytes(expected)))
        fail_msg("cut at %zu, then every %zu: %.*s\nwhole: %.*s", first, step, (int)said.len,
                 (const char *)said.data, (int)expected->len, (const char *)expected->data);
    mt_buf_free(&said);
}

/* Reads a text in many ways. Answers what it says, OWNED. */
static mt_buf read_text(const test_text *text)
{
    mt_buf said = test_said_in_pieces(test_mem(), text, text->text.len, 1);

    if (text->text.len <= 600) {
        for (size_t cut = 0; cut < text->text.len; cut++)
            test_said_check_same(text, &said, cut, text->text.len);
        test_said_check_same(text, &said, 1, 1);
    }
    test_said_check_same(text, &said, 3, 3);
    test_said_check_same(text, &said, 100, 100);
    test_said_check_same(text, &said, 4096, 4096);
    return said;
}

void test_said_check(const test_text *text, const char *expected, bool end)
{
    mt_buf said = read_text(text);
    size_t len = strlen(expected), skipped = end && said.len > len ? said.len - len : 0;

    CHECK(mti_buf_append(&said, "", 1) == MT_OK);
    assert_string_equal((const char *)said.data + skipped, expected);
    mt_buf_free(&said);
}

/* `count` times `unit`, between two texts, OWNED. */
mt_buf test_said_repeat(const char *before, const char *unit, size_t count, const char *behind)
{
    mt_buf out = {.mem = test_mem()};

    test_said_add(&out, before);
    CHECK(mti_buf_reserve(&out, count * strlen(unit)) == MT_OK);
    for (size_t i = 0; i < count; i++) test_said_add(&out, unit);
    test_said_add(&out, behind);
    return out;
}
