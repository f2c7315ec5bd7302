#include "hex.h"

#include <string.h>

static int digit_of(uint8_t letter)
{
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

void cli_hex_add(cli_text *text, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) cli_text_printf(text, "%02x", bytes[i]);
}

bool cli_hex_read(mt_bytes digits, uint8_t *out, size_t len)
{
    if (digits.len != 2 * len) return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit_of(digits.data[2 * i]), low = digit_of(digits.data[2 * i + 1]);

        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool cli_hex_begins(const uint8_t *bytes, size_t len, const char *digits)
{
    size_t count = strlen(digits);

    if (count > 2 * len) return false;
    for (size_t i = 0; i < count; i++) {
        int digit = digit_of((uint8_t)digits[i]);

        if (digit < 0 || digit != (i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15))
            return false;
    }
    return true;
}
