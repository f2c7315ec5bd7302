/* secure.c - what the secured connections of a device share. */
#include "trust/secure.h"

#include "base/status.h"

#define HANDSHAKE_MS 5000
#define HALF_OPEN_MAX 64
#define SILENT_MAX 1024

/* ---- Its life ---- */

static mt_status options_take(const mt_secure_options *options, mt_secure_options *own,
                              mt_error *err)
{
    *own = (mt_secure_options){0};
    memcpy(own, options, options->size < sizeof *own ? options->size : sizeof *own);
    if (!own->handshake_ms) own->handshake_ms = HANDSHAKE_MS;
    if (!own->half_open_max) own->half_open_max = HALF_OPEN_MAX;
    if (!own->silent_max) own->silent_max = SILENT_MAX;
    if (!own->crypto || own->crypto->abi != MT_CRYPTO_ABI || own->crypto->size < sizeof(mt_crypto))
        return mti_fail(err, MT_INVALID, "secured connections need a table of ciphers");
    if (own->papers.len > MT_PAPERS_LEN_MAX)
        return mti_fail(err, MT_TOO_LARGE, "papers of %zu bytes, more than %d", own->papers.len,
                        MT_PAPERS_LEN_MAX);
    if (!own->seed || !own->space)
        return mti_fail(err, MT_INVALID,
                        "secured connections need the secret of a device and the "
                        "id of a space");
    return MT_OK;
}

mt_status mt_secure_new(const mt_env *env, const mt_secure_options *options, mt_secure **out,
                        mt_error *err)
{
    mt_secure_options own;
    mt_status st = options_take(options, &own, err);
    mt_secure *secure;

    if (st != MT_OK) return st;
    if (!(secure = mti_mem_alloc(env->mem, sizeof *secure))) return mti_no_memory(err);
    memset(secure, 0, sizeof *secure);
    secure->env = env;
    secure->refs = 1;
    secure->options = own;
    secure->silent.max = own.silent_max;
    secure->knocked.max = own.half_open_max;
    secure->options.seed = secure->options.space = NULL; /* these were BORROWED */
    secure->out.mem = secure->in.mem = secure->papers.mem = env->mem;
    if (mti_buf_append(&secure->papers, own.papers.data, own.papers.len) != MT_OK) {
        mti_mem_free(env->mem, secure, sizeof *secure);
        return mti_no_memory(err);
    }
    secure->options.papers = mt_buf_bytes(&secure->papers);
    mti_identity_make(own.crypto, own.seed, &secure->identity);
    memcpy(secure->space, own.space, MT_SPACE_LEN);
    *out = secure;
    return MT_OK;
}

mt_secure *mt_secure_ref(mt_secure *secure)
{
    if (secure) secure->refs++;
    return secure;
}

void mt_secure_unref(mt_secure *secure)
{
    if (!secure || --secure->refs) return;
    mti_identity_wipe(secure->options.crypto, &secure->identity);
    mt_buf_free(&secure->papers);
    mt_buf_free(&secure->out);
    mt_buf_free(&secure->in);
    mti_mem_free(secure->env->mem, secure, sizeof *secure);
}

const uint8_t *mt_secure_device(const mt_secure *secure)
{
    return mti_identity_device(&secure->identity);
}

mt_secure_counts mt_secure_counts_of(const mt_secure *secure)
{
    mt_secure_counts counts = secure->counts;

    counts.silent = secure->silent.count;
    counts.half_open = secure->silent.count + secure->knocked.count;
    return counts;
}

/* ---- Half-open ones ---- */

static void evict_oldest(const mti_half_open *among)
{
    mti_secured *oldest = among->oldest;
    mt_error why;

    mti_fail(&why, MT_FULL, "others came before its handshake was through");
    oldest->secure->counts.evicted++;
    mti_secured_fail(oldest, &why);
}

/* Whoever is quick is through before so many more have come: the oldest is the one to go. */
void mti_secure_enter(mti_secured *s, mti_half_open *among)
{
    mti_secure_leave(s);
    if (among->count >= among->max) evict_oldest(among);
    s->older = among->newest;
    s->newer = NULL;
    if (s->older) s->older->newer = s;
    else among->oldest = s;
    among->newest = s;
    among->count++;
    s->among = among;
}

void mti_secure_leave(mti_secured *s)
{
    mti_half_open *among = s->among;

    if (!among) return;
    if (s->older) s->older->newer = s->newer;
    else among->oldest = s->newer;
    if (s->newer) s->newer->older = s->older;
    else among->newest = s->older;
    among->count--;
    s->among = NULL;
}

/* ---- Connections ---- */

mt_status mt_secure_dial(mt_secure *secure, mt_connection *link, const mt_secure_peer *peer,
                         mt_connection **out, mt_error *err)
{
    mt_secure_peer own = {0};

    memcpy(&own, peer, peer->size < sizeof own ? peer->size : sizeof own);
    if (!own.device)
        return mti_fail(err, MT_INVALID, "who dials has to say which device it expects");
    if (!own.ticket != !own.ticket_key)
        return mti_fail(err, MT_INVALID, "a ticket without its key, or a key without its ticket");
    return mti_secured_new(secure, link, &own, out, err);
}

mt_status mt_secure_accept(mt_secure *secure, mt_connection *link, mt_connection **out,
                           mt_error *err)
{
    return mti_secured_new(secure, link, NULL, out, err);
}

const mt_error *mt_secure_error(const mt_connection *connection)
{
    const mti_secured *s = mti_secured_of(connection);

    return s ? &s->why : NULL;
}

mt_connection *mt_secure_link(const mt_connection *connection)
{
    const mti_secured *s = mti_secured_of(connection);

    return s ? s->link : NULL;
}
