#include "store/readers.h"

#include "base/assert.h"

bool mti_readers_enter(mti_asking *asking)
{
    mti_node_store *store = asking->store;

    if (!store->restructuring) {
        store->readers++;
        return true;
    }
    asking->next = NULL;
    if (store->last_waiting) store->last_waiting->next = asking;
    else store->waiting = asking;
    store->last_waiting = asking;
    return false;
}

void mti_readers_leave(mti_node_store *store)
{
    mti_assert(store->readers > 0);
    if (--store->readers == 0 && store->restructuring) mti_asking_run(store->writes);
}

/* One that cannot enter after all waits behind the others that did not have their turn yet. */
void mti_readers_wake(mti_node_store *store)
{
    while (store->waiting && !store->restructuring) {
        mti_asking *asking = store->waiting;

        store->waiting = asking->next;
        if (!store->waiting) store->last_waiting = NULL;
        mti_asking_run(asking);
    }
}

bool mti_restructure_begin(mti_node_store *store)
{
    store->restructuring = true;
    store->restructured++;
    return store->readers == 0;
}

void mti_restructure_end(mti_node_store *store)
{
    if (!store->restructuring) return;
    store->restructuring = false;
    store->restructured++;
}
