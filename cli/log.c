#include "log.h"

#include "save.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void cli_log_init(cli_log *log, cli_log_level level, bool json)
{
    *log = (cli_log){.level = level, .json = json};
    cli_text_init(&log->line);
}

void cli_log_free(cli_log *log)
{
    cli_text_free(&log->line);
}

cli_log_level cli_log_level_of(const char *name)
{
    size_t level = LOG_DEBUG;

    while (level > 0 && strcmp(level_names[level], name) != 0) level--;
    return (cli_log_level)level;
}

static void add_time(cli_text *text)
{
    struct timespec now = {0, 0};
    struct tm utc;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &utc)) return;
    cli_text_printf(text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
                    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                    now.tv_nsec / 1000000);
}

bool cli_log_begin(cli_log *log, cli_log_level level, const char *event)
{
    cli_text *line = &log->line;

    if (level > log->level) return false;
    line->buf.len = 0;
    line->status = MT_OK;
    if (log->json) cli_text_str(line, "{\"time\":\"");
    add_time(line);
    cli_text_printf(line, log->json ? "\",\"level\":\"%s\",\"event\":\"%s\"" : " %s %s",
                    level_names[level], event);
    return true;
}

/* What needs no quotes between spaces. */
static bool is_plain(mt_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '"' || text.data[i] == '=')
            return false;
    return text.len > 0;
}

void cli_log_text(cli_log *log, const char *key, mt_bytes text)
{
    cli_text *line = &log->line;

    cli_text_printf(line, log->json ? ",\"%s\":" : " %s=", key);
    if (!log->json && is_plain(text)) cli_text_add(line, text);
    else cli_save_name(line, text);
}

void cli_log_number(cli_log *log, const char *key, uint64_t number)
{
    cli_text_printf(&log->line, log->json ? ",\"%s\":%" PRIu64 : " %s=%" PRIu64, key, number);
}

void cli_log_end(cli_log *log)
{
    mt_bytes rest;

    cli_text_str(&log->line, log->json ? "}\n" : "\n");
    rest = mt_buf_bytes(&log->line.buf);
    while (rest.len > 0) {
        ssize_t len = write(STDERR_FILENO, rest.data, rest.len);

        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) return; /* nobody reads it */
        rest.data += len;
        rest.len -= (size_t)len;
    }
}

void cli_log_line(cli_log *log, cli_log_level level, const char *event, const char *key,
                  mt_bytes text)
{
    if (!cli_log_begin(log, level, event)) return;
    cli_log_text(log, key, text);
    cli_log_end(log);
}
