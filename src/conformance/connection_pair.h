/* conformance/connection_pair.h - two ends of a link, and a listener at each that trusts nothing.
 *
 * What is sent at an end is numbered from 0, and its bytes follow from the number, so that the
 * other end knows what has to come next. Events and messages are refused where they must not come:
 * inside a call of ours, after closing, after the end. */
#ifndef MTI_CONNECTION_PAIR_H
#define MTI_CONNECTION_PAIR_H

#include "conformance/trial.h"

typedef struct mti_pair mti_pair;
typedef struct mti_end mti_end;

struct mti_end {
    mti_pair *pair;
    mti_end *other;
    const char *name;
    mt_connection *connection; /* held; NULL: let go of */
    mt_subscription *messages; /* NULL: nobody listens */
    mt_subscription *events;
    uint64_t sent;  /* messages that were taken here */
    uint64_t heard; /* the number of the message that comes next */
    bool inside;    /* a call of ours is being made, in which nothing may be told */
    bool closing;   /* we have closed it: no message may come */
    size_t online;  /* events that were told */
    size_t offline;
    size_t writable;
    size_t closed;
    size_t messages_ended;
    size_t events_ended;
    void (*then)(mti_end *end); /* done in the next message, if not NULL */
};

struct mti_pair {
    mti_trial *trial;
    const mt_conformance_connection *subject;
    mti_end a;
    mti_end b;
    size_t (*len_of)(uint64_t number); /* how long messages are */
    bool lossy;                        /* some may be missing, the rest is in order */
    bool ending;                       /* go on although the check is broken */
    mt_timer timer;
    bool rang;
};

/* Connects and listens to the events of both ends; waits until they are online. False: the trial is
 * broken. */
bool mti_pair_open(mti_pair *p);

/* Closes what is open, waits for the ends and lets go. */
void mti_pair_close(mti_pair *p);

/* Listens to messages at an end, or no more. */
void mti_end_listen(mti_end *end);
void mti_end_ignore(mti_end *end);

/* Sends the next message. */
mt_status mti_end_try(mti_end *end);

/* The same, where anything but MT_OK is a violation; and where a full buffer is none, and false. */
void mti_end_send(mti_end *end);
bool mti_end_offer(mti_end *end);

/* Sends up to `count` messages, as many as there is room for. */
void mti_end_send_some(mti_end *end, size_t count);

void mti_end_close(mti_end *end);

/* Lets go of the connection and of both subscriptions. */
void mti_end_let_go(mti_end *end);

/* Turns until `done`, whose absence is a violation that says what was missing. */
void mti_pair_await(mti_pair *p, bool (*done)(const mti_pair *p), const char *what);

/* Turns until all that was sent has been heard. */
void mti_pair_await_all(mti_pair *p);

/* Turns the loop once, without waiting for anything. */
void mti_pair_turn(mti_pair *p);

/* Turns for the quiet time of the subject: what must not come has time to. */
void mti_pair_settle(mti_pair *p);

#endif
