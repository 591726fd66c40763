# SPDX-License-Identifier: GPL-2.0-or-later
#
# trace: what our program says to QEMU, learnt from its own --trace. Sourced.
#
#   trace_script NAME VERB…     the same conversation as a script for the floor
#   bytes_sent NAME VERB…       what QEMU has to read for it

# learn NAME VERB…: leave the trace in the file "trace"
learn() {
    learn_name=$1
    shift
    rm -f trace
    "$qrewind" -q -s "vm/$learn_name/sock" --trace trace "$@" >>log
}

# Commands as they were, and a wait for each greeting and answer.
trace_script() {
    learn "$@"
    sed -n 's/^{"time":"[^"]*","sent":\(.*\)}$/\1/p
            /^{"time":"[^"]*","received":{"QMP"/s/.*/"QMP"/p
            /^{"time":"[^"]*","received":{"event"/d
            /^{"time":"[^"]*","received":{/s/.*/"return"/p' trace
}

# Each command goes with the end of its line.
bytes_sent() {
    learn "$@"
    sed -n 's/^{"time":"[^"]*","sent":\(.*\)}$/\1/p' trace | wc -c
}
