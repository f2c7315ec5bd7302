/* private_file.h - small files that nobody else may read: mode 0600, in a folder of mode 0700.
 *
 * One is replaced whole or not at all: it is written under another name, flushed, and renamed. */
#ifndef CLI_PRIVATE_FILE_H
#define CLI_PRIVATE_FILE_H

#include "text.h"

/* The longest. */
#define PRIVATE_FILE_LEN_MAX ((size_t)64 * 1024)

/* Appends what a file holds. MT_NOT_FOUND: there is none. MT_REFUSED: others may read or write it, or it is no regular file;
 * MT_TOO_LARGE; MT_IO; MT_NO_MEMORY: `err` says which, and what to do. */
mt_status cli_private_read(const char *path, cli_text *into, mt_error *err);

/* Puts a file in its place, and the folder that it is in, if that is not there. What was there is replaced. */
mt_status cli_private_write(const char *path, mt_bytes bytes, mt_error *err);

#endif
