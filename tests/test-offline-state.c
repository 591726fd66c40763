/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-offline-state: which layer a disk runs on, when only files can tell. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/offline-state.h"
#include "snapshot/path.h"
#include "tests/scratch/scratch.h"

TestSuite(offline_state, .init = scratch_enter, .fini = scratch_leave);

/* Something at the end of the table of clusters: as if a guest had written. */
static void image(const char *path, bool written)
{
    struct qcow2_options o = {1 << 20, 65536, NULL, NULL};
    struct qcow2_header h;
    struct qmp_error err;

    unlink(path);
    cr_assert_eq(image_create_overlay(path, &o, NULL, &err), 0, "%s", err.desc);
    cr_assert_eq(image_read_header(path, &h, &err), 0, "%s", err.desc);
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (written)
        cr_assert_eq(pwrite(fd, "\200", 1, (off_t)h.l1_offset), 1);
    qcow2_header_done(&h);
}

/* A document of the disks a and b on a.old and b.old, and what is pending means them to run on
 * a.new and b.new; with a step "overlay" for these, if @made. */
static void document(struct chain *c, bool made, bool offline)
{
    json_auto_t *after = NULL;
    json_t *steps = json_array(), *pending;
    struct qmp_error err;

    chain_init(c, scratch_folder(), NULL, NULL);
    for (int pass = 0; pass < 2; pass++) {
        static const char *const names[2][2] = {{"a.old", "b.old"}, {"a.new", "b.new"}};

        for (int d = 0; d < 2; d++) {
            auto_free char *file = mem_printf("%s/%s", scratch_folder(), names[pass][d]);
            const char *layer = chain_add_layer(c, file, "qcow2", 1 << 20, NULL, true);

            chain_set_active(c, d ? "b" : "a", layer);
            if (pass && made)
                json_array_append_new(steps,
                                      json_pack("{s:s, s:s}", "step", "overlay", "file", file));
        }
        if (!pass)
            after = json_deep_copy(c->doc);
    }
    /* what is now the document is what is meant, and the other way round */
    json_t *meant = json_incref(c->doc);
    json_decref(c->doc);
    c->doc = json_incref(after);
    pending = json_pack("{s:s, s:s, s:o, s:[], s:[], s:o, s:o*}", "operation", "create", "token",
                        "t", "steps", steps, "promise", "cleanup", "after", meant, "offline",
                        offline ? json_true() : NULL);
    json_object_set_new(c->doc, "pending", pending);
    json_auto_t *whole = json_deep_copy(c->doc);
    chain_done(c);
    cr_assert_eq(chain_take(c, scratch_folder(), whole, &err), 0, "%s", err.desc);
}

enum { GONE, HALF, EMPTY, WRITTEN };

static void put(const char *path, int what)
{
    if (what == GONE)
        unlink(path);
    else
        image(path, what == WRITTEN);
    if (what == HALF)
        cr_assert(!truncate(path, 0));
}

static const struct row {
    const char *title;
    int a_old, a_new, b_old, b_new;
    bool made, offline;
    const char *named, *runs_on; /* runs_on NULL: nobody knows, it is shown as the old one */
} rows[] = {
    // clang-format off
    {"an overlay that nobody wrote to", WRITTEN, EMPTY,   WRITTEN, EMPTY,   true,  false, NULL, "old"},
    {"an overlay that was written to",  WRITTEN, WRITTEN, WRITTEN, EMPTY,   true,  false, NULL, "new"},
    {"the same, begun offline",         WRITTEN, WRITTEN, WRITTEN, EMPTY,   true,  true,  NULL, "new"},
    {"overlays that were not made yet", WRITTEN, GONE,    WRITTEN, GONE,    true,  false, NULL, "old"},
    {"overlays of which one is written",WRITTEN, EMPTY,   WRITTEN, HALF,    true,  false, NULL, "old"},
    {"a merge that is done with one",   GONE,    WRITTEN, WRITTEN, WRITTEN, false, false, NULL, "new"},
    {"a merge offline",                 WRITTEN, WRITTEN, WRITTEN, WRITTEN, false, true,  NULL, "old"},
    {"a merge offline, cleaned up",     WRITTEN, WRITTEN, GONE,    WRITTEN, false, true,  NULL, "new"},
    {"a merge beside a VM",             WRITTEN, WRITTEN, WRITTEN, WRITTEN, false, false, NULL, NULL},
    {"the old one is named",            WRITTEN, WRITTEN, WRITTEN, WRITTEN, false, false, "a.old", "old"},
    {"the new one is named",            WRITTEN, WRITTEN, WRITTEN, WRITTEN, false, false, "a.new", NULL},
    // clang-format on
};

Test(offline_state, the_files_tell_or_nobody_does)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        auto_free char *named = r->named ? mem_printf("%s/%s", scratch_folder(), r->named) : NULL;
        const char *const images[] = {named, NULL};
        struct chain c = {0}, now = {0};
        struct qmp_error doubt = {0};

        put("a.old", r->a_old);
        put("a.new", r->a_new);
        put("b.old", r->b_old);
        put("b.new", r->b_new);
        document(&c, r->made, r->offline);
        cr_assert_eq(offline_state(&c, images, &now, &doubt, NULL), 0, "%s", r->title);
        cr_expect_eq(doubt.kind, r->runs_on ? QMP_ERR_NONE : QRW_ERR_REFUSED, "%s: %s", r->title,
                     doubt.desc);
        for (int d = 0; d < 2; d++) {
            auto_free char *file = chain_layer_file(&now, chain_active(&now, d ? "b" : "a"));
            auto_free char *expected =
                mem_printf("%s.%s", d ? "b" : "a", r->runs_on ? r->runs_on : "old");

            cr_expect_str_eq(path_name(file), expected, "%s: %s", r->title, file);
        }
        chain_done(&c);
        chain_done(&now);
    }
}

Test(offline_state, nothing_pending_is_what_the_document_says)
{
    struct chain c = {0}, now = {0};
    const char *const none[] = {NULL};

    chain_init(&c, scratch_folder(), NULL, NULL);
    cr_assert_eq(offline_state(&c, none, &now, NULL, NULL), 0);
    cr_expect(json_equal(c.doc, now.doc));
    chain_done(&c);
    chain_done(&now);
}
