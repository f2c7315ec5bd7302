/* boot.c - openings of the store, and what a cursor means.
 *
 *     boots     A first 1        B first 40       C first 90
 *     changes   1 ........ 39    40 ........ 89   90 ..... head
 *
 * A boot has a random id, so that who knows it has the history up to its first change in common with
 * us. Beyond that, two copies of one store may differ: of what came after the last boot that both know,
 * only that is the same which came before the next boot of either. So a cursor (B, n) is valid if B is
 * known here and n comes before the first change of the boot after B. Below the first change of B it is
 * valid too, which serves where older boots were forgotten. */
#include "base/bytes.h"
#include "store/node_store.h"

mt_status mti_boots_reserve(mti_node_store *store)
{
    mti_boot *boots = mti_vector_reserve(store->mem, store->boots, &store->boot_cap,
                                         store->boot_count + 1, sizeof *boots);

    if (!boots) return MT_NO_MEMORY;
    store->boots = boots;
    return MT_OK;
}

void mti_boots_add(mti_node_store *store, const mti_boot *boot)
{
    if (store->boot_count == MTI_BOOTS_MAX) {
        store->boot_count--;
        memmove(store->boots, store->boots + 1, store->boot_count * sizeof *store->boots);
    }
    store->boots[store->boot_count++] = *boot;
}

/* The last change that a boot covers. */
static uint64_t boot_last(const mti_node_store *store, size_t i)
{
    return i + 1 < store->boot_count ? store->boots[i + 1].first - 1 : store->log.head;
}

mt_cursor mti_cursor_at(const mti_node_store *store, uint64_t number)
{
    mt_cursor cursor = {{0}, number};

    /* The first that covers it, or one after: then what came before that boot is meant. */
    for (size_t i = 0; i < store->boot_count && number > 0; i++) {
        if (!store->boots[i].known || number > boot_last(store, i)) continue;
        memcpy(cursor.boot, store->boots[i].id, sizeof cursor.boot);
        break;
    }
    return cursor;
}

bool mti_cursor_valid(const mti_node_store *store, const mt_cursor *cursor)
{
    static const uint8_t none[sizeof cursor->boot];

    /* What is being trimmed counts as gone. */
    if (cursor->number < store->plan.next.trimmed) return false;
    if (memcmp(cursor->boot, none, sizeof none) == 0) return cursor->number == 0;
    for (size_t i = 0; i < store->boot_count; i++) {
        const mti_boot *boot = &store->boots[i];

        if (boot->known && memcmp(boot->id, cursor->boot, sizeof boot->id) == 0)
            return cursor->number <= boot_last(store, i);
    }
    return false;
}
