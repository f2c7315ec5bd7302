#include "conformance/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mti_trial_begin(mti_trial *t)
{
    t->broken = false;
    t->violation[0] = '\0';
}

void mti_trial_violate(mti_trial *t, const char *format, ...)
{
    va_list args;

    if (t->broken) return;
    t->broken = true;
    va_start(args, format);
    vsnprintf(t->violation, sizeof t->violation, format, args);
    va_end(args);
}

void mti_trial_end(mti_trial *t, const char *check)
{
    if (t->broken && t->first.status == MT_OK) {
        t->first.status = MT_REFUSED;
        snprintf(t->first.text, sizeof t->first.text, "not so: %s: %.200s", check, t->violation);
    }
    if (t->report) t->report(t->ctx, check, t->broken ? t->violation : NULL);
}

void *mti_trial_alloc(mti_trial *t, size_t size)
{
    void *ptr;

    if (t->broken) return NULL;
    ptr = t->env->mem->resize(t->env->mem->ctx, NULL, 0, size);
    if (!ptr) {
        mti_trial_violate(t, "the suite is out of memory");
        t->first = (mt_error){.status = MT_NO_MEMORY, .text = "the suite is out of memory"};
    }
    return ptr;
}

void mti_trial_free(mti_trial *t, void *ptr, size_t size)
{
    if (ptr) t->env->mem->resize(t->env->mem->ctx, ptr, size, 0);
}

mti_shown mti_show(mt_bytes bytes)
{
    mti_shown shown = {{0}};
    size_t len = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bool plain = bytes.data[i] > 0x20 && bytes.data[i] < 0x7F && bytes.data[i] != '\\';

        /* Room for four characters, then for the dots and the final zero. */
        if (len + 8 > sizeof shown.text) {
            memcpy(shown.text + len, "...", 3);
            break;
        }
        len += (size_t)snprintf(shown.text + len, 5, plain ? "%c" : "\\x%02X", bytes.data[i]);
    }
    return shown;
}

uint64_t mti_trial_draw(uint64_t *state)
{
    uint64_t word = *state += UINT64_C(0x9E3779B97F4A7C15);

    word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
    return word ^ word >> 31;
}
