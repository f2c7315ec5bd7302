/* conformance/kv_checks.h - the checks of ordered key-value engines. kv.c says in a sentence what
 * each is about. All get an engine that is open and empty. */
#ifndef MTI_KV_CHECKS_H
#define MTI_KV_CHECKS_H

#include "conformance/kv_caller.h"

/* kv_pairs.c */
void mti_kv_check_new_is_empty(mti_kv_caller *c);
void mti_kv_check_put_is_found(mti_kv_caller *c);
void mti_kv_check_empty_is_a_value(mti_kv_caller *c);
void mti_kv_check_keys_are_in_byte_order(mti_kv_caller *c);
void mti_kv_check_keys_of_every_length(mti_kv_caller *c);
void mti_kv_check_values_of_every_length(mti_kv_caller *c);
void mti_kv_check_deleted_is_gone(mti_kv_caller *c);
void mti_kv_check_range_has_its_bounds(mti_kv_caller *c);
void mti_kv_check_ops_are_in_order(mti_kv_caller *c);
void mti_kv_check_many_fit(mti_kv_caller *c);
void mti_kv_check_nothing_is_answered(mti_kv_caller *c);
void mti_kv_check_pages_meet(mti_kv_caller *c);
void mti_kv_check_scan_bounds(mti_kv_caller *c);

/* kv_requests.c */
void mti_kv_check_answered_once(mti_kv_caller *c);
void mti_kv_check_commits_are_in_order(mti_kv_caller *c);
void mti_kv_check_commits_are_whole(mti_kv_caller *c);
void mti_kv_check_answered_is_seen(mti_kv_caller *c);
void mti_kv_check_answers_hold_still(mti_kv_caller *c);
void mti_kv_check_failed_did_nothing(mti_kv_caller *c);
void mti_kv_check_reopened_has_all(mti_kv_caller *c);

#endif
