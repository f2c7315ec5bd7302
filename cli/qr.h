/* qr.h - a line of text as a QR code, drawn on a terminal.
 *
 * Two rows of modules are a line of half blocks. With colours it is black on white; without, light modules are blocks, as a dark
 * terminal shows them right. Around it is the quiet zone of 4 modules. */
#ifndef CLI_QR_H
#define CLI_QR_H

#include "output.h"

#define QR_QUIET 4

/* Whether this build can draw. EXIT_USAGE, which has been reported: it has no libqrencode. */
cli_exit_code cli_qr_check(void);

/* Adds the code of a text. MT_TOO_LARGE: none holds so much. MT_NO_MEMORY, MT_UNSUPPORTED. */
mt_status cli_qr_add(cli_output *out, mt_bytes text, mt_error *err);

#endif
