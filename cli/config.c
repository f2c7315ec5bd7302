#include "config.h"

#include "member.h"
#include "message.h"
#include "plugins.h"
#include "shown.h"
#include "table.h"
#include "tls.h"

#include <mytosis/plugin/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The longest file, and how many values a list has. */
#define FILE_LEN_MAX ((size_t)1024 * 1024)
#define LIST_MAX OPTION_LISTED_MAX

typedef struct setting_spec {
    const char *key;
    const char *variable;
    cli_option_id option;
    bool is_list;
    const char *by_default;
} setting_spec;

static const setting_spec specs[SETTING_COUNT] = {
    [SETTING_STORE] = {"store", "MYTOSIS_STORE", OPTION_STORE, false, NULL},
    [SETTING_LISTEN] = {"listen", "MYTOSIS_LISTEN", OPTION_LISTEN, true, NULL},
    [SETTING_CONNECT] = {"connect", "MYTOSIS_CONNECT", OPTION_CONNECT, true, NULL},
    [SETTING_PULL] = {"pull", "MYTOSIS_PULL", OPTION_PULL, true, NULL},
    [SETTING_PUSH] = {"push", "MYTOSIS_PUSH", OPTION_PUSH, true, NULL},
    [SETTING_ORIGIN] = {"origin", "MYTOSIS_ORIGIN", OPTION_ORIGIN, true, NULL},
    [SETTING_HOST] = {"host", "MYTOSIS_HOST", OPTION_HOST, true, NULL},
    [SETTING_CERT] = {"cert", "MYTOSIS_CERT", OPTION_CERT, false, NULL},
    [SETTING_KEY] = {"key", "MYTOSIS_KEY", OPTION_KEY, false, NULL},
    [SETTING_CA] = {"ca", "MYTOSIS_CA", OPTION_CA, false, NULL},
    [SETTING_PLUGIN] = {"plugin", "MYTOSIS_PLUGIN", OPTION_PLUGIN, true, NULL},
    [SETTING_SANDBOX] = {"sandbox", "MYTOSIS_SANDBOX", OPTION_REQUIRE_SANDBOX, false, "on"},
    [SETTING_LOG_LEVEL] = {"log-level", "MYTOSIS_LOG_LEVEL", OPTION_LOG_LEVEL, false, "info"},
    [SETTING_LOG_FORMAT] = {"log-format", "MYTOSIS_LOG_FORMAT", OPTION_LOG_FORMAT, false, "text"},
};

/* On the command line two of them are flags. */
static const char *const sandbox_modes[] = {
    [SANDBOX_WANTED] = "on", [SANDBOX_REQUIRED] = "require", [SANDBOX_NONE] = "off"};
#define SANDBOX_MODES (sizeof sandbox_modes / sizeof *sandbox_modes)

/* ---- Values ---- */

static void drop(cli_config *config, cli_setting setting)
{
    for (size_t i = 0; i < config->settings[setting].count; i++) {
        free(config->settings[setting].items[i].text);
        free(config->settings[setting].items[i].from);
    }
    free(config->settings[setting].items);
    config->settings[setting].items = NULL;
    config->settings[setting].count = 0;
}

void cli_config_free(cli_config *config)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) drop(config, (cli_setting)i);
}

static cli_exit_code no_memory(void)
{
    return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
}

/* HOST or HOST:PORT, as they stand in a URL. */
static bool is_host(const char *text)
{
    char url[MT_CONNECTION_ID_LEN_MAX + 16];
    int len = snprintf(url, sizeof url, "ws://%s", text);

    return len > 0 && (size_t)len < sizeof url && !strchr(text, '/') &&
           mt_url_check(url, false, NULL) == MT_OK;
}

/* As browsers write one: SCHEME://HOST or SCHEME://HOST:PORT, in small letters. */
static bool is_origin(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

    return len > 0 && strncmp(text + len, "://", 3) == 0 && is_host(text + len + 3) &&
           !strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static size_t sandbox_mode_of(const char *text)
{
    size_t mode = 0;

    while (mode < SANDBOX_MODES && strcmp(sandbox_modes[mode], text) != 0) mode++;
    return mode;
}

/* Says what is wrong with a value; false: nothing is. */
static bool is_wrong(cli_setting setting, const char *text, char *why, size_t size)
{
    const setting_spec *spec = &specs[setting];
    bool is_peer = setting == SETTING_CONNECT, is_url = setting == SETTING_LISTEN;
    bool is_prefix = setting == SETTING_PULL || setting == SETTING_PUSH;
    mt_error err = {MT_OK, ""};
    cli_peer_name name;
    char choices[80];

    if (!*text) (void)snprintf(why, size, "expected a value for \"%s\"", spec->key);
    else if ((is_url && mt_url_check(text, true, &err) != MT_OK) ||
             (is_peer && cli_peer_name_read(text, NULL, &name, &err) != MT_OK) ||
             (is_prefix && mt_uid_check(mt_str(text), &err) != MT_OK))
        (void)snprintf(why, size, "%s", err.text);
    else if (setting == SETTING_HOST && !is_host(text))
        (void)snprintf(why, size, "\"host\" is HOST or HOST:PORT, not \"%.100s\"", text);
    else if (setting == SETTING_ORIGIN && !is_origin(text))
        (void)snprintf(why, size, "\"origin\" is such as http://localhost:8000, not \"%.100s\"",
                       text);
    else if (setting == SETTING_SANDBOX && sandbox_mode_of(text) == SANDBOX_MODES)
        (void)snprintf(why, size, "\"sandbox\" is on, require or off, not \"%.100s\"", text);
    else if (!cli_option_check(spec->option, text, choices, sizeof choices))
        (void)snprintf(why, size, "\"%s\" is %s, not \"%s\"", spec->key, choices, text);
    else return false;
    return true;
}

/* Two listeners may ask for any port; of all else a second is a mistake. */
static bool is_there(const cli_config *config, cli_setting setting, const char *text)
{
    size_t i = 0, count = config->settings[setting].count;

    while (i < count && strcmp(config->settings[setting].items[i].text, text) != 0) i++;
    return i < count;
}

/* Adds a value behind those that are there. `before` stands before what is wrong. */
static cli_exit_code add(cli_config *config, cli_setting setting, const char *text,
                         const char *from, const char *before, cli_exit_code wrong)
{
    size_t count = config->settings[setting].count;
    cli_config_value *items;
    char why[MT_ERROR_TEXT_MAX + 80];

    if (is_wrong(setting, text, why, sizeof why)) return cli_complain(wrong, "%s: %s", before, why);
    if (count == LIST_MAX)
        return cli_complain(wrong, "%s: more than %d values for \"%s\"", before, LIST_MAX,
                            specs[setting].key);
    if (setting != SETTING_LISTEN && is_there(config, setting, text))
        return cli_complain(wrong, "%s: %s is there already", before, text);
    items = realloc(config->settings[setting].items, (count + 1) * sizeof *items);
    if (!items) return no_memory();
    config->settings[setting].items = items;
    items[count] = (cli_config_value){strdup(text), strdup(from)};
    config->settings[setting].count++;
    return items[count].text && items[count].from ? EXIT_DONE : no_memory();
}

const char *cli_config_get(const cli_config *config, cli_setting setting)
{
    return config->settings[setting].count > 0 ? config->settings[setting].items[0].text : NULL;
}

/* ---- The file ---- */

typedef struct file_place {
    const char *name;
    size_t line;
    size_t column; /* in bytes, from 1 */
} file_place;

static const char *show_place(const file_place *place, char *out, size_t size)
{
    (void)snprintf(out, size, "%.200s:%zu:%zu", place->name, place->line, place->column);
    return out;
}

static cli_setting find_key(const char *key)
{
    size_t i = 0;

    while (i < SETTING_COUNT && strcmp(specs[i].key, key) != 0) i++;
    return (cli_setting)i;
}

static cli_exit_code complain_key(const file_place *place, const char *key)
{
    char shown[256];

    return cli_complain(EXIT_INPUT,
                        "%s: unknown key \"%.100s\"; there are store, listen, connect, pull, "
                        "push, origin, host, cert, key, ca, plugin, sandbox, log-level and "
                        "log-format",
                        show_place(place, shown, sizeof shown), key);
}

/* The key and the value of a line, which is cut into pieces. */
static cli_exit_code take_pair(cli_config *config, file_place place, char *key, char *value)
{
    char shown[256], from[256];
    size_t key_len = strcspn(key, " \t=");
    const char *line = key;
    cli_setting setting;

    key[key_len] = '\0';
    if ((setting = find_key(key)) == SETTING_COUNT) return complain_key(&place, key);
    if (!specs[setting].is_list && config->settings[setting].count > 0)
        return cli_complain(EXIT_INPUT, "%s: \"%s\" is set already, at %s",
                            show_place(&place, shown, sizeof shown), key,
                            config->settings[setting].items[0].from);
    value += strspn(value, " \t");
    place.column += (size_t)(value - line);
    (void)snprintf(from, sizeof from, "%.200s:%zu", place.name, place.line);
    return add(config, setting, value, from, show_place(&place, shown, sizeof shown), EXIT_INPUT);
}

static cli_exit_code take_line(cli_config *config, file_place place, char *line)
{
    size_t indent = strspn(line, " \t"), len = strlen(line);
    char *key = line + indent, *equals, shown[256];

    place.column = indent + 1;
    while (len > indent && strchr(" \t\r", line[len - 1])) line[--len] = '\0';
    if (!*key || *key == '#') return EXIT_DONE;
    equals = key + strcspn(key, " \t=");
    equals += strspn(equals, " \t");
    if (equals > key && *equals == '=') {
        *equals = ' ';
        return take_pair(config, place, key, equals + 1);
    }
    place.column += (size_t)(equals - key);
    return cli_complain(EXIT_INPUT, "%s: expected \"key = value\"",
                        show_place(&place, shown, sizeof shown));
}

static cli_exit_code take_text(cli_config *config, const char *name, char *text)
{
    file_place place = {.name = name};
    cli_exit_code code = EXIT_DONE;

    while (text && code == EXIT_DONE) {
        char *end = strchr(text, '\n');

        if (end) *end = '\0';
        place.line++;
        code = take_line(config, place, text);
        text = end ? end + 1 : NULL;
    }
    return code;
}

/* Reads what fits; answers how much that is, or a negative number. */
static ssize_t read_file(const char *name, char *text, size_t size)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : 1;
    size_t all = 0;

    while (len > 0 && all < size) {
        len = read(fd, text + all, size - all);
        if (len < 0 && errno == EINTR) len = 1;
        else if (len > 0) all += (size_t)len;
    }
    if (fd >= 0) (void)close(fd);
    return len < 0 ? len : (ssize_t)all;
}

static cli_exit_code load_file(cli_config *config, const char *name)
{
    char *text = malloc(FILE_LEN_MAX + 1);
    cli_exit_code code;
    ssize_t len;

    if (!text) return no_memory();
    len = read_file(name, text, FILE_LEN_MAX + 1);
    if (len < 0) {
        code = cli_complain(EXIT_INPUT, "cannot read %s: %s", name, strerror(errno));
    } else if ((size_t)len > FILE_LEN_MAX) {
        code = cli_complain(EXIT_INPUT, "%s: more than %zu bytes", name, FILE_LEN_MAX);
    } else if (memchr(text, '\0', (size_t)len)) {
        code = cli_complain(EXIT_INPUT, "%s: it has zero bytes, and is no text", name);
    } else {
        text[len] = '\0';
        code = take_text(config, name, text);
    }
    free(text);
    return code;
}

/* ---- Environment and command line ---- */

/* Of a list, spaces stand between the values. */
static cli_exit_code load_variable(cli_config *config, cli_setting setting)
{
    const setting_spec *spec = &specs[setting];
    const char *value = getenv(spec->variable);
    cli_exit_code code = EXIT_DONE;
    char *copy, *rest, *word;

    if (!value || !*value) return EXIT_DONE;
    drop(config, setting);
    if (!spec->is_list)
        return add(config, setting, value, spec->variable, spec->variable, EXIT_USAGE);
    if (!(copy = strdup(value))) return no_memory();
    word = strtok_r(copy, " \t\n", &rest);
    for (; word && code == EXIT_DONE; word = strtok_r(NULL, " \t\n", &rest))
        code = add(config, setting, word, spec->variable, spec->variable, EXIT_USAGE);
    free(copy);
    return code;
}

static cli_exit_code load_sandbox(cli_config *config, const cli_options *options)
{
    bool required = cli_options_has(options, OPTION_REQUIRE_SANDBOX),
         none = cli_options_has(options, OPTION_NO_SANDBOX);
    const char *name = required ? "--require-sandbox" : "--no-sandbox";

    if (required && none)
        return cli_complain_usage(options, "--require-sandbox and --no-sandbox cannot be combined");
    if (!required && !none) return EXIT_DONE;
    drop(config, SETTING_SANDBOX);
    return add(config, SETTING_SANDBOX, sandbox_modes[required ? SANDBOX_REQUIRED : SANDBOX_NONE],
               name, name, EXIT_USAGE);
}

static cli_exit_code load_option(cli_config *config, cli_setting setting,
                                 const cli_options *options)
{
    const setting_spec *spec = &specs[setting];
    cli_exit_code code = EXIT_DONE;
    char name[32];

    if (setting == SETTING_SANDBOX) return load_sandbox(config, options);
    if (!cli_options_has(options, spec->option)) return EXIT_DONE;
    drop(config, setting);
    (void)snprintf(name, sizeof name, "--%s", spec->key);
    if (!spec->is_list)
        return add(config, setting, options->values[spec->option], name, name, EXIT_USAGE);
    for (size_t i = 0; i < options->listed_count && code == EXIT_DONE; i++)
        if (options->listed[i].id == spec->option)
            code = add(config, setting, options->listed[i].value, name, name, EXIT_USAGE);
    return code;
}

static cli_exit_code load_default(cli_config *config, cli_setting setting)
{
    const setting_spec *spec = &specs[setting];

    if (config->settings[setting].count > 0 || !spec->by_default) return EXIT_DONE;
    return add(config, setting, spec->by_default, "default", "default", EXIT_USAGE);
}

/* ---- What fits together ---- */

/* In the file it is the file's fault. */
static cli_exit_code code_of(const cli_config_value *value)
{
    bool is_file = strncmp(value->from, "--", 2) != 0 && strncmp(value->from, "MYTOSIS_", 8) != 0;

    return is_file ? EXIT_INPUT : EXIT_USAGE;
}

static const cli_config_value *first_over_tls(const cli_config *config, cli_setting setting)
{
    for (size_t i = 0; i < config->settings[setting].count; i++) {
        const cli_config_value *value = &config->settings[setting].items[i];

        if (cli_tls_is_url(value->text)) return value;
    }
    return NULL;
}

/* A certificate without a listener that shows it may mean that wss:// was meant and ws:// written. */
static cli_exit_code check_tls(const cli_config *config)
{
    const cli_config_value *listener = first_over_tls(config, SETTING_LISTEN);
    const char *cert = cli_config_get(config, SETTING_CERT),
               *key = cli_config_get(config, SETTING_KEY);
    mt_error err;

    if (listener && (!cert || !key))
        return cli_complain(
            code_of(listener),
            "%s: %s takes a certificate and its key: \"cert\" and \"key\" name them",
            listener->from, listener->text);
    if (!listener && (cert || key)) {
        listener = config->settings[cert ? SETTING_CERT : SETTING_KEY].items;
        return cli_complain(code_of(listener), "%s: there is no listener of wss:// that shows it",
                            listener->from);
    }
    if (mt_tls_check(cert, key, cli_config_get(config, SETTING_CA), &err) == MT_OK)
        return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s", err.text);
}

cli_exit_code cli_config_load(const cli_options *options, cli_config *out)
{
    const char *file = options->values[OPTION_CONFIG];
    cli_exit_code code = EXIT_DONE;

    memset(out, 0, sizeof *out);
    if (!file) file = getenv("MYTOSIS_CONFIG");
    if (file && *file) code = load_file(out, file);
    for (size_t i = 0; i < SETTING_COUNT && code == EXIT_DONE; i++)
        code = load_variable(out, (cli_setting)i);
    for (size_t i = 0; i < SETTING_COUNT && code == EXIT_DONE; i++)
        code = load_option(out, (cli_setting)i, options);
    for (size_t i = 0; i < SETTING_COUNT && code == EXIT_DONE; i++)
        code = load_default(out, (cli_setting)i);
    if (code == EXIT_DONE && out->settings[SETTING_STORE].count == 0)
        code = cli_complain(EXIT_USAGE, "no store is named: --store PATH does, MYTOSIS_STORE in "
                                        "the environment, or \"store = PATH\" in the file");
    if (code == EXIT_DONE) code = check_tls(out);
    if (code != EXIT_DONE) cli_config_free(out);
    else out->sandbox = (cli_sandbox_mode)sandbox_mode_of(cli_config_get(out, SETTING_SANDBOX));
    return code;
}

cli_exit_code cli_config_plugins(const cli_config *config)
{
    cli_exit_code code = EXIT_DONE;

    for (size_t i = 0; i < config->settings[SETTING_PLUGIN].count && code == EXIT_DONE; i++)
        code = cli_plugins_add(config->settings[SETTING_PLUGIN].items[i].text);
    return code;
}

/* ---- Printing ---- */

static void print_value(cli_table *table, cli_output *out, const char *key,
                        const cli_config_value *value)
{
    cli_table_next(table, out);
    cli_text_str(cli_table_cell_open(table, 0, STYLE_BOLD), key);
    cli_shown_raw(cli_table_cell_open(table, 1, STYLE_PLAIN), mt_str(value->text));
    cli_shown_raw(cli_table_cell_open(table, 2, STYLE_DIM), mt_str(value->from));
}

static void print_table(const cli_config *config, cli_output *out)
{
    bool all = config->settings[SETTING_PULL].count + config->settings[SETTING_PUSH].count == 0;
    char nothing[] = "(none)", everything[] = "(all)", systems[] = "(system)",
         by_default[] = "default";
    cli_config_value none = {nothing, by_default};
    cli_table table;

    cli_table_init(&table, 0);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const cli_config_value *items = config->settings[i].items;
        size_t count = config->settings[i].count;

        none.text = all && (i == SETTING_PULL || i == SETTING_PUSH) ? everything
                    : i == SETTING_CA                               ? systems
                                                                    : nothing;
        if (count == 0) print_value(&table, out, specs[i].key, &none);
        for (size_t j = 0; j < count; j++) print_value(&table, out, specs[i].key, &items[j]);
    }
    cli_table_print(&table, out);
    cli_table_free(&table);
}

static void print_json_value(cli_text *text, const cli_config_value *value)
{
    cli_text_str(text, "{\"value\":");
    cli_text_note(text, mt_json_string(mt_str(value->text), &text->buf));
    cli_text_str(text, ",\"from\":");
    cli_text_note(text, mt_json_string(mt_str(value->from), &text->buf));
    cli_text_str(text, "}");
}

static void print_json(const cli_config *config, cli_text *text)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        cli_text_printf(text, "%s\"%s\":%s", i == 0 ? "{" : ",\n", specs[i].key,
                        specs[i].is_list ? "[" : "");
        for (size_t j = 0; j < config->settings[i].count; j++) {
            if (j > 0) cli_text_str(text, ",");
            print_json_value(text, &config->settings[i].items[j]);
        }
        if (specs[i].is_list) cli_text_str(text, "]");
        else if (config->settings[i].count == 0) cli_text_str(text, "null");
    }
    cli_text_str(text, "}\n");
}

void cli_config_print(const cli_config *config, bool json, cli_output *out)
{
    if (json) print_json(config, &out->text);
    else print_table(config, out);
}
