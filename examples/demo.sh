#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A film: a Linux that never stops writing, what qrewind does beneath it, and how the Linux is
# taken back to an instant before it destroyed itself.
#
#   examples/demo.sh [PROGRAM]       (make demo)
#
# Everything is in a temporary folder and gone afterwards. Ends with 0 only if every
# command did what it should, and every file system was clean.
set -eu

cd "$(dirname "$0")/.."
qrewind=$(realpath "${1:-build/qrewind}")
guest=$(tests/guest/build)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/qrw-demo-XXXXXX")
cd "$work"
PATH=$PATH:/usr/sbin:/sbin
export QREWIND_SOCKET=vm.sock
qemu=

clean_up() {
    [ -z "$qemu" ] || kill -KILL "$qemu" 2>/dev/null || :
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

bold='' dim='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[m'
fi

scene_number=0
scene() {
    scene_number=$((scene_number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$scene_number" "$1" "$plain"
    shift
    [ $# -eq 0 ] || printf '   %s\n' "$@"
}

fail() {
    printf '   %s%s%s\n' "$red" "$1" "$plain"
    exit 1
}

# Milliseconds since $1, which is what EPOCHREALTIME was then.
since() {
    echo $(((${EPOCHREALTIME/./} - ${1/./}) / 1000))
}

# The last line number that the guest told of.
guest_at() {
    tr -d '\r' <console | sed -n 's/^at //p' | tail -n 1
}

# Wait for the guest to write on, from the line $1.
guest_writes_on() {
    local patience=600

    while [ "$(guest_at)" = "$1" ]; do
        kill -0 "$qemu" 2>/dev/null || fail "QEMU has gone"
        [ $((patience -= 1)) -gt 0 ] || fail "the guest does not write any more"
        sleep 0.1
    done
}

# What a command said, without the name of our folder and the width that it gave a column.
say() {
    sed "s/^/     /; /${work//\//\\/}/!s/ \{$((${#work} + 1))\}//; s|$work/||g; s/ *$//" out
}

# A command as one would type it, what it says, how long it took, and the guest meanwhile.
run() {
    local at begin took status=0

    printf '   $ qrewind'
    printf ' %s' "${@@Q}" | sed "s/'\([a-z0-9/.-]*\)'/\1/g"
    at=$(guest_at)
    begin=$EPOCHREALTIME
    "$qrewind" "$@" >out 2>&1 || status=$?
    took=$(since "$begin")
    echo
    say
    [ "$status" -eq 0 ] || fail "that failed with exit code $status"
    guest_writes_on "$at"
    printf '     %s%d ms; the guest has written on, from line %d to %d%s\n' \
        "$dim" "$took" "$at" "$(guest_at)" "$plain"
}

# Run a shell line in the guest, through its agent, on the one connection that is open to it.
in_guest() {
    local answer pid

    printf '   guest# %s\n' "$1"
    printf '{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","%s"],%s}}\n' \
        "$1" '"capture-output":true' >&8
    read -r -t 60 answer <&9 || fail "the agent does not answer"
    pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' <<<"$answer")
    [ -n "$pid" ] || fail "the agent says $answer"
    until [[ $answer == *'"exited": true'* ]]; do
        sleep 0.05
        printf '{"execute":"guest-exec-status","arguments":{"pid":%d}}\n' "$pid" >&8
        read -r -t 60 answer <&9 || fail "the agent does not answer"
    done
    sed -n 's/.*"out-data": *"\([^"]*\)".*/\1/p' <<<"$answer" | base64 -d | sed 's/^/     /'
}

make_disk() {
    mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$1.raw" 64M >/dev/null
    qemu-img convert -O qcow2 "$1.raw" "$1.qcow2"
    rm "$1.raw"
}

boot() {
    mkfifo agent.in agent.out
    exec 8<>agent.in 9<>agent.out
    qemu-system-x86_64 -m 192 -nodefaults -no-user-config -display none \
        -drive file=vda.qcow2,if=virtio,format=qcow2,id=vda \
        -drive file=vdb.qcow2,if=virtio,format=qcow2,id=vdb \
        -qmp unix:vm.sock,server=on,wait=off -serial file:console \
        -device virtio-serial-pci -chardev pipe,id=agent,path=agent \
        -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0 \
        -kernel "$guest/kernel" -initrd "$guest/initramfs" \
        -append "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off disks=2" >qemu.log 2>&1 &
    qemu=$!
    until grep -q '^at ' console 2>/dev/null; do
        kill -0 "$qemu" 2>/dev/null || fail "QEMU ended: $(cat qemu.log)"
        [ "$SECONDS" -lt 300 ] || fail "the guest does not boot"
        sleep 0.1
    done
}

# What is in the image $2, called $1: the file system clean, the log without a gap?
inspect() {
    local lines

    qemu-img convert -O raw -f qcow2 "$2" raw
    # What a crash leaves to the journal is put right by it, as at the next mount.
    e2fsck -E journal_only -y raw >out 2>&1 || [ $? -le 1 ] || fail "$1: $(cat out)"
    e2fsck -f -n raw >out 2>&1 || fail "$1: $(cat out)"
    lines=$(debugfs -R 'cat /log' raw 2>/dev/null |
        awk '/^boot$/ { next } $0 != ++n { gap = 1; exit } END { print n + 0; exit gap || !n }') ||
        fail "$1: the log has a gap"
    rm raw
    printf '     %-28s clean, and its log goes from 1 to %d without a gap\n' "$1" "$lines"
}

# The files that hold the snapshot $1, one for each disk.
files_of() {
    "$qrewind" --json show "$1" | grep -o '"file": *"[^"]*"' | sed 's/.*"\([^"]*\)"$/\1/'
}

scene "A machine" \
    "Two disks, and a Linux that writes a line to each of them some twenty times a second." \
    "It is a bare QEMU, started by hand, with a monitor on a socket:" \
    "\$ qemu-system-x86_64 -drive file=vda.qcow2,id=vda … -qmp unix:vm.sock,server=on,wait=off"
make_disk vda
make_disk vdb
begin=$EPOCHREALTIME
boot
printf '     %sup after %d ms, at line %d%s\n' "$dim" "$(since "$begin")" "$(guest_at)" "$plain"
run disks

scene "Snapshots" \
    "Both disks at the same instant, while the guest goes on. What is there now is frozen;" \
    "what comes next goes to new files on top."
run create installed --description "as it came up"
run create before-upgrade
run create after-upgrade

scene "The tree" "Each snapshot knows which one it came after, and which file holds it."
run list --tree
run chain

scene "A commit" \
    "The upgrade went well. Nobody will go back to before-upgrade: on vda its layer and the" \
    "next become one, and the chain a layer shorter. The guest reads and writes through it."
run commit vda --top after-upgrade --base before-upgrade --force
run chain vda

scene "A mirror" \
    "vdb moves to another place, under the running guest: everything is copied, then what" \
    "was written meanwhile, and at a quiet moment the guest is switched over."
mkdir elsewhere
run mirror vdb elsewhere/vdb.qcow2 --pivot
run chain vdb

scene "The way back" \
    "A checkpoint holds the memory too. Then the guest does the worst that it can do to itself."
run create before-the-mistake --memory
in_guest "dd if=/dev/zero of=/dev/vda bs=1M 2>&1 | tail -n 1"
in_guest "echo 3 >/proc/sys/vm/drop_caches; cat /disks/vda/log 2>&1 | tail -n 1"
printf '\n   Its file system is gone. Not the instant before:\n'
guest_writes_on "$(guest_at)"
guest_writes_on "$(guest_at)"
lost=$(guest_at)
begin=$EPOCHREALTIME
printf '   $ qrewind revert before-the-mistake --discard\n'
"$qrewind" revert before-the-mistake --discard >out 2>&1 || fail "$(cat out)"
took=$(since "$begin")
say
in_guest "tail -n 1 /disks/vda/log"
guest_writes_on "$lost"
kill -0 "$qemu" 2>/dev/null || fail "QEMU has gone"
[ "$(guest_at)" -lt "$lost" ] || fail "the guest was not taken back"
printf '     %s%d ms. The same process, the same connection to the agent; the guest was at line\n' \
    "$dim" "$took"
printf '     %d, is at %d again, and does not know that it had ever been further.%s\n' \
    "$lost" "$(guest_at)" "$plain"

scene "The end" \
    "QEMU is killed, as a power cut would do it. Every state that we kept must be what a" \
    "journalling file system makes whole: the snapshots, and where the guest was last."
mapfile -t installed < <(files_of installed)
mapfile -t after < <(files_of after-upgrade)
mistake=$(files_of before-the-mistake)
active=$("$qrewind" disks | awk -v work="$work/" '$1 == "vda" { sub(work, "", $NF); print $NF }')
{ kill -KILL "$qemu" && wait "$qemu"; } 2>/dev/null || :
qemu=
inspect "installed, vda" "${installed[0]}"
inspect "installed, vdb" "${installed[1]}"
inspect "after-upgrade, vda" "${after[0]}"
inspect "after-upgrade, vdb" "${after[1]}"
inspect "before-the-mistake, vda" "$(head -n 1 <<<"$mistake")"
inspect "the last moment, vda" "$active"
inspect "the last moment, vdb" elsewhere/vdb.qcow2
printf '\n%sNothing was lost, and nothing is left behind.%s\n' "$bold" "$plain"
