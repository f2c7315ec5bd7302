/* hex.h - bytes as hexadecimal digits, and devices by the first of theirs. */
#ifndef CLI_HEX_H
#define CLI_HEX_H

#include "text.h"

/* How many digits name a device where it is not spelled out. */
#define HEX_SHORT 12

void cli_hex_add(cli_text *text, const uint8_t *bytes, size_t len);

/* Reads exactly `len` bytes; false: it is something else. Letters may be capital. */
bool cli_hex_read(mt_bytes digits, uint8_t *out, size_t len);

/* Whether bytes begin with these digits. */
bool cli_hex_begins(const uint8_t *bytes, size_t len, const char *digits);

#endif
