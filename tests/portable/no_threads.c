/* no_threads.c - for test_env.c, on a target without threads: nobody has asked for works on some. */
#include "test_env.h"

bool test_threads_turn(test_env *te)
{
    (void)te;
    return false;
}

void test_threads_end(test_env *te)
{
    (void)te;
}
