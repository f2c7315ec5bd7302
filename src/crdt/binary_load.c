#include "base/status.h"
#include "crdt/limits.h"

#include <mytosis/binary.h>

/* Merges all rows that the reader has been fed. */
static mt_status load_rows(mt_binary_reader *reader, mt_graph *graph, mt_error *err)
{
    const mt_row *rows;
    size_t count;
    mt_status st;

    while ((st = mt_binary_reader_rows(reader, &rows, &count)) == MT_OK) {
        st = mt_graph_merge_rows(graph, rows, count, NULL);
        if (st != MT_OK) return mti_fail(err, st, "%s", mt_graph_error(graph)->text);
    }
    if (st == MT_END) return MT_OK;
    return mti_fail(err, st, "%s", mt_binary_reader_error(reader)->text);
}

mt_status mt_binary_load(const mt_mem *mem, const mt_limits *limits,
                         const mt_compressor *compressor, const char *name, mt_bytes bytes,
                         mt_graph **out, mt_error *err)
{
    mt_binary_reader *reader = NULL;
    mt_graph *graph = NULL;
    mt_status st;

    if ((st = mt_binary_reader_new(mem, limits, compressor, name, &reader)) != MT_OK) goto failed;
    if ((st = mt_graph_new(mem, limits, &graph)) != MT_OK) goto failed;
    if ((st = mt_binary_reader_feed(reader, bytes, true)) != MT_OK) goto failed;
    if ((st = load_rows(reader, graph, err)) != MT_OK) goto done;
    *out = graph;
    graph = NULL; /* MOVED to the caller */
    goto done;
failed:
    st = mti_fail(err, st, "%s", mt_status_text(st));
done:
    mt_graph_free(graph);
    mt_binary_reader_free(reader);
    return st;
}
