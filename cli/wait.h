/* wait.h - waiting for a call of a database that is answered later. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include <mytosis/mytosis.h>

/* All zero to begin with. */
typedef struct cli_wait {
    bool answered;
    mt_error err;                                   /* what it came to */
    void (*seen)(void *ctx, const mt_delta *delta); /* is shown what a write changed; may be NULL */
    void *ctx;
} cli_wait;

/* An mt_done, whose ctx is a cli_wait. */
void cli_wait_answered(void *wait, mt_db *db, const mt_result *result);

/* Turns until it is answered; what it came to. MT_IO: nothing will ever happen any more. */
mt_status cli_wait_for(const mt_env *env, cli_wait *wait);

#endif
