/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: see error.h. */
#include "snapshot/error.h"

#include <stddef.h>

const char *qrw_error_kind_name(int kind)
{
    static const char *const names[] = {
        [QRW_ERR_REFUSED - QMP_ERR_USER] = "refused",
        [QRW_ERR_NOT_FOUND - QMP_ERR_USER] = "not-found",
        [QRW_ERR_UNSUPPORTED - QMP_ERR_USER] = "unsupported",
        [QRW_ERR_LOCKED - QMP_ERR_USER] = "locked",
        [QRW_ERR_INVALID - QMP_ERR_USER] = "invalid",
        [QRW_ERR_FAILED - QMP_ERR_USER] = "failed",
        [QRW_ERR_UNKNOWN - QMP_ERR_USER] = "unknown",
        [QRW_ERR_WAITING - QMP_ERR_USER] = "waiting",
    };

    if (kind < QMP_ERR_USER)
        return qmp_error_kind_name(kind);
    kind -= QMP_ERR_USER;
    return kind < (int)(sizeof(names) / sizeof(names[0])) ? names[kind] : NULL;
}
