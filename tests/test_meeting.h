/* test_meeting.h - a few peers that sync, joined by pipes, without chance.
 *
 *     test_meeting m;
 *     test_meeting_of_two(&m);
 *     test_meeting_join(&m, 0, 1);
 *     test_text_set(m.peers[0].db, "ada", "hello");
 *     test_meeting_rest(&m);
 *     CHECK(test_text_is(m.peers[1].db, "ada", "hello"));
 *     test_meeting_end(&m);
 */
#ifndef TEST_MEETING_H
#define TEST_MEETING_H

#include "test_env.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>

#define TEST_MEETING_MAX 3

typedef struct test_meeting_peer {
    mt_db *db; /* NULL: it is not open */
    mt_group *links;
} test_meeting_peer;

typedef struct test_meeting {
    test_env te;
    test_meeting_peer peers[TEST_MEETING_MAX];
    mt_connection *ends[8][2]; /* of each pipe; a test may dispose of one and set it to NULL */
    size_t pipes;
    size_t live_before;
} test_meeting;

void test_meeting_begin(test_meeting *m);

/* The same, and the first two are open, not joined. */
void test_meeting_of_two(test_meeting *m);

/* Closes all that is open; what they took is given back. */
void test_meeting_end(test_meeting *m);

/* Opens a peer of one range, or of all, in memory; or as options and config say. */
mt_db *test_meeting_open(test_meeting *m, size_t at, const mt_sync_range *range);
mt_db *test_meeting_open_with(test_meeting *m, size_t at, const mt_sync_options *options,
                              mt_config config);

/* Joins two; answers the end at `a`. */
mt_connection *test_meeting_join(test_meeting *m, size_t a, size_t b);
mt_connection *test_meeting_join_with(test_meeting *m, size_t a, size_t b, mt_pipe_options options);

/* Long enough for all to be said, and not for anybody to say it again. */
void test_meeting_rest(test_meeting *m);

/* Nodes that have one field, `text`. */
void test_text_set(mt_db *db, const char *uid, const char *text);

/* The text of a node that is in memory here, till the next call; NULL: there is none. */
const char *test_text_of(mt_db *db, const char *uid);
bool test_text_is(mt_db *db, const char *uid, const char *text);

/* What became of a write: how often it was answered, and how the last time. */
typedef struct test_outcome {
    unsigned count;
    mt_status status;
    uint32_t received;
} test_outcome;

/* An mt_done, whose `ctx` is a test_outcome. */
void test_outcome_note(void *ctx, mt_db *db, const mt_result *result);

/* How it stands with the first of the peers. */
typedef struct test_standing {
    mt_sync_peer peer;
    char text[128], error[MT_ERROR_TEXT_MAX];
    size_t count;
} test_standing;

test_standing test_standing_of(mt_db *db);

#endif
