/* mytosis/status.h - what a call answers.
 *
 * Codes are few: each changes what a caller does next. What happened in detail is a line of
 * text, kept by the handle that failed or by the `mt_error` that the caller passed in. */
#ifndef MYTOSIS_STATUS_H
#define MYTOSIS_STATUS_H

#include <mytosis/bytes.h>

MT_BEGIN_DECLS

/* Every status: name, number (fixed for ever), what it says. */
#define MT_STATUS_MAP(X)                                                        \
    X(MT_OK, 0, "done")                                                         \
    X(MT_NO_MEMORY, -1, "out of memory")                                        \
    X(MT_INVALID, -2, "an argument is not what this call takes")                \
    X(MT_MALFORMED, -3, "the input is damaged or not of the expected form")     \
    X(MT_NOT_FOUND, -4, "no such node or field")                                \
    X(MT_TOO_LARGE, -5, "a limit is exceeded")                                  \
    X(MT_STATE, -6, "a state is out of its range")                              \
    X(MT_AGAIN, -7, "more input, or more room, is needed")                      \
    X(MT_END, -8, "there is nothing more")                                      \
    X(MT_UNSUPPORTED, -9, "a version or feature that this build does not know") \
    X(MT_IO, -10, "reading or writing failed")                                  \
    X(MT_NOT_LOADED, -11, "that part of the node is not in memory")             \
    X(MT_BUDGET, -12, "pinned data fills the memory budget")                    \
    X(MT_REFUSED, -13, "a hook or a peer refused it")                           \
    X(MT_CANCELED, -14, "it was canceled")                                      \
    X(MT_DEADLINE, -15, "the deadline has passed")                              \
    X(MT_BUSY, -16, "it is held by another")                                    \
    X(MT_STALE, -17, "the cursor is of another history, or too old")            \
    X(MT_FULL, -18, "there is no room left")                                    \
    X(MT_CLOSED, -19, "it was closed")                                          \
    X(MT_OFFLINE, -20, "the link to the peer is down for now")

/* What a call answers: MT_OK, or what is in MT_STATUS_MAP. */
typedef enum mt_status {
#define MT_STATUS_ENUM(name, number, text) name = number,
    MT_STATUS_MAP(MT_STATUS_ENUM)
#undef MT_STATUS_ENUM
} mt_status;

/* The longest message, with its zero byte. Longer ones are cut. */
#define MT_ERROR_TEXT_MAX 320

/* A status and what it was about, in one line without a final full stop. All zero: no error yet. */
typedef struct mt_error {
    mt_status status;
    char text[MT_ERROR_TEXT_MAX];
} mt_error;

/* The name of a status, such as "MT_NOT_FOUND". Static; an unknown number gives "MT_UNKNOWN". */
MT_API const char *mt_status_name(mt_status status);

/* What a status means, such as "no such node or field". Static. */
MT_API const char *mt_status_text(mt_status status);

MT_END_DECLS
#endif
