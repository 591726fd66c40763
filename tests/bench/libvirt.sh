# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt: a private libvirt daemon, run as an ordinary user (qemu:///session), that
# shares nothing with one of the system: its sockets, settings and state are in
# ./libvirt. Sourced.
#
#   libvirt_start          sets $virsh, the command; $virsh stays empty where there is no libvirt
#   libvirt_stop

virsh=
libvirt_pid=

libvirt_start() {
    daemon=$(PATH=$PATH:/usr/sbin:/sbin command -v libvirtd ||
             PATH=$PATH:/usr/sbin:/sbin command -v virtqemud) || return 0
    command -v virsh >/dev/null || return 0

    for d in HOME RUNTIME_DIR CONFIG_HOME CACHE_HOME DATA_HOME STATE_HOME; do
        mkdir -p -m 700 "libvirt/$d"
        export "XDG_$d=$PWD/libvirt/$d"
    done
    export HOME="$PWD/libvirt/HOME"
    mkdir "$XDG_CONFIG_HOME/libvirt"
    # Without virtlogd: it would be one more process to find and stop.
    echo 'stdio_handler = "file"' >"$XDG_CONFIG_HOME/libvirt/qemu.conf"

    socket=$XDG_RUNTIME_DIR/libvirt/libvirt-sock
    [ "${daemon##*/}" = libvirtd ] || socket=$XDG_RUNTIME_DIR/libvirt/${daemon##*/}-sock
    "$daemon" >libvirt/log 2>&1 &
    libvirt_pid=$!
    until [ -S "$socket" ]; do
        if ! kill -0 $libvirt_pid 2>/dev/null; then
            sed 's/^/  /' libvirt/log >&2
            echo "libvirt does not start here: nothing is compared with virsh" >&2
            return 0
        fi
        sleep 0.05
    done
    virsh="virsh -q -c qemu:///session?socket=$socket"
    $virsh version >>log 2>&1    # answered when the drivers are up
}

libvirt_stop() {
    [ -n "$libvirt_pid" ] || return 0
    [ -z "$virsh" ] || for name in $($virsh list --name); do
        $virsh destroy "$name" >>log 2>&1 || :
    done
    kill "$libvirt_pid" 2>/dev/null || :
    wait "$libvirt_pid" || :
    libvirt_pid=
}
