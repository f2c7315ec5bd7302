/* A handshake by itself, without a link: each message as a peer might make it that follows no rules. */
#include "trust/handshake.h"
#include "test.h"

#include <mytosis/host.h>

#include <string.h>

static const mt_crypto *crypto(void)
{
    return mt_crypto_sodium();
}

static const uint8_t space[MT_SPACE_LEN] = "the space of these two devices!";
static const uint8_t ticket[MT_TICKET_ID_LEN] = "ticket of sixtee", ticket_key[MT_KEY_LEN] = {9};

static mt_status find_ticket(void *ctx, const uint8_t *id, uint8_t *key)
{
    (void)ctx;
    if (memcmp(id, ticket, sizeof ticket) != 0) return MT_NOT_FOUND;
    memcpy(key, ticket_key, sizeof ticket_key);
    return MT_OK;
}

/* Who dials, who is dialed, and the last message. */
typedef struct scene {
    mti_identity devices[2];
    mti_handshake ends[2];
    uint8_t message[MTI_HANDSHAKE_READ_MAX + 1];
    size_t len;
} scene;

static void begin(scene *s, bool with_ticket, bool finds)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < 2; i++) {
        uint8_t seed[MT_KEY_LEN] = {(uint8_t)(1 + i)};
        mti_identity_make(crypto(), seed, &s->devices[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        uint8_t ephemeral[MT_KEY_LEN] = {(uint8_t)(11 + i)};
        mti_handshake_start start = {
            .crypto = crypto(), .self = &s->devices[i], .space = space, .ephemeral = ephemeral};
        if (i == 0) start.expected = mti_identity_device(&s->devices[1]);
        if (i == 0 && with_ticket) start.ticket = ticket, start.ticket_key = ticket_key;
        if (i == 1 && finds) start.find = find_ticket;
        mti_handshake_begin(&s->ends[i], &start);
    }
}

static void end(scene *s)
{
    for (size_t i = 0; i < 2; i++) mti_handshake_wipe(&s->ends[i]);
}

static void say(scene *s, size_t from)
{
    CHECK(mti_handshake_says(&s->ends[from]));
    CHECK(mti_handshake_say(&s->ends[from], s->message, &s->len) == MT_OK);
}

static mt_bytes said(const scene *s)
{
    return (mt_bytes){s->message, s->len};
}

/* Hears the last message, and fails unless it is refused so, for good. */
static void is_refused(scene *s, size_t at, mt_status status, const char *text)
{
    mti_handshake *handshake = &s->ends[at];
    mt_error err = {.status = MT_OK};

    CHECK(mti_handshake_hear(handshake, said(s), &err) == status && err.status == status);
    if (!strstr(err.text, text)) fail_msg("\"%s\", not \"%s\"", err.text, text);
    CHECK(!mti_handshake_says(handshake) && !mti_handshake_done(handshake));
    CHECK(mti_handshake_hear(handshake, said(s), NULL) == MT_MALFORMED);
}

TEST(two_that_follow_the_rules_come_to_the_same_keys)
{
    for (unsigned with_ticket = 0; with_ticket < 2; with_ticket++) {
        mti_cipher sends[2], receives[2];
        scene s;
        begin(&s, with_ticket, true);
        for (size_t i = 0; i < 3; i++) {
            say(&s, i % 2);
            CHECK(mti_handshake_hear(&s.ends[1 - i % 2], said(&s), NULL) == MT_OK);
        }
        for (size_t i = 0; i < 2; i++) {
            CHECK(mti_handshake_done(&s.ends[i]) && !mti_handshake_says(&s.ends[i]));
            CHECK(mti_handshake_hear(&s.ends[i], said(&s), NULL) == MT_MALFORMED);
        }
        end(&s);
        begin(&s, with_ticket, true);
        for (size_t i = 0; i < 3; i++) {
            say(&s, i % 2);
            CHECK(mti_handshake_hear(&s.ends[1 - i % 2], said(&s), NULL) == MT_OK);
        }
        for (size_t i = 0; i < 2; i++) mti_handshake_split(&s.ends[i], &sends[i], &receives[i]);
        assert_memory_equal(sends[0].key, receives[1].key, MT_KEY_LEN);
        assert_memory_equal(sends[1].key, receives[0].key, MT_KEY_LEN);
        end(&s);
    }
}

TEST(first_message_that_is_none_is_refused_with_a_reason)
{
    static const struct {
        const char *bytes;
        size_t len;
        mt_status status;
        const char *text;
    } bad[] = {
        {"", 0, MT_MALFORMED, "no kind that is known"},
        {"\1", 1, MT_MALFORMED, "no kind that is known"},
        {"\2", 1, MT_UNSUPPORTED, "a handshake of version 2, this build knows 1"},
        {"\1\3", 2, MT_MALFORMED, "no kind that is known"},
        {"\1\1", 2, MT_MALFORMED, "has only 2 bytes"},
        {"\1\2", 2, MT_MALFORMED, "has only 2 bytes"},
    };

    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        scene s;
        begin(&s, false, true);
        memcpy(s.message, bad[i].bytes, bad[i].len);
        s.len = bad[i].len;
        is_refused(&s, 1, bad[i].status, bad[i].text);
        CHECK(!s.ends[1].knocked);
        end(&s);
    }
}

TEST(first_message_that_is_cut_or_too_long_is_refused)
{
    scene s;

    begin(&s, false, false);
    say(&s, 0);
    s.len--;
    is_refused(&s, 1, MT_MALFORMED, "has only 49 bytes");
    end(&s);
    begin(&s, false, false);
    say(&s, 0);
    s.len = sizeof s.message;
    is_refused(&s, 1, MT_TOO_LARGE, "a message of a handshake has 4097 bytes, more than 4096");
    end(&s);
}

TEST(message_out_of_turn_is_refused)
{
    scene s;

    begin(&s, false, false);
    is_refused(&s, 0, MT_MALFORMED, "that nobody waits for"); /* who dials speaks first */
    end(&s);
    begin(&s, false, false);
    say(&s, 0);
    CHECK(mti_handshake_hear(&s.ends[1], said(&s), NULL) == MT_OK);
    is_refused(&s, 1, MT_MALFORMED, "that nobody waits for"); /* the same once more */
    end(&s);
}

TEST(ticket_that_is_not_known_or_that_nobody_takes_is_refused)
{
    scene s;

    begin(&s, true, false);
    say(&s, 0);
    is_refused(&s, 1, MT_REFUSED, "the ticket is not good, or not any more");
    end(&s);
    begin(&s, true, true);
    say(&s, 0);
    s.message[2] ^= 1;
    is_refused(&s, 1, MT_REFUSED, "the ticket is not good, or not any more");
    CHECK(s.ends[1].knocked);
    end(&s);
}

TEST(first_message_with_a_ticket_is_sealed)
{
    scene s;

    begin(&s, true, true);
    say(&s, 0);
    s.message[s.len - 1] ^= 1;
    is_refused(&s, 1, MT_MALFORMED, "the first message of a handshake cannot be read");
    end(&s);
}

TEST(key_that_shares_the_same_with_everybody_ends_a_handshake)
{
    mt_bytes parts[] = {mt_str("mytosis-knock-v1"), {space, sizeof space}, {NULL, MT_KEY_LEN}};
    size_t len;
    scene s;

    begin(&s, false, false);
    say(&s, 0);
    memset(s.message + 18, 0, MT_KEY_LEN);
    parts[2].data = s.message + 18;
    crypto()->hash(crypto()->ctx, parts, 3, s.message + 2, 16);
    CHECK(mti_handshake_hear(&s.ends[1], said(&s), NULL) == MT_OK);
    CHECK(mti_handshake_say(&s.ends[1], s.message, &len) == MT_MALFORMED);
    CHECK(!mti_handshake_says(&s.ends[1]) && !mti_handshake_done(&s.ends[1]));
    end(&s);
}

/* ---- Proofs ---- */

/* One that is dialed, and that proves what it wants. */
static void answer(scene *s, mt_bytes proof)
{
    static const uint8_t ephemeral[MT_KEY_LEN] = {33};
    uint8_t prologue[11 + MT_SPACE_LEN] = "mytosis/1\1\1", payload[MTI_HANDSHAKE_READ_MAX];
    mti_noise noise;
    mti_noise_start start = {.crypto = crypto(),
                             .pattern = MTI_NOISE_XX,
                             .prologue = {prologue, sizeof prologue},
                             .secret = s->devices[1].secret,
                             .ephemeral = ephemeral};
    size_t len;

    memcpy(prologue + 11, space, sizeof space);
    say(s, 0);
    mti_noise_begin(&noise, &start);
    CHECK(mti_noise_read(&noise, (mt_bytes){s->message + 18, s->len - 18}, payload, &len) == MT_OK);
    s->len = proof.len + mti_noise_overhead(&noise);
    CHECK(s->len <= sizeof s->message);
    CHECK(mti_noise_write(&noise, proof, s->message) == MT_OK);
    mti_noise_wipe(&noise);
}

TEST(device_that_proves_nothing_or_what_is_not_its_own_is_refused)
{
    uint8_t proof[MT_KEY_LEN + MT_SIGNATURE_LEN + MT_PAPERS_LEN_MAX + 1] = {0};
    const size_t proof_len = MT_KEY_LEN + MT_SIGNATURE_LEN;
    scene s;

    begin(&s, false, false);
    memcpy(proof, mti_identity_device(&s.devices[1]), MT_KEY_LEN);
    memcpy(proof + MT_KEY_LEN, s.devices[1].proof, MT_SIGNATURE_LEN);
    answer(&s, (mt_bytes){proof, proof_len - 1});
    is_refused(&s, 0, MT_MALFORMED, "a handshake in which a device proves nothing");
    end(&s);

    begin(&s, false, false);
    answer(&s, (mt_bytes){proof, sizeof proof});
    is_refused(&s, 0, MT_TOO_LARGE, "a device with papers of 2049 bytes, more than 2048");
    end(&s);

    begin(&s, false, false);
    answer(&s, (mt_bytes){proof, sizeof proof - 1});
    CHECK(mti_handshake_hear(&s.ends[0], said(&s), NULL) == MT_OK);
    CHECK(s.ends[0].papers_len == MT_PAPERS_LEN_MAX);
    end(&s);

    begin(&s, false, false);
    memcpy(proof + MT_KEY_LEN, s.devices[0].proof, MT_SIGNATURE_LEN);
    answer(&s, (mt_bytes){proof, proof_len});
    is_refused(&s, 0, MT_MALFORMED, "a device whose proof is not its own");
    end(&s);

    begin(&s, false, false);
    memcpy(proof, mti_identity_device(&s.devices[0]), MT_KEY_LEN);
    answer(&s, (mt_bytes){proof, proof_len});
    is_refused(&s, 0, MT_REFUSED, "the peer is another device than was expected");
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_that_follow_the_rules_come_to_the_same_keys),
        cmocka_unit_test(first_message_that_is_none_is_refused_with_a_reason),
        cmocka_unit_test(first_message_that_is_cut_or_too_long_is_refused),
        cmocka_unit_test(message_out_of_turn_is_refused),
        cmocka_unit_test(ticket_that_is_not_known_or_that_nobody_takes_is_refused),
        cmocka_unit_test(first_message_with_a_ticket_is_sealed),
        cmocka_unit_test(key_that_shares_the_same_with_everybody_ends_a_handshake),
        cmocka_unit_test(device_that_proves_nothing_or_what_is_not_its_own_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
