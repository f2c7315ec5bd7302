/* sim/run.h - a plan that is carried out and checked. */
#ifndef MTI_SIM_RUN_H
#define MTI_SIM_RUN_H

#include "sim/world.h"

/* Carries it out, once. */
void mti_sim_run_plan(const mt_sim_options *options, const mti_sim_plan *plan,
                      mt_sim_report *report);

/* Twice, unless the options say once, and compares the two. */
void mti_sim_run_twice(const mt_sim_options *options, const mti_sim_plan *plan,
                       mt_sim_report *report);

/* The options, as long as those of this build. */
mt_sim_options mti_sim_options_of(const mt_sim_options *options);

#endif
