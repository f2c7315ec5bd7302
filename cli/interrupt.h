/* interrupt.h - SIGINT, SIGTERM and SIGHUP for commands that end what they are at before they go. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* From here on these signals are only noted; those that were ignored from the start stay so. */
void cli_interrupt_watch(void);

/* Whether one came. */
bool cli_interrupted(void);

/* Ends the program by the signal that came, if one did. */
void cli_interrupt_end(void);

#endif
