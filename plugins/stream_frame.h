/* plugins/stream_frame.h - frames on a stream of bytes: TCP and Unix sockets.
 *
 *     kind            1 byte   0x10 message, 0x11 ping, 0x12 pong; the high half is the version
 *     length          3 bytes  lowest first; at most MT_MESSAGE_LEN_MAX, of pings and pongs 0
 *     the message     `length` bytes
 *
 * Pure: bytes in, frames out. */
#ifndef MTI_STREAM_FRAME_H
#define MTI_STREAM_FRAME_H

#include "plugins/frame.h"

#define MTI_STREAM_MESSAGE 0x10
#define MTI_STREAM_PING 0x11
#define MTI_STREAM_PONG 0x12

#define MTI_STREAM_HEAD_LEN 4

/* A reader. All zero but for `body.mem` is one at the start of a stream. */
typedef struct mti_stream_reader {
    uint8_t head[MTI_STREAM_HEAD_LEN];
    uint8_t head_len; /* how much of it has come */
    bool given;       /* `body` was given out, and is freed next */
    size_t len_max;   /* of a message; 0: MT_MESSAGE_LEN_MAX. It outlasts a new start */
    mt_buf body;      /* of a message that comes in several pieces */
} mti_stream_reader;

/* Reads on, at most to the end of a frame, and answers how many bytes of the input it read. To be
 * called until it gives MTI_FRAME_NONE, with no bytes too. `hold`: no message is read, only what
 * precedes it. Out of memory is MTI_FRAME_BAD with MT_NO_MEMORY. */
size_t mti_stream_read(mti_stream_reader *r, const uint8_t *data, size_t len, bool hold,
                       mti_frame *out);

/* Whether the stream may end here: between two frames. */
bool mti_stream_between(const mti_stream_reader *r);

/* Frees what it holds, and starts anew. */
void mti_stream_reset(mti_stream_reader *r);

void mti_stream_head(uint8_t head[MTI_STREAM_HEAD_LEN], uint8_t kind, size_t len);

#endif
