/* base/checksum.h - telling damaged bytes from sound ones.
 *
 * A checksum finds accidents, not attackers. The value is the same on every machine. */
#ifndef MTI_CHECKSUM_H
#define MTI_CHECKSUM_H

#include <mytosis/bytes.h>

/* XXH64 of `data`. */
uint64_t mti_checksum(mt_bytes data, uint64_t seed);

/* Its low 32 bits. */
uint32_t mti_checksum32(mt_bytes data, uint64_t seed);

#endif
