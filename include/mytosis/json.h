/* mytosis/json.h - graphs as JSON text, in and out, in pieces of any size.
 *
 *     {"user/1":{"@object":{"uid":"user/1"},"name":{"value":"Ada","state":3}},
 *     "user/2":{"@object":{"uid":"user/2","floor":7},"old":{"deleted":true,"state":9}}}
 *
 * A patch has plain values instead: {"user/1":{"name":"Ada","old":{"deleted":true}}}, and
 * deletes a node with {"user/2":{"@object":{"deleted":true}}}. */
#ifndef MYTOSIS_JSON_H
#define MYTOSIS_JSON_H

#include <mytosis/graph.h>

MT_BEGIN_DECLS

/* What a text is: a graph with states, or a patch without. */
typedef enum mt_json_form { MT_JSON_GRAPH, MT_JSON_PATCH } mt_json_form;

/* Reads JSON text row by row. Feed it, take rows until it answers MT_AGAIN, feed it again. It
 * holds one row and what is left of the last piece, so that its memory does not grow with the
 * text. */
typedef struct mt_json_reader mt_json_reader;

/* `name` (COPIED, cut to 100 bytes) begins each error message: "graph.json:3:17: expected ...".
 * `limits` is COPIED, NULL gives the defaults. OWNED: mt_json_reader_free. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_json_reader_new(const mt_mem *mem, mt_json_form form,
                                                const char *name, const mt_limits *limits,
                                                mt_json_reader **out);
MT_API void mt_json_reader_free(mt_json_reader *reader);

/* Gives the next piece of the text, BORROWED until the reader answers MT_AGAIN, MT_END or an
 * error. `last`: nothing follows. Only after MT_AGAIN, or at the start; else MT_INVALID. */
MT_API MT_MUST_USE mt_status mt_json_reader_feed(mt_json_reader *reader, mt_bytes text, bool last);

/* The next row, BORROWED until the next call. A node of very many fields comes in several rows,
 * all but the last marked `more`; a floor or `delete_node` that stands behind its fields comes
 * with the last. Fields stand as in the text; a name that stands twice is found within a row
 * here, and across rows by mt_json_load. MT_AGAIN: feed more. MT_END: the text is complete.
 * MT_MALFORMED, MT_TOO_LARGE, MT_NO_MEMORY: see the error; from then on the reader answers the
 * same. */
MT_API MT_MUST_USE mt_status mt_json_reader_next(mt_json_reader *reader, mt_row *out);

/* What went wrong, with name, line and column (both from 1; columns count characters). */
MT_API const mt_error *mt_json_reader_error(const mt_json_reader *reader);

/* Makes the reader fail with "NAME:LINE:COLUMN: TEXT" at the place of the row read last: for
 * whoever finds that a row cannot be, such as a uid that came before. Answers MT_MALFORMED. */
MT_API mt_status mt_json_reader_refuse(mt_json_reader *reader, const char *text);

/* Reads a whole text into a new graph, OWNED. Also MT_MALFORMED for a uid or a field that stands
 * twice. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_json_load(const mt_mem *mem, const mt_limits *limits,
                                          const char *name, mt_bytes text, mt_graph **out,
                                          mt_error *err);

/* Appends the canonical text of a graph: nodes in uid order, one a line, fields in name order,
 * and a final newline. The same graph gives the same bytes, always. MT_NO_MEMORY leaves `out` as
 * it was. */
MT_API MT_MUST_USE mt_status mt_json_graph(const mt_graph *graph, mt_buf *out);

/* Writes the canonical text piece by piece: mt_json_rows_begin, mt_json_row for each row in uid
 * order, mt_json_rows_end. Empty the buffer in between as you like. MT_INVALID: a row that goes
 * on with a node has another floor, or none goes on with it. MT_NO_MEMORY. Either leaves writer
 * and buffer as they were. */
typedef struct mt_json_writer {
    bool any;       /* a row was written */
    bool open;      /* the last row was marked `more`: the next goes on with its node */
    uint64_t floor; /* of that node */
} mt_json_writer;

/* The calls of that, in this order. */
MT_API MT_MUST_USE mt_status mt_json_rows_begin(mt_json_writer *writer, mt_buf *out);
MT_API MT_MUST_USE mt_status mt_json_row(mt_json_writer *writer, const mt_row *row, mt_buf *out);
MT_API MT_MUST_USE mt_status mt_json_rows_end(mt_json_writer *writer, mt_buf *out);

/* Appends one field as in the text of a graph: {"value":"Ada","state":3}. */
MT_API MT_MUST_USE mt_status mt_json_field(const mt_field *field, mt_buf *out);

/* Appends a string with its quotes, escaped as ECMAScript does. */
MT_API MT_MUST_USE mt_status mt_json_string(mt_bytes text, mt_buf *out);

MT_END_DECLS
#endif
