/* packages_to_graph.c - makes a graph of a Debian package index.
 *
 *     apt-cache dumpavail | packages_to_graph - packages.mtg
 *     packages_to_graph Packages packages.json
 *
 * An index is a list of stanzas, each some lines of "Field: value"; lines that begin with a blank
 * go on with the field before them. Each stanza becomes a node, and what it names becomes edges:
 *
 *     package/NAME      every field of the stanza under its own name: sizes are numbers, yes and
 *                       no booleans, checksums bytes, all else is text as it stands
 *                       depends/OTHER, recommends/OTHER ...: an edge to package/OTHER for each
 *                       package that the field names, alternatives included; the text with its
 *                       versions stays in Depends, Recommends ...
 *                       maintainer, section: an edge each
 *     maintainer/EMAIL  name, email
 *     section/NAME      package/OTHER: an edge to each package in it
 *
 * Where a package stands in several stanzas, the last one counts. An edge may lead nowhere: many
 * packages depend on a name that others only provide. */
#include "report.h"

/* Packages per patch. A patch is written wholly or not at all, and costs memory until it is. */
#define BATCH_PACKAGES 4096

/* Longer names would not fit into a field's name, with the relation before them. */
#define PACKAGE_NAME_LEN_MAX 200

/* Part of the index, and the number of its first line. */
typedef struct passage {
    mt_bytes text;
    size_t line;
} passage;

typedef struct stanza {
    mt_bytes name;
    passage body;
    bool superseded; /* a later stanza has the same name */
} stanza;

typedef struct index_field {
    mt_bytes name;
    mt_bytes value;
    size_t line;
} index_field;

/* A field of a section or of a maintainer. Many stanzas name the same one; `order` is that of
 * the stanzas. */
typedef struct side_field {
    mt_bytes uid;
    mt_field field;
    size_t order;
} side_field;

/* Text that is put together for a batch, in blocks that never move. */
typedef struct text_block {
    struct text_block *next;
    size_t used;
    uint8_t bytes[1 << 20];
} text_block;

typedef struct converter {
    const char *file; /* for messages */
    mt_graph *graph;
    size_t superseded; /* stanzas left out */
    text_block *blocks;
    /* The batch. Its rows get their `fields` when all are there: until then the array may move. */
    mt_row *rows;
    size_t row_count, row_cap;
    mt_field *fields;
    size_t field_count, field_cap;
    side_field *sides;
    size_t side_count, side_cap;
} converter;

/* ---- Memory ---- */

/* The array, with room for at least one more item of `size` bytes. */
static void *roomy(void *items, size_t *cap, size_t count, size_t size)
{
    if (count < *cap) return items;
    *cap = *cap == 0 ? 1024 : 2 * *cap;
    items = realloc(items, *cap * size);
    if (!items) fail(EXIT_SYSTEM, "out of memory");
    return items;
}

/* `len` bytes until the batch is written. */
static uint8_t *batch_bytes(converter *c, size_t len)
{
    text_block *block = c->blocks;

    if (!block || sizeof block->bytes - block->used < len) {
        block = malloc(sizeof *block);
        if (!block || len > sizeof block->bytes) fail(EXIT_SYSTEM, "out of memory");
        block->next = c->blocks;
        block->used = 0;
        c->blocks = block;
    }
    block->used += len;
    return block->bytes + block->used - len;
}

static mt_bytes joined(converter *c, const char *prefix, mt_bytes name)
{
    mt_bytes head = mt_str(prefix);
    uint8_t *at = batch_bytes(c, head.len + name.len);

    memcpy(at, head.data, head.len);
    if (name.len != 0) memcpy(at + head.len, name.data, name.len);
    return (mt_bytes){at, head.len + name.len};
}

/* ---- The form of the index ---- */

/* Ends the program with FILE:LINE: and what was wrong there. Of `found` the start is shown, as
 * far as it is plain. */
static _Noreturn void bad(const converter *c, size_t line, const char *what, mt_bytes found)
{
    int shown = 0;

    while ((size_t)shown < found.len && shown < 60 && found.data[shown] >= ' ' &&
           found.data[shown] <= '~') {
        shown++;
    }
    fail(EXIT_INPUT, "%s:%zu: %s '%.*s'%s", c->file, line, what, shown, (const char *)found.data,
         (size_t)shown < found.len ? " ..." : "");
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static mt_bytes trimmed(mt_bytes text)
{
    while (text.len != 0 && is_blank(text.data[text.len - 1])) text.len--;
    while (text.len != 0 && is_blank(text.data[0])) text = (mt_bytes){text.data + 1, text.len - 1};
    return text;
}

/* Takes the next line off a passage, without the end of the line; false at the end. */
static bool take_line(passage *rest, mt_bytes *line)
{
    const uint8_t *end;

    if (rest->text.len == 0) return false;
    end = memchr(rest->text.data, '\n', rest->text.len);
    line->data = rest->text.data;
    line->len = end ? (size_t)(end - line->data) : rest->text.len;
    rest->text.data += line->len + (end != NULL);
    rest->text.len -= line->len + (end != NULL);
    rest->line++;
    return true;
}

/* Field names begin with a capital letter, so that they never meet the names of our edges. */
static bool is_field_name(mt_bytes name)
{
    if (name.len == 0 || name.data[0] < 'A' || name.data[0] > 'Z') return false;
    for (size_t i = 1; i < name.len; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~') return false;
    }
    return true;
}

/* Takes the next field off a stanza; false at its end. */
static bool take_field(const converter *c, passage *rest, index_field *out)
{
    size_t line_no = rest->line;
    mt_bytes line;
    const uint8_t *colon;

    if (!take_line(rest, &line)) return false;
    out->line = line_no;
    colon = memchr(line.data, ':', line.len);
    out->name = (mt_bytes){line.data, colon ? (size_t)(colon - line.data) : 0};
    if (!colon || !is_field_name(out->name)) {
        bad(c, line_no, "expected 'Field: value' instead of", line);
    }
    while (rest->text.len != 0 && (rest->text.data[0] == ' ' || rest->text.data[0] == '\t')) {
        (void)take_line(rest, &line);
    }
    out->value = trimmed((mt_bytes){colon + 1, (size_t)(line.data + line.len - (colon + 1))});
    return true;
}

static bool is_package_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
}

/* Takes a package name off the start of a text. */
static mt_bytes take_package_name(const converter *c, size_t line, mt_bytes *rest)
{
    mt_bytes name = *rest;

    while (rest->len != 0 && is_package_byte(rest->data[0])) {
        *rest = (mt_bytes){rest->data + 1, rest->len - 1};
    }
    name.len -= rest->len;
    if (name.len == 0 || name.len > PACKAGE_NAME_LEN_MAX) {
        name.len += rest->len;
        bad(c, line, "expected a package name instead of", name);
    }
    return name;
}

/* Takes the next stanza off the index; false at its end. */
static bool take_stanza(const converter *c, passage *rest, stanza *out)
{
    passage look;
    index_field field;
    mt_bytes line;

    do {
        *out = (stanza){.body = *rest};
        if (!take_line(rest, &line)) return false;
    } while (trimmed(line).len == 0);
    do {
        out->body.text.len = (size_t)(line.data + line.len - out->body.text.data);
    } while (take_line(rest, &line) && trimmed(line).len != 0);

    look = out->body;
    while (take_field(c, &look, &field)) {
        if (!mt_bytes_equal(field.name, mt_str("Package"))) continue;
        out->name = take_package_name(c, field.line, &field.value);
        if (field.value.len != 0) bad(c, field.line, "not part of a package name:", field.value);
        return true;
    }
    fail(EXIT_INPUT, "%s:%zu: a stanza without a Package field", c->file, out->body.line);
}

/* ---- A stanza as fields ---- */

static void add_field(converter *c, size_t line, mt_bytes name, mt_value value)
{
    mt_error err = {0};

    if (mt_name_check(name, &err) != MT_OK || mt_value_check(&value, NULL, &err) != MT_OK) {
        fail(EXIT_INPUT, "%s:%zu: %s", c->file, line, err.text);
    }
    c->fields = roomy(c->fields, &c->field_cap, c->field_count, sizeof *c->fields);
    c->fields[c->field_count++] = (mt_field){.name = name, .value = value};
    c->rows[c->row_count - 1].count++;
}

static void add_side(converter *c, mt_bytes uid, mt_bytes name, mt_value value)
{
    c->sides = roomy(c->sides, &c->side_cap, c->side_count, sizeof *c->sides);
    c->sides[c->side_count] = (side_field){uid, {.name = name, .value = value}, c->side_count};
    c->side_count++;
}

static mt_value number_value(const converter *c, const index_field *field)
{
    int64_t number = 0;

    for (size_t i = 0; i < field->value.len; i++) {
        uint8_t byte = field->value.data[i];

        if (byte < '0' || byte > '9' || i == 18) {
            bad(c, field->line, "expected a number instead of", field->value);
        }
        number = 10 * number + (byte - '0');
    }
    if (field->value.len == 0) bad(c, field->line, "expected a number instead of", field->value);
    return mt_int(number);
}

static mt_value flag_value(const converter *c, const index_field *field)
{
    bool yes = mt_bytes_equal(field->value, mt_str("yes"));

    if (!yes && !mt_bytes_equal(field->value, mt_str("no"))) {
        bad(c, field->line, "expected yes or no instead of", field->value);
    }
    return mt_bool(yes);
}

static mt_value checksum_value(converter *c, const index_field *field)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = field->value.len / 2;
    uint8_t *bytes;

    if (field->value.len % 2 != 0 || len == 0 || len > 64) {
        bad(c, field->line, "expected a checksum instead of", field->value);
    }
    bytes = batch_bytes(c, len);
    for (size_t i = 0; i < field->value.len; i++) {
        const char *digit = memchr(digits, field->value.data[i], 16);

        if (!digit) bad(c, field->line, "expected a checksum instead of", field->value);
        bytes[i / 2] = (uint8_t)((i % 2 == 0 ? 0 : bytes[i / 2] * 16) + (digit - digits));
    }
    return mt_blob((mt_bytes){bytes, len});
}

static mt_value plain_value(converter *c, const index_field *field)
{
    static const char *const numbers[] = {"Installed-Size", "Size"};
    static const char *const flags[] = {"Essential", "Build-Essential", "Important", "Protected"};
    static const char *const sums[] = {"MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5"};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (mt_bytes_equal(field->name, mt_str(numbers[i]))) return number_value(c, field);
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (mt_bytes_equal(field->name, mt_str(flags[i]))) return flag_value(c, field);
    }
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        if (mt_bytes_equal(field->name, mt_str(sums[i]))) return checksum_value(c, field);
    }
    return mt_string(field->value);
}

/* ---- A stanza's edges ---- */

/* One edge for each package in "a (>= 2) | b [amd64], c:any": `prefix`a, `prefix`b, `prefix`c. */
static void add_relation(converter *c, const index_field *field, const char *prefix)
{
    mt_bytes rest = field->value;
    size_t first = c->field_count;

    while (rest.len != 0) {
        mt_bytes target = take_package_name(c, field->line, &rest);
        mt_bytes name = joined(c, prefix, target);
        size_t i = first;

        if (rest.len != 0 && !memchr(" \t\r\n:([<,|", rest.data[0], 10)) {
            bad(c, field->line, "not part of a package name:", rest);
        }
        while (i < c->field_count && !mt_bytes_equal(c->fields[i].name, name)) i++;
        if (i == c->field_count) {
            add_field(c, field->line, name, mt_edge(joined(c, "package/", target)));
        }
        while (rest.len != 0 && rest.data[0] != ',' && rest.data[0] != '|') {
            rest = (mt_bytes){rest.data + 1, rest.len - 1};
        }
        if (rest.len != 0) rest = trimmed((mt_bytes){rest.data + 1, rest.len - 1});
    }
}

/* "Example Team <team@example.org>", or what stands there instead. */
static void add_maintainer(converter *c, const index_field *field)
{
    const uint8_t *open = memchr(field->value.data, '<', field->value.len);
    const uint8_t *end = field->value.data + field->value.len;
    const uint8_t *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
    mt_bytes name = field->value;
    mt_bytes email = field->value;
    mt_bytes uid;

    if (close) {
        email = trimmed((mt_bytes){open + 1, (size_t)(close - open - 1)});
        name = trimmed((mt_bytes){name.data, (size_t)(open - name.data)});
    }
    if (email.len == 0 || email.len > PACKAGE_NAME_LEN_MAX) {
        bad(c, field->line, "expected a maintainer instead of", field->value);
    }
    uid = joined(c, "maintainer/", email);
    add_field(c, field->line, mt_str("maintainer"), mt_edge(uid));
    /* What an earlier batch wrote needs no newer state. */
    if (mt_graph_get(c->graph, uid)) return;
    add_side(c, uid, mt_str("name"), mt_string(name));
    add_side(c, uid, mt_str("email"), mt_string(email));
}

static void add_section(converter *c, const index_field *field, mt_bytes package)
{
    mt_bytes uid;

    if (field->value.len == 0 || field->value.len > PACKAGE_NAME_LEN_MAX) {
        bad(c, field->line, "expected a section instead of", field->value);
    }
    uid = joined(c, "section/", field->value);
    add_field(c, field->line, mt_str("section"), mt_edge(uid));
    add_side(c, uid, package, mt_edge(package));
}

static void add_edges(converter *c, const index_field *field, mt_bytes package)
{
    static const struct {
        const char *field;
        const char *prefix;
    } relations[] = {
        {"Breaks", "breaks/"},         {"Conflicts", "conflicts/"}, {"Depends", "depends/"},
        {"Enhances", "enhances/"},     {"Provides", "provides/"},   {"Pre-Depends", "pre-depends/"},
        {"Recommends", "recommends/"}, {"Replaces", "replaces/"},   {"Suggests", "suggests/"},
    };

    for (size_t i = 0; i < sizeof relations / sizeof *relations; i++) {
        if (mt_bytes_equal(field->name, mt_str(relations[i].field))) {
            add_relation(c, field, relations[i].prefix);
            return;
        }
    }
    if (mt_bytes_equal(field->name, mt_str("Maintainer"))) add_maintainer(c, field);
    if (mt_bytes_equal(field->name, mt_str("Section"))) add_section(c, field, package);
}

static void add_package(converter *c, const stanza *from)
{
    mt_bytes uid = joined(c, "package/", from->name);
    passage rest = from->body;
    size_t first = c->field_count;
    index_field field;

    c->rows = roomy(c->rows, &c->row_cap, c->row_count, sizeof *c->rows);
    c->rows[c->row_count++] = (mt_row){.uid = uid};
    while (take_field(c, &rest, &field)) {
        for (size_t i = first; i < c->field_count; i++) {
            if (mt_bytes_equal(c->fields[i].name, field.name)) {
                bad(c, field.line, "a second field of the name", field.name);
            }
        }
        add_field(c, field.line, field.name, plain_value(c, &field));
    }
    rest = from->body;
    while (take_field(c, &rest, &field)) add_edges(c, &field, uid);
}

/* ---- Batches ---- */

static int side_order(const void *left, const void *right)
{
    const side_field *a = left;
    const side_field *b = right;
    int order = mt_bytes_compare(a->uid, b->uid);

    if (order == 0) order = mt_bytes_compare(a->field.name, b->field.name);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* Makes one row of all that the batch has on a section or a maintainer; of a field that stands
 * twice the first stays. */
static void add_side_rows(converter *c)
{
    mt_bytes uid = {0};
    mt_bytes name = {0};

    if (c->side_count != 0) qsort(c->sides, c->side_count, sizeof *c->sides, side_order);
    for (size_t i = 0; i < c->side_count; i++) {
        const side_field *side = &c->sides[i];
        bool same = mt_bytes_equal(side->uid, uid);

        if (same && mt_bytes_equal(side->field.name, name)) continue;
        if (!same) {
            c->rows = roomy(c->rows, &c->row_cap, c->row_count, sizeof *c->rows);
            c->rows[c->row_count++] = (mt_row){.uid = side->uid};
        }
        add_field(c, 0, side->field.name, side->field.value);
        uid = side->uid;
        name = side->field.name;
    }
}

static void write_batch(converter *c)
{
    const mt_field *fields;

    add_side_rows(c);
    fields = c->fields;
    for (size_t i = 0; i < c->row_count; i++) {
        c->rows[i].fields = fields;
        fields += c->rows[i].count;
    }
    must(mt_graph_patch(c->graph, c->rows, c->row_count, 0, NULL), c->file,
         mt_graph_error(c->graph)->text);
    c->row_count = 0;
    c->field_count = 0;
    c->side_count = 0;
    while (c->blocks) {
        text_block *block = c->blocks;

        c->blocks = block->next;
        free(block);
    }
}

/* ---- The whole index ---- */

typedef struct stanza_list {
    stanza *at;
    size_t count;
    size_t cap;
} stanza_list;

static int name_order(const void *left, const void *right)
{
    const stanza *const *a = left;
    const stanza *const *b = right;
    int order = mt_bytes_compare((*a)->name, (*b)->name);

    return order != 0 ? order : (*a > *b) - (*a < *b);
}

/* Marks all but the last stanza of each name, and returns how many those are. */
static size_t mark_superseded(stanza_list *list)
{
    stanza **sorted = malloc((list->count + 1) * sizeof(stanza *));
    size_t marked = 0;

    if (!sorted) fail(EXIT_SYSTEM, "out of memory");
    for (size_t i = 0; i < list->count; i++) sorted[i] = &list->at[i];
    qsort(sorted, list->count, sizeof(stanza *), name_order);
    for (size_t i = 0; i + 1 < list->count; i++) {
        sorted[i]->superseded = mt_bytes_equal(sorted[i]->name, sorted[i + 1]->name);
        marked += sorted[i]->superseded;
    }
    free(sorted);
    return marked;
}

static void convert(converter *c, mt_bytes index)
{
    passage rest = {index, 1};
    stanza_list list = {0};
    stanza found;

    while (take_stanza(c, &rest, &found)) {
        list.at = roomy(list.at, &list.cap, list.count, sizeof *list.at);
        list.at[list.count++] = found;
    }
    c->superseded = mark_superseded(&list);
    for (size_t i = 0, in_batch = 0; i < list.count; i++) {
        if (!list.at[i].superseded) {
            add_package(c, &list.at[i]);
            in_batch++;
        }
        if (in_batch == BATCH_PACKAGES || i + 1 == list.count) {
            write_batch(c);
            in_batch = 0;
        }
    }
    free(list.at);
}

/* ---- The program ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);

    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static const char *format_of(const char *path)
{
    if (ends_with(path, ".mtg")) return "binary";
    if (ends_with(path, ".mtz")) return "compressed";
    return "json";
}

static mt_buf formatted(const mt_graph *graph, const char *format)
{
    if (strcmp(format, "json") == 0) return graph_json(graph);
    if (strcmp(format, "binary") == 0) return graph_bytes(graph, NULL);
    if (strcmp(format, "compressed") == 0) return graph_bytes(graph, mt_compressor_zstd());
    fail(EXIT_USAGE, "--format takes json, binary or compressed, not '%s'", format);
}

static size_t count_below(const mt_graph *graph, const char *prefix)
{
    mt_graph_iter iter;
    size_t count = 0;

    mt_graph_iter_init(&iter, graph, mt_str(prefix), mt_str(""));
    while (mt_graph_iter_next(&iter)) count++;
    return count;
}

static void print_summary(FILE *out, const converter *c)
{
    graph_size size = graph_size_of(c->graph);

    fprintf(out, "%s packages, %s maintainers, %s sections: %s nodes, %s fields\n",
            grouped(count_below(c->graph, "package/")).text,
            grouped(count_below(c->graph, "maintainer/")).text,
            grouped(count_below(c->graph, "section/")).text, grouped(size.nodes).text,
            grouped(size.fields).text);
    if (c->superseded != 0) {
        fprintf(out, "left out, for a later stanza has the same name: %s\n",
                grouped(c->superseded).text);
    }
}

int main(int argc, char **argv)
{
    converter c = {0};
    const char *format = NULL;
    double at[4];
    mt_buf index;
    mt_buf out;
    FILE *report;

    if (argc == 5 && strcmp(argv[1], "--format") == 0) {
        format = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc != 3) {
        fail(EXIT_USAGE,
             "usage: packages_to_graph [--format json|binary|compressed] INDEX OUTPUT\n"
             "INDEX and OUTPUT may be -; .mtg is binary, .mtz compressed, all else JSON");
    }
    if (!format) format = format_of(argv[2]);
    c.file = argv[1];
    at[0] = seconds_now();
    index = read_file(c.file);
    at[1] = seconds_now();
    must(mt_graph_new(mt_mem_system(), NULL, &c.graph), c.file, NULL);
    convert(&c, mt_buf_bytes(&index));
    at[2] = seconds_now();
    out = formatted(c.graph, format);
    write_file(argv[2], mt_buf_bytes(&out));
    at[3] = seconds_now();

    report = strcmp(argv[2], "-") == 0 ? stderr : stdout;
    print_summary(report, &c);
    fprintf(report,
            "%s bytes read in %.2f s, made a graph in %.2f s, %s bytes of %s written in %.2f s\n",
            grouped(index.len).text, at[1] - at[0], at[2] - at[1], grouped(out.len).text, format,
            at[3] - at[2]);
    mt_buf_free(&out);
    mt_buf_free(&index);
    mt_graph_free(c.graph);
    free(c.rows);
    free(c.fields);
    free(c.sides);
    return 0;
}
