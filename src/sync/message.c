#include "sync/message.h"

#include <mytosis/value.h>

/* ---- Reading ---- */

static const char *name_of(unsigned type)
{
    switch ((mti_message_type)type) {
    case MTI_HELLO: return "HELLO";
    case MTI_SUBSCRIBE: return "SUBSCRIBE";
    case MTI_SUBSCRIBED: return "SUBSCRIBED";
    case MTI_REFUSED: return "REFUSED";
    case MTI_DATA: return "DATA";
    case MTI_ACK: return "ACK";
    case MTI_UNSUBSCRIBE: return "UNSUBSCRIBE";
    case MTI_PULL: return "PULL";
    case MTI_FOUND: return "FOUND";
    case MTI_BYE: return "BYE";
    case MTI_ASK: return "ASK";
    case MTI_PRINTS: return "PRINTS";
    case MTI_ANSWER: return "ANSWER";
    case MTI_WANT: return "WANT";
    case MTI_LACK: return "LACK";
    case MTI_COMPARED: return "COMPARED";
    }
    return "a message";
}

void mti_parse_fail(mti_parse *in, const char *what, const char *how)
{
    if (in->failed) return;
    in->failed = true;
    mti_fail(in->err, MT_MALFORMED, "%s: byte %zu: %s: %s", in->message,
             (size_t)(in->at - in->start), what, how);
    in->at = in->end;
}

uint8_t mti_parse_byte(mti_parse *in, const char *what)
{
    if (in->at == in->end) mti_parse_fail(in, what, "the message ends before it");
    return in->failed ? 0 : *in->at++;
}

uint64_t mti_parse_number(mti_parse *in, const char *what)
{
    uint64_t number;
    int len = mti_varint_get(in->at, in->end, &number);

    if (len == MTI_VARINT_CUT) mti_parse_fail(in, what, "the message ends before it");
    else if (len == MTI_VARINT_BAD) mti_parse_fail(in, what, "not a number in its shortest form");
    if (in->failed) return 0;
    in->at += len;
    return number;
}

mt_bytes mti_parse_fixed(mti_parse *in, const char *what, size_t len)
{
    mt_bytes bytes = {in->at, len};

    if ((size_t)(in->end - in->at) < len) mti_parse_fail(in, what, "the message ends within it");
    if (in->failed) return (mt_bytes){NULL, 0};
    in->at += len;
    return bytes;
}

mt_bytes mti_parse_bytes(mti_parse *in, const char *what, size_t len_max)
{
    uint64_t len = mti_parse_number(in, what);

    if (len > len_max) mti_parse_fail(in, what, "longer than it may be");
    return mti_parse_fixed(in, what, in->failed ? 0 : (size_t)len);
}

mt_bytes mti_parse_rest(mti_parse *in)
{
    return mti_parse_fixed(in, "the rest", (size_t)(in->end - in->at));
}

void mti_parse_cursor(mti_parse *in, mt_cursor *out)
{
    mt_bytes boot = mti_parse_fixed(in, "the position's log", sizeof out->boot);

    memset(out, 0, sizeof *out);
    if (boot.len) memcpy(out->boot, boot.data, boot.len);
    out->number = mti_parse_number(in, "the position");
}

mt_status mti_parse_status(mti_parse *in)
{
    return (mt_status) - (int)(mti_parse_number(in, "the status") & 0xFF);
}

void mti_parse_reason(mti_parse *in, mt_error *out)
{
    mt_status status = mti_parse_status(in);
    mt_bytes text = mti_parse_bytes(in, "the reason", MT_ERROR_TEXT_MAX);

    mti_fail(out, status, "the peer says: %.*s", (int)text.len, (const char *)text.data);
}

mt_status mti_parse_end(mti_parse *in)
{
    if (in->at != in->end) mti_parse_fail(in, "its end", "bytes follow");
    return in->failed ? in->err->status : MT_OK;
}

mti_parse mti_parse_of(mt_bytes bytes, const char *name, mt_error *err)
{
    /* No bytes may be nowhere; a reader that adds to its place needs one. */
    static const uint8_t nothing[1];
    const uint8_t *start = bytes.len ? bytes.data : nothing;

    return (mti_parse){
        .start = start, .at = start, .end = start + bytes.len, .message = name, .err = err};
}

mt_status mti_parse_head(mt_bytes message, unsigned *type, mti_parse *out, mt_error *err)
{
    uint8_t version;

    *out = mti_parse_of(message, "a message", err);
    version = mti_parse_byte(out, "the version");
    if (!out->failed && version != MTI_SYNC_VERSION)
        return mti_fail(err, MT_UNSUPPORTED, "a message of version %u, this build knows %u",
                        version, MTI_SYNC_VERSION);
    *type = mti_parse_byte(out, "the type");
    out->message = name_of(*type);
    (void)mti_parse_bytes(out, "the extension", MT_MESSAGE_LEN_MAX);
    return out->failed ? MT_MALFORMED : MT_OK;
}

/* ---- Writing ---- */

void mti_say_fixed(mti_say *say, mt_bytes bytes)
{
    if (!say->failed && mti_buf_append(say->out, bytes.data, bytes.len) != MT_OK)
        say->failed = true;
}

void mti_say_byte(mti_say *say, unsigned byte)
{
    uint8_t one = (uint8_t)byte;

    mti_say_fixed(say, (mt_bytes){&one, 1});
}

void mti_say_number(mti_say *say, uint64_t number)
{
    uint8_t bytes[MTI_VARINT_LEN_MAX];

    mti_say_fixed(say, (mt_bytes){bytes, (size_t)(mti_varint_put(bytes, number) - bytes)});
}

void mti_say_bytes(mti_say *say, mt_bytes bytes)
{
    mti_say_number(say, bytes.len);
    mti_say_fixed(say, bytes);
}

void mti_say_cursor(mti_say *say, const mt_cursor *at)
{
    mti_say_fixed(say, (mt_bytes){at->boot, sizeof at->boot});
    mti_say_number(say, at->number);
}

void mti_say_status(mti_say *say, mt_status status)
{
    mti_say_number(say, (uint64_t) - (int64_t)status);
}

void mti_say_reason(mti_say *say, mt_status status, const char *text)
{
    mti_say_status(say, status);
    mti_say_bytes(say, mt_str(text));
}

mti_say mti_say_begin(mt_buf *out, mti_message_type type)
{
    mti_say say = {.out = out};

    out->len = 0;
    mti_say_byte(&say, MTI_SYNC_VERSION);
    mti_say_byte(&say, type);
    mti_say_number(&say, 0);
    return say;
}

mt_status mti_say_end(const mti_say *say)
{
    return say->failed ? MT_NO_MEMORY : MT_OK;
}

/* ---- Messages ---- */

void mti_say_hello(mti_say *say, const mti_hello *hello)
{
    mti_say_byte(say, hello->version_min);
    mti_say_byte(say, hello->version_max);
    mti_say_byte(say, hello->clock);
    mti_say_number(say, hello->flags);
    mti_say_fixed(say, hello->peer);
    mti_say_fixed(say, hello->boot);
    mti_say_number(say, hello->nonce);
    mti_say_number(say, hello->heard);
    mti_say_number(say, hello->now_ms);
    mti_say_number(say, hello->window);
    mti_say_number(say, hello->features);
}

mt_status mti_parse_hello(mti_parse *in, mti_hello *out)
{
    out->version_min = mti_parse_byte(in, "the lowest version");
    out->version_max = mti_parse_byte(in, "the highest version");
    out->clock = mti_parse_byte(in, "the clock");
    out->flags = (unsigned)mti_parse_number(in, "the flags");
    out->peer = mti_parse_fixed(in, "the peer's id", 16);
    out->boot = mti_parse_fixed(in, "the id of its opening", 16);
    out->nonce = mti_parse_number(in, "the number of the session");
    out->heard = mti_parse_number(in, "the number that it answers");
    out->now_ms = mti_parse_number(in, "the time of day");
    out->window = mti_parse_number(in, "the window");
    out->features = mti_parse_number(in, "the features");
    if (!in->failed && out->nonce == 0) mti_parse_fail(in, "the number of the session", "is 0");
    return in->failed ? in->err->status : MT_OK;
}

void mti_say_range(mti_say *say, const mti_range *range, unsigned flags)
{
    mti_say_byte(say, flags | (range->uids ? MTI_RANGE_LIST : 0));
    if (!range->uids) {
        mti_say_bytes(say, range->first);
        mti_say_bytes(say, range->end);
        return;
    }
    mti_say_number(say, range->uid_count);
    for (size_t i = 0; i < range->uid_count; i++) mti_say_bytes(say, range->uids[i]);
}

static mt_status parse_list(mti_parse *in, const mt_mem *mem, mti_range *out)
{
    uint64_t count = mti_parse_number(in, "the number of uids");
    mt_sync_range asked = {.uid_count = (size_t)count};
    mt_bytes *uids;
    mt_status st;

    if (count == 0 || count > MTI_RANGE_UIDS_MAX || count > (size_t)(in->end - in->at))
        mti_parse_fail(in, "the number of uids", "none, or more than there can be");
    if (in->failed) return MT_MALFORMED;
    if (!(uids = mti_mem_alloc(mem, asked.uid_count * sizeof *uids))) return mti_no_memory(in->err);
    for (size_t i = 0; i < asked.uid_count; i++)
        uids[i] = mti_parse_bytes(in, "a uid", MT_UID_LEN_MAX);
    asked.uids = uids;
    st = in->failed ? MT_MALFORMED : mti_range_of(mem, &asked, out, in->err);
    mti_mem_free(mem, uids, asked.uid_count * sizeof *uids);
    return st;
}

mt_status mti_parse_range(mti_parse *in, const mt_mem *mem, mti_range *out, unsigned *flags)
{
    mt_sync_range asked = {.uid_count = 0};

    memset(out, 0, sizeof *out);
    *flags = mti_parse_byte(in, "the flags of a range");
    if (*flags & MTI_RANGE_LIST) return parse_list(in, mem, out);
    asked.first = mti_parse_bytes(in, "where a range begins", MT_UID_LEN_MAX);
    asked.end = mti_parse_bytes(in, "where a range ends", MT_UID_LEN_MAX);
    return in->failed ? MT_MALFORMED : mti_range_of(mem, &asked, out, in->err);
}

void mti_say_standing(mti_say *say, const mti_standing *standing)
{
    mti_say_cursor(say, &standing->at);
    mti_say_byte(say, standing->how);
    if (standing->how == MTI_STANDS_COPYING) mti_say_bytes(say, standing->after);
}

void mti_parse_standing(mti_parse *in, mti_standing *out)
{
    memset(out, 0, sizeof *out);
    mti_parse_cursor(in, &out->at);
    out->how = mti_parse_byte(in, "how it goes on");
    if (out->how > MTI_STANDS_COMPARED) mti_parse_fail(in, "how it goes on", "not known");
    if (out->how == MTI_STANDS_COPYING)
        out->after = mti_parse_bytes(in, "the last uid", MT_UID_LEN_MAX);
}
