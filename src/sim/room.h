/* sim/room.h - memory of the simulator itself: there is some, or it aborts. */
#ifndef MTI_SIM_ROOM_H
#define MTI_SIM_ROOM_H

#include <stddef.h>

/* Ends the program with a message: what is simulated did what nobody may. */
_Noreturn void mti_sim_refuse(const char *what);

/* Zeros, to be freed with `free`. Never NULL. */
void *mti_sim_new(size_t count, size_t size);

/* Where the items are now, with room for `need` of them. */
void *mti_sim_room(void *items, size_t *cap, size_t need, size_t size);

#endif
