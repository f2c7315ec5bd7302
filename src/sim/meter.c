/* meter.c - docs/protocol.md, "Sessions", has the bytes. */
#include "sim/meter.h"

#define DATA 0x0e
#define HAS_POSITION 8u
#define BOOT_LEN 16

size_t mti_sim_number(mt_bytes in, size_t at, uint64_t *out)
{
    uint64_t number = 0;
    unsigned shift = 0;

    for (; at < in.len; at++, shift += 7) {
        if (shift < 64) number |= (uint64_t)(in.data[at] & 0x7f) << shift;
        if (!(in.data[at] & 0x80)) break;
    }
    if (out) *out = number;
    return at + 1;
}

static void skip(mt_bytes *in, uint64_t len)
{
    size_t by = len < in->len ? (size_t)len : in->len;

    in->data += by;
    in->len -= by;
}

/* Takes a number off the front. */
static uint64_t take_number(mt_bytes *in)
{
    uint64_t number;

    skip(in, mti_sim_number(*in, 0, &number));
    return number;
}

/* The rows of a message of data, and of which subscription they are; empty: it is none, or has none. */
static mt_bytes rows_of(mt_bytes in, uint64_t *subscription)
{
    uint64_t flags;

    if (in.len < 3 || in.data[1] != DATA) return (mt_bytes){NULL, 0};
    skip(&in, 2);
    skip(&in, take_number(&in)); /* the extension */
    *subscription = take_number(&in);
    flags = take_number(&in);
    if (flags & HAS_POSITION) {
        skip(&in, BOOT_LEN);
        (void)take_number(&in);
    }
    return in;
}

bool mti_sim_meter_rows(mt_binary_reader *reader, mt_bytes message, uint64_t *subscription)
{
    mt_bytes rows = rows_of(message, subscription);

    if (rows.len == 0) return false;
    mt_binary_reader_reset(reader);
    return mt_binary_reader_feed(reader, rows, true) == MT_OK;
}

unsigned mti_sim_meter(mt_binary_reader *reader, mt_bytes message, mti_sim_tally *came)
{
    uint64_t subscription = 0;
    unsigned most = 0;
    mt_row row;

    if (!mti_sim_meter_rows(reader, message, &subscription)) return 0;
    while (mt_binary_reader_next(reader, &row) == MT_OK)
        for (size_t i = 0; i < row.count; i++) {
            uint64_t key = mti_sim_version_key(row.uid, &row.fields[i], true);
            unsigned times = mti_sim_tally_add(came, key + (subscription << 32));
            if (times > most) most = times;
        }
    return most;
}
