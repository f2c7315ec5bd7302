#include "trust/revocation.h"
#include "test_trust.h"
#include <mytosis/host.h>
#include <string.h>

static mt_status read_one(mt_bytes bytes, mt_error *err)
{
    mti_revocation read;
    mt_status st = mti_revocation_decode(bytes, &read, err);

    return st == MT_OK ? mti_revocation_verify(mt_crypto_sodium(), &read, err) : st;
}

static mti_revocation make(uint8_t out[MTI_REVOCATION_LEN])
{
    mti_revocation revocation = {.time_ms = UINT64_C(0x0102030405060708)};

    memset(revocation.space, 1, sizeof revocation.space);
    memset(revocation.token, 2, sizeof revocation.token);
    mti_revocation_make(mt_crypto_sodium(), test_signer('A'), &revocation, out);
    return revocation;
}

TEST(what_was_made_is_read_and_written_the_same)
{
    uint8_t bytes[MTI_REVOCATION_LEN], again[MTI_REVOCATION_LEN];
    mti_revocation made = make(bytes), read;
    mt_error err;

    CHECK(mti_revocation_decode((mt_bytes){bytes, sizeof bytes}, &read, &err) == MT_OK);
    CHECK(read.time_ms == made.time_ms);
    assert_memory_equal(read.space, made.space, sizeof read.space);
    assert_memory_equal(read.token, made.token, sizeof read.token);
    assert_memory_equal(read.by, test_public('A'), sizeof read.by);
    assert_memory_equal(read.signature, made.signature, sizeof read.signature);
    mti_revocation_encode(&read, again);
    assert_memory_equal(again, bytes, sizeof bytes);
}

TEST(whatever_is_changed_in_it_is_refused)
{
    uint8_t bytes[MTI_REVOCATION_LEN];

    make(bytes);
    test_record_damaged((mt_bytes){bytes, sizeof bytes}, read_one);
}

TEST(it_is_said_what_is_wrong_and_where)
{
    uint8_t bytes[MTI_REVOCATION_LEN];
    const mt_bytes all = {bytes, sizeof bytes};

    make(bytes);
    bytes[0] = 0;
    test_record_refused(all, read_one, MT_UNSUPPORTED,
                        "a revocation: of version 0, this build knows 1");
    make(bytes);
    bytes[100] ^= 1;
    test_record_refused(all, read_one, MT_MALFORMED,
                        "a revocation: byte 105: the signature: not that of its key");
    test_record_refused((mt_bytes){bytes, 100}, read_one, MT_MALFORMED,
                        "a revocation: byte 97: the time: the message ends within it");
}

TEST(a_signature_in_another_form_or_for_something_else_is_refused)
{
    const char *text = "a revocation: byte 105: the signature: not that of its key";
    uint8_t bytes[MTI_REVOCATION_LEN];
    const mt_bytes all = {bytes, sizeof bytes};

    make(bytes);
    test_signature_other_form(bytes + 105);
    test_record_refused(all, read_one, MT_MALFORMED, text);
    mti_statement_sign(mt_crypto_sodium(), "mytosis-token-v1", (mt_bytes){bytes, 105},
                       test_signer('A'), bytes + 105);
    test_record_refused(all, read_one, MT_MALFORMED, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read_and_written_the_same),
        cmocka_unit_test(whatever_is_changed_in_it_is_refused),
        cmocka_unit_test(it_is_said_what_is_wrong_and_where),
        cmocka_unit_test(a_signature_in_another_form_or_for_something_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
