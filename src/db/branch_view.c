#include "db/branch_view.h"

#include "base/bytes.h"

/* Where a node is looked up, the first that knows: the edits, what was kept, the source. */
typedef struct sight {
    const mt_node *edited; /* NULL: not edited */
    const mt_node *kept;   /* NULL: not changed since; partial: but for these fields */
    const mt_node *now;    /* NULL: what was kept is all there was */
    uint64_t floor;
} sight;

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static sight look(const mti_branch *branch, mt_bytes uid, const mt_node *now)
{
    sight s = {.edited = mt_graph_get(branch->edits, uid),
               .kept = mt_graph_get(branch->base, uid),
               .now = now};

    if (s.kept && !mti_node_is_partial(s.kept)) s.now = NULL;
    if (s.kept) s.floor = mt_node_floor(s.kept);
    else if (s.now) s.floor = mt_node_floor(s.now);
    if (s.edited) s.floor = higher(s.floor, mt_node_floor(s.edited));
    return s;
}

/* A field as it was when branched. */
static bool was(const sight *s, mt_bytes name, mt_field *out)
{
    mt_status st = s->kept ? mt_node_get_any(s->kept, name, out) : MT_NOT_LOADED;

    if (st == MT_NOT_LOADED && s->now) st = mt_node_get_any(s->now, name, out);
    return st == MT_OK && out->state > s->floor;
}

/* A field as the branch sees it, delete markers too. An edit won when it was made. */
static bool sees(const sight *s, mt_bytes name, mt_field *out)
{
    return (s->edited && mt_node_get_any(s->edited, name, out) == MT_OK) || was(s, name, out);
}

/* ---- All of a node ---- */

/* One of the nodes that are walked at once, and the field that it is at. */
typedef struct step {
    mt_field_iter iter;
    mt_field at;
    bool has;
} step;

static void step_start(step *s, const mt_node *node)
{
    mt_field_iter_init(&s->iter, node, true);
    s->has = mt_field_iter_next(&s->iter, &s->at);
}

/* Every name that one of the three knows, in order, each once. */
static void take_all(const sight *s, mt_field *fields, size_t *count)
{
    step steps[3];

    step_start(&steps[0], s->edited);
    step_start(&steps[1], s->kept);
    step_start(&steps[2], s->now);
    for (;;) {
        const step *first = NULL;
        mt_bytes name;
        for (size_t i = 0; i < 3; i++)
            if (steps[i].has && (!first || mt_bytes_compare(steps[i].at.name, first->at.name) < 0))
                first = &steps[i];
        if (!first) return;
        name = first->at.name;
        if (sees(s, name, &fields[*count])) ++*count;
        for (size_t i = 0; i < 3; i++)
            if (steps[i].has && mt_bytes_equal(steps[i].at.name, name))
                steps[i].has = mt_field_iter_next(&steps[i].iter, &steps[i].at);
    }
}

static size_t count_all(const mt_node *node)
{
    return node ? mt_node_count_all(node) : 0;
}

/* ---- A part of a large one ---- */

/* Whether a part is enough: large nodes come field by field. */
static bool is_part(const sight *s, const mt_storage_key *key)
{
    return !key->whole && s->now && !s->now->shape;
}

static void take_named(const sight *s, const mt_storage_key *key, mt_field *fields, size_t *count)
{
    for (size_t i = 0; i < key->name_count; i++)
        if (sees(s, key->names[i], &fields[*count])) ++*count;
}

/* ---- The view ---- */

static uint64_t state_max(const sight *s, const mti_branch_view *view)
{
    uint64_t highest = s->floor;

    for (size_t i = 0; i < view->row.row.count; i++)
        highest = higher(highest, view->row.row.fields[i].state);
    if (view->row.partial) {
        highest = higher(highest, mt_node_state_max(s->kept ? s->kept : s->now));
        if (s->edited) highest = higher(highest, mt_node_state_max(s->edited));
    }
    return highest;
}

mt_status mti_branch_view_make(const mti_branch *branch, const mt_storage_key *key,
                               const mt_node *now, mti_branch_view *out)
{
    sight s = look(branch, key->uid, now);
    mt_row *row = &out->row.row;
    mt_field *fields;
    size_t cap;

    memset(out, 0, sizeof *out);
    out->row.partial = is_part(&s, key);
    cap = out->row.partial ? key->name_count
                           : count_all(s.edited) + count_all(s.kept) + count_all(s.now);
    out->fields.size = (cap + 1) * sizeof *fields;
    out->fields.data = fields = mti_mem_alloc(branch->db->mem, out->fields.size);
    if (!fields) return MT_NO_MEMORY;
    row->uid = key->uid;
    row->floor = s.floor;
    row->fields = fields;
    if (out->row.partial) take_named(&s, key, fields, &row->count);
    else take_all(&s, fields, &row->count);
    out->row.state_max = state_max(&s, out);
    return MT_OK;
}

void mti_branch_view_free(const mti_branch *branch, mti_branch_view *view)
{
    mti_block_free(branch->db->mem, &view->fields);
}
