/* SPDX-License-Identifier: GPL-2.0-or-later */
/* globals: see globals.h. */
#include "cli/globals.h"

#define G(member) offsetof(struct globals, member)

/* clang-format off */
const struct opt globals_opts[] = {
    {"socket", OPT_STRING, G(socket), 's', .value = "ADDRESS", .id = GLOBAL_SOCKET,
     .help = "the monitor: PATH, unix:PATH, tcp:HOST:PORT, fd:N; or $QREWIND_SOCKET"},
    {"agent", OPT_STRING, G(agent), 'a', .value = "ADDRESS", .id = GLOBAL_AGENT,
     .help = "the guest agent; found through QEMU when not given"},
    {"image", OPT_STRINGS, G(images), 'i', .value = "FILE", .id = GLOBAL_IMAGE,
     .help = "no VM: work on this image's chain; repeat for more disks"},
    {"sidecar", OPT_STRING, G(sidecar), 'S', .value = "FILE", .id = GLOBAL_SIDECAR,
     .help = "use this sidecar; else it is found beside the images"},
    {"timeout", OPT_SECONDS, G(timeout_ms), 't', .value = "SECONDS", .id = GLOBAL_TIMEOUT,
     .help = "deadline for connecting, and for answers; default 5, 0: none"},
    {"json", OPT_FLAG, G(json), 'j',
     .help = "one JSON document on stdout, progress as JSON lines on stderr"},
    {"dry-run", OPT_FLAG, G(dry_run), 'n', .id = GLOBAL_DRY_RUN,
     .help = "print the plan, change nothing"},
    {"quiet", OPT_FLAG, G(quiet), 'q', .help = "neither notes nor progress"},
    {"verbose", OPT_FLAG, G(verbose), 'v', .help = "say more"},
    {"trace", OPT_STRING, G(trace), .value = "FILE", .id = GLOBAL_TRACE,
     .help = "append every QMP line, in both directions, to FILE as JSON lines"},
    {"insecure", OPT_FLAG, G(insecure), .id = GLOBAL_INSECURE,
     .help = "let the monitor and the agent be on another host"},
    {"help", OPT_FLAG, G(help), 'h', .help = "help for the verb"},
    {"version", OPT_FLAG, G(version), .help = "print the version"},
    {0},
};
