/* plugins/sha1.h - SHA-1, which the hello of WebSocket asks for, and for nothing else: it is broken. */
#ifndef MTI_SHA1_H
#define MTI_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define MTI_SHA1_LEN 20

/* Of at most 119 bytes, which is two blocks. */
void mti_sha1(const uint8_t *data, size_t len, uint8_t out[MTI_SHA1_LEN]);

#endif
