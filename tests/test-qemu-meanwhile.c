/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two at once: what another program does between our look at QEMU and our lock. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/inside.h"
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

/* What somebody finds who looks at each call of @words that changes something. */
static struct lab_result looked_at(struct lab *lab, const char *words)
{
    auto_free char *program = lab_program();
    auto_free char *each = mem_printf("%s -q -s ../second.sock check >>../found 2>&1; : ", program);

    setenv("QRW_FAULT_EACH", each, 1);
    auto_result struct lab_result r =
        fault_run(lab, &(struct fault){.set = "change", .log = "../calls"}, words);
    unsetenv("QRW_FAULT_EACH");
    cr_expect_eq(r.status, 0, "%s: %s%s", words, r.out, r.err);
    struct lab_result found = lab_exec(lab->folder, WORDS("sh", "-c", "cat found; rm -f found"));
    cr_expect(strstr(found.out, "it is under way"), "%s: %s", words, found.out);
    return found;
}

/* Also between the removal of a file and the record of that: what is judged is what it leaves. */
Test(meanwhile, what_is_to_go_is_missed_by_nobody)
{
    static const char *const all[] = {
        "create --internal t1", "delete t1",         "delete s1", "revert s2", "create s4",
        "delete --undo",        "commit vda --force"};
    static const char *const memory[] = {"create --memory m1", "create s5",
                                         "delete m1",          "create --memory --internal i1",
                                         "revert i1",          "delete i1"};
    struct lab *lab = tower(&(struct lab_options){.disks = 1, .args = WORDS(SECOND_MONITOR)}, 3);

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        auto_result struct lab_result found = looked_at(lab, all[i]);

        cr_expect(!strstr(found.out, "error"), "%s: %s", all[i], found.out);
    }
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]) && has_snapshot_jobs(lab); i++) {
        auto_result struct lab_result found = looked_at(lab, memory[i]);

        cr_expect(!strstr(found.out, "error"), "%s: %s", memory[i], found.out);
    }
    lab_stop(lab);
}
