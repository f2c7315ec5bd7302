/* What a space says of itself in the graph: records, read where they stand. */
#include "test_trust.h"
#include "trust/genesis.h"
#include "trust/record.h"

#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

static const char reserved[] = "the name is reserved for what the space says of itself";

/* A record, and where it belongs. */
typedef struct made {
    char uid[MTI_RECORD_UID_MAX];
    uint8_t bytes[MTI_RECORD_LEN_MAX];
    size_t len;
} made;

static mt_bytes bytes_of(const made *record)
{
    return (mt_bytes){record->bytes, record->len};
}

/* ---- Reading ---- */

/* Where readers take a record to stand, in which space, and what they read last. */
static const char *place;
static mti_space space;
static mti_record last;

static mt_status read_here(mt_bytes bytes, mt_error *err)
{
    memset(&last, 0xFF, sizeof last);
    return mti_record_read(mt_crypto_sodium(), &space, mt_str(place), bytes, &last, err);
}

/* For test_record_damaged: what is not as it was signed is refused, too. */
static mt_status read_damaged(mt_bytes bytes, mt_error *err)
{
    mt_status st = read_here(bytes, err);

    if (st == MT_REFUSED) st = err->status = MT_MALFORMED;
    return st;
}

static void taken(const made *record, mti_record_kind kind)
{
    mt_error err;

    place = record->uid;
    if (read_here(bytes_of(record), &err) != MT_OK) fail_msg("%s", err.text);
    CHECK(last.kind == kind);
}

static void refused_at(const made *record, const char *uid, mt_status status, const char *text)
{
    place = uid;
    test_record_refused(bytes_of(record), read_here, status, text);
}

static void refused(const made *record, const char *text)
{
    refused_at(record, record->uid, MT_REFUSED, text);
}

/* ---- Making ---- */

/* From the root to A, from A to B, from B to C, from C to D: so many of them. */
static const char devices[] = "RABCD";

static void chain_make(test_chain *chain, size_t count)
{
    chain->count = 0;
    for (size_t i = 0; i < count; i++)
        test_chain_add(chain, devices[i], test_token(devices[i + 1], "rwd", "notes/"));
}

static made token_of(const test_chain *chain)
{
    uint8_t id[MTI_ID_LEN];
    made out;

    out.len = mti_chain_encode(chain->tokens, chain->count, out.bytes);
    mti_token_id(mt_crypto_sodium(), chain->tokens[chain->count - 1], id);
    mti_record_uid(MTI_RECORD_TOKEN, id, out.uid);
    return out;
}

static made some_token(void)
{
    test_chain chain;

    chain_make(&chain, 1);
    return token_of(&chain);
}

/* The revocation of a token, before a chain that has it last or not. */
static made revocation_of(const test_chain *chain, size_t at, char by)
{
    mti_revocation revocation = test_revocation(chain, at, by);
    made out;

    mti_revocation_encode(&revocation, out.bytes);
    out.len = MTI_REVOCATION_LEN +
              mti_chain_encode(chain->tokens, chain->count, out.bytes + MTI_REVOCATION_LEN);
    mti_record_uid(MTI_RECORD_REVOCATION, revocation.token, out.uid);
    return out;
}

/* The genesis of a space, which is then that of the readers. */
static made genesis_of(uint32_t members_max)
{
    made out = {.len = MTI_GENESIS_LEN};
    mt_error err;

    CHECK(mti_genesis_make(mt_crypto_sodium(), test_signer('R'), test_public('B'), members_max,
                           out.bytes, &err) == MT_OK);
    mti_genesis_id(mt_crypto_sodium(), out.bytes, space.id);
    memcpy(space.root, test_public('R'), sizeof space.root);
    mti_record_uid(MTI_RECORD_GENESIS, NULL, out.uid);
    return out;
}

/* ---- Taken ---- */

TEST(each_kind_is_taken_where_it_belongs)
{
    made record = genesis_of(10);

    assert_string_equal(record.uid, "@space/genesis");
    taken(&record, MTI_RECORD_GENESIS);
    space = test_space();
    for (size_t count = 1; count <= MT_CHAIN_TOKENS_MAX; count++) {
        test_chain chain;

        chain_make(&chain, count);
        record = token_of(&chain);
        CHECK(memcmp(record.uid, "@space/tokens/", 14) == 0 && strlen(record.uid) == 14 + 64);
        taken(&record, MTI_RECORD_TOKEN);
        assert_memory_equal(last.device, test_public(devices[count]), MT_KEY_LEN);
        CHECK(last.grant.count == count && mt_bytes_equal(last.chain, bytes_of(&record)));
        for (size_t by = 0; by < count; by++) {
            record = revocation_of(&chain, count - 1, devices[by]);
            CHECK(memcmp(record.uid, "@space/revoked/", 15) == 0);
            taken(&record, MTI_RECORD_REVOCATION);
            assert_memory_equal(last.revocation.by, test_public(devices[by]), MT_KEY_LEN);
            CHECK(last.grant.count == count && last.chain.data == record.bytes + 169);
        }
    }
}

TEST(one_that_has_expired_or_is_not_good_yet_is_taken)
{
    static const uint64_t times[][2] = {{0, 1}, {UINT64_MAX - 1, UINT64_MAX}};

    space = test_space();
    for (size_t i = 0; i < TEST_COUNT(times); i++) {
        test_chain chain = {.count = 0};
        mti_token token = test_token('A', "r", "");
        made record;

        token.not_before = times[i][0];
        token.not_after = times[i][1];
        test_chain_add(&chain, 'R', token);
        record = token_of(&chain);
        taken(&record, MTI_RECORD_TOKEN);
    }
}

/* ---- Damaged ---- */

static void damaged(const made *record)
{
    place = record->uid;
    test_record_damaged(bytes_of(record), read_damaged);
}

TEST(no_changed_bit_no_cut_and_nothing_behind_it_goes_unnoticed)
{
    test_chain chain;
    made record;

    chain_make(&chain, 2);
    record = genesis_of(10);
    damaged(&record);
    space = test_space();
    record = token_of(&chain);
    damaged(&record);
    record = revocation_of(&chain, 1, 'R');
    damaged(&record);
}

TEST(record_of_a_later_version_is_told_from_a_damaged_one)
{
    test_chain chain;
    made record;

    chain_make(&chain, 1);
    record = token_of(&chain);
    space = test_space();
    record.bytes[3] = 2;
    refused_at(&record, record.uid, MT_UNSUPPORTED, "a token: of version 2, this build knows 1");
    record = revocation_of(&chain, 0, 'R');
    record.bytes[0] = 2;
    refused_at(&record, record.uid, MT_UNSUPPORTED,
               "a revocation: of version 2, this build knows 1");
}

/* ---- Misplaced ---- */

TEST(record_has_one_place)
{
    test_chain one, two;
    char text[128], uid[MTI_RECORD_UID_MAX];
    mt_error err;
    made token, other, revocation;

    space = test_space();
    chain_make(&one, 1);
    chain_make(&two, 2);
    token = token_of(&one);
    other = token_of(&two);
    revocation = revocation_of(&one, 0, 'R');
    snprintf(text, sizeof text, "a record that belongs to %s", token.uid);
    refused_at(&token, other.uid, MT_REFUSED, text);
    refused_at(&token, "@space/tokens/x", MT_REFUSED, text);
    memcpy(uid, token.uid, sizeof uid);
    uid[strlen(uid) - 1] = '\0';
    refused_at(&token, uid, MT_REFUSED, text);
    place = revocation.uid;
    CHECK(read_here(bytes_of(&token), &err) == MT_MALFORMED);
    place = token.uid;
    CHECK(read_here(bytes_of(&revocation), &err) == MT_MALFORMED);
    place = "@space/genesis";
    CHECK(read_here(bytes_of(&token), &err) == MT_MALFORMED);
}

TEST(what_is_no_place_of_a_record_that_is_known_is_said_to_be_that)
{
    static const char *const uids[] = {
        "@space/",         "@space/tokens",  "@space/tokens/",  "@space/revoked/",
        "@space/genesis/", "@space/other/x", "@space/Tokens/x",
    };
    test_chain chain;
    made record;

    chain_make(&chain, 1);
    record = token_of(&chain);
    space = test_space();
    for (size_t i = 0; i < TEST_COUNT(uids); i++) {
        CHECK(mti_record_is_place(mt_str(uids[i])));
        refused_at(&record, uids[i], MT_UNSUPPORTED,
                   "no record that is known here has its place there");
    }
    CHECK(!mti_record_is_place(mt_str("@space")) && !mti_record_is_place(mt_str("@spaces/a")));
}

/* ---- Of somebody who has no say ---- */

TEST(record_of_another_space_is_refused)
{
    static const char other_space[] = "token 1 of 1: the token is for another space";
    test_chain chain;
    made token, revocation, genesis = genesis_of(10), own = genesis_of(11);
    mti_revocation elsewhere;
    mt_error err;

    chain_make(&chain, 1);
    chain_make(&chain, 1);
    token = token_of(&chain);
    revocation = revocation_of(&chain, 0, 'R');
    taken(&own, MTI_RECORD_GENESIS);
    refused(&genesis, "the genesis of another space");
    refused(&token, other_space);
    refused(&revocation, other_space);
    space = test_space();
    CHECK(mti_revocation_decode((mt_bytes){revocation.bytes, MTI_REVOCATION_LEN}, &elsewhere,
                                &err) == MT_OK);
    elsewhere.space[0] ^= 1;
    mti_revocation_make(mt_crypto_sodium(), test_signer('R'), &elsewhere, revocation.bytes);
    refused(&revocation, "a revocation of another space");
}

TEST(chain_that_is_not_in_order_is_no_record)
{
    test_chain chain;
    made record;

    chain_make(&chain, 1);
    space = test_space();
    test_chain_add(&chain, 'A', test_token('B', "rwda", "notes/"));
    record = token_of(&chain);
    refused(&record, "token 2 of 2: the token gives more than the one it derives from");
    chain.count = 1;
    test_chain_add(&chain, 'A', test_token('B', "rwd", ""));
    record = token_of(&chain);
    refused(&record, "token 2 of 2: the token gives more than the one it derives from");
    chain.count = 1;
    test_chain_add(&chain, 'B', test_token('B', "rwd", "notes/"));
    record = token_of(&chain);
    refused(&record, "token 2 of 2: the token does not derive from the one before");
    chain.count = 0;
    test_chain_add(&chain, 'S', test_token('S', "rwd", ""));
    record = token_of(&chain);
    refused(&record, "token 1 of 1: the first token is not one of the space's root key");
}

TEST(token_in_the_name_of_the_root_that_another_signed_is_refused)
{
    test_chain chain = {.count = 0};
    mti_token token = test_token('S', "rwd", "");
    made record;

    space = test_space();
    memcpy(token.issuer, test_public('R'), sizeof token.issuer);
    test_chain_add_as_is(&chain, 'S', &token);
    record = token_of(&chain);
    refused(&record, "token 1 of 1: the token was not signed by its issuer");
}

TEST(revocation_by_one_below_or_beside_the_token_is_refused)
{
    static const char by[] = {'B', 'C', 'S'}; /* whom it is for, whom that gave something, nobody */
    test_chain chain;

    chain_make(&chain, 2);
    space = test_space();
    for (size_t i = 0; i < sizeof by; i++) {
        made record = revocation_of(&chain, 1, by[i]);
        refused(&record, "a revocation by a device that the token is not under");
    }
}

TEST(revocation_is_about_the_last_token_of_its_chain)
{
    static const char text[] = "a revocation of another token than its chain's last";
    test_chain chain, other = {.count = 0};
    made record;

    chain_make(&chain, 3);
    record = revocation_of(&chain, 1, 'R');
    space = test_space();
    refused(&record, text);
    record = revocation_of(&chain, 0, 'R');
    refused(&record, text);
    test_chain_add(&other, 'R', test_token('D', "r", ""));
    record = revocation_of(&chain, 2, 'R');
    record.len = MTI_REVOCATION_LEN;
    record.len += mti_chain_encode(other.tokens, 1, record.bytes + MTI_REVOCATION_LEN);
    refused(&record, text);
}

TEST(revocation_without_a_chain_or_with_another_signature_is_refused)
{
    test_chain chain;
    made record;

    chain_make(&chain, 1);
    record = revocation_of(&chain, 0, 'R');
    space = test_space();
    record.len = MTI_REVOCATION_LEN;
    refused_at(&record, record.uid, MT_MALFORMED,
               "a revocation without the chain that it is about");
    record = revocation_of(&chain, 0, 'R');
    test_signature_other_form(record.bytes + MTI_REVOCATION_LEN - MT_SIGNATURE_LEN);
    refused_at(&record, record.uid, MT_MALFORMED,
               "a revocation: byte 105: the signature: not that of its key");
}

/* ---- Rows ---- */

static mt_status row_read(const mt_row *row, mt_error *err)
{
    return mti_record_of_row(mt_crypto_sodium(), &space, row, &last, err);
}

static void row_refused(const mt_row *row, const char *text)
{
    mt_error err = {MT_OK, ""};

    assert_string_equal(mt_status_name(row_read(row, &err)), "MT_REFUSED");
    assert_string_equal(err.text, text);
}

static void field_refused(const made *record, mt_field field)
{
    row_refused(&(mt_row){.uid = mt_str(record->uid), .fields = &field, .count = 1}, reserved);
}

TEST(record_is_the_one_field_of_its_node)
{
    made record = some_token();
    mt_field right = mti_record_field(bytes_of(&record)), field = right, two[2] = {right, right};
    mt_row row = {.uid = mt_str(record.uid), .fields = &right, .count = 1};
    mt_error err;

    space = test_space();
    CHECK(row_read(&row, &err) == MT_OK && last.kind == MTI_RECORD_TOKEN);
    field.state = 2;
    field_refused(&record, field);
    field = right;
    field.name = mt_str("recor");
    field_refused(&record, field);
    field = right;
    field.kind = MT_FIELD_DELETED;
    field_refused(&record, field);
    field = right;
    field.value = mt_text("record");
    field_refused(&record, field);
    two[0].name = mt_str("a");
    row_refused(&(mt_row){.uid = row.uid, .fields = two, .count = 2}, reserved);
    row_refused(&(mt_row){.uid = row.uid}, reserved);
    row.more = true;
    row_refused(&row, reserved);
}

TEST(record_is_not_deleted)
{
    static const char text[] = "records of a space are not deleted";
    made record = some_token();
    mt_field right = mti_record_field(bytes_of(&record));
    mt_row row = {.uid = mt_str(record.uid), .fields = &right, .count = 1, .floor = 1};

    space = test_space();
    row_refused(&row, text);
    row_refused(&(mt_row){.uid = row.uid, .floor = 1}, text);
    row_refused(&(mt_row){.uid = row.uid, .delete_node = true}, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_taken_where_it_belongs),
        cmocka_unit_test(one_that_has_expired_or_is_not_good_yet_is_taken),
        cmocka_unit_test(no_changed_bit_no_cut_and_nothing_behind_it_goes_unnoticed),
        cmocka_unit_test(record_of_a_later_version_is_told_from_a_damaged_one),
        cmocka_unit_test(record_has_one_place),
        cmocka_unit_test(what_is_no_place_of_a_record_that_is_known_is_said_to_be_that),
        cmocka_unit_test(record_of_another_space_is_refused),
        cmocka_unit_test(chain_that_is_not_in_order_is_no_record),
        cmocka_unit_test(token_in_the_name_of_the_root_that_another_signed_is_refused),
        cmocka_unit_test(revocation_by_one_below_or_beside_the_token_is_refused),
        cmocka_unit_test(revocation_is_about_the_last_token_of_its_chain),
        cmocka_unit_test(revocation_without_a_chain_or_with_another_signature_is_refused),
        cmocka_unit_test(record_is_the_one_field_of_its_node),
        cmocka_unit_test(record_is_not_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
