/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One SIGTERM ends what only looks, where it is: in the middle of a sidecar that takes long to
 * read. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(look_ends, .init = offline_enter, .fini = offline_leave);

/* Clock ticks that @pid has worked. */
static long worked(pid_t pid)
{
    auto_free char *file = mem_printf("/proc/%d/stat", (int)pid);
    FILE *f = fopen(file, "re");
    long user = 0, kernel = 0;

    if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
                     &kernel) != 2)
        user = kernel = 0;
    if (f)
        fclose(f);
    return user + kernel;
}

/* Milliseconds that those who have ended worked in all. */
static long worked_in_all(void)
{
    struct rusage u;

    getrusage(RUSAGE_CHILDREN, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* What the whole of it costs, and what it costs when it is interrupted in its first third. */
static void ends(const char *verb, bool json)
{
    const char *const argv[] = {
        "qrewind", "-S", "base.qcow2.qrewind.json", verb, json ? "--json" : NULL, NULL};
    long before = worked_in_all();
    auto_result struct lab_result whole = lab_exec(NULL, argv);
    const long ms = worked_in_all() - before, ticks = ms * sysconf(_SC_CLK_TCK) / 1000;

    cr_assert_eq(whole.status, 0, "%s", whole.err);
    cr_assert_gt(ticks, 20, "it takes %ld ms", ms);
    before = worked_in_all();
    struct lab_process p = lab_spawn(NULL, argv);
    while (worked(p.pid) < ticks / 3 && !kill(p.pid, 0))
        ;
    kill(p.pid, SIGTERM);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 6, "%s: %d: %s", verb, r.status, r.err);
    cr_expect(strstr(json ? r.out : r.err, "interrupted"), "%s%s", r.out, r.err);
    cr_expect_lt(worked_in_all() - before, ms / 2, "%s: %ld of %ld ms", verb,
                 worked_in_all() - before, ms);
}

Test(look_ends, at_once_when_it_is_interrupted)
{
    offline_tower();
    offline_sh("{ printf '{ \"later\": [0'\n"
               "  yes ,1234567 | head -n 3000000 | tr -d '\\n'\n"
               "  printf '],\\n'\n"
               "  tail -n +2 base.qcow2.qrewind.json; } >x\n"
               "cat x >base.qcow2.qrewind.json\n"
               "rm x");
    ends("list", false);
    ends("check", true);
}
