#include "test_binary.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/varint.h"
#include "test_gen.h"
#include "test_guard.h"
#include <mytosis/json.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- The compressor that does not ---- */

static size_t store_bound(void *ctx, size_t len, size_t count)
{
    (void)ctx;
    (void)count;
    return len;
}

static mt_status store_compress(void *ctx, const mt_bytes *parts, size_t count, uint8_t *out,
                                size_t *out_len)
{
    size_t len = 0;

    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len) memcpy(out + len, parts[i].data, parts[i].len);
        len += parts[i].len;
    }
    *out_len = len;
    return MT_OK;
}

static mt_status store_decompress(void *ctx, mt_bytes in, uint8_t *out, size_t out_len)
{
    (void)ctx;
    if (in.len != out_len) return MT_MALFORMED;
    memcpy(out, in.data, out_len);
    return MT_OK;
}

const mt_compressor *test_store(void)
{
    static const mt_compressor store = {
        MT_COMPRESSOR_ABI, sizeof(mt_compressor), TEST_STORE_ID, store_bound,
        store_compress,    store_decompress,      NULL,
    };

    return &store;
}

/* ---- Rows ---- */

/* A key of up to `max` bytes that may share its beginning with the one before. */
static mt_bytes key_like(test_case *c, mt_bytes before, size_t max)
{
    static const char *const ends[] = {
        "",  "a", "b/",   "0000",  "__proto__",   "\xC3\xA9", "\xF0\x9F\x98\x80",
        "z", "9", "\x01", "user/", "\xEF\xBF\xBF"};
    size_t most = before.len < max ? before.len : max;
    size_t keep = most ? test_below(c, most + 1) : 0;
    size_t count = 1 + test_below(c, test_once_in(c, 20) ? 60 : 5), len;
    uint8_t *data = test_take(&c->arena, max);

    while (keep > 0 && keep < before.len && (before.data[keep] & 0xC0) == 0x80) keep--;
    len = keep;
    if (len) memcpy(data, before.data, len);
    for (size_t i = 0; i < count; i++) {
        const char *end = ends[test_below(c, TEST_COUNT(ends))];

        if (len + strlen(end) > max) break;
        memcpy(data + len, end, strlen(end));
        len += strlen(end);
    }
    return (mt_bytes){data, len};
}

static int key_order(const void *a, const void *b)
{
    return mt_bytes_compare(*(const mt_bytes *)a, *(const mt_bytes *)b);
}

/* At most `*count` keys in order, each once, of `min` to `max` bytes. */
static mt_bytes *sorted_keys(test_case *c, size_t *count, size_t min, size_t max)
{
    mt_bytes *keys = test_take(&c->arena, (*count + 1) * sizeof *keys);
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) keys[i] = key_like(c, i ? keys[i - 1] : (mt_bytes){0}, max);
    if (*count) qsort(keys, *count, sizeof *keys, key_order);
    for (size_t i = 0; i < *count; i++) {
        if (keys[i].len < min || (kept > 0 && mt_bytes_equal(keys[i], keys[kept - 1]))) continue;
        keys[kept++] = keys[i];
    }
    *count = kept;
    return keys;
}

static uint64_t state_above(test_case *c, uint64_t low)
{
    uint64_t room = MT_STATE_MAX - low;

    switch (test_below(c, 4)) {
    case 0: return low + 1;
    case 1: return low + 1 + test_rng_below(&c->rng, room < 5 ? room : 5);
    case 2: return MT_STATE_MAX;
    default: return low + 1 + test_rng_below(&c->rng, room);
    }
}

static mt_field *fields_of(test_case *c, const mt_bytes *names, size_t count, uint64_t floor)
{
    mt_field *fields = test_take(&c->arena, (count + 1) * sizeof *fields);
    uint64_t one = test_once_in(c, 2) ? state_above(c, floor) : 0;

    for (size_t i = 0; i < count; i++) {
        bool deleted = test_once_in(c, 8);

        fields[i].name = names[i];
        fields[i].state = one ? one : state_above(c, floor);
        fields[i].kind = deleted ? MT_FIELD_DELETED : MT_FIELD_VALUE;
        fields[i].value = test_once_in(c, 3) ? gen_wild_value(c) : gen_value(c);
        if (deleted) fields[i].value = mt_null();
    }
    return fields;
}

static void add_row(test_case *c, test_rows *rows, mt_row row)
{
    rows->rows = test_room(&c->arena, rows->rows, rows->count, &rows->room, sizeof row);
    rows->rows[rows->count++] = row;
}

/* A node, now and then in parts. */
static void add_node(test_case *c, test_rows *rows, mt_bytes uid)
{
    size_t count = test_below(c, test_once_in(c, 10) ? 150 : 6), done = 0;
    const mt_bytes *names = sorted_keys(c, &count, 0, MT_NAME_LEN_MAX);
    mt_row row = {.uid = uid};

    if (test_once_in(c, 5)) row.floor = 1 + test_rng_below(&c->rng, MT_STATE_MAX - 1);
    do {
        size_t most = count - done < 64 ? count - done : 64;

        row.count = most > 1 && test_once_in(c, 8) ? 1 + test_below(c, most) : most;
        row.fields = fields_of(c, names + done, row.count, row.floor);
        row.extension = test_once_in(c, 6) ? key_like(c, uid, 200) : (mt_bytes){0};
        done += row.count;
        row.more = done < count;
        add_row(c, rows, row);
    } while (done < count);
}

test_rows test_binary_rows(test_case *c)
{
    size_t count = test_below(c, test_once_in(c, 20) ? 300 : 8);
    const mt_bytes *uids = sorted_keys(c, &count, 1, MT_UID_LEN_MAX);
    test_rows rows = {0};

    for (size_t i = 0; i < count; i++) add_node(c, &rows, uids[i]);
    return rows;
}

mt_buf test_encode(const test_rows *rows, const mt_limits *limits, const mt_compressor *compressor)
{
    mt_buf out = {.mem = test_mem()};
    mt_binary_writer *writer;

    CHECK(mt_binary_writer_new(test_mem(), limits, compressor, &out, &writer) == MT_OK);
    for (size_t i = 0; i < rows->count; i++) {
        if (mt_binary_row(writer, &rows->rows[i]) != MT_OK)
            fail_msg("row %zu: %s", i, mt_binary_writer_error(writer)->text);
    }
    CHECK(mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    return out;
}

/* ---- Frames by hand ---- */

static unsigned hex_digit(char digit)
{
    const char *digits = "0123456789abcdef", *found = strchr(digits, digit);

    if (!digit || !found) fail_msg("'%c' is no hexadecimal digit", digit);
    return (unsigned)(found - digits);
}

static void add_byte(mt_buf *out, unsigned byte)
{
    uint8_t bytes[1] = {(uint8_t)byte};

    CHECK(mti_buf_append(out, bytes, 1) == MT_OK);
}

static void add_number(mt_buf *out, uint64_t number)
{
    uint8_t bytes[MTI_VARINT_LEN_MAX];

    CHECK(mti_buf_append(out, bytes, (size_t)(mti_varint_put(bytes, number) - bytes)) == MT_OK);
}

mt_buf test_hex(const char *text)
{
    mt_buf out = {.mem = test_mem()};

    while (*text) {
        if (*text == ' ' || *text == '\n') {
            text++;
        } else if (*text == '"') {
            for (text++; *text != '"'; text++) add_byte(&out, (uint8_t)*text);
            text++;
        } else {
            add_byte(&out, hex_digit(text[0]) << 4 | hex_digit(text[1]));
            text += 2;
        }
    }
    return out;
}

void test_mend(mt_buf *frame)
{
    mt_bytes summed = {frame->data, frame->len - 4};
    uint32_t sum = mti_checksum32(summed, 0);

    for (int i = 0; i < 4; i++) frame->data[summed.len + (size_t)i] = (uint8_t)(sum >> (8 * i));
}

static mt_buf frame_of(unsigned kind, mt_buf content)
{
    mt_buf out = {.mem = test_mem()};

    add_byte(&out, MT_BINARY_VERSION_1);
    add_byte(&out, kind);
    add_number(&out, content.len);
    CHECK(mti_buf_append(&out, content.data, content.len) == MT_OK);
    CHECK(mti_buf_append(&out, "sum?", 4) == MT_OK);
    test_mend(&out);
    mt_buf_free(&content);
    return out;
}

mt_buf test_frame(unsigned kind, const char *content)
{
    return frame_of(kind, test_hex(content));
}

mt_buf test_column_frame(const char *block)
{
    mt_buf raw = test_hex(block), content = {.mem = test_mem()};

    add_number(&content, TEST_STORE_ID);
    add_number(&content, raw.len);
    add_number(&content, 0);
    CHECK(mti_buf_append(&content, raw.data, raw.len) == MT_OK);
    mt_buf_free(&raw);
    return frame_of(2, content);
}

/* ---- What a reader says ---- */

static void add_text(mt_buf *out, const char *text)
{
    CHECK(mti_buf_append(out, text, strlen(text)) == MT_OK);
}

static void add_decimal(mt_buf *out, const char *before, uint64_t number)
{
    char line[64];

    snprintf(line, sizeof line, "%s%llu", before, (unsigned long long)number);
    add_text(out, line);
}

void test_binary_add_row(mt_buf *out, const mt_row *row)
{
    CHECK(mt_json_string(row->uid, out) == MT_OK);
    if (row->floor) add_decimal(out, "^", row->floor);
    add_text(out, ":");
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];

        add_text(out, " ");
        CHECK(field->type == MT_TYPE_REGISTER && !row->delete_node && !row->shape);
        CHECK(mt_json_string(field->name, out) == MT_OK);
        add_text(out, "=");
        if (field->kind == MT_FIELD_DELETED) add_text(out, "deleted");
        else CHECK(mt_value_json(&field->value, out) == MT_OK);
        add_decimal(out, "@", field->state);
    }
    if (row->extension.len) {
        add_text(out, " +");
        CHECK(mt_json_string(row->extension, out) == MT_OK);
    }
    add_text(out, row->more ? " more\n" : "\n");
}

/* Takes rows one by one, or as many as are at hand. */
static mt_status take_rows(mt_binary_reader *reader, bool many, mt_buf *out)
{
    const mt_row *rows;
    size_t count = 1;
    mt_row one;
    mt_status st;

    if (many) st = mt_binary_reader_rows(reader, &rows, &count);
    else st = mt_binary_reader_next(reader, &one);
    if (st != MT_OK) return st;
    if (!many) rows = &one;
    CHECK(count > 0);
    for (size_t i = 0; i < count; i++) test_binary_add_row(out, &rows[i]);
    return MT_OK;
}

mt_buf test_binary_said(const mt_mem *mem, const test_binary *input, size_t first, size_t step)
{
    mt_buf out = {.mem = test_mem()};
    mt_binary_reader *reader;
    size_t at = 0, len = first;
    test_guard guard;
    mt_status st;

    st = mt_binary_reader_new(mem, input->limits, input->compressor, "t", &reader);
    if (st != MT_OK) {
        add_text(&out, mt_status_name(st));
        return out;
    }
    guard = test_guard_new(first > step ? first : step);
    while ((st = take_rows(reader, first & 1, &out)) == MT_OK || st == MT_AGAIN) {
        mt_bytes piece = {0};

        if (st == MT_OK) continue;
        if (len > input->bytes.len - at) len = input->bytes.len - at;
        if (len > 0) piece = (mt_bytes){input->bytes.data + at, len};
        at += len;
        CHECK(mt_binary_reader_feed(reader, test_guard_put(&guard, piece),
                                    at == input->bytes.len) == MT_OK);
        len = step;
    }
    CHECK(take_rows(reader, false, &out) == st);
    add_text(&out, mt_status_name(st));
    if (st != MT_END) {
        CHECK(mt_binary_reader_error(reader)->status == st);
        add_text(&out, " ");
        add_text(&out, mt_binary_reader_error(reader)->text);
    }
    mt_binary_reader_free(reader);
    test_guard_free(&guard);
    return out;
}

static void check_same(const test_binary *input, const mt_buf *expected, size_t first, size_t step)
{
    mt_buf said = test_binary_said(test_mem(), input, first, step);

    if (!mt_bytes_equal(mt_buf_bytes(&said), mt_buf_bytes(expected)))
        fail_msg("cut at %zu, then every %zu: %.*s\nwhole: %.*s", first, step, (int)said.len,
                 (const char *)said.data, (int)expected->len, (const char *)expected->data);
    mt_buf_free(&said);
}

void test_binary_check(const test_binary *input, const char *expected)
{
    mt_buf said = test_binary_said(test_mem(), input, input->bytes.len, 1);

    check_same(input, &said, input->bytes.len + 1, 1);
    if (input->bytes.len <= 600) {
        for (size_t cut = 0; cut < input->bytes.len; cut++)
            check_same(input, &said, cut, input->bytes.len);
        check_same(input, &said, 1, 1);
    }
    check_same(input, &said, 3, 3);
    check_same(input, &said, 100, 100);
    CHECK(mti_buf_append(&said, "", 1) == MT_OK);
    if (expected) assert_string_equal((const char *)said.data, expected);
    mt_buf_free(&said);
}

void test_binary_says(mt_buf bytes, const char *expected)
{
    test_binary input = {NULL, test_store(), mt_buf_bytes(&bytes)};

    test_binary_check(&input, expected);
    mt_buf_free(&bytes);
}
