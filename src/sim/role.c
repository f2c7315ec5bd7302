#include "sim/role.h"

#include <mytosis/space.h>

#include <stdio.h>
#include <string.h>

#define EVERYTHING (MT_RIGHT_READ | MT_RIGHT_WRITE | MT_RIGHT_DELEGATE)
#define FEATURES 7u /* that there are */

static void draw_lies(mti_sim_role *role, mti_sim_draws *d)
{
    static const char *const prefixes[] = {"", "user/", "note/", "other/"};

    role->lies = true;
    role->pushes = mti_sim_once_in(d, 2);
    role->rights = 1 + (unsigned)mti_sim_below(d, EVERYTHING);
    role->prefix = prefixes[mti_sim_below(d, sizeof prefixes / sizeof *prefixes)];
}

static void draw_version(mti_sim_role *role, mti_sim_draws *d)
{
    role->version = (mti_sim_version)(1 + mti_sim_below(d, MTI_SIM_FOREIGN));
    role->features = (uint8_t)mti_sim_below(d, FEATURES);
}

void mti_sim_roles_draw(mti_sim_role *roles, size_t count, const mt_sim_options *options,
                        mti_sim_draws *d, bool *space)
{
    bool lies = mti_sim_once_in(d, 3), versions = mti_sim_once_in(d, 4);

    *space = mti_sim_once_in(d, lies ? 2 : 4);
    if (options->without & MT_SIM_SPACES) *space = false;
    if (options->without & MT_SIM_LIES) lies = false;
    if (options->without & MT_SIM_VERSIONS) versions = false;
    for (size_t i = 0; i < count; i++) {
        roles[i] = (mti_sim_role){.rights = EVERYTHING, .prefix = ""};
        if (lies && mti_sim_once_in(d, 3)) draw_lies(&roles[i], d);
        else if (versions && mti_sim_once_in(d, 3)) draw_version(&roles[i], d);
    }
}

static bool keeps_to_itself(const mti_sim_role *role)
{
    return role->lies || role->version == MTI_SIM_FOREIGN;
}

bool mti_sim_roles_agree(const mti_sim_role *a, const mti_sim_role *b)
{
    return !keeps_to_itself(a) && !keeps_to_itself(b);
}

bool mti_sim_role_writes(const mti_sim_role *role, mt_bytes uid)
{
    size_t len = strlen(role->prefix);

    return role->rights & MT_RIGHT_WRITE && uid.len >= len &&
           (len == 0 || memcmp(uid.data, role->prefix, len) == 0);
}

bool mti_sim_role_describe(const mti_sim_role *role, bool space, char *out, size_t out_size)
{
    switch (role->version) {
    case MTI_SIM_PRESENT: break;
    case MTI_SIM_EARLIER:
        snprintf(out, out_size, "is of an earlier version, with features %u", role->features);
        return true;
    case MTI_SIM_LATER: snprintf(out, out_size, "is of a later version"); return true;
    case MTI_SIM_FOREIGN: snprintf(out, out_size, "has no version in common"); return true;
    }
    if (!role->lies) return false;
    if (!space) snprintf(out, out_size, "lies");
    else
        snprintf(out, out_size, "lies, and may%s%s%s \"%s\"",
                 role->rights & MT_RIGHT_READ ? " read" : "",
                 role->rights & MT_RIGHT_WRITE ? " write" : "",
                 role->rights & MT_RIGHT_DELEGATE ? " delegate" : "", role->prefix);
    return true;
}
