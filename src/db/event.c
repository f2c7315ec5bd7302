/* Listeners by uid and by prefix.
 *
 * What is listened to is a watch: a uid, or a prefix, with its listeners. Watches lie in two
 * trees. A commit of few nodes looks each of its nodes up, once by its uid and once by each
 * length that a prefix has; one of many nodes is searched for each watch instead. So a hundred
 * thousand watches cost a commit of one node a few searches. All that a commit is to be told to
 * is found before the first is told, so that listeners may come and go meanwhile. */
#include "db/event.h"

#include "base/assert.h"
#include "base/bytes.h"

typedef struct watch {
    uint32_t refs; /* the tree's, and one for each hit that is on its way */
    bool by_prefix;
    uint64_t mark; /* the commit that has hit it last */
    mt_listening *first, *last;
    uint8_t len;
    uint8_t key[];
} watch;

struct mt_listening {
    mt_db *db;
    watch *at;
    mt_listening *previous, *next;
    mt_listener *listener; /* NULL: it was taken off while others were told */
    void *ctx;
    unsigned kinds;
    uint64_t since;    /* the commit that was being told when it came: not for it */
    mt_listening *off; /* the next of those that were taken off meanwhile */
};

/* Where a commit hits a watch. */
typedef struct hit {
    watch *at;
    size_t first, count;
} hit;

struct mti_events {
    mti_heap heap;
    mti_tree uids, prefixes;
    size_t lengths[MT_UID_LEN_MAX + 1]; /* how many watches by prefix have this length */
    size_t watch_count;
    hit *hits;
    size_t hit_count, hit_cap;
    unsigned telling;  /* how deep */
    uint64_t now;      /* counts what is told */
    mt_listening *off; /* taken off meanwhile */
};

static mt_bytes watch_key(const void *object)
{
    const watch *w = object;
    mt_bytes key = {w->key, w->len};
    return key;
}

static void watch_release(void *ctx, void *object)
{
    watch *w = object;

    mti_mem_free(ctx, w, sizeof *w + w->len);
}

static const mti_tree_kind watch_kind = {watch_key, watch_release};

static mti_tree_env watch_env(mt_db *db)
{
    mti_tree_env env = {&watch_kind, &db->events->heap, (void *)(uintptr_t)db->mem};
    return env;
}

/* ---- Coming and going ---- */

static mt_status events_reserve(mt_db *db)
{
    mti_events *e = db->events;
    hit *hits;

    if (!e) {
        if (!(e = mti_mem_alloc(db->mem, sizeof *e))) return MT_NO_MEMORY;
        memset(e, 0, sizeof *e);
        mti_heap_init(&e->heap, db->mem);
        db->events = e;
    }
    /* Room for a hit of every watch, so that telling needs no memory. */
    hits = mti_vector_reserve(db->mem, e->hits, &e->hit_cap, e->hit_count + e->watch_count + 1,
                              sizeof *hits);
    if (!hits) return MT_NO_MEMORY;
    e->hits = hits;
    return MT_OK;
}

static watch *watch_of(mt_db *db, mt_bytes key, bool by_prefix)
{
    mti_events *e = db->events;
    mti_tree *tree = by_prefix ? &e->prefixes : &e->uids;
    mti_tree_env env = watch_env(db);
    watch *w = mti_tree_get(tree, &watch_kind, key);
    void *old;

    if (w) return w;
    if (!(w = mti_mem_alloc(db->mem, sizeof *w + key.len))) return NULL;
    memset(w, 0, sizeof *w);
    w->refs = 1;
    w->by_prefix = by_prefix;
    w->len = (uint8_t)key.len;
    if (key.len) memcpy(w->key, key.data, key.len);
    if (mti_tree_put(tree, &env, w, &old) != MT_OK) {
        watch_release(env.ctx, w);
        return NULL;
    }
    e->watch_count++;
    if (by_prefix) e->lengths[key.len]++;
    return w;
}

static void watch_drop(mt_db *db, watch *w)
{
    mti_events *e = db->events;
    mti_tree_env env = watch_env(db);
    mt_status st;
    void *old;

    if (w->first) return;
    e->watch_count--;
    if (w->by_prefix) e->lengths[w->len]--;
    st = mti_tree_remove(w->by_prefix ? &e->prefixes : &e->uids, &env, watch_key(w), &old);
    mti_assert(st == MT_OK && old == w);
    if (--w->refs == 0) watch_release(env.ctx, w);
}

mt_status mt_on(mt_db *db, const mt_listen *listen, mt_listener *listener, void *ctx,
                mt_listening **out)
{
    bool by_prefix = listen->uid.len == 0;
    mt_bytes key = by_prefix ? listen->prefix : listen->uid;
    mt_listening *l;
    mt_status st;

    if (!by_prefix && (st = mt_uid_check(key, &db->error)) != MT_OK) return st;
    if (key.len > MT_UID_LEN_MAX)
        return mti_db_fail(db, MT_INVALID, "a prefix of %zu bytes is longer than any uid", key.len);
    if (events_reserve(db) != MT_OK) return mti_no_memory(&db->error);
    if (!(l = mti_mem_alloc(db->mem, sizeof *l))) return mti_no_memory(&db->error);
    memset(l, 0, sizeof *l);
    if (!(l->at = watch_of(db, key, by_prefix))) {
        mti_mem_free(db->mem, l, sizeof *l);
        return mti_no_memory(&db->error);
    }
    l->db = db;
    l->listener = listener;
    l->ctx = ctx;
    l->kinds = listen->kinds ? listen->kinds : MT_EVENT_UPDATE;
    l->since = db->events->now;
    l->previous = l->at->last;
    if (l->previous) l->previous->next = l;
    else l->at->first = l;
    l->at->last = l;
    if (out) *out = l;
    return MT_OK;
}

static void listening_free(mt_listening *l)
{
    watch *w = l->at;

    if (l->previous) l->previous->next = l->next;
    else w->first = l->next;
    if (l->next) l->next->previous = l->previous;
    else w->last = l->previous;
    watch_drop(l->db, w);
    mti_mem_free(l->db->mem, l, sizeof *l);
}

void mt_off(mt_listening *listening)
{
    mti_events *e = listening ? listening->db->events : NULL;

    if (!listening || !listening->listener) return;
    listening->listener = NULL;
    if (!e->telling) {
        listening_free(listening);
        return;
    }
    listening->off = e->off;
    e->off = listening;
}

/* ---- Finding ---- */

static bool begins_with(mt_bytes bytes, const watch *w)
{
    return bytes.len >= w->len && memcmp(bytes.data, w->key, w->len) == 0;
}

static mt_bytes change_uid(const mt_delta *delta, size_t i)
{
    return mt_node_uid(delta->changes[i].after);
}

/* The first change at or after `first` that is not before the key, or, `past`, has not its
 * prefix. */
static size_t search(const mt_delta *delta, size_t first, const watch *w, bool past)
{
    size_t len = delta->count - first;
    mt_bytes key = watch_key(w);

    while (len > 0) {
        size_t half = len / 2;
        mt_bytes uid = change_uid(delta, first + half);
        bool before = past ? begins_with(uid, w) : mt_bytes_compare(uid, key) < 0;
        first = before ? first + half + 1 : first;
        len = before ? len - half - 1 : half;
    }
    return first;
}

static void add_hit(mti_events *e, const mt_delta *delta, watch *w, size_t first)
{
    size_t end = first + 1;
    hit h;

    if (w->mark == e->now) return;
    if (w->by_prefix) end = search(delta, first, w, true);
    w->mark = e->now;
    h.at = w;
    h.first = first;
    h.count = end - first;
    w->refs++;
    e->hits[e->hit_count++] = h;
}

/* Each node is looked up. */
static void find_by_node(mti_events *e, const mt_delta *delta)
{
    for (size_t i = 0; i < delta->count; i++) {
        mt_bytes uid = change_uid(delta, i), prefix = uid;
        watch *w = mti_tree_get(&e->uids, &watch_kind, uid);
        if (w) add_hit(e, delta, w, i);
        for (prefix.len = 0; prefix.len <= uid.len && e->prefixes.count > 0; prefix.len++) {
            if (!e->lengths[prefix.len]) continue;
            if ((w = mti_tree_get(&e->prefixes, &watch_kind, prefix))) add_hit(e, delta, w, i);
        }
    }
}

static void find_in_tree(mti_events *e, const mti_tree *tree, const mt_delta *delta)
{
    mt_bytes start = {NULL, 0};
    mt_walk walk;
    watch *w;

    mti_tree_walk(tree, &watch_kind, start, &walk);
    while ((w = mti_tree_next(&walk))) {
        size_t first = search(delta, 0, w, false);
        mt_bytes uid;
        if (first >= delta->count) continue;
        uid = change_uid(delta, first);
        if (w->by_prefix ? begins_with(uid, w) : mt_bytes_equal(uid, watch_key(w)))
            add_hit(e, delta, w, first);
    }
}

/* ---- Telling ---- */

static mt_delta_part part_of(mt_event_kind kind)
{
    return kind == MT_EVENT_HISTORY    ? MT_HISTORY
           : kind == MT_EVENT_CONFLICT ? MT_CONFLICT
                                       : MT_UPDATE;
}

bool mt_event_node(const mt_event *event, mt_delta_iter *iter, mt_delta_node *out)
{
    if (!iter->delta) {
        mt_delta_iter_init(iter, event->delta, part_of(event->kind));
        iter->at = event->first;
    }
    while (iter->at < event->first + event->count)
        if (mt_delta_iter_node(iter, out) && !out->empty) return true;
    return false;
}

static void tell_watch(mt_action *action, const hit *h)
{
    static const mt_event_kind kinds[] = {MT_EVENT_UPDATE, MT_EVENT_HISTORY, MT_EVENT_CONFLICT};
    mti_events *e = action->db->events;
    uint64_t now = e->now;
    mt_event event = {.delta = action->as.write.delta,
                      .first = h->first,
                      .count = h->count,
                      .origin = action->origin,
                      .commit = action->as.write.commit,
                      .app = action->options.app};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int any = -1; /* whether there is something of this kind: not known yet */
        event.kind = kinds[k];
        for (mt_listening *l = h->at->first; l; l = l->next) {
            if (!l->listener || !(l->kinds & (unsigned)event.kind) || l->since >= now) continue;
            if (any < 0) {
                mt_delta_iter iter = {.delta = NULL};
                mt_delta_node node;
                any = mt_event_node(&event, &iter, &node);
            }
            if (!any) break;
            l->listener(l->ctx, action->db, &event);
        }
    }
}

/* Frees the listeners that were taken off while others were told. */
static void sweep(mti_events *e)
{
    mt_listening *l;

    while ((l = e->off)) {
        e->off = l->off;
        listening_free(l);
    }
}

void mti_events_tell(mt_action *action)
{
    mti_events *e = action->db->events;
    mt_delta *delta = action->as.write.delta;
    size_t first, end;

    if (!e || e->watch_count == 0) return;
    e->now++;
    first = e->hit_count;
    if (e->watch_count / 4 > delta->count) {
        find_by_node(e, delta);
    } else {
        find_in_tree(e, &e->uids, delta);
        find_in_tree(e, &e->prefixes, delta);
    }
    end = e->hit_count;
    e->telling++;
    for (size_t i = first; i < end; i++) {
        hit h = e->hits[i];
        tell_watch(action, &h);
    }
    e->telling--;
    for (size_t i = first; i < end; i++) {
        watch *w = e->hits[i].at;
        if (--w->refs == 0) watch_release((void *)(uintptr_t)action->db->mem, w);
    }
    e->hit_count = first;
    if (!e->telling) sweep(e);
}

static void free_listeners(mt_db *db, const mti_tree *tree)
{
    mt_bytes start = {NULL, 0};
    mt_walk walk;
    watch *w;

    mti_tree_walk(tree, &watch_kind, start, &walk);
    while ((w = mti_tree_next(&walk))) {
        mt_listening *next;
        for (mt_listening *l = w->first; l; l = next) {
            next = l->next;
            mti_mem_free(db->mem, l, sizeof *l);
        }
    }
}

void mti_events_free(mt_db *db)
{
    mti_events *e = db->events;
    mti_tree_env env;

    if (!e) return;
    env = watch_env(db);
    free_listeners(db, &e->uids);
    free_listeners(db, &e->prefixes);
    mti_tree_end(&e->uids, &env);
    mti_tree_end(&e->prefixes, &env);
    mti_mem_free(db->mem, e->hits, e->hit_cap * sizeof *e->hits);
    mti_heap_end(&e->heap);
    mti_mem_free(db->mem, e, sizeof *e);
    db->events = NULL;
}
