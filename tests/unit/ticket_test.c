#include "trust/ticket.h"
#include "test_trust.h"
#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

static mti_ticket sample(void)
{
    mti_ticket ticket = {.expiry_ms = UINT64_C(0x0102030405060708), .address_count = 2};

    memset(ticket.space, TEST_SPACE_FILL, sizeof ticket.space);
    memcpy(ticket.device, test_public('A'), sizeof ticket.device);
    memset(ticket.noise_key, 7, sizeof ticket.noise_key);
    memset(ticket.secret, 9, sizeof ticket.secret);
    ticket.addresses[0] = mt_str("ws://192.168.1.7:8765/");
    ticket.addresses[1] = mt_str("wss://example.org/notes");
    return ticket;
}

typedef struct written {
    char text[MTI_TICKET_TEXT_LEN_MAX + 1];
    size_t len;
} written;

static mt_bytes bytes_of(const written *line)
{
    return (mt_bytes){(const uint8_t *)line->text, line->len};
}

static written line_of(const mti_ticket *ticket)
{
    written line;
    mt_error err;

    if (mti_ticket_encode(mt_crypto_sodium(), ticket, line.text, &line.len, &err) != MT_OK)
        fail_msg("%s", err.text);
    CHECK(line.len <= MTI_TICKET_TEXT_LEN_MAX);
    line.text[line.len] = '!';
    return line;
}

static mt_status read_one(mt_bytes text, mt_error *err)
{
    uint8_t room[MTI_TICKET_LEN_MAX];
    mti_ticket read;

    return mti_ticket_decode(mt_crypto_sodium(), text, room, &read, err);
}

static void not_made(const mti_ticket *ticket, const char *text)
{
    written line = {.len = 42};
    mt_error err;

    CHECK(mti_ticket_encode(mt_crypto_sodium(), ticket, line.text, &line.len, &err) == MT_INVALID);
    CHECK(line.len == 42 && err.status == MT_INVALID);
    assert_string_equal(err.text, text);
}

TEST(what_was_written_is_read)
{
    mti_ticket ticket = sample(), read;
    written line = line_of(&ticket);
    uint8_t room[MTI_TICKET_LEN_MAX];
    mt_error err;

    CHECK(memcmp(line.text, "mt1:", 4) == 0 && memchr(line.text, '=', line.len) == NULL);
    CHECK(mti_ticket_decode(mt_crypto_sodium(), bytes_of(&line), room, &read, &err) == MT_OK);
    assert_memory_equal(read.space, ticket.space, sizeof read.space);
    assert_memory_equal(read.device, ticket.device, sizeof read.device);
    assert_memory_equal(read.noise_key, ticket.noise_key, sizeof read.noise_key);
    assert_memory_equal(read.secret, ticket.secret, sizeof read.secret);
    CHECK(read.expiry_ms == ticket.expiry_ms && read.address_count == 2);
    for (size_t i = 0; i < 2; i++) CHECK(mt_bytes_equal(read.addresses[i], ticket.addresses[i]));
}

TEST(the_longest_is_read)
{
    mti_ticket ticket = sample();
    char address[256];
    written line;
    mt_error err;

    memset(address, '~', sizeof address);
    ticket.address_count = 4;
    for (size_t i = 0; i < 4; i++) ticket.addresses[i] = (mt_bytes){(const uint8_t *)address, 255};
    line = line_of(&ticket);
    CHECK(line.len == MTI_TICKET_TEXT_LEN_MAX);
    CHECK(read_one(bytes_of(&line), &err) == MT_OK);
    line.len++;
    test_record_refused(bytes_of(&line), read_one, MT_MALFORMED, "a ticket: longer than any");
    ticket.addresses[3].len = 256;
    not_made(&ticket, "a ticket: an address of more than 255 bytes");
    ticket.address_count = 5;
    not_made(&ticket, "a ticket: more than 4 addresses");
}

TEST(any_other_character_at_any_place_is_refused)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_= \n+/";
    mti_ticket ticket = sample();
    written line = line_of(&ticket);

    for (size_t i = 0; i < line.len; i++) {
        char right = line.text[i];

        for (size_t j = 0; j < sizeof alphabet; j++) { /* the zero byte, too */
            mt_error err = {.status = MT_OK};

            if (alphabet[j] == right) continue;
            line.text[i] = alphabet[j];
            if (read_one(bytes_of(&line), &err) == MT_OK)
                fail_msg("character %zu as %c", i, alphabet[j]);
            CHECK(err.text[0]);
        }
        line.text[i] = right;
    }
    line.text[40] = line.text[40] == 'A' ? 'B' : 'A';
    test_record_refused(bytes_of(&line), read_one, MT_MALFORMED,
                        "a ticket: its checksum is wrong: a character was mistyped or is missing");
}

TEST(no_changed_bit_no_cut_and_nothing_behind_it_goes_unnoticed)
{
    mti_ticket ticket = sample();
    written line = line_of(&ticket);

    test_record_damaged(bytes_of(&line), read_one);
}

TEST(characters_that_change_places_are_found)
{
    mti_ticket ticket = sample();
    written line = line_of(&ticket);
    mt_error err;

    for (size_t i = 4; i + 1 < line.len; i++) {
        char first = line.text[i];

        line.text[i] = line.text[i + 1];
        line.text[i + 1] = first;
        if (line.text[i] != first) CHECK(read_one(bytes_of(&line), &err) == MT_MALFORMED);
        line.text[i + 1] = line.text[i];
        line.text[i] = first;
    }
    CHECK(read_one(bytes_of(&line), &err) == MT_OK);
}

TEST(what_is_no_ticket_is_named)
{
    test_record_refused(mt_str("hello"), read_one, MT_MALFORMED,
                        "not a ticket: it does not begin with \"mt1:\"");
    test_record_refused(mt_str("mt"), read_one, MT_MALFORMED,
                        "not a ticket: it does not begin with \"mt1:\"");
    test_record_refused(mt_str("mt2:AAAA"), read_one, MT_UNSUPPORTED,
                        "a ticket: of version 2, this build knows 1");
    test_record_refused(mt_str("mt1:"), read_one, MT_MALFORMED, "a ticket: its end is missing");
    test_record_refused(mt_str("mt1:AAAA"), read_one, MT_MALFORMED, "a ticket: its end is missing");
    test_record_refused(mt_str("mt1:AA=="), read_one, MT_MALFORMED,
                        "a ticket: base64url takes no padding");
}

TEST(addresses_are_printable_and_there_is_one_at_least)
{
    mti_ticket ticket = sample();

    ticket.addresses[1] = mt_str("ws://a b");
    not_made(&ticket, "a ticket: byte 152: an address: a character is not printable ASCII, or a "
                      "space");
    ticket.addresses[1] = mt_str("ws://\xC3\xA9");
    not_made(&ticket, "a ticket: byte 151: an address: a character is not printable ASCII, or a "
                      "space");
    ticket.addresses[1] = mt_str("ws://a\n");
    not_made(&ticket, "a ticket: byte 152: an address: a character is not printable ASCII, or a "
                      "space");
    ticket.addresses[1] = mt_str("");
    not_made(&ticket, "a ticket: byte 145: the length of an address: none");
    ticket.address_count = 0;
    not_made(&ticket, "a ticket: byte 121: the number of addresses: not 1 to 4");
}

TEST(an_id_and_a_key_follow_from_the_secret_and_do_not_tell_it)
{
    const mti_ticket ticket = sample();
    uint8_t secret[MTI_TICKET_SECRET_LEN], id[2][MT_TICKET_ID_LEN], key[2][MT_KEY_LEN];

    memcpy(secret, ticket.secret, sizeof secret);
    mti_ticket_id(mt_crypto_sodium(), secret, id[0]);
    mti_ticket_key(mt_crypto_sodium(), secret, key[0]);
    CHECK(memcmp(id[0], secret, sizeof secret) != 0 && memcmp(key[0], secret, sizeof secret) != 0);
    CHECK(memcmp(id[0], key[0], MT_TICKET_ID_LEN) != 0);
    secret[15] ^= 1;
    mti_ticket_id(mt_crypto_sodium(), secret, id[1]);
    mti_ticket_key(mt_crypto_sodium(), secret, key[1]);
    CHECK(memcmp(id[0], id[1], MT_TICKET_ID_LEN) != 0 && memcmp(key[0], key[1], MT_KEY_LEN) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_longest_is_read),
        cmocka_unit_test(any_other_character_at_any_place_is_refused),
        cmocka_unit_test(no_changed_bit_no_cut_and_nothing_behind_it_goes_unnoticed),
        cmocka_unit_test(characters_that_change_places_are_found),
        cmocka_unit_test(what_is_no_ticket_is_named),
        cmocka_unit_test(addresses_are_printable_and_there_is_one_at_least),
        cmocka_unit_test(an_id_and_a_key_follow_from_the_secret_and_do_not_tell_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
