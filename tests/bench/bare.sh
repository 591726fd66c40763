# SPDX-License-Identifier: GPL-2.0-or-later
#
# bare: the QMP commands of an operation and nothing else, as scripts for the floor, on
# a machine called "bare". Overlays are copies of images made before; nothing is written
# down, checked or looked at. Sourced.
#
#   bare_model FILE BASE            an empty overlay of BASE, to be copied
#   bare_script FILE                make a script of standard input, with the negotiation before it
#   bare_add NODE FILE              blockdev-add, the file's node named too
#   bare_switch FROM TO             blockdev-snapshot
#   bare_del NODE…                  blockdev-del
#   bare_job COMMAND NODE           snapshot-save or snapshot-load in NODE's image, and its end
#   await N                         so many answers

bare_model() {
    rm -f "$1"
    qemu-img create -q -f qcow2 -b "$2" -F qcow2 "$1"
}

bare_script() {
    { printf '%s\n' '"QMP"' '{"execute":"qmp_capabilities"}' '"return"'; cat; } >"$1"
}

await() {
    await_left=$1
    while [ "$await_left" -gt 0 ]; do
        echo '"return"'
        await_left=$((await_left - 1))
    done
}

bare_add() {
    echo "{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"qcow2\",\"node-name\":\"$1\",\
\"backing\":null,\"file\":{\"driver\":\"file\",\"node-name\":\"$1f\",\"filename\":\"$2\"}}}"
}

bare_switch() {
    echo "{\"execute\":\"blockdev-snapshot\",\"arguments\":{\"node\":\"$1\",\"overlay\":\"$2\"}}"
}

bare_del() {
    for bare_node; do
        echo "{\"execute\":\"blockdev-del\",\"arguments\":{\"node-name\":\"$bare_node\"}}"
    done
}

bare_job() {
    echo "{\"execute\":\"$1\",\"arguments\":{\"job-id\":\"j\",\"tag\":\"t\",\"vmstate\":\"$2\",\
\"devices\":[\"$2\"]}}"
    echo '"concluded"'
    echo '{"execute":"job-dismiss","arguments":{"id":"j"}}'
    await 1
}
