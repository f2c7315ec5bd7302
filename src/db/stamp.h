/* db/stamp.h - the clock, and the states of what is written here.
 *
 * The clock is a hybrid logical clock (Kulkarni and others, "Logical Physical Clocks", 2014)
 * that never moves by merging: milliseconds since 2020 in 42 bits above 11 bits that count. */
#ifndef MTI_STAMP_H
#define MTI_STAMP_H

#include "db/call.h"

/* The time of day as a state; 0 before 2020. */
uint64_t mti_clock_now(const mt_db *db);

/* Takes the state of a write that is made now. */
uint64_t mti_clock_take(mt_db *db);

/* Merges rows that are stamped here, of each uid one, in the order of the program: what a later
 * write has merged already stays. MT_STATE, MT_INVALID and such: the text is in the database's error. */
mt_status mti_stamp_merge(mt_action *action, const mt_row *rows, size_t count);

/* Whether the states of rows from elsewhere are at most ten minutes ahead. MT_STATE. */
mt_status mti_stamp_check(mt_db *db, const mt_row *rows, size_t count);

#endif
