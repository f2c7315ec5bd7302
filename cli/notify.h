/* notify.h - telling the service manager that started this process how it is, as sd_notify(3) does. */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <mytosis/status.h>

/* Sends a state, such as "READY=1", as a datagram to the Unix socket that NOTIFY_SOCKET names: a path, or an abstract name behind
 * an @. MT_OK also where it names none, for nobody waits then. MT_INVALID, MT_IO, with `err`: it was not sent. */
mt_status cli_notify(const char *state, mt_error *err);

#endif
