/* The recorded texts and ties of the reference implementation. */
#include "test.h"
#include "test_json.h"
#include <mytosis/json.h>
#include <string.h>

/* Reads a value as it stands in a file of vectors, BORROWED from the reader until it reads on. */
static mt_value read_value(mt_json_reader *reader, mt_bytes slice, uint8_t *room)
{
    static const char head[] = "{\"n\":{\"f\":", tail[] = "}}";
    size_t len = 0;
    mt_row row;

    memcpy(room, head, sizeof head - 1);
    len = sizeof head - 1;
    memcpy(room + len, slice.data, slice.len);
    len += slice.len;
    memcpy(room + len, tail, sizeof tail - 1);
    len += sizeof tail - 1;
    CHECK(mt_json_reader_feed(reader, (mt_bytes){room, len}, true) == MT_OK);
    assert_int_equal(mt_json_reader_next(reader, &row), MT_OK);
    CHECK(row.count == 1 && row.fields[0].kind == MT_FIELD_VALUE);
    return row.fields[0].value;
}

static mt_json_reader *reader_new(void)
{
    mt_json_reader *reader;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "vector", NULL, &reader) == MT_OK);
    return reader;
}

static void hex_of(mt_bytes bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = "0123456789abcdef"[bytes.data[i] >> 4];
        *out++ = "0123456789abcdef"[bytes.data[i] & 15];
    }
}

TEST(every_value_has_the_recorded_text)
{
    mt_bytes file = test_vectors("json-text.json"), item;
    test_json_iter iter = test_json_items(file);
    size_t count = 0;

    for (; test_json_next(&iter, NULL, &item); count++) {
        mt_bytes text = test_json_get(item, "text"), hex = test_json_get(item, "utf8_hex");
        mt_json_reader *reader = reader_new();
        uint8_t room[4096], expected[4096];
        char written_hex[4096];
        mt_value value = read_value(reader, test_json_get(item, "value"), room);
        mt_buf written = {.mem = test_mem()};
        size_t len = test_json_string(text, expected);

        CHECK(mt_value_check(&value, NULL, NULL) == MT_OK);
        CHECK(mt_value_json(&value, &written) == MT_OK);
        assert_int_equal(written.len, len);
        assert_memory_equal(written.data, expected, len);
        hex_of(mt_buf_bytes(&written), written_hex);
        assert_int_equal(hex.len, 2 * len + 2);
        assert_memory_equal(hex.data + 1, written_hex, 2 * len);
        mt_buf_free(&written);
        mt_json_reader_free(reader);
    }
    assert_int_equal(count, 332);
    test_vectors_free(file);
}

TEST(every_tie_has_the_recorded_winner)
{
    mt_bytes file = test_vectors("tie-break.json"), item;
    test_json_iter iter = test_json_items(file);
    size_t count = 0;

    for (; test_json_next(&iter, NULL, &item); count++) {
        mt_bytes winner = test_json_get(item, "winner");
        mt_json_reader *readers[2] = {reader_new(), reader_new()};
        uint8_t rooms[2][4096];
        mt_value current = read_value(readers[0], test_json_get(item, "current"), rooms[0]);
        mt_value incoming = read_value(readers[1], test_json_get(item, "incoming"), rooms[1]);
        int order = mt_value_compare(&current, &incoming);
        int reverse = mt_value_compare(&incoming, &current);

        if (test_json_is(winner, "\"current\"")) CHECK(order > 0 && reverse < 0);
        else if (test_json_is(winner, "\"incoming\"")) CHECK(order < 0 && reverse > 0);
        else CHECK(test_json_is(winner, "\"equal\"") && order == 0 && reverse == 0);
        CHECK(mt_value_equal(&current, &incoming) == (order == 0));
        mt_json_reader_free(readers[0]);
        mt_json_reader_free(readers[1]);
    }
    assert_int_equal(count, 1250);
    test_vectors_free(file);
}

/* Strings are valid UTF-8 here, so that what ECMAScript writes for half of a surrogate pair has
 * no value. */
TEST(no_vector_needs_a_lone_surrogate)
{
    static const char *const files[] = {"json-text.json", "tie-break.json"};

    for (size_t f = 0; f < TEST_COUNT(files); f++) {
        mt_bytes file = test_vectors(files[f]);

        for (size_t i = 0; i + 3 < file.len; i++) {
            const uint8_t *at = file.data + i;

            if (at[0] != '\\' || at[1] != 'u' || (at[2] | 0x20) != 'd') continue;
            CHECK(at[3] < '8');
        }
        test_vectors_free(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_the_recorded_text),
        cmocka_unit_test(every_tie_has_the_recorded_winner),
        cmocka_unit_test(no_vector_needs_a_lone_surrogate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
