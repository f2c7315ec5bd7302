/* Values, and the small objects of which graphs and patches are made. */
#include "crdt/json.h"
#include "base/base64url.h"
#include "base/number.h"
#include "base/status.h"
#include "base/word.h"
#include "crdt/value.h"

const mti_json_limit mti_json_uid_limit = {"a uid", MT_UID_LEN_MAX};
const mti_json_limit mti_json_name_limit = {"a field name", MT_NAME_LEN_MAX};

static const mti_json_limit member_limit = {"a member name", MT_NAME_LEN_MAX};
static const mti_json_limit type_limit = {"a type", MT_NAME_LEN_MAX};
static const mti_json_limit integer_limit = {"an integer", MTI_INTEGER_TEXT_MAX};

/* ---- Objects ---- */

typedef enum member {
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

static const char *const member_names[] = {"value", "state", "deleted", "type", "uid",
                                           "floor", "int",   "bytes",   "edge"};

/* An object while it is read. */
typedef struct object {
    unsigned allowed;     /* members */
    const char *expected; /* what its first member may be */
    unsigned seen;
    member last;       /* the member read last, */
    const uint8_t *at; /* and where its name stands */
} object;

static bool has(const object *object, unsigned members)
{
    return (object->seen & members) != 0;
}

static unsigned find_member(mt_bytes name)
{
    for (unsigned i = 0; i < sizeof member_names / sizeof *member_names; i++) {
        if (mt_bytes_equal(name, mt_str(member_names[i]))) return 1U << i;
    }
    return 0;
}

static const uint8_t *refuse_member(mt_json_reader *reader, const uint8_t *at, mt_bytes name,
                                    const char *format)
{
    (void)format;
    return mti_json_refuse(reader, at,
                           mti_fail(&reader->err, MT_MALFORMED, "unknown member \"%.*s\"",
                                    MTI_SHOW(name)));
}
