/* fuzz/websocket_fuzz.c - any bytes, read as frames of WebSocket.
 *
 * The last byte of the input says in pieces of what length the bytes before it are fed the second time (six bits),
 * whether messages are held back first, and, by its highest bit, whether it is a server that reads them. */
#include "said_frames.h"

#include "plugins/websocket_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t websocket_read(void *reader, uint8_t *data, size_t len, bool hold, mti_frame *out)
{
    return mti_websocket_read(reader, data, len, hold, out);
}

static uint64_t say(const uint8_t *data, size_t size, bool masked, size_t step, bool holds)
{
    counter memory = {.live_max = SIZE_MAX};
    const mt_mem mem = {.resize = counted_resize, .ctx = &memory};
    const frames_input input = {data, size, step, holds};
    mti_websocket_reader reader = {.masked = masked, .body.mem = &mem};
    uint64_t sum = frames_say(&reader, websocket_read, &memory, &input);

    mti_websocket_reset(&reader);
    REQUIRE(memory.live == 0);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t how;

    if (size < 2) return 0;
    how = data[--size];
    REQUIRE(say(data, size, how & 0x80, size, false) ==
            say(data, size, how & 0x80, 1 + how % 0x40, how & 0x40));
    return 0;
}
