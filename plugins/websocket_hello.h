/* plugins/websocket_hello.h - how a link of WebSocket begins (RFC 6455, section 4). Pure. */
#ifndef MTI_WEBSOCKET_HELLO_H
#define MTI_WEBSOCKET_HELLO_H

#include "plugins/http_head.h"
#include "plugins/url.h"

#define MTI_WEBSOCKET_KEY_LEN 24
#define MTI_WEBSOCKET_ACCEPT_LEN 28

/* What a client sends: 16 random bytes, in base64. */
void mti_websocket_key(const uint8_t random[16], char key[MTI_WEBSOCKET_KEY_LEN]);

/* What a server answers to a key. */
void mti_websocket_accept(const char key[MTI_WEBSOCKET_KEY_LEN],
                          char accept[MTI_WEBSOCKET_ACCEPT_LEN]);

/* The head of a client's request; answers its length. There is room for any URL. */
#define MTI_WEBSOCKET_REQUEST_MAX (2 * MT_CONNECTION_ID_LEN_MAX + 256)
size_t mti_websocket_request(char out[MTI_WEBSOCKET_REQUEST_MAX], const mti_url *url,
                             const char key[MTI_WEBSOCKET_KEY_LEN]);

/* Whether a request asks for WebSocket at all. */
bool mti_websocket_asked(const mti_http_head *head);

/* What to answer to a request that does: 101, or the status that says what is wrong, with a word about
 * it in `*why` (static). */
unsigned mti_websocket_check(const mti_http_head *head, const char **why);

/* Whether an answer is the one to be had. MT_REFUSED: the server says another status; MT_MALFORMED. */
mt_status mti_websocket_answer_check(const mti_http_head *head,
                                     const char accept[MTI_WEBSOCKET_ACCEPT_LEN], mt_error *err);

#endif
