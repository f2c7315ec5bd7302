/* The simulator: seeds, replays, shrinking, and that it finds what is wrong. */
#include "test.h"

#include <mytosis/mytosis.h>
#include <mytosis/sim.h>

#include <string.h>

#define SEEDS 12

static mt_status run(uint64_t seed, uint32_t without, mt_sim_report *report)
{
    mt_sim_options options = {.size = sizeof options, .seed = seed, .without = without};

    options.once = true;
    return mt_sim_run(&options, report);
}

static bool is_same(const mt_sim_report *a, const mt_sim_report *b)
{
    return a->trace[0] == b->trace[0] && a->trace[1] == b->trace[1] && a->events == b->events;
}

/* ---- Seeds ---- */

TEST(seeds_without_faults_hold)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        mt_sim_report report;
        CHECK(run(seed, MT_SIM_ALL, &report) == MT_OK && !report.check);
        CHECK(report.faults == 0 && report.crashes == 0);
        CHECK(report.edits > 0 && report.acknowledged == report.edits && report.messages > 0);
    }
}

TEST(same_seed_has_the_same_events)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        mt_sim_report one, two;
        (void)!run(seed, 0, &one);
        (void)!run(seed, 0, &two);
        CHECK(is_same(&one, &two) && one.bytes == two.bytes && one.events > 100);
    }
}

TEST(other_seed_has_other_events)
{
    mt_sim_report reports[SEEDS];

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)!run(seed, 0, &reports[seed]);
        for (uint64_t other = 0; other < seed; other++)
            CHECK(!is_same(&reports[seed], &reports[other]));
    }
}

TEST(as_many_peers_as_asked_for)
{
    mt_sim_options options = {.size = sizeof options, .seed = 3, .peers = 20, .once = true};
    mt_sim_report report;

    options.without = MT_SIM_ALL;
    CHECK(mt_sim_run(&options, &report) == MT_OK && report.peers == 20);
}

TEST(options_that_cannot_be_are_refused)
{
    const char *lines[] = {"", "x", "1 at", "1 at 99", "1 at 0 do 9999", "1 at 0 do 3-2", "1 or 2"};
    mt_sim_options options = {.size = sizeof options, .without = 1u << 20};

    CHECK(mt_sim_run(&options, NULL) == MT_INVALID);
    options.without = 0;
    for (size_t i = 0; i < TEST_COUNT(lines); i++) {
        options.replay = lines[i];
        CHECK(mt_sim_run(&options, NULL) == MT_INVALID);
        CHECK(mt_sim_shrink(&options, 1, NULL) == MT_INVALID);
    }
}

/* ---- What an application adds ---- */

typedef struct app {
    size_t begun, configured, edits, checked;
    bool wrong; /* plants what fails */
} app;

static void app_begin(void *ctx, mt_sim *sim)
{
    (void)sim;
    ((app *)ctx)->begun++;
}

static void app_configure(void *ctx, mt_sim *sim, size_t peer, mt_config *config)
{
    CHECK(!mt_sim_db(sim, peer));
    config->app = ctx;
    ((app *)ctx)->configured++;
}

static void app_edit(void *ctx, mt_sim *sim, size_t peer)
{
    mt_field field = {.name = mt_str("n"), .value = mt_number((double)mt_sim_draw(sim, 20))};
    mt_row row = {.uid = mt_str("counter"), .fields = &field, .count = 1};

    CHECK(mt_db_app(mt_sim_db(sim, peer)) == ctx);
    ((app *)ctx)->edits++;
    CHECK(mt_sim_write(sim, peer, &row, 1, NULL, NULL, NULL) == MT_OK);
}

static mt_status app_check(void *ctx, mt_sim *sim, mt_error *why)
{
    const mt_node *node;
    mt_graph *graph;
    mt_field field = {.state = 0};

    ((app *)ctx)->checked++;
    if (((app *)ctx)->edits == 0) return MT_OK;
    CHECK(mt_sim_graph(sim, 0, &graph) == MT_OK);
    node = mt_graph_get(graph, mt_str("counter"));
    CHECK(node && mt_node_get(node, mt_str("n"), &field) == MT_OK);
    if (((app *)ctx)->wrong && field.value.as.number > 4) {
        *why = (mt_error){MT_REFUSED, "it is more than four"};
    }
    mt_graph_free(graph);
    return why->status;
}

static mt_sim_options app_options(app *a, uint64_t seed)
{
    return (mt_sim_options){.size = sizeof(mt_sim_options),
                            .seed = seed,
                            .begin = app_begin,
                            .configure = app_configure,
                            .edit = app_edit,
                            .check = app_check,
                            .ctx = a};
}

TEST(application_is_asked)
{
    app a = {0};
    mt_sim_options options = app_options(&a, 5);
    mt_sim_report report;

    options.without = MT_SIM_ALL;
    CHECK(mt_sim_run(&options, &report) == MT_OK);
    CHECK(a.begun == 2 && a.checked == 2); /* it runs twice */
    CHECK(a.configured == 2 * report.peers && a.edits == 2 * report.edits);
}

TEST(broken_invariant_of_an_application_is_found)
{
    app a = {.wrong = true};
    mt_sim_options options = app_options(&a, 0);
    mt_sim_report report;
    size_t found = 0;

    options.without = MT_SIM_ALL;
    for (; options.seed < SEEDS; options.seed++) {
        if (mt_sim_run(&options, &report) == MT_OK) continue;
        found++;
        CHECK(strcmp(report.check, "what the application checks") == 0);
        CHECK(strstr(report.text, "it is more than four"));
    }
    CHECK(found > 0);
}

/* A hook that keeps an update from one peer makes it differ. */
static void refuse_notes(void *ctx, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].uid.len < 5 || memcmp(rows[i].uid.data, "note/", 5) != 0) continue;
        mt_action_refuse(action, MT_REFUSED, "no notes here");
        return;
    }
    mt_action_pass(action);
}

static void configure_refusal(void *ctx, mt_sim *sim, size_t peer, mt_config *config)
{
    static const mt_hook hook = {.point = MT_ON_UPDATE, .run = refuse_notes};

    (void)ctx;
    (void)sim;
    if (peer != 1) return;
    config->hooks = &hook;
    config->hook_count = 1;
}

static mt_sim_options refusing(uint64_t seed, uint32_t without)
{
    return (mt_sim_options){.size = sizeof(mt_sim_options),
                            .seed = seed,
                            .without = without,
                            .once = true,
                            .configure = configure_refusal};
}

TEST(hook_that_keeps_updates_out_is_found)
{
    mt_sim_options options = refusing(2, MT_SIM_ALL);
    mt_sim_report report;

    CHECK(mt_sim_run(&options, &report) == MT_REFUSED);
    CHECK(strcmp(report.check, "peers that are joined hold the same") == 0);
}

TEST(version_that_crosses_a_link_twice_is_found_where_once_is_the_most)
{
    mt_sim_options options = {
        .size = sizeof options, .without = MT_SIM_ALL, .once = true, .version_max = 1};
    mt_sim_report report;
    bool found = false;

    for (options.seed = 0; options.seed < 400 && !found; options.seed++)
        found = mt_sim_run(&options, &report) != MT_OK;
    CHECK(found && strcmp(report.check, "no version crosses a link too often") == 0);
}

/* ---- Peers that are not as others are ---- */

typedef struct honest {
    size_t configured, reached;
} honest;

static void configure_honest(void *ctx, mt_sim *sim, size_t peer, mt_config *config)
{
    (void)sim;
    (void)peer;
    (void)config;
    ((honest *)ctx)->configured++;
}

static mt_status reach(void *ctx, mt_sim *sim, mt_error *why)
{
    honest *h = ctx;

    (void)why;
    for (size_t i = 0; i < mt_sim_peers(sim); i++) h->reached += mt_sim_db(sim, i) != NULL;
    return MT_OK;
}

TEST(peer_that_lies_is_none_of_the_application)
{
    honest h = {0, 0};
    mt_sim_options options = {.size = sizeof options,
                              .without = MT_SIM_ALL & ~MT_SIM_LIES,
                              .once = true,
                              .configure = configure_honest,
                              .check = reach,
                              .ctx = &h};
    mt_sim_report report;
    size_t honest_ones = 0, liars = 0;

    for (options.seed = 0; options.seed < SEEDS; options.seed++) {
        CHECK(mt_sim_run(&options, &report) == MT_OK);
        honest_ones += report.peers - report.liars;
        liars += report.liars;
    }
    CHECK(liars > 0 && h.configured == honest_ones && h.reached == honest_ones);
}

TEST(peer_that_speaks_no_common_version_is_described)
{
    mt_sim_options options = {.size = sizeof options, .without = MT_SIM_ALL & ~MT_SIM_VERSIONS};
    mt_buf text = {.mem = test_mem()};
    bool found = false;

    for (options.seed = 0; options.seed < 100 && !found; options.seed++) {
        text.len = 0;
        CHECK(mt_sim_describe(&options, &text) == MT_OK);
        text.data[text.len - 1] = 0; /* its last line feed */
        found = strstr((const char *)text.data, " has no version in common\n") != NULL;
    }
    CHECK(found);
    mt_buf_free(&text);
}

/* ---- Shrinking ---- */

TEST(failure_shrinks_to_one_edit_at_two_peers)
{
    mt_sim_options options = refusing(2, MT_SIM_DISKS | MT_SIM_CLOCKS);
    mt_sim_report report, again;

    CHECK(mt_sim_shrink(&options, 0, &report) == MT_REFUSED);
    CHECK(report.peers == 2 && report.actions == 1 && report.edits == 1);
    options.replay = report.replay;
    CHECK(mt_sim_run(&options, &again) == MT_REFUSED);
    CHECK(is_same(&report, &again) && strcmp(report.text, again.text) == 0);
}

TEST(what_does_not_fail_does_not_shrink)
{
    mt_sim_options options = {.size = sizeof options, .seed = 1, .without = MT_SIM_ALL};
    mt_sim_report report;

    CHECK(mt_sim_shrink(&options, 0, &report) == MT_OK && !report.check);
}

TEST(run_is_described_with_a_line_for_each_action)
{
    mt_sim_options options = {.size = sizeof options, .replay = "7 at 0,1 do 3-5"};
    mt_buf text = {.mem = test_mem()};
    size_t lines = 0;

    CHECK(mt_sim_describe(&options, &text) == MT_OK);
    for (size_t i = 0; i < text.len; i++) lines += text.data[i] == '\n';
    CHECK(lines > 0 && lines <= 3);
    mt_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_without_faults_hold),
        cmocka_unit_test(same_seed_has_the_same_events),
        cmocka_unit_test(other_seed_has_other_events),
        cmocka_unit_test(as_many_peers_as_asked_for),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(application_is_asked),
        cmocka_unit_test(broken_invariant_of_an_application_is_found),
        cmocka_unit_test(hook_that_keeps_updates_out_is_found),
        cmocka_unit_test(version_that_crosses_a_link_twice_is_found_where_once_is_the_most),
        cmocka_unit_test(peer_that_lies_is_none_of_the_application),
        cmocka_unit_test(peer_that_speaks_no_common_version_is_described),
        cmocka_unit_test(failure_shrinks_to_one_edit_at_two_peers),
        cmocka_unit_test(what_does_not_fail_does_not_shrink),
        cmocka_unit_test(run_is_described_with_a_line_for_each_action),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
