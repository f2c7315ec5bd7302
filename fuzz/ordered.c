#include "ordered.h"

#include <mytosis/host.h>
#include <string.h>

static mt_status any_signature(void *ctx, const uint8_t *key, mt_bytes message,
                               const uint8_t *signature)
{
    (void)ctx, (void)key, (void)message, (void)signature;
    return MT_OK;
}

mt_crypto ordered_crypto(void)
{
    mt_crypto crypto = *mt_crypto_sodium();

    crypto.verify = any_signature;
    return crypto;
}

bool ordered_make(ordered *out, const mt_crypto *crypto, const mt_bytes *tokens)
{
    mt_error err;

    for (size_t i = 0; i < out->count; i++) {
        mti_token *token = &out->tokens[i];

        if (mti_token_decode(tokens[i], token, &err) != MT_OK) return false;
        token->depth = (uint8_t)i;
        memset(token->parent, 0, sizeof token->parent);
        memcpy(token->space, out->tokens[0].space, sizeof token->space);
        if (i > 0) {
            mti_token_id(crypto, out->bytes[i - 1], token->parent);
            memcpy(token->issuer, token[-1].audience, sizeof token->issuer);
        }
        out->bytes[i] = (mt_bytes){out->room[i], mti_token_encode(token, out->room[i])};
    }
    memcpy(out->space.id, out->tokens[0].space, sizeof out->space.id);
    memcpy(out->space.root, out->tokens[0].issuer, sizeof out->space.root);
    return true;
}
