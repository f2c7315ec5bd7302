/* trust/sealed.h - the messages of a session, sealed.
 *
 *     message    one part, or several: each is one message of the link
 *     part       sealed: flag: byte | text
 *     flag       0: the message ends with it   1: it goes on in the next   2: nothing follows, ever
 *
 * The nonce counts the parts of a direction. After 1 GiB of them its key is another one, which follows from
 * the one before: so both change it at the same place, and nothing says so. */
#ifndef MTI_SEALED_H
#define MTI_SEALED_H

#include "base/bytes.h"
#include "trust/noise.h"

#include <mytosis/network.h>

/* What a part takes beside its text, and the longest text of one. */
#define MTI_SEALED_MORE (1 + MT_TAG_LEN)
#define MTI_SEALED_TEXT_MAX (MT_MESSAGE_LEN_MAX - MTI_SEALED_MORE)

#define MTI_SEALED_REKEY ((uint64_t)1 << 30)

typedef struct mti_sealed {
    mti_cipher sends, receives;
    uint64_t sent, received; /* bytes since the keys were last changed */
    mt_buf parts;            /* of a message that came in several */
    bool whole;              /* all of it has come, and was handed out */
    bool ended;              /* the other side said that nothing follows */
} mti_sealed;

/* Forgets the keys, and frees what there is of a message. */
void mti_sealed_wipe(mti_sealed *sealed, const mt_crypto *crypto);

/* Appends a message to `out`, as parts that each have their length before them, 4 bytes. MT_NO_MEMORY: it is
 * as it was. */
mt_status mti_sealed_put(mti_sealed *sealed, const mt_crypto *crypto, mt_bytes message,
                         mt_buf *out);

/* Appends, in the same way, that nothing follows. */
mt_status mti_sealed_put_end(mti_sealed *sealed, const mt_crypto *crypto, mt_buf *out);

/* The first part in `out` from `at` on, of those that were put there; false: there is none. */
bool mti_sealed_part(const mt_buf *out, size_t at, mt_bytes *part);

/* Opens a part. MT_OK: a message has come to its end, and is `*message`, BORROWED from `room` or the session
 * until the next call. MT_AGAIN: it has not. MT_END: nothing follows. MT_MALFORMED, MT_TOO_LARGE, MT_NO_MEMORY:
 * the session is over. */
mt_status mti_sealed_take(mti_sealed *sealed, const mt_crypto *crypto, mt_bytes part, mt_buf *room,
                          mt_bytes *message);

#endif
