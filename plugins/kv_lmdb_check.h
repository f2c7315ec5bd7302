/* plugins/kv_lmdb_check.h - whether the structure of an LMDB file is sound, before LMDB trusts it. */
#ifndef MTI_KV_LMDB_CHECK_H
#define MTI_KV_LMDB_CHECK_H

#include "plugins/kv_lmdb_file.h"

/* Reads every page that is in use. MT_MALFORMED: `err` says which one is wrong, and how. MT_IO,
 * MT_NO_MEMORY. A file that was just made is sound. */
mt_status mti_lmdb_check(const mti_lmdb_file *file, mt_error *err);

#endif
