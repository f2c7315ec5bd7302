#include "db/branch.h"
#include "db/stamp.h"

#include <mytosis/plugin/router.h>
#include <string.h>

bool mt_db_head(const mt_db *db, mt_cursor *out)
{
    if (db->has_head) *out = db->head;
    return db->has_head;
}

void mt_db_statistics(const mt_db *db, mt_db_stats *stats)
{
    mt_db_stats now = {.size = stats->size};
    uint64_t clock = mti_clock_now(db);

    now.cache_bytes = db->graph->family->heap.used;
    now.cache_nodes = db->graph->nodes.count;
    if (db->storage.name && db->storage.bytes)
        now.storage_bytes = db->storage.bytes(db->storage_ctx);
    now.commits = db->commits;
    now.clock = mti_branch_root((mt_db *)(uintptr_t)db)->clock;
    if (db->mode == MT_CLOCK_HYBRID && now.clock > clock)
        now.clock_ahead_ms = (now.clock - clock) >> 11;
    now.calls = db->call_count;
    memcpy(stats, &now, stats->size < sizeof now ? stats->size : sizeof now);
}
