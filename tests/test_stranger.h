/* test_stranger.h - one that comes to a peer of a meeting, and says what a test wants, message by message.
 *
 *     test_stranger s;
 *     test_stranger_come(&m, &s, (mt_pipe_options){.size = 0});
 *     test_stranger_greet(&m, &s, 's', 1, 0);
 *     mti_say say = test_stranger_speak(&s, MTI_PULL);
 *     mti_say_number(&say, 1);
 *     ...
 *     test_stranger_send(&s);
 *     test_meeting_rest(&m);
 *     CHECK(s.heard[MTI_FOUND] == 1);
 *     test_stranger_leave(&s);
 */
#ifndef TEST_STRANGER_H
#define TEST_STRANGER_H

#include "sync/message.h"
#include "test_meeting.h"

#include <mytosis/binary.h>

typedef struct test_stranger {
    mt_connection *here, *there;
    mt_subscription *subscription;
    mt_buf message;
    bool undone;           /* it heard of what was */
    size_t heard[64];      /* messages, by type */
    uint64_t features;     /* that it says it has: a test may set them */
    uint64_t session;      /* of the last HELLO */
    uint64_t asked;        /* the number of the last SUBSCRIBE, whose ... */
    unsigned asked_flags;  /* ... flags these are */
    uint64_t granted;      /* the number of the last SUBSCRIBED ... */
    unsigned how;          /* ... and how it goes on */
    uint64_t refused_id;   /* of the last REFUSED ... */
    mt_error why;          /* ... and why; or of the last BYE */
    uint64_t pulled;       /* the number of the last PULL ... */
    uint64_t pulled_keys;  /* ... and how many uids are in it */
    mti_standing standing; /* of the last SUBSCRIBE */
    uint8_t after[MT_UID_LEN_MAX];
} test_stranger;

/* Comes to the first peer. */
void test_stranger_come(test_meeting *w, test_stranger *s, mt_pipe_options options);
void test_stranger_leave(test_stranger *s);

/* Begins a message, and sends what was begun last. */
mti_say test_stranger_speak(test_stranger *s, mti_message_type type);
void test_stranger_send(test_stranger *s);

/* Greets, as one that wants and gives ranges with these prefixes; none: everything. */
void test_stranger_greet(test_meeting *w, test_stranger *s, char who, uint64_t session,
                         size_t ranges);

void test_say_cursor(mti_say *say, uint8_t boot, uint64_t number);
void test_stranger_subscribes(test_stranger *s, uint64_t id, uint8_t boot, uint64_t number);

/* The same with a print, of which there is no other; `flags` beside that there is one. */
void test_stranger_compares(test_stranger *s, uint64_t id, const mti_range *range, unsigned flags);

/* That a subscription goes on in some way: mti_standing_how. */
void test_stranger_grants(test_stranger *s, uint64_t id, unsigned how);

/* That it copies from the beginning, on to a position. */
void test_stranger_copies(test_stranger *s, uint64_t id, uint8_t boot, uint64_t number);

/* A copied node, as often as it is said, under names that follow each other: of many with a long text
 * there are several frames. */
void test_stranger_copied(test_stranger *s, uint64_t id, const char *uid, size_t count, size_t len,
                          uint64_t state);

/* Begins the answer to a read, and adds a row of one field to it; `more`: another of the node follows. */
typedef struct test_finding {
    test_stranger *s;
    mt_binary_writer *writer; /* NULL: there are no rows */
} test_finding;

test_finding test_stranger_finds(test_stranger *s, uint64_t id, bool more, mt_status status);
void test_finding_row(test_finding *found, const char *uid, const char *name, uint64_t state,
                      bool more);
void test_finding_send(test_finding *found);

#endif
