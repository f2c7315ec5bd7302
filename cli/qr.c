#include "qr.h"

#include "message.h"

#include <mytosis/host.h>

static const char absent[] = "this build is without libqrencode, which --qr needs";

#ifdef MYTOSIS_WITH_QR

#include <errno.h>
#include <qrencode.h>

cli_exit_code cli_qr_check(void)
{
    (void)absent;
    return EXIT_DONE;
}

/* Beyond the code all is light, and below the last row, too. */
static bool is_dark(const QRcode *code, int x, int y)
{
    bool inside = x >= 0 && x < code->width && y >= 0 && y < code->width;

    return inside && code->data[y * code->width + x] & 1;
}

static void add_line(cli_output *out, const QRcode *code, int y)
{
    static const char *const halves[] = {" ", "\u2584", "\u2580", "\u2588"};

    if (out->color) cli_text_str(&out->text, "\x1b[30;107m");
    for (int x = -QR_QUIET; x < code->width + QR_QUIET; x++) {
        unsigned upper = is_dark(code, x, y), lower = is_dark(code, x, y + 1);

        cli_text_str(&out->text, halves[(2 * upper + lower) ^ (out->color ? 0 : 3)]);
    }
    cli_text_str(&out->text, out->color ? "\x1b[0m\n" : "\n");
}

static QRcode *encode(mt_bytes text)
{
    QRinput *input = QRinput_new2(0, QR_ECLEVEL_L);
    QRcode *code = NULL;

    if (input && QRinput_append(input, QR_MODE_8, (int)text.len, text.data) == 0)
        code = QRcode_encodeInput(input);
    QRinput_free(input);
    return code;
}

mt_status cli_qr_add(cli_output *out, mt_bytes text, mt_error *err)
{
    QRcode *code = text.len > 0 && text.len <= 4096 ? encode(text) : NULL;

    if (!code && (text.len > 4096 || errno == ERANGE)) {
        cli_error_note(err, MT_TOO_LARGE, "no QR code holds so much");
        return MT_TOO_LARGE;
    }
    if (!code) {
        cli_error_note(err, MT_NO_MEMORY, NULL);
        return MT_NO_MEMORY;
    }
    for (int y = -QR_QUIET; y < code->width + QR_QUIET; y += 2) add_line(out, code, y);
    mt_crypto_sodium()->wipe(NULL, code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return out->text.status;
}

#else

cli_exit_code cli_qr_check(void)
{
    return cli_complain(EXIT_USAGE, "%s", absent);
}

mt_status cli_qr_add(cli_output *out, mt_bytes text, mt_error *err)
{
    (void)out;
    (void)text;
    cli_error_note(err, MT_UNSUPPORTED, absent);
    return MT_UNSUPPORTED;
}

#endif
