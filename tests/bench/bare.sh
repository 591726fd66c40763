# SPDX-License-Identifier: GPL-2.0-or-later
#
# bare: the QMP commands of an operation and nothing else, as scripts for the floor, on
# a machine called "bare". Overlays are copies of images made before; nothing is written
# down, checked or looked at. Sourced.
#
#   bare_model FILE BASE            an empty overlay of BASE, to be copied
#   bare_script FILE                make a script of standard input, with the negotiation before
#                                   it; the first answer is that to the negotiation
#   bare_file FILE MODEL            a copy of MODEL that is on the disk
#   bare_look [MORE…]               what the program asks at first
#   bare_add NODE FILE              blockdev-add, the file's node named too
#   bare_switch FROM TO             blockdev-snapshot
#   bare_switches FROM TO N         a transaction of them; the disks' numbers are appended
#   bare_del NODE…                  blockdev-del
#   bare_job COMMAND NODE           snapshot-save or snapshot-load in NODE's image, and its end
#   await N                         so many answers

bare_model() {
    rm -f "$1"
    qemu-img create -q -f qcow2 -b "$2" -F qcow2 "$1"
}

bare_script() {
    { printf '%s\n' '"QMP"' '{"execute":"qmp_capabilities"}'; cat; } >"$1"
}

bare_file() {
    echo "+ $1 $2"
    echo "! $1"
}

bare_look() {
    for bare_query in query-status query-block query-jobs "$@"; do
        echo "{\"execute\":\"$bare_query\"}"
    done
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

bare_switches() {
    bare_actions=''
    for bare_disk in $(seq 0 $(($3 - 1))); do
        bare_actions="$bare_actions${bare_actions:+,}{\"type\":\"blockdev-snapshot\",\"data\":\
{\"node\":\"$1$bare_disk\",\"overlay\":\"$2$bare_disk\"}}"
    done
    echo "{\"execute\":\"transaction\",\"arguments\":{\"actions\":[$bare_actions]}}"
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
