/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checker that other tests hold their commands against, itself held against
 * commands whose fate is known.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/schema/schema.h"

/* clang-format off */
static const struct {
    const char *release;
    const char *command;
    const char *wrong; /* NULL: nothing */
} cases[] = {
    {"7.2", "{'execute': 'stop'}", NULL},
    {"7.2", "{'execute': 'stop', 'arguments': {}}", NULL},
    {"7.2", "{'execute': 'stop', 'arguments': {'now': true}}", "stop.now is unknown"},
    {"7.2", "{'execute': 'go'}", "go: no such command"},
    {"7.2", "{'arguments': {}}", "(none): no such command"},
    {"7.2", "{'execute': 'job-cancel'}", "job-cancel.id is missing"},
    {"7.2", "{'execute': 'job-cancel', 'arguments': {'id': 1}}", "job-cancel.id has the wrong type"},
    {"7.2", "{'exec-oob': 'migrate-pause'}", NULL},

    {"11.1", "{'execute': 'block-job-pause', 'arguments': {'device': 'j'}}", "block-job-pause is deprecated"},
    {"10.0", "{'execute': 'block-job-pause', 'arguments': {'device': 'j'}}", NULL},
    {"5.2", "{'execute': 'block-commit', 'arguments': {'device': 'vda', 'base': 'b'}}",
     "block-commit.base is deprecated"},
    {"5.2", "{'execute': 'block-commit', 'arguments': {'device': 'vda', 'base-node': 'b'}}", NULL},
    {"5.2", "{'execute': 'block-stream', 'arguments': {'device': 'vda', 'bottom': 'b'}}",
     "block-stream.bottom is unknown"},
    {"7.2", "{'execute': 'block-stream', 'arguments': {'device': 'vda', 'bottom': 'b'}}", NULL},
    {"5.2", "{'execute': 'snapshot-save', 'arguments': {}}", "snapshot-save: no such command"},

    /* blockdev-add: the driver decides; backing may be null, a name or an object. */
    {"5.2", "{'execute': 'blockdev-add', 'arguments': {'driver': 'qcow2', 'node-name': 'n', 'backing': null,"
            " 'file': {'driver': 'file', 'filename': 'x'}}}", NULL},
    {"11.1", "{'execute': 'blockdev-add', 'arguments': {'driver': 'qcow2', 'node-name': 'n', 'backing': 'b',"
             " 'file': {'driver': 'file', 'filename': 'x', 'auto-read-only': true}}}", NULL},
    {"7.2", "{'execute': 'blockdev-add', 'arguments': {'driver': 'qcow2', 'file': {'driver': 'file'}}}",
     "blockdev-add.file.filename is missing"},
    {"7.2", "{'execute': 'blockdev-add', 'arguments': {'driver': 'qcow3', 'file': 'x'}}",
     "blockdev-add.driver has an unknown value"},
    {"7.2", "{'execute': 'blockdev-add', 'arguments': {'driver': 'raw', 'file': 'x', 'backing': null}}",
     "blockdev-add.backing is unknown"},
    {"7.2", "{'execute': 'blockdev-add', 'arguments': {'driver': 'raw', 'file': 7}}",
     "blockdev-add.file has the wrong type"},

    {"7.2", "{'execute': 'blockdev-reopen', 'arguments': {'options': [{'driver': 'qcow2', 'node-name': 'n',"
            " 'file': 'f', 'backing': 'b'}]}}", NULL},
    {"5.2", "{'execute': 'x-blockdev-reopen', 'arguments': {'driver': 'qcow2', 'node-name': 'n',"
            " 'file': 'f', 'backing': 'b'}}", NULL},

    {"10.0", "{'execute': 'transaction', 'arguments': {'actions': [{'type': 'blockdev-snapshot',"
             " 'data': {'node': 'a', 'overlay': 'b'}}]}}", NULL},
    {"10.0", "{'execute': 'transaction', 'arguments': {'actions': [{'type': 'blockdev-snapshot',"
             " 'data': {'node': 'a'}}]}}", "transaction.actions[0].data.overlay is missing"},
    {"7.2", "{'execute': 'transaction', 'arguments': {'actions': [{'type': 'drive-backup',"
            " 'data': {'device': 'a', 'target': 'x', 'sync': 'full'}}]}}",
     "transaction.actions[0].type has a deprecated value"},
    {"7.2", "{'execute': 'device_add', 'arguments': {'driver': 'virtio-blk-pci', 'drive': 'n'}}", NULL},
};
/* clang-format on */

Test(schema, commands_are_judged_as_qemu_would)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *text = mem_strdup(cases[i].command);
        json_auto_t *command = NULL;
        auto_free char *wrong = NULL;

        for (char *p = text; *p; p++)
            if (*p == '\'')
                *p = '"';
        command = json_loads(text, 0, NULL);
        cr_assert(command, "%s", text);
        wrong = schema_check(cases[i].release, command);
        cr_expect(wrong && cases[i].wrong ? !strcmp(wrong, cases[i].wrong)
                                          : !wrong && !cases[i].wrong,
                  "%s %s: %s, not %s", cases[i].release, text, wrong ? wrong : "nothing wrong",
                  cases[i].wrong ? cases[i].wrong : "nothing wrong");
    }
}

Test(schema, every_release_is_there_with_its_greeting)
{
    for (const char *const *r = schema_releases; *r; r++) {
        int major, minor;
        auto_free char *version = NULL;

        cr_assert_eq(json_unpack((json_t *)schema_greeting(*r), "{s:{s:{s:{s:i, s:i}}}}", "QMP",
                                 "version", "qemu", "major", &major, "minor", &minor),
                     0);
        version = mem_printf("%d.%d", major, minor);
        cr_expect_str_eq(version, *r);
        cr_expect(schema_has(*r, "query-block"));
    }
}
