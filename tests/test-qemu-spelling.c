/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU calls the images: by their files, and not by those of the whole chain, which it cuts
 * off. Where somebody has brought it to that, nothing is believed and nothing is changed.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

/* Does QEMU call every layer of the first disk by its file alone? */
static void names_are_plain(struct lab *lab, int line)
{
    json_auto_t *disks = lab_qmp(lab, "query-block", NULL);
    const json_t *image = at(disks, "0.inserted.image");

    cr_assert(image);
    for (; image; image = json_object_get(image, "backing-image"))
        cr_expect(strncmp(text(image, "filename"), "json:", 5), "line %d: %s", line,
                  text(image, "filename"));
}
#define names_are_plain(lab) names_are_plain(lab, __LINE__)

Test(spelling, an_overlay_calls_its_base_as_qemu_does)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 1, .relative = true, .modern = modern});

        write_generation(lab, 0, 1);
        does(lab, "create", "s1");
        does(lab, "create", "s2");
        names_are_plain(lab);
        does(lab, "revert", "s1");
        names_are_plain(lab);
        headers_are(lab, "vda.s1.qcow2", "vda.qcow2 <- vda.s1.qcow2");
        holds(lab, 0, 1);
        turn_off(lab);
        auto_free char *path = lab_path(lab, "vda.s1-2.qcow2");
        auto_result struct lab_result r =
            lab_exec("/", WORDS("qemu-img", "info", "--backing-chain", path));
        cr_expect_eq(r.status, 0, "%s", r.err);
        lab_stop(lab);
    }
}

/* base <- one <- two <- vda, which name each other as they lie in the folder. */
static void make_chain(const char *folder, void *arg)
{
    static const char *const names[] = {"base.qcow2", "one.qcow2", "two.qcow2", "vda.qcow2"};

    (void)arg;
    for (int i = 0; i < 4; i++) {
        auto_result struct lab_result r =
            lab_exec(folder, i ? WORDS("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2",
                                       "-b", names[i - 1], names[i])
                               : WORDS("qemu-img", "create", "-q", "-f", "qcow2", names[i], "16M"));

        cr_assert_eq(r.status, 0, "%s", r.err);
    }
}

Test(spelling, of_what_is_opened_again_too, .timeout = 120)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 1, .prepare = make_chain, .modern = modern});

        does(lab, "adopt");
        write_generation(lab, 0, 1);
        does(lab, "revert", "one");
        names_are_plain(lab);
        does(lab, "undo");
        names_are_plain(lab);
        chain_is(lab, 0, "base.qcow2 <- one.qcow2 <- two.qcow2 <- vda.qcow2");
        holds(lab, 0, 1);
        is_tidy(lab);
        does(lab, "create", "s1");
        names_are_plain(lab);
        does(lab, "delete", "one", "two");
        chain_is(lab, 0, "base.qcow2 <- one.qcow2 <- vda.qcow2 <- base.s1.qcow2");
        holds(lab, 0, 1);
        does(lab, "check");
        lab_stop(lab);
    }
}

/* Overlays in another folder than the base cannot call that as this QEMU does. Returns the name of
 * the file of the last one. */
static char *grow(struct lab *lab, int *status)
{
    char *file = NULL;

    for (int i = 0; i < 40; i++) {
        auto_free char *name = mem_printf("s%d", i), *before = state_of(lab);
        auto_free char *next = mem_printf("%s/far/%0200d-%d.qcow2", lab->folder, 0, i);
        auto_free char *overlay = mem_printf("%s=%s", first_disk(lab), next);
        json_auto_t *done = lab_json(lab, status, "create", name, "--overlay", overlay, NULL);

        if (*status) {
            cr_expect(strstr(text(done, "error.hint"), file), "%s", text(done, "error.hint"));
            unchanged(lab, before);
            break;
        }
        free(file);
        file = mem_strdup(next);
    }
    return file;
}

Test(spelling, a_name_that_would_be_cut_off_is_refused_before, .timeout = 120)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .relative = true});
    auto_free char *far = lab_path(lab, "far");
    int status = 0;

    cr_assert(!mkdir(far, 0700));
    auto_free char *file = grow(lab, &status);
    cr_assert_eq(status, 7);
    does(lab, "check");
    turn_off(lab);
    struct lab *next =
        start_again(lab, (const char *const[]){file + strlen(lab->folder) + 1, NULL});
    does(next, "check");
    does(next, "create", "more");
    names_are_plain(next);
    lab_stop(next);
    lab_stop(lab);
}

/* Long enough that there is no room for it. */
#define TOP                                                                                        \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789.qcow2"

Test(spelling, a_name_that_is_cut_off_is_not_believed, .timeout = 120)
{
    static const char *const verbs[] = {"list", "check", "create", "repair", "adopt"};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .relative = true});
    auto_free char *far = lab_path(lab, "far"), *top = lab_path(lab, "far/" TOP);
    int status = 0;

    cr_assert(!mkdir(far, 0700));
    auto_free char *file = grow(lab, &status);
    auto_result struct lab_result made =
        lab_exec(NULL, WORDS("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b",
                             file, top, "16M"));
    cr_assert_eq(made.status, 0, "%s", made.err);
    json_auto_t *disks = lab_qmp(lab, "query-block", NULL);
    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:n, s:{s:s, s:s}}", "driver", "qcow2",
                        "node-name", "top", "backing", "file", "driver", "file", "filename", top));
    json_decref(lab_qmp(lab, "blockdev-snapshot", "{s:s, s:s}", "node",
                        text(disks, "0.inserted.node-name"), "overlay", "top"));
    auto_free char *before = state_of(lab);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        json_auto_t *refused = refuses(lab, 7, verbs[i]);
        cr_expect(strstr(text(refused, "desc"), "cut that name off"), "%s", text(refused, "desc"));
        auto_free char *sidecar = mem_printf("%s.qrewind.json", file);
        json_decref(refuses(lab, 7, "--sidecar", sidecar, verbs[i]));
    }
    unchanged(lab, before);
    lab_stop(lab);
}
