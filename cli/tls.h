/* tls.h - what commands know of links of wss://. */
#ifndef CLI_TLS_H
#define CLI_TLS_H

#include "options.h"

/* Whether a URL is that of a link over TLS. */
bool cli_tls_is_url(const char *url);

/* The file of the authorities that a peer at `url` is checked by, as --ca or MYTOSIS_CA names it; NULL: those of the system, or
 * there is nothing to check. BORROWED. Anything but EXIT_DONE has been reported: it is no such file, or --ca does not go with the
 * URL. */
cli_exit_code cli_tls_ca(const cli_options *options, const char *url, const char **out);

#endif
