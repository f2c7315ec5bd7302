/* conformance/storage_told.h - whether an answer of a storage is of the form that it should have. */
#ifndef MTI_STORAGE_TOLD_H
#define MTI_STORAGE_TOLD_H

#include "conformance/storage_caller.h"

/* Checks a piece of an answer, and adds its rows to what the request was told. */
void mti_storage_told_check(mti_trial *t, mti_storage_request *r, const mt_storage_answer *answer);

const char *mti_storage_kind_name(mti_storage_kind kind);

#endif
