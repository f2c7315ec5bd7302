/* conformance/connection_checks.h - the checks of transports. connection.c says in a sentence what
 * each is about. All get a pair that is online, and at which nobody listens to messages. */
#ifndef MTI_CONNECTION_CHECKS_H
#define MTI_CONNECTION_CHECKS_H

#include "conformance/connection_pair.h"

/* connection_messages.c */
void mti_connection_check_names(mti_pair *p);
void mti_connection_check_order(mti_pair *p);
void mti_connection_check_lengths(mti_pair *p);
void mti_connection_check_answers(mti_pair *p);
void mti_connection_check_held_back(mti_pair *p);
void mti_connection_check_held_back_again(mti_pair *p);
void mti_connection_check_full(mti_pair *p);
void mti_connection_check_traffic(mti_pair *p);

/* connection_ends.c */
void mti_connection_check_close(mti_pair *p);
void mti_connection_check_close_other(mti_pair *p);
void mti_connection_check_close_inside(mti_pair *p);
void mti_connection_check_close_both(mti_pair *p);
void mti_connection_check_closed_is_closed(mti_pair *p);
void mti_connection_check_let_go(mti_pair *p);
void mti_connection_check_let_go_inside(mti_pair *p);
void mti_connection_check_cut(mti_pair *p);
void mti_connection_check_cuts(mti_pair *p);

#endif
