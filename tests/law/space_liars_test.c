/* Spaces in which some peers lie, up to all but the root's own device: they write whatever they like into databases of
 * their own that have no hooks, show chains that they should not, and come again and again. Whatever they do, nothing
 * of theirs is at an honest peer that no chain gave them the right to write, and honest peers agree. */
#include "test_law.h"
#include "test_space.h"
#include "test_trust.h"

#include "base/bytes.h"
#include "trust/space.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX
#define GRANTS_MAX 24
#define PREFIXES 4
#define UIDS 6
#define PAIRS_MAX 10
#define RIGHTS_ALL (MT_RIGHT_READ | MT_RIGHT_WRITE | MT_RIGHT_DELEGATE)
#define MINUTE ((uint64_t)60000)

static const char *const prefixes[PREFIXES] = {"", "a/", "a/b/", "c/"};
static const char *const uids[UIDS] = {"a/1", "a/2", "a/b/1", "c/1", "c/2", "d"};

/* A chain in order that was made. */
typedef struct grant {
    size_t to, parent; /* a peer, and the grant that it derives from; NONE: it is the root's */
    size_t depth;      /* tokens above it */
    unsigned rights;
    size_t prefix;
    uint64_t ends_ms;
    mt_buf chain;
    bool revoked;      /* somebody who has a say in that has said so */
    uint64_t known_ms; /* from when on all honest peers know; UINT64_MAX: not yet */
} grant;

/* Two that are linked, now and then. */
typedef struct pair {
    size_t peers[2], link; /* NONE: they are not */
    bool cut;
} pair;

typedef struct world {
    test_case *c;
    test_space_world s;
    size_t count;
    bool lies[TEST_SPACE_PEERS], liars_meet;
    size_t shows[TEST_SPACE_PEERS]; /* grants */
    pair pairs[PAIRS_MAX];
    size_t pair_count;
    grant grants[GRANTS_MAX];
    size_t grant_count;
} world;

static uint64_t now_of(const world *w)
{
    return w->s.te.env.now_ms(w->s.te.env.ctx);
}

static bool begins(const char *uid, const char *prefix)
{
    return strncmp(uid, prefix, strlen(prefix)) == 0;
}

/* ---- What grants are worth ---- */

static bool gives(const grant *g, unsigned right, const char *uid)
{
    return g->rights & right && begins(uid, prefixes[g->prefix]);
}

/* Whether a peer takes it for good now: what it was told of is in its graph. */
static bool is_good_at(const world *w, size_t number, size_t peer)
{
    if (now_of(w) >= w->grants[number].ends_ms) return false;
    for (; number != NONE; number = w->grants[number].parent)
        if (test_space_has(&w->s, peer, test_space_uid("revoked", &w->grants[number].chain)))
            return false;
    return true;
}

/* When no honest peer took it for good any more. */
static uint64_t end_of(const world *w, size_t number)
{
    uint64_t end = w->grants[number].ends_ms;

    for (; number != NONE; number = w->grants[number].parent)
        if (w->grants[number].known_ms < end) end = w->grants[number].known_ms;
    return end;
}

static bool all_honest_have(const world *w, const char *uid)
{
    for (size_t i = 0; i < w->count; i++)
        if (!w->lies[i] && !test_space_has(&w->s, i, uid)) return false;
    return true;
}

static void run_for(world *w, uint64_t ms)
{
    test_env_run_for(&w->s.te, ms);
    for (size_t i = 0; i < w->grant_count; i++) {
        grant *g = &w->grants[i];

        if (g->revoked && g->known_ms == UINT64_MAX &&
            all_honest_have(w, test_space_uid("revoked", &g->chain)))
            g->known_ms = now_of(w) + 10; /* sessions end in the next turns */
    }
}

/* ---- Links ---- */

static void pair_part(world *w, pair *p)
{
    if (p->link != NONE) test_space_part(&w->s, p->link);
    p->link = NONE;
}

static void pair_join(world *w, pair *p)
{
    size_t first = test_below(w->c, 2);

    pair_part(w, p);
    p->link = test_space_join(&w->s, p->peers[first], p->peers[1 - first]);
    p->cut = false;
}

static void pair_cut(world *w, pair *p, bool cut)
{
    if (p->link == NONE) return;
    HOLDS((cut ? mt_pipe_cut : mt_pipe_restore)(w->s.links[p->link].pipe) == MT_OK);
    p->cut = cut;
}

static void pair_add(world *w, size_t a, size_t b)
{
    pair *p = &w->pairs[w->pair_count++];

    *p = (pair){{a, b}, NONE, false};
    w->liars_meet |= w->lies[a] && w->lies[b];
    pair_join(w, p);
}

static bool has_peer(const pair *p, size_t at)
{
    return p->peers[0] == at || p->peers[1] == at;
}

/* All are linked, by way of each other. */
static void join_all(world *w)
{
    for (size_t i = 1; i < w->count; i++) {
        size_t one = test_below(w->c, i);

        for (size_t k = 0; k < i; k++)
            if (k == one || test_once_in(w->c, 2)) pair_add(w, k, i);
    }
}

/* A peer shows a chain to all that it is linked to: that of a grant, or another one, NONE. */
static void show(world *w, size_t at, size_t number, mt_bytes chain)
{
    mt_buf *shown = &w->s.peers[at].chain;

    shown->len = 0;
    HOLDS(mti_buf_append(shown, chain.data, chain.len) == MT_OK);
    w->shows[at] = number;
    for (size_t i = 0; i < w->pair_count; i++)
        if (has_peer(&w->pairs[i], at)) pair_part(w, &w->pairs[i]);
    test_space_show(&w->s, at);
    for (size_t i = 0; i < w->pair_count; i++)
        if (has_peer(&w->pairs[i], at)) pair_join(w, &w->pairs[i]);
}

static void show_grant(world *w, size_t at, size_t number)
{
    show(w, at, number, mt_buf_bytes(&w->grants[number].chain));
}

/* ---- What honest peers do, and liars too ---- */

static unsigned draw_rights(world *w, unsigned of)
{
    unsigned rights = of;

    if (test_once_in(w->c, 2)) rights &= (unsigned)test_below(w->c, RIGHTS_ALL + 1);
    return rights ? rights : of;
}

static size_t draw_prefix(world *w, size_t under)
{
    size_t prefix = test_below(w->c, PREFIXES);

    return begins(prefixes[prefix], prefixes[under]) ? prefix : under;
}

static uint64_t draw_end(world *w, uint64_t most)
{
    static const uint64_t spans[] = {MINUTE / 2, 3 * MINUTE, 90 * MINUTE, 30 * TEST_DAY};
    uint64_t end = now_of(w) + spans[test_below(w->c, TEST_COUNT(spans))];

    return end < most ? end : most;
}

/* Makes a token, of a grant, or of the root: NONE. Answers its number; NONE: it cannot be made. */
static size_t grant_add(world *w, size_t parent, grant g)
{
    const grant *above = parent == NONE ? NULL : &w->grants[parent];
    const uint8_t *seed = above ? w->s.peers[above->to].seed : w->s.root;
    mt_bytes prefix = mt_str(prefixes[g.prefix]);
    mt_token token = test_space_token(&w->s, g.to, g.rights, &prefix);
    grant *out = &w->grants[w->grant_count];
    mt_error err;

    if (w->grant_count == GRANTS_MAX || g.ends_ms <= token.not_before_ms) return NONE;
    token.not_after_ms = g.ends_ms;
    g.parent = parent;
    g.depth = above ? above->depth + 1 : 0;
    g.known_ms = UINT64_MAX;
    g.chain = (mt_buf){.mem = test_mem()};
    *out = g;
    HOLDS(test_space_issue(&w->s, seed, above ? &above->chain : NULL, &token, &out->chain, &err) ==
          MT_OK);
    return w->grant_count++;
}

static size_t publisher(const world *w, size_t parent)
{
    return parent == NONE ? 0 : w->grants[parent].to;
}

/* Who was given something is given something else. */
static void again(world *w, size_t *parent, size_t *to)
{
    const grant *g = &w->grants[1 + test_below(w->c, w->grant_count - 1)];

    *parent = g->parent;
    *to = g->to;
}

static void give(world *w)
{
    size_t parent = test_below(w->c, 2 * w->grant_count), made;
    const grant *above;
    grant g = {.to = 1 + test_below(w->c, w->count - 1), .rights = RIGHTS_ALL};
    uint64_t most = UINT64_MAX;

    if (parent >= w->grant_count) parent = NONE;
    if (test_once_in(w->c, 4)) again(w, &parent, &g.to);
    above = parent == NONE ? NULL : &w->grants[parent];
    if (above) {
        if (!(above->rights & MT_RIGHT_DELEGATE) || above->depth == 3) return;
        g.rights = above->rights;
        most = above->ends_ms;
    }
    g.rights = draw_rights(w, g.rights);
    g.prefix = draw_prefix(w, above ? above->prefix : 0);
    g.ends_ms = draw_end(w, most);
    if ((made = grant_add(w, parent, g)) == NONE) return;
    if (test_once_in(w->c, 2))
        HOLDS(test_space_publish(&w->s, publisher(w, parent), &w->grants[made].chain, NULL) ==
              MT_OK);
    show_grant(w, g.to, made);
}

/* The root, or who issued a token or one above it, takes it back; but that of the root's own device. */
static void take_back(world *w)
{
    size_t number = test_below(w->c, w->grant_count), by = number;
    grant *g = &w->grants[number];
    mt_buf revocation;

    if (number == 0) return;
    while (w->grants[by].parent != NONE && test_once_in(w->c, 2)) by = w->grants[by].parent;
    by = w->grants[by].parent;
    revocation = test_space_revocation(
        &w->s, by == NONE ? w->s.root : w->s.peers[w->grants[by].to].seed, &g->chain);
    HOLDS(test_space_publish(&w->s, publisher(w, by), &g->chain, &revocation) == MT_OK);
    g->revoked = true;
    mt_buf_free(&revocation);
}

/* A text that says who wrote it, and when. */
static void write_text(world *w, size_t at, const char *uid, uint64_t ahead_ms)
{
    mt_options options = {.size = sizeof options, .allow_future = true};
    char text[48];
    mt_field field = {.name = mt_str("text")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    snprintf(text, sizeof text, "%zu %" PRIu64, at, now_of(w));
    field.value = mt_text(text);
    if (ahead_ms == 0) {
        HOLDS(mt_write_wait(w->s.peers[at].db, &row, 1, NULL, NULL) == MT_OK);
        return;
    }
    field.state = (now_of(w) - UINT64_C(1577836800000) + ahead_ms) << 11;
    HOLDS(mt_commit_rows_wait(w->s.peers[at].db, &row, 1, &options) == MT_OK);
}

static void edit(world *w)
{
    size_t at = test_below(w->c, w->count);
    const char *uid = uids[test_below(w->c, UIDS)];

    if (w->lies[at] || w->shows[at] == NONE ||
        !gives(&w->grants[w->shows[at]], MT_RIGHT_WRITE, uid))
        return;
    if (is_good_at(w, w->shows[at], at)) write_text(w, at, uid, 0);
}

/* ---- Lies ---- */

/* Puts bytes where a record has its place. */
static void put(world *w, size_t at, const char *uid, mt_bytes bytes, uint64_t state)
{
    mt_field field = {.name = mt_str("record"), .value = mt_blob(bytes), .state = state};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    HOLDS(mt_commit_rows_wait(w->s.peers[at].db, &row, 1, NULL) == MT_OK);
}

static size_t some_grant(world *w)
{
    return test_below(w->c, w->grant_count);
}

static char name_of(size_t at)
{
    return (char)('A' + at);
}

/* A chain that tokens can be added to. */
static void chain_load(test_chain *out, const grant *g)
{
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mt_error err;

    HOLDS(mti_chain_decode(mt_buf_bytes(&g->chain), tokens, &out->count, &err) == MT_OK);
    for (size_t i = 0; i < out->count; i++) {
        memcpy(out->bytes[i], tokens[i].data, tokens[i].len);
        out->tokens[i] = (mt_bytes){out->bytes[i], tokens[i].len};
    }
}

/* One that is not in order becomes a record, or what it shows. */
static void use_chain(world *w, size_t at, const test_chain *chain)
{
    uint8_t bytes[MTI_CHAIN_LEN_MAX], id[MTI_ID_LEN];
    mt_bytes all = {bytes, mti_chain_encode(chain->tokens, chain->count, bytes)};
    char uid[MTI_RECORD_UID_MAX];

    mti_token_id(mt_crypto_sodium(), chain->tokens[chain->count - 1], id);
    mti_record_uid(MTI_RECORD_TOKEN, id, uid);
    if (test_once_in(w->c, 2)) put(w, at, uid, all, 1);
    else show(w, at, NONE, all);
}

static mti_token forged_token(const world *w, size_t to)
{
    mti_token token = test_token(name_of(to), "rwd", "");

    memcpy(token.space, mt_space_id(w->s.peers[0].space), sizeof token.space);
    token.not_before = now_of(w);
    token.not_after = now_of(w) + 100 * TEST_DAY;
    return token;
}

static void lie_in_data(world *w, size_t at)
{
    write_text(w, at, uids[test_below(w->c, UIDS)], 0);
}

static void lie_about_the_time(world *w, size_t at)
{
    static const uint64_t ahead[] = {5 * MINUTE, 11 * MINUTE, 1000 * TEST_DAY};

    write_text(w, at, uids[test_below(w->c, UIDS)], ahead[test_below(w->c, TEST_COUNT(ahead))]);
}

static void lie_by_deleting(world *w, size_t at)
{
    HOLDS(mt_delete_wait(w->s.peers[at].db, mt_str(uids[test_below(w->c, UIDS)]), NULL) == MT_OK);
}

static void lie_with_nonsense(world *w, size_t at)
{
    static const char *const places[] = {"@space/tokens/x", "@space/revoked/x", "@space/genesis",
                                         "@space/other/x", "@space/"};

    put(w, at, places[test_below(w->c, TEST_COUNT(places))], mt_str("nonsense"), 1);
}

/* A grant that can be given on, of a peer or of all but that; NONE: there is none. */
static size_t some_delegate(world *w, size_t peer, bool others)
{
    size_t from = some_grant(w);

    for (size_t i = 0; i < w->grant_count; i++) {
        size_t number = (from + i) % w->grant_count;
        const grant *g = &w->grants[number];

        if ((g->to == peer) != others && g->rights & MT_RIGHT_DELEGATE && g->depth < 3)
            return number;
    }
    return NONE;
}

/* It signs for itself, or another one, what its chain does not give. */
static void lie_by_widening(world *w, size_t at)
{
    size_t number = some_delegate(w, at, false);
    test_chain chain;

    if (number == NONE) return;
    chain_load(&chain, &w->grants[number]);
    test_chain_add(&chain, name_of(at), forged_token(w, test_once_in(w->c, 3) ? 0 : at));
    use_chain(w, at, &chain);
}

/* It gives itself what another one has, and might give. */
static void lie_by_deriving(world *w, size_t at)
{
    size_t number = some_delegate(w, at, true);
    mti_token token = forged_token(w, at), above;
    test_chain chain;
    mt_error err;

    if (number == NONE) return;
    chain_load(&chain, &w->grants[number]);
    HOLDS(mti_token_decode(chain.tokens[chain.count - 1], &above, &err) == MT_OK);
    token.rights = above.rights;
    token.prefixes[0] = above.prefixes[0];
    token.not_before = above.not_before;
    token.not_after = above.not_after;
    test_chain_add(&chain, name_of(at), token);
    use_chain(w, at, &chain);
}

/* In the name of the root, or as if it were the root. */
static void lie_as_root(world *w, size_t at)
{
    mti_token token = forged_token(w, at);
    test_chain chain = {.count = 0};
    char name = test_once_in(w->c, 2) ? 'R' : name_of(at);

    memcpy(token.issuer, test_public(name), sizeof token.issuer);
    test_chain_add_as_is(&chain, name_of(at), &token);
    use_chain(w, at, &chain);
}

/* Another grant of whom a grant derives from, at the same place in its chain; NONE: there is none. */
static size_t beside_parent(const world *w, const grant *g, size_t from)
{
    const grant *parent = &w->grants[g->parent];

    for (size_t i = 0; i < w->grant_count; i++) {
        size_t number = (from + i) % w->grant_count;
        const grant *other = &w->grants[number];

        if (number != g->parent && other->to == parent->to && other->depth == parent->depth)
            return number;
    }
    return NONE;
}

static void paste(world *w, size_t at, const grant *g, const grant *under)
{
    test_chain chain, other;

    chain_load(&chain, g);
    chain_load(&other, under);
    for (size_t i = 0; i < other.count; i++) chain.tokens[i] = other.tokens[i];
    use_chain(w, at, &chain);
}

/* Tokens of two chains, in one: under another token of the device that issued it, or else under any. */
static void lie_by_pasting(world *w, size_t at)
{
    size_t from = some_grant(w), number = some_grant(w);
    const grant *g = &w->grants[from];

    for (size_t i = 0; i < w->grant_count; i++) {
        const grant *one = &w->grants[(from + i) % w->grant_count];
        size_t beside = one->parent == NONE ? NONE : beside_parent(w, one, number);

        if (beside == NONE) continue;
        paste(w, at, one, &w->grants[beside]);
        return;
    }
    if (g->parent != NONE && number != g->parent && w->grants[number].depth + 1 == g->depth)
        paste(w, at, g, &w->grants[number]);
}

/* A record in another's place, at another state, or deleted. */
static void lie_with_true_records(world *w, size_t at)
{
    const grant *one = &w->grants[some_grant(w)], *two = &w->grants[some_grant(w)];
    const char *uid = test_space_uid(test_once_in(w->c, 3) ? "revoked" : "tokens", &one->chain);

    switch (test_below(w->c, 3)) {
    case 0: put(w, at, uid, mt_buf_bytes(&two->chain), one == two ? 2 : 1); break;
    case 1: put(w, at, uid, mt_buf_bytes(&one->chain), 7); break;
    default: HOLDS(mt_delete_wait(w->s.peers[at].db, mt_str(uid), NULL) == MT_OK);
    }
}

/* Takes back what it has no say in. */
static void lie_by_revoking(world *w, size_t at)
{
    size_t number = some_grant(w);
    const grant *g = &w->grants[number];
    uint8_t bytes[MTI_RECORD_LEN_MAX];
    test_chain chain;
    mti_revocation revocation = {.time_ms = now_of(w)};

    for (size_t up = g->parent; up != NONE; up = w->grants[up].parent)
        if (w->grants[up].to == at) return;
    chain_load(&chain, g);
    memcpy(revocation.space, mt_space_id(w->s.peers[0].space), sizeof revocation.space);
    mti_token_id(mt_crypto_sodium(), chain.tokens[chain.count - 1], revocation.token);
    mti_revocation_make(mt_crypto_sodium(), test_signer(name_of(at)), &revocation, bytes);
    memcpy(bytes + MTI_REVOCATION_LEN, g->chain.data, g->chain.len);
    put(w, at, test_space_uid("revoked", &g->chain),
        (mt_bytes){bytes, MTI_REVOCATION_LEN + g->chain.len}, 1);
}

/* A chain that it had once, or that of somebody else. */
static void lie_about_itself(world *w, size_t at)
{
    size_t number = some_grant(w);

    if (w->grants[number].to == at) show_grant(w, at, number);
    else show(w, at, NONE, mt_buf_bytes(&w->grants[number].chain));
}

/* Comes again. */
static void lie_in_wait(world *w, size_t at)
{
    for (size_t i = 0; i < w->pair_count; i++)
        if (has_peer(&w->pairs[i], at)) pair_join(w, &w->pairs[i]);
}

static void lie(world *w)
{
    static void (*const lies[])(world * w, size_t at) = {
        lie_in_data,     lie_in_data,           lie_in_data,     lie_about_the_time,
        lie_by_deleting, lie_with_nonsense,     lie_by_widening, lie_as_root,
        lie_by_pasting,  lie_with_true_records, lie_by_revoking, lie_about_itself,
        lie_by_deriving, lie_in_wait,
    };
    size_t at = test_below(w->c, w->count);

    if (w->lies[at]) lies[test_below(w->c, TEST_COUNT(lies))](w, at);
}

/* ---- What is checked ---- */

typedef struct found {
    uint64_t state;
    bool deleted;
    char text[48]; /* empty: none */
    size_t author;
    uint64_t written_ms;
} found;

static found find(const world *w, size_t at, const char *uid)
{
    const mt_node *node = mt_peek(w->s.peers[at].db, mt_str(uid));
    found f = {.state = node ? mt_node_floor(node) : 0};
    mt_field field;
    char *end;

    f.deleted = f.state > 0;
    if (!node || mt_node_get_any(node, mt_str("text"), &field) != MT_OK) return f;
    f.state = field.state;
    f.deleted |= field.kind == MT_FIELD_DELETED;
    if (field.kind == MT_FIELD_DELETED) return f;
    snprintf(f.text, sizeof f.text, "%.*s", (int)field.value.as.bytes.len,
             (const char *)field.value.as.bytes.data);
    f.author = (size_t)strtoull(f.text, &end, 10);
    f.written_ms = strtoull(end, NULL, 10);
    HOLDS(f.author < w->count && f.written_ms > 0);
    return f;
}

/* Whether what a peer wrote then may have come to honest ones: from itself, or by way of a liar. */
static bool may_have_entered(const world *w, size_t author, const char *uid, uint64_t then_ms)
{
    for (size_t i = 0; i < w->grant_count; i++) {
        const grant *g = &w->grants[i];

        if (!gives(g, MT_RIGHT_WRITE, uid) || end_of(w, i) <= then_ms) continue;
        if (g->to == author || (w->lies[g->to] && (!w->lies[author] || w->liars_meet))) return true;
    }
    return false;
}

static bool may_be_deleted(const world *w, const char *uid)
{
    for (size_t i = 0; i < w->grant_count; i++)
        if (w->lies[w->grants[i].to] && gives(&w->grants[i], MT_RIGHT_WRITE, uid)) return true;
    return false;
}

static void check_data(const world *w, size_t at)
{
    for (size_t i = 0; i < UIDS; i++) {
        found f = find(w, at, uids[i]);

        if (f.deleted) HOLDS(may_be_deleted(w, uids[i]));
        if (f.text[0] && f.author != at)
            HOLDS(may_have_entered(w, f.author, uids[i], f.written_ms));
    }
}

/* Whether these bytes were made to stand there: the genesis, a chain, or who had a say in it took it back. */
static bool is_made(const world *w, const char *uid, mt_bytes bytes)
{
    if (strcmp(uid, "@space/genesis") == 0)
        return mt_bytes_equal(bytes, mt_buf_bytes(&w->s.genesis));
    for (size_t i = 0; i < w->grant_count; i++) {
        mt_bytes chain = mt_buf_bytes(&w->grants[i].chain);

        if (strcmp(uid, test_space_uid("tokens", &w->grants[i].chain)) == 0)
            return mt_bytes_equal(bytes, chain);
        if (strcmp(uid, test_space_uid("revoked", &w->grants[i].chain)) != 0) continue;
        return w->grants[i].revoked && bytes.len == MTI_REVOCATION_LEN + chain.len &&
               memcmp(bytes.data + MTI_REVOCATION_LEN, chain.data, chain.len) == 0;
    }
    return false;
}

static bool is_record(void *ctx, mt_db *db, const mt_row *row)
{
    const world *w = ctx;
    const mt_space *space = w->s.peers[0].space;
    char uid[MTI_RECORD_UID_MAX];
    mti_record record;
    mt_error err;

    (void)db;
    HOLDS(mti_record_of_row(mt_crypto_sodium(), &space->about, row, &record, &err) == MT_OK);
    HOLDS(row->uid.len < sizeof uid && row->floor == 0 && row->fields[0].state == 1);
    memcpy(uid, row->uid.data, row->uid.len);
    uid[row->uid.len] = '\0';
    HOLDS(is_made(w, uid, row->fields[0].value.as.bytes));
    return true;
}

static void check_records(world *w, size_t at)
{
    mt_range range = {.prefix = mt_str("@space/"), .deleted = true};

    HOLDS(mt_stream_wait(w->s.peers[at].db, &range, is_record, w) == MT_OK);
}

static const world *shown;
static size_t shown_at;

/* Who has something to say here has a chain that is good here. */
static void is_good(void *ctx, const mt_sync_peer *peer)
{
    const uint8_t *device = mt_connection_device(peer->connection);
    size_t at = 0;

    (void)ctx;
    if (peer->state != MT_SYNC_LIVE && peer->state != MT_SYNC_CATCHING) return;
    HOLDS(device != NULL);
    while (memcmp(shown->s.peers[at].device, device, MT_DEVICE_LEN) != 0) at++;
    HOLDS(shown->shows[at] != NONE && is_good_at(shown, shown->shows[at], shown_at));
}

static void check_sessions(const world *w, size_t at)
{
    shown = w;
    shown_at = at;
    HOLDS(mt_db_status(w->s.peers[at].db, is_good, NULL) == MT_OK);
}

/* Whether all of a uid goes from one to another. */
static bool goes(const world *w, size_t from, size_t to, const char *uid)
{
    return (begins(uid, "@space/") || (gives(&w->grants[w->shows[from]], MT_RIGHT_WRITE, uid) &&
                                       gives(&w->grants[w->shows[to]], MT_RIGHT_READ, uid)));
}

static bool is_same_node(const world *w, size_t a, size_t b, const char *uid)
{
    const mt_node *one = mt_peek(w->s.peers[a].db, mt_str(uid));
    const mt_node *two = mt_peek(w->s.peers[b].db, mt_str(uid));

    return one && two ? mt_node_equal(one, two) : one == two;
}

static void check_uid(const world *w, size_t a, size_t b, const char *uid)
{
    bool there = goes(w, a, b, uid), back = goes(w, b, a, uid);

    if (there) HOLDS(find(w, b, uid).state >= find(w, a, uid).state);
    if (back) HOLDS(find(w, a, uid).state >= find(w, b, uid).state);
    if (there && back) HOLDS(is_same_node(w, a, b, uid));
}

/* Two that are honest, and let each other in, agree. */
static void check_pair(const world *w, const pair *p)
{
    size_t a = p->peers[0], b = p->peers[1];

    if (w->lies[a] || w->lies[b]) return;
    if (!is_good_at(w, w->shows[a], b) || !is_good_at(w, w->shows[b], a)) return;
    HOLDS(test_space_is_up(&w->s, p->link));
    for (size_t i = 0; i < UIDS; i++) check_uid(w, a, b, uids[i]);
    check_uid(w, a, b, "@space/genesis");
    for (size_t i = 0; i < w->grant_count; i++) {
        HOLDS(is_same_node(w, a, b, test_space_uid("tokens", &w->grants[i].chain)));
        HOLDS(is_same_node(w, a, b, test_space_uid("revoked", &w->grants[i].chain)));
    }
}

/* What holds at any time. */
static void check_honest(world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->lies[i]) continue;
        check_data(w, i);
        check_records(w, i);
        check_sessions(w, i);
    }
}

/* What all of it came to, in one number. */
static uint64_t sum_of(const world *w)
{
    uint64_t sum = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < UIDS; k++) {
            found f = find(w, i, uids[k]);

            sum = (sum ^ f.state) * UINT64_C(1099511628211);
            for (const char *at = f.text; *at; at++)
                sum = (sum ^ (uint8_t)*at) * UINT64_C(1099511628211);
        }
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < w->grant_count; k++) {
            const mt_buf *chain = &w->grants[k].chain;

            sum = (sum ^ test_space_has(&w->s, i, test_space_uid("tokens", chain))) * 31;
            sum = (sum ^ test_space_has(&w->s, i, test_space_uid("revoked", chain))) * 31;
        }
    return sum;
}

/* ---- A case ---- */

/* At least the first is honest; mostly another one, too. The root's device has everything. */
static void begin(world *w)
{
    size_t liars;

    test_space_begin_with(&w->s, w->c->seed, test_mem(), UINT32_MAX);
    w->count = 3 + test_below(w->c, 3);
    liars = test_once_in(w->c, 8) ? w->count - 1 : test_below(w->c, w->count - 1);
    for (size_t i = w->count - liars; i < w->count; i++) w->lies[i] = true;
    for (size_t i = 0; i < w->count; i++) {
        grant g = {.to = i, .rights = RIGHTS_ALL, .ends_ms = now_of(w) + 60 * TEST_DAY};

        if (i > 0) {
            g.rights = draw_rights(w, g.rights);
            g.prefix = draw_prefix(w, 0);
            g.ends_ms = draw_end(w, g.ends_ms);
        }
        w->shows[i] = grant_add(w, NONE, g);
        HOLDS(mti_buf_append(&w->s.peers[i].chain, w->grants[i].chain.data,
                             w->grants[i].chain.len) == MT_OK);
        test_space_open(&w->s, i, w->lies[i] ? 0 : TEST_SPACE_HONEST, NULL);
    }
    join_all(w);
}

static void pass_time(world *w)
{
    if (test_once_in(w->c, 10)) run_for(w, MINUTE);
    if (test_once_in(w->c, 20)) {
        w->s.te.ticks_ms += 60 * MINUTE; /* it slept */
        run_for(w, 50);
    }
    run_for(w, test_below(w->c, 100));
}

static void happen(world *w)
{
    pair *p = &w->pairs[test_below(w->c, w->pair_count)];

    switch (test_below(w->c, 12)) {
    case 0: give(w); break;
    case 1:
        if (test_once_in(w->c, 2)) take_back(w);
        break;
    case 2: pair_cut(w, p, true); break;
    case 3: pair_cut(w, p, false); break;
    case 4:
        if (!p->cut) pair_join(w, p);
        break;
    case 5:
    case 6: edit(w); break;
    default: lie(w);
    }
    if (test_once_in(w->c, 2)) pass_time(w);
    if (!test_once_in(w->c, 16)) return;
    run_for(w, 20);
    check_honest(w);
}

/* All links are whole again, and those that a liar had ended, or a chain of before, are new. */
static void mend(world *w)
{
    for (size_t i = 0; i < w->pair_count; i++) pair_cut(w, &w->pairs[i], false);
    run_for(w, 1000);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < w->pair_count; i++)
            if (!test_space_is_up(&w->s, w->pairs[i].link)) pair_join(w, &w->pairs[i]);
        run_for(w, 20000);
    }
}

static uint64_t play(test_case *c)
{
    world *w = test_take(&c->arena, sizeof *w);
    uint64_t sum;

    w->c = c;
    begin(w);
    for (size_t i = test_below(c, 8); i > 0; i--) give(w);
    run_for(w, test_below(c, 100));
    for (size_t i = test_below(c, 50); i > 0; i--) happen(w);
    mend(w);
    check_honest(w);
    for (size_t i = 0; i < w->pair_count; i++) check_pair(w, &w->pairs[i]);
    sum = sum_of(w);
    for (size_t i = 0; i < w->grant_count; i++) mt_buf_free(&w->grants[i].chain);
    test_space_end(&w->s);
    return sum;
}

static void honest_peers_agree(test_case *c)
{
    test_rng rng = c->rng;
    uint64_t sum = play(c);

    if (c->seed % 8 != 0) return;
    c->rng = rng;
    HOLDS(play(c) == sum);
}

TEST(honest_peers_agree_and_have_nothing_that_a_liar_had_no_right_to_write)
{
    test_law(1000, honest_peers_agree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_peers_agree_and_have_nothing_that_a_liar_had_no_right_to_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
