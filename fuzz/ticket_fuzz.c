/* fuzz/ticket_fuzz.c - any bytes, read as the text of a ticket.
 *
 * The first byte of the input is odd if the rest is what a ticket holds, all but its checksum, which is made, and
 * all is then written as text. */
#include "counted.h"

#include "base/base64url.h"
#include "trust/ticket.h"

#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ticket(mt_bytes text)
{
    uint8_t room[MTI_TICKET_LEN_MAX];
    char again[MTI_TICKET_TEXT_LEN_MAX];
    mti_ticket read;
    mt_error err = {.status = MT_OK};
    size_t len;

    if (mti_ticket_decode(mt_crypto_sodium(), text, room, &read, &err) != MT_OK) {
        REQUIRE(err.text[0] && (err.status == MT_MALFORMED || err.status == MT_UNSUPPORTED));
        return;
    }
    REQUIRE(read.address_count >= 1 && read.address_count <= MTI_TICKET_ADDRESSES_MAX);
    for (size_t i = 0; i < read.address_count; i++)
        REQUIRE(read.addresses[i].len > 0 &&
                !memchr(read.addresses[i].data, '\n', read.addresses[i].len));
    REQUIRE(mti_ticket_encode(mt_crypto_sodium(), &read, again, &len, &err) == MT_OK);
    REQUIRE(len == text.len && memcmp(again, text.data, len) == 0);
}

/* The text of what a ticket holds, OWNED. */
static mt_bytes wrapped(mt_bytes bytes)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    uint8_t hash[32], *all = malloc(bytes.len + 4);
    size_t len = 4 + mti_base64url_len(bytes.len + 4);
    char *text = malloc(len);

    if (!all || !text) abort();
    crypto->hash(crypto->ctx, &bytes, 1, hash, sizeof hash);
    memcpy(all, bytes.data, bytes.len);
    memcpy(all + bytes.len, hash, 4);
    memcpy(text, "mt1:", 4);
    mti_base64url_encode((mt_bytes){all, bytes.len + 4}, text + 4);
    free(all);
    return (mt_bytes){(const uint8_t *)text, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_bytes bytes;

    if (size == 0) return 0;
    bytes = (mt_bytes){data + 1, size - 1};
    if (data[0] % 2 == 0) {
        ticket(bytes);
        return 0;
    }
    bytes = wrapped(bytes);
    ticket(bytes);
    free((void *)(uintptr_t)bytes.data);
    return 0;
}
