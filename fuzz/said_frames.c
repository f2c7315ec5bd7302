#include "said_frames.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a over all that a reader says. */
static uint64_t sum_of(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++) sum = (sum ^ at[i]) * UINT64_C(0x100000001B3);
    return sum;
}

static uint64_t sum_number(uint64_t sum, uint64_t number)
{
    return sum_of(sum, &number, sizeof number);
}

static uint64_t sum_frame(uint64_t sum, const mti_frame *frame)
{
    sum = sum_number(sum, (uint64_t)frame->kind);
    sum = sum_number(sum, frame->code);
    sum = sum_number(sum, frame->bytes.len);
    if (frame->kind == MTI_FRAME_BAD) {
        REQUIRE(frame->error.status != MT_OK && frame->error.status != MT_NO_MEMORY);
        return sum_of(sum, frame->error.text, strlen(frame->error.text));
    }
    REQUIRE(frame->bytes.len <= MT_MESSAGE_LEN_MAX);
    return sum_of(sum, frame->bytes.data, frame->bytes.len);
}

uint64_t frames_say(void *reader, frame_read *read, const counter *memory,
                    const frames_input *input)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    mti_frame frame = {.kind = MTI_FRAME_NONE};

    for (size_t at = 0; at < input->len && frame.kind != MTI_FRAME_BAD; at += input->step) {
        size_t len = input->len - at < input->step ? input->len - at : input->step;
        uint8_t *piece = malloc(len), *data = piece; /* ends where it ends, for the sanitizer */
        bool hold = input->holds;

        REQUIRE(piece != NULL);
        memcpy(piece, input->data + at, len);
        do {
            size_t taken = read(reader, data, len, hold, &frame);

            REQUIRE(taken <= len);
            data += taken;
            len -= taken;
            REQUIRE(memory->live <= 2 * (at + input->step) + 1024);
            REQUIRE(frame.kind != MTI_FRAME_NONE || len == 0);
            hold = input->holds && frame.kind != MTI_FRAME_HELD;
            if (frame.kind != MTI_FRAME_NONE && frame.kind != MTI_FRAME_HELD)
                sum = sum_frame(sum, &frame);
        } while (frame.kind != MTI_FRAME_NONE && frame.kind != MTI_FRAME_BAD);
        free(piece);
    }
    return sum;
}
