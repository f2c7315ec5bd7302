/* db/extension.h - what applications add: query engines and extensions. */
#ifndef MTI_EXTENSION_H
#define MTI_EXTENSION_H

#include "db/db.h"

/* Adds; of one name the later wins. MT_NO_MEMORY. */
mt_status mti_extensions_add(mt_db *db, const mt_extension *extensions, size_t count);
mt_status mti_engines_add(mt_db *db, const mt_query_engine *engines, size_t count);
void mti_extensions_free(mt_db *db);

#endif
