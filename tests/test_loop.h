/* test_loop.h - what the tests of loops share: timers that note when they fire, works that note
 * where they ran. */
#ifndef TEST_LOOP_H
#define TEST_LOOP_H

#include <stdlib.h>
#include <string.h>

#include "test.h"
#include <mytosis/loop.h>
#include <uv.h>

/* A loop of its own, from test_mem; and its end, with all of its memory given back. */
mt_loop *test_loop_new(void);
void test_loop_free(mt_loop *loop);

/* For mt_loop_close: sets a bool. */
void test_loop_closed(void *ctx);

/* A timer that notes its letter when it fires, and then does what else is set. */
typedef struct letter {
    mt_timer timer;
    struct letters *all;
    char is;
    size_t fired;        /* how often */
    struct letter *sets; /* at once; `set_count` times, or once if that is 0 */
    size_t set_count;
    struct letter *stops;
    bool turns; /* is refused a turn */
    bool stops_loop, frees_loop;
    bool frees; /* itself */
} letter;

typedef struct letters {
    mt_loop *loop;
    const mt_env *env;
    letter at[4];  /* a to d */
    char note[16]; /* the first 15 that fired */
    size_t count;  /* how many fired */
    bool *freed;   /* where to note that the loop is gone; may be NULL */
} letters;

/* `all` must not move. */
void letters_begin(letters *all, mt_loop *loop);
void letter_set(letters *all, size_t i, uint64_t delay_ms);
void letter_stop(letters *all, size_t i);

/* Sets all four such that they fire as d, b, a, c: a and c for 7 milliseconds, b for 3, d for 0. */
void letters_set_dbac(letters *all);

mt_status letters_turn(letters *all);

/* A work that checks where it runs, and how often. */
typedef struct work_note {
    mt_loop *loop;
    uv_thread_t begun_on;
    size_t ran, done;
    bool frees_loop;
} work_note;

void work_note_run(void *arg);
void work_note_done(void *arg);
void work_begin(work_note *note, mt_loop *loop);

/* That it ran and was done, once. */
void work_check(const work_note *note);

#endif
