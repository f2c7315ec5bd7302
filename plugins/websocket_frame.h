/* plugins/websocket_frame.h - frames of WebSocket (RFC 6455): bytes in, messages out.
 *
 *     fin, 0, 0, 0, opcode   1 byte    the three bits between are of extensions, of which there are none
 *     mask, length           1 byte    126: 2 bytes of length follow, 127: 8, highest first
 *     the mask               4 bytes, if there is one: a client masks, a server does not
 *     the payload
 *
 * A message is a frame with an opcode, and then frames with opcode 0, to one with fin. Frames of
 * control, which may stand between these, are never split. Pure. */
#ifndef MTI_WEBSOCKET_FRAME_H
#define MTI_WEBSOCKET_FRAME_H

#include "plugins/frame.h"

#define MTI_WEBSOCKET_BINARY 0x2
#define MTI_WEBSOCKET_CLOSE 0x8
#define MTI_WEBSOCKET_PING 0x9
#define MTI_WEBSOCKET_PONG 0xA

#define MTI_WEBSOCKET_HEAD_MAX 14
#define MTI_WEBSOCKET_CONTROL_MAX 125

/* A reader. All zero but for `masked` and `body.mem` is one at the start of a stream. */
typedef struct mti_websocket_reader {
    bool masked; /* frames must be; else they must not */
    bool within; /* a message has begun, and more of it is to come */
    bool given;  /* `body` was given out, and is freed next */
    uint8_t head_len;
    uint8_t head[MTI_WEBSOCKET_HEAD_MAX];
    uint8_t control[MTI_WEBSOCKET_CONTROL_MAX];
    uint32_t frame_len; /* of the frame's payload, once its head is complete */
    uint32_t frame_read;
    size_t len_max; /* of a message; 0: MT_MESSAGE_LEN_MAX. It outlasts a new start */
    mt_buf body;    /* of a message that comes in several pieces */
} mti_websocket_reader;

/* Reads on, at most to the end of a frame, and answers how many bytes of the input it read, which it
 * may have unmasked in place. To be called until it gives MTI_FRAME_NONE, with no bytes too. `hold`:
 * no payload of a message is read, only what precedes it. */
size_t mti_websocket_read(mti_websocket_reader *r, uint8_t *data, size_t len, bool hold,
                          mti_frame *out);

/* Whether the stream may end here, as far as messages go. */
bool mti_websocket_between(const mti_websocket_reader *r);

/* Frees what it holds, and starts anew. */
void mti_websocket_reset(mti_websocket_reader *r);

/* Writes the head of a whole message or frame of control; answers its length. `mask`: 4 bytes, or
 * NULL. */
size_t mti_websocket_head(uint8_t head[MTI_WEBSOCKET_HEAD_MAX], uint8_t opcode, size_t len,
                          const uint8_t *mask);

/* Lays a mask over bytes, of which the first is number `at` of the payload. */
void mti_websocket_mask(uint8_t *bytes, size_t len, const uint8_t mask[4], size_t at);

#endif
