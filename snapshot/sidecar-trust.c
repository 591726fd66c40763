/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sidecar-trust: whose word a sidecar is; see sidecar.h. */
#include "snapshot/sidecar.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"

int sidecar_trust(const struct stat *st, const char *file, struct qmp_error *err)
{
    size_t suffix = strlen(SIDECAR_SUFFIX), n = strlen(file);
    auto_free char *image = mem_printf("%.*s", n > suffix ? (int)(n - suffix) : 0, file);
    struct stat beside;
    bool ours = st->st_uid == geteuid() || st->st_uid == 0 ||
                (!stat(image, &beside) && beside.st_uid == st->st_uid);

    if (ours && !(st->st_mode & 022))
        return 0;
    qmp_error_set(err, QRW_ERR_INVALID, "%s: %s", file,
                  ours ? "others than its owner may write it"
                       : "it belongs to neither us nor the owner of the images");
    auto_free char *quoted = path_quote(file);
    if (ours)
        return qmp_error_hint(err, "if you trust what is in it: chmod go-w %s", quoted);
    return qmp_error_hint(err, "if you trust what is in it, as root: chown %u %s",
                          (unsigned)geteuid(), quoted);
}
