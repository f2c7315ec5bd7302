/* fuzz/said_frames.h - what readers of frames say of some bytes, as a sum to compare: the same whether
 * the bytes come whole or in pieces, and whether messages are held back at times. */
#ifndef SAID_FRAMES_H
#define SAID_FRAMES_H

#include "counted.h"
#include "plugins/frame.h"

/* One of the readers of plugins/. */
typedef size_t frame_read(void *reader, uint8_t *data, size_t len, bool hold, mti_frame *out);

typedef struct frames_input {
    const uint8_t *data;
    size_t len;
    size_t step; /* in pieces of this length */
    bool holds;  /* each message is held back once before it is taken */
} frames_input;

/* Reads until the input ends or a frame is bad. The reader must not have more memory than twice what
 * it was fed and one message. */
uint64_t frames_say(void *reader, frame_read *read, const counter *memory,
                    const frames_input *input);

#endif
