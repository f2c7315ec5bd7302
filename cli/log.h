/* log.h - what a daemon tells of itself on standard error: an event a line.
 *
 *     2026-11-26T09:30:00.125Z info listening url=tcp://127.0.0.1:7117
 *     {"time":"2026-11-26T09:30:00.125Z","level":"info","event":"listening","url":"tcp://127.0.0.1:7117"}
 *
 *     if (cli_log_begin(log, LOG_INFO, "listening")) {
 *         cli_log_text(log, "url", mt_str(url));
 *         cli_log_end(log);
 *     } */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include "text.h"

typedef enum cli_log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG } cli_log_level;

typedef struct cli_log {
    cli_log_level level; /* what is told at most */
    bool json;
    cli_text line; /* that is being made */
} cli_log;

/* All zero gives errors as text. OWNED: cli_log_free. */
void cli_log_init(cli_log *log, cli_log_level level, bool json);
void cli_log_free(cli_log *log);

/* The level with a name, one of those that --log-level takes. */
cli_log_level cli_log_level_of(const char *name);

/* Begins a line; false: it is not wanted. */
bool cli_log_begin(cli_log *log, cli_log_level level, const char *event);

/* Adds text, or what should be: bytes that are none are shown as those of JSON are. */
void cli_log_text(cli_log *log, const char *key, mt_bytes text);
void cli_log_number(cli_log *log, const char *key, uint64_t number);

/* Writes it, whole. */
void cli_log_end(cli_log *log);

/* All of it: a line with one text. */
void cli_log_line(cli_log *log, cli_log_level level, const char *event, const char *key,
                  mt_bytes text);

#endif
