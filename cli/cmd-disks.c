/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disks: the VM's disks, and why one is left out of snapshots. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/table.h"
#include "cli/text.h"
#include "qmp/mem.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_disks(vm, err) : NULL;
}

/* "/machine/peripheral/disk0/virtio-backend" -> "disk0". New string. */
static char *device(const char *qdev)
{
    static const char *const before[] = {"/machine/peripheral/", "/machine/peripheral-anon/"};
    size_t len;

    for (size_t i = 0; i < 2; i++)
        if (!strncmp(qdev, before[i], strlen(before[i])))
            qdev += strlen(before[i]);
    len = strcspn(qdev, "/");
    return len ? mem_printf("%.*s", (int)len, qdev) : mem_strdup(qdev);
}

static void add(struct table *t, const json_t *disk)
{
    const json_t *active = json_array_get(json_object_get(disk, "layers"), 0);
    const char *skipped = doc_text(disk, "skipped");
    auto_free char *note = skipped ? mem_printf("left out: %s", skipped) : NULL;
    auto_free char *qdev = device(doc_dash(disk, "qdev"));
    auto_free char *layers = mem_printf("%" PRId64, doc_int(disk, "depth"));
    char size[TEXT_ROOM];

    table_line(t, NULL,
               (const char *[]){
                   doc_dash(disk, "id"),
                   qdev,
                   doc_dash(disk, "node"),
                   doc_dash(active, "format"),
                   text_size(size, doc_int(disk, "size")),
                   layers,
                   doc_dash(active, "file"),
                   note,
               });
}

static void print(const json_t *doc, const void *args)
{
    const json_t *disks = json_object_get(doc, "disks"), *disk;
    size_t i;

    if (!json_array_size(disks)) {
        out_line(stderr, "no disks");
        return;
    }
    struct table *t = table_new((const struct table_column[]){{"DISK", 0},
                                                              {"DEVICE", 0},
                                                              {"NODE", 0},
                                                              {"FORMAT", 0},
                                                              {"SIZE", TABLE_RIGHT},
                                                              {"LAYERS", TABLE_RIGHT},
                                                              {"FILE", 0},
                                                              {" ", 0},
                                                              {NULL, 0}});
    json_array_foreach(disks, i, disk)
        add(t, disk);
    table_print(t);
}

const struct verb cmd_disks = {
    .name = "disks",
    .summary = "List the disks, and which ones a snapshot leaves out",
    .opts = commands_no_opts,
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
