#include "sim/plan.h"

#include "sim/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MAX 1000
#define ACTIONS_MAX 1000000
#define ACTIONS 150
#define WAIT_MS 4000

/* What there is, what of it goes wrong (0: nothing), how often at most, and whether it is about a link. */
static const struct {
    const char *name;
    uint32_t class;
    unsigned weight;
    bool link;
} kinds[MTI_SIM_KINDS] = {
    [MTI_SIM_EDIT] = {"edit", 0, 0, false},
    [MTI_SIM_CUT] = {"cut", MT_SIM_BREAKS, 12, true},
    [MTI_SIM_CLOSE] = {"close", MT_SIM_BREAKS, 6, true},
    [MTI_SIM_STALL] = {"stall", MT_SIM_STALLS, 8, true},
    [MTI_SIM_SLOW] = {"slow", MT_SIM_STALLS, 6, true},
    [MTI_SIM_DOUBLE] = {"double", MT_SIM_DOUBLES, 5, true},
    [MTI_SIM_MEND] = {"mend", 0, 20, true},
    [MTI_SIM_CRASH] = {"crash", MT_SIM_CRASHES, 8, false},
    [MTI_SIM_STOP] = {"stop", MT_SIM_CRASHES, 4, false},
    [MTI_SIM_START] = {"start", 0, 20, false},
    [MTI_SIM_BACK_UP] = {"back up", MT_SIM_BACKUPS, 5, false},
    [MTI_SIM_RESTORE] = {"restore", MT_SIM_BACKUPS, 5, false},
    [MTI_SIM_FULL] = {"fill the disk", MT_SIM_DISKS, 4, false},
    [MTI_SIM_NO_READ] = {"fail reads", MT_SIM_DISKS, 4, false},
    [MTI_SIM_NO_SYNC] = {"fail a sync", MT_SIM_DISKS, 4, false},
    [MTI_SIM_FLIP] = {"flip bits", MT_SIM_DISKS, 4, false},
    [MTI_SIM_REPAIR] = {"repair the disk", 0, 12, false},
    [MTI_SIM_JUMP] = {"jump the clock", MT_SIM_CLOCKS, 4, false},
};

bool mti_sim_kind_of_link(mti_sim_kind kind)
{
    return kinds[kind].link;
}

/* ---- Links ---- */

static void join(mti_sim_plan *plan, size_t a, size_t b)
{
    plan->links =
        mti_sim_room(plan->links, &plan->link_cap, plan->link_count + 1, sizeof *plan->links);
    plan->links[plan->link_count][0] = a;
    plan->links[plan->link_count++][1] = b;
}

static void join_all(mti_sim_plan *plan, mti_sim_draws *d)
{
    size_t n = plan->peer_count;
    uint64_t shape = mti_sim_below(d, n > 12 ? 3 : 5);

    for (size_t i = 1; i < n; i++) {
        size_t one = (size_t)mti_sim_below(d, i);
        switch (shape) {
        case 0: join(plan, i - 1, i); break; /* a line */
        case 1: join(plan, 0, i); break;     /* a star */
        case 2: join(plan, one, i); break;   /* a tree */
        default:                             /* everybody, or a mixture */
            for (size_t j = 0; j < i; j++)
                if (shape == 3 || j == one || mti_sim_once_in(d, 3)) join(plan, j, i);
        }
    }
    if (shape == 0 && n > 2 && mti_sim_once_in(d, 2)) join(plan, n - 1, 0); /* a ring */
}

/* ---- Actions ---- */

static void add(mti_sim_plan *plan, mti_sim_draws *d, mti_sim_kind kind, size_t where,
                uint64_t wait_max_ms)
{
    mti_sim_action action = {.kind = kind, .where = where, .draw = mti_sim_draw(d)};

    if (mti_sim_once_in(d, 2)) action.wait_ms = mti_sim_spread(d, wait_max_ms);
    plan->actions = mti_sim_room(plan->actions, &plan->action_cap, plan->action_count + 1,
                                 sizeof *plan->actions);
    plan->actions[plan->action_count++] = action;
}

/* How often each kind happens in this run: some never do, others all the time. */
static unsigned weigh(mti_sim_draws *d, uint32_t without, unsigned weights[MTI_SIM_KINDS])
{
    unsigned sum = weights[MTI_SIM_EDIT] = 20 + (unsigned)mti_sim_below(d, 80);

    for (unsigned kind = MTI_SIM_EDIT + 1; kind < MTI_SIM_KINDS; kind++) {
        bool never = mti_sim_once_in(d, 2);
        unsigned drawn = 1 + (unsigned)mti_sim_below(d, kinds[kind].weight);
        if (kinds[kind].class == 0) never = false;
        weights[kind] = never || (kinds[kind].class & without) ? 0 : drawn;
        sum += weights[kind];
    }
    return sum;
}

static mti_sim_kind kind_drawn(mti_sim_draws *d, const unsigned *weights, unsigned sum)
{
    uint64_t at = mti_sim_below(d, sum);
    unsigned kind = 0;

    while (at >= weights[kind]) at -= weights[kind++];
    return (mti_sim_kind)kind;
}

/* A partition that rolls over the links: one after the other is cut, and mended in another order. */
static void roll(mti_sim_plan *plan, mti_sim_draws *d)
{
    size_t n = plan->link_count, *order = mti_sim_new(n, sizeof *order);

    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) order[i] = i;
        for (size_t i = n; i > 1; i--) {
            size_t j = (size_t)mti_sim_below(d, i), held = order[i - 1];
            order[i - 1] = order[j];
            order[j] = held;
        }
        for (size_t i = 0; i < n; i++)
            add(plan, d, round ? MTI_SIM_MEND : MTI_SIM_CUT, order[i], WAIT_MS / 2);
    }
    free(order);
}

static void draw_actions(mti_sim_plan *plan, const mt_sim_options *options, mti_sim_draws *d)
{
    unsigned weights[MTI_SIM_KINDS], sum = weigh(d, options->without, weights);
    size_t count = options->actions ? options->actions : ACTIONS;
    bool rolls = !(options->without & MT_SIM_BREAKS) && mti_sim_once_in(d, 3);

    while (plan->action_count < count) {
        mti_sim_kind kind = kind_drawn(d, weights, sum);
        if (rolls && mti_sim_once_in(d, 60)) {
            roll(plan, d);
        } else if (kinds[kind].link) {
            if (plan->link_count == 0) continue;
            add(plan, d, kind, (size_t)mti_sim_below(d, plan->link_count), WAIT_MS);
        } else {
            add(plan, d, kind, (size_t)mti_sim_below(d, plan->peer_count), WAIT_MS);
        }
    }
}

/* ---- Lines ---- */

/* Reads "0,2,5-9" and clears `out` of these; answers what follows, or NULL. */
static const char *read_list(const char *at, bool (*clear)(mti_sim_plan *, size_t),
                             mti_sim_plan *plan)
{
    do {
        char *end;
        unsigned long long first = strtoull(at, &end, 10), last = first;
        if (end == at) return NULL;
        at = end;
        if (*at == '-') {
            last = strtoull(at + 1, &end, 10);
            if (end == at + 1 || last < first) return NULL;
            at = end;
        }
        for (; first <= last; first++)
            if (!clear(plan, (size_t)first)) return NULL;
    } while (*at++ == ',');
    return at - 1;
}

static bool clear_peer(mti_sim_plan *plan, size_t i)
{
    if (i < plan->peer_count) plan->peers_out[i] = false;
    return i < plan->peer_count;
}

static bool clear_action(mti_sim_plan *plan, size_t i)
{
    if (i < plan->action_count) plan->actions[i].out = false;
    return i < plan->action_count;
}

/* Leaves out what a line does not name, once it is known to name some. */
static mt_status keep_named(mti_sim_plan *plan, const char *at)
{
    if (*at == '\0') return MT_OK;
    if (strncmp(at, " at ", 4) != 0) return MT_INVALID;
    for (size_t i = 0; i < plan->peer_count; i++) plan->peers_out[i] = true;
    for (size_t i = 0; i < plan->action_count; i++) plan->actions[i].out = true;
    if (!(at = read_list(at + 4, clear_peer, plan))) return MT_INVALID;
    if (*at == '\0') return MT_OK;
    if (strncmp(at, " do ", 4) != 0) return MT_INVALID;
    at = read_list(at + 4, clear_action, plan);
    return at && *at == '\0' ? MT_OK : MT_INVALID;
}

typedef struct line {
    char *out;
    size_t len;
} line;

static bool write_text(line *l, const char *text)
{
    size_t len = strlen(text);

    if (l->len + len + 1 > MT_SIM_REPLAY_MAX) return false;
    memcpy(l->out + l->len, text, len + 1);
    l->len += len;
    return true;
}

static bool is_kept(const mti_sim_plan *plan, bool peers, size_t i)
{
    return peers ? !plan->peers_out[i] : !plan->actions[i].out;
}

static bool write_list(line *l, const mti_sim_plan *plan, bool peers)
{
    size_t count = peers ? plan->peer_count : plan->action_count;
    const char *comma = "";
    char text[64];

    for (size_t i = 0, end; i < count; i = end + 1) {
        for (end = i; end < count && is_kept(plan, peers, end);) end++;
        if (end == i) continue;
        if (end - i == 1) snprintf(text, sizeof text, "%s%zu", comma, i);
        else snprintf(text, sizeof text, "%s%zu-%zu", comma, i, end - 1);
        if (!write_text(l, text)) return false;
        comma = ",";
    }
    return true;
}

void mti_sim_plan_line(const mti_sim_plan *plan, char out[MT_SIM_REPLAY_MAX])
{
    line l = {out, 0};
    bool peers = true, actions = true, any = false;
    size_t seed_len;

    for (size_t i = 0; i < plan->peer_count; i++) peers = peers && !plan->peers_out[i];
    for (size_t i = 0; i < plan->action_count; i++) {
        actions = actions && !plan->actions[i].out;
        any = any || !plan->actions[i].out;
    }
    seed_len = l.len = (size_t)snprintf(out, MT_SIM_REPLAY_MAX, "%" PRIu64, plan->seed);
    if (peers && actions) return;
    if (!write_text(&l, " at ") || !write_list(&l, plan, true) ||
        (any && (!write_text(&l, " do ") || !write_list(&l, plan, false))))
        out[seed_len] = '\0';
}

static mt_status append(mt_buf *out, const char *text)
{
    size_t len = strlen(text), cap = out->cap + len + 4096;
    uint8_t *data;

    if (out->cap - out->len < len) {
        data = out->mem->resize(out->mem->ctx, out->data, out->cap, cap);
        if (!data) return MT_NO_MEMORY;
        out->data = data;
        out->cap = cap;
    }
    memcpy(out->data + out->len, text, len);
    out->len += len;
    return MT_OK;
}

static mt_status describe_peers(const mti_sim_plan *plan, mt_buf *out)
{
    mt_status st = plan->space ? append(out, "the peers are devices of a space\n") : MT_OK;

    for (size_t i = 0; i < plan->peer_count && st == MT_OK; i++) {
        char is[120], text[160];
        if (plan->peers_out[i] ||
            !mti_sim_role_describe(&plan->roles[i], plan->space, is, sizeof is))
            continue;
        snprintf(text, sizeof text, "peer %zu %s\n", i, is);
        st = append(out, text);
    }
    return st;
}

mt_status mti_sim_plan_describe(const mti_sim_plan *plan, mt_buf *out)
{
    mt_status st = describe_peers(plan, out);
    uint64_t ms = 0;

    for (size_t i = 0; i < plan->action_count && st == MT_OK; i++) {
        const mti_sim_action *action = &plan->actions[i];
        size_t at = action->where;
        char text[160];
        if (!mti_sim_plan_does(plan, action)) continue;
        ms += action->wait_ms;
        if (kinds[action->kind].link)
            snprintf(text, sizeof text, "%zu: at %" PRIu64 " ms %s link %zu, of %zu and %zu\n", i,
                     ms, kinds[action->kind].name, at, plan->links[at][0], plan->links[at][1]);
        else
            snprintf(text, sizeof text, "%zu: at %" PRIu64 " ms %s of peer %zu\n", i, ms,
                     kinds[action->kind].name, at);
        st = append(out, text);
    }
    return st;
}

/* ---- All ---- */

bool mti_sim_plan_links(const mti_sim_plan *plan, size_t link)
{
    return !plan->peers_out[plan->links[link][0]] && !plan->peers_out[plan->links[link][1]];
}

bool mti_sim_plan_agrees(const mti_sim_plan *plan, size_t link)
{
    return mti_sim_plan_links(plan, link) &&
           mti_sim_roles_agree(&plan->roles[plan->links[link][0]],
                               &plan->roles[plan->links[link][1]]);
}

bool mti_sim_plan_does(const mti_sim_plan *plan, const mti_sim_action *action)
{
    if (action->out) return false;
    if (kinds[action->kind].link) return mti_sim_plan_links(plan, action->where);
    return !plan->peers_out[action->where];
}

mt_status mti_sim_plan_make(mti_sim_plan *plan, const mt_sim_options *options)
{
    const char *rest = "";
    mti_sim_draws d, roles;

    memset(plan, 0, sizeof *plan);
    if (options->peers > PEERS_MAX || options->actions > ACTIONS_MAX ||
        (options->without & ~MT_SIM_ALL))
        return MT_INVALID;
    plan->seed = options->seed;
    if (options->replay) {
        char *end;
        plan->seed = strtoull(options->replay, &end, 10);
        if (end == options->replay) return MT_INVALID;
        rest = end;
    }
    d = mti_sim_draws_new(plan->seed, 0);
    plan->peer_count = 2 + (size_t)mti_sim_below(&d, 5);
    if (options->peers) plan->peer_count = options->peers;
    plan->peers_out = mti_sim_new(plan->peer_count, sizeof *plan->peers_out);
    plan->roles = mti_sim_new(plan->peer_count, sizeof *plan->roles);
    roles = mti_sim_draws_new(plan->seed, 2);
    mti_sim_roles_draw(plan->roles, plan->peer_count, options, &roles, &plan->space);
    plan->clocks = mti_sim_once_in(&d, 4) && !(options->without & MT_SIM_CLOCKS);
    join_all(plan, &d);
    draw_actions(plan, options, &d);
    if (!plan->clocks)
        for (size_t i = 0; i < plan->action_count; i++)
            if (plan->actions[i].kind == MTI_SIM_JUMP) plan->actions[i].kind = MTI_SIM_EDIT;
    if (keep_named(plan, rest) == MT_OK) return MT_OK;
    mti_sim_plan_free(plan);
    return MT_INVALID;
}

void mti_sim_plan_free(mti_sim_plan *plan)
{
    free(plan->peers_out);
    free(plan->roles);
    free(plan->links);
    free(plan->actions);
    memset(plan, 0, sizeof *plan);
}
