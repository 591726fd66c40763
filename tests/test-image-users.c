/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image-users: who else builds on a file, who has it open, and do we mean the same. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "tests/lab/lab.h"
#include "tests/scratch/scratch.h"

TestSuite(image_users, .init = scratch_enter, .fini = scratch_leave);

static void overlay_of(const char *path, const char *backing)
{
    struct qcow2_options o = {1 << 20, 4096, backing, "qcow2"};
    struct qmp_error err;

    cr_assert_eq(image_create_overlay(path, &o, NULL, &err), 0, "%s", err.desc);
}

static void sidecar_of(const char *path, const char *file)
{
    json_auto_t *doc =
        json_pack("{s:s s:{s:{s:s}}}", "format", "qrewind", "layers", "L1", "file", file);

    cr_assert_eq(json_dump_file(doc, path, 0), 0);
}

/* The users of @file as one text, sorted: "./a ./b". The caller frees it. */
static char *users(const char *file, const char *const *except, char **unread)
{
    struct image_users u;
    char *text = mem_strdup("");

    cr_assert_eq(image_users(file, except, &u, NULL), 0);
    for (size_t i = 0; i < u.n; i++) /* few: the smallest of the rest, every time */
        for (size_t k = i + 1; k < u.n; k++)
            if (strcmp(u.names[k], u.names[i]) < 0) {
                char *swap = u.names[i];
                u.names[i] = u.names[k];
                u.names[k] = swap;
            }
    for (size_t i = 0; i < u.n; i++) {
        auto_free char *before = text;
        text = mem_printf("%s%s%s", before, i ? " " : "", u.names[i]);
    }
    if (unread)
        *unread = u.unread ? mem_strdup(u.unread) : NULL;
    image_users_done(&u);
    return text;
}

static void expect_users(const char *file, const char *const *except, const char *expected)
{
    auto_free char *text = users(file, except, NULL);

    cr_expect_str_eq(text, expected, "users of %s: '%s', not '%s'", file, text, expected);
}

Test(image_users, every_spelling_of_the_backing_file_is_seen)
{
    auto_free char *absolute = mem_printf("%s/base", scratch_folder());
    auto_free char *json = mem_printf("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\","
                                      "\"filename\":\"%s\"}}",
                                      absolute);

    overlay_of("base", NULL);
    expect_users("base", NULL, "");
    cr_assert(!symlink("base", "link"));
    overlay_of("u1-relative", "base");
    overlay_of("u2-absolute", absolute);
    overlay_of("u3-link", "./link");
    overlay_of("u4-json", json);
    overlay_of("other", "another-base");
    overlay_of("remote", "nbd:host:1:exportname=base");
    expect_users("base", NULL, "./u1-relative ./u2-absolute ./u3-link ./u4-json");
    expect_users("link", NULL, "./u1-relative ./u2-absolute ./u3-link ./u4-json");
}

/* Nothing is where it says, and our file is called so: but only beside it. */
Test(image_users, one_that_names_another_place_may_be_one)
{
    struct image_users u;

    cr_assert(!mkdir("far", 0700));
    overlay_of("base", NULL);
    overlay_of("u1", "/nowhere/base");
    overlay_of("other", "/nowhere/another");
    overlay_of("far/base", NULL);
    overlay_of("there", "far/base");
    overlay_of("far/u2", "/nowhere/base");
    cr_assert_eq(image_users("base", (const char *const[]){"far/base", NULL}, &u, NULL), 0);
    cr_expect_eq(u.n, 0);
    cr_expect_eq(u.nastray, 1);
    cr_expect_str_eq(u.nastray ? u.astray[0] : "", "./u1");
    image_users_done(&u);
    cr_assert_eq(image_users("base", (const char *const[]){"u1", NULL}, &u, NULL), 0);
    cr_expect_eq(u.nastray, 0);
    image_users_done(&u);
}

Test(image_users, sidecars_count_as_users)
{
    scratch_write("base", "raw", 3);
    sidecar_of("a.qrewind.json", "base");
    sidecar_of("b.qrewind.json", "other");
    scratch_write("c.qrewind.json", "{\"layers\": [3]}", 15);
    scratch_write("d.qrewind.json", "{", 1);
    sidecar_of("a.qrewind.json.lock", "base");
    expect_users("base", NULL, "./a.qrewind.json");
    expect_users("base", (const char *[]){"./a.qrewind.json", NULL}, "");
}

Test(image_users, our_own_files_do_not_count)
{
    auto_free char *mine = mem_printf("%s/mine", scratch_folder());

    overlay_of("base", NULL);
    overlay_of("mine", "base");
    overlay_of("theirs", "base");
    expect_users("base", (const char *[]){mine, "gone", NULL}, "./theirs");
    expect_users("base", (const char *[]){"mine", "theirs", NULL}, "");
}

Test(image_users, folders_of_our_own_files_are_searched_too)
{
    cr_assert(!mkdir("d", 0755) && !mkdir("e", 0755));
    overlay_of("base", NULL);
    overlay_of("d/mine", "../base");
    overlay_of("d/theirs", "../base");
    overlay_of("e/unseen", "../base");
    expect_users("base", (const char *[]){"d/mine", NULL}, "d/theirs");
}

Test(image_users, formats_are_not_probed)
{
    struct qcow2_options o = {1 << 20, 4096, "base", "qcow2"};
    struct qcow2_layout l;
    static char raw[8192];

    /* a raw image whose guest wrote a header at the second sector, and rubbish */
    cr_assert_eq(qcow2_compose(&o, &l, NULL), 0);
    memcpy(raw + 512, l.piece[0].bytes, l.piece[0].len);
    scratch_write("raw", raw, sizeof(raw));
    scratch_write("cut", l.piece[0].bytes, l.piece[0].len - 1);
    scratch_write("tiny", l.piece[0].bytes, 20);
    qcow2_layout_done(&l);
    overlay_of("base", NULL);
    cr_assert(!mkfifo("fifo", 0600) && !symlink("loop", "loop"));
    expect_users("base", NULL, "");
}

Test(image_users, a_crowded_folder_is_looked_at_whole)
{
    overlay_of("base", NULL);
    for (int i = 0; i < 9000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        scratch_write(name, "", 0);
    }
    overlay_of("top", "base");
    expect_users("base", NULL, "./top");
}

Test(image_users, a_broken_sidecar_may_be_a_user)
{
    auto_free char *unread = NULL;

    overlay_of("base", NULL);
    scratch_write("other.qrewind.json", "{", 1);
    auto_free char *text = users("base", NULL, &unread);
    cr_expect(!text[0] && unread && strstr(unread, "other.qrewind.json: it is broken"));
}

static int one_may_not_be_read(void)
{
    auto_free char *unread = NULL;
    auto_free char *text = users("base", NULL, &unread);

    return !text[0] && unread && strstr(unread, "secret: we may not read it");
}

Test(image_users, so_may_what_we_may_not_read)
{
    scratch_needs_root();
    overlay_of("base", NULL);
    cr_assert(!chmod("base", 0644));
    cr_expect_eq(scratch_child_as(4711, 4711, one_may_not_be_read), 0);
    overlay_of("secret", "base");
    cr_expect_eq(scratch_child_as(4711, 4711, one_may_not_be_read), 1);
}

Test(image_users, a_missing_file_is_an_error)
{
    struct image_users u;
    struct qmp_error err;

    cr_expect_eq(image_users("none", NULL, &u, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_SYSTEM);
}

/* ---- Other processes ---- */

static int ready_fd; /* where a child says that it is ready */

/* A child that runs @fn and then waits to be killed; returns when it is ready. */
static pid_t start(void (*fn)(void))
{
    int ready[2];
    char byte;

    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ready_fd = ready[1];
        fn();
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    cr_assert(child > 0 && read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void go_down(void)
{
    if (chdir("d"))
        _exit(1);
}

Test(image_users, relative_names_begin_where_the_process_is)
{
    cr_assert(!mkdir("d", 0755));
    scratch_write("d/file", "d", 1);
    scratch_write("file", "here", 4);
    pid_t child = start(go_down);
    struct image_view view = image_view(child);
    auto_free char *path = image_resolve(&view, "file"), *up = image_resolve(&view, "../file");
    auto_free char *d = mem_printf("%s/d/file", scratch_folder());
    auto_free char *here = mem_printf("%s/file", scratch_folder());

    cr_assert(path && up);
    cr_expect_str_eq(path, d);
    cr_expect_str_eq(up, here);
    cr_expect(image_reachable(child, here) && image_reachable(child, "."));
    cr_expect(!image_reachable(child, "none") && !image_reachable(child, "d/file"));
    cr_expect(!image_reachable(0, here) && !image_reachable(-1, here));
    cr_expect_null(image_resolve(&view, ""));
    end(child);
    cr_expect(!image_reachable(child, here), "the process is gone");
}

static void change_root(void)
{
    if (chroot("jail") || chdir("/"))
        _exit(1);
}

/* Without it every other root is one that nobody can look into. */
static void needs_openat2(void)
{
    if (!syscall(SYS_openat2, AT_FDCWD, ".", NULL, 0) || errno != ENOSYS)
        return;
    scratch_leave();
    cr_skip_test("needs openat2(), as Linux has since 5.6; valgrind does not know it");
}

Test(image_users, a_file_of_the_same_name_in_another_root_is_not_ours)
{
    scratch_needs_root();
    needs_openat2();
    auto_free char *outside = mem_printf("%s/image", scratch_folder());
    auto_free char *jail = mem_printf("jail%s", scratch_folder());
    auto_free char *inside = mem_printf("%s/image", jail);
    auto_free char *their_link = mem_printf("%s/link", jail);
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"mkdir", "-p", jail, NULL});
    cr_assert_eq(r.status, 0, "%s", r.err);
    scratch_write("image", "ours", 4);
    scratch_write(inside, "theirs", 6);
    /* below both roots a link with the same words leads to different files */
    cr_assert(!symlink(outside, "link") && !symlink(outside, their_link));
    pid_t child = start(change_root);
    auto_free char *our_link = mem_printf("%s/link", scratch_folder());

    cr_expect_not(image_reachable(child, outside));
    cr_expect_not(image_reachable(child, our_link));
    cr_expect_not(image_reachable(child, "image"));
    /* a file that is really the same one, by a hard link, is reached */
    auto_free char *shared = mem_printf("%s/shared", scratch_folder());
    auto_free char *in_jail = mem_printf("%s/shared", jail);
    scratch_write("shared", "both", 4);
    cr_assert(!link(shared, in_jail));
    cr_expect(image_reachable(child, shared));
    end(child);
}

static void open_to_read(void)
{
    if (open("image", O_RDONLY) < 0)
        _exit(1);
}

/* Becomes a program that calls itself QEMU; the shell says when it is there, and stays. */
static void be_qemu(void)
{
    if (open("image", O_RDWR) < 0 || dup2(ready_fd, 3) < 0)
        _exit(1);
    execl("/bin/sh", "/opt/bin/qemu-system-test", "-c", "printf x >&3; kill -STOP $$", "sh",
          "-name", "web\n1", NULL);
    _exit(1);
}

Test(image_users, the_holder_is_found_and_a_writer_before_a_reader)
{
    char text[128] = "", expected[64];
    pid_t pid = 0;

    scratch_write("image", "x", 1);
    scratch_write("other", "x", 1);
    struct image_stat image, other;
    cr_assert(!image_stat("image", &image, NULL) && !image_stat("other", &other, NULL));
    cr_expect_not(image_holder("image", &pid, text, sizeof(text)), "nobody yet: %s", text);

    pid_t writer = start(be_qemu);
    pid_t reader = start(open_to_read);
    cr_assert(image_holder("image", &pid, text, sizeof(text)));
    cr_expect_eq(pid, writer);
    snprintf(expected, sizeof(expected), "pid %d (qemu-system-test -name web?1)", (int)writer);
    cr_expect_str_eq(text, expected, "%s", text);
    cr_expect(image_open_in(reader, &image) && !image_open_in(reader, &other));
    end(writer);
    cr_assert(image_holder("image", &pid, text, sizeof(text)));
    cr_expect_eq(pid, reader);
    end(reader);
    cr_expect_not(image_holder("image", &pid, text, sizeof(text)));
    cr_expect_not(image_holder("none", &pid, text, sizeof(text)));
}

/* Without a name the arguments tell one from another; no more of them than fit on a line, and whole
 * characters. */
static void be_unnamed(void)
{
    char word[300];

    if (open("image", O_RDWR) < 0 || dup2(ready_fd, 3) < 0)
        _exit(1);
    for (size_t i = 0; i < sizeof(word); i++)
        word[i] = "\xc3\xa4"[i % 2];
    word[sizeof(word) - 1] = '\0';
    execl("/bin/sh", "qemu", "-c", "printf x >&3; kill -STOP $$", "sh", "-m", "1\033", word, NULL);
    _exit(1);
}

Test(image_users, one_without_a_name_is_told_by_its_arguments)
{
    char text[128] = "", expected[64];
    pid_t pid;

    scratch_write("image", "x", 1);
    pid_t writer = start(be_unnamed);
    cr_assert(image_holder("image", &pid, text, sizeof(text)));
    snprintf(expected, sizeof(expected), "pid %d (qemu -c printf x >&3; kill -STOP $$ sh -m 1? ",
             (int)writer);
    cr_expect(strstr(text, expected) == text, "%s", text);
    cr_expect(strstr(text, "\xc3\xa4...)"), "%s", text);
    cr_expect_lt(strlen(text), 120);
    end(writer);
}
