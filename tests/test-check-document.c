/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check finds of the sidecar, and of files that none names: as test-check.c. */
#include <criterion/criterion.h>

#include "tests/state/state.h"

/* clang-format off */
static const struct state_row documents[] = {
    {"others may read the sidecar", "disk0: base* <- a", ".mode=420; offline",
     "open-permissions base.qrewind.json (chmod)"},
    {"a merge that could not be done", "disk0: base* <- a <- b", "#layers/L2/loose=true; offline",
     "due-merge a (settle)"},
    {"and cannot be", "disk0: base* <- a <- b", "#layers/L2/loose=true; b.corrupt=true; offline",
     "due-merge a, corrupt-image b"},
    {"nor while another image builds on what it is merged with", "disk0: base* <- a <- b* <- c",
     "#layers/L2/loose=true; x.leads=@b; offline", "due-merge a"},
    {"on the lower one it may", "disk0: base* <- a <- b* <- c",
     "#layers/L2/loose=true; x.leads=@a; offline", "due-merge a (settle)"},
    {"it is being done", "disk0: base* <- a <- b",
     "#layers/L2/loose=true; .holder=pid 7 (qrewind); offline", "locked base.qrewind.json"},
    {"somebody is at work", "disk0: base* <- a", ".holder=pid 7 (qrewind); .leftovers=[\"/vm/n.new\"]; offline",
     "locked base.qrewind.json"},
    {"a pending that makes no sense", "disk0: base* <- a", "#pending={\"operation\": \"create\"}; offline",
     "pending create"},
    {"another sidecar says that its guest writes to it", "disk0: base* <- a",
     ".sidecars={\"/vm/o.qrewind.json\": {\"/vm/base.qcow2\": {\"active\": true}}}; offline",
     "sidecar-conflict base"},
    {"another one knows the active layer", "disk0: base* <- a",
     ".sidecars={\"/vm/o.qrewind.json\": {\"/vm/a.qcow2\": {\"ours\": false}}}; offline",
     "sidecar-conflict a"},
    {"a base that both have", "disk0: base* <- a",
     ".sidecars={\"/vm/o.qrewind.json\": {\"/vm/base.qcow2\": {\"ours\": false}}}; offline", ""},
    {"a save that was killed", "disk0: base* <- a", ".leftovers=[\"/vm/n.new\"]; offline",
     "orphan-file n.new (unlink)"},
    {"a link of one", "disk0: base* <- a", ".leftovers=[\"/vm/a.qcow2.qrewind.json\"]; offline",
     "orphan-file a.qrewind.json (unlink)"},
    {"beside an image of others", "disk0: base* <- a",
     "o.size=1; .leftovers=[\"/vm/o.qcow2.qrewind.json\"]; offline", ""},
    {"a link that led to the record", "disk0: base* <- a",
     ".away={\"/vm/a.qcow2.qrewind.json\": \"/o/a.qcow2.qrewind.json\"}; "
     ".pointers={\"/vm/a.qcow2.qrewind.json\": true}; offline", "orphan-file a.qrewind.json (lead)"},
    {"and is not needed", "disk0: base* <- a",
     ".away={\"/vm/a.qcow2.qrewind.json\": \"/o/a.qcow2.qrewind.json\"}; offline",
     "orphan-file a.qrewind.json (unlink?)"},
    {"the record that it leads to is not there", "disk0: base* <- a",
     ".away={\"/vm/a.qcow2.qrewind.json\": \"/o/a.qcow2.qrewind.json\"}; .sidecar=null; offline",
     "broken-sidecar a.qrewind.json"},
    {"a whole folder is away", "disk0: base* <- a* <- b", "-a; .gone={\"/vm\": true}; offline",
     "missing-file a, broken-snapshot s2"},
    {"a link beside an image of others", "disk0: base* <- a",
     ".away={\"/vm/o.qcow2.qrewind.json\": \"/o/a.qcow2.qrewind.json\"}; offline", ""},
    {"an empty overlay", "disk0: base* <- a", "base.s9.leads=@base; base.s9.empty=true; offline",
     ""},
};

static const struct state_row orphans[] = {
    {"an empty overlay", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@base; base.s9.qcow2.empty=true; offline",
     "orphan-file base.s9 (unlink?)"},
    {"and an empty drive", "disk0: base* <- a; cd[empty]: x",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@base; base.s9.qcow2.empty=true",
     "orphan-file base.s9 (unlink?)"},
    {"an empty name", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.size=0; offline",
     "orphan-file base.s9 (unlink?)"},
    {"an overlay with data is nobody's to remove", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@base; offline", "orphan-file base.s9"},
    {"on what the disk runs on it may be the newest", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@a; base.s9.qcow2.mtime_ns=9; a.mtime_ns=8; "
     "offline", "foreign-layer base.s9"},
    {"whatever it is called", "disk0: base* <- a",
     "x.leads=@a; x.mtime_ns=9; a.mtime_ns=8; offline", "foreign-layer x"},
    {"but not on what others need, too", "disk0: base* <- a",
     "x.leads=@base; x.mtime_ns=9; offline", ""},
    {"nor by way of a name where nothing is in it", "disk0: base* <- a",
     "x.leads=@a; x.empty=true; x.mtime_ns=9; a.mtime_ns=8; offline", ""},
    {"somebody has it open", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@base; base.s9.qcow2.user=pid 3; offline", ""},
    {"another image builds on it", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@base; base.s9.qcow2.empty=true; "
     "u.leads=@base.s9.qcow2; offline", ""},
    {"another sidecar knows it", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.qcow2.leads=@base; base.s9.qcow2.empty=true; "
     ".sidecars={\"/vm/o.qrewind.json\": {\"/vm/base.s9.qcow2\": {\"ours\": true}}}; offline", ""},
    {"an image of its own that is only called so", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.copy.qcow2.size=99; offline", ""},
    {"the memory of nothing", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.vmstate.qcow2.memory=true; offline",
     "orphan-file base.s9.vmstate (unlink?)"},
    {"what is only called so", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s9.vmstate.qcow2.memory=false; offline", ""},
    {"that of a snapshot", "disk0: base* <- a",
     "#disks/disk0/stem=base; base.s1.vmstate.qcow2.tags=[\"s1\"]; "
     "#snapshots/0/memory={\"file\": \"base.s1.vmstate.qcow2\", \"tag\": \"s1\"}; offline", ""},
};
/* clang-format on */

Test(check_document, the_sidecar_itself)
{
    state_rows_hold(documents);
}

Test(check_document, files_of_ours_that_no_record_names)
{
    state_rows_hold(orphans);
}
