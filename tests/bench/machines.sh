# SPDX-License-Identifier: GPL-2.0-or-later
#
# machines: paused machines to measure on, alike whoever runs them: the same board,
# memory and disks, nothing else. Sourced; works in the current folder.
#
#   machine NAME DISKS [LAYERS [QEMU-OPTIONS…]]     a QEMU of our own
#   touched NAME DISKS MIB                          one that runs, and has used all of its memory
#   domain NAME DISKS                               one of libvirt's
#
#   vm/NAME/sock         the monitor                vm/NAME/eye      a second one
#   vm/NAME/dN.qcow2     the disks, all of them fresh, 1 GiB with 1 MiB of data in them

# What a guest may have left in its disk.
image() {
    if [ ! -e vm/image ]; then
        qemu-img create -q -f qcow2 vm/image 1G
        qemu-io -f qcow2 -c 'write -q -P 1 0 1M' vm/image >>log 2>&1
    fi
    cp vm/image "$1"
}

# start NAME QEMU-OPTIONS…: a paused machine with two monitors.
start() {
    start_name=$1
    shift
    qemu-system-x86_64 -machine pc,usb=off -accel tcg -m 64 -nodefaults -no-user-config \
        -display none -S -sandbox on \
        -qmp "unix:vm/$start_name/sock,server=on,wait=off" \
        -qmp "unix:vm/$start_name/eye,server=on,wait=off" "$@" >>log 2>&1 &
    echo $! >"vm/$start_name/pid"
    until [ -S "vm/$start_name/eye" ]; do
        kill -0 "$(cat "vm/$start_name/pid")"
        sleep 0.02
    done
}

# pile FILE LAYERS: set $file to the top of a chain of so many layers over FILE
pile() {
    file=$1 layer=1
    while [ $layer -lt "$2" ]; do
        qemu-img create -q -f qcow2 -b "$file" -F qcow2 "${1%.qcow2}-$layer.qcow2"
        file=${1%.qcow2}-$layer.qcow2
        layer=$((layer + 1))
    done
}

machine() {
    machine_stop "$1"
    mkdir "vm/$1"
    machine_name=$1 machine_disks=$2 machine_layers=${3:-1} i=0
    shift $(($# > 3 ? 3 : $#))
    while [ $i -lt "$machine_disks" ]; do
        file=$PWD/vm/$machine_name/d$i.qcow2
        image "$file"
        pile "$file" "$machine_layers"
        set -- "$@" \
            -blockdev "driver=file,node-name=f$i,filename=$file,auto-read-only=on,discard=unmap" \
            -blockdev "driver=qcow2,node-name=b$i,file=f$i" \
            -device "virtio-blk-pci,drive=b$i,id=disk$i"
        i=$((i + 1))
    done
    start "$machine_name" "$@"
}

touched() {
    machine "$1" "$2" 1 -m "$3" -kernel bin/touch -debugcon "file:vm/$1/touched"
    printf '%s\n' '"QMP"' '{"execute":"qmp_capabilities"}' '{"execute":"cont"}' \
        '"return"' '"return"' >"vm/$1/go"
    bin/floor "vm/$1/sock" "vm/$1/go"
    until [ -s "vm/$1/touched" ]; do sleep 0.02; done
}

machine_stop() {
    if [ -e "vm/$1/pid" ]; then
        machine_pid=$(cat "vm/$1/pid")
        kill "$machine_pid" 2>/dev/null || :
        wait "$machine_pid" 2>/dev/null || :
        # When a case left it, it is not our child. A QEMU that is still on its way out
        # would unlink the socket of the next one by its name.
        while kill -0 "$machine_pid" 2>/dev/null; do sleep 0.02; done
    fi
    rm -rf "vm/$1"
}

domain() {
    domain_stop "$1"
    mkdir "vm/$1"
    {
        cat <<-XML
		<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		<name>$1</name><memory unit='MiB'>64</memory>
		<os><type arch='x86_64' machine='pc'>hvm</type></os>
		<devices><controller type='usb' model='none'/><memballoon model='none'/>
		XML
        i=0
        for letter in a b c d e f g h i j k l m n o p; do
            [ $i -lt "$2" ] || break
            image "$PWD/vm/$1/d$i.qcow2"
            echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            echo "<source file='$PWD/vm/$1/d$i.qcow2'/><target dev='vd$letter' bus='virtio'/></disk>"
            i=$((i + 1))
        done
        cat <<-XML
		</devices><qemu:commandline><qemu:arg value='-qmp'/>
		<qemu:arg value='unix:$PWD/vm/$1/eye,server=on,wait=off'/></qemu:commandline></domain>
		XML
    } >"vm/$1/xml"
    $virsh create --paused "vm/$1/xml" >>log 2>&1
}

domain_stop() {
    [ ! -e "vm/$1/xml" ] || $virsh destroy "$1" >>log 2>&1 || :
    rm -rf "vm/$1"
}

# write NAME DEVICE SIZE: the guest writes to the start of a disk, and does not flush.
guest_writes() {
    cat >"vm/$1/write" <<-SCRIPT
	"QMP"
	{"execute":"qmp_capabilities"}
	"return"
	{"execute":"human-monitor-command","arguments":{"command-line":"qemu-io -d /machine/peripheral/$2/virtio-backend \"write -q -P 2 0 $3\""}}
	"return": ""
	SCRIPT
    bin/floor "vm/$1/eye" "vm/$1/write"
}
