#include "key_file.h"

#include <stdio.h>
#include <string.h>

#define START "mtk1:"
#define START_LEN 5
#define UNKNOWN ", which this build does not know"
#define CHECKSUM_LEN 4
#define BOX_LEN (MT_KEY_LEN + MT_TAG_LEN)
#define HEAD_LEN (2 + MT_KEY_LEN)
#define PLAIN_LEN (HEAD_LEN + MT_KEY_LEN + CHECKSUM_LEN)
#define SEALED_HEAD_LEN (HEAD_LEN + MT_SALT_LEN + 4 + 4)
#define SEALED_LEN (SEALED_HEAD_LEN + BOX_LEN + CHECKSUM_LEN)

_Static_assert(KEY_LINE_LEN_MAX == START_LEN + (SEALED_LEN * 4 + 2) / 3,
               "four characters for three bytes");

_Static_assert(KEY_PASSES_MAX == 16 && KEY_KIB_MIN == 8 && KEY_KIB_MAX == 1048576,
               "as the messages say");

static mt_status fail(mt_error *err, mt_status status, const char *text)
{
    (void)snprintf(err->text, sizeof err->text, "%s", text);
    return err->status = status;
}

/* "a key of kind 7, which this build does not know" */
static mt_status fail_number(mt_error *err, mt_status status, const char *before, size_t number,
                             const char *after)
{
    (void)snprintf(err->text, sizeof err->text, "%s %zu%s", before, number, after);
    return err->status = status;
}

const char *cli_key_kind_name(cli_key_kind kind)
{
    static const char *const names[] = {
        [KEY_DEVICE] = "device", [KEY_ROOT] = "root", [KEY_RECOVERY] = "recovery"};

    return names[kind];
}

/* ---- base64url, without a table: what is secret is no index, and is not branched on ---- */

/* All ones, or zero. */
static uint32_t is_between(uint32_t at, uint32_t first, uint32_t last)
{
    return 0 - (((first - 1 - at) & (at - last - 1)) >> 31);
}

/* Of six bits, "A" to "Z", "a" to "z", "0" to "9", "-", "_". */
static char character_of(uint32_t bits)
{
    return (char)((is_between(bits, 0, 25) & (bits + 'A')) |
                  (is_between(bits, 26, 51) & (bits - 26 + 'a')) |
                  (is_between(bits, 52, 61) & (bits - 52 + '0')) |
                  (is_between(bits, 62, 62) & '-') | (is_between(bits, 63, 63) & '_'));
}

/* The other way; `*known` becomes zero if the character is none of these. */
static uint32_t bits_of(uint8_t at, uint32_t *known)
{
    uint32_t upper = is_between(at, 'A', 'Z'), lower = is_between(at, 'a', 'z');
    uint32_t digit = is_between(at, '0', '9');
    uint32_t dash = is_between(at, '-', '-'), line = is_between(at, '_', '_');

    *known &= upper | lower | digit | dash | line;
    return (upper & (at - (uint32_t)'A')) | (lower & (at - (uint32_t)'a' + 26)) |
           (digit & (at - (uint32_t)'0' + 52)) | (dash & 62) | (line & 63);
}

/* Answers how many characters that took. */
static size_t put_base64url(const uint8_t *bytes, size_t len, char *out)
{
    uint32_t held = 0;
    unsigned held_bits = 0;
    char *at = out;

    for (size_t i = 0; i < len; i++) {
        held = held << 8 | bytes[i];
        for (held_bits += 8; held_bits >= 6; held_bits -= 6)
            *at++ = character_of(held >> (held_bits - 6) & 63);
    }
    if (held_bits > 0) *at++ = character_of(held << (6 - held_bits) & 63);
    return (size_t)(at - out);
}

/* At most SEALED_LEN bytes, from at most as many characters as they take. */
static mt_status take_base64url(mt_bytes text, uint8_t out[SEALED_LEN], size_t *len, mt_error *err)
{
    uint32_t held = 0, known = UINT32_MAX;
    unsigned held_bits = 0;

    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        held = held << 6 | bits_of(text.data[i], &known);
        held_bits += 6;
        if (held_bits < 8) continue;
        held_bits -= 8;
        out[(*len)++] = (uint8_t)(held >> held_bits);
    }
    if (!known) return fail(err, MT_MALFORMED, "a character is not of the base64url alphabet");
    if (held_bits == 6) return fail(err, MT_MALFORMED, "no base64url text has this length");
    if (held & ((1u << held_bits) - 1))
        return fail(err, MT_MALFORMED, "the last bits of the base64url text are not zero");
    return MT_OK;
}

/* ---- Bytes ---- */

static void checksum_of(const mt_crypto *crypto, const uint8_t *bytes, size_t len,
                        uint8_t out[CHECKSUM_LEN])
{
    mt_bytes all = {bytes, len};
    uint8_t hash[32];

    crypto->hash(crypto->ctx, &all, 1, hash, sizeof hash);
    memcpy(out, hash, CHECKSUM_LEN);
}

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_number(uint8_t *at, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) *at++ = (uint8_t)(number >> 8 * i);
    return at;
}

static const uint8_t *take(const uint8_t *at, void *out, size_t len)
{
    memcpy(out, at, len);
    return at + len;
}

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* All that stands before the seed, sealed or not. */
static uint8_t *put_head(uint8_t *at, const cli_key_file *file)
{
    *at++ = (uint8_t)file->kind;
    *at++ = file->is_sealed;
    at = put(at, file->public_key, sizeof file->public_key);
    if (!file->is_sealed) return at;
    at = put(at, file->salt, sizeof file->salt);
    return put_number(put_number(at, file->passes), file->kib);
}

/* ---- Secrets ---- */

static void public_of(const mt_crypto *crypto, const uint8_t seed[MT_KEY_LEN],
                      uint8_t out[MT_KEY_LEN])
{
    uint8_t key[MT_SIGNING_KEY_LEN];

    crypto->signing_key(crypto->ctx, seed, key);
    memcpy(out, key + MT_SIGNING_KEY_LEN - MT_KEY_LEN, MT_KEY_LEN);
    crypto->wipe(crypto->ctx, key, sizeof key);
}

static bool is_public_of(const mt_crypto *crypto, const uint8_t seed[MT_KEY_LEN],
                         const uint8_t public_key[MT_KEY_LEN])
{
    uint8_t made[MT_KEY_LEN];

    public_of(crypto, seed, made);
    return memcmp(made, public_key, MT_KEY_LEN) == 0;
}

static mt_status stretch(const mt_crypto *crypto, const cli_key_file *file, mt_bytes passphrase,
                         uint8_t out[MT_KEY_LEN])
{
    return crypto->stretch(crypto->ctx, passphrase, file->salt, file->passes, file->kib, out);
}

static const uint8_t nonce[MT_NONCE_LEN];

mt_status cli_key_file_seed(const mt_crypto *crypto, const cli_key_file *file, mt_bytes passphrase,
                            uint8_t out[MT_KEY_LEN], mt_error *err)
{
    uint8_t key[MT_KEY_LEN], head[SEALED_HEAD_LEN];
    mt_bytes box = {file->box, BOX_LEN};
    mt_status st = MT_OK;

    if (!file->is_sealed) {
        memcpy(out, file->seed, MT_KEY_LEN);
    } else if ((st = stretch(crypto, file, passphrase, key)) != MT_OK) {
        (void)fail(err, st, mt_status_text(st));
    } else {
        mt_bytes with = {head, (size_t)(put_head(head, file) - head)};

        st = crypto->open(crypto->ctx, key, nonce, with, box, out);
        if (st != MT_OK)
            st = fail(err, MT_INVALID, "the passphrase is not the one that it is sealed with");
    }
    if (st == MT_OK && !is_public_of(crypto, out, file->public_key))
        st = fail(err, MT_MALFORMED, "the public key is not that of the secret one");
    if (st != MT_OK) crypto->wipe(crypto->ctx, out, MT_KEY_LEN);
    crypto->wipe(crypto->ctx, key, sizeof key);
    return st;
}

void cli_key_file_plain(const mt_crypto *crypto, cli_key_kind kind, const uint8_t seed[MT_KEY_LEN],
                        cli_key_file *out)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    memcpy(out->seed, seed, MT_KEY_LEN);
    public_of(crypto, seed, out->public_key);
}

mt_status cli_key_file_seal(const mt_crypto *crypto, cli_key_kind kind,
                            const uint8_t seed[MT_KEY_LEN], mt_bytes passphrase,
                            const uint8_t salt[MT_SALT_LEN], uint32_t passes, uint32_t kib,
                            cli_key_file *out)
{
    uint8_t key[MT_KEY_LEN], head[SEALED_HEAD_LEN];
    mt_bytes text = {seed, MT_KEY_LEN};
    mt_status st;

    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->is_sealed = true;
    out->passes = passes;
    out->kib = kib;
    memcpy(out->salt, salt, MT_SALT_LEN);
    public_of(crypto, seed, out->public_key);
    if ((st = stretch(crypto, out, passphrase, key)) == MT_OK) {
        mt_bytes with = {head, (size_t)(put_head(head, out) - head)};

        crypto->seal(crypto->ctx, key, nonce, with, text, out->box);
    }
    crypto->wipe(crypto->ctx, key, sizeof key);
    return st;
}

/* ---- Lines ---- */

size_t cli_key_file_encode(const mt_crypto *crypto, const cli_key_file *file,
                           char out[KEY_LINE_LEN_MAX])
{
    uint8_t bytes[SEALED_LEN];
    uint8_t *end = put_head(bytes, file);
    size_t len;

    if (file->is_sealed) end = put(end, file->box, sizeof file->box);
    else end = put(end, file->seed, sizeof file->seed);
    checksum_of(crypto, bytes, (size_t)(end - bytes), end);
    end += CHECKSUM_LEN;
    memcpy(out, START, START_LEN);
    len = START_LEN + put_base64url(bytes, (size_t)(end - bytes), out + START_LEN);
    crypto->wipe(crypto->ctx, bytes, sizeof bytes);
    return len;
}

/* Takes the start off a line. */
static mt_status skip_start(mt_bytes *line, mt_error *err)
{
    const uint8_t *at = line->data;

    if (line->len > KEY_LINE_LEN_MAX) return fail(err, MT_MALFORMED, "it is longer than any key");
    if (line->len >= START_LEN && memcmp(at, START, START_LEN) != 0 && memcmp(at, "mtk", 3) == 0 &&
        at[3] >= '0' && at[3] <= '9' && at[4] == ':')
        return fail_number(err, MT_UNSUPPORTED, "a key of version", (size_t)(at[3] - '0'),
                           ", this build knows 1");
    if (line->len < START_LEN || memcmp(at, START, START_LEN) != 0)
        return fail(err, MT_MALFORMED, "no key: it does not begin with \"" START "\"");
    line->data += START_LEN;
    line->len -= START_LEN;
    return MT_OK;
}

static mt_status parse_sealed(const uint8_t *at, cli_key_file *out, mt_error *err)
{
    at = take(at, out->salt, sizeof out->salt);
    out->passes = number_at(at);
    out->kib = number_at(at + 4);
    (void)take(at + 8, out->box, sizeof out->box);
    if (out->passes < 1 || out->passes > KEY_PASSES_MAX)
        return fail_number(err, MT_MALFORMED, "its passphrase takes", out->passes,
                           " passes, not 1 to 16");
    if (out->kib < KEY_KIB_MIN || out->kib > KEY_KIB_MAX)
        return fail_number(err, MT_MALFORMED, "its passphrase takes", out->kib,
                           " KiB of memory, not 8 to 1048576");
    return MT_OK;
}

/* Bytes that are long enough for their form, and no longer, and whose checksum is right. */
static mt_status parse_key(const mt_crypto *crypto, const uint8_t *bytes, cli_key_file *out,
                           mt_error *err)
{
    const uint8_t *at = bytes + 2;

    if (bytes[0] < KEY_DEVICE || bytes[0] > KEY_RECOVERY)
        return fail_number(err, MT_UNSUPPORTED, "a key of kind", bytes[0], UNKNOWN);
    out->kind = (cli_key_kind)bytes[0];
    out->is_sealed = bytes[1] == 1;
    at = take(at, out->public_key, sizeof out->public_key);
    if (out->is_sealed) return parse_sealed(at, out, err);
    (void)take(at, out->seed, sizeof out->seed);
    if (is_public_of(crypto, out->seed, out->public_key)) return MT_OK;
    return fail(err, MT_MALFORMED, "the public key is not that of the secret one");
}

/* Whether there are as many bytes as the form takes, and their checksum. */
static mt_status check_bytes(const mt_crypto *crypto, const uint8_t *bytes, size_t len,
                             mt_error *err)
{
    uint8_t checksum[CHECKSUM_LEN];

    if (len <= CHECKSUM_LEN + 2) return fail(err, MT_MALFORMED, "its end is missing");
    checksum_of(crypto, bytes, len - CHECKSUM_LEN, checksum);
    if (memcmp(checksum, bytes + len - CHECKSUM_LEN, sizeof checksum) != 0)
        return fail(err, MT_MALFORMED,
                    "its checksum is wrong: a character was changed or is missing");
    if (bytes[1] > 1) return fail_number(err, MT_UNSUPPORTED, "a key of form", bytes[1], UNKNOWN);
    if (len == (bytes[1] == 1 ? SEALED_LEN : PLAIN_LEN)) return MT_OK;
    return fail_number(err, MT_MALFORMED, "it has", len, " bytes, which no key of its form has");
}

mt_status cli_key_file_decode(const mt_crypto *crypto, mt_bytes line, cli_key_file *out,
                              mt_error *err)
{
    uint8_t bytes[SEALED_LEN] = {0};
    size_t len;
    mt_status st;

    memset(out, 0, sizeof *out);
    st = skip_start(&line, err);
    if (st == MT_OK) st = take_base64url(line, bytes, &len, err);
    if (st == MT_OK) st = check_bytes(crypto, bytes, len, err);
    if (st == MT_OK) st = parse_key(crypto, bytes, out, err);
    if (st != MT_OK) crypto->wipe(crypto->ctx, out, sizeof *out);
    crypto->wipe(crypto->ctx, bytes, sizeof bytes);
    return st;
}
