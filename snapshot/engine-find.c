/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine-find: see engine-find.h. */
#include "snapshot/engine-find.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"

static const char prefix[] = "qemu-system-";

/* The name that comes first in the alphabet, so that it is the same one every time. */
static char *any_in(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    char *first = NULL;

    while (d && (e = readdir(d))) {
        if (strncmp(e->d_name, prefix, sizeof(prefix) - 1))
            continue;
        auto_free char *file = mem_printf("%s/%s", folder, e->d_name);
        if ((first && strcmp(file, first) >= 0) || access(file, X_OK))
            continue;
        free(first);
        first = mem_strdup(file);
    }
    if (d)
        closedir(d);
    return first;
}

/* @name in the folders of PATH; NULL: any QEMU. New string, NULL: there is none. */
static char *in_path(const char *name)
{
    const char *path = getenv("PATH");
    char *file = NULL;

    for (; path && !file; path = strchr(path, ':') ? strchr(path, ':') + 1 : NULL) {
        auto_free char *folder = mem_printf("%.*s", (int)strcspn(path, ":"), path);

        /* an empty or relative one means the working folder: nothing is run from there */
        if (folder[0] != '/')
            continue;
        file = name ? path_join(folder, name) : any_in(folder);
        if (file && access(file, X_OK)) {
            free(file);
            file = NULL;
        }
    }
    return file;
}

static char *usual(void)
{
    static const char redhat[] = "/usr/libexec/qemu-kvm";
    struct utsname host;
    auto_free char *name = uname(&host) ? NULL : mem_printf("%s%s", prefix, host.machine);
    char *file = name ? in_path(name) : NULL;

    if (!file)
        file = in_path(NULL);
    return file || access(redhat, X_OK) ? file : mem_strdup(redhat);
}

char *engine_find(const char *wanted, struct qmp_error *err)
{
    char *file;

    if (wanted && strchr(wanted, '/'))
        file = access(wanted, X_OK) ? NULL : mem_strdup(wanted);
    else
        file = wanted ? in_path(wanted) : usual();
    if (file)
        return file;
    if (wanted)
        qmp_error_set(err, QRW_ERR_UNSUPPORTED, "%s cannot be run", wanted);
    else
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "changing images offline takes a QEMU, and there is none in $PATH");
    qmp_error_hint(err,
                   "install one (Debian, Ubuntu: qemu-system-x86; Fedora: qemu-system-x86-core), "
                   "or say where it is: QREWIND_QEMU=/path/to/qemu-system-x86_64");
    return NULL;
}
