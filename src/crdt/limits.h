/* crdt/limits.h - limits as a handle keeps them. */
#ifndef MTI_LIMITS_H
#define MTI_LIMITS_H

#include <mytosis/limits.h>

/* A copy with every member set: defaults stand for NULL, for members that are 0 and for members
 * behind `size`. A `size` of 0 stands for the struct as its first version had it. */
mt_limits mti_limits_copy(const mt_limits *limits);

#endif
