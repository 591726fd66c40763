/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live: see live.h. */
#include "tests/cases/live.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

/* Told to be able to, QEMU says whether it is. */
bool live_can(struct lab *lab)
{
    bool possible = true;

    for (int on = 1; on >= 0; on--) {
        json_auto_t *reply =
            lab_ask(lab, "migrate-set-capabilities", "{s:[{s:s, s:b}]}", "capabilities",
                    "capability", "background-snapshot", "state", on);

        possible = possible && json_object_get(reply, "return");
    }
    return possible;
}

struct lab *live_start(struct lab_options o)
{
    o.running = true;
    struct lab *lab = lab_start(&o);

    if (live_can(lab))
        return lab;
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "create", "m1", "--memory=live");
    says(error, "kind", "unsupported");
    says(error, "hint", "--memory");
    unchanged(lab, state);
    lab_stop(lab);
    return NULL;
}

const char *live_status(struct lab *lab)
{
    static char status[32];
    json_auto_t *reply = lab_qmp(lab, "query-status", NULL);

    strncpy(status, text(reply, "status"), sizeof(status) - 1);
    return status;
}

char *live_settings(struct lab *lab)
{
    json_auto_t *capabilities = lab_qmp(lab, "query-migrate-capabilities", NULL);
    json_auto_t *parameters = lab_qmp(lab, "query-migrate-parameters", NULL);
    json_auto_t *all = json_pack("{s:O, s:O}", "capabilities", capabilities, "bandwidth",
                                 at(parameters, "max-bandwidth"));

    return json_dumps(all, JSON_INDENT(1));
}
