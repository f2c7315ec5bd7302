/* conformance/storage_checks.h - the checks of storages. storage.c says in a sentence what each is
 * about. All get a storage that is open and empty. */
#ifndef MTI_STORAGE_CHECKS_H
#define MTI_STORAGE_CHECKS_H

#include "conformance/storage_caller.h"

/* storage_nodes.c */
void mti_storage_check_new_is_empty(mti_storage_caller *c);
void mti_storage_check_written_is_read(mti_storage_caller *c);
void mti_storage_check_markers_and_floors(mti_storage_caller *c);
void mti_storage_check_every_value(mti_storage_caller *c);
void mti_storage_check_every_key(mti_storage_caller *c);
void mti_storage_check_large_nodes(mti_storage_caller *c);
void mti_storage_check_parts(mti_storage_caller *c);
void mti_storage_check_whole(mti_storage_caller *c);
void mti_storage_check_many(mti_storage_caller *c);
void mti_storage_check_removed(mti_storage_caller *c);

/* storage_requests.c */
void mti_storage_check_nothing(mti_storage_caller *c);
void mti_storage_check_answered_once(mti_storage_caller *c);
void mti_storage_check_order(mti_storage_caller *c);
void mti_storage_check_atomic(mti_storage_caller *c);
void mti_storage_check_seen(mti_storage_caller *c);
void mti_storage_check_hold_still(mti_storage_caller *c);
void mti_storage_check_failed(mti_storage_caller *c);
void mti_storage_check_reopened(mti_storage_caller *c);

/* storage_lists.c */
void mti_storage_check_lists(mti_storage_caller *c);
void mti_storage_check_pages(mti_storage_caller *c);
void mti_storage_check_records(mti_storage_caller *c);

/* storage_prints.c */
void mti_storage_check_prints(mti_storage_caller *c);
void mti_storage_check_prints_seen(mti_storage_caller *c);

/* storage_changes.c */
void mti_storage_check_changes(mti_storage_caller *c);
void mti_storage_check_cursors(mti_storage_caller *c);
void mti_storage_check_follow(mti_storage_caller *c);

/* storage_history.c */
void mti_storage_check_history(mti_storage_caller *c);

/* Rows of one node with `count` fields f0000 and on, all with this state, merged and written. Used by
 * several. */
void mti_storage_merge_large(mti_storage_caller *c, const char *uid, size_t count, uint64_t state);

#endif
