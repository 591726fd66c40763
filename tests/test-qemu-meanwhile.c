/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two at once: what another program does between our look at QEMU and our lock. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/faults/fault.h"

/* Somebody else works on the VM when it has been observed, but its lock not been taken. */
Test(meanwhile, what_was_done_between_look_and_lock_is_seen)
{
    static const struct {
        const char *before, *words;
        int status;
        const char *chain;
    } cases[] = {
        {"delete s1", "create s3", 0, "vda.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2"},
        {"delete s1", "delete s2", 0, "vda.qcow2"},
        {"create s3", "delete s1", 0, "vda.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2"},
        {"revert s1", "create s3", 0, "vda.qcow2 <- vda.s1-2.qcow2 <- vda.s3.qcow2"},
        {"stream vda", "create s3", 8, "vda.s2.qcow2"}, /* the sidecar has moved */
    };
    const struct lab_options two = {.disks = 1, .args = WORDS(SECOND_MONITOR)};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab *lab = tower(&two, 2);
        auto_free char *program = lab_program();
        auto_free char *each = mem_printf(
            "mkdir ../once 2>&- && %s -q -s ../second.sock %s >../other 2>&1; : ", program,
            cases[i].before);

        setenv("QRW_FAULT_EACH", each, 1);
        auto_result struct lab_result r =
            fault_run(lab, &(struct fault){.set = "flock", .log = "../calls"}, cases[i].words);
        unsetenv("QRW_FAULT_EACH");
        cr_expect_eq(r.status, cases[i].status, "%s: %s%s", cases[i].words, r.out, r.err);
        chain_is(lab, 0, cases[i].chain);
        json_auto_t *check = tells(lab, "check");
        cr_expect_eq(json_array_size(json_object_get(check, "findings")), 0);
        lab_stop(lab);
    }
}

/* Between the removal of a file and the record of that. */
Test(meanwhile, what_is_to_go_is_missed_by_nobody)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1, .args = WORDS(SECOND_MONITOR)}, 2);
    auto_free char *program = lab_program();
    auto_free char *each = mem_printf("%s -q -s ../second.sock check >>../found 2>&1; : ", program);

    setenv("QRW_FAULT_EACH", each, 1);
    auto_result struct lab_result r =
        fault_run(lab, &(struct fault){.set = "change", .log = "../calls"}, "delete s1");
    unsetenv("QRW_FAULT_EACH");
    auto_result struct lab_result found = lab_exec(lab->folder, WORDS("cat", "found"));
    cr_expect(!r.status && strstr(found.out, "it is under way"), "%s", found.out);
    cr_expect(!strstr(found.out, "broken-snapshot"), "%s", found.out);
    lab_stop(lab);
}
