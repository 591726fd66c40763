/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A document from outside is taken whole or not at all: each row changes a good one, and
 * says why it is refused then. NULL: it is still good.
 */
#include "snapshot/chain.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/quoted/quoted.h"

static const char good[] =
    "{\"format\": \"qrewind\", \"version\": 1, \"generation\": 7, \"vm\": {\"name\": \"web1\"},"
    " \"disks\": {\"disk0\": {\"active\": \"L3\"}},"
    " \"layers\": {\"L1\": {\"file\": \"a.qcow2\", \"format\": \"qcow2\", \"backing\": null},"
    "            \"L2\": {\"file\": \"b.qcow2\", \"format\": \"qcow2\", \"backing\": \"L1\"},"
    "            \"L3\": {\"file\": \"c.qcow2\", \"format\": \"qcow2\", \"backing\": \"L1\"}},"
    " \"snapshots\": [{\"name\": \"s1\", \"parent\": null, \"created\": \"2026\","
    "                \"disks\": {\"disk0\": {\"layer\": \"L1\"}},"
    "                \"memory\": {\"file\": \"m.qcow2\", \"tag\": \"s1\"}},"
    "               {\"name\": \"s2\", \"parent\": \"s1\", \"created\": \"2026\","
    "                \"disks\": {\"disk0\": {\"layer\": \"L2\"}, \"disk1\": {\"tag\": \"s2\"}}}],"
    " \"current\": \"s1\","
    " \"undo\": {\"disks\": {\"disk0\": {\"layer\": \"L2\"}}, \"current\": \"s2\"},"
    " \"pending\": null}";

/* clang-format off */
static const struct {
    const char *change; /* ' for "; an object goes into the one that is there, "-" removes */
    const char *why;
} cases[] = {
    {"{}", NULL},

    {"{'format': 'other'}",      "this is not a qrewind sidecar"},
    {"{'format': '-'}",          "this is not a qrewind sidecar"},
    {"{'format': 5}",            "this is not a qrewind sidecar"},
    {"{'version': '-'}",         "no version"},
    {"{'version': '1'}",         "no version"},
    {"{'version': 0}",           "no version"},
    {"{'version': 1.0}",         "no version"},
    {"{'version': 2}",           "version 2, this qrewind knows version 1"},
    {"{'version': 9223372036854775807}", "version 9223372036854775807, this"},

    {"{'generation': '-'}",      "wrong type: generation"},
    {"{'generation': '7'}",      "wrong type: generation"},
    {"{'generation': -1}",       "not a number of saves: generation"},
    {"{'generation': 9223372036854775807}", "not a number of saves: generation"},
    {"{'disks': '-'}",           "wrong type: disks"},
    {"{'disks': null}",          "wrong type: disks"},
    {"{'disks': []}",            "wrong type: disks"},
    {"{'layers': '-'}",          "wrong type: layers"},
    {"{'layers': []}",           "wrong type: layers"},
    {"{'snapshots': '-'}",       "wrong type: snapshots"},
    {"{'snapshots': null}",      "wrong type: snapshots"},
    {"{'vm': 5}",                "wrong type: vm"},
    {"{'vm': null}",             NULL},
    {"{'vm': '-'}",              NULL},
    {"{'undo': []}",             "wrong type: undo"},
    {"{'undo': null}",           NULL},
    {"{'pending': 'create'}",    "wrong type: pending"},
    {"{'pending': {}}",          NULL},
    {"{'current': 5}",           "wrong type: current"},
    {"{'current': null}",        NULL},
    {"{'current': '-'}",         NULL},
    {"{'current': 's3'}",        "the current snapshot is not there: s3"},

    {"{'layers': {'L4': 5}}",                     "a layer without file or format: L4"},
    {"{'layers': {'L4': {}}}",                    "a layer without file or format: L4"},
    {"{'layers': {'L1': {'file': '-'}}}",         "a layer without file or format: L1"},
    {"{'layers': {'L1': {'format': null}}}",      "a layer without file or format: L1"},
    {"{'layers': {'L1': {'backing': 1}}}",        "a layer without file or format: L1"},
    {"{'layers': {'L1': {'backing': '-'}}}",      NULL},
    {"{'layers': {'L1': {'backing': 'L9'}}}",     "its backing layer is not there: L1"},
    {"{'layers': {'L1': {'backing': 'L1'}}}",     "layers back each other in a circle"},
    {"{'layers': {'L1': {'backing': 'L2'}}}",     "layers back each other in a circle"},
    {"{'layers': {'L2': {'file': 'a.qcow2'}}}",   "two layers have this file: a.qcow2"},
    {"{'layers': {'L2': {'file': '/vm/a.qcow2'}}}", "two layers have this file: /vm/a.qcow2"},
    {"{'layers': {'L1': '-'}}",                   "its backing layer is not there"},
    {"{'layers': {'L3': '-'}}",                   "disks: disk disk0: no such layer"},

    {"{'disks': {'disk0': {'active': 'L9'}}}",    "disks: disk disk0: no such layer"},
    {"{'disks': {'disk0': {'active': null}}}",    "disks: disk disk0: no such layer"},
    {"{'disks': {'disk0': 5}}",                   "disks: disk disk0: no such layer"},
    {"{'disks': {'disk0': {'stem': '../../x'}}}", "disks: disk disk0: its stem is no file name"},
    {"{'disks': {'disk0': {'stem': ''}}}",        "disks: disk disk0: its stem is no file name"},
    {"{'layers': {'L1': {'size': -1}}}",          "a layer of less than nothing"},
    {"{'disks': {'disk0': {'active': '-', 'tag': 'x'}}}", "disks: disk disk0: no such layer"},

    {"{'undo': {'disks': {'disk0': {'layer': 'L9'}}}}", "undo: disk disk0: no such layer"},
    {"{'undo': {'disks': {'disk0': 'L1'}}}",            "undo: disk disk0: no such layer"},
    {"{'undo': {'disks': '-'}}",                        "undo without disks"},
    {"{'undo': {'disks': []}}",                         "undo without disks"},
    {"{'undo': {'current': null}}",                     NULL},
    {"{'undo': {'current': 's3'}}",                     "undo: its snapshot is not there: s3"},

    {"{'snapshots': [5]}",  "a snapshot without name, time or disks"},
    {"{'snapshots': [{}]}", "a snapshot without name, time or disks"},
    {"{'layers': {'L3': {'file': 'c', 'format': 'raw', 'backing': 'L1'}}}", "c: recorded as raw, "},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': []}]}",
     "a snapshot without name, time or disks: s1"},
    {"{'snapshots': [{'name': 's1', 'disks': {}}]}", "a snapshot without name, time or disks: s1"},
    {"{'snapshots': [{'name': 5, 'created': '', 'disks': {}}]}", "a snapshot without name"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'parent': 5}]}",
     "a snapshot without name, time or disks: s1"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'parent': 's3'}]}",
     "its parent is not there: s1"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'parent': 's1'}]}",
     "snapshots descend from each other in a circle: s1"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'parent': 's2'},"
     "               {'name': 's2', 'created': '', 'disks': {}, 'parent': 's1'}]}",
     "snapshots descend from each other in a circle"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}},"
     "               {'name': 's1', 'created': '', 'disks': {}}]}", "two snapshots have this name"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {'disk0': {'layer': 'L9'}}}]}",
     "s1: disk disk0: no such layer"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {'disk0': 5}}]}",
     "s1: disk disk0: no such layer"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'memory': 5}]}",
     "its memory has no file or tag: s1"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'memory': {'file': 'm'}}]}",
     "its memory has no file or tag: s1"},
    {"{'snapshots': [{'name': 's1', 'created': '', 'disks': {}, 'memory': {'tag': 's1'}}]}",
     "its memory has no file or tag: s1"},
};
/* clang-format on */

static void merge(json_t *into, json_t *change)
{
    const char *key;
    json_t *value;

    json_object_foreach(change, key, value) {
        json_t *old = json_object_get(into, key);

        if (json_is_string(value) && !strcmp(json_string_value(value), "-"))
            json_object_del(into, key);
        else if (json_is_object(value) && json_object_size(value) && json_is_object(old))
            merge(old, value);
        else
            json_object_set(into, key, value);
    }
}

Test(chain_check, a_document_is_refused_with_what_is_wrong_in_it)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_auto_t *doc = quoted(good), *change = quoted(cases[i].change);
        struct qmp_error err = {0};
        struct chain c = {0};

        merge(doc, change);
        int rc = chain_take(&c, "/vm", doc, &err);
        cr_expect_eq(rc, cases[i].why ? -1 : 0, "%s: %s", cases[i].change, err.desc);
        if (rc && cases[i].why)
            cr_expect(strstr(err.desc, cases[i].why), "%s: '%s' is not in '%s'", cases[i].change,
                      cases[i].why, err.desc);
        chain_done(&c);
    }
}

Test(chain_check, a_newer_version_is_unsupported_and_all_else_invalid)
{
    json_auto_t *newer = quoted("{'format': 'qrewind', 'version': 2}");
    json_auto_t *list = json_array();
    struct qmp_error err = {0};
    struct chain c = {0};

    cr_expect_eq(chain_take(&c, "/vm", newer, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_UNSUPPORTED);
    cr_expect_eq(chain_take(&c, "/vm", list, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
    cr_expect_eq(chain_take(&c, "/vm", NULL, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
    cr_expect_null(c.doc);
}

Test(chain_check, a_very_long_chain_is_walked_once)
{
    json_auto_t *doc = quoted(good);
    json_t *layers = json_object_get(doc, "layers");
    struct chain c = {0};

    for (int i = 10; i < 60000; i++) {
        auto_free char *id = mem_printf("L%d", i), *below = mem_printf("L%d", i - 1);

        json_object_set_new(layers, id,
                            json_pack("{s:s, s:s, s:s?}", "file", id, "format", "qcow2", "backing",
                                      i > 10 ? below : NULL));
    }
    cr_expect_eq(chain_take(&c, "/vm", doc, NULL), 0);
    chain_done(&c);
}
