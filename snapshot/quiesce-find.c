/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiesce-find: where the guest agent's line comes out of QEMU.
 *
 *   /machine/peripheral, /machine/peripheral-anon
 *     └─ child<virtserialport>: name = org.qemu.guest_agent.0, chardev = LABEL
 *          └─ query-chardev: LABEL: filename = "disconnected:unix:/PATH,server=on"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/address.h"
#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/error.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/quiesce.h"

#define TRIES 10
#define PAUSE_MS 20
#define PORT_NAME "org.qemu.guest_agent.0"

/* ---- the port ---- */

/* The QOM paths of all virtserialports below @path, appended to @ports. */
static void take_ports(json_t *ports, const char *path, const json_t *children)
{
    const json_t *child;
    size_t i;

    json_array_foreach(children, i, child) {
        const char *name = text(child, "name"), *type = text(child, "type");

        if (name && type && !strcmp(type, "child<virtserialport>")) {
            auto_free char *port = mem_printf("%s/%s", path, name);

            json_array_append_new(ports, json_string(port));
        }
    }
}

/* All virtserialports, and what query-chardev says. NULL: QEMU does not answer. */
static json_t *ask_ports(struct qmp_client *c, const bool *stop, json_t **chardevs,
                         struct qmp_error *err)
{
    static const char *const folders[] = {"/machine/peripheral", "/machine/peripheral-anon"};
    struct ask *a = ask_new(c, stop);
    json_t *ports = json_array();

    for (size_t i = 0; i < 2; i++)
        ask_add(a, "qom-list", json_pack("{s:s}", "path", folders[i]), NULL, NULL);
    ask_add(a, "query-chardev", NULL, NULL, NULL);
    if (ask_run(a, err) || ask_failed(a, err)) {
        json_decref(ports);
        ports = NULL;
    } else {
        for (size_t i = 0; i < 2; i++)
            take_ports(ports, folders[i], ask_reply(a, i, NULL));
        *chardevs = json_incref(ask_reply(a, 2, NULL));
    }
    ask_free(a);
    return ports;
}

/* The label of the chardev of the port that is the agent's: NULL, nothing failed: none is. */
static char *ask_label(struct qmp_client *c, const bool *stop, const json_t *ports,
                       struct qmp_error *err)
{
    struct ask *a = ask_new(c, stop);
    const json_t *port;
    char *label = NULL;
    size_t i;

    json_array_foreach(ports, i, port) {
        ask_add(a, "qom-get", json_pack("{s:O, s:s}", "path", port, "property", "name"), NULL,
                NULL);
        ask_add(a, "qom-get", json_pack("{s:O, s:s}", "path", port, "property", "chardev"), NULL,
                NULL);
    }
    if (!ask_run(a, err))
        for (i = 0; i < json_array_size(ports) && !label; i++) {
            const char *name = json_string_value(ask_reply(a, 2 * i, NULL));

            if (name && !strcmp(name, PORT_NAME))
                label = mem_strdup(json_string_value(ask_reply(a, 2 * i + 1, NULL)));
        }
    ask_free(a);
    return label;
}

static const json_t *find_chardev(const json_t *chardevs, const char *label)
{
    const json_t *chardev;
    size_t i;

    json_array_foreach(chardevs, i, chardev)
        if (text(chardev, "label") && !strcmp(text(chardev, "label"), label))
            return chardev;
    return NULL;
}

/* ---- the address ---- */

static int give_it(struct qmp_error *err)
{
    return qmp_error_hint(err, "say where the agent is: --agent ADDRESS");
}

/* @path of QEMU as we can connect to it, whatever our working folder and root are. */
static char *our_path(pid_t pid, const char *path)
{
    struct image_view view = image_view(pid);
    char *resolved = image_resolve(&view, path);

    if (resolved && strlen(resolved) < ADDRESS_PATH_SIZE)
        return resolved;
    free(resolved);
    return mem_printf("/proc/%d/%s/%s", (int)pid, path[0] == '/' ? "root" : "cwd",
                      path + (path[0] == '/'));
}

/* As QEMU writes it: "PATH[,abstract=on[,tight=on]]"; commas in PATH are not doubled. */
static char *unix_address(pid_t pid, const char *rest)
{
    const char *abstract = strstr(rest, ",abstract=on");

    if (abstract)
        return mem_printf("unix:%s%s", rest, strstr(abstract, ",tight=on") ? "" : ",tight=off");
    return our_path(pid, rest);
}

/* What query-chardev calls a file name -> an address for us. */
static char *to_address(pid_t pid, const char *filename, struct qmp_error *err)
{
    static const char away[] = "disconnected:";
    bool free_line = !strncmp(filename, away, strlen(away));
    const char *where = filename + (free_line ? strlen(away) : 0);
    const char *server = strstr(where, ",server");
    bool is_unix = !strncmp(where, "unix:", 5), is_tcp = !strncmp(where, "tcp:", 4);

    if (!server || !(is_unix || is_tcp)) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the guest agent's character device is no socket that QEMU listens on: %s",
                      filename);
        give_it(err);
        return NULL;
    }
    if (!free_line) {
        qmp_error_set(err, QRW_ERR_LOCKED,
                      "another client is connected to the guest agent (%.*s), which serves one "
                      "at a time",
                      (int)(server - where), where);
        return NULL;
    }
    if (!pid) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "QEMU is not known to be on this host, so its agent's socket is not either");
        give_it(err);
        return NULL;
    }
    auto_free char *rest = mem_printf("%.*s", (int)(server - where), where);
    return is_unix ? unix_address(pid, rest + 5) : mem_strdup(rest);
}

static char *judge(pid_t pid, const json_t *chardev, struct qmp_error *err)
{
    const char *filename = text(chardev, "filename");

    if (!filename) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "QEMU does not say where the guest agent's "
                      "character device is");
        give_it(err);
        return NULL;
    }
    if (json_is_false(json_object_get(chardev, "frontend-open"))) {
        qmp_error_set(err, QMP_ERR_CONNECT, "no guest agent runs in the guest");
        qmp_error_hint(err, "install and start qemu-guest-agent there");
        return NULL;
    }
    return to_address(pid, filename, err);
}

static void none(struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_UNSUPPORTED, "the VM has no line to a guest agent");
    qmp_error_hint(err, "QEMU needs -chardev socket,id=agent,path=/PATH,server=on,wait=off -device "
                        "virtio-serial -device virtserialport,chardev=agent,name=" PORT_NAME);
}

static char *look(struct qmp_client *c, pid_t pid, const bool *stop, struct qmp_error *err)
{
    json_auto_t *chardevs = NULL;
    struct qmp_error why = {0};
    json_auto_t *ports = ask_ports(c, stop, &chardevs, err);
    auto_free char *label = ports ? ask_label(c, stop, ports, &why) : NULL;

    if (!ports)
        return NULL;
    if (label)
        return judge(pid, find_chardev(chardevs, label), err);
    if (!why.kind)
        none(&why);
    if (err)
        *err = why;
    return NULL;
}

static bool never(void *arg)
{
    return false;
}

/* QEMU may not have noticed yet that the client before us has left: that is looked at
 * again some times. */
char *quiesce_find(struct qmp_client *c, pid_t pid, const bool *stop, struct qmp_error *err)
{
    struct qmp_error why = {0};
    char *found = look(c, pid, stop, &why);

    for (int i = 0; i < TRIES && !found && why.kind == QRW_ERR_LOCKED; i++) {
        qmp_client_run(c, never, NULL, PAUSE_MS, NULL);
        found = look(c, pid, stop, &why);
    }
    if (!found && err)
        *err = why;
    return found;
}
