/* query: asking a query engine that a plugin brings. */
#include "message.h"
#include "plugins.h"
#include "report.h"
#include "store.h"

#include <mytosis/blocking.h>

/* All engines that there are, as a database takes them. */
typedef struct engines {
    mt_query_engine made[OPTION_LISTED_MAX];
    const cli_plugin *by[OPTION_LISTED_MAX];
    size_t count;
} engines;

static cli_exit_code make_engines(engines *all, const mt_env *env)
{
    const cli_plugin *by;
    mt_error err;

    while ((by = cli_plugins_at(MT_PLUGIN_ENGINE, all->count))) {
        mt_plugin_args args = cli_plugin_args(by, env);

        if (mt_plugin_engine(by->plugin, &args, &all->made[all->count], &err) != MT_OK)
            return cli_complain_error(&err, NULL, NULL);
        all->by[all->count++] = by;
    }
    if (all->count > 0) return EXIT_DONE;
    return cli_complain(EXIT_USAGE, "no plugin brings a query engine: --plugin FILE names one");
}

static void end_engines(engines *all)
{
    for (size_t i = 0; i < all->count; i++)
        mt_plugin_engine_close(all->by[i]->plugin, &all->made[i]);
}

static cli_exit_code ask(const cli_options *options, const cli_store *store)
{
    mt_buf answer = {.mem = mt_mem_system()};
    mt_status st =
        mt_query_wait(store->db, options->operands[0], mt_str(options->operands[1]), NULL, &answer);
    cli_output out;

    if (st != MT_OK) return cli_store_complain(store, st, "query");
    cli_report_output(options, &out);
    cli_text_add(&out.text, mt_buf_bytes(&answer));
    if (answer.len == 0 || answer.data[answer.len - 1] != '\n') cli_text_str(&out.text, "\n");
    mt_buf_free(&answer);
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code run_query(const cli_options *options)
{
    engines all = {.count = 0};
    cli_store store = {.path = NULL};
    mt_loop *loop = NULL;
    cli_exit_code code = cli_plugins_load(options);

    if (code == EXIT_DONE && mt_loop_new(mt_mem_system(), &loop) != MT_OK)
        code = cli_complain(EXIT_SYSTEM, "there is no event loop to be had");
    store.loop = loop;
    if (code == EXIT_DONE) code = make_engines(&all, mt_loop_env(loop));
    store.engines = all.made;
    store.engine_count = all.count;
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_READ, &store);
    if (code == EXIT_DONE) code = ask(options, &store);
    cli_store_close(&store);
    end_engines(&all);
    return code;
}

const cli_command cli_verb_query = {
    .name = "query",
    .path = "mytosis query",
    .operands = "two operands, ENGINE and TEXT",
    .operand_min = 2,
    .operand_max = 2,
    .option_bits = OPTION_BIT(OPTION_STORE),
    .run = run_query,
    .help = "Usage: mytosis query [OPTION...] ENGINE TEXT\n"
            "\n"
            "Has a query engine answer TEXT, in a language of its own, and prints what it\n"
            "answers. Plugins bring engines, by their names; the store is only read.\n"
            "\n"
            "      --store PATH      the store; else MYTOSIS_STORE names it\n"
            "      --plugin FILE...  or FILE:OPTIONS; else MYTOSIS_PLUGIN names some\n"
            "\n"
            "Example: mytosis query count user/ --plugin ./count_engine.so\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 reading failed, or no memory.\n",
};
