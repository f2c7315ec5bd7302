/* fuzz/key_file_fuzz.c - any bytes, read as the line of a key.
 *
 * The first byte of the input is odd if the rest is what a key holds, all but its checksum, which is made, and all
 * is then written as text. The passphrase of sealed ones is not tried if that would take long. */
#include "counted.h"

#include "base/base64url.h"
#include "cli/key_file.h"

#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_key(const cli_key_file *file)
{
    static const uint8_t wiped[MT_KEY_LEN];
    uint8_t seed[MT_KEY_LEN];
    mt_error err = {.status = MT_OK};
    mt_status st;

    if (file->is_sealed && (file->passes > 1 || file->kib > 64)) return;
    st = cli_key_file_seed(mt_crypto_sodium(), file, mt_str("open sesame"), seed, &err);
    REQUIRE(st == MT_OK || (file->is_sealed && err.text[0]));
    REQUIRE(st == MT_OK || memcmp(seed, wiped, sizeof seed) == 0);
}

static void key_line(mt_bytes line)
{
    char again[KEY_LINE_LEN_MAX];
    cli_key_file read;
    mt_error err = {.status = MT_OK};

    if (cli_key_file_decode(mt_crypto_sodium(), line, &read, &err) != MT_OK) {
        REQUIRE(err.text[0] && (err.status == MT_MALFORMED || err.status == MT_UNSUPPORTED));
        return;
    }
    REQUIRE(read.kind >= KEY_DEVICE && read.kind <= KEY_RECOVERY);
    REQUIRE(!read.is_sealed || (read.passes <= KEY_PASSES_MAX && read.kib <= KEY_KIB_MAX));
    REQUIRE(cli_key_file_encode(mt_crypto_sodium(), &read, again) == line.len);
    REQUIRE(memcmp(again, line.data, line.len) == 0);
    open_key(&read);
}

/* The line of what a key holds, OWNED. */
static mt_bytes wrapped(mt_bytes bytes)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    uint8_t hash[32], *all = malloc(bytes.len + 4);
    size_t len = 5 + mti_base64url_len(bytes.len + 4);
    char *text = malloc(len);

    if (!all || !text) abort();
    crypto->hash(crypto->ctx, &bytes, 1, hash, sizeof hash);
    memcpy(all, bytes.data, bytes.len);
    memcpy(all + bytes.len, hash, 4);
    memcpy(text, "mtk1:", 5);
    mti_base64url_encode((mt_bytes){all, bytes.len + 4}, text + 5);
    free(all);
    return (mt_bytes){(const uint8_t *)text, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_bytes bytes;

    if (size == 0) return 0;
    bytes = (mt_bytes){data + 1, size - 1};
    if (data[0] % 2 == 0) {
        key_line(bytes);
        return 0;
    }
    bytes = wrapped(bytes);
    key_line(bytes);
    free((void *)(uintptr_t)bytes.data);
    return 0;
}
