#include "base/bytes.h"
#include "test.h"
#include "test_said.h"
#include <stdio.h>

static void check_graph(const char *text, const char *expected)
{
    test_said_check(&(test_text){MT_JSON_GRAPH, NULL, mt_str(text)}, expected, false);
}

static void check_patch(const char *text, const char *expected)
{
    test_said_check(&(test_text){MT_JSON_PATCH, NULL, mt_str(text)}, expected, false);
}

/* ---- What is read ---- */

TEST(the_sample_of_the_header_is_read)
{
    check_graph(
        "{\"user/1\":{\"@object\":{\"uid\":\"user/1\"},\"name\":{\"value\":\"Ada\",\"state\":3}},\n"
        "\"user/2\":{\"@object\":{\"uid\":\"user/"
        "2\",\"floor\":7},\"old\":{\"deleted\":true,\"state\":9}}}",
        "\"user/1\": \"name\"=\"Ada\"@3\n"
        "\"user/2\"^7: \"old\"=deleted@9\n"
        "MT_END");
    check_patch("{\"user/1\":{\"name\":\"Ada\",\"old\":{\"deleted\":true}}}",
                "\"user/1\": \"name\"=\"Ada\" \"old\"=deleted\nMT_END");
    check_patch("{\"user/2\":{\"@object\":{\"deleted\":true}}}", "\"user/2\" delete:\nMT_END");
}

TEST(empty_graphs_and_empty_nodes_are_read)
{
    check_graph("{}", "MT_END");
    check_graph(" \r\n\t{ \r\n\t} \r\n\t", "MT_END");
    check_graph("{\"n\":{\"@object\":{\"uid\":\"n\"}}}", "\"n\":\nMT_END");
    check_patch("{\"n\":{}}", "\"n\":\nMT_END");
    check_patch("{\"n\":{\"@object\":{}}}", "\"n\":\nMT_END");
    check_patch("{\"n\":{\"@object\":{\"uid\":\"n\"}}}", "\"n\":\nMT_END");
}

TEST(members_stand_in_any_order_with_any_space)
{
    check_graph(" { \"n\" : { \"b\" : { \"state\" : 2 , \"value\" : 1 } , \"a\" : { \"state\" : 3 "
                ", \"deleted\" : "
                "true } ,\n\"@object\" : { \"floor\" : 1 , \"uid\" : \"n\" } } } ",
                "\"n\"^1: \"b\"=1@2 \"a\"=deleted@3\nMT_END");
    check_graph("{\"n\":{\"a\":{\"deleted\":true,\"state\":3},\"@object\":{\"uid\":\"n\"},\"b\":{"
                "\"value\":1,"
                "\"state\":2}}}",
                "\"n\": \"a\"=deleted@3 \"b\"=1@2\nMT_END");
    check_patch("{\"n\":{\"a\":{ \"edge\" : \"x\" },\"b\" : { \"deleted\" : true } "
                ",\"@object\":{\"deleted\":true}}}",
                "\"n\" delete: \"a\"={\"edge\":\"x\"} \"b\"=deleted\nMT_END");
}

TEST(values_of_every_kind_are_read)
{
    check_patch("{\"n\":{\"a\":null,\"b\":true,\"c\":false,\"d\":\"text\",\"e\":{\"int\":"
                "\"9007199254740993\"},"
                "\"f\":{\"bytes\":\"AQID_-8\"},\"g\":{\"edge\":\"user/"
                "1\"},\"h\":\"\",\"i\":{\"bytes\":\"\"}}}",
                "\"n\": \"a\"=null \"b\"=true \"c\"=false \"d\"=\"text\" "
                "\"e\"={\"int\":\"9007199254740993\"} "
                "\"f\"={\"bytes\":\"AQID_-8\"} \"g\"={\"edge\":\"user/1\"} \"h\"=\"\" "
                "\"i\"={\"bytes\":\"\"}\nMT_END");
}

TEST(numbers_are_read_as_ecmascript_reads_them)
{
    check_patch(
        "{\"n\":{\"a\":-0,\"b\":1E5,\"c\":1e-400,\"d\":12345678901234567890,\"e\":0.1,\"f\":-1.50,"
        "\"g\":1e+21,\"h\":1.7976931348623157e308,\"i\":0e999999999999}}",
        "\"n\": \"a\"=0 \"b\"=100000 \"c\"=0 \"d\"=12345678901234567000 \"e\"=0.1 \"f\"=-1.5 "
        "\"g\"=1e+21 "
        "\"h\"=1.7976931348623157e+308 \"i\"=0\nMT_END");
}

TEST(states_are_integers_however_they_are_written)
{
    check_graph("{\"n\":{\"@object\":{\"uid\":\"n\"},\"a\":{\"value\":1,\"state\":9007199254740991}"
                ",\"b\":{\"value\":1,\"state\":1e3},"
                "\"c\":{\"value\":1,\"state\":3.0},\"d\":{\"value\":1,\"state\":0.5E1 }}}",
                "\"n\": \"a\"=1@9007199254740991 \"b\"=1@1000 \"c\"=1@3 \"d\"=1@5\nMT_END");
}

TEST(escapes_are_read_everywhere)
{
    check_patch("{\"\\u006e\\n\":{\"\\u0040object\":{\"\\u0075id\":\"n\\u000a\"},\"\":\"\\\"\\\\\\/"
                "\\b\\f\\n\\r\\t\","
                "\"\\u00e9\":\"\\u0000\\u001F\\u00E9\\u20ac\\ud83d\\ude00\\uFFFF\",\"x\":{"
                "\"\\u0065dge\":\"\\u0061\"},"
                "\"y\":{\"bytes\":\"A\\u0051ID\"},\"z\":{\"int\":\"900719925474099\\u0033\"}}}",
                "\"n\\n\": \"\"=\"\\\"\\\\/\\b\\f\\n\\r\\t\" "
                "\"\xC3\xA9\"=\"\\u0000\\u001f\xC3\xA9\xE2\x82\xAC"
                "\xF0\x9F\x98\x80\xEF\xBF\xBF\" \"x\"={\"edge\":\"a\"} \"y\"={\"bytes\":\"AQID\"} "
                "\"z\"={\"int\":\"9007199254740993\"}\nMT_END");
    check_graph(
        "{\"n\":{\"@object\":{\"uid\":\"\\u006e\"},\"f\":{\"valu\\u0065\":1,\"\\u0073tate\":2}}}",
        "\"n\": \"f\"=1@2\nMT_END");
}

TEST(utf8_of_every_length_is_read)
{
    check_patch(
        "{\"\xC3\xA9\":{\"\xE2\x82\xAC\":"
        "\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"
        "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"}}",
        "\"\xC3\xA9\": "
        "\"\xE2\x82\xAC\"=\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"
        "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"\nMT_END");
}

TEST(names_that_mean_something_elsewhere_are_ordinary_here)
{
    check_patch("{\"__proto__\":{\"__proto__\":1,\"constructor\":2,\"value\":3,\"state\":4,\"uid\":"
                "5,\"@Object\":6}}",
                "\"__proto__\": \"__proto__\"=1 \"constructor\"=2 \"value\"=3 \"state\"=4 "
                "\"uid\"=5 \"@Object\"=6\n"
                "MT_END");
}

TEST(fields_at_or_below_the_floor_come_out)
{
    check_graph("{\"n\":{\"@object\":{\"uid\":\"n\",\"floor\":9},\"f\":{\"value\":1,\"state\":9}}}",
                "\"n\"^9: \"f\"=1@9\nMT_END");
}

/* ---- Rows ---- */

/* Frees the text. */
static void check_end(mt_json_form form, mt_buf *text, const char *expected)
{
    test_said_check(&(test_text){form, NULL, mt_buf_bytes(text)}, expected, true);
    mt_buf_free(text);
}

static mt_buf node_of(size_t count, bool floor_first)
{
    mt_buf out = {.mem = test_mem()};
    char field[80];

    test_said_add(&out, "{\"n\":{");
    if (floor_first) test_said_add(&out, "\"@object\":{\"uid\":\"n\",\"floor\":5},");
    for (size_t i = 0; i < count; i++) {
        snprintf(field, sizeof field, "%s\"f%06zu\":{\"value\":%zu,\"state\":7}", i ? "," : "", i,
                 i);
        test_said_add(&out, field);
    }
    if (!floor_first) test_said_add(&out, ",\"@object\":{\"uid\":\"n\",\"floor\":5}");
    test_said_add(&out, "}}");
    return out;
}

/* The number of rows; checks what each must have. */
static size_t count_rows(mt_bytes text, size_t fields, bool floor_first)
{
    mt_json_reader *reader;
    size_t rows = 0, seen = 0;
    bool more = true;
    mt_row row;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_GRAPH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, text, true) == MT_OK);
    for (; mt_json_reader_next(reader, &row) == MT_OK; rows++) {
        CHECK(more);
        CHECK(mt_bytes_equal(row.uid, mt_str("n")));
        CHECK(row.count <= 1024);
        for (size_t i = 0; i < row.count; i++)
            CHECK(row.fields[i].value.as.number == (double)(seen + i));
        seen += row.count;
        more = row.more;
        CHECK(more == (seen < fields) || (!floor_first && more && seen == fields));
        CHECK(row.floor == (floor_first || !more ? 5 : 0));
    }
    CHECK(!more && seen == fields);
    mt_json_reader_free(reader);
    return rows;
}

TEST(a_node_of_many_fields_comes_in_several_rows)
{
    static const size_t counts[][3] = {{1, 1, 1},    {1023, 1, 1}, {1024, 1, 2},
                                       {1025, 2, 2}, {2048, 2, 3}, {5000, 5, 5}};

    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        for (int floor_first = 0; floor_first < 2; floor_first++) {
            mt_buf text = node_of(counts[i][0], floor_first);

            assert_int_equal(count_rows(mt_buf_bytes(&text), counts[i][0], floor_first),
                             counts[i][floor_first ? 1 : 2]);
            check_end(MT_JSON_GRAPH, &text, "MT_END");
        }
    }
}

TEST(a_row_ends_when_its_values_are_large)
{
    mt_buf text = test_said_repeat("{\"n\":{\"a\":\"", "x", 200000, "\",\"b\":\"");
    mt_json_reader *reader;
    mt_row row;

    for (size_t i = 0; i < 20000; i++) test_said_add(&text, "0123456789");
    test_said_add(&text, "\",\"c\":1}}");
    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_buf_bytes(&text), true) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_OK);
    CHECK(row.count == 2 && row.more);
    CHECK(mt_json_reader_next(reader, &row) == MT_OK);
    CHECK(row.count == 1 && !row.more);
    CHECK(mt_json_reader_next(reader, &row) == MT_END);
    mt_json_reader_free(reader);
    check_end(MT_JSON_PATCH, &text, "MT_END");
}

/* A number of its own for each, in no order. */
static unsigned long long scattered(size_t number)
{
    return number * 0x9E3779B97F4A7C15ULL;
}

TEST(a_name_that_stands_twice_is_found_in_rows_of_any_order)
{
    test_rng rng = test_rng_new(4);

    for (size_t round = 0; round < 30; round++) {
        size_t count = 2 + test_rng_below(&rng, 1000), first = test_rng_below(&rng, count - 1);
        size_t second = first + 1 + test_rng_below(&rng, count - 1 - first);
        mt_buf text = {.mem = test_mem()};
        char line[128], expected[128];

        test_said_add(&text, "{\"n\":{");
        for (size_t i = 0; i < count; i++) {
            unsigned long long name = scattered(i == second ? first : i);

            snprintf(line, sizeof line, "%s\n\"%016llx\":1", i ? "," : "", name);
            test_said_add(&text, line);
        }
        test_said_add(&text, "}}");
        snprintf(expected, sizeof expected, "MT_MALFORMED t:%zu:1: field \"%016llx\" stands twice",
                 second + 2, scattered(first));
        check_end(MT_JSON_PATCH, &text, expected);
    }
}

TEST(strings_without_escapes_are_read_in_place)
{
    static const char text[] =
        "{\"n\":{\"name\":\"plain\",\"\\u0065\":\"esc\\u0061ped\",\"z\":{\"edge\":\"uid\"}}}";
    mt_json_reader *reader;
    mt_row row;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str(text), true) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_OK);
    CHECK(row.fields[0].name.data == (const uint8_t *)strstr(text, "name"));
    CHECK(row.fields[0].value.as.bytes.data == (const uint8_t *)strstr(text, "plain"));
    CHECK(mt_bytes_equal(row.fields[1].name, mt_str("e")));
    CHECK(mt_bytes_equal(row.fields[1].value.as.bytes, mt_str("escaped")));
    CHECK(row.fields[2].value.as.bytes.data == (const uint8_t *)strstr(text, "uid"));
    mt_json_reader_free(reader);
}

/* ---- The reader's manners ---- */

TEST(a_reader_is_fed_only_when_it_is_hungry)
{
    mt_json_reader *reader;
    mt_row row;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_json_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_json_reader_feed(reader, mt_str("{\"n\":{}"), false) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str("}"), true) == MT_INVALID);
    CHECK(mt_json_reader_next(reader, &row) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str("}"), true) == MT_INVALID);
    CHECK(mt_json_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_json_reader_feed(reader, (mt_bytes){NULL, 0}, false) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_json_reader_feed(reader, mt_str("}"), true) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_END);
    CHECK(mt_json_reader_feed(reader, mt_str("}"), true) == MT_INVALID);
    CHECK(mt_json_reader_next(reader, &row) == MT_END);
    mt_json_reader_free(reader);
    mt_json_reader_free(NULL);
}

TEST(an_empty_last_piece_ends_the_text)
{
    mt_json_reader *reader;
    mt_row row;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str("{\"n\":{\"f\":1"), false) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_json_reader_feed(reader, (mt_bytes){NULL, 0}, true) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_MALFORMED);
    assert_string_equal(mt_json_reader_error(reader)->text,
                        "t:1:12: expected \",\" or \"}\", found the end of the text");
    CHECK(mt_json_reader_feed(reader, mt_str("}}"), true) == MT_INVALID);
    mt_json_reader_free(reader);
}

static void check_refuse(const char *text, size_t rows, const char *expected)
{
    mt_json_reader *reader;
    mt_row row;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str(text), true) == MT_OK);
    for (size_t i = 0; i < rows; i++) CHECK(mt_json_reader_next(reader, &row) == MT_OK);
    CHECK(mt_json_reader_refuse(reader, "no") == MT_MALFORMED);
    assert_string_equal(mt_json_reader_error(reader)->text, expected);
    CHECK(mt_json_reader_next(reader, &row) == MT_MALFORMED);
    CHECK(mt_json_reader_refuse(reader, "again") == MT_MALFORMED);
    assert_string_equal(mt_json_reader_error(reader)->text, expected);
    mt_json_reader_free(reader);
}

TEST(a_caller_refuses_at_the_place_of_the_row_read_last)
{
    check_refuse("{\"a\":{\"f\":1},\n  \"b\":{\"f\":1}}", 0, "t:1:1: no");
    check_refuse("{\"a\":{\"f\":1},\n  \"b\":{\"f\":1}}", 1, "t:1:2: no");
    check_refuse("{\"a\":{\"f\":1},\n  \"b\":{\"f\":1}}", 2, "t:2:3: no");
}

TEST(the_name_in_messages_is_cut_between_characters)
{
    char name[130], expected[160];
    mt_json_reader *reader;
    mt_row row;

    memset(name, 'x', 99);
    memcpy(name + 99, "\xC3\xA9yz", 5);
    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, name, NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str(""), true) == MT_OK);
    CHECK(mt_json_reader_next(reader, &row) == MT_MALFORMED);
    snprintf(expected, sizeof expected, "%.99s:1:1: the text is empty", name);
    assert_string_equal(mt_json_reader_error(reader)->text, expected);
    mt_json_reader_free(reader);
}

TEST(without_memory_the_reader_says_so_and_leaks_nothing)
{
    mt_buf text = test_said_repeat("{\"n\":{\"\\u0061\":\"\\n\",\"b\":{\"bytes\":\"", "AAAA", 60000,
                                   "\"},\"c\":\"plain\",\"d\":\"");

    for (size_t i = 0; i < 20000; i++) test_said_add(&text, "\\u0061");
    test_said_add(&text, "\",\"e\":1}}");
    for (size_t step = 7; step < 2000; step = step * 19 + 1) {
        for (size_t n = 0;; n++) {
            fail_mem fm = {.fail_at = n};
            test_text in = {MT_JSON_PATCH, NULL, mt_buf_bytes(&text)};
            mt_buf said = test_said_in_pieces(fail_mem_hook(&fm), &in, step, step);

            CHECK(fm.live_bytes == 0);
            CHECK(mti_buf_append(&said, "", 1) == MT_OK);
            if (fm.tripped)
                CHECK(strstr((char *)said.data,
                             n ? "MT_NO_MEMORY t: out of memory" : "MT_NO_MEMORY"));
            else CHECK(strstr((char *)said.data, "MT_END"));
            mt_buf_free(&said);
            if (!fm.tripped) break;
        }
    }
    mt_buf_free(&text);
}

/* Broken texts of all kinds, cut anywhere: the whole and the pieces must say the same. */
TEST(a_text_with_random_mistakes_says_the_same_however_it_is_cut)
{
    static const char text[] =
        "{\"\\u006e1\":{\"@object\":{\"uid\":\"n1\",\"floor\":3},\"a\":{\"value\":-1.5e3,"
        "\"state\":4},\"b\\n\":{\"state\":9,\"value\":{\"bytes\":\"AQID\"}},\"a\xC3\xA9\":{"
        "\"value\":"
        "{\"edge\":\"\\ud83d\\ude00\"},\"state\":5}},\n"
        "                                                                                \"n2\":\n"
        "{ \"x\" : { \"deleted\" : true ,\r\n\t\t\"state\" : 1 } ,                                 "
        "\n"
        "          \"@object\"                  :{\"uid\":\"n2\"} }                              } "
        "   ";
    static const char marks[] =
        "{}[]:,\"\\'/0123456789+-.eEtfnu \n\x01\x7F\x80\xC3\xA9\xED\xA0\xEF\xBB\xBF\xF4\xFF";
    test_rng rng = test_rng_new(5);

    for (size_t round = 0; round < 20000; round++) {
        uint8_t room[sizeof text];
        test_text in = {round % 8 ? MT_JSON_GRAPH : MT_JSON_PATCH, NULL, {room, sizeof text - 1}};
        size_t step = 1 + test_rng_below(&rng, 40);
        mt_buf said;

        memcpy(room, text, sizeof text);
        for (uint64_t i = test_rng_below(&rng, 3); i > 0; i--) {
            size_t at = test_rng_below(&rng, sizeof text - 1);

            room[at] = (uint8_t)marks[test_rng_below(&rng, sizeof marks)];
            if (!test_rng_below(&rng, 4)) in.text.len = at;
        }
        said = test_said_in_pieces(test_mem(), &in, in.text.len, 1);
        test_said_check_same(&in, &said, test_rng_below(&rng, sizeof text), step);
        mt_buf_free(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_of_the_header_is_read),
        cmocka_unit_test(empty_graphs_and_empty_nodes_are_read),
        cmocka_unit_test(members_stand_in_any_order_with_any_space),
        cmocka_unit_test(values_of_every_kind_are_read),
        cmocka_unit_test(numbers_are_read_as_ecmascript_reads_them),
        cmocka_unit_test(states_are_integers_however_they_are_written),
        cmocka_unit_test(escapes_are_read_everywhere),
        cmocka_unit_test(utf8_of_every_length_is_read),
        cmocka_unit_test(names_that_mean_something_elsewhere_are_ordinary_here),
        cmocka_unit_test(fields_at_or_below_the_floor_come_out),
        cmocka_unit_test(a_node_of_many_fields_comes_in_several_rows),
        cmocka_unit_test(a_row_ends_when_its_values_are_large),
        cmocka_unit_test(a_name_that_stands_twice_is_found_in_rows_of_any_order),
        cmocka_unit_test(strings_without_escapes_are_read_in_place),
        cmocka_unit_test(a_reader_is_fed_only_when_it_is_hungry),
        cmocka_unit_test(an_empty_last_piece_ends_the_text),
        cmocka_unit_test(a_caller_refuses_at_the_place_of_the_row_read_last),
        cmocka_unit_test(the_name_in_messages_is_cut_between_characters),
        cmocka_unit_test(without_memory_the_reader_says_so_and_leaks_nothing),
        cmocka_unit_test(a_text_with_random_mistakes_says_the_same_however_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
