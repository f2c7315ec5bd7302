/* Windows onto a text that comes in pieces.
 *
 *     piece 1             piece 2                  piece 3
 *     ...............uuuu uuuuuuuu................ ...........
 *                    [ held: carried, filled ]
 *
 * A piece is its own window for as long as whole units lie in it. The start of a unit that does
 * not is copied to `held`, and so is as much of the next piece, or pieces, as it takes. Once the
 * unit is read, the piece is the window again, from where the unit ended.
 *
 * A unit is tried again only when there is twice as much of it, so that the time is linear
 * however small the pieces are. */
#include "crdt/json.h"
#include "base/word.h"

/* The least that is put together before a unit is tried again. */
#define WANT_MIN 64

static const uint8_t nothing[1];

void mti_json_input_init(mti_json_input *input, const mt_mem *mem)
{
    *input = (mti_json_input){.held = {.mem = mem}, .line = 1, .column = 1, .hungry = true};
    input->piece.data = input->at = input->end = input->counted = nothing;
}

void mti_json_input_end(mti_json_input *input)
{
    mt_buf_free(&input->held);
}

/* The unused part of the piece becomes the window. */
static void show_piece(mti_json_input *input, size_t from)
{
    input->at = input->counted = input->piece.data + from;
    input->end = input->piece.data + input->piece.len;
    input->used = input->piece.len;
    input->carried = 0;
    input->held.len = 0;
}

void mti_json_input_feed(mti_json_input *input, mt_bytes text, bool last)
{
    input->piece = (mt_bytes){text.len ? text.data : nothing, text.len};
    input->used = 0;
    input->last = last;
    input->hungry = false;
    input->unfilled = input->carried > 0;
    if (!input->carried) show_piece(input, 0);
}

void mti_json_input_resume(mti_json_input *input)
{
    mti_json_input_count(input, input->at);
    show_piece(input, input->used - (size_t)(input->end - input->at));
}

static void show_held(mti_json_input *input)
{
    input->at = input->counted = input->held.data;
    input->end = input->held.data + input->held.len;
}

mt_status mti_json_input_fill(mti_json_input *input)
{
    size_t left = input->piece.len - input->used;
    size_t need = input->want > input->held.len ? input->want - input->held.len : 0;
    size_t len = left < need ? left : need;

    if (mti_buf_append(&input->held, input->piece.data + input->used, len) != MT_OK)
        return MT_NO_MEMORY;
    input->used += len;
    input->unfilled = false;
    show_held(input);
    if (len == need || input->last) return MT_OK;
    input->carried = input->held.len;
    input->hungry = true;
    return MT_AGAIN;
}

/* Lets `held` begin at the unit. */
static mt_status keep_unit(mti_json_input *input, size_t len)
{
    mt_buf *held = &input->held;

    if (input->carried) {
        input->carried -= (size_t)(input->at - held->data);
        memmove(held->data, input->at, len);
        held->len = len;
        return MT_OK;
    }
    input->carried = len;
    return mti_buf_append(held, input->at, len);
}

mt_status mti_json_input_more(mti_json_input *input)
{
    size_t len = (size_t)(input->end - input->at);

    /* White space may have been all that was left. */
    if (mti_json_input_is_through(input)) {
        mti_json_input_resume(input);
        return MT_OK;
    }
    mti_json_input_count(input, input->at);
    if (len == 0) {
        input->hungry = true;
        return MT_AGAIN;
    }
    if (keep_unit(input, len) != MT_OK) return MT_NO_MEMORY;
    input->want = len > WANT_MIN / 2 ? 2 * len : WANT_MIN;
    return mti_json_input_fill(input);
}

/* How many characters begin in the bytes before `end`. */
static uint64_t count_characters(const uint8_t *at, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t count = (uint64_t)(end - at), word;

    /* Bytes 10xxxxxx go on with a character. */
    for (; end - at >= 8; at += 8) {
        word = mti_load_le64(at);
        count -= (word >> 7 & ~word >> 6 & ones) * ones >> 56;
    }
    for (; at < end; at++) count -= (*at & 0xC0) == 0x80;
    return count;
}

void mti_json_input_count(mti_json_input *input, const uint8_t *at)
{
    const uint8_t *from = input->counted, *line;

    while (at > from && (line = memchr(from, '\n', (size_t)(at - from)))) {
        input->line++;
        input->column = 1;
        from = line + 1;
    }
    input->column += count_characters(from, at);
    input->counted = at;
}

void mti_json_input_settle(mti_json_input *input, mti_json_place *place)
{
    if (place->line) return;
    mti_json_input_count(input, place->at);
    place->line = input->line;
    place->column = input->column;
}
