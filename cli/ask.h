/* ask.h - a question on the terminal, whose answer is not shown. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cli_ask_outcome {
    ASK_DONE,
    ASK_NO_TERMINAL,
    ASK_FAILED, /* errno says how */
    ASK_TOO_LONG
} cli_ask_outcome;

/* Asks on the terminal that the program was started from, wherever its input comes from. The answer is a line without its
 * end, at most `cap` bytes. A signal that ends or stops the program finds the terminal as it was; if the program goes on
 * after it, the question is asked again. */
cli_ask_outcome cli_ask(const char *question, char *out, size_t cap, size_t *len);

#endif
