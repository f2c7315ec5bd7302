/* base/assert.h - our own mistakes, checked always. What comes from disk, wire, plugin or caller
 * is never asserted but answered with a status. */
#ifndef MTI_ASSERT_H
#define MTI_ASSERT_H

#define mti_assert(truth) ((truth) ? (void)0 : __builtin_trap())

#endif
