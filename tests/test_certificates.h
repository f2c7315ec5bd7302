/* test_certificates.h - certificates for tests, made when they run: none in the tree can expire.
 *
 *     test_certificates_make(folder);
 *
 * makes NAME.pem, a certificate, and NAME.key, its key, in PEM:
 *
 *     ca          an authority
 *     here        of it, for localhost, 127.0.0.1 and ::1
 *     other       of it, for other.example and five more
 *     long        of it, for two names that are long
 *     nameless    of it, for no host, though its subject is called localhost
 *     expired     of it, for localhost, until yesterday
 *     early       of it, for localhost, from tomorrow on
 *     middle      an authority that is of it
 *     chain       of middle, for localhost; middle stands in the file, too
 *     own         of itself, for localhost and 127.0.0.1
 *     strange     of an authority that is in no file, for localhost
 *     stale-ca    an authority until yesterday
 *     stale       of that, for localhost
 *
 * and secret.key, that of `here` behind a passphrase. */
#ifndef TEST_CERTIFICATES_H
#define TEST_CERTIFICATES_H

#include <stdbool.h>

/* False: something failed, and was said on standard error. */
bool test_certificates_make(const char *folder);

#endif
