/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-sidecar-broken: a sidecar that contradicts itself is refused by name, and what is said
 * to do leads on. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

#define SIDECAR "base.qcow2.qrewind.json"
#define ON "qrewind -i base.qcow2 "

TestSuite(qemu_sidecar_broken, .init = offline_enter, .fini = offline_leave, .timeout = 60);

static void put(json_t *doc)
{
    cr_assert_eq(json_dump_file(doc, SIDECAR, 0), 0);
    json_decref(doc);
}

static void record_as_raw(const char *file)
{
    json_t *doc = json_load_file(SIDECAR, 0, NULL), *layer;
    const char *id;

    json_object_foreach(json_object_get(doc, "layers"), id, layer)
        if (strstr(json_string_value(json_object_get(layer, "file")), file))
            json_object_set_new(layer, "format", json_string("raw"));
    put(doc);
}

static void expect_broken(const char *words)
{
    json_auto_t *doc = offline_json(9, ON "check");
    auto_free char *found = findings_of(doc);

    cr_expect_str_eq(found, "broken-sidecar " SIDECAR);
    offline_fails(1, SIDECAR ": ", ON "list");
    offline_fails(1, words, ON "create n");
    offline_fails(1, words, ON "repair --yes");
    offline_files("base.qcow2 " SIDECAR " base.s1.qcow2 base.s2.qcow2");
}

/* An overlay that was put on it would show the image's header to the guest. */
Test(qemu_sidecar_broken, a_raw_layer_that_builds_on_another)
{
    static const char *const layers[] = {"base.s2.qcow2", "base.s1.qcow2"};

    for (int i = 0; i < 2; i++) {
        offline_tower();
        record_as_raw(layers[i]);
        expect_broken("move the file away");
        offline_sh("rm " SIDECAR);
        offline_ok(ON "adopt");
        offline_ok(ON "show s1");
        offline_ok(ON "check");
        offline_sh("rm *");
    }
}

Test(qemu_sidecar_broken, something_pending_that_is_nothing)
{
    offline_tower();
    json_t *doc = json_load_file(SIDECAR, 0, NULL), *fixed = json_deep_copy(doc);
    json_object_set_new(doc, "pending", json_object());
    put(doc);
    expect_broken("write \"pending\": null in the sidecar");
    json_object_set_new(fixed, "pending", json_null());
    put(fixed);
    offline_ok(ON "check");
    offline_ok(ON "create n");
}
