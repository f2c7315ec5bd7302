#include "clock.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define EPOCH_MS UINT64_C(1577836800000) /* 2020-01-01 00:00:00 UTC */
#define COUNT_BITS 11

uint64_t cli_clock_now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t cli_clock_now(void)
{
    uint64_t ms = cli_clock_now_ms();

    return ms > EPOCH_MS ? (ms - EPOCH_MS) << COUNT_BITS : 0;
}

uint64_t cli_clock_ticks(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t cli_clock_after(uint64_t state, uint64_t ms)
{
    return state + (ms << COUNT_BITS);
}

uint64_t cli_clock_ahead(uint64_t state, uint64_t of)
{
    return state > of ? (state - of) >> COUNT_BITS : 0;
}

void cli_clock_add(cli_text *text, uint64_t state)
{
    uint64_t ms = EPOCH_MS + (state >> COUNT_BITS);
    time_t seconds = (time_t)(ms / 1000);
    char shown[64];
    struct tm parts;

    if (!gmtime_r(&seconds, &parts) || !strftime(shown, sizeof shown, "%Y-%m-%d %H:%M:%S", &parts))
        return;
    cli_text_printf(text, "%s.%03" PRIu64 " UTC", shown, ms % 1000);
}

void cli_clock_add_ms(cli_text *text, uint64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    char shown[64];
    struct tm parts;

    if (gmtime_r(&seconds, &parts) && strftime(shown, sizeof shown, "%Y-%m-%d %H:%M", &parts))
        cli_text_printf(text, "%s UTC", shown);
}

bool cli_clock_read_span(const char *word, uint64_t *ms)
{
    static const char units[] = "smhd";
    static const uint64_t lengths[] = {1000, 60000, 3600000, 86400000};
    const char *unit = word + strspn(word, "0123456789"), *found;
    uint64_t number = 0;

    if (unit == word || unit - word > 10 || !*unit || unit[1]) return false;
    if (!(found = strchr(units, *unit))) return false;
    for (const char *at = word; at < unit; at++) number = 10 * number + (uint64_t)(*at - '0');
    *ms = number * lengths[found - units];
    return number > 0 && *ms <= UINT64_C(36525) * 86400000;
}

void cli_clock_add_span(cli_text *text, uint64_t ms)
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = {{UINT64_C(172800000), "days"}, {7200000, "h"}, {120000, "min"}, {1000, "s"}};
    static const uint64_t lengths[] = {86400000, 3600000, 60000, 1000};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ms < units[i].ms) continue;
        cli_text_number(text, ms / lengths[i]);
        cli_text_printf(text, " %s", units[i].unit);
        return;
    }
    cli_text_printf(text, "%" PRIu64 " ms", ms);
}
