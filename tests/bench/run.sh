#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run: measure the cases that are named (or all) in the current folder, and print the
# table. Everything it starts ends with it; the folder is the caller's to remove.
set -eu
here=$(dirname "$0")
. "$here/machines.sh"
. "$here/libvirt.sh"
. "$here/trace.sh"
. "$here/cases.sh"
. "$here/bare.sh"
. "$here/cases-back.sh"

qrewind=$PWD/bin/qrewind
runner=
failed=0

stop_machines() {
    for folder in vm/*/; do
        [ ! -e "$folder/pid" ] || machine_stop "$(basename "$folder")"
    done
    domain_stop theirs
}

clean_up() {
    trap '' INT TERM
    [ -z "$runner" ] || kill "$runner" 2>/dev/null || :
    stop_machines
    libvirt_stop
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# row TITLE FILE COLUMN OTHER UNIT GOAL [more]
row() {
    awk -v title="$1" -v column="$3" -v self=qrewind -v other="$4" -v unit="$5" -v goal="$6" \
        -v more="${7:+1}" -v calls=5000 -f "$here/row.awk" "$2" | tee -a table
}

mkdir vm
: >table
[ $# -gt 0 ] || set -- info create commit stream mirror stall dirty revert delete \
    checkpoint pause live frozen rate many memory size bytes
libvirt_start
libvirt="no libvirt"
[ -z "$virsh" ] || libvirt="libvirt $($virsh --version)"
echo "$(qemu-system-x86_64 --version | head -n1); $libvirt"
echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); medians ± the median distance from them"
echo
printf '%-30s%4s  %-20s%-26s%7s  %s\n' "" n "qrewind, median" "against" ratio goal

for name; do
    # A case that fails ends there; the others go on.
    (case_"$name") &
    runner=$!
    wait $runner || { echo "$name: failed"; failed=1; }
    runner=
    stop_machines
done

echo
echo "$(grep -c ' reached$' table || :) goals measured, $(grep -c 'NOT reached$' table || :) not reached"
[ -z "$virsh" ] || cat <<'NOTE'

Beside what is measured here, libvirt keeps a daemon that outlives its clients, checks access,
knows each machine's whole configuration and saves its state at every step; it asks twice a
second how a job is getting on. Run as an ordinary user, as here, it does not even relabel
files or keep cgroups. A ratio says what a snapshot costs, not what libvirt is worth.
NOTE
exit $failed
