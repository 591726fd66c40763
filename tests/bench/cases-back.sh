# SPDX-License-Identifier: GPL-2.0-or-later
#
# cases-back: what is measured of memory and of going back. Sourced; see cases.sh.

# Inside the image, memory and all.
case_revert() {
    for round in $(seq 0 9); do
        if [ $((round % 5)) -eq 0 ]; then
            fresh 0 1 1
            "$qrewind" -s vm/ours/sock create --internal --memory s >>log
            [ -z "$virsh" ] || $virsh snapshot-create-as theirs s >>log
        fi
        guest_writes ours disk0 64k
        ours revert.data ours revert s
        [ -n "$virsh" ] || continue
        guest_writes theirs virtio-disk0 64k
        theirs revert.data snapshot-revert theirs s
    done
    row "revert, internal" revert.data 2 virsh ms 0.08
}

# libvirt 9.0 cannot delete an external snapshot; this is what its users do, to the file that it leaves.
case_delete() {
    for round in $(seq 0 14); do
        overlay "$round"
        ours delete.data ours delete "r$round"
        [ -n "$virsh" ] || continue
        cat >merge.sh <<-SCRIPT
		set -e
		$virsh blockcommit theirs vda --active --pivot --wait
		$virsh snapshot-delete theirs r$round --metadata
		rm $PWD/vm/theirs/d0.r$round
		SCRIPT
        bin/spawn delete.data virsh sh merge.sh
    done
    row "delete, external" delete.data 2 virsh ms 0.2
}

# The present state goes into a new overlay, which dies at the next revert. @1: the MiB of memory
# that the guest has written, @2: the goal.
checkpoint() {
    bare=$PWD/vm/bare
    for round in $(seq 0 14); do
        if [ $((round % 5)) -eq 0 ]; then
            touched ours 1 "$1"
            touched bare 1 "$1"
            "$qrewind" -s vm/ours/sock create --memory s >>log
            bare_model "$bare/model" "$bare/d0.qcow2"
            qemu-img create -q -f qcow2 "$bare/ram" 64M
            { bare_file "$bare/o.qcow2" "$bare/model"
              bare_add o "$bare/o.qcow2"; bare_add ram "$bare/ram"; await 3
              bare_job snapshot-save ram
              bare_switch b0 o; bare_del ram; await 2; } | bare_script checkpoint.script
            bin/floor vm/bare/sock checkpoint.script
            under=o
        fi
        over=o$round
        # the steps that ours takes, as few as they can be
        { bare_file "$bare/$over.qcow2" "$bare/model"
          bare_add $over "$bare/$over.qcow2"; bare_add ram "$bare/ram"; await 3
          bare_switch $under $over; await 1
          echo "{\"execute\":\"blockdev-reopen\",\"arguments\":{\"options\":[{\"driver\":\"qcow2\",\
\"node-name\":\"$over\",\"backing\":\"b0\",\"file\":\"${over}f\"}]}}"
          await 1
          bare_job snapshot-load ram
          bare_del ram $under; await 2; } | bare_script checkpoint.script
        ours checkpoint-$1.data ours revert s
        bin/spawn checkpoint-$1.data bare bin/floor vm/bare/sock checkpoint.script
        rm "$bare/$under.qcow2"
        under=$over
    done
    row "revert, memory of $1 MiB" checkpoint-$1.data 2 bare ms "$2"
}

# A guest that has hardly begun, of 8 MiB, shows what we add; none is taken back for that.
case_checkpoint() {
    checkpoint 128 1.5
    checkpoint 8 ""
}

case_pause() {
    bare=$PWD/vm/bare
    for round in $(seq 0 9); do
        if [ $((round % 5)) -eq 0 ]; then
            touched ours 1 128
            touched bare 1 128
            under=b0
            base=$bare/d0.qcow2
        fi
        over=o$round
        bare_model "$bare/$over.qcow2" "$base"
        qemu-img create -q -f qcow2 "$bare/ram$round" 64M
        { bare_add $over "$bare/$over.qcow2"; bare_add ram "$bare/ram$round"; await 3
          echo '{"execute":"stop"}'; bare_job snapshot-save ram
          bare_switch $under $over; await 1
          echo '{"execute":"cont"}'; bare_del ram; await 2; } | bare_script pause.script
        # by turns who goes first: the other finds the disk busy with what the first wrote
        [ $((round % 2)) -eq 0 ] || watched -p pause.data bare bare bin/floor vm/bare/sock pause.script
        watched -p pause.data qrewind ours "$qrewind" -s vm/ours/sock create --memory "r$round"
        [ $((round % 2)) -ne 0 ] || watched -p pause.data bare bare bin/floor vm/bare/sock pause.script
        under=$over base=$bare/$over.qcow2
    done
    row "pause, memory of 128 MiB" pause.data 4 bare ms 1.2
}

# However much memory: the guest runs while it is saved.
case_live() {
    for memory in 64 512; do
        for round in $(seq 0 4); do
            [ "$round" -ne 0 ] || touched ours 1 $memory
            watched -p live-$memory.data qrewind ours \
                "$qrewind" -s vm/ours/sock create --memory=live "r$round"
        done
        row "pause, live, $memory MiB" live-$memory.data 4 "" ms 50
    done
}

# An agent that answers at once, so that what is left is ours.
case_frozen() {
    mkdir vm/agent
    bin/agent vm/agent/sock frozen.data qrewind 2>>log &
    echo $! >vm/agent/pid
    until [ -S vm/agent/sock ]; do sleep 0.02; done
    bare=$PWD/vm/bare
    for round in $(seq 0 19); do
        if [ $((round % 10)) -eq 0 ]; then
            touched ours 4 64
            touched bare 4 64
            under=b
        fi
        over=o$round-
        for i in 0 1 2 3; do bare_model "$bare/$over$i.qcow2" "$bare/d$i.qcow2"; done
        { for i in 0 1 2 3; do bare_add $over$i "$bare/$over$i.qcow2"; done
          await 5
          echo "@ frozen.data bare"
          bare_switches $under $over 4
          await 1; } | bare_script frozen.script
        "$qrewind" -s vm/ours/sock -a vm/agent/sock create --quiesce "r$round" >>log
        bin/floor vm/bare/sock frozen.script
        under=$over
    done
    row "frozen, 4 disks" frozen.data 2 bare ms 1.5
}
