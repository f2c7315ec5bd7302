/* store_records_test.c - keys, seals, entries of the log and the records of large nodes, by themselves. */
#include "store/key.h"
#include "store/large.h"
#include "store/log_entry.h"
#include "test.h"
#include "test_binary.h"
#include <string.h>

static const mt_bytes log_key = {(const uint8_t *)"l\0\0\0\0\0\0\0\7", 9};

/* ---- Keys ---- */

TEST(keys_are_in_the_order_of_what_they_are_about)
{
    mti_key a, b;

    mti_key_set_number(&a, MTI_KEY_LOG, 255);
    mti_key_set_number(&b, MTI_KEY_LOG, 256);
    CHECK(mt_bytes_compare(mti_key_bytes(&a), mti_key_bytes(&b)) < 0);
    mti_key_set_number(&a, MTI_KEY_LOG, UINT64_C(1) << 61);
    CHECK(mt_bytes_compare(mti_key_bytes(&b), mti_key_bytes(&a)) < 0);
}

TEST(the_fields_of_a_node_are_between_their_bounds_and_no_others_are)
{
    static const char *const others[] = {"fa", "fa\1", "fb", "faa", "e", "g"};
    mti_key before, behind, key;

    mti_key_set_fields(&before, &behind, mt_str("a"));
    for (size_t len = 0; len <= MT_NAME_LEN_MAX; len++) {
        uint8_t name[MT_NAME_LEN_MAX];

        memset(name, len % 2 ? 0 : 0xFF, sizeof name);
        key.len =
            (size_t)(mti_key_put_field(key.data, mt_str("a"), (mt_bytes){name, len}) - key.data);
        CHECK(mt_bytes_compare(mti_key_bytes(&before), mti_key_bytes(&key)) < 0);
        CHECK(mt_bytes_compare(mti_key_bytes(&key), mti_key_bytes(&behind)) < 0);
        CHECK(
            mt_bytes_equal(mti_key_name(mti_key_bytes(&key), mt_str("a")), (mt_bytes){name, len}));
    }
    for (size_t i = 0; i < TEST_COUNT(others); i++)
        CHECK(mt_bytes_compare(mt_str(others[i]), mti_key_bytes(&before)) <= 0 ||
              mt_bytes_compare(mt_str(others[i]), mti_key_bytes(&behind)) >= 0);
}

/* Whether a key lies in the range of a prefix. */
static bool in_range(mt_bytes prefix, mt_bytes rest)
{
    mti_key before, behind, key;

    mti_key_set_prefix(&before, &behind, MTI_KEY_RECORD, prefix);
    mti_key_set(&key, MTI_KEY_RECORD, rest);
    return mt_bytes_compare(mti_key_bytes(&before), mti_key_bytes(&key)) < 0 &&
           mt_bytes_compare(mti_key_bytes(&key), mti_key_bytes(&behind)) < 0;
}

TEST(the_range_of_a_prefix_has_all_that_begins_with_it)
{
    static const char *const texts[] = {"",  "\1", "a",    "a\1",      "aa",    "ab",
                                        "b", "z",  "\xFF", "\xFF\xFF", "a\xFF", "a\xFF\1"};
    uint8_t zeros[3] = {'a', 0, 0};

    for (size_t i = 0; i < TEST_COUNT(texts); i++)
        for (size_t j = 0; j < TEST_COUNT(texts); j++)
            CHECK(in_range(mt_str(texts[i]), mt_str(texts[j])) ==
                  (strncmp(texts[i], texts[j], strlen(texts[i])) == 0));
    for (size_t i = 0; i <= 3; i++)
        for (size_t j = 0; j <= 3; j++)
            CHECK(in_range((mt_bytes){zeros, i}, (mt_bytes){zeros, j}) == (i <= j));
}

TEST(a_number_is_read_from_its_key_and_no_other)
{
    uint64_t number;

    CHECK(mti_key_number(log_key, MTI_KEY_LOG, &number) && number == 7);
    CHECK(!mti_key_number(log_key, MTI_KEY_BOOT, &number));
    CHECK(!mti_key_number((mt_bytes){log_key.data, 8}, MTI_KEY_LOG, &number));
    CHECK(!mti_key_number((mt_bytes){NULL, 0}, MTI_KEY_LOG, &number));
}

/* ---- Seals ---- */

TEST(a_seal_binds_a_record_to_its_key)
{
    uint8_t record[8] = "text";
    mt_bytes value = {record, 8}, content;

    CHECK(mti_seal_put(mt_str("key"), record, record + 4) == record + 8);
    CHECK(mti_seal_open(mt_str("key"), value, &content));
    CHECK(mt_bytes_equal(content, mt_str("text")));
    CHECK(!mti_seal_open(mt_str("kez"), value, &content));
    value.len = 3;
    CHECK(!mti_seal_open(mt_str("key"), value, &content));
    value.len = 8;
    for (size_t bit = 0; bit < 64; bit++) {
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!mti_seal_open(mt_str("key"), value, &content));
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* ---- Entries of the log ---- */

/* Seals content, OWNED. */
static mt_buf sealed(mt_bytes key, const char *hex)
{
    mt_buf content = test_hex(hex), out = {.mem = test_mem(), .cap = content.len + MTI_SEAL_LEN};

    out.data = out.mem->resize(NULL, NULL, 0, out.cap);
    if (content.len) memcpy(out.data, content.data, content.len);
    out.len = (size_t)(mti_seal_put(key, out.data, out.data + content.len) - out.data);
    mt_buf_free(&content);
    return out;
}

static void entry_is_refused(const char *hex, mt_status status, const char *text)
{
    mt_buf value = sealed(log_key, hex);
    mti_log_entry entry;
    mt_error err = {0};

    CHECK(mti_log_entry_get(log_key, mt_buf_bytes(&value), &entry, &err) == status);
    assert_string_equal(err.text, text);
    mt_buf_free(&value);
}

TEST(an_entry_is_read_as_it_was_written)
{
    mti_log_entry in = {.uid = mt_str("ada"), .origin = mt_str("peer"), .name_count = 2}, out;
    uint8_t room[128], *end;

    in.names = mt_str("\1x\2yz");
    CHECK(mti_log_entry_bound(&in) <= sizeof room);
    end = mti_log_entry_put(&in, room);
    end = mti_log_entry_put_clock(300, 2, 5, room, end);
    end = mti_seal_put(log_key, room, end);
    CHECK((size_t)(end - room) <= mti_log_entry_bound(&in));
    CHECK(mti_log_entry_get(log_key, (mt_bytes){room, (size_t)(end - room)}, &out, NULL) == MT_OK);
    CHECK(mt_bytes_equal(out.uid, in.uid) && mt_bytes_equal(out.origin, in.origin));
    CHECK(mt_bytes_equal(out.names, in.names) && out.name_count == 2 && !out.all);
    CHECK(out.last && out.clock == 300 && out.clock_mode == 2 && out.count == 5);
}

TEST(what_is_no_entry_is_refused)
{
    static const char *const form = "its content is not of the form of a change";

    entry_is_refused("", MT_MALFORMED, "it is empty");
    entry_is_refused("11 01\"u\"", MT_UNSUPPORTED, "it has the unknown flag 16");
    entry_is_refused("01 00", MT_MALFORMED, form);         /* no uid */
    entry_is_refused("01 02\"u\"", MT_MALFORMED, form);    /* cut */
    entry_is_refused("01 01 00", MT_MALFORMED, form);      /* a zero byte in it */
    entry_is_refused("01 01\"u\" 00", MT_MALFORMED, form); /* more than there should be */
    entry_is_refused("00 01\"u\" 00", MT_MALFORMED, form); /* no names */
    entry_is_refused("00 01\"u\" 41", MT_MALFORMED, form); /* more than 64 */
    entry_is_refused("00 01\"u\" 02 01\"b\" 01\"a\"", MT_MALFORMED, form); /* out of order */
    entry_is_refused("00 01\"u\" 02 01\"a\" 01\"a\"", MT_MALFORMED, form); /* twice */
    entry_is_refused("00 01\"u\" 01 07\"@object\"", MT_MALFORMED, form);
    entry_is_refused("03 01\"u\" 00", MT_MALFORMED, form);       /* an origin of no bytes */
    entry_is_refused("05 01\"u\" 80", MT_MALFORMED, form);       /* no clock */
    entry_is_refused("05 01\"u\" 01 01 00", MT_MALFORMED, form); /* no entries in the log */
    entry_is_refused("09 01\"u\" 00", MT_MALFORMED, form);       /* an extension of no bytes */
}

TEST(an_extension_of_an_entry_is_skipped)
{
    mt_buf value = sealed(log_key, "09 01\"u\" 03\"new\"");
    mti_log_entry entry;

    CHECK(mti_log_entry_get(log_key, mt_buf_bytes(&value), &entry, NULL) == MT_OK);
    CHECK(entry.all && !entry.last && mt_bytes_equal(entry.uid, mt_str("u")));
    mt_buf_free(&value);
}

TEST(lists_of_names_unite_in_order)
{
    uint8_t out[32];
    mt_bytes a = mt_str("\1a\1c\2cc"), b = mt_str("\1b\1c");
    mti_log_names sum = mti_log_names_unite(a, b, NULL);

    CHECK(sum.count == 4 && sum.len == 9);
    CHECK(mti_log_names_without(a, b, NULL).count > 0);
    mti_log_names_unite(a, b, out);
    CHECK(mt_bytes_equal((mt_bytes){out, sum.len}, mt_str("\1a\1b\1c\2cc")));
    CHECK(mti_log_names_without(b, b, NULL).count == 0);
    CHECK(mti_log_names_without(mt_str("\1c"), b, NULL).count == 0);
    CHECK(mti_log_names_without((mt_bytes){out, 0}, b, NULL).count == 0);
}

/* ---- Large nodes ---- */

static mt_status large_get(const char *hex, mti_large *out)
{
    mt_buf value = sealed(mt_str("nu"), hex);
    mt_status st = mti_large_get(mt_str("nu"), mt_buf_bytes(&value), out, NULL);

    mt_buf_free(&value);
    return st;
}

TEST(the_record_of_a_large_node_is_read_as_it_was_written)
{
    mti_large in = {.few = true, .floor = 3, .state_max = MT_STATE_MAX}, out;
    uint8_t room[MTI_LARGE_BOUND], *end = mti_large_put(mt_str("nu"), &in, room);
    mt_bytes value = {room, (size_t)(end - room)};

    CHECK(value.len <= sizeof room && mti_is_large(value));
    CHECK(mti_large_get(mt_str("nu"), value, &out, NULL) == MT_OK);
    CHECK(out.few && out.floor == 3 && out.state_max == MT_STATE_MAX && out.extension.len == 0);
    CHECK(mti_large_get(mt_str("nv"), value, &out, NULL) == MT_MALFORMED);
}

TEST(what_is_no_record_of_a_large_node_is_refused)
{
    mti_large out;

    CHECK(large_get("01 03 05 00", &out) == MT_OK && !out.few);
    CHECK(large_get("01 03 05 03\"ext\"", &out) == MT_OK);
    CHECK(large_get("", &out) == MT_MALFORMED);
    CHECK(large_get("01 03 05", &out) == MT_MALFORMED);
    CHECK(large_get("01 03 05 01", &out) == MT_MALFORMED);
    CHECK(large_get("01 03 05 00 00", &out) == MT_MALFORMED);
    CHECK(large_get("01 06 05 00", &out) == MT_MALFORMED);
    CHECK(large_get("01 03 80808080808080 10 00", &out) == MT_MALFORMED);
}

TEST(a_large_node_under_a_key_of_no_uid_is_refused)
{
    mt_bytes key = mt_str("nu\x8a");
    mti_large in = {.state_max = 5}, out;
    uint8_t room[MTI_LARGE_BOUND];
    mt_bytes value = {room, (size_t)(mti_large_put(key, &in, room) - room)};

    CHECK(mti_large_get(key, value, &out, NULL) == MT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_in_the_order_of_what_they_are_about),
        cmocka_unit_test(the_fields_of_a_node_are_between_their_bounds_and_no_others_are),
        cmocka_unit_test(the_range_of_a_prefix_has_all_that_begins_with_it),
        cmocka_unit_test(a_number_is_read_from_its_key_and_no_other),
        cmocka_unit_test(a_seal_binds_a_record_to_its_key),
        cmocka_unit_test(an_entry_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_entry_is_refused),
        cmocka_unit_test(an_extension_of_an_entry_is_skipped),
        cmocka_unit_test(lists_of_names_unite_in_order),
        cmocka_unit_test(the_record_of_a_large_node_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_record_of_a_large_node_is_refused),
        cmocka_unit_test(a_large_node_under_a_key_of_no_uid_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
