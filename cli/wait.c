#include "wait.h"

#include "message.h"

void cli_wait_answered(void *wait, mt_db *db, const mt_result *result)
{
    cli_wait *w = wait;

    (void)db;
    w->answered = true;
    if (result->status != MT_OK) cli_error_note(&w->err, result->status, result->text);
    else if (w->seen && result->delta) w->seen(w->ctx, result->delta);
}

mt_status cli_wait_for(const mt_env *env, cli_wait *wait)
{
    while (!wait->answered && env->turn(env->ctx) == MT_OK) {
    }
    if (!wait->answered) wait->err = (mt_error){MT_IO, "the database does not answer"};
    return wait->err.status;
}
