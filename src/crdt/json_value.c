/* Values, and the small objects of which graphs and patches are made. */
#include "crdt/json.h"
#include "base/assert.h"
#include "base/base64url.h"
#include "base/number.h"
#include "base/status.h"
#include "base/word.h"
#include "crdt/value.h"

const mti_json_limit mti_json_uid_limit = {"a uid", MT_UID_LEN_MAX, MT_UID_LEN_MAX, ""};
const mti_json_limit mti_json_name_limit = {"a field name", MT_NAME_LEN_MAX, MT_NAME_LEN_MAX, ""};

static const mti_json_limit member_limit = {"a member name", 255, 255, ""};
static const mti_json_limit type_limit = {"a type", 255, 255, ""};
static const mti_json_limit integer_limit = {"an integer", MTI_INTEGER_TEXT_MAX,
                                             MTI_INTEGER_TEXT_MAX, ""};

/* ---- Objects ---- */

typedef enum member {
    MEMBER_NONE = 0,
    MEMBER_VALUE = 1 << 0,
    MEMBER_STATE = 1 << 1,
    MEMBER_DELETED = 1 << 2,
    MEMBER_TYPE = 1 << 3,
    MEMBER_UID = 1 << 4,
    MEMBER_FLOOR = 1 << 5,
    MEMBER_INT = 1 << 6,
    MEMBER_BYTES = 1 << 7,
    MEMBER_EDGE = 1 << 8
} member;

/* In the order of the bits. */
static const struct {
    size_t len;
    char name[8];
} members[] = {{5, "value"}, {5, "state"}, {7, "deleted"}, {4, "type"}, {3, "uid"},
               {5, "floor"}, {3, "int"},   {5, "bytes"},   {4, "edge"}};

/* An object while it is read. */
typedef struct object_scan {
    unsigned allowed; /* members */
    unsigned seen;
    member last;       /* the member that was read last; MEMBER_NONE: the object is complete */
    const uint8_t *at; /* where its name stands, or the closing brace */
} object_scan;

static member find_member(mt_bytes name)
{
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) {
        if (name.len == members[i].len && memcmp(name.data, members[i].name, name.len) == 0)
            return (member)(1U << i);
    }
    return MEMBER_NONE;
}

/* Reads a member's name and its colon. */
static const uint8_t *read_member(mt_json_reader *reader, const uint8_t *at, object_scan *object)
{
    mt_bytes name;

    object->at = at;
    if (at == reader->stop || *at != '"')
        return mti_json_unexpected(
            reader, at, object->seen ? "a member name behind \",\"" : "a member name or \"}\"");
    if (!(at = mti_json_string(reader, at, &member_limit, &name))) return NULL;
    object->last = find_member(name);
    if (!(object->last & object->allowed)) {
        mti_fail(&reader->err, MT_MALFORMED, "unknown member \"%.*s\"", MTI_SHOW(name));
        return mti_json_refuse(reader, object->at, MT_MALFORMED);
    }
    if (object->last & object->seen) {
        mti_fail(&reader->err, MT_MALFORMED, "member \"%.*s\" stands twice", MTI_SHOW(name));
        return mti_json_refuse(reader, object->at, MT_MALFORMED);
    }
    if (!(at = mti_json_expect(reader, at, ':', "\":\""))) return NULL;
    object->seen |= object->last;
    return at;
}

/* Goes from the opening brace, or behind a member's value, to the next value or behind the closing
 * brace. */
static const uint8_t *next_member(mt_json_reader *reader, const uint8_t *at, object_scan *object)
{
    at = mti_json_space(at, reader->stop);
    if (at < reader->stop && *at == '}') {
        object->at = at;
        object->last = MEMBER_NONE;
        return at + 1;
    }
    if (object->seen) {
        if (!(at = mti_json_expect(reader, at, ',', "\",\" or \"}\""))) return NULL;
        at = mti_json_space(at, reader->stop);
    }
    return read_member(reader, at, object);
}

/* Answers NULL for an object that ended too early. */
static const uint8_t *refuse_missing(mt_json_reader *reader, const object_scan *object,
                                     const char *expected)
{
    return mti_json_refuse(
        reader, object->at,
        mti_fail(&reader->err, MT_MALFORMED, "expected a member %s, found \"}\"", expected));
}

static const uint8_t *read_true(mt_json_reader *reader, const uint8_t *at)
{
    return mti_json_word(reader, mti_json_space(at, reader->stop), "\"true\"");
}

/* Reads a string, behind white space; `*at` gets where it begins. */
static const uint8_t *read_string(mt_json_reader *reader, const uint8_t **at, const char *expected,
                                  const mti_json_limit *limit, mt_bytes *out)
{
    *at = mti_json_space(*at, reader->stop);
    if (*at == reader->stop || **at != '"') return mti_json_unexpected(reader, *at, expected);
    return mti_json_string(reader, *at, limit, out);
}

/* ---- States and floors ---- */

static const uint8_t *refuse_count(mt_json_reader *reader, const uint8_t *at, const uint8_t *end,
                                   const char *what)
{
    mt_bytes text = {at, (size_t)(end - at)};

    mti_fail(&reader->err, MT_MALFORMED, "expected %s from 1 to %llu, found %.*s", what,
             (unsigned long long)MT_STATE_MAX, MTI_SHOW(text));
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

/* Reads a number that is an integer from 1 to 2^53 - 1, however it is written. */
static const uint8_t *read_count(mt_json_reader *reader, const uint8_t *at, const char *what,
                                 uint64_t *out)
{
    const uint8_t *end;
    uint64_t count = 0;
    double number;

    at = mti_json_space(at, reader->stop);
    for (end = at; end < reader->stop && *end >= '0' && *end <= '9' && end - at < 16; end++)
        count = count * 10 + (uint64_t)(*end - '0');
    if (end > at && end < reader->stop && (*end == ',' || *end == '}') && *at != '0' &&
        count <= MT_STATE_MAX) {
        *out = count;
        return end;
    }
    if (at == reader->stop || (*at != '-' && (*at < '0' || *at > '9')))
        return mti_json_unexpected(reader, at, what);
    if (!(end = mti_json_number(reader, at, &number))) return NULL;
    if (!(number >= 1 && number <= (double)MT_STATE_MAX))
        return refuse_count(reader, at, end, what);
    *out = (uint64_t)number;
    if ((double)*out != number) return refuse_count(reader, at, end, what);
    return end;
}

/* ---- Values ---- */

const uint8_t *mti_json_check_uid(mt_json_reader *reader, const uint8_t *at, mt_bytes uid,
                                  const uint8_t *behind)
{
    if (uid.len == 0)
        return mti_json_refuse(reader, at, mti_fail(&reader->err, MT_MALFORMED, "a uid is empty"));
    if (memchr(uid.data, 0, uid.len))
        return mti_json_refuse(reader, at,
                               mti_fail(&reader->err, MT_MALFORMED, "a uid holds U+0000"));
    return behind;
}

static const uint8_t *read_integer(mt_json_reader *reader, const uint8_t *at, mt_value *value)
{
    const uint8_t *behind;
    mt_bytes text = {NULL, 0};
    int64_t integer;
    const char *expected;

    if (!(behind = read_string(reader, &at, "an integer in quotes", &integer_limit, &text)))
        return NULL;
    if (!mti_integer_parse(text, &integer)) expected = "a decimal integer of 64 bits";
    else if (mti_integer_is_number(integer)) expected = "an integer that no double holds";
    else {
        *value = mt_int(integer);
        return behind;
    }
    mti_fail(&reader->err, MT_MALFORMED, "expected %s, found \"%.*s\"", expected, MTI_SHOW(text));
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

static const uint8_t *read_bytes(mt_json_reader *reader, const uint8_t *at, mt_value *value)
{
    const uint8_t *behind;
    mt_bytes text = {NULL, 0};
    uint8_t *bytes;
    size_t len;
    const char *why;

    if (!(behind = read_string(reader, &at, "base64url in quotes", &reader->bytes_limit, &text)))
        return NULL;
    bytes = mti_json_arena_take(&reader->arena, text.len / 4 * 3 + 2);
    if (!bytes) return mti_json_no_memory(reader);
    if (!mti_base64url_decode(text, bytes, &len, &why))
        return mti_json_refuse(reader, at, mti_fail(&reader->err, MT_MALFORMED, "%s", why));
    *value = mt_blob((mt_bytes){bytes, len});
    return behind;
}

static const uint8_t *read_edge(mt_json_reader *reader, const uint8_t *at, mt_value *value)
{
    const uint8_t *behind;
    mt_bytes uid = {NULL, 0};

    if (!(behind = read_string(reader, &at, "a uid", &mti_json_uid_limit, &uid))) return NULL;
    *value = mt_edge(uid);
    return mti_json_check_uid(reader, at, uid, behind);
}

/* Reads a value in an object of one member; in a patch, also {"deleted": true}. */
static const uint8_t *read_tagged(mt_json_reader *reader, const uint8_t *at, mt_field *field)
{
    bool patch = reader->form == MT_JSON_PATCH;
    object_scan object = {.allowed = MEMBER_INT | MEMBER_BYTES | MEMBER_EDGE};

    if (patch) object.allowed |= MEMBER_DELETED;
    if (!(at = next_member(reader, at + 1, &object))) return NULL;
    switch (object.last) {
    case MEMBER_INT: at = read_integer(reader, at, &field->value); break;
    case MEMBER_BYTES: at = read_bytes(reader, at, &field->value); break;
    case MEMBER_EDGE: at = read_edge(reader, at, &field->value); break;
    case MEMBER_DELETED:
        field->kind = MT_FIELD_DELETED;
        at = read_true(reader, at);
        break;
    case MEMBER_NONE:
    case MEMBER_VALUE:
    case MEMBER_STATE:
    case MEMBER_TYPE:
    case MEMBER_UID:
    case MEMBER_FLOOR:
        return refuse_missing(reader, &object,
                              patch ? "\"int\", \"bytes\", \"edge\" or \"deleted\""
                                    : "\"int\", \"bytes\" or \"edge\"");
    }
    return at ? mti_json_expect(reader, at, '}', "\"}\"") : NULL;
}

static const uint8_t *read_value(mt_json_reader *reader, const uint8_t *at, mt_field *field)
{
    mt_value *value = &field->value;

    at = mti_json_space(at, reader->stop);
    if (at == reader->stop) return mti_json_unexpected(reader, at, "a value");
    switch (*at) {
    case '"':
        value->kind = MT_STRING;
        return mti_json_string(reader, at, &reader->value_limit, &value->as.bytes);
    case '{': return read_tagged(reader, at, field);
    case 'n': return mti_json_word(reader, at, "\"null\"");
    case 't': *value = mt_bool(true); return mti_json_word(reader, at, "\"true\"");
    case 'f': *value = mt_bool(false); return mti_json_word(reader, at, "\"false\"");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': value->kind = MT_NUMBER; return mti_json_number(reader, at, &value->as.number);
    default: return mti_json_unexpected(reader, at, "a value");
    }
}

/* ---- Fields ---- */

static const uint8_t *refuse_type(mt_json_reader *reader, const uint8_t *at)
{
    mt_bytes type = {NULL, 0};

    if (!read_string(reader, &at, "a type", &type_limit, &type)) return NULL;
    mti_fail(&reader->err, MT_MALFORMED, "unknown type \"%.*s\"", MTI_SHOW(type));
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

static const uint8_t *read_field_member(mt_json_reader *reader, const uint8_t *at,
                                        const object_scan *object, mt_field *field)
{
    const unsigned both = MEMBER_VALUE | MEMBER_DELETED;

    if (object->last & both && (object->seen & both) == both) {
        mti_fail(&reader->err, MT_MALFORMED, "\"value\" and \"deleted\" stand in one field");
        return mti_json_refuse(reader, object->at, MT_MALFORMED);
    }
    switch (object->last) {
    case MEMBER_VALUE: return read_value(reader, at, field);
    case MEMBER_STATE: return read_count(reader, at, "a state", &field->state);
    case MEMBER_DELETED: field->kind = MT_FIELD_DELETED; return read_true(reader, at);
    case MEMBER_TYPE: return refuse_type(reader, at);
    case MEMBER_NONE:
    case MEMBER_UID:
    case MEMBER_FLOOR:
    case MEMBER_INT:
    case MEMBER_BYTES:
    case MEMBER_EDGE: break;
    }
    mti_assert(false);
    return NULL;
}

/* Whether these eight bytes come next; they are compared as one word. */
static bool is_next(const uint8_t *at, const uint8_t *stop, const char *eight)
{
    return stop - at >= 8 && mti_load_le64(at) == mti_load_le64(eight);
}

/* Reads what most fields begin with, as far as it stands there: "value":V,"state":N without
 * space between. */
static const uint8_t *read_usual_members(mt_json_reader *reader, const uint8_t *at,
                                         object_scan *object, mt_field *field)
{
    if (!is_next(at, reader->stop, "\"value\":")) return at;
    if (!(at = read_value(reader, at + 8, field))) return NULL;
    object->seen = MEMBER_VALUE;
    if (at == reader->stop || *at != ',') return at;
    if (!is_next(at + 1, reader->stop, "\"state\":")) return at;
    object->seen |= MEMBER_STATE;
    return read_count(reader, at + 9, "a state", &field->state);
}

const uint8_t *mti_json_graph_field(mt_json_reader *reader, const uint8_t *at, mt_field *field)
{
    object_scan object = {.allowed = MEMBER_VALUE | MEMBER_STATE | MEMBER_DELETED | MEMBER_TYPE};

    if (!(at = mti_json_expect(reader, at, '{', "\"{\""))) return NULL;
    if (!(at = read_usual_members(reader, at, &object, field))) return NULL;
    while ((at = next_member(reader, at, &object)) && object.last) {
        if (!(at = read_field_member(reader, at, &object, field))) return NULL;
    }
    if (!at) return NULL;
    if (!(object.seen & (MEMBER_VALUE | MEMBER_DELETED)))
        return refuse_missing(reader, &object, "\"value\" or \"deleted\"");
    if (!(object.seen & MEMBER_STATE)) return refuse_missing(reader, &object, "\"state\"");
    return at;
}

const uint8_t *mti_json_patch_field(mt_json_reader *reader, const uint8_t *at, mt_field *field)
{
    return read_value(reader, at, field);
}

/* ---- Nodes ---- */

static const uint8_t *read_own_uid(mt_json_reader *reader, const uint8_t *at)
{
    mt_bytes key = {reader->uid, reader->uid_len}, uid = {NULL, 0};
    const uint8_t *behind = read_string(reader, &at, "a uid", &mti_json_uid_limit, &uid);

    if (!behind || mt_bytes_equal(uid, key)) return behind;
    mti_fail(&reader->err, MT_MALFORMED, "expected the uid \"%.*s\", found \"%.*s\"", MTI_SHOW(key),
             MTI_SHOW(uid));
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

const uint8_t *mti_json_object(mt_json_reader *reader, const uint8_t *at)
{
    bool patch = reader->form == MT_JSON_PATCH;
    object_scan object = {.allowed = MEMBER_UID | (patch ? MEMBER_DELETED : MEMBER_FLOOR)};

    if (!(at = mti_json_expect(reader, at, '{', "\"{\""))) return NULL;
    while ((at = next_member(reader, at, &object)) && object.last) {
        if (object.last == MEMBER_UID) at = read_own_uid(reader, at);
        else if (object.last == MEMBER_FLOOR)
            at = read_count(reader, at, "a floor", &reader->floor);
        else at = read_true(reader, at);
        if (!at) return NULL;
    }
    if (!at) return NULL;
    if (!patch && !(object.seen & MEMBER_UID)) return refuse_missing(reader, &object, "\"uid\"");
    reader->delete_node = (object.seen & MEMBER_DELETED) != 0;
    return at;
}
