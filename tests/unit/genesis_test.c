#include "trust/genesis.h"
#include "test_trust.h"
#include <mytosis/host.h>
#include <string.h>

static void make(uint32_t members_max, uint8_t out[MTI_GENESIS_LEN])
{
    mt_error err;

    CHECK(mti_genesis_make(mt_crypto_sodium(), test_signer('R'), test_public('B'), members_max, out,
                           &err) == MT_OK);
}

static mt_status read_one(mt_bytes bytes, mt_error *err)
{
    mti_genesis read;

    return mti_genesis_read(mt_crypto_sodium(), bytes, &read, err);
}

/* Signs a record anew that was changed. */
static void mend(uint8_t genesis[MTI_GENESIS_LEN])
{
    const size_t len = MTI_GENESIS_LEN - MT_SIGNATURE_LEN;

    mti_statement_sign(mt_crypto_sodium(), "mytosis-genesis-v1", (mt_bytes){genesis, len},
                       test_signer('R'), genesis + len);
}

TEST(what_was_made_is_read)
{
    uint8_t bytes[MTI_GENESIS_LEN], recovery[MTI_ID_LEN];
    mti_genesis read;
    mt_error err;

    make(0xFFFFFFFF, bytes);
    CHECK(mti_genesis_read(mt_crypto_sodium(), (mt_bytes){bytes, sizeof bytes}, &read, &err) ==
          MT_OK);
    assert_memory_equal(read.root, test_public('R'), MT_KEY_LEN);
    mti_genesis_recovery(mt_crypto_sodium(), test_public('B'), recovery);
    assert_memory_equal(read.recovery, recovery, MTI_ID_LEN);
    CHECK(memcmp(recovery, test_public('B'), MTI_ID_LEN) != 0);
    CHECK(read.members_max == 0xFFFFFFFF);
}

TEST(the_same_facts_make_the_same_space_and_others_another)
{
    uint8_t bytes[2][MTI_GENESIS_LEN], ids[3][MTI_ID_LEN];

    make(100, bytes[0]);
    make(100, bytes[1]);
    assert_memory_equal(bytes[0], bytes[1], MTI_GENESIS_LEN);
    mti_genesis_id(mt_crypto_sodium(), bytes[0], ids[0]);
    make(101, bytes[1]);
    mti_genesis_id(mt_crypto_sodium(), bytes[1], ids[1]);
    CHECK(memcmp(ids[0], ids[1], MTI_ID_LEN) != 0);
    bytes[0][MTI_GENESIS_LEN - 1] ^= 1;
    mti_genesis_id(mt_crypto_sodium(), bytes[0], ids[2]);
    assert_memory_equal(ids[0], ids[2], MTI_ID_LEN); /* whatever the signature is */
}

TEST(whatever_is_changed_in_it_is_refused)
{
    uint8_t bytes[MTI_GENESIS_LEN];

    make(100, bytes);
    test_record_damaged((mt_bytes){bytes, sizeof bytes}, read_one);
}

TEST(it_is_said_what_is_wrong_and_where)
{
    uint8_t bytes[MTI_GENESIS_LEN];
    const mt_bytes all = {bytes, sizeof bytes};

    make(100, bytes);
    bytes[0] = 2;
    test_record_refused(all, read_one, MT_UNSUPPORTED,
                        "a genesis: of version 2, this build knows 1");
    make(100, bytes);
    memset(bytes + 65, 0, 4);
    mend(bytes);
    test_record_refused(all, read_one, MT_MALFORMED,
                        "a genesis: byte 65: the number of members: room for none");
    make(100, bytes);
    bytes[84] = 1;
    mend(bytes);
    test_record_refused(
        all, read_one, MT_UNSUPPORTED,
        "a genesis: byte 69: the zero bytes: not zero, and this build knows nothing else");
    make(100, bytes);
    bytes[33] ^= 1;
    test_record_refused(all, read_one, MT_MALFORMED,
                        "a genesis: byte 85: the signature: not that of the root key");
    test_record_refused((mt_bytes){bytes, 40}, read_one, MT_MALFORMED,
                        "a genesis: byte 33: the recovery key: the message ends within it");
}

TEST(a_signature_in_another_form_is_refused)
{
    uint8_t bytes[MTI_GENESIS_LEN];

    make(100, bytes);
    test_signature_other_form(bytes + MTI_GENESIS_LEN - MT_SIGNATURE_LEN);
    test_record_refused((mt_bytes){bytes, sizeof bytes}, read_one, MT_MALFORMED,
                        "a genesis: byte 85: the signature: not that of the root key");
}

TEST(a_space_without_room_for_a_member_is_not_made)
{
    uint8_t bytes[MTI_GENESIS_LEN] = {0};
    mt_error err;

    CHECK(mti_genesis_make(mt_crypto_sodium(), test_signer('R'), test_public('B'), 0, bytes,
                           &err) == MT_INVALID);
    CHECK(bytes[0] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read),
        cmocka_unit_test(the_same_facts_make_the_same_space_and_others_another),
        cmocka_unit_test(whatever_is_changed_in_it_is_refused),
        cmocka_unit_test(it_is_said_what_is_wrong_and_where),
        cmocka_unit_test(a_signature_in_another_form_is_refused),
        cmocka_unit_test(a_space_without_room_for_a_member_is_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
