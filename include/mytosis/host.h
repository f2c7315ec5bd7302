/* mytosis/host.h - what the core is given on an ordinary system: memory, entropy, compression,
 * ciphers.
 *
 * None of this is needed by a program that brings its own. */
#ifndef MYTOSIS_HOST_H
#define MYTOSIS_HOST_H

#include <mytosis/compress.h>
#include <mytosis/crypto.h>
#include <mytosis/system.h>

MT_BEGIN_DECLS

/* Zstandard through libzstd, at its level 3 but for matches of less than 6 bytes, which cost
 * more than they save here. Static. Threads: any. */
MT_API const mt_compressor *mt_compressor_zstd(void);

/* Ciphers, hashes and signatures through libsodium. NULL: it found no source of randomness. Static.
 * Threads: any. */
MT_API const mt_crypto *mt_crypto_sodium(void);

MT_END_DECLS
#endif
