/* plugins/frame.h - what comes out of a reader of frames, whichever framing it reads. */
#ifndef MTI_FRAME_H
#define MTI_FRAME_H

#include <mytosis/network.h>

typedef enum mti_frame_kind {
    MTI_FRAME_NONE = 0, /* all was read, and more is needed */
    MTI_FRAME_HELD,     /* a message follows, and the caller wants none; the rest was not read */
    MTI_FRAME_MESSAGE,
    MTI_FRAME_PING,
    MTI_FRAME_PONG,
    MTI_FRAME_CLOSE, /* of WebSocket: `code`, and the reason in `bytes` */
    MTI_FRAME_BAD    /* `error` says why, `code` what WebSocket calls it; nothing can follow */
} mti_frame_kind;

typedef struct mti_frame {
    mti_frame_kind kind;
    uint16_t code;  /* of a close: 1005 if none was given */
    mt_bytes bytes; /* BORROWED until the reader's next call, from it or from what it read */
    mt_error error;
} mti_frame;

#endif
