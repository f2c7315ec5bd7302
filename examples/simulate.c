/* simulate.c - an application's own hook and its own invariant, among peers that crash and lose links.
 *
 * The rule: no stock is below zero. A hook of writes enforces it; the simulator tries whether that is
 * enough, whatever happens to the peers. Without the hook it is not, and what shows that is shrunk to a
 * single edit. */
/* run by the tests */
#include <mytosis/host.h>
#include <mytosis/sim.h>

#include <inttypes.h>
#include <stdio.h>

#define SEEDS 40

/* The hook: a stock is a number, and not below zero. */
static void guard(void *ctx, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    (void)ctx;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rows[i].count; j++)
            if (rows[i].fields[j].value.as.number < 0) {
                mt_action_refuse(action, MT_REFUSED, "there is no less than nothing");
                return;
            }
    mt_action_pass(action);
}

static void configure(void *ctx, mt_sim *sim, size_t peer, mt_config *config)
{
    static const mt_hook hook = {.point = MT_BEFORE_WRITE, .run = guard};

    (void)sim;
    (void)peer;
    if (!*(const bool *)ctx) return;
    config->hooks = &hook;
    config->hook_count = 1;
}

/* An edit: the stock of one of twenty goods, with a mistake now and then. */
static void edit(void *ctx, mt_sim *sim, size_t peer)
{
    double stock = (double)mt_sim_draw(sim, 100) - 5;
    mt_field field = {.name = mt_str("stock"), .value = mt_number(stock)};
    mt_row row = {.fields = &field, .count = 1};
    char uid[16];

    (void)ctx;
    snprintf(uid, sizeof uid, "goods/%" PRIu64, mt_sim_draw(sim, 20));
    row.uid = mt_str(uid);
    (void)!mt_sim_write(sim, peer, &row, 1, NULL, NULL, NULL);
}

/* The invariant. All peers hold the same by then: the simulator has seen to that. */
static mt_status check(void *ctx, mt_sim *sim, mt_error *why)
{
    mt_bytes none = {NULL, 0};
    mt_status st = MT_OK;
    mt_graph_iter iter;
    const mt_node *node;
    mt_graph *graph;
    mt_field stock;

    (void)ctx;
    if (!mt_sim_db(sim, 0)) return MT_OK; /* the first was left out */
    if ((st = mt_sim_graph(sim, 0, &graph)) != MT_OK) return st;
    mt_graph_iter_init(&iter, graph, none, none);
    while (st == MT_OK && (node = mt_graph_iter_next(&iter)))
        if (mt_node_get(node, mt_str("stock"), &stock) == MT_OK && stock.value.as.number < 0) {
            st = why->status = MT_REFUSED;
            snprintf(why->text, sizeof why->text, "a stock is %g", stock.value.as.number);
        }
    mt_graph_free(graph);
    return st;
}

int main(void)
{
    bool guarded = true;
    mt_sim_options options = {.size = sizeof options,
                              .configure = configure,
                              .edit = edit,
                              .check = check,
                              .ctx = &guarded};
    mt_buf text = {.mem = mt_mem_system()};
    mt_sim_report report;

    for (options.seed = 1; options.seed <= SEEDS; options.seed++) {
        if (mt_sim_run(&options, &report) == MT_OK) continue;
        printf("seed %s: %s\n", report.replay, report.text);
        return 1;
    }
    printf("with the hook: %d seeds hold\n", SEEDS);

    guarded = false;
    options.seed = 1;
    if (mt_sim_shrink(&options, 0, &report) != MT_REFUSED) return 1;
    printf("without it: %s\nto be replayed as '%s':\n", report.text, report.replay);
    options.replay = report.replay;
    if (mt_sim_describe(&options, &text) == MT_OK)
        printf("%.*s", (int)text.len, (const char *)text.data);
    mt_buf_free(&text);
    return 0;
}
