/* conformance/trial.h - a run of checks: one after the other, each with its first violation.
 *
 * A check is straight code that goes on to its end whatever happens: after a violation all that it
 * calls does nothing, as with a writer that keeps its first error. */
#ifndef MTI_TRIAL_H
#define MTI_TRIAL_H

#include <mytosis/conformance.h>

typedef struct mti_trial {
    const mt_env *env;
    mt_conformance_report report; /* may be NULL */
    void *ctx;
    bool broken; /* in the running check; `violation` says how */
    char violation[MT_ERROR_TEXT_MAX];
    mt_error first; /* MT_REFUSED and the first violation of all, or why the suite gave up */
} mti_trial;

/* Starts a check: from here on nothing is violated. */
void mti_trial_begin(mti_trial *t);

/* Notes how the running check is violated, unless it is already. Knows what printf knows. */
void mti_trial_violate(mti_trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reports the check that began last, under this name. */
void mti_trial_end(mti_trial *t, const char *check);

/* Memory for the running check; NULL, and the check is broken, if there is none. */
void *mti_trial_alloc(mti_trial *t, size_t size);
void mti_trial_free(mti_trial *t, void *ptr, size_t size);

/* How bytes look in a violation: printable ones as they are, others as \xNN, cut after a few. */
typedef struct mti_shown {
    char text[80];
} mti_shown;

mti_shown mti_show(mt_bytes bytes);

/* Pseudo-random numbers, the same for the same seed everywhere: splitmix64. */
uint64_t mti_trial_draw(uint64_t *state);

#endif
