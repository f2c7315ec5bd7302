#include "trust/noise.h"
#include "test.h"
#include "test_binary.h"
#include "test_guard.h"

#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 256 /* for a message */

static const mt_crypto *crypto;
static const mti_noise_pattern patterns[] = {MTI_NOISE_XX, MTI_NOISE_XXPSK3};
static const mt_bytes nothing = {NULL, 0};

/* One side of a handshake. */
typedef struct side {
    mti_noise noise;
    mti_noise_start start;
    uint8_t secret[MT_KEY_LEN], ephemeral[MT_KEY_LEN], shared[MT_KEY_LEN];
    mti_cipher sends, receives;
} side;

/* Both sides, the initiator first, and what they have said. PINNED: it points into itself. */
typedef struct talk {
    side sides[2];
    uint8_t messages[3][ROOM];
    size_t lens[3];
} talk;

static mt_bytes payload_of(size_t n)
{
    static const char *const payloads[] = {"first words", "an answer", "and what follows"};

    return mt_str(payloads[n]);
}

static void draw(test_rng *rng, uint8_t key[MT_KEY_LEN])
{
    for (size_t i = 0; i < MT_KEY_LEN; i++) key[i] = (uint8_t)test_rng_next(rng);
}

static void begin(side *s)
{
    mti_noise_begin(&s->noise, &s->start);
}

/* Begins both sides, with keys that the seed decides. */
static void talk_begin(talk *t, mti_noise_pattern pattern, uint64_t seed)
{
    test_rng rng = test_rng_new(seed);
    uint8_t shared[MT_KEY_LEN];

    memset(t, 0, sizeof *t);
    draw(&rng, shared);
    for (size_t i = 0; i < 2; i++) {
        side *s = &t->sides[i];

        draw(&rng, s->secret);
        draw(&rng, s->ephemeral);
        memcpy(s->shared, shared, sizeof shared);
        s->start = (mti_noise_start){
            .crypto = crypto,
            .pattern = pattern,
            .initiator = i == 0,
            .prologue = mt_str("the prologue"),
            .secret = s->secret,
            .ephemeral = s->ephemeral,
            .shared = pattern == MTI_NOISE_XXPSK3 ? s->shared : NULL,
        };
        begin(s);
    }
}

/* Who says message n, and who hears it. */
static side *speaker(talk *t, size_t n)
{
    return &t->sides[n % 2];
}

static side *listener(talk *t, size_t n)
{
    return &t->sides[1 - n % 2];
}

static mt_status say(talk *t, size_t n)
{
    mti_noise *noise = &speaker(t, n)->noise;

    t->lens[n] = payload_of(n).len + mti_noise_overhead(noise);
    return mti_noise_write(noise, payload_of(n), t->messages[n]);
}

static mt_bytes said(const talk *t, size_t n)
{
    return (mt_bytes){t->messages[n], t->lens[n]};
}

/* Reads from bytes that end where memory does, into room that does. */
static mt_status hear_bytes(side *s, mt_bytes message, mt_bytes *payload)
{
    static test_guard in, out;
    size_t len = SIZE_MAX;
    mt_status st;

    if (!in.end) in = test_guard_new(2 * MTI_NOISE_LEN_MAX);
    if (!out.end) out = test_guard_new(2 * MTI_NOISE_LEN_MAX);
    message = test_guard_put(&in, message);
    st = mti_noise_read(&s->noise, message, out.end - message.len, &len);
    CHECK(st == MT_OK ? len <= message.len : len == SIZE_MAX);
    *payload = (mt_bytes){out.end - message.len, len};
    return st;
}

static mt_status hear(talk *t, size_t n)
{
    mt_bytes payload;
    mt_status st = hear_bytes(listener(t, n), said(t, n), &payload);

    if (st == MT_OK) CHECK(mt_bytes_equal(payload, payload_of(n)));
    return st;
}

/* Goes on to `count` messages, and answers how many passed before one was refused. */
static size_t go(talk *t, size_t from, size_t count)
{
    for (size_t n = from; n < count; n++)
        if (say(t, n) != MT_OK || hear(t, n) != MT_OK) return n;
    return count;
}

/* All of a handshake, and the two sessions. */
static void talk_done(talk *t, mti_noise_pattern pattern, uint64_t seed)
{
    talk_begin(t, pattern, seed);
    assert_int_equal(go(t, 0, 3), 3);
    for (size_t i = 0; i < 2; i++)
        mti_noise_split(&t->sides[i].noise, &t->sides[i].sends, &t->sides[i].receives);
}

static bool holds(const void *data, size_t size, const uint8_t *key)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i + MT_KEY_LEN <= size; i++)
        if (memcmp(bytes + i, key, MT_KEY_LEN) == 0) return true;
    return false;
}

static bool is_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint8_t all = 0;

    for (size_t i = 0; i < size; i++) all |= bytes[i];
    return all == 0;
}

/* Whether a handshake is over for good: it has forgotten all, and refuses all. */
static void check_over(side *s, mt_bytes message)
{
    uint8_t out[ROOM];
    mt_bytes payload;

    CHECK(is_zero(&s->noise, sizeof s->noise));
    CHECK(!mti_noise_done(&s->noise) && !mti_noise_writes(&s->noise));
    CHECK(mti_noise_overhead(&s->noise) == 0 && mti_noise_theirs(&s->noise) == NULL);
    assert_int_equal(hear_bytes(s, message, &payload), MT_MALFORMED);
    assert_int_equal(mti_noise_write(&s->noise, nothing, out), MT_MALFORMED);
}

/* ---- What should happen ---- */

static void check_turns(talk *t, size_t n)
{
    static const size_t overheads[2][3] = {{32, 96, 64}, {48, 96, 64}};
    size_t overhead = n < 3 ? overheads[t->sides[0].start.pattern][n] : 0;

    for (size_t i = 0; i < 2; i++) {
        const mti_noise *noise = &t->sides[i].noise;

        CHECK(mti_noise_writes(noise) == (n < 3 && n % 2 == i));
        CHECK(mti_noise_done(noise) == (n == 3));
        assert_int_equal(mti_noise_overhead(noise), overhead);
        CHECK((mti_noise_theirs(noise) != NULL) == (i == 0 ? n >= 2 : n >= 3));
    }
    assert_memory_equal(mti_noise_hash(&t->sides[0].noise), mti_noise_hash(&t->sides[1].noise),
                        MT_HASH_LEN_MAX);
}

TEST(both_sides_agree_after_each_message)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_begin(&t, patterns[p], 1);
        for (size_t n = 0; n < 3; n++) {
            uint8_t before[MT_HASH_LEN_MAX];

            check_turns(&t, n);
            memcpy(before, mti_noise_hash(&t.sides[0].noise), sizeof before);
            assert_int_equal(go(&t, n, n + 1), n + 1);
            CHECK(memcmp(mti_noise_hash(&t.sides[0].noise), before, sizeof before) != 0);
        }
        check_turns(&t, 3);
    }
}

TEST(each_side_learns_the_key_of_the_other)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_done(&t, patterns[p], 2);
        for (size_t i = 0; i < 2; i++) {
            uint8_t key[MT_KEY_LEN];

            crypto->exchange_key(crypto->ctx, t.sides[1 - i].secret, key);
            assert_memory_equal(mti_noise_theirs(&t.sides[i].noise), key, sizeof key);
        }
    }
}

TEST(what_one_side_sends_the_other_receives)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_done(&t, patterns[p], 3);
        for (size_t i = 0; i < 2; i++)
            assert_memory_equal(t.sides[i].sends.key, t.sides[1 - i].receives.key, MT_KEY_LEN);
        CHECK(memcmp(t.sides[0].sends.key, t.sides[1].sends.key, MT_KEY_LEN) != 0);
        CHECK(t.sides[0].sends.nonce == 0 && t.sides[0].receives.nonce == 0);
        CHECK(mti_noise_done(&t.sides[0].noise) && mti_noise_theirs(&t.sides[0].noise));
        assert_memory_equal(mti_noise_hash(&t.sides[0].noise), mti_noise_hash(&t.sides[1].noise),
                            MT_HASH_LEN_MAX);
    }
}

TEST(the_same_devices_never_get_the_same_keys_twice)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        for (size_t i = 0; i < 2; i++) {
            talk a, b;

            talk_done(&a, patterns[p], 4);
            talk_begin(&b, patterns[p], 4);
            b.sides[i].ephemeral[5] ^= 1;
            begin(&b.sides[i]);
            assert_int_equal(go(&b, 0, 3), 3);
            mti_noise_split(&b.sides[0].noise, &b.sides[0].sends, &b.sides[0].receives);
            CHECK(memcmp(a.sides[0].sends.key, b.sides[0].sends.key, MT_KEY_LEN) != 0);
            CHECK(memcmp(a.sides[0].receives.key, b.sides[0].receives.key, MT_KEY_LEN) != 0);
            CHECK(memcmp(mti_noise_hash(&a.sides[0].noise), mti_noise_hash(&b.sides[0].noise),
                         MT_HASH_LEN_MAX) != 0);
        }
    }
}

TEST(payloads_may_be_empty)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_begin(&t, patterns[p], 5);
        for (size_t n = 0; n < 3; n++) {
            mti_noise *noise = &speaker(&t, n)->noise;
            mt_bytes payload;

            t.lens[n] = mti_noise_overhead(noise);
            assert_int_equal(mti_noise_write(noise, nothing, t.messages[n]), MT_OK);
            assert_int_equal(hear_bytes(listener(&t, n), said(&t, n), &payload), MT_OK);
            assert_int_equal(payload.len, 0);
        }
    }
}

TEST(messages_are_as_long_as_the_specification_lets_them_be)
{
    uint8_t *room = calloc(2, MTI_NOISE_LEN_MAX + 1), *out = room + MTI_NOISE_LEN_MAX + 1;

    CHECK(room != NULL);
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_begin(&t, patterns[p], 6);
        for (size_t n = 0; n < 3; n++) {
            mti_noise *noise = &speaker(&t, n)->noise;
            size_t most = MTI_NOISE_LEN_MAX - mti_noise_overhead(noise);
            mti_noise before = *noise;
            mt_bytes payload;

            assert_int_equal(mti_noise_write(noise, (mt_bytes){room, most + 1}, out), MT_TOO_LARGE);
            assert_memory_equal(noise, &before, sizeof before);
            assert_int_equal(mti_noise_write(noise, (mt_bytes){room, most}, out), MT_OK);
            before = listener(&t, n)->noise;
            assert_int_equal(
                hear_bytes(listener(&t, n), (mt_bytes){out, MTI_NOISE_LEN_MAX + 1}, &payload),
                MT_MALFORMED);
            listener(&t, n)->noise = before;
            assert_int_equal(
                hear_bytes(listener(&t, n), (mt_bytes){out, MTI_NOISE_LEN_MAX}, &payload), MT_OK);
            CHECK(mt_bytes_equal(payload, (mt_bytes){room, most}));
        }
    }
    free(room);
}

/* ---- What a stranger may do ---- */

/* Gives the listener of message n another one in its place, on a copy of both. It is refused; only what
 * XX has in clear in message 1 is found out by the initiator, with the answer. */
static void check_refused(const talk *t, size_t n, mt_bytes changed)
{
    talk copy = *t;
    side *ear = listener(&copy, n);
    mt_bytes payload;
    mt_status st = hear_bytes(ear, changed, &payload);

    if (st == MT_OK) {
        CHECK(n == 0 && ear->start.pattern == MTI_NOISE_XX);
        assert_int_equal(say(&copy, 1), MT_OK);
        ear = listener(&copy, 1);
        st = hear(&copy, 1);
    }
    assert_int_equal(st, MT_MALFORMED);
    check_over(ear, said(&copy, n));
}

/* Both sides before each message, which is written but not read. */
typedef void with_message(const talk *t, size_t n);

static void each_message(with_message *check)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_begin(&t, patterns[p], 7);
        for (size_t n = 0; n < 3; n++) {
            assert_int_equal(say(&t, n), MT_OK);
            check(&t, n);
            assert_int_equal(hear(&t, n), MT_OK);
        }
    }
}

static void check_flips(const talk *t, size_t n)
{
    uint8_t changed[ROOM];

    memcpy(changed, t->messages[n], t->lens[n]);
    for (size_t bit = 0; bit < 8 * t->lens[n]; bit++) {
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_refused(t, n, (mt_bytes){changed, t->lens[n]});
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(a_message_with_any_bit_flipped_goes_nowhere)
{
    each_message(check_flips);
}

static void check_lens(const talk *t, size_t n)
{
    uint8_t longer[ROOM] = {0};

    memcpy(longer, t->messages[n], t->lens[n]);
    for (size_t len = 0; len <= t->lens[n] + 20; len++)
        if (len != t->lens[n]) check_refused(t, n, (mt_bytes){longer, len});
}

TEST(a_message_that_is_cut_or_longer_goes_nowhere)
{
    each_message(check_lens);
}

static void check_others(const talk *t, size_t n)
{
    for (size_t other = 0; other < n; other++) check_refused(t, n, said(t, other));
}

TEST(an_earlier_message_in_place_of_the_next_goes_nowhere)
{
    each_message(check_others);
}

TEST(a_message_out_of_turn_ends_the_handshake)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        for (size_t n = 0; n < 3; n++) {
            talk t;
            mt_bytes payload;

            talk_begin(&t, patterns[p], 8);
            assert_int_equal(go(&t, 0, n), n);
            assert_int_equal(hear_bytes(speaker(&t, n), said(&t, n ? n - 1 : 0), &payload),
                             MT_MALFORMED);
            check_over(speaker(&t, n), said(&t, n));
        }
    }
}

TEST(a_recorded_handshake_does_not_play_again)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk recorded, t;
        mt_bytes payload;

        talk_done(&recorded, patterns[p], 9);
        talk_begin(&t, patterns[p], 9);
        t.sides[1].ephemeral[7] ^= 1;
        begin(&t.sides[1]);
        assert_int_equal(hear_bytes(&t.sides[1], said(&recorded, 0), &payload), MT_OK);
        assert_int_equal(say(&t, 1), MT_OK);
        assert_int_equal(hear_bytes(&t.sides[1], said(&recorded, 2), &payload), MT_MALFORMED);
        check_over(&t.sides[1], said(&recorded, 2));
    }
}

TEST(sides_with_different_prologues_do_not_come_together)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_begin(&t, patterns[p], 10);
        t.sides[1].start.prologue = mt_str("the prologu");
        begin(&t.sides[1]);
        assert_int_equal(go(&t, 0, 3), patterns[p] == MTI_NOISE_XX ? 1 : 0);
    }
}

TEST(without_the_shared_key_the_last_message_is_refused)
{
    for (size_t i = 0; i < 2; i++) {
        talk t;

        talk_begin(&t, MTI_NOISE_XXPSK3, 11);
        t.sides[i].shared[31] ^= 0x80;
        begin(&t.sides[i]);
        assert_int_equal(go(&t, 0, 3), 2);
        check_over(&t.sides[1], said(&t, 2));
    }
}

TEST(sides_of_different_patterns_do_not_come_together)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t, other;
        mt_bytes payload;

        talk_begin(&t, patterns[p], 12);
        talk_begin(&other, patterns[1 - p], 12);
        assert_int_equal(say(&t, 0), MT_OK);
        if (hear_bytes(&other.sides[1], said(&t, 0), &payload) == MT_OK) {
            CHECK(patterns[p] == MTI_NOISE_XXPSK3); /* its first message is in clear to XX */
            assert_int_equal(say(&other, 1), MT_OK);
            assert_int_equal(hear_bytes(&t.sides[0], said(&other, 1), &payload), MT_MALFORMED);
        }
        CHECK(!mti_noise_done(&t.sides[0].noise) && !mti_noise_done(&other.sides[1].noise));
    }
}

TEST(static_keys_and_payloads_are_not_sent_in_clear)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t;

        talk_done(&t, patterns[p], 13);
        for (size_t n = 0; n < 3; n++) {
            bool clear = n == 0 && patterns[p] == MTI_NOISE_XX;
            mt_bytes payload = payload_of(n), message = said(&t, n);

            for (size_t i = 0; i < 2; i++) {
                uint8_t key[MT_KEY_LEN];

                crypto->exchange_key(crypto->ctx, t.sides[i].secret, key);
                CHECK(!holds(message.data, message.len, key));
                CHECK(!holds(message.data, message.len, t.sides[i].secret));
                CHECK(!holds(message.data, message.len, t.sides[i].ephemeral));
                CHECK(!holds(message.data, message.len, t.sides[i].shared));
            }
            /* It would stand in front of the tag, or at the end. */
            message.len -= clear ? 0 : MT_TAG_LEN;
            CHECK((memcmp(message.data + message.len - payload.len, payload.data, payload.len) ==
                   0) == clear);
        }
    }
}

/* ---- Keys of small order ---- */

/* Ciphers of one who sends a public key of small order in place of that of `secret`, and takes the 0 that is
 * shared with it. */
typedef struct weak {
    mt_crypto crypto;
    const uint8_t *secret, *point;
} weak;

static void weak_key(void *ctx, const uint8_t *secret, uint8_t *out)
{
    const weak *w = ctx;

    if (memcmp(secret, w->secret, MT_KEY_LEN) == 0) memcpy(out, w->point, MT_KEY_LEN);
    else crypto->exchange_key(crypto->ctx, secret, out);
}

static mt_status weak_exchange(void *ctx, const uint8_t *secret, const uint8_t *theirs,
                               uint8_t *out)
{
    const weak *w = ctx;

    if (memcmp(secret, w->secret, MT_KEY_LEN) == 0 ||
        crypto->exchange(crypto->ctx, secret, theirs, out) != MT_OK)
        memset(out, 0, MT_KEY_LEN);
    return MT_OK;
}

/* One side has a weak key, static or ephemeral. The other gives up where it first uses it, unless it is one
 * that takes everything, too: so that nothing else was wrong. */
static void check_weak(mti_noise_pattern pattern, size_t evil, bool ephemeral, const uint8_t *point)
{
    static const size_t ends[2][2] = {{2, 1}, {1, 1}};
    talk t;
    weak w = {.crypto = *crypto, .point = point};

    w.crypto.exchange_key = weak_key;
    w.crypto.exchange = weak_exchange;
    w.crypto.ctx = &w;
    talk_begin(&t, pattern, 14);
    w.secret = ephemeral ? t.sides[evil].ephemeral : t.sides[evil].secret;
    t.sides[evil].start.crypto = &w.crypto;
    begin(&t.sides[evil]);
    assert_int_equal(go(&t, 0, 3), ends[evil][ephemeral]);
    check_over(&t.sides[1 - evil], said(&t, 0));
    t.sides[1 - evil].start.crypto = &w.crypto;
    begin(&t.sides[evil]);
    begin(&t.sides[1 - evil]);
    assert_int_equal(go(&t, 0, 3), 3);
}

TEST(keys_of_small_order_end_the_handshake)
{
    mt_buf points = test_hex("0000000000000000000000000000000000000000000000000000000000000000"
                             "0100000000000000000000000000000000000000000000000000000000000000"
                             "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
                             "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"
                             "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
                             "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
                             "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");

    assert_int_equal(points.len, 7 * MT_KEY_LEN);
    for (size_t p = 0; p < TEST_COUNT(patterns); p++)
        for (size_t at = 0; at < points.len; at += MT_KEY_LEN)
            for (size_t evil = 0; evil < 2; evil++)
                for (size_t ephemeral = 0; ephemeral < 2; ephemeral++)
                    check_weak(patterns[p], evil, ephemeral == 1, points.data + at);
    mt_buf_free(&points);
}

/* ---- Secrets ---- */

TEST(a_handshake_that_is_wiped_holds_no_secret)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        for (size_t n = 0; n <= 3; n++) {
            talk t;

            talk_begin(&t, patterns[p], 15);
            assert_int_equal(go(&t, 0, n), n);
            for (size_t i = 0; i < 2; i++) {
                side *s = &t.sides[i];

                CHECK(holds(&s->noise, sizeof s->noise, s->secret));
                mti_noise_wipe(&s->noise);
                CHECK(is_zero(&s->noise, sizeof s->noise));
                mti_noise_wipe(&s->noise);
                check_over(s, said(&t, 0));
            }
        }
    }
}

TEST(a_handshake_that_is_split_keeps_what_is_public)
{
    for (size_t p = 0; p < TEST_COUNT(patterns); p++) {
        talk t, before;

        talk_begin(&before, patterns[p], 16);
        assert_int_equal(go(&before, 0, 3), 3);
        talk_done(&t, patterns[p], 16);
        for (size_t i = 0; i < 2; i++) {
            side *s = &t.sides[i], *then = &before.sides[i];

            CHECK(!holds(&s->noise, sizeof s->noise, s->secret));
            CHECK(!holds(&s->noise, sizeof s->noise, s->ephemeral));
            CHECK(!holds(&s->noise, sizeof s->noise, s->shared));
            CHECK(!holds(&s->noise, sizeof s->noise, s->sends.key));
            CHECK(!holds(&s->noise, sizeof s->noise, s->receives.key));
            CHECK(!holds(&s->noise, sizeof s->noise, then->noise.cipher.key));
            CHECK(!holds(&s->noise, sizeof s->noise, then->noise.chain));
            CHECK(!holds(&s->noise, sizeof s->noise, then->noise.chain + MT_KEY_LEN));
        }
    }
}

/* ---- Transport ---- */

/* Seals a number as a message, of MT_TAG_LEN bytes more. */
static void seal(mti_cipher *cipher, uint64_t number, uint8_t out[ROOM])
{
    memcpy(out, &number, sizeof number);
    CHECK(mti_cipher_seal(crypto, cipher, mt_str("with"), (mt_bytes){out, sizeof number}, out) ==
          MT_OK);
}

/* Whether a message opens, to this number; where it does not, the nonce stays. */
static bool opens(mti_cipher *cipher, const uint8_t *sealed, uint64_t number)
{
    uint64_t nonce = cipher->nonce, got;
    uint8_t out[ROOM];
    mt_status st;

    memcpy(out, sealed, sizeof number + MT_TAG_LEN);
    st = mti_cipher_open(crypto, cipher, mt_str("with"),
                         (mt_bytes){out, sizeof number + MT_TAG_LEN}, out);
    memcpy(&got, out, sizeof got);
    CHECK(st == MT_OK || st == MT_MALFORMED);
    CHECK(cipher->nonce == nonce + (st == MT_OK));
    if (st == MT_OK) assert_int_equal(got, number);
    return st == MT_OK;
}

TEST(messages_open_once_and_in_order)
{
    uint8_t sealed[8][ROOM];
    talk t;

    talk_done(&t, MTI_NOISE_XX, 17);
    for (size_t i = 0; i < 8; i++) seal(&t.sides[0].sends, i, sealed[i]);
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < 8; j++)
            if (j != i) CHECK(!opens(&t.sides[1].receives, sealed[j], j));
        CHECK(!opens(&t.sides[0].receives, sealed[i], i)); /* not by whoever said it */
        CHECK(opens(&t.sides[1].receives, sealed[i], i));
    }
}

TEST(a_message_opens_only_as_it_was_sealed)
{
    uint8_t sealed[ROOM], out[ROOM];
    size_t len = sizeof(uint64_t) + MT_TAG_LEN;
    mti_cipher *receives;
    talk t;

    talk_done(&t, MTI_NOISE_XXPSK3, 18);
    receives = &t.sides[0].receives;
    seal(&t.sides[1].sends, 42, sealed);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!opens(receives, sealed, 42));
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        CHECK(mti_cipher_open(crypto, receives, mt_str("with"), (mt_bytes){sealed, cut}, out) ==
              MT_MALFORMED);
    CHECK(mti_cipher_open(crypto, receives, mt_str("wit"), (mt_bytes){sealed, len}, out) ==
          MT_MALFORMED);
    CHECK(opens(receives, sealed, 42));
}

TEST(no_nonce_seals_twice)
{
    uint8_t sealed[2][ROOM] = {{0}};
    talk t;

    talk_done(&t, MTI_NOISE_XX, 19);
    for (uint64_t i = 0; i < 100; i++) {
        CHECK(t.sides[0].sends.nonce == i);
        seal(&t.sides[0].sends, 7, sealed[i % 2]);
        CHECK(memcmp(sealed[0], sealed[1], sizeof(uint64_t)) != 0);
    }
}

TEST(a_cipher_without_nonces_is_full)
{
    uint8_t last[ROOM], out[ROOM] = {0};
    talk t;
    side *from = &t.sides[0], *to = &t.sides[1];
    mt_bytes sealed = {last, sizeof(uint64_t) + MT_TAG_LEN};

    talk_done(&t, MTI_NOISE_XX, 20);
    from->sends.nonce = to->receives.nonce = UINT64_MAX - 1;
    seal(&from->sends, 1, last);
    CHECK(opens(&to->receives, last, 1));
    for (size_t i = 0; i < 2; i++) {
        CHECK(mti_cipher_seal(crypto, &from->sends, nothing, mt_str("text"), out) == MT_FULL);
        CHECK(mti_cipher_open(crypto, &to->receives, mt_str("with"), sealed, out) == MT_FULL);
        CHECK(is_zero(out, sizeof out));
        CHECK(from->sends.nonce == UINT64_MAX && to->receives.nonce == UINT64_MAX);
    }
}

TEST(both_sides_go_on_with_new_keys)
{
    uint8_t sealed[ROOM], old_key[MT_KEY_LEN];
    talk t;
    side *from = &t.sides[1], *to = &t.sides[0];

    talk_done(&t, MTI_NOISE_XX, 21);
    for (uint64_t i = 0; i < 10; i++) {
        mti_cipher old = to->receives;

        seal(&from->sends, i, sealed);
        CHECK(opens(&to->receives, sealed, i));
        memcpy(old_key, from->sends.key, sizeof old_key);
        mti_cipher_rekey(crypto, &from->sends);
        CHECK(memcmp(from->sends.key, old_key, sizeof old_key) != 0);
        CHECK(from->sends.nonce == i + 1);
        old.nonce++;
        seal(&from->sends, i, sealed);
        CHECK(!opens(&old, sealed, i));
        CHECK(!opens(&to->receives, sealed, i));
        mti_cipher_rekey(crypto, &to->receives);
        CHECK(opens(&to->receives, sealed, i));
        from->sends.nonce = to->receives.nonce = i + 1;
    }
}

TEST(a_new_key_is_what_the_old_one_makes_of_zeros)
{
    static const uint8_t zeros[MT_KEY_LEN];
    static const uint8_t nonce[MT_NONCE_LEN] = {0,    0,    0,    0,    0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t out[MT_KEY_LEN + MT_TAG_LEN];
    talk t;

    talk_done(&t, MTI_NOISE_XX, 22);
    crypto->seal(crypto->ctx, t.sides[0].sends.key, nonce, nothing, (mt_bytes){zeros, sizeof zeros},
                 out);
    mti_cipher_rekey(crypto, &t.sides[0].sends);
    assert_memory_equal(t.sides[0].sends.key, out, MT_KEY_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_agree_after_each_message),
        cmocka_unit_test(each_side_learns_the_key_of_the_other),
        cmocka_unit_test(what_one_side_sends_the_other_receives),
        cmocka_unit_test(the_same_devices_never_get_the_same_keys_twice),
        cmocka_unit_test(payloads_may_be_empty),
        cmocka_unit_test(messages_are_as_long_as_the_specification_lets_them_be),
        cmocka_unit_test(a_message_with_any_bit_flipped_goes_nowhere),
        cmocka_unit_test(a_message_that_is_cut_or_longer_goes_nowhere),
        cmocka_unit_test(an_earlier_message_in_place_of_the_next_goes_nowhere),
        cmocka_unit_test(a_message_out_of_turn_ends_the_handshake),
        cmocka_unit_test(a_recorded_handshake_does_not_play_again),
        cmocka_unit_test(sides_with_different_prologues_do_not_come_together),
        cmocka_unit_test(without_the_shared_key_the_last_message_is_refused),
        cmocka_unit_test(sides_of_different_patterns_do_not_come_together),
        cmocka_unit_test(static_keys_and_payloads_are_not_sent_in_clear),
        cmocka_unit_test(keys_of_small_order_end_the_handshake),
        cmocka_unit_test(a_handshake_that_is_wiped_holds_no_secret),
        cmocka_unit_test(a_handshake_that_is_split_keeps_what_is_public),
        cmocka_unit_test(messages_open_once_and_in_order),
        cmocka_unit_test(a_message_opens_only_as_it_was_sealed),
        cmocka_unit_test(no_nonce_seals_twice),
        cmocka_unit_test(a_cipher_without_nonces_is_full),
        cmocka_unit_test(both_sides_go_on_with_new_keys),
        cmocka_unit_test(a_new_key_is_what_the_old_one_makes_of_zeros),
    };

    if (!(crypto = mt_crypto_sodium())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
