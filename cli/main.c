/* mytosis - the command. */
#include "graph.h"
#include "keys_group.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "plugins.h"
#include "store.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A build without LMDB or libuv has no stores. */
#ifdef MYTOSIS_WITH_STORE
#define STORE_VERBS                                                                              \
    &cli_verb_init, &cli_verb_write, &cli_verb_read, &cli_verb_link, &cli_verb_rm, &cli_verb_ls, \
        &cli_verb_log, &cli_verb_watch, &cli_verb_import, &cli_verb_export, &cli_verb_forget,    \
        &cli_verb_status, &cli_verb_doctor, &cli_verb_backup, &cli_verb_restore,                 \
        &cli_verb_compact, &cli_verb_bench, &cli_verb_serve, &cli_verb_peers, &cli_verb_sync,    \
        &cli_verb_share, &cli_verb_join, &cli_verb_who, &cli_verb_revoke, &cli_verb_query,       \
        &cli_keys_group,
#define COMMANDS                                                                        \
    "  init    make an empty store         log      list changes\n"                     \
    "  write   write fields of a node      watch    print events, write lines\n"        \
    "  read    print a node, or fields     import   merge a graph from a file\n"        \
    "  link    write an edge               export   write all nodes to a file\n"        \
    "  rm      delete a node, or fields    status   what there is to know of a store\n" \
    "  forget  drop nodes from this store  doctor   check every record\n"               \
    "  ls      list uids                   backup   copy the store, also one in use\n"  \
    "  sync    make equal with a peer      restore  make a store of a backup\n"         \
    "  share   invite a device, serve      compact  give back what is free\n"           \
    "  join    come in with a ticket       serve    share the store, for peers, too\n"  \
    "  who     list who may do what        peers    list the peers of a daemon\n"       \
    "  revoke  take back rights            keys     secrets of the device, backups\n"   \
    "  graph   graphs in files, no store   bench    measure this machine\n"             \
    "  query   ask an engine of a plugin\n"                                             \
    "      --store PATH, --plugin FILE   else MYTOSIS_STORE, MYTOSIS_PLUGIN name them\n"
#define EXAMPLE "write ada name=Ada friend@charles --store notes.mdb"
#else
#define STORE_VERBS
#define COMMANDS                                                   \
    "  graph   merge, compare, show and convert graphs in files\n" \
    "\n"
#define EXAMPLE "graph show notes.json"
#endif

static const cli_command *const members[] = {&cli_graph_group, STORE_VERBS NULL};

static const cli_command root = {
    .name = "mytosis",
    .path = "mytosis",
    .help = "Usage: mytosis COMMAND [OPTION...] [OPERAND...]\n"
            "A peer-to-peer graph database: replicas that have met are the same.\n"
            "\n" COMMANDS
            "  -h, --help         show this, or the help of the command named; --version\n"
            "      --color WHEN   auto, always or never; auto heeds NO_COLOR\n"
            "\n"
            "Example: mytosis " EXAMPLE "\n"
            "Exit codes: 0 done, 1 not there, 2 usage, 3 bad input, 4 failed or no memory.\n",
    .members = members,
};

/* A file that is opened must not become standard output: what was closed is opened such that using it fails. */
static void keep_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* Instead of ending the program, writing fails, and that is reported where it matters. */
static void ignore_write_signals(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

static cli_exit_code print_version(void)
{
    cli_output out;

    cli_output_standard(&out);
    cli_text_str(&out.text, "mytosis " MYTOSIS_VERSION "\n");
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code print_help(const cli_command *command)
{
    cli_output out;

    cli_output_standard(&out);
    cli_text_str(&out.text, command->help);
    for (size_t i = 0; command->footer && command->members[i]; i++)
        cli_text_printf(&out.text, "  %-8s  %s\n", command->members[i]->name,
                        command->members[i]->summary);
    if (command->footer) cli_text_str(&out.text, command->footer);
    return cli_output_end(&out, EXIT_DONE);
}

int main(int argc, char **argv)
{
    cli_options options;
    cli_exit_code code;

    keep_standard_files();
    ignore_write_signals();
    code = cli_options_parse(&root, argc, argv, &options);
    if (code == EXIT_DONE) {
        if (cli_options_has(&options, OPTION_HELP)) code = print_help(options.command);
        else if (cli_options_has(&options, OPTION_VERSION)) code = print_version();
        else code = options.command->run(&options);
    }
    cli_progress_end();
    return (int)code;
}
