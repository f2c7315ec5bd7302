/* first_graph.c - a first graph: two nodes and an edge between them, printed as JSON. */
/* run by the tests */
#include <mytosis/mytosis.h>

#include <stdio.h>

int main(void)
{
    mt_graph *graph = NULL;
    mt_buf text = {.mem = mt_mem_system()};

    bool ok =
        mt_graph_new(mt_mem_system(), NULL, &graph) == MT_OK &&
        mt_graph_set(graph, mt_str("ada"), mt_str("name"), mt_text("Ada")) == MT_OK &&
        mt_graph_set(graph, mt_str("charles"), mt_str("born"), mt_number(1791)) == MT_OK &&
        mt_graph_set(graph, mt_str("ada"), mt_str("friend"), mt_edge_to("charles")) == MT_OK &&
        mt_json_graph(graph, &text) == MT_OK;

    if (ok) {
        printf("%.*s", (int)text.len, (const char *)text.data);
    } else {
        fprintf(stderr, "first_graph: %s\n", graph ? mt_graph_error(graph)->text : "no memory");
    }
    mt_buf_free(&text);
    mt_graph_free(graph);
    return ok ? 0 : 1;
}
