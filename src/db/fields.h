/* db/fields.h - reads of fields, and the nodes that they lead to. */
#ifndef MTI_FIELDS_H
#define MTI_FIELDS_H

#include "db/call.h"

void mti_fields_free(mt_action *action);
void mti_fields_result(const mt_action *action, mt_result *result);

/* Asks for other names. MT_INVALID: one is none. MT_NO_MEMORY. */
mt_status mti_fields_names(mt_action *action, const mt_bytes *names, size_t count);

#endif
