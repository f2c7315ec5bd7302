/* sim/meter.h - what a message of a session carries: versions of fields. */
#ifndef MTI_SIM_METER_H
#define MTI_SIM_METER_H

#include "sim/tally.h"

#include <mytosis/binary.h>

/* Behind a number (LEB128) of a message that begins there, which goes to `out`, unless that is NULL; past the end if it does
 * not end. */
size_t mti_sim_number(mt_bytes in, size_t at, uint64_t *out);

/* Begins to read the rows of a message; false: it is none of data, or has none. `subscription` is whose it is. */
bool mti_sim_meter_rows(mt_binary_reader *reader, mt_bytes message, uint64_t *subscription);

/* Counts the versions that a message holds, if it is one of data, for its subscription: a session that began anew has
 * another. Answers how often the most frequent of them has come by now; 0: it holds none. */
unsigned mti_sim_meter(mt_binary_reader *reader, mt_bytes message, mti_sim_tally *came);

#endif
