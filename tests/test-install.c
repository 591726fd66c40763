/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `make install` puts into place, as a program outside of the tree finds it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"
#include "tests/scratch/scratch.h"

static char *source; /* the tree's root, where the tests are started */

/* Run shell words in the scratch folder; fails the test when they do. Returns what they print. */
static char *shell(const char *words)
{
    struct lab_result r = lab_exec(scratch_folder(), (const char *[]){"sh", "-ec", words, NULL});
    char *out = r.out;

    cr_assert_eq(r.status, 0, "%s\n%s%s", words, r.out, r.err);
    free(r.err);
    return out;
}

/* Always the plain build: a program outside knows nothing of our sanitizers. */
static void install(void)
{
    source = getcwd(NULL, 0);
    setenv("SOURCE", source, 1);
    setenv("SAN", "", 1);
    unsetenv("B");
    unsetenv("MAKEFLAGS");
    scratch_enter();
    free(shell("make -s -C $SOURCE install DESTDIR=$PWD/root PREFIX=/usr"));
    setenv("PKG_CONFIG_SYSROOT_DIR", "root", 1);
    setenv("PKG_CONFIG_PATH", "root/usr/lib/pkgconfig", 1);
}

static void leave(void)
{
    scratch_leave();
    free(source);
}

TestSuite(install, .init = install, .fini = leave);

/* The program that the README shows, which wants a monitor that is not there. */
static const char readme_program[] =
    "sed -n '/^```c$/,/^```$/{/^```/!p}' $SOURCE/README.md >snap.c; test -s snap.c; ";

Test(install, the_readme_s_program_runs_with_the_shared_library)
{
    auto_free char *build = mem_printf(
        "%scc -Wall -Wextra -Werror -o snap snap.c $(pkg-config --cflags --libs libqrewind)",
        readme_program);
    free(shell(build));

    auto_free char *out = shell("LD_LIBRARY_PATH=root/usr/lib ./snap || test $? = 1");
    cr_assert_str_eq(out, "no socket at /vm/vm.sock\n");
    auto_free char *needs = shell("readelf -d snap");
    cr_assert(strstr(needs, "[libqrewind.so.0]"), "%s", needs);
}

Test(install, the_readme_s_program_runs_with_the_static_library)
{
    auto_free char *build = mem_printf(
        "%scc -static -w -o snap snap.c $(pkg-config --static --cflags --libs libqrewind) 2>&1",
        readme_program);
    free(shell(build));

    auto_free char *out = shell("./snap || test $? = 1");
    cr_assert_str_eq(out, "no socket at /vm/vm.sock\n");
}

Test(install, every_header_can_be_included_alone)
{
    auto_free char *headers =
        shell("cd root/usr/include/qrewind; for h in */*.h; do echo \"#include <$h>\" |"
              " cc -Wall -Werror -fsyntax-only -x c -I. -; echo $h; done");

    cr_assert(strstr(headers, "qmp/client.h\n") && strstr(headers, "snapshot/vm.h\n"), "%s",
              headers);
}

Test(install, the_shared_library_shows_public_symbols_only)
{
    auto_free char *names =
        shell("nm -D --defined-only root/usr/lib/libqrewind.so | awk '{print $3}'");
    auto_free char *others = shell("nm -D --defined-only root/usr/lib/libqrewind.so |"
                                   " awk '$3 !~ /^(qmp|qrw)_/'");

    cr_assert(strstr(names, "qmp_client_call\n") && strstr(names, "qrw_run\n"), "%s", names);
    cr_assert_str_empty(others);
}

Test(install, uninstalling_leaves_no_file)
{
    auto_free char *before = shell("find root ! -type d");
    cr_assert(strstr(before, "root/usr/bin/qrewind\n") &&
                  strstr(before, "root/usr/share/man/man1/qrewind.1\n"),
              "%s", before);

    auto_free char *after = shell("make -s -C $SOURCE uninstall DESTDIR=$PWD/root PREFIX=/usr;"
                                  " find root ! -type d; find root -name qrewind");
    cr_assert_str_empty(after);
}
