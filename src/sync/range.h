/* sync/range.h - which nodes a subscription is about: uids from one to before another, or a list.
 *
 * A prefix is a range too: from itself to before the first uid that no longer begins with it. */
#ifndef MTI_RANGE_H
#define MTI_RANGE_H

#include "base/bytes.h"
#include "base/status.h"

#include <mytosis/plugin/sync.h>

typedef struct mti_range {
    mt_bytes first; /* views of `held` */
    mt_bytes end;   /* empty: there is none */
    mt_bytes *uids; /* ascending, each once; NULL: all from `first` to before `end` */
    size_t uid_count;
    void *held; /* one allocation, of `held_size` bytes */
    size_t held_size;
} mti_range;

void mti_range_free(const mt_mem *mem, mti_range *range);

/* A copy of what the application, or a peer, asked for. MT_INVALID: `err` says why. MT_NO_MEMORY. */
mt_status mti_range_of(const mt_mem *mem, const mt_sync_range *asked, mti_range *out,
                       mt_error *err);

/* What is in both. `*empty`: nothing, and `out` is all zero. MT_NO_MEMORY. */
mt_status mti_range_common(const mt_mem *mem, const mti_range *a, const mti_range *b,
                           mti_range *out, bool *empty);

bool mti_range_has(const mti_range *range, mt_bytes uid);

/* Whether all that a range may have is in another, as their bounds tell; of lists nothing is known. */
bool mti_range_within(const mti_range *range, const mti_range *other);
bool mti_range_equal(const mti_range *a, const mti_range *b);

/* The range as an application says it. A view of the range. */
mt_sync_range mti_range_show(const mti_range *range);

/* The longest prefix of all uids in it. A view of the range. */
mt_bytes mti_range_prefix(const mti_range *range);

/* The most uids that a list has. */
#define MTI_RANGE_UIDS_MAX 10000u

#endif
