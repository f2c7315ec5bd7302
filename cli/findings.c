#include "findings.h"

#include "clock.h"
#include "shown.h"

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
