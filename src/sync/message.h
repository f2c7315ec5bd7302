/* sync/message.h - what peers say to each other, to the byte: docs/protocol.md.
 *
 * Every message begins with the version, its type and an extension that is skipped. Reading checks
 * everything, and gives views of the bytes that were read. */
#ifndef MTI_MESSAGE_H
#define MTI_MESSAGE_H

#include "base/bytes.h"
#include "base/status.h"
#include "base/varint.h"
#include "sync/range.h"

#define MTI_SYNC_VERSION 1

/* Odd types may be skipped by whoever does not know them; even ones may not. */
typedef enum mti_message_type {
    MTI_HELLO = 2,
    MTI_SUBSCRIBE = 8,
    MTI_SUBSCRIBED = 10,
    MTI_REFUSED = 12,
    MTI_DATA = 14,
    MTI_ACK = 16,
    MTI_UNSUBSCRIBE = 18,
    MTI_PULL = 20,
    MTI_FOUND = 22,
    MTI_BYE = 24,
    MTI_ASK = 26,
    MTI_PRINTS = 27,
    MTI_ANSWER = 28,
    MTI_WANT = 30,
    MTI_LACK = 32,
    MTI_COMPARED = 34
} mti_message_type;

/* ---- Reading ---- */

/* What is left of a message. The first thing wrong is said in `err`, and from then on everything
 * reads as nothing. */
typedef struct mti_parse {
    const uint8_t *start, *at, *end;
    const char *message; /* its name */
    mt_error *err;
    bool failed;
} mti_parse;

/* Starts with the first of some bytes; `name` says what they are. */
mti_parse mti_parse_of(mt_bytes bytes, const char *name, mt_error *err);

/* Starts with the head of a message. MT_UNSUPPORTED: of another version. MT_MALFORMED: cut short. */
mt_status mti_parse_head(mt_bytes message, unsigned *type, mti_parse *out, mt_error *err);

uint8_t mti_parse_byte(mti_parse *in, const char *what);
uint64_t mti_parse_number(mti_parse *in, const char *what);
mt_bytes mti_parse_bytes(mti_parse *in, const char *what, size_t len_max); /* length, bytes */
mt_bytes mti_parse_fixed(mti_parse *in, const char *what, size_t len);
mt_bytes mti_parse_rest(mti_parse *in);
void mti_parse_cursor(mti_parse *in, mt_cursor *out); /* where a log is */
mt_status mti_parse_status(mti_parse *in);

/* A status and a line of text, as what the peer says. */
void mti_parse_reason(mti_parse *in, mt_error *out);

/* MT_MALFORMED: something was wrong, or bytes follow. */
mt_status mti_parse_end(mti_parse *in);

/* Says what is wrong with the message. */
void mti_parse_fail(mti_parse *in, const char *what, const char *how);

/* ---- Writing ---- */

/* Begins a message in an empty buffer. Without memory nothing more is written, and mti_say_end
 * answers MT_NO_MEMORY. */
typedef struct mti_say {
    mt_buf *out;
    bool failed;
} mti_say;

mti_say mti_say_begin(mt_buf *out, mti_message_type type);
void mti_say_byte(mti_say *say, unsigned byte);
void mti_say_number(mti_say *say, uint64_t number);
void mti_say_bytes(mti_say *say, mt_bytes bytes); /* length, bytes */
void mti_say_fixed(mti_say *say, mt_bytes bytes); /* bytes alone */
void mti_say_cursor(mti_say *say, const mt_cursor *at);
void mti_say_status(mti_say *say, mt_status status);
void mti_say_reason(mti_say *say, mt_status status, const char *text);
mt_status mti_say_end(const mti_say *say);

/* ---- Messages ---- */

#define MTI_FEATURE_COMPRESSED 1u /* it reads compressed frames */
#define MTI_FEATURE_COMPARES 2u   /* it finds out what differs, and answers who does */
#define MTI_FEATURE_CODES 4u      /* and reads coded tables for that */

#define MTI_HELLO_DURABLE 1u /* what it acknowledges is in its storage */
#define MTI_HELLO_EMPTY 2u   /* it has no nodes: there is nothing to compare */

typedef struct mti_hello {
    uint8_t version_min, version_max;
    uint8_t clock; /* mt_clock */
    unsigned flags;
    mt_bytes peer;  /* of the store: 16 bytes */
    mt_bytes boot;  /* of this opening of it: 16 bytes */
    uint64_t nonce; /* of this session, drawn by its sender; not 0 */
    uint64_t heard; /* of the HELLO that it answers; 0: it answers none */
    uint64_t now_ms;
    uint64_t window;
    uint64_t features; /* MTI_FEATURE_...; unknown ones are not used */
} mti_hello;

void mti_say_hello(mti_say *say, const mti_hello *hello);
mt_status mti_parse_hello(mti_parse *in, mti_hello *out);

/* A range on the wire, with flags before it: */
#define MTI_RANGE_LIST 1u
#define MTI_RANGE_PULL 2u
#define MTI_RANGE_PUSH 4u
#define MTI_RANGE_ONCE 8u
#define MTI_RANGE_COMPARE \
    16u                   /* what differs is to be found out: a print follows, and no standing */
#define MTI_RANGE_DRY 32u /* and that is all: nothing is to be sent */

void mti_say_range(mti_say *say, const mti_range *range, unsigned flags);

/* OWNED. MT_MALFORMED; MT_NO_MEMORY. */
mt_status mti_parse_range(mti_parse *in, const mt_mem *mem, mti_range *out, unsigned *flags);

/* Where a subscriber stands: it has all before `at`, or, while the whole range is copied, all nodes
 * up to `after` as well. */
typedef struct mti_standing {
    mt_cursor at;   /* all zero: nothing */
    uint8_t how;    /* mti_standing_how */
    mt_bytes after; /* uid; of MTI_STANDS_COPYING */
} mti_standing;

/* How a subscription goes on. */
typedef enum mti_standing_how {
    MTI_STANDS_FEED = 0,    /* with what changed */
    MTI_STANDS_COPYING = 1, /* all of it goes over */
    MTI_STANDS_ASKED = 2,   /* the subscriber asks what differs */
    MTI_STANDS_COMPARED =
        3, /* who answers this finds out what differs, by a subscription of its own */
} mti_standing_how;

void mti_say_standing(mti_say *say, const mti_standing *standing);
void mti_parse_standing(mti_parse *in, mti_standing *out);

/* Flags of data. */
#define MTI_DATA_COMMIT 1u   /* the rows are one commit */
#define MTI_DATA_COPY 2u     /* nodes of the range in uid order, all up to the last of these */
#define MTI_DATA_CUT 4u      /* but for the last node, of which more follows */
#define MTI_DATA_POSITION 8u /* a position follows: with this the subscriber has all before it */
#define MTI_DATA_ALL 16u     /* and that is all there is now */
#define MTI_DATA_PROMPT 32u  /* somebody waits for it to be acknowledged */

#endif
