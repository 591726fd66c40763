/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files whose names are no UTF-8, which no record and no QEMU can be told of; and what is no file,
 * and would be read for ever. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_odd_names, .init = offline_enter, .fini = offline_leave, .timeout = 60);

#define Q "qrewind -i base.qcow2 "
#define LATIN "\"$(printf 'b\\344se.qcow2')\""

static const char words[] = "its header names a file whose name is not UTF-8";

/* None of them may crash; what changes something says why it does not. */
Test(qemu_odd_names, a_header_names_one)
{
    static const char *const looks[] = {"-n repair", "repair", "repair --yes", "list", "chain"};
    static const char *const changes[] = {"adopt", "create x", "create x --internal"};

    offline_sh("qemu-img create -q -f qcow2 " LATIN " 4M; "
               "qemu-img create -q -f qcow2 -F qcow2 -b " LATIN " base.qcow2");
    for (int there = 0; there < 2; there++) {
        json_auto_t *check = offline_json(9, Q "check");
        says(check, "findings.0.code", "unreadable-image");
        says(check, "findings.0.text", words);
        json_decref(offline_json(9, Q "check --deep"));
        for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
            offline_ok(Q "%s", looks[i]);
        for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
            offline_fails(1, words, Q "%s", changes[i]);
        offline_sh("rm -f " LATIN);
    }
    offline_files("base.qcow2");
}

/* QEMU has it open, and calls it otherwise. */
Test(qemu_odd_names, a_vm_runs_on_one)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1}), *on;
    auto_free char *command =
        mem_printf("cd %s; qemu-img create -q -f qcow2 " LATIN " 16M; "
                   "qemu-img create -q -f qcow2 -F qcow2 -b " LATIN " on.qcow2",
                   lab->folder);

    turn_off(lab);
    offline_sh(command);
    on = start_again(lab, WORDS("on.qcow2"));
    json_auto_t *why = refuses(on, 7, "create", "s1");
    says(why, "desc", "the name of an image is not UTF-8");
    cr_expect_not(has_file(lab, "on.qcow2.qrewind.json"));
    lab_stop(on);
    lab_stop(lab);
}

/* Somebody's overlay lies on one of ours. */
Test(qemu_odd_names, one_lies_beside)
{
    offline_tower();
    offline_sh("qemu-img create -q -f qcow2 -F qcow2 -b base.s2.qcow2 " LATIN);
    offline_ok(Q "delete --children s1");
    offline_sh("rm " LATIN);
    offline_ok(Q "create x");
}

/* A layer is a link to one. */
Test(qemu_odd_names, one_is_led_to)
{
    offline_tower();
    offline_sh("mv base.s1.qcow2 " LATIN "; ln -s " LATIN " base.s1.qcow2");
    offline_ok(Q "check");
    offline_ok(Q "revert s1");
    offline_ok(Q "delete s1");
    offline_ok(Q "repair");
    offline_sh("ln -s " LATIN " link.qcow2; qrewind -i link.qcow2 check || [ $? = 9 ]");
}

Test(qemu_odd_names, what_is_no_file_is_not_read)
{
    offline_tower();
    offline_sh("mv base.qcow2 base; mkfifo base.qcow2");
    json_decref(offline_json(9, "qrewind -i base.s2.qcow2 check --deep"));
    offline_sh("rm base.qcow2; ln -s /dev/zero base.qcow2");
    json_decref(offline_json(9, "qrewind -i base.s2.qcow2 check --deep"));
    offline_sh("mv base base.qcow2; mv base.s2.qcow2 top; mkfifo base.s2.qcow2");
    json_decref(offline_json(9, "qrewind -S base.qcow2.qrewind.json check --deep"));
    offline_sh("mv top base.s2.qcow2");
    offline_ok(Q "check --deep");
}
