#include "keys_group.h"

static const cli_command *const members[] = {
    &cli_keys_show, &cli_keys_export, &cli_keys_import, &cli_keys_protect, NULL,
};

const cli_command cli_keys_group = {
    .name = "keys",
    .path = "mytosis keys",
    .summary = "show, back up and protect the secrets of the device",
    .help = "Usage: mytosis keys COMMAND [OPTION...] [FILE]\n"
            "\n"
            "Works on the secrets of the device, and those of a space that was founded on it:\n"
            "files in the folder PATH-keys beside the store.\n"
            "\n"
            "Commands:\n",
    .footer = "\n"
              "A passphrase is the first line of the file that MYTOSIS_PASSPHRASE_FILE names,\n"
              "or what MYTOSIS_PASSPHRASE says; else it is asked for.\n"
              "\n"
              "Example: mytosis keys export laptop.keys --store notes.mdb\n"
              "\n"
              "Exit codes: 0 done, 1 there is no key, 2 usage, 3 bad input, 4 writing failed or\n"
              "no memory. \"mytosis keys COMMAND --help\" says more.\n",
    .members = members,
};
