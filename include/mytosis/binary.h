/* mytosis/binary.h - graphs and deltas as compact bytes, for the wire, for files and for
 * storage.
 *
 * The bytes are a sequence of frames, each with a version, a length and a checksum;
 * docs/format.md specifies them to the byte. The same rows give the same bytes, always. Plain
 * frames can be read as they arrive; compressed ones hold the same rows in columns, are smaller,
 * and need a compressor on both sides. */
#ifndef MYTOSIS_BINARY_H
#define MYTOSIS_BINARY_H

#include <mytosis/compress.h>
#include <mytosis/graph.h>

MT_BEGIN_DECLS

/* The first byte of every frame of this version. No text in UTF-8 begins with it. */
#define MT_BINARY_VERSION_1 0xA1

/* ---- Writing ---- */

/* Writes rows as frames. */
typedef struct mt_binary_writer mt_binary_writer;

/* OWNED: mt_binary_writer_free. `out` is BORROWED for the writer's life: frames are appended to
 * it whenever one is full, and it may be emptied between calls. `compressor` NULL: plain frames;
 * else BORROWED. `limits` COPIED, NULL gives the defaults. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_binary_writer_new(const mt_mem *mem, const mt_limits *limits,
                                                  const mt_compressor *compressor, mt_buf *out,
                                                  mt_binary_writer **writer);
MT_API void mt_binary_writer_free(mt_binary_writer *writer);

/* Adds a row. Rows come in uid order, their fields in name order. A row marked `more` goes on in
 * the next one, with the same uid and floor and names that sort after those before. Rows of more
 * than 64 fields, or larger than a frame, are split; so a node gives the same bytes whether it
 * comes whole or in rows of 64. Errors stay: once a call failed, every later one answers the
 * same. MT_INVALID, MT_STATE, MT_UNSUPPORTED: not in order, or what no graph may hold.
 * MT_TOO_LARGE: a value over its limit, or that fits no frame. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_binary_row(mt_binary_writer *writer, const mt_row *row);

/* Writes the last frame. Without any row it is an empty one. After it the writer may begin anew.
 * MT_INVALID: the last row was marked `more`. MT_NO_MEMORY, or what the compressor answers. */
MT_API MT_MUST_USE mt_status mt_binary_finish(mt_binary_writer *writer);

/* What went wrong. BORROWED from the writer. */
MT_API const mt_error *mt_binary_writer_error(const mt_binary_writer *writer);

/* Adds a node with its delete markers; every node of a graph; every node and field of a part of a
 * delta (MT_UPDATE or MT_HISTORY, else MT_INVALID), but nodes that were touched without effect. As
 * mt_binary_row. */
MT_API MT_MUST_USE mt_status mt_binary_node(mt_binary_writer *writer, const mt_node *node);
MT_API MT_MUST_USE mt_status mt_binary_graph(mt_binary_writer *writer, const mt_graph *graph);
MT_API MT_MUST_USE mt_status mt_binary_delta(mt_binary_writer *writer, const mt_delta *delta,
                                             mt_delta_part part);

/* ---- Reading ---- */

/* Reads frames as rows, piece by piece. */
typedef struct mt_binary_reader mt_binary_reader;

/* `name` (COPIED, cut to 100 bytes) begins each error message: "graph.mtg: byte 1043: ...".
 * `compressor` NULL: compressed frames are MT_UNSUPPORTED; else BORROWED. OWNED:
 * mt_binary_reader_free. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_binary_reader_new(const mt_mem *mem, const mt_limits *limits,
                                                  const mt_compressor *compressor, const char *name,
                                                  mt_binary_reader **out);
MT_API void mt_binary_reader_free(mt_binary_reader *reader);

/* Forgets everything and begins anew, keeping its memory for reuse. */
MT_API void mt_binary_reader_reset(mt_binary_reader *reader);

/* Gives the next piece, BORROWED until the reader answers MT_AGAIN, MT_END or an error. `last`:
 * nothing follows. Only after MT_AGAIN, or at the start; else MT_INVALID. A frame that lies
 * wholly in a piece is read in place. */
MT_API MT_MUST_USE mt_status mt_binary_reader_feed(mt_binary_reader *reader, mt_bytes bytes,
                                                   bool last);

/* The next row, in uid order, fields in name order, all checked; BORROWED until the next call.
 * MT_AGAIN: feed more. MT_END: complete. MT_MALFORMED, MT_TOO_LARGE, MT_UNSUPPORTED,
 * MT_NO_MEMORY: see the error; from then on the reader answers the same. */
MT_API MT_MUST_USE mt_status mt_binary_reader_next(mt_binary_reader *reader, mt_row *out);

/* The next rows, as many as the reader has at hand, at least one: BORROWED until the next call. As
 * mt_binary_reader_next, and faster. */
MT_API MT_MUST_USE mt_status mt_binary_reader_rows(mt_binary_reader *reader, const mt_row **rows,
                                                   size_t *count);

/* What went wrong: "graph.mtg: byte 1043: ...". BORROWED from the reader. */
MT_API const mt_error *mt_binary_reader_error(const mt_binary_reader *reader);

/* Reads a whole graph, OWNED. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_binary_load(const mt_mem *mem, const mt_limits *limits,
                                            const mt_compressor *compressor, const char *name,
                                            mt_bytes bytes, mt_graph **out, mt_error *err);

MT_END_DECLS
#endif
