#include "findings.h"

#include "clock.h"
#include "shown.h"

#include <mytosis/plugin/sync.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void cli_findings_add(cli_findings *findings, const char *kind, uint64_t number, const char *advice,
                      const char *format, ...)
{
    cli_text *out = findings->out;
    char what[768];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    findings->count++;
    if (findings->form == FINDINGS_TEXT) {
        cli_shown_raw(out, mt_str(what));
        cli_text_printf(out, "\n    %s\n", advice);
        return;
    }
    if (findings->count > 1) cli_text_str(out, ",\n");
    cli_text_printf(out, "{\"kind\":\"%s\",\"count\":%" PRIu64, kind, number);
    if (findings->form == FINDINGS_JSON) {
        cli_text valid;

        cli_text_init(&valid);
        cli_shown_raw(&valid, mt_str(what)); /* a message that was cut may end within a letter */
        cli_text_str(out, ",\"text\":");
        cli_text_note(out, mt_json_string(mt_buf_bytes(&valid.buf), &out->buf));
        cli_text_str(out, ",\"advice\":");
        cli_text_note(out, mt_json_string(mt_str(advice), &out->buf));
        cli_text_free(&valid);
    }
    cli_text_str(out, "}");
}

void cli_findings_clock(cli_findings *findings, const char *peer, int64_t ahead_ms)
{
    uint64_t ms = ahead_ms < 0 ? (uint64_t)-ahead_ms : (uint64_t)ahead_ms;
    cli_text span;

    if (ms < FINDINGS_CLOCK_MS) return;
    cli_text_init(&span);
    cli_clock_add_span(&span, ms);
    cli_findings_add(findings, "clock", 1,
                     "Set the clock that is wrong. The later write wins, by these clocks; what is "
                     "10 minutes ahead is refused.",
                     "The clock of %.200s is %.*s %s.", peer, (int)span.buf.len,
                     (const char *)span.buf.data, ahead_ms < 0 ? "behind" : "ahead");
    cli_text_free(&span);
}

static const char *advice_on(unsigned lacks)
{
    if (lacks & MT_SYNC_LACKS_COMPARING)
        return "Update it. They agree all the same; but when they have no position in common, all "
               "goes over that they have, and not what differs.";
    if (lacks & MT_SYNC_LACKS_CODES)
        return "Update it. They agree all the same; to find out what differs costs more bytes.";
    return "Build it with Zstandard. They agree all the same; copies go to it uncompressed.";
}

void cli_findings_lacks(cli_findings *findings, const char *peer, unsigned lacks)
{
    static const struct {
        unsigned bit;
        const char *name;
    } all[] = {{MT_SYNC_LACKS_COMPARING, "comparing"},
               {MT_SYNC_LACKS_CODES, "coded tables"},
               {MT_SYNC_LACKS_COMPRESSION, "compression"}};
    char names[80] = "";
    size_t len = 0;

    lacks &= ~MT_SYNC_LACKS_VERSION; /* another finding */
    if (lacks == 0) return;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (lacks & all[i].bit)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "",
                                    all[i].name);
    cli_findings_add(
        findings, "older-peer", 1, advice_on(lacks),
        "%.200s is of an older version than this, or of a smaller build. It lacks: %s.", peer,
        names);
}
