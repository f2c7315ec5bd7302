/* found.h - beginning a space on this device. */
#ifndef CLI_FOUND_H
#define CLI_FOUND_H

#include "space_file.h"

/* Loads the key of the device, which is made if it is not there; the caller wipes it. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_found_device(const char *store_path, uint8_t seed[MT_KEY_LEN]);

/* Begins a space: its root and recovery keys, its genesis, and for this device a token for everything, for ever. Fills `file`,
 * which has none, and writes it. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_found_space(const char *store_path, cli_space_file *file);

#endif
