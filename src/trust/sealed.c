#include "trust/sealed.h"

#include "base/assert.h"

#define FLAG_LAST 0
#define FLAG_MORE 1
#define FLAG_END 2

#define LEN_LEN sizeof(uint32_t)

void mti_sealed_wipe(mti_sealed *sealed, const mt_crypto *crypto)
{
    const mt_mem *mem = sealed->parts.mem;

    mt_buf_free(&sealed->parts);
    crypto->wipe(crypto->ctx, sealed, sizeof *sealed);
    sealed->parts.mem = mem;
}

/* Counts what went by with a key, and changes it in time. */
static void count(const mt_crypto *crypto, mti_cipher *cipher, uint64_t *bytes, size_t len)
{
    *bytes += len;
    if (*bytes < MTI_SEALED_REKEY) return;
    mti_cipher_rekey(crypto, cipher);
    *bytes = 0;
}

/* There is room for it. */
static mt_status put_part(mti_sealed *sealed, const mt_crypto *crypto, uint8_t flag, mt_bytes text,
                          mt_buf *out)
{
    uint32_t len = (uint32_t)(text.len + MTI_SEALED_MORE);
    uint8_t *at = out->data + out->len;
    mt_status st;

    memcpy(at, &len, LEN_LEN);
    at[LEN_LEN] = flag;
    if (text.len) memcpy(at + LEN_LEN + 1, text.data, text.len);
    st = mti_cipher_seal(crypto, &sealed->sends, (mt_bytes){NULL, 0},
                         (mt_bytes){at + LEN_LEN, 1 + text.len}, at + LEN_LEN);
    if (st != MT_OK) return st;
    out->len += LEN_LEN + len;
    count(crypto, &sealed->sends, &sealed->sent, len);
    return MT_OK;
}

mt_status mti_sealed_put(mti_sealed *sealed, const mt_crypto *crypto, mt_bytes message, mt_buf *out)
{
    mt_status st = mti_buf_reserve(out, message.len + 2 * (LEN_LEN + MTI_SEALED_MORE));

    mti_assert(message.len <= MT_MESSAGE_LEN_MAX);
    if (st == MT_OK && message.len > MTI_SEALED_TEXT_MAX) {
        st =
            put_part(sealed, crypto, FLAG_MORE, (mt_bytes){message.data, MTI_SEALED_TEXT_MAX}, out);
        message.data += MTI_SEALED_TEXT_MAX;
        message.len -= MTI_SEALED_TEXT_MAX;
    }
    return st == MT_OK ? put_part(sealed, crypto, FLAG_LAST, message, out) : st;
}

mt_status mti_sealed_put_end(mti_sealed *sealed, const mt_crypto *crypto, mt_buf *out)
{
    mt_status st = mti_buf_reserve(out, LEN_LEN + MTI_SEALED_MORE);

    return st == MT_OK ? put_part(sealed, crypto, FLAG_END, (mt_bytes){NULL, 0}, out) : st;
}

bool mti_sealed_part(const mt_buf *out, size_t at, mt_bytes *part)
{
    uint32_t len;

    if (at == out->len) return false;
    memcpy(&len, out->data + at, LEN_LEN);
    *part = (mt_bytes){out->data + at + LEN_LEN, len};
    return true;
}

/* Takes what a part says, once it is open. */
static mt_status take_text(mti_sealed *sealed, uint8_t flag, mt_bytes text, mt_bytes *message)
{
    if (flag == FLAG_END && text.len == 0 && sealed->parts.len == 0) {
        sealed->ended = true;
        return MT_END;
    }
    if (flag > FLAG_MORE) return MT_MALFORMED;
    *message = text;
    if (flag == FLAG_LAST && sealed->parts.len == 0) return MT_OK;
    /* One that is divided where it need not be has another form than we give it. */
    if (flag == FLAG_MORE && text.len < MTI_SEALED_TEXT_MAX) return MT_MALFORMED;
    if (sealed->parts.len + text.len > MT_MESSAGE_LEN_MAX) return MT_TOO_LARGE;
    if (mti_buf_append(&sealed->parts, text.data, text.len) != MT_OK) return MT_NO_MEMORY;
    *message = mt_buf_bytes(&sealed->parts);
    sealed->whole = flag == FLAG_LAST;
    return sealed->whole ? MT_OK : MT_AGAIN;
}

mt_status mti_sealed_take(mti_sealed *sealed, const mt_crypto *crypto, mt_bytes part, mt_buf *room,
                          mt_bytes *message)
{
    mt_status st;

    if (sealed->ended || part.len < MTI_SEALED_MORE) return MT_MALFORMED;
    if (sealed->whole) mt_buf_free(&sealed->parts);
    sealed->whole = false;
    room->len = 0;
    if (mti_buf_reserve(room, part.len) != MT_OK) return MT_NO_MEMORY;
    st = mti_cipher_open(crypto, &sealed->receives, (mt_bytes){NULL, 0}, part, room->data);
    if (st != MT_OK) return st;
    count(crypto, &sealed->receives, &sealed->received, part.len);
    return take_text(sealed, room->data[0], (mt_bytes){room->data + 1, part.len - MTI_SEALED_MORE},
                     message);
}
