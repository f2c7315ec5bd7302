/* fetch.h - coming to a device with its ticket, and taking home what that gives: the genesis of the space, and a chain. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "space_file.h"

#include <mytosis/ticket.h>

/* Goes to the addresses of a ticket, one after the other, as the device with this seed. Fills genesis and chain of `file`, which has
 * neither, and notes the peer where it was found. `old_chain` is what the device has from before, if it has. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_fetch(const mt_ticket *ticket, const uint8_t seed[MT_KEY_LEN], const char *ca,
                        mt_bytes old_chain, cli_space_file *file);

#endif
