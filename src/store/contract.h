/* store/contract.h - taking over the tables of plugins that keep data.
 *
 * A plugin may have been compiled against an older or a newer header than we were. Its table is
 * copied into one of our size that is zeroed first, so that whatever came later is NULL in it. */
#ifndef MTI_CONTRACT_H
#define MTI_CONTRACT_H

#include <mytosis/plugin/kv.h>
#include <mytosis/plugin/storage.h>

/* Copies the table of an engine. MT_UNSUPPORTED: its abi is not known, it lacks what every engine
 * has, or its keys are too short for the node store. `err` may be NULL. */
mt_status mti_kv_adopt(const mt_kv *kv, mt_kv_ops *out, mt_error *err);

/* Copies the table of a storage. MT_UNSUPPORTED: its abi is not known, or it lacks what every
 * storage has. `err` may be NULL. */
mt_status mti_storage_adopt(const mt_storage *storage, mt_storage_ops *out, mt_error *err);

#endif
