#include "test_certificates.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DAY_S 86400L

typedef struct spec {
    const char *name;
    const char *subject;
    const char *hosts;     /* as OpenSSL writes them; NULL: none */
    const char *issuer;    /* a name above; NULL: itself */
    long from_day, to_day; /* from today */
    bool is_authority;
    bool has_issuer_behind; /* in its file */
    bool is_hidden;         /* in no file */
} spec;

static const spec specs[] = {
    {"ca", "Test Authority", NULL, NULL, -2, 2, true, false, false},
    {"here", "here", "DNS:localhost,IP:127.0.0.1,IP:::1", "ca", -1, 1, false, false, false},
    {"other", "other",
     "DNS:other.example,IP:192.0.2.7,DNS:a.example,DNS:b.example,DNS:c.example,DNS:d.example", "ca",
     -1, 1, false, false, false},
    {"long", "long",
     "DNS:a-name-that-is-much-longer-than-what-is-shown-of-one.example,"
     "DNS:one-more-that-is-much-longer-than-what-is-shown-of-it.example",
     "ca", -1, 1, false, false, false},
    {"nameless", "localhost", NULL, "ca", -1, 1, false, false, false},
    {"expired", "expired", "DNS:localhost", "ca", -2, -1, false, false, false},
    {"early", "early", "DNS:localhost", "ca", 1, 2, false, false, false},
    {"middle", "Middle Authority", NULL, "ca", -1, 1, true, false, false},
    {"chain", "chain", "DNS:localhost", "middle", -1, 1, false, true, false},
    {"own", "own", "DNS:localhost,IP:127.0.0.1", NULL, -1, 1, false, false, false},
    {"strange-ca", "Strange Authority", NULL, NULL, -1, 1, true, false, true},
    {"strange", "strange", "DNS:localhost", "strange-ca", -1, 1, false, false, false},
    {"stale-ca", "Stale Authority", NULL, NULL, -2, -1, true, false, false},
    {"stale", "stale", "DNS:localhost", "stale-ca", -1, 1, false, false, false},
};

#define COUNT (sizeof specs / sizeof *specs)

typedef struct made {
    X509 *certificate;
    EVP_PKEY *key;
} made;

/* ---- One certificate ---- */

static bool add_extension(X509 *certificate, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1);

    X509_EXTENSION_free(extension);
    return added;
}

static bool fill(const spec *s, made *own, const made *issuer)
{
    X509 *x = own->certificate;
    X509_NAME *subject = X509_get_subject_name(x);
    X509V3_CTX ctx;
    uint32_t serial;

    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1) return false;
    if (!X509_set_version(x, X509_VERSION_3) || !X509_set_pubkey(x, own->key)) return false;
    if (!ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial)) return false;
    if (!X509_gmtime_adj(X509_getm_notBefore(x), s->from_day * DAY_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(x), s->to_day * DAY_S))
        return false;
    if (!X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)s->subject,
                                    -1, -1, 0) ||
        !X509_set_issuer_name(x, X509_get_subject_name(issuer->certificate)))
        return false;
    X509V3_set_ctx(&ctx, issuer->certificate, x, NULL, NULL, 0);
    if (s->is_authority && !add_extension(x, &ctx, NID_basic_constraints, "critical,CA:TRUE"))
        return false;
    if (s->hosts && !add_extension(x, &ctx, NID_subject_alt_name, s->hosts)) return false;
    return X509_sign(x, issuer->key, EVP_sha256()) != 0;
}

static const made *find(const made *all, const char *name)
{
    size_t i = 0;

    while (strcmp(specs[i].name, name) != 0) i++;
    return &all[i];
}

/* ---- Files ---- */

static FILE *create(const char *folder, const char *name, const char *ending)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
    return fopen(path, "w");
}

static bool write_certificate(const char *folder, const spec *s, const made *own,
                              const made *issuer)
{
    FILE *file = create(folder, s->name, "pem");
    bool written = file && PEM_write_X509(file, own->certificate);

    if (written && s->has_issuer_behind) written = PEM_write_X509(file, issuer->certificate);
    return file && fclose(file) == 0 && written;
}

static bool write_key(const char *folder, const char *name, EVP_PKEY *key, const char *passphrase)
{
    FILE *file = create(folder, name, "key");
    bool written = file && PEM_write_PKCS8PrivateKey(
                               file, key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
                               passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);

    return file && fclose(file) == 0 && written;
}

static bool make(const char *folder, made *all, size_t at)
{
    const spec *s = &specs[at];
    const made *issuer = s->issuer ? find(all, s->issuer) : &all[at];

    all[at].certificate = X509_new();
    all[at].key = EVP_EC_gen("P-256");
    if (!all[at].certificate || !all[at].key || !fill(s, &all[at], issuer)) return false;
    if (s->is_hidden) return true;
    return write_certificate(folder, s, &all[at], issuer) &&
           write_key(folder, s->name, all[at].key, NULL);
}

bool test_certificates_make(const char *folder)
{
    made all[COUNT] = {{NULL, NULL}};
    bool done = true;

    for (size_t i = 0; i < COUNT && done; i++) done = make(folder, all, i);
    done = done && write_key(folder, "secret", find(all, "here")->key, "abcd");
    if (!done) ERR_print_errors_fp(stderr);
    for (size_t i = 0; i < COUNT; i++) {
        X509_free(all[i].certificate);
        EVP_PKEY_free(all[i].key);
    }
    return done;
}
