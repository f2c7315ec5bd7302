/* conformance/router_checks.h - the checks of routers. router.c says in a sentence what each is
 * about. All get a bed without a database. */
#ifndef MTI_ROUTER_CHECKS_H
#define MTI_ROUTER_CHECKS_H

#include "conformance/router_bed.h"

/* router_calls.c */
void mti_router_check_opens_and_closes(mti_bed *bed);
void mti_router_check_alone(mti_bed *bed);
void mti_router_check_pull_ends_with_peer(mti_bed *bed);
void mti_router_check_push_ends_with_peer(mti_bed *bed);
void mti_router_check_canceled(mti_bed *bed);
void mti_router_check_closes_with_pending(mti_bed *bed);
void mti_router_check_told_to_nobody(mti_bed *bed);

/* router_peers.c */
void mti_router_check_left_hears_nothing(mti_bed *bed);
void mti_router_check_full_links(mti_bed *bed);
void mti_router_check_comings_and_goings(mti_bed *bed);
void mti_router_check_garbage(mti_bed *bed);
void mti_router_check_damaged(mti_bed *bed);
void mti_router_check_closes_while_talking(mti_bed *bed);

/* router_spread.c */
void mti_router_check_tells(mti_bed *bed);
void mti_router_check_comes_to_rest(mti_bed *bed);
void mti_router_check_bad_peer(mti_bed *bed);
void mti_router_check_relays(mti_bed *bed);
void mti_router_check_asks(mti_bed *bed);
void mti_router_check_asks_again(mti_bed *bed);
void mti_router_check_catches_up(mti_bed *bed);
void mti_router_check_any_history(mti_bed *bed);

#endif
