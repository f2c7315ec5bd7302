/* fuzz/stream_fuzz.c - any bytes, read as the frames of TCP and Unix sockets.
 *
 * The last byte of the input says in pieces of what length the bytes before it are fed the second time, and, by
 * its highest bit, whether messages are held back first. */
#include "said_frames.h"

#include "plugins/stream_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t stream_read(void *reader, uint8_t *data, size_t len, bool hold, mti_frame *out)
{
    return mti_stream_read(reader, data, len, hold, out);
}

static uint64_t say(const uint8_t *data, size_t size, size_t step, bool holds)
{
    counter memory = {.live_max = SIZE_MAX};
    const mt_mem mem = {.resize = counted_resize, .ctx = &memory};
    const frames_input input = {data, size, step, holds};
    mti_stream_reader reader = {.body.mem = &mem};
    uint64_t sum = frames_say(&reader, stream_read, &memory, &input);

    mti_stream_reset(&reader);
    REQUIRE(memory.live == 0);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t how;

    if (size < 2) return 0;
    how = data[--size];
    REQUIRE(say(data, size, size, false) == say(data, size, 1 + how % 0x80, how & 0x80));
    return 0;
}
