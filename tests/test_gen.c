#include "test_gen.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

/* ---- Values ---- */

/* The length of the longest texts below: one that is a blob of its own in a node, and more than a
 * page of JSON. */
#define LONG_LEN 1500

/* Repeats a piece up to a length. */
static mt_bytes repeated(test_case *c, const char *piece, size_t len)
{
    size_t piece_len = strlen(piece);
    uint8_t *data = test_take(&c->arena, len);

    for (size_t i = 0; i < len; i++) data[i] = (uint8_t)piece[i % piece_len];
    return (mt_bytes){data, len};
}

static mt_bytes gen_text(test_case *c)
{
    static const mt_bytes texts[] = {
        TEXT(""),
        TEXT("a"),
        TEXT("b"),
        TEXT("ab"),
        TEXT("null"),
        TEXT("10"),
        TEXT("\0"),
        TEXT("a\0b"),
        TEXT("\x1F"),
        TEXT("\n"),
        TEXT("\""),
        TEXT("\\"),
        TEXT("\x7F"),
        TEXT("\xC3\xA9"),         /* U+00E9 */
        TEXT("\xED\x9F\xBF"),     /* U+D7FF */
        TEXT("\xEE\x80\x80"),     /* U+E000: greater in UTF-16 than what follows */
        TEXT("\xF0\x90\x80\x80"), /* U+10000 */
        TEXT("\xEF\xBF\xBF"),     /* U+FFFF */
        TEXT("\xF0\x9F\x98\x80"), /* U+1F600 */
        TEXT("\xE2\x80\xA8"),     /* U+2028 */
        TEXT("12345678"),         /* the most that lies in a cell */
        TEXT("123456789"),
        TEXT("{\"edge\":\"a\"}"),
        TEXT("a text of some length, in the node but not in its cell"),
    };
    /* 128 bytes is the most that lies in a node. */
    static const size_t lens[] = {127, 128, 129, 200, LONG_LEN};

    if (!test_once_in(c, 12)) return texts[test_below(c, TEST_COUNT(texts))];
    if (test_once_in(c, 2)) return repeated(c, "x", lens[test_below(c, TEST_COUNT(lens))]);
    return repeated(c, "\"\xC3\xA9\xEE\x80\x80z", 7 * (17 + test_below(c, 4)));
}

static mt_bytes gen_bytes(test_case *c)
{
    static const mt_bytes runs[] = {TEXT(""),         TEXT("\0"),           TEXT("\xFF"),
                                    TEXT("\0\0"),     TEXT("\x01\x02\x03"), TEXT("\xFB\xEF\xBE"),
                                    TEXT("12345678"), TEXT("123456789"),    TEXT("\x80\0\x80\0")};

    if (!test_once_in(c, 12)) return runs[test_below(c, TEST_COUNT(runs))];
    return repeated(c, "\xFE\x01", 100 + test_below(c, 60));
}

static mt_bytes gen_edge(test_case *c)
{
    static const mt_bytes uids[] = {TEXT("a"), TEXT("b"), TEXT("user/1"), TEXT("user/10"),
                                    TEXT("\xF0\x9F\x98\x80")};

    if (!test_once_in(c, 12)) return uids[test_below(c, TEST_COUNT(uids))];
    return repeated(c, "uid/", 250 + test_below(c, 6));
}

static double gen_number(test_case *c)
{
    static const double numbers[] = {0,
                                     1,
                                     -1,
                                     2,
                                     9,
                                     10,
                                     -1.5,
                                     0.1 + 0.2,
                                     1e21,
                                     123456789012345680000.0,
                                     1e-6,
                                     1e-7,
                                     5e-324,
                                     2.2250738585072014e-308,
                                     1.7976931348623157e308,
                                     9007199254740992.0,
                                     -9007199254740992.0};

    return numbers[test_below(c, TEST_COUNT(numbers))];
}

static int64_t gen_integer(test_case *c)
{
    static const int64_t integers[] = {INT64_C(9007199254740993),
                                       INT64_C(-9007199254740993),
                                       INT64_C(9007199254740995),
                                       INT64_MAX,
                                       INT64_MIN + 1,
                                       INT64_C(1000000000000000001)};

    return integers[test_below(c, TEST_COUNT(integers))];
}

mt_value gen_value(test_case *c)
{
    switch (test_below(c, 9)) {
    case 0: return mt_null();
    case 1: return mt_bool(test_once_in(c, 2));
    case 2: return mt_number(gen_number(c));
    case 3: return mt_int(gen_integer(c));
    case 4: return mt_blob(gen_bytes(c));
    case 5: return mt_edge(gen_edge(c));
    default: return mt_string(gen_text(c));
    }
}

/* One character of any length; `room` for 4 bytes. */
static size_t wild_character(test_case *c, uint8_t *out)
{
    static const uint32_t ends[] = {0x80, 0x800, 0x10000, 0x110000};
    unsigned more = (unsigned)test_below(c, 4);
    uint32_t low = more ? ends[more - 1] : 0;
    uint32_t code = low + (uint32_t)test_below(c, ends[more] - low);

    if (code >= 0xD800 && code < 0xE000) code += 0x800;
    if (more == 0) {
        out[0] = (uint8_t)code;
        return 1;
    }
    for (unsigned i = more; i > 0; i--, code >>= 6) out[i] = (uint8_t)(0x80 | (code & 0x3F));
    out[0] = (uint8_t)(0xF0u << (3 - more) | code);
    return 1 + more;
}

static mt_bytes wild_text(test_case *c, size_t count)
{
    uint8_t *data = test_take(&c->arena, 4 * count + 4);
    size_t len = 0;

    for (size_t i = 0; i < count; i++) len += wild_character(c, data + len);
    return test_copy(&c->arena, (mt_bytes){data, len});
}

static mt_bytes wild_uid(test_case *c)
{
    mt_bytes text = wild_text(c, 1 + test_below(c, 60));
    uint8_t *data = test_take(&c->arena, text.len);

    for (size_t i = 0; i < text.len; i++) data[i] = text.data[i] ? text.data[i] : 'u';
    return (mt_bytes){data, text.len};
}

static double wild_number(test_case *c)
{
    uint64_t bits = test_rng_next(&c->rng);
    double number;

    memcpy(&number, &bits, sizeof number);
    return isfinite(number) ? number : (double)(bits >> 11);
}

mt_value gen_wild_value(test_case *c)
{
    size_t len = test_below(c, test_once_in(c, 8) ? 300 : 12);
    uint8_t *data = test_take(&c->arena, len);

    switch (test_below(c, 6)) {
    case 0: return mt_number(wild_number(c));
    case 1: return mt_int((int64_t)test_rng_next(&c->rng));
    case 2: return mt_number((double)test_below(c, 100000) / 100);
    case 3: return mt_string(wild_text(c, len));
    case 4: return mt_edge(wild_uid(c));
    default:
        for (size_t i = 0; i < len; i++) data[i] = (uint8_t)test_below(c, 256);
        return mt_blob((mt_bytes){data, len});
    }
}

/* ---- Universes ---- */

enum { STYLE_MIXED, STYLE_PLAIN, STYLE_LONG_PREFIX, STYLE_ZEROS, STYLE_COUNT };

gen_universe gen_of_size(test_case *c, gen_size size)
{
    gen_universe u = {.size = size, .floors = 25};

    if (test_once_in(c, 16)) u.state_low = MT_STATE_MAX - 6;
    u.uid_style = size == GEN_SMALL ? STYLE_MIXED : 1 + (unsigned)test_below(c, 2);
    u.name_style = size == GEN_SMALL ? STYLE_MIXED : 1 + (unsigned)test_below(c, 3);
    switch (size) {
    case GEN_SMALL:
        u.uid_count = 1 + test_below(c, 3);
        u.name_count = 1 + test_below(c, 5);
        u.presence = 60;
        break;
    case GEN_LARGE_NODE:
        u.uid_count = 1 + test_below(c, 2);
        u.name_count = 65 + test_below(c, test_once_in(c, 3) ? 336 : 60);
        u.presence = 50 + test_below(c, 51);
        break;
    case GEN_MANY_NODES:
        u.uid_count = 200 + test_below(c, 300);
        u.name_count = 2;
        u.presence = 70;
        break;
    }
    return u;
}

gen_universe gen_any(test_case *c)
{
    size_t draw = test_below(c, 1500);

    return gen_of_size(c, draw == 0 ? GEN_MANY_NODES : draw < 8 ? GEN_LARGE_NODE : GEN_SMALL);
}

/* A number behind 200 letters, or as zeros only: keys that differ late, or in nothing but their
 * length. */
static mt_bytes styled(test_case *c, unsigned style, const char *plain, size_t i)
{
    char text[256];
    size_t len = 0;

    if (style == STYLE_ZEROS) {
        /* 25 letters, each followed by 0 to 199 zeros: up to 5,000 names. */
        text[len++] = (char)('a' + i % 25);
        for (size_t zeros = i / 25; zeros > 0; zeros--) text[len++] = 0;
        return test_copy(&c->arena, (mt_bytes){(const uint8_t *)text, len});
    }
    if (style == STYLE_LONG_PREFIX) {
        memset(text, 'p', 200);
        len = 200;
    }
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%03zu", plain, i);
    return test_copy(&c->arena, (mt_bytes){(const uint8_t *)text, len});
}

mt_bytes gen_uid(test_case *c, const gen_universe *u, size_t i)
{
    static const mt_bytes uids[] = {TEXT("a"), TEXT("user/1"),
                                    TEXT("\xF0\x9F\x98\x80/\xEE\x80\x80")};

    return u->uid_style == STYLE_MIXED ? uids[i] : styled(c, u->uid_style, "user/", i);
}

mt_bytes gen_name(test_case *c, const gen_universe *u, size_t i)
{
    static const mt_bytes names[] = {TEXT("name"), TEXT(""), TEXT("a\0"), TEXT("a"),
                                     TEXT("__proto__")};

    return u->name_style == STYLE_MIXED ? names[i] : styled(c, u->name_style, "field ", i);
}

/* ---- Graphs ---- */

static mt_field gen_field(test_case *c, const gen_universe *u, size_t name)
{
    mt_field field = {.name = gen_name(c, u, name)};

    field.state = u->state_low + 1 + test_below(c, 6);
    /* The value of a delete marker means nothing. */
    if (test_once_in(c, 5)) field.kind = MT_FIELD_DELETED;
    field.value = test_once_in(c, 20) ? gen_wild_value(c) : gen_value(c);
    return field;
}

static void gen_node(test_case *c, const gen_universe *u, ref_graph *graph, size_t i)
{
    ref_node *node = ref_add(graph, gen_uid(c, u, i));

    if (test_below(c, 100) < u->floors) node->floor = u->state_low + 1 + test_below(c, 5);
    if (test_once_in(c, 10)) return;
    for (size_t name = 0; name < u->name_count; name++) {
        mt_field field = gen_field(c, u, name);

        if (field.state > node->floor && test_below(c, 100) < u->presence)
            ref_put(graph, node, &field);
    }
}

ref_graph gen_graph(test_case *c, const gen_universe *u)
{
    ref_graph graph = {.arena = &c->arena};

    for (size_t i = 0; i < u->uid_count; i++)
        if (!test_once_in(c, 4)) gen_node(c, u, &graph, i);
    return graph;
}

/* ---- Rows ---- */

void gen_shuffle(test_case *c, void *items, size_t count, size_t size)
{
    uint8_t *at = items, *held = test_take(&c->arena, size);

    for (size_t i = count; i > 1; i--) {
        size_t other = test_below(c, i);

        memcpy(held, at + (i - 1) * size, size);
        memmove(at + (i - 1) * size, at + other * size, size);
        memcpy(at + other * size, held, size);
    }
}

typedef struct row_list {
    test_case *c;
    mt_row *rows;
    size_t count, room;
} row_list;

static void add_row(row_list *list, mt_row row)
{
    list->rows =
        test_room(&list->c->arena, list->rows, list->count, &list->room, sizeof *list->rows);
    list->rows[list->count++] = row;
}

/* A row of the fields from `first` on. A field below the floor may join them. */
static mt_row node_row(test_case *c, const ref_node *node, size_t first, size_t count, bool mess)
{
    mt_field *fields = test_take(&c->arena, (count + 1) * sizeof *fields);
    mt_row row = {.uid = node->uid, .fields = fields, .count = count, .floor = node->floor};

    if (count) memcpy(fields, node->fields + first, count * sizeof *fields);
    if (mess && node->floor && test_once_in(c, 3)) {
        fields[row.count] = (mt_field){.name = mt_str("below the floor"), .value = gen_value(c)};
        fields[row.count].state = 1 + test_below(c, 6);
        if (fields[row.count].state <= node->floor) row.count++;
    }
    gen_shuffle(c, fields, row.count, sizeof *fields);
    return row;
}

static void mess_rows(row_list *list, const ref_node *node)
{
    test_case *c = list->c;

    for (size_t first = 0; first < node->count;) {
        size_t count = 1 + test_below(c, node->count - first);

        add_row(list, node_row(c, node, first, count, true));
        first += test_once_in(c, 3) ? 1 : count;
    }
    if (node->count == 0 || test_once_in(c, 4)) add_row(list, node_row(c, node, 0, 0, true));
}

mt_row *gen_rows(test_case *c, const ref_graph *graph, bool mess, size_t *count)
{
    row_list list = {.c = c, .rows = test_take(&c->arena, sizeof(mt_row)), .room = 1};

    for (size_t i = 0; i < graph->count; i++) {
        const ref_node *node = &graph->nodes[i];

        if (mess && test_once_in(c, 2)) mess_rows(&list, node);
        else add_row(&list, node_row(c, node, 0, node->count, mess));
    }
    gen_shuffle(c, list.rows, list.count, sizeof *list.rows);
    *count = list.count;
    return list.rows;
}

mt_row *gen_patch(test_case *c, const gen_universe *u, size_t *count)
{
    row_list list = {.c = c};

    for (size_t i = 0; i < u->uid_count; i++) {
        mt_field *fields = test_take(&c->arena, u->name_count * sizeof *fields);
        mt_row row = {.uid = gen_uid(c, u, i), .fields = fields};

        if (test_once_in(c, 3)) continue;
        row.delete_node = test_once_in(c, 6);
        for (size_t name = 0; name < u->name_count; name++) {
            if (test_below(c, 100) >= u->presence / 2) continue;
            fields[row.count] = gen_field(c, u, name);
            /* What a patch holds besides names, kinds and values means nothing. */
            fields[row.count].state = test_once_in(c, 2) ? 0 : test_rng_next(&c->rng);
            row.count++;
        }
        gen_shuffle(c, fields, row.count, sizeof *fields);
        add_row(&list, row);
    }
    gen_shuffle(c, list.rows, list.count, sizeof *list.rows);
    *count = list.count;
    return list.rows;
}
