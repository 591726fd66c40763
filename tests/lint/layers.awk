# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may include what (design: cli -> snapshot -> qmp -> libraries), and what the
# opening of a file must say. Reads all sources, prints "file:line: what is wrong".
#
# A module is PURE when its header or its source says so in the opening comment, or
# when it is a planner.

BEGIN {
    # Headers that give access to something, and the modules that may have it.
    guard("event2/",                "^qmp/(client|attempt|agent)|^snapshot/(runner|vm|quiesce|process)|^cli/main|^tests/|^examples/")
    guard("(fcntl|dirent)\\.h|sys/(stat|statvfs|file|mman|inotify)\\.h",
          "^snapshot/(sidecar|image|quiesce|process|child|engine|export|import|survey|tool)|^qmp/(client|attempt|agent)|^cli/|^tests/|^examples/")
    guard("unistd\\.h",             "^snapshot/(sidecar|image|quiesce|process|child|engine|export|import|survey|tool)|^qmp/(client|attempt|agent|mem)|^cli/|^tests/|^examples/")
    guard("(time|sys/time|snapshot/clock)\\.h", "^qmp/(client|attempt)|^snapshot/(clock|runner|vm|quiesce|sidecar|tool)|^cli/|^tests/|^examples/")

    # What a pure module may use beside other pure modules.
    pure_may = "^(jansson|std[a-z]*|string|ctype|errno|inttypes|limits|endian|assert)\\.h$" \
               "|^sys/(types|un|queue)\\.h$|^qmp/(error|mem)\\.h$|^snapshot/error\\.h$"
}

function guard(header, who) { headers[++guards] = "^(" header ")"; owners[guards] = who }

function say(line, text) { printf "%s:%d: %s\n", file, line, text }

function module(path) { sub(/(-private)?\.[ch]$/, "", path); return path }

FNR == 1 {
    file = FILENAME
    lgpl = file ~ /^(qmp|snapshot)\//
    if (!index($0, lgpl ? "SPDX-License-Identifier: LGPL-2.1-or-later" \
                        : "SPDX-License-Identifier: GPL-2.0-or-later"))
        say(1, "the SPDX tag is missing, or not the one of this folder")
}

lgpl && FNR <= 12 && /PURE/ { pure[module(file)] = 1 }
file ~ /^snapshot\/plan/ { pure[module(file)] = 1 }

FNR == 401 { say(401, "more than 400 lines: two subjects are two files") }

/TODO|FIXME|XXX/ && !/XXXXXX/ { say(FNR, "unfinished: " $0) }

file ~ /\.c$/ && /(^|[^a-z_])(u|nano)?sleep *\(/ { say(FNR, "waits by sleeping") }

file ~ /^(qmp|snapshot)\// && /(^|[^a-z_])(printf|puts|putchar|perror|exit|system|popen) *\(/ {
    say(FNR, "the library never prints, exits or runs a shell")
}

/^#include/ {
    match($0, /["<].*[">]/)
    header = substr($0, RSTART + 1, RLENGTH - 2)
    own = substr($0, RSTART, 1) == "\""
    if (own && header !~ /\//)
        say(FNR, "own headers are included from the root: \"" header "\"")
    if (file ~ /^qmp\// && header ~ /^(snapshot|cli|tests)\// ||
        file ~ /^snapshot\// && header ~ /^(cli|tests)\// || file ~ /^cli\// && header ~ /^tests\//)
        say(FNR, "a lower layer includes a higher one: " header)
    if (header ~ /-private\.h$/ && substr(header, 1, index(header, "/")) != \
                                   substr(file, 1, index(file, "/")))
        say(FNR, "a private header of another layer: " header)
    for (i = 1; i <= guards; i++)
        if (header ~ headers[i] && file !~ owners[i])
            say(FNR, "not its business: " header)
    n++
    from[n] = file; line[n] = FNR; what[n] = header
}

END {
    for (i = 1; i <= n; i++)
        if (module(from[i]) in pure && what[i] !~ pure_may && !(module(what[i]) in pure)) {
            file = from[i]
            say(line[i], "a pure module includes what is not: " what[i])
        }
}
