/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image: image files are made, looked at and removed, and never anybody else's. */
#include "snapshot/image.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/scratch/scratch.h"

TestSuite(image, .init = scratch_enter, .fini = scratch_leave);

enum { ALICE = 4711, BOB = 4712, STAFF = 4713 };

static const struct qcow2_options overlay = {64 << 20, 0, "base.qcow2", "qcow2"};

static struct image_stat look(const char *path)
{
    struct image_stat st;

    cr_assert_eq(image_stat(path, &st, NULL), 0);
    return st;
}

static void expect_error(const struct qmp_error *err, int kind, const char *words)
{
    char text[1024];

    qmp_error_text(err, text, sizeof(text));
    cr_expect_eq(err->kind, kind, "kind %d: %s", err->kind, text);
    cr_expect(strstr(text, words), "'%s' is not in '%s'", words, text);
}

/* ---- Create ---- */

Test(image, an_overlay_is_made_with_holes)
{
    struct qcow2_options big = {.size = UINT64_C(8) << 40, .cluster_size = 4096};
    struct qcow2_header h;

    cr_assert_eq(image_create_overlay("o.qcow2", &big, NULL, NULL), 0);
    struct image_stat st = look("o.qcow2");
    cr_expect(st.regular && st.exists && !st.symlink);
    cr_expect_gt(st.size, 32 << 20, "the L1 table is there");
    cr_expect_lt(st.allocated, 1 << 20, "but takes no room");
    cr_expect_eq(st.mode, 0600);
    cr_assert_eq(image_read_header("o.qcow2", &h, NULL), 0);
    cr_expect_eq(h.size, big.size);
    qcow2_header_done(&h);
}

Test(image, an_existing_file_is_refused_and_left_alone)
{
    struct qmp_error err;
    struct qcow2_header h;

    scratch_write("file", "precious", 8);
    cr_assert(!symlink("file", "link") && !symlink("nowhere", "dangling") &&
              !mkdir("folder", 0755));
    const char *const names[] = {"file", "link", "dangling", "folder"};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(image_create_overlay(names[i], &overlay, NULL, &err), -1);
        expect_error(&err, QRW_ERR_REFUSED, "exists");
        cr_expect(err.hint[0]);
        cr_expect_eq(image_create_reserved(names[i], NULL, &err), -1);
        expect_error(&err, QRW_ERR_REFUSED, "exists");
    }
    cr_expect_eq(look("file").size, 8);
    cr_expect(!look("nowhere").exists, "nothing was made through the link");
    cr_expect(look("dangling").symlink && !look("dangling").exists);
    cr_expect_eq(image_read_header("file", &h, NULL), -1);
}

Test(image, a_missing_folder_is_named)
{
    struct qmp_error err;

    cr_expect_eq(image_create_overlay("no/such/o.qcow2", &overlay, NULL, &err), -1);
    expect_error(&err, QMP_ERR_SYSTEM, "create no/such/o.qcow2: No such file");
    cr_expect(strstr(err.hint, "folder"));
}

Test(image, a_reserved_name_is_an_empty_file)
{
    cr_assert_eq(image_create_reserved("r", NULL, NULL), 0);
    cr_expect(look("r").exists && look("r").size == 0);
    cr_expect_eq(image_sync_folder("r", NULL), 0);
}

static int create_with_little_space(void)
{
    struct rlimit limit = {100 << 10, 100 << 10}; /* the second cluster does not fit */
    struct qmp_error err;

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (!image_create_overlay("o.qcow2", &overlay, NULL, &err))
        return 1;
    return err.kind != QMP_ERR_SYSTEM || !strstr(err.desc, "write o.qcow2: File too large");
}

Test(image, a_failure_after_creation_leaves_no_file)
{
    struct qmp_error err;

    cr_expect_eq(scratch_child(create_with_little_space), 0);
    cr_expect(!look("o.qcow2").exists);
    cr_expect_eq(image_create_overlay("o.qcow2", &overlay, "no-such-file", &err), -1);
    expect_error(&err, QMP_ERR_SYSTEM, "look at no-such-file");
    cr_expect(!look("o.qcow2").exists);
}

/* ---- Owner and mode ---- */

static void like(uid_t uid, gid_t gid, mode_t mode)
{
    scratch_write("like", "", 0);
    cr_assert(!chown("like", uid, gid) && !chmod("like", mode));
}

Test(image, root_gives_the_overlay_to_the_owner_of_the_image)
{
    static const mode_t modes[][2] = {
        {0600, 0600}, {0640, 0640}, {0666, 0666}, {0444, 0644}, {04777, 0666}};

    scratch_needs_root();
    for (size_t i = 0; i < 5; i++) {
        like(ALICE, STAFF, modes[i][0]);
        cr_assert_eq(image_create_overlay("o.qcow2", &overlay, "like", NULL), 0);
        struct image_stat st = look("o.qcow2");
        cr_expect(st.uid == ALICE && st.gid == STAFF);
        cr_expect_eq(st.mode, modes[i][1], "%04o gave %04o", modes[i][0], st.mode);
        cr_assert_eq(image_unlink_if("o.qcow2", &st, NULL), 0);
    }
}

static int create_quietly(void)
{
    struct qmp_error err;

    if (!image_create_overlay("o.qcow2", &overlay, "like", &err))
        return 0;
    return err.kind == QRW_ERR_REFUSED && strstr(err.desc, "could not open it") ? 1 : 2;
}

Test(image, without_root_the_owner_of_the_image_must_still_get_in)
{
    static const struct {
        uid_t uid;
        gid_t gid;
        mode_t mode;
        int rc; /* 0: made, 1: refused */
        mode_t result;
    } rows[] = {
        {ALICE, STAFF, 0640, 0, 0640}, /* our own file */
        {ALICE, 4799, 0660, 0, 0600},  /* ours, of a group that we are not in */
        {ALICE, 4799, 0666, 0, 0666},  {BOB, STAFF, 0660, 0, 0660}, /* another's, who gets in by the
                                                                       group */
        {BOB, STAFF, 0666, 0, 0666},   {BOB, STAFF, 0600, 1, 0},    {BOB, STAFF, 0640, 1, 0},
        {BOB, 4799, 0660, 1, 0},
    };

    scratch_needs_root();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        like(rows[i].uid, rows[i].gid, rows[i].mode);
        cr_expect_eq(scratch_child_as(ALICE, STAFF, create_quietly), rows[i].rc, "row %zu", i);
        struct image_stat st = look("o.qcow2");
        cr_expect_eq(st.exists, rows[i].rc == 0, "row %zu", i);
        cr_expect_eq(st.mode, rows[i].result, "row %zu: %04o", i, st.mode);
        unlink("o.qcow2");
    }
}

/* ---- Look, flush, remove ---- */

Test(image, looking_tells_links_from_what_they_lead_to)
{
    scratch_write("file", "123", 3);
    cr_assert(!symlink("file", "link"));
    struct image_stat file = look("file"), link = look("link"), folder = look("."),
                      none = look("x");

    cr_expect(file.regular && !file.symlink && file.size == 3 && file.mtime_ns > 0);
    cr_expect(link.regular && link.symlink && image_same(&file, &link));
    cr_expect(folder.exists && !folder.regular && !folder.block_device);
    cr_expect(!none.exists && !image_same(&none, &none));
    cr_expect(!look("file/x").exists, "a file is no folder");
}

Test(image, only_the_expected_file_is_unlinked)
{
    struct qmp_error err;

    scratch_write("a", "a", 1);
    scratch_write("b", "b", 1);
    cr_assert(!symlink("a", "link"));
    struct image_stat a = look("a"), b = look("b"), none = look("none");

    cr_expect_eq(image_unlink_if("a", &b, &err), -1);
    expect_error(&err, QRW_ERR_REFUSED, "a is not the file");
    cr_expect_eq(image_unlink_if("a", &none, &err), -1);
    cr_expect_eq(image_unlink_if("link", &a, &err), -1, "a link is not the file itself");
    cr_expect(look("a").exists && look("link").exists);
    cr_expect_eq(image_unlink_if("a", &a, NULL), 0);
    cr_expect(!look("a").exists && look("b").exists);
    cr_expect_eq(image_unlink_if("a", &a, NULL), 0, "already gone is as good");
}

Test(image, a_fifo_is_refused_without_waiting)
{
    struct qcow2_header h;
    struct qmp_error err;

    cr_assert(!mkfifo("fifo", 0600));
    cr_expect_eq(image_read_header("fifo", &h, &err), -1);
    expect_error(&err, QRW_ERR_INVALID, "neither a file nor a block device");
    cr_expect_eq(image_flush("fifo", &err), -1);
    cr_expect_eq(image_read_header(".", &h, &err), -1);
    expect_error(&err, QRW_ERR_INVALID, "neither a file nor a block device");
    cr_expect_eq(image_read_header("none", &h, &err), -1);
    expect_error(&err, QMP_ERR_SYSTEM, "open none: No such file");
}

Test(image, a_header_longer_than_the_first_read_is_found)
{
    struct qcow2_options o = {1 << 20, 0, "base.qcow2", "qcow2"};
    static char filler[8000];
    struct qcow2_header h;
    struct qcow2_layout l;
    struct qmp_error err = {.kind = QMP_ERR_NONE};

    /* an unknown extension of 8000 bytes where the feature names were: all behind it moves */
    cr_assert_eq(qcow2_compose(&o, &l, NULL), 0);
    static unsigned char head[16384];
    memcpy(head, l.piece[0].bytes, 128);
    memcpy(head + 128, "\x12\x34\x56\x78\0\0\x1f\x40", 8);
    memcpy(head + 136 + sizeof(filler) + 8, "far.qcow2", 9);
    memcpy(head + 8, "\0\0\0\0\0\0\x1f\xd0\0\0\0\x09", 12);
    qcow2_layout_done(&l);
    scratch_write("long", head, sizeof(head));
    cr_assert_eq(image_read_header("long", &h, &err), 0, "%s", err.desc);
    cr_expect_eq(err.kind, QMP_ERR_NONE, "no error is left behind by a success");
    cr_expect_str_eq(h.backing, "far.qcow2");
    qcow2_header_done(&h);

    cr_assert(!truncate("long", 8100));
    cr_expect_eq(image_read_header("long", &h, &err), -1);
    expect_error(&err, QRW_ERR_INVALID, "long: the qcow2 header needs");
}

Test(image, flushing_and_syncing_need_only_reading)
{
    uint64_t bytes = 0;

    scratch_write("file", "x", 1);
    cr_assert(!chmod("file", 0400) && !mkdir("folder", 0755));
    cr_expect_eq(image_flush("file", NULL), 0);
    cr_expect_eq(image_sync_folder("folder/new", NULL), 0);
    cr_expect_eq(image_space(".", &bytes, NULL), 0);
    cr_expect_gt(bytes, 0);
    cr_expect_eq(image_flush("none", NULL), -1);
    cr_expect_eq(image_sync_folder("none/new", NULL), -1);
    cr_expect_eq(image_space("none", &bytes, NULL), -1);
}

Test(image, folders_and_backing_names)
{
    static const struct {
        const char *image, *backing, *path;
    } rows[] = {
        {"/a/o", "b", "/a/b"},
        {"o", "b", "./b"},
        {"/o", "b", "//b"},
        {"d/o", "../b", "d/../b"},
        {"d/o", "/b", "/b"},
        {"d/o", "file:b", "d/b"},
        {"d/o", "./a:b", "d/./a:b"},
        {"d/o", "nbd:host:10809", NULL},
        {"d/o", "https://host/b", NULL},
        {"d/o", "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"/b\"}}",
         "/b"},
        {"d/o", "json:{\"driver\":\"qcow2\",\"file.filename\":\"/b\"}", "/b"},
        {"d/o", "json:{\"driver\":\"null-co\"}", NULL},
        {"d/o", "json:{", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_free char *path = image_backing_path(rows[i].image, rows[i].backing);
        cr_expect(rows[i].path ? path && !strcmp(path, rows[i].path) : !path, "row %zu: %s", i,
                  path ? path : "NULL");
    }
}
