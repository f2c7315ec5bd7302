/* test_trust.h - keys with names, tokens in a line, and records that are damaged in every way.
 *
 * A key is named by a character, of which its seed is made: 'R' is the root, 'A' to 'D' are devices, 'S' is a
 * stranger. The space of all tokens here is `test_space`. */
#ifndef TEST_TRUST_H
#define TEST_TRUST_H

#include "test.h"
#include "trust/rights.h"

/* A signing key, and its public half. Static. */
const uint8_t *test_signer(char who);
const uint8_t *test_public(char who);

/* An id that is no hash of anything, and the space whose root is 'R'. */
#define TEST_SPACE_FILL 0x53
mti_space test_space(void);

/* A token for a device, good from 1,000 up to 2,000. `prefixes` has a comma between two: "notes/,x/"; they are
 * BORROWED. The rights are letters: r, w, d, a. */
mti_token test_token(char audience, const char *rights, const char *prefixes);

/* The prefixes of a list like that. */
void test_token_prefixes(mti_token *token, const char *prefixes, size_t len);

/* Tokens, one deriving from the other. */
typedef struct test_chain {
    uint8_t bytes[MT_CHAIN_TOKENS_MAX + 1][MTI_TOKEN_LEN_MAX];
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX + 1];
    size_t count;
} test_chain;

/* Adds a token that `issuer` signs, as the child of the last one. */
void test_chain_add(test_chain *chain, char issuer, mti_token token);

/* Adds one with all its fields as they are, signed by `signer`, whoever its issuer is. */
void test_chain_add_as_is(test_chain *chain, char signer, const mti_token *token);

/* Checks a chain, as shown by a device at a time. */
mti_verdict test_chain_check(const test_chain *chain, char device, const mti_moment *moment,
                             mti_grant *grant);

/* Takes back the token numbered `at`, from 0. */
mti_revocation test_revocation(const test_chain *chain, size_t at, char by);

/* Reads some record, to the last check. */
typedef mt_status (*test_record_reader)(mt_bytes record, mt_error *err);

/* Fails unless a record is read, and refused with a message if any bit of it is another, if it is cut short
 * anywhere, and if a byte follows. */
void test_record_damaged(mt_bytes record, test_record_reader read);

/* Adds the order of the group to the second half of a signature: as good a one, in another form. */
void test_signature_other_form(uint8_t signature[MT_SIGNATURE_LEN]);

/* Fails unless a record is refused so. */
void test_record_refused(mt_bytes record, test_record_reader read, mt_status status,
                         const char *text);

#endif
