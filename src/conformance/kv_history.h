/* conformance/kv_history.h - random histories of an engine against a plain model. */
#ifndef MTI_KV_HISTORY_H
#define MTI_KV_HISTORY_H

#include "conformance/kv_caller.h"

/* Lives one, with the seed and the rounds of the subject. If the subject is persistent, the engine
 * is closed and opened again a few times. */
void mti_kv_history_run(mti_kv_caller *c);

#endif
