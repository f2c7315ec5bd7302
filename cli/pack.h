/* pack.h - numbers and runs of bytes in the messages between a daemon and the commands.
 *
 * Numbers are little-endian, of a fixed length; a run of bytes has its length before it, in four bytes. Whoever unpacks notes
 * the first thing that is not there and then gives zeros: what was unpacked is looked at once, in the end. */
#ifndef CLI_PACK_H
#define CLI_PACK_H

#include "text.h"

#include <mytosis/plugin/storage.h>

/* Adds the low `len` bytes of a number. */
void cli_pack_number(cli_text *text, uint64_t number, size_t len);

/* Adds a run of less than 4 GiB. */
void cli_pack_bytes(cli_text *text, mt_bytes bytes);

void cli_pack_status(cli_text *text, mt_status status);
void cli_pack_cursor(cli_text *text, const mt_cursor *cursor);

typedef struct cli_unpacking {
    mt_bytes rest;
    bool failed; /* something was not there */
} cli_unpacking;

uint64_t cli_unpack_number(cli_unpacking *from, size_t len);

/* 1 or 0, in one byte. */
bool cli_unpack_bool(cli_unpacking *from);

/* BORROWED from what is unpacked. */
mt_bytes cli_unpack_bytes(cli_unpacking *from);

/* How many things follow, in four bytes, each of at least `size_min` bytes: never more than there is room for in the rest. */
size_t cli_unpack_count(cli_unpacking *from, size_t size_min);

/* MT_OK or less. */
mt_status cli_unpack_status(cli_unpacking *from);
void cli_unpack_cursor(cli_unpacking *from, mt_cursor *out);

/* Whether all was there, and nothing is left. */
bool cli_unpack_end(const cli_unpacking *from);

#endif
