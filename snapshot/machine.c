/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: see machine.h. */
#include "snapshot/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/member.h"
#include "snapshot/places.h"

char *machine_name(const char *qom_type)
{
    size_t n = strlen(qom_type), tail = strlen("-machine");

    if (n > tail && !strcmp(qom_type + n - tail, "-machine"))
        n -= tail;
    return mem_printf("%.*s", (int)n, qom_type);
}

int machine_take_type(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;

    if (json_is_string(reply))
        m->type = machine_name(json_string_value(reply));
    return 0;
}

int machine_take_memory(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;

    m->ram = json_integer_value(json_object_get(reply, "base-memory")) +
             json_integer_value(json_object_get(reply, "plugged-memory"));
    return 0;
}

int machine_take_cpus(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;

    m->cpus = json_array_size(reply);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

static void sort(json_t *list)
{
    size_t n = json_array_size(list);
    json_t **entries = mem_alloc((n + 1) * sizeof(*entries));

    for (size_t i = 0; i < n; i++)
        entries[i] = json_incref(json_array_get(list, i));
    qsort(entries, n, sizeof(*entries), by_text);
    for (size_t i = 0; i < n; i++)
        json_array_set_new(list, i, entries[i]);
    free(entries);
}

/* qom-list of /machine/peripheral ("disk0": child<virtio-blk-pci>) and of -anon
 * ("device[3]": …, a number that depends on the order of the command line). */
int machine_take_devices(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;
    const json_t *entry;
    size_t i;

    if (!m->devices)
        m->devices = json_array();
    json_array_foreach(reply, i, entry) {
        const char *name = text(entry, "name"), *type = text(entry, "type");

        if (!name || !type || strncmp(type, "child<", 6))
            continue;
        auto_free char *words = mem_printf("%s: %.*s", strchr(name, '[') ? "-" : name,
                                           (int)strcspn(type + 6, ">"), type + 6);
        json_array_append_new(m->devices, json_string(words));
    }
    sort(m->devices);
    return 0;
}

int machine_take_tree(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;

    json_decref(m->tree);
    m->tree = places_read(json_string_value(reply));
    return 0;
}

int machine_take_migration(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;
    const char *status = text(reply, "status");
    json_t *reasons = json_object_get(reply, "blocked-reasons");

    if (graph_migrates(status))
        m->migration = mem_strdup(status);
    m->failed = text(reply, "error-desc") != NULL;
    m->blockers = json_is_array(reasons) ? json_deep_copy(reasons) : NULL;
    return 0;
}

int machine_take_parameters(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;

    m->bandwidth = json_integer_value(json_object_get(reply, "max-bandwidth"));
    return 0;
}

int machine_take_accelerator(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;

    const json_t *enabled = json_object_get(reply, "enabled");

    m->translates = json_is_false(enabled) || same(json_string_value(enabled), "tcg");
    return 0;
}

bool machine_keeps_code(const struct machine *m, int version)
{
    return m && m->translates && version >= OLDEST_THAT_KEEPS_CODE;
}

void machine_done(struct machine *m)
{
    free(m->type);
    free(m->migration);
    json_decref(m->devices);
    json_decref(m->tree);
    json_decref(m->blockers);
    json_decref(m->capabilities);
    memset(m, 0, sizeof(*m));
}

static int check_no_migration(const struct machine *m, struct qmp_error *err)
{
    if (!m->migration)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED, "a migration is running (%s)", m->migration);
    return qmp_error_hint(err, "wait until it is through, or end it: qrewind qmp migrate_cancel");
}

int machine_can_save(const struct machine *m, struct qmp_error *err)
{
    const char *reason = json_string_value(json_array_get(m->blockers, 0));

    if (reason)
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "the memory cannot be saved: %s", reason);
    return check_no_migration(m, err) || machine_check_set(m, MACHINE_SAVES, err) ? -1 : 0;
}

/* "ID: TYPE" for people, who do not ask for the id of what has none. */
static const char *device_words(const char *device)
{
    return strncmp(device, "-: ", 3) ? device : device + 3;
}

int machine_can_load(const struct machine *m, const char *status, struct qmp_error *err)
{
    const json_t *device;
    size_t i;

    if (check_no_migration(m, err) || machine_check_set(m, MACHINE_LOADS, err))
        return -1;
    json_array_foreach(m->devices, i, device) {
        const char *type = strrchr(json_string_value(device), ' ');

        if (!same(type, " nvme") || same(status, "prelaunch"))
            continue;
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                             "QEMU would die of loading the memory: the guest uses an nvme "
                             "controller (%s)",
                             device_words(json_string_value(device)));
    }
    return 0;
}

/* New reference, NULL: that is not told. */
static json_t *places(const struct machine *m, const struct graph *g, const json_t *disks)
{
    json_t *found = m->tree ? places_record(m->tree, m->devices, g, disks) : NULL;

    sort(json_object_get(found, "devices"));
    return found;
}

void machine_record(const struct machine *m, const struct graph *g, const json_t *disks,
                    json_t *memory)
{
    json_t *found = places(m, g, disks);

    json_object_set_new(memory, "machine", m->type ? json_string(m->type) : json_null());
    json_object_set_new(memory, "ram", json_integer(m->ram));
    if (m->cpus)
        json_object_set_new(memory, "cpus", json_integer((json_int_t)m->cpus));
    if (m->devices)
        json_object_set(memory, "devices", m->devices);
    if (found)
        json_object_set_new(memory, "places", found);
}

static const char *entry(const json_t *list, size_t i)
{
    const char *words = json_string_value(json_array_get(list, i));

    return words ? words : "";
}

/* The first entry of @a that is not in @b. Both are sorted. */
static const char *missing(const json_t *a, const json_t *b)
{
    size_t k = 0;

    for (size_t i = 0; i < json_array_size(a); i++, k++) {
        while (k < json_array_size(b) && strcmp(entry(b, k), entry(a, i)) < 0)
            k++;
        if (k >= json_array_size(b) || strcmp(entry(b, k), entry(a, i)))
            return entry(a, i);
    }
    return NULL;
}

/* "7.2" of "7.2.22" as a number that grows; 0: it is none. */
static int release(const char *qemu)
{
    unsigned short major = 0, minor = 0;

    return qemu && sscanf(qemu, "%hu.%hu", &major, &minor) == 2 ? major << 16 | minor : 0;
}

/* The types of @devices, sorted. New reference. */
static json_t *types_of(const json_t *devices)
{
    json_t *types = json_array();

    for (size_t i = 0; i < json_array_size(devices); i++) {
        const char *type = strrchr(entry(devices, i), ' ');

        json_array_append_new(types, json_string(type ? type + 1 : ""));
    }
    sort(types);
    return types;
}

static bool same_types(const json_t *a, const json_t *b)
{
    json_auto_t *of_a = types_of(a), *of_b = types_of(b);

    return json_equal(of_a, of_b);
}

/* @then and @now: of the same disks and types of devices. */
static int check_places(const json_t *then, const json_t *now, struct qmp_error *err)
{
    const char *id,
        *lost = missing(json_object_get(then, "devices"), json_object_get(now, "devices"));
    json_t *was;

    json_object_foreach(json_object_get(then, "disks"), id, was) {
        const char *is = text(json_object_get(now, "disks"), id);

        if (is && json_is_string(was) && !same(is, json_string_value(was)))
            return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "disk %s sat at %s, and is at %s now",
                                 id, json_string_value(was), is);
    }
    return lost ? qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                                "the VM had a device that is elsewhere now: %s", lost)
                : 0;
}

int machine_fits(const struct machine *m, const struct graph *g, const char *qemu,
                 const json_t *memory, struct qmp_error *err)
{
    const char *type = text(memory, "machine"), *saved_by = text(memory, "qemu");
    int64_t ram = json_integer_value(json_object_get(memory, "ram"));
    long long cpus = json_integer_value(json_object_get(memory, "cpus"));
    const json_t *devices = json_object_get(memory, "devices");
    const json_t *then = json_object_get(memory, "places");
    json_auto_t *now = then ? places(m, g, json_object_get(then, "disks")) : NULL;
    const bool by_name = !now || !same_types(devices, m->devices);
    const char *lost = devices && by_name ? missing(devices, m->devices) : NULL;
    const char *added = devices && by_name ? missing(m->devices, devices) : NULL;

    if (type && m->type && strcmp(type, m->type))
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the memory was saved on machine type %s, this is %s", type, m->type);
    else if (ram && m->ram && ram != m->ram)
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the memory was saved with %lld MiB of RAM, this VM has %lld MiB",
                      (long long)(ram >> 20), (long long)(m->ram >> 20));
    else if (cpus && m->cpus && cpus != (long long)m->cpus)
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the memory was saved with %lld CPU%s, this VM has %zu", cpus,
                      cpus == 1 ? "" : "s", m->cpus);
    else if (release(saved_by) > release(qemu))
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the memory was saved by QEMU %s, this is %s, which is older", saved_by,
                      qemu);
    else if (lost)
        qmp_error_set(err, QRW_ERR_UNSUPPORTED, "the VM had a device that is missing now: %s",
                      device_words(lost));
    else if (added)
        qmp_error_set(err, QRW_ERR_UNSUPPORTED, "the VM has a device that it had not then: %s",
                      device_words(added));
    else if (!now || !check_places(then, now, err))
        return 0;
    return qmp_error_hint(err, "start QEMU as it was then, or revert the disks alone with "
                               "--no-memory (the guest restarts)");
}
