# SPDX-License-Identifier: GPL-2.0-or-later
#
# cases: what is measured, one function each, and the goal beside each. Sourced.
#
# Whatever is compared takes turns: one run of each, round after round, on machines
# that were made alike and are made anew before their chains grow long.

# ours FILE NAME ARGS…; theirs FILE COMMAND NAME ARGS…: one measured run
ours() {
    ours_file=$1 ours_name=$2
    shift 2
    bin/spawn "$ours_file" qrewind "$qrewind" -s "vm/$ours_name/sock" "$@"
}

theirs() {
    [ -n "$virsh" ] || return 0
    theirs_file=$1
    shift
    bin/spawn "$theirs_file" virsh $virsh "$@"
}

# fresh ROUND EVERY DISKS: new machines when it is time
fresh() {
    [ $(($1 % $2)) -eq 0 ] || return 0
    machine ours "$3"
    [ -z "$virsh" ] || domain theirs "$3"
}

case_info() {
    machine ours 1
    trace_script ours info >info.script
    for round in $(seq 40); do
        bin/spawn info.data floor bin/floor vm/ours/sock info.script
        ours info.data ours info
    done
    row "info" info.data 2 floor ms 1.4
}

case_create() {
    create_rounds 1 20 10
    create_rounds 4 20 10
    create_rounds 16 12 6
    row "create, 1 disk" create-1.data 2 virsh ms 0.22
    row "" create-1.data 2 bare ms ""
    row "create, 4 disks" create-4.data 2 virsh ms 0.17
    row "" create-4.data 2 bare ms ""
    row "create, 16 disks" create-16.data 2 virsh ms 0.14
    row "" create-16.data 2 bare ms ""
}

# create_rounds DISKS ROUNDS EVERY
create_rounds() {
    bare=$PWD/vm/bare
    round=0
    while [ $round -lt "$2" ]; do
        fresh $round "$3" "$1"
        if [ $((round % $3)) -eq 0 ]; then
            machine bare "$1"
            "$qrewind" -n -j -s vm/bare/sock create >journal
            under=b
        fi
        bare_create "$1" o$round- >create.body
        bare_script create.script <create.body
        ours "create-$1.data" ours create "r$round"
        bin/spawn "create-$1.data" bare bin/floor vm/bare/sock create.script
        theirs "create-$1.data" snapshot-create-as theirs "r$round" --disk-only --atomic
        under=o$round-
        round=$((round + 1))
    done
}

# The same, overlays from $under to OVER on the disk before the switch, and two files
# in place of the journal and the record.
bare_create() {
    last=$(($1 - 1))
    bare_look
    await 4
    bare_file "$bare/journal" journal
    for i in $(seq 0 $last); do
        bare_model "$bare/$2model$i" "$bare/d$i.qcow2"
        echo "+ $bare/$2$i.qcow2 $bare/$2model$i"
        bare_add "$2$i" "$bare/$2$i.qcow2"
    done
    for i in $(seq 0 $last); do echo "! $bare/$2$i.qcow2"; done
    await "$1"
    bare_switches "$under" "$2" "$1"
    await 1
    echo '{"execute":"query-block"}'
    await 1
    bare_file "$bare/record" journal
}

# The ways back start from a new overlay with a little data in it.
overlay() {
    fresh "$1" 10 1
    "$qrewind" -s vm/ours/sock create "r$1" >>log
    guest_writes ours disk0 64k
    [ -n "$virsh" ] || return 0
    $virsh snapshot-create-as theirs "r$1" --disk-only --atomic >>log
    guest_writes theirs virtio-disk0 64k
}

case_commit() {
    bare=$PWD/vm/bare
    echo pending >journal
    for round in $(seq 0 14); do
        overlay "$round"
        if [ $((round % 10)) -eq 0 ]; then machine bare 1; fi
        bare_model "$bare/model" "$bare/d0.qcow2"
        { bare_file "$bare/o.qcow2" "$bare/model"
          bare_add o "$bare/o.qcow2"; bare_switch b0 o; await 3; } | bare_script commit.script
        bin/floor vm/bare/sock commit.script
        guest_writes bare disk0 64k
        bare_commit | bare_script commit.script
        ours commit.data ours -q commit --force disk0
        bin/spawn commit.data bare bin/floor vm/bare/sock commit.script
        theirs commit.data blockcommit theirs vda --active --pivot --wait
    done
    row "commit and pivot" commit.data 2 virsh ms 0.2
    row "" commit.data 2 bare ms ""
}

bare_commit() {
    bare_look query-blockstats
    await 5
    bare_file "$bare/journal" journal
    echo '{"execute":"block-commit","arguments":{"job-id":"j","device":"o"}}'
    echo '"BLOCK_JOB_READY"'
    echo '{"execute":"job-complete","arguments":{"id":"j"}}'
    echo '"null"'
    echo '{"execute":"query-block"}'
    bare_del o
    await 2
    bare_file "$bare/record" journal
}

case_stream() {
    for round in $(seq 0 14); do
        overlay "$round"
        ours stream.data ours stream disk0
        theirs stream.data blockpull theirs vda --wait
    done
    row "stream" stream.data 2 virsh ms 0.03
}

case_mirror() {
    for round in $(seq 0 14); do
        overlay "$round"
        ours mirror.data ours mirror --pivot disk0 "$PWD/vm/ours/copy$round.qcow2"
        theirs mirror.data blockcopy theirs vda --dest "$PWD/vm/theirs/copy$round.qcow2" \
            --format qcow2 --pivot --wait
    done
    row "mirror and pivot" mirror.data 2 virsh ms 0.03
}

# watched HOW FILE LABEL NAME COMMAND…: one run under the eye of the second monitor, which sees for
# how long QEMU did not answer (-w), or the guest stood still (-p)
watched() {
    watched_how=$1 watched_file=$2 watched_label=$3 watched_name=$4
    shift 4
    bin/spawn "$watched_how" "vm/$watched_name/eye" "$watched_file" "$watched_label" "$@"
}

case_stall() {
    for round in $(seq 0 19); do
        fresh "$round" 10 4
        [ $((round % 10)) -ne 0 ] || machine sync 4
        sync_script "$round" 4 >sync.script
        watched -w stall.data qrewind ours "$qrewind" -s vm/ours/sock create "r$round"
        watched -w stall.data sync sync bin/floor vm/sync/sock sync.script
        [ -z "$virsh" ] || watched -w stall.data virsh theirs \
            $virsh snapshot-create-as theirs "r$round" --disk-only --atomic
    done
    row "stall at create, 4 disks" stall.data 4 sync ms 0.2
    row "" stall.data 4 virsh ms 0.5
}

# sync_script ROUND DISKS: one transaction of blockdev-snapshot-sync, the bare command
sync_script() {
    under=s$(($1 - 1))-
    [ $(($1 % 10)) -ne 0 ] || under=b
    actions=''
    i=0
    while [ $i -lt "$2" ]; do
        actions="$actions${actions:+,}{\"type\":\"blockdev-snapshot-sync\",\"data\":{\"node-name\":\"$under$i\",\
\"snapshot-file\":\"$PWD/vm/sync/s$1-$i.qcow2\",\"format\":\"qcow2\",\"snapshot-node-name\":\"s$1-$i\"}}"
        i=$((i + 1))
    done
    printf '%s\n' '"QMP"' '{"execute":"qmp_capabilities"}' \
        "{\"execute\":\"transaction\",\"arguments\":{\"actions\":[$actions]}}" '"return"' '"return"'
}

# What a guest wrote and the host has not: QEMU flushes it before it switches layers.
case_dirty() {
    for round in $(seq 0 5); do
        fresh "$round" 3 4
        for i in 0 1 2 3; do guest_writes ours disk$i 64M; done
        watched -w dirty.data qrewind ours "$qrewind" -s vm/ours/sock create "r$round"
        [ -n "$virsh" ] || continue
        for i in 0 1 2 3; do guest_writes theirs virtio-disk$i 64M; done
        watched -w dirty.data virsh theirs \
            $virsh snapshot-create-as theirs "r$round" --disk-only --atomic
    done
    row "the same, 256 MiB unwritten" dirty.data 4 virsh ms 0.05
}

case_rate() {
    machine ours 1
    for round in 1 2 3 4 5; do
        bin/spawn rate.data floor bin/floor vm/ours/sock -5000
        bin/spawn rate.data qrewind bin/rate vm/ours/sock 5000
    done
    row "5000 commands in a row" rate.data 2 floor /s 0.9 more
}

case_many() {
    mkdir vm/many
    bin/server vm/many/sock 2>>log &
    echo $! >vm/many/pid
    until [ -S vm/many/sock ]; do sleep 0.02; done
    for round in $(seq 15); do
        bin/many vm/many/sock 1000 >>many.data
    done
    row "1000 monitors, each" many.data 2 "" µs 30
    row "1000 monitors, memory" many.data 3 "" MiB 8
}

case_memory() {
    machine ours 4
    for round in 1 2 3; do ours memory.data ours create "r$round"; done
    row "memory of create, 4 disks" memory.data 3 "" MiB 3

    machine ours 4 64
    trace_script ours chain >chain.script
    for round in 1 2 3; do
        bin/spawn chain.data floor bin/floor vm/ours/sock chain.script
        ours chain.data ours chain
    done
    row "memory of chain, 4 x 64 layers" chain.data 3 "" MiB 12
    row "chain, 4 x 64 layers" chain.data 2 floor ms ""
}

case_size() {
    cp bin/qrewind size.program
    cp bin/libqrewind.so.0 size.library
    strip size.program size.library
    echo "qrewind 0 $((($(wc -c <size.program) + $(wc -c <size.library) + 1023) / 1024))" >size.data
    row "program and library, stripped" size.data 3 "" KiB 250
}

# What QEMU has to read, a byte at a time: the same on every machine.
case_bytes() {
    machine ours 4
    echo
    echo "bytes sent:"
    for verb in info disks chain "create r1" "stream disk0" \
                "mirror --pivot disk1 $PWD/vm/ours/copy.qcow2" "commit --force disk2"; do
        printf '  %-8s %6d\n' "${verb%% *}" "$(bytes_sent ours $verb)"
    done
}
