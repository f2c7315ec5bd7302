#include "pack.h"

void cli_pack_number(cli_text *text, uint64_t number, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(number >> (8 * i));
    cli_text_add(text, (mt_bytes){bytes, len});
}

void cli_pack_bytes(cli_text *text, mt_bytes bytes)
{
    if (bytes.len > UINT32_MAX) {
        cli_text_note(text, MT_TOO_LARGE);
        return;
    }
    cli_pack_number(text, bytes.len, 4);
    cli_text_add(text, bytes);
}

void cli_pack_status(cli_text *text, mt_status status)
{
    cli_pack_number(text, (uint32_t)status, 4);
}

void cli_pack_cursor(cli_text *text, const mt_cursor *cursor)
{
    cli_text_add(text, (mt_bytes){cursor->boot, sizeof cursor->boot});
    cli_pack_number(text, cursor->number, 8);
}

static void fail(cli_unpacking *from)
{
    from->failed = true;
    from->rest.len = 0;
}

static mt_bytes take(cli_unpacking *from, size_t len)
{
    mt_bytes taken = {from->rest.data, len};

    if (len > from->rest.len) {
        fail(from);
        return (mt_bytes){from->rest.data, 0};
    }
    if (len == 0) return taken;
    from->rest.data += len;
    from->rest.len -= len;
    return taken;
}

uint64_t cli_unpack_number(cli_unpacking *from, size_t len)
{
    mt_bytes bytes = take(from, len);
    uint64_t number = 0;

    for (size_t i = 0; i < bytes.len; i++) number |= (uint64_t)bytes.data[i] << (8 * i);
    return number;
}

bool cli_unpack_bool(cli_unpacking *from)
{
    uint64_t number = cli_unpack_number(from, 1);

    if (number > 1) fail(from);
    return number == 1;
}

mt_bytes cli_unpack_bytes(cli_unpacking *from)
{
    return take(from, (size_t)cli_unpack_number(from, 4));
}

size_t cli_unpack_count(cli_unpacking *from, size_t size_min)
{
    size_t count = (size_t)cli_unpack_number(from, 4);

    if (count <= from->rest.len / size_min) return count;
    fail(from);
    return 0;
}

mt_status cli_unpack_status(cli_unpacking *from)
{
    mt_status status = (mt_status)(int32_t)(uint32_t)cli_unpack_number(from, 4);

    if (status <= MT_OK) return status;
    fail(from);
    return MT_OK;
}

void cli_unpack_cursor(cli_unpacking *from, mt_cursor *out)
{
    for (size_t i = 0; i < sizeof out->boot; i++)
        out->boot[i] = (uint8_t)cli_unpack_number(from, 1);
    out->number = cli_unpack_number(from, 8);
}

bool cli_unpack_end(const cli_unpacking *from)
{
    return !from->failed && from->rest.len == 0;
}
