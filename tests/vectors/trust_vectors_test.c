/* The samples in vectors/trust: records as bytes in hexadecimal, and what is hashed of them. They come from
 * trust_samples.py, which knows nothing of ours; here the same is made, and read, byte by byte. */
#include "base/base64url.h"
#include "test_binary.h"
#include "test_json.h"
#include "test_trust.h"
#include "trust/genesis.h"
#include "trust/ticket.h"
#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

/* Holds that a file has these bytes. */
static void check_file(const char *name, const void *data, size_t len)
{
    char path[60];
    mt_bytes text;
    mt_buf bytes;

    snprintf(path, sizeof path, "trust/%s.hex", name);
    text = test_vectors(path);
    bytes = test_hex((const char *)text.data);
    if (!mt_bytes_equal(mt_buf_bytes(&bytes), (mt_bytes){data, len})) fail_msg("%s", path);
    mt_buf_free(&bytes);
    test_vectors_free(text);
}

static void make_genesis(uint8_t out[MTI_GENESIS_LEN], mti_space *space)
{
    mt_error err;

    CHECK(mti_genesis_make(mt_crypto_sodium(), test_signer('R'), test_public('B'), 1000, out,
                           &err) == MT_OK);
    *space = test_space();
    mti_genesis_id(mt_crypto_sodium(), out, space->id);
}

/* From the root to A, and from A to B. */
static void make_chain(test_chain *chain, mti_space *space)
{
    uint8_t genesis[MTI_GENESIS_LEN];
    mti_token first = test_token('A', "rd", "a/,b/c/"),
              second = test_token('B', "r", "a/\xC3\xA9/");

    make_genesis(genesis, space);
    memcpy(first.space, space->id, sizeof first.space);
    memcpy(second.space, space->id, sizeof second.space);
    chain->count = 0;
    test_chain_add(chain, 'R', first);
    test_chain_add(chain, 'A', second);
}

TEST(a_genesis_and_its_id_are_those_of_the_samples)
{
    uint8_t bytes[MTI_GENESIS_LEN];
    mti_genesis read;
    mti_space space;
    mt_error err;

    make_genesis(bytes, &space);
    check_file("genesis", bytes, sizeof bytes);
    check_file("space_id", space.id, sizeof space.id);
    CHECK(mti_genesis_read(mt_crypto_sodium(), (mt_bytes){bytes, sizeof bytes}, &read, &err) ==
          MT_OK);
    CHECK(read.members_max == 1000);
}

TEST(tokens_and_a_chain_are_those_of_the_samples)
{
    const mti_moment moment = {.now_ms = 1500};
    uint8_t id[MTI_ID_LEN], wire[MTI_CHAIN_LEN_MAX];
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    test_chain chain;
    mti_space space;
    mti_grant grant;
    mt_error err;
    size_t len, count;

    make_chain(&chain, &space);
    check_file("token", chain.tokens[0].data, chain.tokens[0].len);
    mti_token_id(mt_crypto_sodium(), chain.tokens[0], id);
    check_file("token_id", id, sizeof id);
    len = mti_chain_encode(chain.tokens, chain.count, wire);
    check_file("chain", wire, len);
    CHECK(mti_chain_decode((mt_bytes){wire, len}, tokens, &count, &err) == MT_OK);
    CHECK(mti_chain_check(mt_crypto_sodium(), &space, test_public('B'), &moment, tokens, count,
                          &grant, &err) == MTI_VERDICT_ALLOWED);
}

TEST(a_revocation_is_that_of_the_samples)
{
    mti_revocation revocation = {.time_ms = 1500};
    uint8_t bytes[MTI_REVOCATION_LEN];
    test_chain chain;
    mti_space space;

    make_chain(&chain, &space);
    memcpy(revocation.space, space.id, sizeof revocation.space);
    mti_token_id(mt_crypto_sodium(), chain.tokens[0], revocation.token);
    mti_revocation_make(mt_crypto_sodium(), test_signer('R'), &revocation, bytes);
    check_file("revocation", bytes, sizeof bytes);
}

TEST(a_ticket_and_what_follows_from_its_secret_are_those_of_the_samples)
{
    mti_ticket ticket = {.expiry_ms = UINT64_C(0x0102030405060708), .address_count = 2};
    uint8_t genesis[MTI_GENESIS_LEN], id[MT_TICKET_ID_LEN], key[MT_KEY_LEN];
    uint8_t bytes[MTI_TICKET_TEXT_LEN_MAX];
    char text[MTI_TICKET_TEXT_LEN_MAX + 1];
    mt_bytes line = test_vectors("trust/ticket.txt");
    mti_space space;
    const char *why;
    mt_error err;
    size_t len;

    make_genesis(genesis, &space);
    memcpy(ticket.space, space.id, sizeof ticket.space);
    memcpy(ticket.device, test_public('A'), sizeof ticket.device);
    memset(ticket.noise_key, 7, sizeof ticket.noise_key);
    memset(ticket.secret, 9, sizeof ticket.secret);
    ticket.addresses[0] = mt_str("ws://192.168.1.7:8765/");
    ticket.addresses[1] = mt_str("wss://example.org/notes");
    CHECK(mti_ticket_encode(mt_crypto_sodium(), &ticket, text, &len, &err) == MT_OK);
    text[len] = '\n';
    CHECK(mt_bytes_equal(line, (mt_bytes){(const uint8_t *)text, len + 1}));
    CHECK(mti_base64url_decode((mt_bytes){(const uint8_t *)text + 4, len - 4}, bytes, &len, &why));
    check_file("ticket", bytes, len);
    mti_ticket_id(mt_crypto_sodium(), ticket.secret, id);
    check_file("ticket_id", id, sizeof id);
    mti_ticket_key(mt_crypto_sodium(), ticket.secret, key);
    check_file("ticket_key", key, sizeof key);
    test_vectors_free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_genesis_and_its_id_are_those_of_the_samples),
        cmocka_unit_test(tokens_and_a_chain_are_those_of_the_samples),
        cmocka_unit_test(a_revocation_is_that_of_the_samples),
        cmocka_unit_test(a_ticket_and_what_follows_from_its_secret_are_those_of_the_samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
