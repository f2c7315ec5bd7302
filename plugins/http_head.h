/* plugins/http_head.h - heads of HTTP/1.1 requests and answers: bytes in, fields out. Pure.
 *
 *     GET /path HTTP/1.1 CR LF        or        HTTP/1.1 101 Switching Protocols CR LF
 *     Name: value CR LF               as often as it likes, up to MTI_HTTP_HEAD_MAX bytes in all
 *     CR LF
 *
 * Strict where proxies and servers have read the same bytes in two ways: lines end with CR LF, names
 * touch their colon, no line goes on in the next, and what must be one value is there once. */
#ifndef MTI_HTTP_HEAD_H
#define MTI_HTTP_HEAD_H

#include <mytosis/status.h>

#define MTI_HTTP_HEAD_MAX ((size_t)8192)

/* The values that matter here. BORROWED from the head; `data` is NULL of those that are not there. */
typedef struct mti_http_head {
    mt_bytes method, target; /* of a request */
    unsigned status;         /* of an answer */
    mt_bytes reason;
    unsigned minor; /* HTTP/1.`minor` */
    mt_bytes host, upgrade, connection, origin;
    mt_bytes key, version, accept, protocol, extensions; /* Sec-WebSocket-... */
    mt_bytes content_length, transfer_encoding;
} mti_http_head;

/* How long the head is with its empty line; 0: it has not ended yet. `from`: as many bytes were looked
 * at before. */
size_t mti_http_head_len(mt_bytes bytes, size_t from);

/* Reads a head that is complete. MT_MALFORMED: `err` says why. */
mt_status mti_http_request_read(mt_bytes head, mti_http_head *out, mt_error *err);
mt_status mti_http_answer_read(mt_bytes head, mti_http_head *out, mt_error *err);

/* Whether this word, in letters of any case, is in a list with commas. */
bool mti_http_lists(mt_bytes list, const char *word);

#endif
