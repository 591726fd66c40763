/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-quiesce-find: the guest agent's address, from what QEMU says of its devices.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/quiesce.h"
#include "tests/fake-monitor/fake-monitor.h"
#include "tests/lab/lab.h"

/* A VM with two ports: what its monitor says is told by the test. */
static const char *devices, *chardev;

static const char *answer(const char *command, json_t *args, void *arg)
{
    static char *lines;
    const char *path = json_string_value(json_object_get(args, "path"));
    const char *property = json_string_value(json_object_get(args, "property"));
    bool agent = path && strstr(path, "device[1]");

    if (!strcmp(command, "qom-list"))
        return strstr(path, "anon") ? devices : "= []";
    if (!strcmp(command, "qom-get") && !strcmp(property, "name"))
        return agent ? "= \"org.qemu.guest_agent.0\"" : "= \"com.redhat.spice.0\"";
    if (!strcmp(command, "qom-get"))
        return agent ? "= \"agent\"" : "= \"spice\"";
    if (strcmp(command, "query-chardev"))
        return NULL;
    free(lines);
    return lines =
               mem_printf("= [{\"label\": \"spice\", \"filename\": \"spicevmc\"}, %s]", chardev);
}

/* Returns the address that is found, or NULL. */
static char *find(struct qmp_error *err)
{
    struct qmp_client *c = qmp_client_new(NULL, NULL);
    struct fake *f = fake_dispatch(qmp_client_base(c), NULL);

    fake_answer_with(f, answer, NULL);
    cr_assert_eq(qmp_connect(c, fake_address(f), 5000, err), 0, "%s", err->desc);
    char *found = quiesce_find(c, getpid(), NULL, err);
    fake_free(f);
    qmp_client_free(c);
    return found;
}

#define PORTS                                                                                      \
    "= [{\"name\": \"type\", \"type\": \"string\"}, {\"name\": \"device[0]\", \"type\": "          \
    "\"child<virtserialport>\"}, {\"name\": \"device[1]\", \"type\": \"child<virtserialport>\"}]"

/* @PID stands for the monitor's process, which is this one. */
static const struct {
    const char *filename, *address;
    int kind;
} cases[] = {
    /* clang-format off */
    {"disconnected:unix:/nowhere/agent.sock,server=on", "/proc/@PID/root/nowhere/agent.sock", 0},
    {"disconnected:unix:/nowhere/agent.sock,server", "/proc/@PID/root/nowhere/agent.sock", 0},
    {"disconnected:unix:no,where/a,gent.sock,server=on", "/proc/@PID/cwd/no,where/a,gent.sock", 0},
    {"disconnected:unix:name,abstract=on,tight=on,server=on", "unix:name,abstract=on,tight=on", 0},
    {"disconnected:unix:name,abstract=on,server=on", "unix:name,abstract=on,tight=off", 0},
    {"disconnected:tcp:127.0.0.1:4444,server=on", "tcp:127.0.0.1:4444", 0},
    {"unix:/nowhere/agent.sock,server=on", NULL, QRW_ERR_LOCKED},
    {"tcp:127.0.0.1:4444,server=on <-> 127.0.0.1:5555", NULL, QRW_ERR_LOCKED},
    {"disconnected:unix:/nowhere/agent.sock", NULL, QRW_ERR_UNSUPPORTED},
    {"disconnected:telnet:127.0.0.1:4444,server=on", NULL, QRW_ERR_UNSUPPORTED},
    {"pty:/dev/pts/3", NULL, QRW_ERR_UNSUPPORTED},
    {"spicevmc", NULL, QRW_ERR_UNSUPPORTED},
    {"", NULL, QRW_ERR_UNSUPPORTED},
    /* clang-format on */
};

Test(find, understands_how_qemu_writes_addresses)
{
    struct qmp_error err;

    devices = PORTS;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *want = cases[i].address, *pid = want ? strstr(want, "@PID") : NULL;
        auto_free char *filled =
            pid ? mem_printf("%.*s%d%s", (int)(pid - want), want, (int)getpid(), pid + 4)
                : mem_strdup(want);
        auto_free char *line = mem_printf("{\"label\": \"agent\", \"filename\": \"%s\", "
                                          "\"frontend-open\": true}",
                                          cases[i].filename);

        chardev = line;
        auto_free char *found = find(&err);
        if (want)
            cr_expect(found && !strcmp(found, filled), "%s: %s", cases[i].filename,
                      found ? found : err.desc);
        else
            cr_expect(!found && err.kind == cases[i].kind, "%s: %s", cases[i].filename,
                      found ? found : err.desc);
    }
}

Test(find, gives_a_path_that_means_the_same_to_us_as_it_is)
{
    auto_free char *folder = lab_new_folder(), *path = mem_printf("%s/agent.sock", folder);
    struct qmp_error err;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(un.sun_path, path);
    cr_assert_eq(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
    auto_free char *line = mem_printf(
        "{\"label\": \"agent\", \"filename\": \"disconnected:unix:%s,server=on\"}", path);
    devices = PORTS;
    chardev = line;
    auto_free char *found = find(&err);
    cr_expect(found && !strcmp(found, path), "%s", found ? found : err.desc);
    close(listener);
    unlink(path);
    rmdir(folder);
}

static const struct {
    const char *what, *devices, *chardev;
    int kind;
} missing[] = {
    /* clang-format off */
    {"no agent runs", PORTS, "{\"label\": \"agent\", \"filename\": "
     "\"disconnected:unix:/nowhere/agent.sock,server=on\", \"frontend-open\": false}",
     QMP_ERR_CONNECT},
    {"no such character device", PORTS, "{\"label\": \"other\", \"filename\": \"null\"}",
     QRW_ERR_UNSUPPORTED},
    {"no file name", PORTS, "{\"label\": \"agent\"}", QRW_ERR_UNSUPPORTED},
    {"no port", "= []", "{}", QRW_ERR_UNSUPPORTED},
    {"nonsense", "= [1, {\"name\": 2}, {\"type\": \"child<virtserialport>\"}]", "7",
     QRW_ERR_UNSUPPORTED},
    {"only another port", "= [{\"name\": \"device[0]\", \"type\": \"child<virtserialport>\"}]",
     "{}", QRW_ERR_UNSUPPORTED},
    {"QEMU refuses", "! GenericError no", "{}", QMP_ERR_COMMAND},
    /* clang-format on */
};

Test(find, says_what_is_missing)
{
    struct qmp_error err;

    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        devices = missing[i].devices;
        chardev = missing[i].chardev;
        auto_free char *found = find(&err);
        cr_assert_null(found, "%s: %s", missing[i].what, found);
        cr_expect_eq(err.kind, missing[i].kind, "%s: %s", missing[i].what, err.desc);
        cr_expect(err.hint[0] || err.kind == QMP_ERR_COMMAND, "%s: %s", missing[i].what, err.desc);
    }
}
