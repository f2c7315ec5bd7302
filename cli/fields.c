#include "fields.h"

#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the separator of a word stands: "=", ":=" or "@"; NULL: there is none. */
static const char *find_separator(const char *word)
{
    for (; *word; word++) {
        if (*word == '=' || *word == '@' || (word[0] == ':' && word[1] == '=')) return word;
        if (*word == '\\' && word[1]) word++;
    }
    return NULL;
}

/* The name, without the backslashes that keep it together. */
static void add_name(cli_text *name, const char *word, const char *end)
{
    for (; word < end; word++) {
        if (*word == '\\' && word + 1 < end && strchr("=:@\\", word[1])) word++;
        cli_text_add(name, (mt_bytes){(const uint8_t *)word, 1});
    }
}

static cli_exit_code refuse(mt_bytes name, const char *why)
{
    return cli_complain(EXIT_USAGE, "field \"%.*s\": %s", (int)name.len, (const char *)name.data,
                        why);
}

/* ---- JSON ---- */

/* What the reader said of the text around the value, in words about the value alone: that begins on the second line. */
static cli_exit_code refuse_json(mt_bytes name, const char *json, const mt_error *err)
{
    unsigned long line = 0, lines = 1;
    char text[MT_ERROR_TEXT_MAX + 32];
    char *rest = NULL;

    if (err->status == MT_NO_MEMORY) return cli_complain(EXIT_SYSTEM, "%s", err->text);
    for (; *json; json++) lines += *json == '\n';
    if (err->text[0] == ':') line = strtoul(err->text + 1, &rest, 10);
    if (line < 2 || line > lines + 1 || !rest) return refuse(name, "expected one value of JSON");
    (void)snprintf(text, sizeof text, "JSON %lu%s", line - 1, rest);
    return refuse(name, text);
}

/* Keeps the value's own copy of what it holds. */
static void keep_value(mt_field *field, cli_text *text)
{
    if (field->kind != MT_FIELD_VALUE || field->value.kind < MT_STRING) return;
    cli_text_add(text, field->value.as.bytes);
    field->value.as.bytes = mt_buf_bytes(&text->buf);
}

static bool is_one_value(const mt_row *row)
{
    return row->count == 1 && !row->delete_node && !row->more;
}

/* The value as the one field of a patch. */
static cli_exit_code read_json(const char *json, mt_field *field, cli_text *text)
{
    mt_error err = {MT_NO_MEMORY, "out of memory"};
    mt_json_reader *reader = NULL;
    mt_bytes name = field->name;
    cli_exit_code code = EXIT_DONE;
    mt_status st = MT_NO_MEMORY;
    bool one = false;
    cli_text patch;
    mt_row row;

    cli_text_init(&patch);
    cli_text_printf(&patch, "{\"u\":{\"f\":\n%s\n}}", json);
    if (patch.status == MT_OK &&
        mt_json_reader_new(mt_mem_system(), MT_JSON_PATCH, "", NULL, &reader) == MT_OK)
        st = mt_json_reader_feed(reader, mt_buf_bytes(&patch.buf), true);
    if (st == MT_OK && (st = mt_json_reader_next(reader, &row)) == MT_OK && is_one_value(&row)) {
        *field = row.fields[0];
        field->name = name;
        keep_value(field, text);
        one = true;
    }
    if (st == MT_OK) st = mt_json_reader_next(reader, &row);
    if (st == MT_OK || (st == MT_END && !one)) code = refuse(name, "expected one value of JSON");
    else if (st != MT_END)
        code = refuse_json(name, json, reader ? mt_json_reader_error(reader) : &err);
    mt_json_reader_free(reader);
    cli_text_free(&patch);
    return code;
}

/* ---- Words ---- */

static cli_exit_code read_word(const char *word, mt_field *field, cli_text *name, cli_text *held)
{
    const char *at = find_separator(word);
    cli_exit_code code = EXIT_DONE;
    mt_error err;

    if (!at)
        return cli_complain(EXIT_USAGE,
                            "expected FIELD=text, FIELD:=json or FIELD@uid, found \"%s\"", word);
    add_name(name, word, at);
    field->name = mt_buf_bytes(&name->buf);
    if (mt_name_check(field->name, &err) != MT_OK) return refuse(field->name, err.text);
    if (*at == ':') code = read_json(at + 2, field, held);
    else if (*at == '@') field->value = mt_edge_to(at + 1);
    else field->value = mt_text(at + 1);
    if (code == EXIT_DONE && field->kind == MT_FIELD_VALUE &&
        mt_value_check(&field->value, NULL, &err) != MT_OK)
        code = refuse(field->name, err.text);
    return code;
}

static cli_exit_code check_twice(const cli_fields *fields)
{
    for (size_t i = 1; i < fields->count; i++)
        for (size_t j = 0; j < i; j++)
            if (mt_bytes_equal(fields->fields[i].name, fields->fields[j].name))
                return refuse(fields->fields[i].name, "it is named twice");
    return EXIT_DONE;
}

cli_exit_code cli_fields_read(const char *const *words, size_t count, cli_fields *out)
{
    cli_exit_code code = EXIT_DONE;
    mt_status st = MT_OK;

    *out = (cli_fields){.fields = calloc(count + 1, sizeof *out->fields),
                        .texts = calloc(2 * count + 1, sizeof *out->texts)};
    if (!out->fields || !out->texts) st = MT_NO_MEMORY;
    for (size_t i = 0; i < count && st == MT_OK && code == EXIT_DONE; i++) {
        cli_text *name = &out->texts[2 * i], *held = name + 1;

        cli_text_init(name);
        cli_text_init(held);
        out->count = i + 1;
        code = read_word(words[i], &out->fields[i], name, held);
        if (name->status != MT_OK || held->status != MT_OK) st = MT_NO_MEMORY;
    }
    if (st == MT_OK && code == EXIT_DONE) code = check_twice(out);
    if (st != MT_OK && code == EXIT_DONE)
        code = cli_complain(EXIT_SYSTEM, "%s", mt_status_text(st));
    if (code != EXIT_DONE) cli_fields_free(out);
    return code;
}

void cli_fields_free(cli_fields *fields)
{
    for (size_t i = 0; fields->texts && i < 2 * fields->count; i++)
        cli_text_free(&fields->texts[i]);
    free(fields->texts);
    free(fields->fields);
    memset(fields, 0, sizeof *fields);
}
