/* store/readers.h - reading fields of large nodes while writes go on.
 *
 * The fields of a large node are read page by page, and nothing is held open between pages. A write
 * that takes such a node apart (makes it a small one, deletes fields, removes it) would leave a reader
 * with half of what was there before and half of what came after. So it waits until those who read
 * fields are done, and those who come later wait for it. Writes that only put fields wait for nobody.
 *
 * Whoever looked at a node before it held off such writes looks again if there was one since. */
#ifndef MTI_READERS_H
#define MTI_READERS_H

#include "store/node_store.h"

/* Begins to read fields; false: a write is in the way, and the asking will be run again. */
bool mti_readers_enter(mti_asking *asking);

/* Ends it. */
void mti_readers_leave(mti_node_store *store);

/* Runs those who wait. */
void mti_readers_wake(mti_node_store *store);

/* Begins to take nodes apart; false: there are readers, and the first write will be run again. */
bool mti_restructure_begin(mti_node_store *store);

/* Ends it, if it began. Then those who wait are to be woken. */
void mti_restructure_end(mti_node_store *store);

#endif
