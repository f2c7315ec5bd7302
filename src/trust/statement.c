#include "trust/statement.h"

#include "base/assert.h"
#include "base/word.h"

#define DOMAIN_LEN_MAX 32

/* ---- Reading ---- */

void mti_statement_fail(mti_parse *in, mt_status status, size_t back, const char *what,
                        const char *how)
{
    if (in->failed) return;
    in->at -= back;
    mti_parse_fail(in, what, how);
    in->err->status = status;
}

void mti_statement_version(mti_parse *in)
{
    uint8_t version = mti_parse_byte(in, "the version");

    if (in->failed || version == MTI_STATEMENT_VERSION) return;
    in->failed = true;
    in->at = in->end;
    mti_fail(in->err, MT_UNSUPPORTED, "%s: of version %d, this build knows %d", in->message,
             version, MTI_STATEMENT_VERSION);
}

void mti_statement_copy(mti_parse *in, const char *what, uint8_t *out, size_t len)
{
    mt_bytes bytes = mti_parse_fixed(in, what, len);

    if (bytes.len == len) memcpy(out, bytes.data, len);
    else memset(out, 0, len);
}

uint64_t mti_statement_word(mti_parse *in, const char *what)
{
    uint8_t word[8];

    mti_statement_copy(in, what, word, sizeof word);
    return mti_load_le64(word);
}

/* ---- Writing ---- */

uint8_t *mti_statement_put(uint8_t *at, const void *data, size_t len)
{
    if (len) memcpy(at, data, len);
    return at + len;
}

uint8_t *mti_statement_put_word(uint8_t *at, uint64_t word)
{
    mti_store_le64(word, at);
    return at + sizeof word;
}

/* ---- Ciphers ---- */

void mti_statement_hash(const mt_crypto *crypto, const char *domain, mt_bytes bytes, uint8_t *out,
                        size_t out_len)
{
    const mt_bytes parts[2] = {mt_str(domain), bytes};

    crypto->hash(crypto->ctx, parts, 2, out, out_len);
}

/* Signatures take one run of bytes: domain | bytes, put together in `room`. */
static mt_bytes with_domain(const char *domain, mt_bytes bytes, uint8_t *room)
{
    mt_bytes name = mt_str(domain);
    uint8_t *end;

    mti_assert(name.len <= DOMAIN_LEN_MAX && bytes.len <= MTI_SIGNED_LEN_MAX);
    end = mti_statement_put(mti_statement_put(room, name.data, name.len), bytes.data, bytes.len);
    return (mt_bytes){room, (size_t)(end - room)};
}

void mti_statement_sign(const mt_crypto *crypto, const char *domain, mt_bytes bytes,
                        const uint8_t key[MT_SIGNING_KEY_LEN], uint8_t out[MT_SIGNATURE_LEN])
{
    uint8_t room[DOMAIN_LEN_MAX + MTI_SIGNED_LEN_MAX];

    crypto->sign(crypto->ctx, key, with_domain(domain, bytes, room), out);
}

mt_status mti_statement_verify(const mt_crypto *crypto, const char *domain, mt_bytes bytes,
                               const uint8_t key[MT_KEY_LEN],
                               const uint8_t signature[MT_SIGNATURE_LEN])
{
    uint8_t room[DOMAIN_LEN_MAX + MTI_SIGNED_LEN_MAX];

    return crypto->verify(crypto->ctx, key, with_domain(domain, bytes, room), signature);
}
