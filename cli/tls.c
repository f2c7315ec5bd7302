#include "tls.h"

#include "message.h"

#include <mytosis/plugin/socket.h>

#include <stdlib.h>
#include <string.h>

bool cli_tls_is_url(const char *url)
{
    return strncmp(url, "wss://", 6) == 0;
}

cli_exit_code cli_tls_ca(const cli_options *options, const char *url, const char **out)
{
    const char *ca = options->values[OPTION_CA];
    mt_error err;

    *out = NULL;
    if (ca && !cli_tls_is_url(url))
        return cli_complain(EXIT_USAGE, "--ca is for wss://, and %s is not", url);
    if (!ca) ca = getenv("MYTOSIS_CA");
    if (!ca || !*ca || !cli_tls_is_url(url)) return EXIT_DONE;
    if (mt_tls_check(NULL, NULL, ca, &err) != MT_OK)
        return cli_complain(EXIT_INPUT, "%s", err.text);
    *out = ca;
    return EXIT_DONE;
}
