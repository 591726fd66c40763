/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export and import, killed at each call that changes something, and each of these calls failing:
 * what has the name of what is whole is whole, what failed left nothing, and the next attempt
 * gets through.
 *
 * QRW_MATRIX=1 tries every point, else some of them.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/faults/fault.h"
#include "tests/faults/table.h"
#include "tests/tidy/tidy.h"

enum { MANY = 200, SOME = 6 };

struct verb {
    const char *words, *made, *part, *image, *proof;
    bool alone;
};

static const struct verb verbs[] = {
    {"export s2 out", "client/out", "client/out.part", "client/out/vda.qcow2",
     "client/out/qrewind-export.json", false},
    {"import kept --to vm", "client/vm", "client/vm.part", "client/vm/vda.s2.qcow2",
     "client/vm/vda.qcow2.qrewind.json", true},
};

/* The proof is written last but for the name. */
static void is_whole(struct lab *lab, const struct verb *v)
{
    auto_free char *path = lab_path(lab, v->proof);
    json_auto_t *proof = json_load_file(path, 0, NULL);

    cr_assert_not_null(proof, "%s", path);
    image_holds(lab, v->image, "qcow2", 2);
}

/* Without a fault. The qemu-img of one that was killed ends with it. */
static void again(struct lab *lab, const struct verb *v, const char *what, int at)
{
    const struct fault none = {.set = "change", .alone = v->alone};
    auto_result struct lab_result r = fault_run(lab, &none, v->words);

    cr_assert_eq(r.status, 0, "%s again, after %s at %d: %s", v->words, what, at, r.out);
}

/* Returns false when there is no such point any more: the program ended undisturbed. */
static bool try(struct lab *lab, const struct verb *v, const char *what, int at)
{
    const struct fault f = {.what = what, .at = at, .set = "change", .alone = v->alone};
    auto_result struct lab_result r = fault_run(lab, &f, v->words);
    bool killed = r.status == 128 + SIGKILL;

    cr_assert(killed || r.status <= 1 || r.status == 4 || r.status == 7 || r.status == 8,
              "%s, %s at %d: exit %d", v->words, what, at, r.status);
    if (!killed && r.status)
        cr_assert(!has_file(lab, v->made) && !has_file(lab, v->part),
                  "%s, %s at %d: something is left", v->words, what, at);
    if (!has_file(lab, v->made))
        again(lab, v, what, at);
    is_whole(lab, v);
    cr_assert(!has_file(lab, v->part), "%s, %s at %d: %s stays", v->words, what, at, v->part);
    auto_result struct lab_result rm =
        lab_exec(lab->folder, (const char *[]){"rm", "-r", v->made, NULL});
    return killed || r.status;
}

Test(export_faults, whatever_happens_at_whichever_call, .timeout = 900)
{
    static const char *const faults[] = {"killed", "EIO", "ENOSPC", "short"};
    const int stride = table_is_whole() ? 1 : SOME;
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "export", "s2", "kept");
    for (size_t i = 0; i < 2; i++) {
        int last = 1, points = 0;

        for (; try(lab, &verbs[i], "kill", last) && last < MANY; points++)
            last += stride;
        cr_assert_lt(last, MANY);
        for (size_t k = 0; k < 4; k++)
            for (int at = 1 + (int)k % stride; at < last; at += stride, points++)
                try(lab, &verbs[i], faults[k], at);
        cr_assert_gt(points, 10);
        fprintf(stderr, "%s: %d points\n", verbs[i].words, points);
    }
    is_tidy(lab);
    lab_stop(lab);
}
