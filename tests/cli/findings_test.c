/* findings_test.c - what doctor has found, in each of its forms. */
#include "findings.h"

#include "test.h"

#include <string.h>

static bool says(const cli_text *text, const char *what)
{
    return mt_bytes_equal(mt_buf_bytes(&text->buf), mt_str(what));
}

TEST(each_form_says_what_it_may)
{
    static const char *const wanted[] = {
        [FINDINGS_TEXT] = "What: 2.\n    Do this.\nMore.\n    And that.\n",
        [FINDINGS_JSON] =
            ("{\"kind\":\"a\",\"count\":2,\"text\":\"What: 2.\",\"advice\":\"Do this.\"},\n"
             "{\"kind\":\"b\",\"count\":1,\"text\":\"More.\",\"advice\":\"And that.\"}"),
        [FINDINGS_BARE] = "{\"kind\":\"a\",\"count\":2},\n{\"kind\":\"b\",\"count\":1}",
    };

    for (size_t i = 0; i < 3; i++) {
        cli_text text;
        cli_findings f = {.form = (cli_findings_form)i, .out = &text};

        cli_text_init(&text);
        cli_findings_add(&f, "a", 2, "Do this.", "What: %d.", 2);
        cli_findings_add(&f, "b", 1, "And that.", "More.");
        CHECK(f.count == 2);
        CHECK(says(&text, wanted[i]));
        cli_text_free(&text);
    }
}

TEST(text_that_is_none_is_still_json)
{
    cli_text text;
    cli_findings f = {.form = FINDINGS_JSON, .out = &text};

    cli_text_init(&text);
    cli_findings_add(&f, "a", 1, "x", "%s", "\xff\x1b[2J");
    CHECK(text.status == MT_OK);
    CHECK(says(&text,
               "{\"kind\":\"a\",\"count\":1,\"text\":\"\\\\xff\\\\x1b[2J\",\"advice\":\"x\"}"));
    cli_text_free(&text);
}

TEST(clock_is_told_of_if_it_is_half_a_minute_off)
{
    static const struct {
        int64_t ahead_ms;
        const char *said;
    } cases[] = {{0, NULL},
                 {29999, NULL},
                 {-29999, NULL},
                 {30000, "The clock of tcp://x is 30 s ahead."},
                 {-7200000, "The clock of tcp://x is 2 h behind."}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cli_text text;
        cli_findings f = {.form = FINDINGS_TEXT, .out = &text};

        cli_text_init(&text);
        cli_findings_clock(&f, "tcp://x", cases[i].ahead_ms);
        CHECK(f.count == (cases[i].said != NULL));
        if (cases[i].said) CHECK(memcmp(text.buf.data, cases[i].said, strlen(cases[i].said)) == 0);
        cli_text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_says_what_it_may),
        cmocka_unit_test(text_that_is_none_is_still_json),
        cmocka_unit_test(clock_is_told_of_if_it_is_half_a_minute_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
