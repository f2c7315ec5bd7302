/* mytosis/mytosis.h - all of mytosis: a peer-to-peer graph database that a program embeds. */
#ifndef MYTOSIS_MYTOSIS_H
#define MYTOSIS_MYTOSIS_H

#include <mytosis/action.h>
#include <mytosis/binary.h>
#include <mytosis/blocking.h>
#include <mytosis/bytes.h>
#include <mytosis/compress.h>
#include <mytosis/crypto.h>
#include <mytosis/db.h>
#include <mytosis/delta.h>
#include <mytosis/env.h>
#include <mytosis/event_stream.h>
#include <mytosis/graph.h>
#include <mytosis/host.h>
#include <mytosis/json.h>
#include <mytosis/limits.h>
#include <mytosis/loop.h>
#include <mytosis/mem.h>
#include <mytosis/network.h>
#include <mytosis/node.h>
#include <mytosis/secure.h>
#include <mytosis/status.h>
#include <mytosis/value.h>

#endif
