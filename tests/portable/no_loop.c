/* no_loop.c - a system without loops of ours: a database gets one from its environment, or none. */
#include <mytosis/loop.h>

mt_status mt_loop_new(const mt_mem *mem, mt_loop **out)
{
    (void)mem, (void)out;
    return MT_UNSUPPORTED;
}

const mt_env *mt_loop_env(mt_loop *loop)
{
    (void)loop;
    return NULL;
}

void mt_loop_free(mt_loop *loop)
{
    (void)loop;
}
