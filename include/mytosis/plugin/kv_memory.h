/* mytosis/plugin/kv_memory.h - an ordered key-value engine in memory.
 *
 * It answers everything at once, and what it keeps is gone when it is closed. For peers that start
 * empty, for tests, and as the shortest engine there is to read. */
#ifndef MYTOSIS_PLUGIN_KV_MEMORY_H
#define MYTOSIS_PLUGIN_KV_MEMORY_H

#include <mytosis/plugin/kv.h>

MT_BEGIN_DECLS

/* Makes an empty engine, OWNED by the caller. Of `env`, BORROWED for the engine's life, it uses
 * memory and, if there is some, entropy. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_kv_memory(const mt_env *env, mt_kv *out);

MT_END_DECLS
#endif
