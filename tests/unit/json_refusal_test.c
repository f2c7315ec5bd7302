/* Everything that the JSON reader refuses, with its exact message. */
#include "base/bytes.h"
#include "test.h"
#include "test_said.h"

#define NUL(text) ((mt_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* The start of a graph's node, up to where a field or a value can stand. */
#define NODE "{\"n\":{\"@object\":{\"uid\":\"n\"},"
#define VALUE NODE "\"f\":{\"value\":"

typedef struct refusal {
    const char *text;
    const char *says;
} refusal;

static void check_refusals(mt_json_form form, const refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        test_said_check(&(test_text){form, NULL, mt_str(refusals[i].text)}, refusals[i].says,
                        false);
}

#define CHECK_GRAPHS(refusals) check_refusals(MT_JSON_GRAPH, refusals, TEST_COUNT(refusals))
#define CHECK_PATCHES(refusals) check_refusals(MT_JSON_PATCH, refusals, TEST_COUNT(refusals))

TEST(texts_that_are_cut_say_what_was_expected)
{
    static const refusal graphs[] = {
        {"", "MT_MALFORMED t:1:1: the text is empty"},
        {" \n ", "MT_MALFORMED t:2:2: the text is empty"},
        {"{", "MT_MALFORMED t:1:2: expected a uid or \"}\", found the end of the text"},
        {"{\"n", "MT_MALFORMED t:1:4: expected a closing quote, found the end of the text"},
        {"{\"n\\", "MT_MALFORMED t:1:5: expected a closing quote, found the end of the text"},
        {"{\"n\\u12", "MT_MALFORMED t:1:8: expected a closing quote, found the end of the text"},
        {"{\"n\\ud83d\\",
         "MT_MALFORMED t:1:11: expected a closing quote, found the end of the text"},
        {"{\"\xC3", "MT_MALFORMED t:1:4: expected a closing quote, found the end of the text"},
        {"{\"n\" ", "MT_MALFORMED t:1:6: expected \":\", found the end of the text"},
        {"{\"n\":", "MT_MALFORMED t:1:6: expected \"{\", found the end of the text"},
        {"{\"n\":{",
         "MT_MALFORMED t:1:7: expected a field name or \"}\", found the end of the text"},
        {NODE,
         "MT_MALFORMED t:1:29: expected a field name behind \",\", found the end of the text"},
        {NODE "\"f\":", "MT_MALFORMED t:1:33: expected \"{\", found the end of the text"},
        {NODE "\"f\":{",
         "MT_MALFORMED t:1:34: expected a member name or \"}\", found the end of the text"},
        {VALUE, "MT_MALFORMED t:1:42: expected a value, found the end of the text"},
        {VALUE "tru", "MT_MALFORMED t:1:45: expected \"true\", found the end of the text"},
        {VALUE "12", "MT_MALFORMED t:1:44: expected \",\" or \"}\", found the end of the text"},
        {VALUE "1.", "MT_MALFORMED t:1:42: expected a number, found 1."},
        {VALUE "-", "MT_MALFORMED t:1:42: expected a number, found -"},
        {VALUE "1,",
         "MT_MALFORMED t:1:44: expected a member name behind \",\", found the end of the text"},
        {VALUE "1,\"state\":", "MT_MALFORMED t:1:52: expected a state, found the end of the text"},
        {VALUE "1,\"state\":1}",
         "MT_MALFORMED t:1:54: expected \",\" or \"}\", found the end of the text"},
        {VALUE "{",
         "MT_MALFORMED t:1:43: expected a member name or \"}\", found the end of the text"},
        {VALUE "{\"edge\":", "MT_MALFORMED t:1:50: expected a uid, found the end of the text"},
        {"{\"n\":{\"@object\":{\"uid\":\"n\"}}",
         "\"n\":\nMT_MALFORMED t:1:29: expected \",\" or \"}\", found the end of the text"},
        {"{\"n\":{\"@object\":{\"uid\":\"n\"}},",
         "\"n\":\nMT_MALFORMED t:1:30: expected a uid behind \",\", found the end of the text"},
    };

    CHECK_GRAPHS(graphs);
}

TEST(what_follows_the_graph_is_refused)
{
    static const refusal graphs[] = {
        {"{} x", "MT_MALFORMED t:1:4: expected the end of the text, found \"x\""},
        {"{}{}", "MT_MALFORMED t:1:3: expected the end of the text, found \"{\""},
        {"{}\n\n  \"a\"", "MT_MALFORMED t:3:3: expected the end of the text, found a string"},
        {"{}\n7", "MT_MALFORMED t:2:1: expected the end of the text, found a number"},
        {"{}\xC3\xA9", "MT_MALFORMED t:1:3: expected the end of the text, found \"\xC3\xA9\""},
        {"{}\xC3", "MT_MALFORMED t:1:3: expected the end of the text, found \"\\xc3\""},
        {"{}\x01", "MT_MALFORMED t:1:3: expected the end of the text, found \"\\x01\""},
    };

    CHECK_GRAPHS(graphs);
    test_said_check(&(test_text){MT_JSON_GRAPH, NULL, NUL("{}\0")},
                    "MT_MALFORMED t:1:3: expected the end of the text, found \"\\x00\"", false);
}

TEST(what_is_no_graph_is_refused)
{
    static const refusal graphs[] = {
        {"\xEF\xBB\xBF{}", "MT_MALFORMED t:1:1: expected \"{\", found a byte order mark"},
        {"[]", "MT_MALFORMED t:1:1: expected \"{\", found \"[\""},
        {"null", "MT_MALFORMED t:1:1: expected \"{\", found \"n\""},
        {"\"text\"", "MT_MALFORMED t:1:1: expected \"{\", found a string"},
        {"\xA1", "MT_MALFORMED t:1:1: expected \"{\", found \"\\xa1\""},
        {"{1:2}", "MT_MALFORMED t:1:2: expected a uid or \"}\", found a number"},
        {"{n:{}}", "MT_MALFORMED t:1:2: expected a uid or \"}\", found \"n\""},
        {"{'n':{}}",
         "MT_MALFORMED t:1:2: expected a uid or \"}\", found \"'\" (JSON takes double quotes)"},
        {"{\"n\" {}}", "MT_MALFORMED t:1:6: expected \":\", found \"{\""},
        {"{\"n\":1}", "MT_MALFORMED t:1:6: expected \"{\", found a number"},
        {"{\"n\":[]}", "MT_MALFORMED t:1:6: expected \"{\", found \"[\""},
        {"{\"n\":{\"@object\":5}}", "MT_MALFORMED t:1:17: expected \"{\", found a number"},
        {NODE "\"f\":1}}", "MT_MALFORMED t:1:33: expected \"{\", found a number"},
        {VALUE "1 \"state\":1}}}", "MT_MALFORMED t:1:44: expected \",\" or \"}\", found a string"},
        {VALUE "1,\"state\" 1}}}", "MT_MALFORMED t:1:52: expected \":\", found a number"},
    };

    CHECK_GRAPHS(graphs);
}

TEST(comments_and_commas_too_many_are_refused)
{
    static const refusal graphs[] = {
        {"// x\n{}", "MT_MALFORMED t:1:1: expected \"{\", found \"/\" (JSON has no comments)"},
        {"{/* x */}",
         "MT_MALFORMED t:1:2: expected a uid or \"}\", found \"/\" (JSON has no comments)"},
        {"{} # x",
         "MT_MALFORMED t:1:4: expected the end of the text, found \"#\" (JSON has no comments)"},
        {VALUE "1,\"state\":1,}}}",
         "MT_MALFORMED t:1:54: expected a member name behind \",\", found \"}\""},
        {VALUE "1,\"state\":1},}}",
         "MT_MALFORMED t:1:55: expected a field name behind \",\", found \"}\""},
        {"{\"n\":{\"@object\":{\"uid\":\"n\"}},}",
         "\"n\":\nMT_MALFORMED t:1:30: expected a uid behind \",\", found \"}\""},
        {"{,}", "MT_MALFORMED t:1:2: expected a uid or \"}\", found \",\""},
        {"{\"n\":{,}}", "MT_MALFORMED t:1:7: expected a field name or \"}\", found \",\""},
        {NODE "\"f\":{,}}}", "MT_MALFORMED t:1:34: expected a member name or \"}\", found \",\""},
    };

    CHECK_GRAPHS(graphs);
}

TEST(strings_that_are_no_json_strings_are_refused)
{
    static const refusal patches[] = {
        {"{\"n\":{\"f\":\"a\nb\"}}", "MT_MALFORMED t:1:13: control character U+000A in a string"},
        {"{\"n\":{\"f\":\"some more text \x1F\"}}",
         "MT_MALFORMED t:1:27: control character U+001F in a string"},
        {"{\"n\":{\"f\":\"\\q\"}}",
         "MT_MALFORMED t:1:13: expected one of \"\\/bfnrtu behind a backslash, found \"q\""},
        {"{\"n\":{\"f\":\"\\1\"}}",
         "MT_MALFORMED t:1:13: expected one of \"\\/bfnrtu behind a backslash, found \"1\""},
        {"{\"n\":{\"f\":\"\\x41\"}}",
         "MT_MALFORMED t:1:13: expected one of \"\\/bfnrtu behind a backslash, found \"x\""},
        {"{\"n\":{\"f\":\"\\\xC3\xA9\"}}",
         "MT_MALFORMED t:1:13: expected one of \"\\/bfnrtu behind a backslash, found \"\xC3\xA9\""},
        {"{\"n\":{\"f\":\"\\u12G4\"}}",
         "MT_MALFORMED t:1:16: expected four hexadecimal digits behind \"\\u\", found \"G\""},
        {"{\"n\":{\"f\":\"\\u12\"}}",
         "MT_MALFORMED t:1:16: expected four hexadecimal digits behind \"\\u\", found \"\"\""},
        {"{\"n\":{\"f\":\"\\u+123\"}}",
         "MT_MALFORMED t:1:14: expected four hexadecimal digits behind \"\\u\", found \"+\""},
        {"{\"n\":{\"f\":\"\\ud83d\\u\"}}",
         "MT_MALFORMED t:1:20: expected four hexadecimal digits behind \"\\u\", found \"\"\""},
    };

    CHECK_PATCHES(patches);
    test_said_check(&(test_text){MT_JSON_PATCH, NULL, NUL("{\"n\":{\"f\":\"\0\"}}")},
                    "MT_MALFORMED t:1:12: control character U+0000 in a string", false);
    test_said_check(
        &(test_text){MT_JSON_PATCH, NULL, NUL("{\"n\":{\"f\":\"\\\0\"}}")},
        "MT_MALFORMED t:1:13: expected one of \"\\/bfnrtu behind a backslash, found \"\\x00\"",
        false);
}

TEST(lone_surrogates_are_refused)
{
    static const refusal patches[] = {
        {"{\"n\":{\"f\":\"a\\ud800\"}}", "MT_MALFORMED t:1:13: lone surrogate \\ud800"},
        {"{\"n\":{\"f\":\"a\\uDFFF\"}}", "MT_MALFORMED t:1:13: lone surrogate \\uDFFF"},
        {"{\"n\":{\"f\":\"a\\ud800\\n\"}}", "MT_MALFORMED t:1:13: lone surrogate \\ud800"},
        {"{\"n\":{\"f\":\"a\\ud800\\u0041\"}}", "MT_MALFORMED t:1:13: lone surrogate \\ud800"},
        {"{\"n\":{\"f\":\"a\\ud800\\ud800\\udc00\"}}",
         "MT_MALFORMED t:1:13: lone surrogate \\ud800"},
        {"{\"n\":{\"f\":\"a\\udc00\\ud800\"}}", "MT_MALFORMED t:1:13: lone surrogate \\udc00"},
        {"{\"n\":{\"\\ud83d\":1}}", "MT_MALFORMED t:1:8: lone surrogate \\ud83d"},
        {"{\"\\udead\":{}}", "MT_MALFORMED t:1:3: lone surrogate \\udead"},
    };

    CHECK_PATCHES(patches);
}

TEST(what_is_not_utf8_is_refused_with_byte_and_place)
{
    static const refusal patches[] = {
        {"{\"n\":{\"f\":\"ab\xFF\"}}", "MT_MALFORMED t:1:14: invalid UTF-8: byte 0xFF"},
        {"{\"n\":{\"f\":\"\xC3\xA9\xC3\xA9\x80\"}}",
         "MT_MALFORMED t:1:14: invalid UTF-8: byte 0x80"},
        {"{\"n\":{\"f\":\"\xC0\x80\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xC0"},
        {"{\"n\":{\"f\":\"\xE0\x80\x80\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xE0"},
        {"{\"n\":{\"f\":\"a\xED\xA0\x80\"}}", "MT_MALFORMED t:1:13: invalid UTF-8: byte 0xED"},
        {"{\"n\":{\"f\":\"\xF4\x90\x80\x80\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xF4"},
        {"{\"n\":{\"f\":\"\xE2\x82\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xE2"},
        {"{\"n\":{\"f\":\"\xE2\\u0041\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xE2"},
        {"{\"n\":{\"f\":\"\xE2\n\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xE2"},
        {"{\"n\":{\"f\":\"\xFF\\q\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xFF"},
        {"{\"n\":{\"f\":\"\xFF\\ud800\"}}", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xFF"},
        {"{\"n\":{\"f\":\"\xFF and then the end", "MT_MALFORMED t:1:12: invalid UTF-8: byte 0xFF"},
        {"{\"n\":{\"\xA9\":1}}", "MT_MALFORMED t:1:8: invalid UTF-8: byte 0xA9"},
        {"{\"\xF8\":{}}", "MT_MALFORMED t:1:3: invalid UTF-8: byte 0xF8"},
    };

    CHECK_PATCHES(patches);
}

TEST(what_is_no_json_number_is_refused)
{
    static const refusal patches[] = {
        {"{\"n\":{\"f\":01}}", "MT_MALFORMED t:1:11: a number has no leading zeros: 01"},
        {"{\"n\":{\"f\":-007}}", "MT_MALFORMED t:1:11: a number has no leading zeros: -007"},
        {"{\"n\":{\"f\":1.}}", "MT_MALFORMED t:1:11: expected a number, found 1."},
        {"{\"n\":{\"f\":1.e5}}", "MT_MALFORMED t:1:11: expected a number, found 1.e5"},
        {"{\"n\":{\"f\":1e}}", "MT_MALFORMED t:1:11: expected a number, found 1e"},
        {"{\"n\":{\"f\":1e+}}", "MT_MALFORMED t:1:11: expected a number, found 1e+"},
        {"{\"n\":{\"f\":1.5.2}}", "MT_MALFORMED t:1:11: expected a number, found 1.5.2"},
        {"{\"n\":{\"f\":--1}}", "MT_MALFORMED t:1:11: expected a number, found --1"},
        {"{\"n\":{\"f\":-}}", "MT_MALFORMED t:1:12: expected a digit, found \"}\""},
        {"{\"n\":{\"f\":+1}}", "MT_MALFORMED t:1:11: expected a value, found \"+\""},
        {"{\"n\":{\"f\":.5}}", "MT_MALFORMED t:1:11: expected a value, found \".\""},
        {"{\"n\":{\"f\":0x10}}", "MT_MALFORMED t:1:12: expected \",\" or \"}\", found \"x\""},
        {"{\"n\":{\"f\":1 2}}", "MT_MALFORMED t:1:13: expected \",\" or \"}\", found a number"},
        {"{\"n\":{\"f\":NaN}}",
         "MT_MALFORMED t:1:11: expected a value, found \"N\" (JSON has no NaN)"},
        {"{\"n\":{\"f\":Infinity}}",
         "MT_MALFORMED t:1:11: expected a value, found \"I\" (JSON has no Infinity)"},
        {"{\"n\":{\"f\":-Infinity}}",
         "MT_MALFORMED t:1:12: expected a digit, found \"I\" (JSON has no Infinity)"},
        {"{\"n\":{\"f\":1e309}}",
         "MT_MALFORMED t:1:11: the number 1e309 is beyond the range of a double"},
        {"{\"n\":{\"f\":-1e999999}}",
         "MT_MALFORMED t:1:11: the number -1e999999 is beyond the range of a double"},
    };

    CHECK_PATCHES(patches);
}

TEST(what_is_no_value_is_refused)
{
    static const refusal patches[] = {
        {"{\"n\":{\"f\":[1]}}", "MT_MALFORMED t:1:11: expected a value, found \"[\""},
        {"{\"n\":{\"f\":undefined}}", "MT_MALFORMED t:1:11: expected a value, found \"u\""},
        {"{\"n\":{\"f\":nul}}", "MT_MALFORMED t:1:14: expected \"null\", found \"}\""},
        {"{\"n\":{\"f\":nulL}}", "MT_MALFORMED t:1:14: expected \"null\", found \"L\""},
        {"{\"n\":{\"f\":True}}", "MT_MALFORMED t:1:11: expected a value, found \"T\""},
        {"{\"n\":{\"f\":falsey}}", "MT_MALFORMED t:1:16: expected \",\" or \"}\", found \"y\""},
        {"{\"n\":{\"f\":}}", "MT_MALFORMED t:1:11: expected a value, found \"}\""},
        {"{\"n\":{\"f\":{}}}", "MT_MALFORMED t:1:12: expected a member \"int\", \"bytes\", "
                               "\"edge\" or \"deleted\", found \"}\""},
        {"{\"n\":{\"f\":{\"x\":1}}}", "MT_MALFORMED t:1:12: unknown member \"x\""},
        {"{\"n\":{\"f\":{\"value\":1,\"state\":1}}}",
         "MT_MALFORMED t:1:12: unknown member \"value\""},
        {"{\"n\":{\"f\":{\"edge\":\"x\",\"int\":\"1\"}}}",
         "MT_MALFORMED t:1:22: expected \"}\", found \",\""},
        {"{\"n\":{\"f\":{\"deleted\":false}}}",
         "MT_MALFORMED t:1:22: expected \"true\", found \"f\""},
        {"{\"n\":{\"f\":{\"deleted\":1}}}",
         "MT_MALFORMED t:1:22: expected \"true\", found a number"},
    };
    static const refusal graphs[] = {
        {VALUE "{},\"state\":1}}}",
         "MT_MALFORMED t:1:43: expected a member \"int\", \"bytes\" or \"edge\", found \"}\""},
        {VALUE "{\"deleted\":true},\"state\":1}}}",
         "MT_MALFORMED t:1:43: unknown member \"deleted\""},
    };

    CHECK_PATCHES(patches);
    CHECK_GRAPHS(graphs);
}

TEST(integers_bytes_and_edges_have_one_form)
{
    static const refusal patches[] = {
        {"{\"n\":{\"f\":{\"int\":\"5\"}}}",
         "MT_MALFORMED t:1:18: expected an integer that no double holds, found \"5\""},
        {"{\"n\":{\"f\":{\"int\":\"9007199254740994\"}}}",
         "MT_MALFORMED t:1:18: expected an integer that no double holds, found "
         "\"9007199254740994\""},
        {"{\"n\":{\"f\":{\"int\":\"09007199254740993\"}}}",
         "MT_MALFORMED t:1:18: expected a decimal integer of 64 bits, found \"09007199254740993\""},
        {"{\"n\":{\"f\":{\"int\":\"+9007199254740993\"}}}",
         "MT_MALFORMED t:1:18: expected a decimal integer of 64 bits, found \"+9007199254740993\""},
        {"{\"n\":{\"f\":{\"int\":\"9223372036854775808\"}}}",
         "MT_MALFORMED t:1:18: expected a decimal integer of 64 bits, found "
         "\"9223372036854775808\""},
        {"{\"n\":{\"f\":{\"int\":\"\"}}}",
         "MT_MALFORMED t:1:18: expected a decimal integer of 64 bits, found \"\""},
        {"{\"n\":{\"f\":{\"int\":9007199254740993}}}",
         "MT_MALFORMED t:1:18: expected an integer in quotes, found a number"},
        {"{\"n\":{\"f\":{\"bytes\":\"AQ==\"}}}", "MT_MALFORMED t:1:20: base64url takes no padding"},
        {"{\"n\":{\"f\":{\"bytes\":\"AR\"}}}",
         "MT_MALFORMED t:1:20: the last bits of the base64url text are not zero"},
        {"{\"n\":{\"f\":{\"bytes\":\"A\"}}}",
         "MT_MALFORMED t:1:20: no base64url text has this length"},
        {"{\"n\":{\"f\":{\"bytes\":\"A+\"}}}",
         "MT_MALFORMED t:1:20: a character is not of the base64url alphabet"},
        {"{\"n\":{\"f\":{\"bytes\":null}}}",
         "MT_MALFORMED t:1:20: expected base64url in quotes, found \"n\""},
        {"{\"n\":{\"f\":{\"edge\":\"\"}}}", "MT_MALFORMED t:1:19: a uid is empty"},
        {"{\"n\":{\"f\":{\"edge\":\"a\\u0000\"}}}", "MT_MALFORMED t:1:19: a uid holds U+0000"},
        {"{\"n\":{\"f\":{\"edge\":{\"edge\":\"a\"}}}}",
         "MT_MALFORMED t:1:19: expected a uid, found \"{\""},
    };

    CHECK_PATCHES(patches);
}

TEST(states_and_floors_out_of_range_are_refused)
{
    static const refusal graphs[] = {
#define STATE(text) VALUE "1,\"state\":" text "}}}"
#define SAYS(found) "MT_MALFORMED t:1:52: expected a state from 1 to 9007199254740991, found " found
        {STATE("0"), SAYS("0")},
        {STATE("-1"), SAYS("-1")},
        {STATE("-0"), SAYS("-0")},
        {STATE("1.5"), SAYS("1.5")},
        {STATE("9007199254740992"), SAYS("9007199254740992")},
        {STATE("9007199254740993"), SAYS("9007199254740993")},
        {STATE("18446744073709551617"), SAYS("18446744073709551617")},
        {STATE("1e16"), SAYS("1e16")},
        {STATE("1e-400"), SAYS("1e-400")},
        {STATE("1e309"), "MT_MALFORMED t:1:52: the number 1e309 is beyond the range of a double"},
        {STATE("01"), "MT_MALFORMED t:1:52: a number has no leading zeros: 01"},
        {STATE("1."), "MT_MALFORMED t:1:52: expected a number, found 1."},
        {STATE("NaN"), "MT_MALFORMED t:1:52: expected a state, found \"N\" (JSON has no NaN)"},
        {STATE("\"1\""), "MT_MALFORMED t:1:52: expected a state, found a string"},
        {STATE("null"), "MT_MALFORMED t:1:52: expected a state, found \"n\""},
        {"{\"n\":{\"@object\":{\"uid\":\"n\",\"floor\":0}}}",
         "MT_MALFORMED t:1:36: expected a floor from 1 to 9007199254740991, found 0"},
        {"{\"n\":{\"@object\":{\"uid\":\"n\",\"floor\":1.5}}}",
         "MT_MALFORMED t:1:36: expected a floor from 1 to 9007199254740991, found 1.5"},
        {"{\"n\":{\"@object\":{\"uid\":\"n\",\"floor\":[]}}}",
         "MT_MALFORMED t:1:36: expected a floor, found \"[\""},
#undef STATE
#undef SAYS
    };

    CHECK_GRAPHS(graphs);
}

TEST(members_unknown_missing_or_twice_are_named)
{
    static const refusal graphs[] = {
        {NODE "\"f\":{}}}",
         "MT_MALFORMED t:1:34: expected a member \"value\" or \"deleted\", found \"}\""},
        {VALUE "1}}}", "MT_MALFORMED t:1:43: expected a member \"state\", found \"}\""},
        {NODE "\"f\":{\"state\":1}}}",
         "MT_MALFORMED t:1:43: expected a member \"value\" or \"deleted\", found \"}\""},
        {VALUE "1,\"x\":1}}}", "MT_MALFORMED t:1:44: unknown member \"x\""},
        {VALUE "1,\"\":1}}}", "MT_MALFORMED t:1:44: unknown member \"\""},
        {VALUE "1,\"edge\":1}}}", "MT_MALFORMED t:1:44: unknown member \"edge\""},
        {VALUE "1,\"state\":1,\"value\":1}}}",
         "MT_MALFORMED t:1:54: member \"value\" stands twice"},
        {VALUE "1,\"state\":1,\"st\\u0061te\":1}}}",
         "MT_MALFORMED t:1:54: member \"state\" stands twice"},
        {VALUE "1,\"state\":1,\"deleted\":true}}}",
         "MT_MALFORMED t:1:54: \"value\" and \"deleted\" stand in one field"},
        {NODE "\"f\":{\"deleted\":true,\"value\":1}}}",
         "MT_MALFORMED t:1:49: \"value\" and \"deleted\" stand in one field"},
        {VALUE "1,\"state\":1,\"type\":\"counter\"}}}",
         "MT_MALFORMED t:1:61: unknown type \"counter\""},
        {NODE "\"f\":{\"type\":7,\"value\":1}}}",
         "MT_MALFORMED t:1:41: expected a type, found a number"},
    };

    CHECK_GRAPHS(graphs);
}

TEST(every_node_of_a_graph_has_one_object_with_its_uid)
{
    static const refusal graphs[] = {
        {"{\"n\":{}}", "MT_MALFORMED t:1:7: expected a member \"@object\", found \"}\""},
        {"{\"n\":{\"f\":{\"value\":1,\"state\":1}}}",
         "MT_MALFORMED t:1:32: expected a member \"@object\", found \"}\""},
        {"{\"n\":{\"@object\":{}}}", "MT_MALFORMED t:1:18: expected a member \"uid\", found \"}\""},
        {"{\"n\":{\"@object\":{\"floor\":1}}}",
         "MT_MALFORMED t:1:27: expected a member \"uid\", found \"}\""},
        {"{\"n\":{\"@object\":{\"uid\":\"m\"}}}",
         "MT_MALFORMED t:1:24: expected the uid \"n\", found \"m\""},
        {"{\"n\":{\"@object\":{\"uid\":\"\"}}}",
         "MT_MALFORMED t:1:24: expected the uid \"n\", found \"\""},
        {"{\"n\":{\"@object\":{\"uid\":1}}}",
         "MT_MALFORMED t:1:24: expected a uid, found a number"},
        {"{\"n\":{\"@object\":{\"uid\":\"n\",\"x\":1}}}",
         "MT_MALFORMED t:1:28: unknown member \"x\""},
        {"{\"n\":{\"@object\":{\"uid\":\"n\",\"deleted\":true}}}",
         "MT_MALFORMED t:1:28: unknown member \"deleted\""},
        {"{\"n\":{\"@object\":{\"uid\":\"n\"},\"@object\":{\"uid\":\"n\"}}}",
         "MT_MALFORMED t:1:29: \"@object\" stands twice"},
    };
    static const refusal patches[] = {
        {"{\"n\":{\"@object\":{\"uid\":\"m\"}}}",
         "MT_MALFORMED t:1:24: expected the uid \"n\", found \"m\""},
        {"{\"n\":{\"@object\":{\"floor\":1}}}", "MT_MALFORMED t:1:18: unknown member \"floor\""},
        {"{\"n\":{\"@object\":{\"deleted\":false}}}",
         "MT_MALFORMED t:1:28: expected \"true\", found \"f\""},
        {"{\"n\":{\"@object\":{},\"@object\":{}}}",
         "MT_MALFORMED t:1:20: \"@object\" stands twice"},
    };

    CHECK_GRAPHS(graphs);
    CHECK_PATCHES(patches);
}

TEST(a_field_that_stands_twice_is_found_at_its_second_place)
{
    static const refusal patches[] = {
        {"{\"n\":{\"a\":1,\"a\":2}}", "MT_MALFORMED t:1:13: field \"a\" stands twice"},
        {"{\"n\":{\"b\":1,\"c\":2,\"a\":3,\n  \"c\":4,\"b\":5}}",
         "MT_MALFORMED t:2:3: field \"c\" stands twice"},
        {"{\"n\":{\"\":1,\"\\u0061\":2,\n\"a\":3}}",
         "MT_MALFORMED t:2:1: field \"a\" stands twice"},
        {"{\"m\":{\"a\":1},\"n\":{\"a\":1,\"@object\":{},\"a\":2}}",
         "\"m\": \"a\"=1\nMT_MALFORMED t:1:38: field \"a\" stands twice"},
    };

    CHECK_PATCHES(patches);
}

TEST(places_count_lines_and_characters)
{
    static const refusal patches[] = {
        {"{\n\n\"n\":{\r\n\t\"\xC3\xA9\xF0\x9F\x98\x80\":x}}",
         "MT_MALFORMED t:4:7: expected a value, found \"x\""},
        {"{\"n\":{\"f\":"
         "\"\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\"!}}",
         "MT_MALFORMED t:1:19: expected \",\" or \"}\", found \"!\""},
    };

    CHECK_PATCHES(patches);
}

/* Frees the text. */
static void check_end(mt_json_form form, const mt_limits *limits, mt_buf *text,
                      const char *expected)
{
    const test_text in = {form, limits, mt_buf_bytes(text)};

    test_said_check(&in, expected, true);
    mt_buf_free(text);
}

static void check_repeated(const char *before, const char *unit, size_t count, const char *behind,
                           const char *expected)
{
    mt_buf text = test_said_repeat(before, unit, count, behind);

    check_end(MT_JSON_PATCH, NULL, &text, expected);
}

TEST(uids_and_names_have_a_greatest_length)
{
    check_repeated("{\"", "u", 255, "\":{}}", "MT_END");
    check_repeated("{\"", "u", 256, "\":{}}", "MT_TOO_LARGE t:1:2: a uid of more than 255 bytes");
    check_repeated("{\"", "\\u0061", 255, "\":{}}", "MT_END");
    check_repeated("{\"", "\\u0061", 256, "\":{}}",
                   "MT_TOO_LARGE t:1:2: a uid of more than 255 bytes");
    check_repeated("{\"", "\\u0061", 256, "", "MT_TOO_LARGE t:1:2: a uid of more than 255 bytes");
    check_repeated("{\"", "\xC3\xA9", 128, "\":{}}",
                   "MT_TOO_LARGE t:1:2: a uid of more than 255 bytes");
    check_repeated("{\"n\":{\"", "f", 254, "\":1}}", "MT_END");
    check_repeated("{\"n\":{\"", "f", 255, "\":1}}",
                   "MT_TOO_LARGE t:1:7: a field name of more than 254 bytes");
    check_repeated("{\"n\":{\"f\":{\"edge\":\"", "u", 255, "\"}}}", "MT_END");
    check_repeated("{\"n\":{\"f\":{\"edge\":\"", "u", 256, "\"}}}",
                   "MT_TOO_LARGE t:1:19: a uid of more than 255 bytes");
    check_repeated("{\"n\":{\"f\":{\"int\":\"", "9", 21, "\"}}}",
                   "MT_TOO_LARGE t:1:18: an integer of more than 20 bytes");
    check_repeated("{\"n\":{\"f\":{\"", "x", 300, "\":1}}}",
                   "MT_TOO_LARGE t:1:12: a member name of more than 255 bytes");
}

TEST(values_have_the_length_that_the_limits_allow)
{
    mt_limits limits;
    mt_buf text;

    mt_limits_init(&limits);
    limits.value_len_max = 10;
    text = test_said_repeat("{\"n\":{\"f\":\"", "x", 10, "\"}}");
    check_end(MT_JSON_PATCH, &limits, &text, "MT_END");
    text = test_said_repeat("{\"n\":{\"f\":\"", "x", 11, "\"}}");
    check_end(MT_JSON_PATCH, &limits, &text,
              "MT_TOO_LARGE t:1:11: a value of more than 10 bytes (value_len_max)");
    text = test_said_repeat("{\"n\":{\"f\":\"", "\\u0000", 10, "\"}}");
    check_end(MT_JSON_PATCH, &limits, &text, "MT_END");
    text = test_said_repeat("{\"n\":{\"f\":\"", "\\ud83d\\ude00", 3, "\"}}");
    check_end(MT_JSON_PATCH, &limits, &text,
              "MT_TOO_LARGE t:1:11: a value of more than 10 bytes (value_len_max)");
    text = test_said_repeat("{\"n\":{\"f\":{\"bytes\":\"", "A", 14, "\"}}}");
    check_end(MT_JSON_PATCH, &limits, &text, "MT_END");
    text = test_said_repeat("{\"n\":{\"f\":{\"bytes\":\"", "A", 15, "\"}}}");
    check_end(MT_JSON_PATCH, &limits, &text,
              "MT_TOO_LARGE t:1:20: a value of more than 10 bytes (value_len_max)");
    check_repeated("{\"n\":{\"f\":\"", "x", 262144, "\"}}", "MT_END");
    check_repeated("{\"n\":{\"f\":\"", "x", 262145, "\"}}",
                   "MT_TOO_LARGE t:1:11: a value of more than 262144 bytes (value_len_max)");
}

TEST(a_hundred_thousand_levels_are_refused_at_the_first_too_many)
{
    check_repeated("", "[", 100000, "", "MT_MALFORMED t:1:1: expected \"{\", found \"[\"");
    check_repeated("{\"n\":{\"f\":", "[", 100000, "",
                   "MT_MALFORMED t:1:11: expected a value, found \"[\"");
    check_repeated("", "{\"a\":", 100000, "", "MT_MALFORMED t:1:12: unknown member \"a\"");
    check_repeated("{\"n\":{\"f\":", "{\"edge\":", 100000, "",
                   "MT_MALFORMED t:1:19: expected a uid, found \"{\"");
}

/* Feeds the same piece over and over. Answers the most memory that was held. */
static size_t feed_endlessly(const char *before, const char *unit, mt_status *st, mt_error *err)
{
    fail_mem fm = {.fail_at = SIZE_MAX};
    mt_buf piece = test_said_repeat("", unit, 65536 / strlen(unit), "");
    mt_json_reader *reader;
    size_t most = 0;
    mt_row row;

    CHECK(mt_json_reader_new(fail_mem_hook(&fm), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, mt_str(before), false) == MT_OK);
    for (size_t i = 0; i < 1000; i++) {
        do *st = mt_json_reader_next(reader, &row);
        while (*st == MT_OK);
        if (fm.live_bytes > most) most = fm.live_bytes;
        if (*st != MT_AGAIN) break;
        CHECK(mt_json_reader_feed(reader, mt_buf_bytes(&piece), false) == MT_OK);
    }
    *err = *mt_json_reader_error(reader);
    mt_json_reader_free(reader);
    mt_buf_free(&piece);
    CHECK(fm.live_bytes == 0);
    return most;
}

static void check_endless(const char *before, const char *unit, mt_status expected,
                          const char *text)
{
    mt_status st;
    mt_error err;

    CHECK(feed_endlessly(before, unit, &st, &err) < 5 << 20);
    assert_int_equal(st, expected);
    if (expected != MT_AGAIN) assert_string_equal(err.text, text);
}

TEST(what_never_ends_is_refused_or_passed_in_little_memory)
{
    static const char field[] = "t:1:7: more than 1589248 bytes of text for one field";

    check_endless("{\"n\":{\"f\":\"", "x", MT_TOO_LARGE,
                  "t:1:11: a value of more than 262144 bytes (value_len_max)");
    check_endless("{\"n\":{\"f\":{\"bytes\":\"", "A", MT_TOO_LARGE, field);
    check_endless("{\"n\":{\"f\":", "1", MT_TOO_LARGE, field);
    check_endless("{\"n\":{\"f\":", " ", MT_TOO_LARGE, field);
    check_endless("{\"", "u", MT_TOO_LARGE, "t:1:2: a uid of more than 255 bytes");
    check_endless("{\"n\"", "\n", MT_TOO_LARGE,
                  "t:1:2: more than 1589248 bytes of text for one field");
    check_endless("", " ", MT_AGAIN, "");
    check_endless("{\"n\":{", " ", MT_AGAIN, "");
    check_endless("{}", "\n", MT_AGAIN, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_cut_say_what_was_expected),
        cmocka_unit_test(what_follows_the_graph_is_refused),
        cmocka_unit_test(what_is_no_graph_is_refused),
        cmocka_unit_test(comments_and_commas_too_many_are_refused),
        cmocka_unit_test(strings_that_are_no_json_strings_are_refused),
        cmocka_unit_test(lone_surrogates_are_refused),
        cmocka_unit_test(what_is_not_utf8_is_refused_with_byte_and_place),
        cmocka_unit_test(what_is_no_json_number_is_refused),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(integers_bytes_and_edges_have_one_form),
        cmocka_unit_test(states_and_floors_out_of_range_are_refused),
        cmocka_unit_test(members_unknown_missing_or_twice_are_named),
        cmocka_unit_test(every_node_of_a_graph_has_one_object_with_its_uid),
        cmocka_unit_test(a_field_that_stands_twice_is_found_at_its_second_place),
        cmocka_unit_test(places_count_lines_and_characters),
        cmocka_unit_test(uids_and_names_have_a_greatest_length),
        cmocka_unit_test(values_have_the_length_that_the_limits_allow),
        cmocka_unit_test(a_hundred_thousand_levels_are_refused_at_the_first_too_many),
        cmocka_unit_test(what_never_ends_is_refused_or_passed_in_little_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
