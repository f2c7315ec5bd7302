/* join: coming into a space with a ticket. */
#include "clock.h"
#include "fetch.h"
#include "found.h"
#include "hex.h"
#include "input.h"
#include "keys.h"
#include "message.h"
#include "report.h"
#include "store.h"
#include "tls.h"

#include <mytosis/host.h>
#include <mytosis/ticket.h>

#include <string.h>
#include <unistd.h>

/* ---- The ticket ---- */

/* On the command line others may see it, in the list of processes: it is taken from standard input, too. */
static cli_exit_code read_line(const char *word, cli_text *line)
{
    cli_exit_code code = EXIT_DONE;

    if (strcmp(word, "-") != 0) cli_text_str(line, word);
    else code = cli_input_read(word, line);
    while (line->buf.len > 0 && strchr(" \t\r\n", line->buf.data[line->buf.len - 1]))
        line->buf.len--;
    return code;
}

static cli_exit_code take_ticket(const char *word, mt_ticket *out)
{
    cli_text line, when;
    mt_error err = {MT_OK, ""};
    cli_exit_code code;

    cli_text_init(&line);
    code = read_line(word, &line);
    if (code == EXIT_DONE &&
        mt_ticket_read(mt_crypto_sodium(), mt_buf_bytes(&line.buf), out, &err) != MT_OK)
        code = cli_complain(EXIT_USAGE, "%s", err.text);
    if (line.buf.len > 0) mt_crypto_sodium()->wipe(NULL, line.buf.data, line.buf.len);
    cli_text_free(&line);
    if (code != EXIT_DONE || out->expires_ms > cli_clock_now_ms()) return code;
    cli_text_init(&when);
    cli_clock_add_ms(&when, out->expires_ms);
    code = cli_complain(EXIT_DIFFERENT, "the ticket was good until %.*s; ask for another one",
                        (int)when.buf.len, (const char *)when.buf.data);
    cli_text_free(&when);
    return code;
}

/* ---- The store ---- */

/* One that is new, or that no daemon holds. */
static cli_exit_code take_store(const char *path)
{
    cli_storage storage;
    cli_exit_code code;

    if (access(path, F_OK) != 0) return cli_store_make(path, MT_CLOCK_HYBRID);
    if ((code = cli_storage_open(&storage, path, ACCESS_READ)) != EXIT_DONE) return code;
    if (cli_remote_of(&storage.storage))
        code =
            cli_complain(EXIT_SYSTEM, "a daemon holds %s: stop it, join, and start it again", path);
    cli_storage_close(&storage);
    return code;
}

/* A store is in one space; in that it may come again, for what another ticket gives. */
static cli_exit_code check_space(const char *path, const cli_space_file *old,
                                 const cli_space_file *file)
{
    if (!cli_space_file_is_there(old) ||
        mt_bytes_equal(mt_buf_bytes(&old->genesis.buf), mt_buf_bytes(&file->genesis.buf)))
        return EXIT_DONE;
    return cli_complain(EXIT_INPUT, "%s is in another space; join with another store", path);
}

static mt_status keep_old(const cli_space_file *old, cli_space_file *file)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < old->listen_count && st == MT_OK; i++)
        st = cli_space_file_listen(file, old->listens[i]);
    for (size_t i = 0; i < old->peer_count && file->peer_count < SPACE_PEERS_MAX && st == MT_OK;
         i++)
        if (!cli_space_file_device(file, old->peers[i].url))
            st = cli_space_file_meet(file, old->peers[i].url, old->peers[i].device);
    return st;
}

static cli_exit_code fetch(const char *path, const mt_ticket *ticket, const char *ca,
                           cli_space_file *file)
{
    cli_space_file old;
    uint8_t seed[MT_KEY_LEN];
    cli_exit_code code = cli_space_file_load(path, &old);

    if (code != EXIT_DONE) return code;
    code = cli_found_device(path, seed);
    if (code == EXIT_DONE) code = cli_fetch(ticket, seed, ca, mt_buf_bytes(&old.chain.buf), file);
    if (code == EXIT_DONE) code = check_space(path, &old, file);
    if (code == EXIT_DONE && keep_old(&old, file) != MT_OK)
        code = cli_complain(EXIT_SYSTEM, "out of memory");
    if (code == EXIT_DONE) code = cli_space_file_save(path, file);
    mt_crypto_sodium()->wipe(NULL, seed, sizeof seed);
    cli_space_file_free(&old);
    return code;
}

/* ---- Meeting ---- */

static void print_joined(const cli_member *member, cli_text *text)
{
    cli_text_str(text, "joined space ");
    cli_hex_add(text, mt_space_id(member->space), HEX_SHORT / 2);
    cli_text_str(text, " as device ");
    cli_hex_add(text, member->device, HEX_SHORT / 2);
    cli_text_str(text, "\n");
}

/* Once it has met the peer, the store has the record of it. */
static void print_rights(const cli_member *member, cli_text *text)
{
    cli_text_str(text, "it may ");
    cli_member_add_own(member, text);
    cli_text_str(text, "\n");
}

/* For the first time, with what this device may now. */
static cli_exit_code meet(const cli_options *options, const char *ca, cli_output *out)
{
    bool json = cli_options_has(options, OPTION_JSON);
    cli_store store = {.wants_peers = true};
    cli_visit_facts facts;
    mt_error err = {MT_OK, ""};
    cli_peer_name name;
    mt_status st;
    cli_exit_code code = cli_store_open(options, ACCESS_WRITE, &store);

    if (code != EXIT_DONE) return code;
    if (!json) print_joined(store.member, &out->text);
    st = cli_peer_name_read(store.space_file.peers[0].url, &store.space_file, &name, &err);
    if (st == MT_OK)
        st = cli_store_visit(&store, &name, cli_tls_is_url(name.url) ? ca : NULL, &facts, &err);
    cli_progress_end();
    if (st == MT_OK && !json) print_rights(store.member, &out->text);
    if (st == MT_OK) cli_visit_print(&facts, name.url, json, &out->text);
    else
        code = cli_complain(EXIT_SYSTEM, "this device is in the space now, but cannot meet it: %s",
                            err.text);
    cli_store_close(&store);
    return code;
}

static cli_exit_code run_join(const cli_options *options)
{
    const char *path, *ca;
    cli_space_file file;
    mt_ticket ticket;
    cli_output out;
    cli_exit_code code = cli_store_path(options, &path);

    if (code == EXIT_DONE) code = cli_keys_begin();
    if (code == EXIT_DONE) code = take_ticket(options->operands[0], &ticket);
    if (code == EXIT_DONE) code = cli_tls_ca(options, ticket.addresses[0], &ca);
    if (code == EXIT_DONE) code = take_store(path);
    if (code != EXIT_DONE) return code;
    memset(&file, 0, sizeof file);
    cli_text_init(&file.genesis);
    cli_text_init(&file.chain);
    code = fetch(path, &ticket, ca, &file);
    cli_report_output(options, &out);
    if (code == EXIT_DONE) code = meet(options, ca, &out);
    mt_crypto_sodium()->wipe(NULL, &ticket, sizeof ticket);
    cli_space_file_free(&file);
    return cli_output_end(&out, code);
}

const cli_command cli_verb_join = {
    .name = "join",
    .path = "mytosis join",
    .operands = "an operand, TICKET",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_CA) | OPTION_BIT(OPTION_JSON),
    .run = run_join,
    .help = "Usage: mytosis join [OPTION...] TICKET\n"
            "\n"
            "Comes into a space with a ticket of mytosis share, makes this store equal with\n"
            "the peer that gave it, as far as this device may, and ends. The store and the\n"
            "key of this device are made if they are not there. From then on mytosis serve\n"
            "keeps the store equal, and mytosis sync meets that peer again.\n"
            "\n"
            "TICKET of - is read from standard input: on the command line other users of\n"
            "this machine may see it.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --ca FILE      who certifies a peer at wss://, in PEM; else MYTOSIS_CA\n"
            "                     names them, or the system\n"
            "      --json         print what was transferred, as JSON\n"
            "\n"
            "Example: mytosis join mt1:AQ2fWx... --store notes.mdb\n"
            "\n"
            "Exit codes: 0 joined, 1 the ticket has expired, 2 usage, or it is no ticket,\n"
            "3 bad input, or another space, 4 the peer cannot be reached or refused.\n",
};
