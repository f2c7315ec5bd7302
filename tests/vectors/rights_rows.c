/* Reads the table of rights_oracle.py, which says how its rows look, makes a real chain and real revocations of
 * each, and fails unless the verdict is the same. */
#include "test_trust.h"
#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

#define ROW_LEN_MAX 2048
#define REVOCATIONS_MAX 4

/* A row, cut into its parts. */
typedef struct row {
    char text[ROW_LEN_MAX]; /* as it was */
    char parts[ROW_LEN_MAX];
    uint64_t now_ms;
    char device, operation[16], kind[4];
    const char *name, *tokens, *revocations, *verdict;
} row;

/* The chain of a row, and what it gave. Many rows in a run have the same. */
typedef struct made {
    char tokens[ROW_LEN_MAX];
    test_chain chain;
} made;

/* ---- Reading ---- */

/* Cuts at the next " | ". */
static char *next_part(char **at)
{
    char *start = *at, *end = strstr(start, " | ");

    CHECK(end != NULL);
    *end = 0;
    *at = end + 3;
    return start;
}

static bool read_row(row *out)
{
    char *at = out->parts, *question;
    unsigned long long now;
    int name;

    if (!fgets(out->text, sizeof out->text, stdin)) return false;
    out->text[strcspn(out->text, "\n")] = 0;
    snprintf(out->parts, sizeof out->parts, "%s", out->text);
    question = next_part(&at);
    out->tokens = next_part(&at);
    out->revocations = next_part(&at);
    out->verdict = at;
    /* NOLINTNEXTLINE(cert-err34-c): the generator has no number that is too long */
    if (sscanf(question, "%llu %c %15s %3s =%n", &now, &out->device, out->operation, out->kind,
               &name) != 4)
        fail_msg("%s", out->text);
    out->now_ms = now;
    out->name = question + name;
    return true;
}

/* ---- Making ---- */

/* Takes the = away before each prefix. */
static void add_prefixes(mti_token *token, char *prefixes)
{
    char *to = prefixes;

    for (const char *from = prefixes; *from; from++)
        if (*from != '=') *to++ = *from;
    test_token_prefixes(token, prefixes, (size_t)(to - prefixes));
}

static void add_token(test_chain *chain, const char *text)
{
    char issuer, audience, rights[5], prefixes[256], flags[4];
    unsigned long long since, until;
    mti_token token;

    /* NOLINTNEXTLINE(cert-err34-c): as above */
    if (sscanf(text, " %c>%c %4s %llu-%llu %255s %3s", &issuer, &audience, rights, &since, &until,
               prefixes, flags) != 7)
        fail_msg("%s", text);
    token = test_token(audience, rights, "");
    add_prefixes(&token, prefixes);
    token.not_before = since;
    token.not_after = until;
    token.depth = (uint8_t)chain->count;
    memcpy(token.issuer, test_public(issuer), MT_KEY_LEN);
    if (chain->count > 0)
        mti_token_id(mt_crypto_sodium(), chain->tokens[chain->count - 1], token.parent);
    if (strchr(flags, 's')) token.space[0] ^= 1;
    if (strchr(flags, 'd')) token.depth++;
    if (strchr(flags, 'p')) {
        token.parent[0] ^= 1;
        if (chain->count == 0) token.depth = 1;
    }
    test_chain_add_as_is(chain, strchr(flags, 'x') ? 'X' : issuer, &token);
}

static void make_chain(made *out, const char *tokens)
{
    if (strcmp(out->tokens, tokens) == 0) return;
    snprintf(out->tokens, sizeof out->tokens, "%s", tokens);
    out->chain.count = 0;
    if (strcmp(tokens, "-") == 0) return;
    for (const char *at = tokens; at; at = strchr(at + 1, ';'))
        add_token(&out->chain, at + (*at == ';'));
}

static size_t make_revocations(const test_chain *chain, const char *text,
                               mti_revocation out[REVOCATIONS_MAX])
{
    size_t count = 0;

    if (strcmp(text, "-") == 0) return 0;
    for (const char *at = text; at; at = strchr(at + 1, ',')) {
        char by, which[6];
        size_t token;

        CHECK(count < REVOCATIONS_MAX);
        /* NOLINTNEXTLINE(cert-err34-c): as above */
        if (sscanf(at + (*at == ','), " %zu:%c:%5[a-z]", &token, &by, which) != 3 ||
            token >= chain->count)
            fail_msg("%s", text);
        out[count] = test_revocation(chain, token, by);
        if (strcmp(which, "other") == 0) out[count].token[0] ^= 1;
        if (strcmp(which, "space") == 0) out[count].space[0] ^= 1;
        count++;
    }
    return count;
}

/* ---- Asking ---- */

static mti_operation operation_of(const char *name)
{
    static const char *const names[] = {"read", "write", "delegate", "admin"};

    for (size_t i = 0; i < TEST_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) return (mti_operation)i;
    fail_msg("%s", name);
    return MTI_OPERATION_ADMIN;
}

static mti_verdict ask(const row *in, const test_chain *chain)
{
    const mti_operation operation = operation_of(in->operation);
    mti_revocation revocations[REVOCATIONS_MAX];
    mti_moment moment = {.now_ms = in->now_ms, .revocations = revocations};
    mti_grant grant;
    mti_verdict verdict;

    moment.revocation_count = make_revocations(chain, in->revocations, revocations);
    verdict = test_chain_check(chain, in->device, &moment, &grant);
    if (verdict != MTI_VERDICT_ALLOWED) {
        CHECK(mti_decide(&grant, operation, mt_str(in->name), &moment) == MTI_VERDICT_NO_TOKEN);
        return verdict;
    }
    return strcmp(in->kind, "uid") == 0
               ? mti_decide(&grant, operation, mt_str(in->name), &moment)
               : mti_decide_prefix(&grant, operation, mt_str(in->name), &moment);
}

TEST(each_row_is_decided_as_the_table_has_it)
{
    static row one;
    static made last;
    size_t count = 0;

    for (; read_row(&one); count++) {
        const char *verdict;

        make_chain(&last, one.tokens);
        verdict = mti_verdict_name(ask(&one, &last.chain));
        if (strcmp(verdict, one.verdict) != 0)
            fail_msg("row %zu, %s, not:\n%s", count + 1, verdict, one.text);
    }
    CHECK(count >= 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_is_decided_as_the_table_has_it)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
