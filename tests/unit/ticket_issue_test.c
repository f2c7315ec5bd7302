/* Tickets as a program makes and reads them. */
#include "test_env.h"
#include "test_trust.h"
#include "trust/identity.h"
#include "trust/ticket.h"

#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

typedef struct scene {
    test_env te;
    uint8_t seed[MT_KEY_LEN];
    mt_ticket ticket;
    mt_buf line;
} scene;

static void begin(scene *s)
{
    memset(s, 0, sizeof *s);
    test_env_init(&s->te, 7, test_mem());
    memset(s->seed, 'A', sizeof s->seed);
    s->ticket.size = sizeof s->ticket;
    memset(s->ticket.space, TEST_SPACE_FILL, MT_SPACE_LEN);
    s->ticket.expires_ms = 123456789;
    s->ticket.address_count = 2;
    snprintf(s->ticket.addresses[0], sizeof s->ticket.addresses[0], "ws://192.168.1.7:8765/");
    snprintf(s->ticket.addresses[1], sizeof s->ticket.addresses[1], "tcp://example.org:4200");
    s->line.mem = test_mem();
}

static void end(scene *s)
{
    mt_buf_free(&s->line);
    test_env_end(&s->te);
    CHECK(test_mem_live() == 0);
}

static mt_status make(scene *s, mt_error *err)
{
    return mt_ticket_make(&s->te.env, mt_crypto_sodium(), s->seed, &s->ticket, &s->line, err);
}

/* Fails unless it is not made, and nothing has changed. */
static void not_made(scene *s, mt_status status, const char *text)
{
    const mt_ticket before = s->ticket;
    mt_error err = {MT_OK, ""};

    CHECK(make(s, &err) == status && err.status == status && make(s, NULL) == status);
    assert_string_equal(err.text, text);
    CHECK(s->line.len == 0);
    assert_memory_equal(&s->ticket, &before, sizeof before);
}

static void not_read(mt_bytes line, mt_status status)
{
    mt_ticket read, before;
    mt_error err = {MT_OK, ""};

    memset(&read, 0x55, sizeof read);
    before = read;
    CHECK(mt_ticket_read(mt_crypto_sodium(), line, &read, &err) == status);
    CHECK(err.status == status && err.text[0]);
    CHECK(mt_ticket_read(mt_crypto_sodium(), line, &read, NULL) == status);
    assert_memory_equal(&read, &before, sizeof before);
}

TEST(what_was_made_is_read)
{
    mt_ticket read;
    scene s;

    begin(&s);
    CHECK(make(&s, NULL) == MT_OK);
    CHECK(s.line.len <= MT_TICKET_TEXT_LEN_MAX && memcmp(s.line.data, "mt1:", 4) == 0);
    CHECK(mt_ticket_read(mt_crypto_sodium(), mt_buf_bytes(&s.line), &read, NULL) == MT_OK);
    assert_memory_equal(&read, &s.ticket, sizeof read);
    assert_memory_equal(read.device, test_public('A'), MT_DEVICE_LEN);
    end(&s);
}

TEST(line_has_both_keys_of_the_device_and_what_names_and_opens_the_ticket)
{
    uint8_t room[MTI_TICKET_LEN_MAX], id[MT_TICKET_ID_LEN], key[MT_KEY_LEN];
    const mt_crypto *crypto = mt_crypto_sodium();
    mti_identity identity;
    mti_ticket inside;
    mt_error err;
    scene s;

    begin(&s);
    CHECK(make(&s, NULL) == MT_OK);
    CHECK(mti_ticket_decode(crypto, mt_buf_bytes(&s.line), room, &inside, &err) == MT_OK);
    mti_identity_make(crypto, s.seed, &identity);
    assert_memory_equal(inside.noise_key, identity.fixed, MT_KEY_LEN);
    mti_ticket_id(crypto, inside.secret, id);
    mti_ticket_key(crypto, inside.secret, key);
    assert_memory_equal(s.ticket.id, id, sizeof id);
    assert_memory_equal(s.ticket.key, key, sizeof key);
    end(&s);
}

TEST(line_is_appended_and_no_two_are_the_same)
{
    uint8_t first[MT_TICKET_ID_LEN];
    size_t len;
    scene s;

    begin(&s);
    CHECK(make(&s, NULL) == MT_OK);
    len = s.line.len;
    memcpy(first, s.ticket.id, sizeof first);
    CHECK(make(&s, NULL) == MT_OK && s.line.len == 2 * len);
    CHECK(memcmp(first, s.ticket.id, sizeof first) != 0);
    CHECK(memcmp(s.line.data, s.line.data + len, len) != 0);
    end(&s);
}

TEST(longest_one_is_made_and_read)
{
    mt_ticket read;
    scene s;

    begin(&s);
    s.ticket.address_count = MT_TICKET_ADDRESSES_MAX;
    for (size_t i = 0; i < MT_TICKET_ADDRESSES_MAX; i++)
        memset(s.ticket.addresses[i], '~', MT_TICKET_ADDRESS_LEN_MAX);
    CHECK(make(&s, NULL) == MT_OK && s.line.len == MT_TICKET_TEXT_LEN_MAX);
    CHECK(mt_ticket_read(mt_crypto_sodium(), mt_buf_bytes(&s.line), &read, NULL) == MT_OK);
    assert_memory_equal(&read, &s.ticket, sizeof read);
    end(&s);
}

TEST(addresses_that_a_ticket_cannot_have_are_refused)
{
    scene s;

    begin(&s);
    s.ticket.address_count = 0;
    not_made(&s, MT_INVALID, "a ticket of 0 addresses, not 1 to 4");
    s.ticket.address_count = 5;
    not_made(&s, MT_INVALID, "a ticket of 5 addresses, not 1 to 4");
    s.ticket.address_count = 2;
    s.ticket.addresses[1][3] = ' ';
    not_made(&s, MT_INVALID,
             "a ticket: byte 149: an address: a character is not printable ASCII, or a space");
    s.ticket.addresses[1][0] = '\0';
    not_made(&s, MT_INVALID, "a ticket: byte 145: the length of an address: none");
    end(&s);
}

TEST(without_randomness_there_is_no_ticket)
{
    scene s;

    begin(&s);
    s.te.no_entropy = true;
    not_made(&s, MT_IO, "there is no source of random numbers");
    end(&s);
}

TEST(without_memory_there_is_no_ticket)
{
    scene s;
    size_t at = 0;

    begin(&s);
    for (;; at++) {
        fail_mem memory = {.fail_at = at};
        const mt_ticket before = s.ticket;
        mt_status st;

        s.line = (mt_buf){.mem = fail_mem_hook(&memory)};
        st = make(&s, NULL);
        CHECK(st == (memory.tripped ? MT_NO_MEMORY : MT_OK));
        if (st != MT_OK) assert_memory_equal(&s.ticket, &before, sizeof before);
        mt_buf_free(&s.line);
        CHECK(memory.live_bytes == 0);
        if (!memory.tripped) break;
    }
    CHECK(at == 1);
    end(&s);
}

TEST(what_is_no_ticket_is_not_read)
{
    scene s;

    begin(&s);
    CHECK(make(&s, NULL) == MT_OK);
    not_read(mt_str("hello"), MT_MALFORMED);
    not_read(mt_str("mt2:AAAA"), MT_UNSUPPORTED);
    not_read((mt_bytes){s.line.data, s.line.len - 1}, MT_MALFORMED);
    for (size_t i = 4; i < s.line.len; i++) {
        s.line.data[i] ^= 1;
        not_read(mt_buf_bytes(&s.line), MT_MALFORMED);
        s.line.data[i] ^= 1;
    }
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read),
        cmocka_unit_test(line_has_both_keys_of_the_device_and_what_names_and_opens_the_ticket),
        cmocka_unit_test(line_is_appended_and_no_two_are_the_same),
        cmocka_unit_test(longest_one_is_made_and_read),
        cmocka_unit_test(addresses_that_a_ticket_cannot_have_are_refused),
        cmocka_unit_test(without_randomness_there_is_no_ticket),
        cmocka_unit_test(without_memory_there_is_no_ticket),
        cmocka_unit_test(what_is_no_ticket_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
