/* tls_words.c - what is wrong with a certificate, for a person. What it says of itself was written
 * by whoever made it, and is shown as far as it is plain text. */
#include "plugins/tls_context.h"

#include "plugins/gather.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAME_LEN_MAX 40 /* that are shown of a name */
#define NAMES_SHOWN 2

const char *mti_tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason ? reason : "for no reason that is known";
}

/* ---- Names ---- */

typedef struct names {
    char text[2 * NAME_LEN_MAX + 32];
    size_t len;
    size_t count;
} names;

/* A copy that can be shown: what is not plain text becomes a question mark. */
static void show(const unsigned char *data, int len, char out[NAME_LEN_MAX + 1])
{
    int at = 0;

    for (; at < len && at < NAME_LEN_MAX; at++)
        out[at] = data[at] >= ' ' && data[at] <= '~' ? (char)data[at] : '?';
    out[at] = '\0';
}

static void names_add(names *n, const char *name)
{
    int len;

    if (n->count++ >= NAMES_SHOWN) return;
    len =
        snprintf(n->text + n->len, sizeof n->text - n->len, "%s%s", n->count > 1 ? ", " : "", name);
    n->len += (size_t)len;
}

static void names_add_address(names *n, const ASN1_STRING *address)
{
    int len = ASN1_STRING_length(address), family = len == 4 ? AF_INET : AF_INET6;
    char text[INET6_ADDRSTRLEN];

    if (len != 4 && len != 16) return;
    if (inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text)) names_add(n, text);
}

/* The hosts that a certificate is for. The name of its subject is none: nobody has looked there for
 * a host since RFC 6125, and we do not either. */
static void names_read(const X509 *certificate, names *n)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    char shown[NAME_LEN_MAX + 1];

    memset(n, 0, sizeof *n);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

        if (name->type == GEN_IPADD) names_add_address(n, name->d.iPAddress);
        if (name->type != GEN_DNS) continue;
        show(ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName), shown);
        names_add(n, shown);
    }
    GENERAL_NAMES_free(all);
    if (n->count > NAMES_SHOWN)
        (void)snprintf(n->text + n->len, sizeof n->text - n->len, " and %zu more",
                       n->count - NAMES_SHOWN);
}

/* What a subject or an issuer is called. */
static void show_entity(const X509_NAME *entity, char out[NAME_LEN_MAX + 1])
{
    int at = X509_NAME_get_index_by_NID(entity, NID_commonName, -1);
    const ASN1_STRING *name = NULL;

    if (at < 0) at = X509_NAME_entry_count(entity) - 1;
    if (at >= 0) name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(entity, at));
    if (name) show(ASN1_STRING_get0_data(name), ASN1_STRING_length(name), out);
    else (void)snprintf(out, NAME_LEN_MAX + 1, "(no name)");
}

/* ---- Times ---- */

bool mti_tls_is_valid_now(const X509 *certificate, char out[MTI_TLS_WORDS_MAX])
{
    const ASN1_TIME *from = X509_get0_notBefore(certificate),
                    *until = X509_get0_notAfter(certificate);
    bool is_early = X509_cmp_current_time(from) >= 0;
    struct tm day = {0};
    char date[24] = "a day that is none";

    if (!is_early && X509_cmp_current_time(until) > 0) return true;
    if (ASN1_TIME_to_tm(is_early ? from : until, &day))
        (void)strftime(date, sizeof date, "%Y-%m-%d", &day);
    (void)snprintf(out, MTI_TLS_WORDS_MAX, "%s %s",
                   is_early ? "is not valid before" : "has expired, on", date);
    return false;
}

/* ---- Refusals ---- */

static void refuse_host(const X509 *certificate, const char *host, mt_error *err)
{
    names n;

    names_read(certificate, &n);
    mti_link_error(err, MT_REFUSED, "the certificate is for %s, not %.*s",
                   n.count > 0 ? n.text : "no host", NAME_LEN_MAX, host);
}

/* One of the chain, the first of which is the peer's own. */
static void refuse_time(const X509 *certificate, int depth, mt_error *err)
{
    char words[MTI_TLS_WORDS_MAX] = "is not valid now", shown[NAME_LEN_MAX + 1];

    (void)mti_tls_is_valid_now(certificate, words);
    show_entity(X509_get_subject_name(certificate), shown);
    if (depth == 0) mti_link_error(err, MT_REFUSED, "the certificate %s", words);
    else mti_link_error(err, MT_REFUSED, "the certificate of its authority %s %s", shown, words);
}

static void refuse_issuer(const X509 *certificate, mt_error *err)
{
    char shown[NAME_LEN_MAX + 1];

    show_entity(X509_get_issuer_name(certificate), shown);
    mti_link_error(err, MT_REFUSED, "the certificate is of an authority that is not trusted: %s",
                   shown);
}

void mti_tls_refusal(X509_STORE_CTX *store, const char *host, mt_error *err)
{
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int code = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);

    switch (certificate ? code : X509_V_ERR_UNSPECIFIED) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: refuse_host(certificate, host, err); return;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: refuse_time(certificate, depth, err); return;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        mti_link_error(err, MT_REFUSED, "the certificate is self-signed, and not trusted");
        return;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: refuse_issuer(certificate, err); return;
    default:
        mti_link_error(err, MT_REFUSED, "the certificate is refused: %s",
                       X509_verify_cert_error_string(code));
    }
}
