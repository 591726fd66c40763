/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check finds: tests/state/state.h tells how to read a row. */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "snapshot/check.h"
#include "snapshot/mend-record.h"
#include "tests/scene/lie.h"
#include "tests/state/state.h"

/* clang-format off */
static const struct state_row files[] = {
    {"all is well", "disk0: base* <- a* <- b", "", ""},
    {"and offline", "disk0: base* <- a* <- b", "offline", ""},
    {"with branches, an undo point and raw files",
     "disk0: base*(raw) <- a; + base <- old*~", "", ""},
    {"out of reach, nothing is said of files", "disk0: base* <- a", ".files=null", ""},

    {"a layer that others need is not there",
     "disk0: base* <- a* <- b", "-a; offline",
     "missing-file a, broken-snapshot s2 (drop-snapshot?)"},
    {"and all above it are lost with the base",
     "disk0: base* <- a* <- b", "-base; offline",
     "missing-file base, broken-snapshot s1 (drop-snapshot?), broken-snapshot s2 (drop-snapshot?)"},
    {"the undo point's",
     "disk0: base* <- a; + base <- old~", "-old; offline",
     "missing-file old, broken-undo undo (drop-undo?)"},
    {"a frozen file has moved: it is known by size and time",
     "disk0: base* <- a", "-base; old/base.size=1; offline",
     "moved-file base (rename)"},
    {"a copy of it may be another's, of the same size and time",
     "disk0: base* <- a", "-base; old/base.size=1; old/base.inode=2; offline",
     "moved-file base (rename?)"},
    {"two could be it",
     "disk0: base* <- a", "-base; x.size=1; y.size=1; offline",
     "missing-file base, broken-snapshot s1 (drop-snapshot?)"},
    {"it could be either of two",
     "disk0: base* <- a* <- b", "-base; -a; x.size=1; offline",
     "missing-file base, missing-file a, broken-snapshot s1 (drop-snapshot?), broken-snapshot s2 (drop-snapshot?)"},
    {"the active one has: by what it builds on",
     "disk0: base* <- a", "-a; x.virtual=67108864; x.leads=@base; x.backing=base; x.size=7; offline",
     "moved-file a (rename?)"},
    {"it has, and the header knows what it builds on by its old name",
     "disk0: base* <- a", "-a; -base; b.size=1; x.virtual=67108864; x.leads=@base; x.size=7; offline",
     "moved-file base (rename), moved-file a (rename?)"},
    {"the new name of what it builds on is recorded already",
     "disk0: base* <- a", "-a; x.virtual=67108864; x.leads=@gone; x.size=7; offline",
     "moved-file a (rename?)"},
    {"that is less than to build on the very layer",
     "disk0: base* <- a", "-a; x.virtual=67108864; x.leads=@gone; x.size=7; "
     "y.virtual=67108864; y.leads=@base; y.size=7; offline", "moved-file a (rename?)"},
    {"another one that builds on what is gone",
     "disk0: base* <- a", "-a; x.virtual=67108864; x.leads=@gone; x.size=7; "
     "y.virtual=67108864; y.leads=@went; y.size=7; offline", "missing-file a"},
    {"nothing in it speaks for that",
     "disk0: base* <- a", "-a; x.virtual=67108864; x.leads=@base; x.empty=true; x.size=7; offline",
     "missing-file a"},

    {"one file fits two: it is the one that it is for sure",
     "disk0: base* <- a; + base <- old~",
     "-a; -old; x.size=1; x.virtual=67108864; x.leads=@base; offline",
     "missing-file a, moved-file old (rename)"},
    {"one file fits two equally: it is neither",
     "disk0: base* <- a; + base <- old~",
     "-a; -old; #layers/L3/fingerprint=null; x.size=7; x.virtual=67108864; x.leads=@base; offline",
     "missing-file a, missing-file old, broken-undo undo (drop-undo?)"},
    {"what is called as it was is it, whatever else fits",
     "disk0: base* <- a", "-base; old/base.size=1; x.size=1; offline",
     "moved-file base (rename)"},
    {"and what is called so fits no other one",
     "disk0: base* <- a; + base <- old~",
     "-a; -old; #layers/L3/fingerprint=null; x/a.size=7; x/a.virtual=67108864; x/a.leads=@base; "
     "x/old.size=7; x/old.virtual=67108864; x/old.leads=@base; offline",
     "moved-file a (rename?), moved-file old (rename?)"},

    {"a link lies in its place",
     "disk0: base* <- a", "a.link=@x; a.leads=@gone; offline", "moved-file a (rename)"},
    {"to another layer", "disk0: base* <- a", "a.link=@base; a.leads=@gone; offline", "moved-file a"},
    {"two to the same",
     "disk0: base* <- a; + base <- old~", "a.link=@x; old.link=@x; offline",
     "moved-file a (rename), moved-file old"},

    {"QEMU has it open by its old name",
     "disk0: base* <- a", "-base; old/base.size=1", "moved-file base"},
    {"QEMU alone has it still",
     "disk0: base* <- a", "-a", "missing-file a"},

    {"no qcow2 image any more",
     "disk0: base* <- a", "a.problem=not a qcow2 image; offline", "unreadable-image a"},
    {"what raw images hold is nobody's business",
     "disk0: base*(raw) <- a", "base.raw.problem=not a qcow2 image; offline", ""},
    {"QEMU found it damaged",
     "disk0: base* <- a", "base.corrupt=true; offline", "corrupt-image base"},
    {"qemu-img did",
     "disk0: base* <- a", "base.damage=2 errors; base.leaks=3; offline", "corrupt-image base"},
    {"clusters in use for nothing",
     "disk0: base* <- a", "base.leaks=3; offline", "leaked-clusters base (leaks?)"},
    {"everybody may write to it",
     "disk0: base* <- a", "base.mode=438; offline", "open-permissions base (chmod?)"},

    {"a base was written to",
     "disk0: base* <- a", "base.mtime_ns=2; offline", "changed-base base (touch?)"},
    {"of a block device the time says nothing",
     "disk0: base*(raw) <- a", "#layers/L1/fingerprint={\"size\": 1}; base.raw.mtime_ns=2; offline", ""},
    {"its size does",
     "disk0: base*(raw) <- a", "#layers/L1/fingerprint={\"size\": 1}; base.raw.mtime_ns=2; base.raw.size=2; "
     "offline", "changed-base base.raw (touch?)"},
    {"and what is in it",
     "disk0: base*(raw) <- a", "#layers/L1/fingerprint={\"size\": 1}; base.raw.mtime_ns=2; "
     "#layers/L1/sha256=abc; base.raw.sha256=abd; offline", "changed-base base.raw (touch?)"},
    {"it is known nowhere else by that",
     "disk0: base*(raw) <- a", "#layers/L1/fingerprint={\"size\": 1}; -base.raw; x.size=1; offline",
     "missing-file base.raw, broken-snapshot s1 (drop-snapshot?)"},
    {"its size is another",
     "disk0: base* <- a", "base.size=2; offline", "changed-base base (touch?)"},
    {"what is shorter than it was is not taken as it is",
     "disk0: base* <- a", "base.size=0; offline", "changed-base base"},
    {"nor with another content, which it must have",
     "disk0: base* <- a", "#layers/L1/sha256=aa; base.sha256=bb; base.size=0; offline",
     "changed-base base"},
    {"nor what is no image any more",
     "disk0: base* <- a", "base.problem=not a qcow2 image; base.mtime_ns=2; offline",
     "unreadable-image base, changed-base base"},
    {"nor what QEMU has marked",
     "disk0: base* <- a", "base.corrupt=true; base.mtime_ns=2; offline",
     "corrupt-image base, changed-base base"},
    {"nor what qemu-img found damaged",
     "disk0: base* <- a", "base.damage=2 errors; base.mtime_ns=2; offline",
     "corrupt-image base, changed-base base"},
    {"a raw image is never damaged",
     "disk0: base*(raw) <- a", "base.raw.problem=not a qcow2 image; base.raw.mtime_ns=2; offline",
     "changed-base base.raw (touch?)"},
    {"its content is another",
     "disk0: base* <- a", "#layers/L1/sha256=aa; base.sha256=bb; offline",
     "changed-base base (touch?)"},
    {"only its time is another",
     "disk0: base* <- a", "#layers/L1/sha256=aa; base.sha256=aa; base.mtime_ns=2; offline",
     "touched-base base (touch)"},
    {"the active layer may change",
     "disk0: base* <- a", "a.size=9; a.mtime_ns=9; offline", ""},
};

#define DATA                                                                                       \
    "#layers/L1/fingerprint/data={\"size\": 1, \"mtime_ns\": 1}; base.data=@x.raw; offline"
#define HASH "; #layers/L1/fingerprint/data/sha256=aa"

static const struct state_row data_files[] = {
    {"it is as it was", "disk0: base* <- a", DATA "; x.raw.size=1", ""},
    {"it is not there", "disk0: base* <- a", DATA, "missing-file x.raw"},
    {"nor by a relative name", "disk0: base* <- a", "base.data=x.raw; offline", "missing-file x.raw"},
    {"which QEMU knows better", "disk0: base* <- a", "base.data=x.raw", ""},
    {"the active layer's", "disk0: base* <- a", "a.data=@x.raw; offline", "missing-file x.raw"},
    {"it was written to",
     "disk0: base* <- a", DATA "; x.raw.mtime_ns=2", "changed-base base (touch?)"},
    {"it is shorter than it was",
     "disk0: base* <- a", DATA "; x.raw.size=0", "changed-base base"},
    {"its content is another",
     "disk0: base* <- a", DATA HASH "; x.raw.sha256=bb", "changed-base base (touch?)"},
    {"only its time is another",
     "disk0: base* <- a", DATA HASH "; x.raw.sha256=aa; x.raw.mtime_ns=2",
     "touched-base base (touch)"},
    {"the image's time is, too, whose content is known to be the same",
     "disk0: base* <- a", DATA "; #layers/L1/sha256=cc; base.sha256=cc; base.mtime_ns=2; x.raw.mtime_ns=2",
     "changed-base base (touch?)"},
    {"nothing was recorded of it", "disk0: base* <- a", "base.data=@x.raw; x.raw.size=3; offline", ""},
    {"it is called as we call ours, and is none",
     "disk0: base* <- a", "base.data=@base.x.qcow2; base.x.qcow2.size=0; offline", ""},
};

static const struct state_row headers[] = {
    {"the header leads nowhere",
     "disk0: base* <- a", "a.leads=@gone; offline", "wrong-backing a (backing)"},
    {"to another file: who is right?",
     "disk0: base* <- a", "a.leads=@x; x.size=9; offline", "wrong-backing a (backing?)"},
    {"QEMU knows",
     "disk0: base* <- a(named)", "a.leads=@x; x.size=9", "wrong-backing a (backing-live)"},
    {"QEMU would write the wrong format",
     "disk0: base*(raw) <- a(named)", "a.leads=@x; x.size=9", "wrong-backing a"},
    {"no backing file at all",
     "disk0: base* <- a", "a.backing=null; a.leads=null; offline", "wrong-backing a (backing?)"},
    {"a base with one",
     "disk0: base* <- a", "base.backing=x; base.leads=@x; offline", "wrong-backing base (backing?)"},
    {"one that is not there",
     "disk0: base* <- a", "base.backing=x; base.leads=@gone; offline",
     "wrong-backing base (backing?)"},
    {"another name of the same file",
     "disk0: base* <- a", "a.leads=@same; same.id=/vm/base.qcow2; offline", ""},
    {"the base is missing, as the header knows it",
     "disk0: base* <- a", "-base; offline",
     "missing-file base, broken-snapshot s1 (drop-snapshot?)"},
    {"the base has moved, and the header has not followed",
     "disk0: base* <- a", "-base; offline; a.leads=@other",
     "missing-file base, wrong-backing a, broken-snapshot s1 (drop-snapshot?)"},
    {"an image that names itself",
     "disk0: base* <- a", "a.leads=@a; offline", "self-backing a (backing)"},
    {"a base that names itself",
     "disk0: base* <- a", "base.leads=@base; base.backing=base; offline", "self-backing base (backing)"},
    {"while QEMU has it open",
     "disk0: base* <- a(named)", "base.leads=@base; base.backing=base", "self-backing base"},
    {"a base that names one above it",
     "disk0: base* <- a* <- b", "base.leads=@b; base.backing=b; offline",
     "backing-loop base (backing)"},
    {"in a circle",
     "disk0: base* <- a* <- b", "a.leads=@b; offline", "backing-loop a (backing)"},
    {"over a file that nobody knows",
     "disk0: base* <- a", "a.leads=@x; x.leads=@a; offline", "backing-loop a (backing)"},
    {"a layer between two of ours",
     "disk0: base* <- a", "a.leads=@x; x.leads=@base; x.size=9; offline", "foreign-layer x (insert)"},
    {"the format is not recorded",
     "disk0: base* <- a", "a.backing_format=null; offline", "no-backing-format a (backing)"},
    {"the format is wrong",
     "disk0: base* <- a", "a.backing_format=raw; offline", "wrong-backing-format a (backing)"},
    {"the file itself takes the header's side",
     "disk0: base* <- a", "#layers/L1/format=raw; a.backing_format=qcow2; offline",
     "wrong-backing-format a (backing?)"},
    {"a name that is seen from another folder",
     "disk0: base* <- a", "a.backing=vm/base.qcow2; a.leads=@vm/base; offline",
     "misleading-backing a (backing)"},
};

static const struct state_row graphs[] = {
    {"a layer on top that nobody recorded",
     "disk0: base* <- a <- x(unknown)", "", "foreign-layer x (follow)"},
    {"one that is older than what it lies on was written to",
     "disk0: base* <- a <- x(unknown)", "x.mtime_ns=1; x.born_ns=1; a.mtime_ns=9000000000; offline",
     "foreign-layer x (follow?)"},
    {"QEMU has a moment to write to the other one",
     "disk0: base* <- a <- x(unknown)", "x.mtime_ns=1; x.born_ns=1; a.mtime_ns=9000000000",
     "foreign-layer x (follow)"},
    {"which has passed",
     "disk0: base* <- a <- x(unknown)", "x.mtime_ns=1; a.mtime_ns=11000000000",
     "foreign-layer x (follow?)"},
    {"a merge has left it, and then it was written to again",
     "disk0: base* <- a <- x(unknown)", "x.mtime_ns=99000000000; x.born_ns=1; a.mtime_ns=11000000000",
     "foreign-layer x (follow?)"},
    {"nobody knows when it was made",
     "disk0: base* <- a <- x(unknown)", "x.mtime_ns=99000000000; x.born_ns=0; a.mtime_ns=11000000000",
     "foreign-layer x (follow)"},
    {"one in between",
     "disk0: base* <- x(unknown) <- a", "",
     "foreign-layer x (follow)"},
    {"the header says so too",
     "disk0: base* <- x(unknown) <- a", "a.leads=@x; x.leads=@base; x.size=9",
     "foreign-layer x (follow)"},
    {"QEMU has left a layer out",
     "disk0: base* <- b", "#layers/L9={\"file\": \"a.qcow2\", \"format\": \"qcow2\", "
     "\"backing\": \"L1\"}; #layers/L2/backing=L9; a.size=1; a.leads=@base; a.backing=x;"
     "a.backing_format=qcow2",
     "stale-record b (follow)"},
    {"it was started with an old image",
     "disk0[active=old]: base*; + base <- old", "", "wrong-active base"},
    {"a node that nobody uses",
     "disk0: base* <- a", ".nodes=[\"qrw-1-0\", \"#a\"]", "leaked-node qrw-1-0 (close)"},
    {"a job under way may have nodes",
     "disk0: base* <- a; job x backup running", ".nodes=[\"qrw-1-0\"]", ""},
    {"an ended job of ours",
     "disk0: base* <- a; job qrw-commit-disk0 commit concluded", "", "ended-job qrw-commit-disk0 (settle)"},
    {"somebody else's", "disk0: base* <- a; job x commit concluded", "", ""},
};

static const struct state_row snapshots[] = {
    {"the memory is not there",
     "disk0: base* <- a", "#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\"}; offline",
     "missing-memory s1 (drop-memory?)"},
    {"it is another one",
     "disk0: base* <- a", "#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\"}; "
     "m.tags=[\"s2\"]; offline",
     "missing-memory s1 (drop-memory?)"},
    {"it is well",
     "disk0: base* <- a", "#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\"}; "
     "m.tags=[\"s1\"]; offline", ""},
    {"one that was saved live is no image",
     "disk0: base* <- a", "#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\", "
     "\"method\": \"live\"}; m.size=5; offline", ""},
    {"that a VM that runs cannot load that is no fault of it",
     "disk0: base* <- a", "#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\", "
     "\"method\": \"live\"}; m.size=5", ""},
    {"one that waits for it can",
     "disk0: base* <- a; inmigrate", "#snapshots/0/memory={\"file\": \"m.qcow2\", "
     "\"tag\": \"s1\", \"method\": \"live\"}; m.size=5", ""},
    {"but it is not empty",
     "disk0: base* <- a", "#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\", "
     "\"method\": \"live\"}; m.size=0; offline", "missing-memory s1 (drop-memory?)"},
    {"a tag is not in the image any more",
     "disk0: a^t1; disk1: b^t1; inside t1", "a.tags=null; offline", "missing-tag t1 (drop-snapshot?)"},
    {"both are",
     "disk0: a^t1; disk1: b^t1; inside t1", "offline", ""},
    {"one with memory can be gone back to, though QEMU 5.2 keeps no undo point of that",
     "disk0: a^m1!; inside m1; QEMU 5.2.0", "", ""},
    {"and of the disks alone it cannot be",
     "disk0: a^t1; inside t1; QEMU 5.2.0", "", "cannot-revert t1"},
    {"a snapshot of a disk that is not there any more",
     "disk0: base* <- a", "#snapshots/0/disks={\"gone\": {\"layer\": \"L1\"}}",
     "cannot-revert s1"},
};

/* clang-format on */

Test(check, files_are_there_and_what_they_were)
{
    state_rows_hold(files);
    state_rows_hold(data_files);
}

Test(check, headers_name_what_is_recorded)
{
    state_rows_hold(headers);
}

Test(check, QEMU_has_what_is_recorded)
{
    state_rows_hold(graphs);
}

Test(check, snapshots_can_be_gone_back_to)
{
    state_rows_hold(snapshots);
}

/* ---- mending the record ---- */

/* clang-format off */
static const struct {
    const char *picture, *mend, *after;
} mends[] = {
    {"disk0: base* <- a", "{\"do\": \"rename\", \"layer\": \"L1\", \"file\": \"/vm/x.qcow2\"}",
     "disk0: x*s1 <- a"},
    {"disk0: base* <- a", "{\"do\": \"insert\", \"layer\": \"L2\", \"file\": \"/vm/x.qcow2\"}",
     "disk0: base*s1 <- x <- a"},
    {"disk0: base* <- a <- x(unknown)", "{\"do\": \"follow\", \"disk\": \"disk0\"}",
     "disk0: base*s1 <- a <- x"},
    {"disk0: base* <- a; + base <- old*", "{\"do\": \"drop-snapshot\", \"snapshot\": \"s2\"}",
     "disk0: base*s1 <- a"},
    {"disk0: base* <- a; + base <- old~", "{\"do\": \"drop-undo\"}", "disk0: base*s1 <- a"},
};
/* clang-format on */

Test(check, what_mends_the_record)
{
    for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++) {
        struct picture *p = picture_new(mends[i].picture);
        json_auto_t *mend = json_loads(mends[i].mend, 0, NULL);

        cr_expect(mend_record(&p->chain, &p->graph, mend));
        cr_expect(mend_record(&p->chain, &p->graph, mend) || true); /* again: it does no harm */
        auto_free char *after = picture_draw(&p->chain);
        cr_expect_str_eq(after, mends[i].after);
        picture_free(p);
    }
}

Test(check, what_mends_no_record_changes_none)
{
    struct picture *p = picture_new("disk0: base* <- a");
    json_auto_t *mend = json_pack("{s:s}", "do", "unlink");
    json_auto_t *before = json_deep_copy(p->chain.doc);

    cr_expect_not(mend_record(&p->chain, &p->graph, mend));
    cr_expect(json_equal(before, p->chain.doc));
    picture_free(p);
}

/* ---- what comes from outside ---- */

/* Whatever @doc says, looking at it and mending what can be mended harms nothing. */
static void look_at(const struct state *s, const json_t *doc, const json_t *survey)
{
    struct scene scene = s->picture->scene;
    struct chain c = {0};
    json_t *f;
    size_t i;

    if (chain_take(&c, "/vm", doc, NULL))
        return;
    scene.chain = &c;
    json_auto_t *findings = check_findings(&scene, survey);
    json_array_foreach(findings, i, f)
        mend_record(&c, scene.graph, json_object_get(f, "mend"));
    chain_done(&c);
}

Test(check, no_lie_in_a_sidecar_makes_it_stumble)
{
    static const char *const changes[] = {
        "", "offline; -base; base.mtime_ns=5; a.leads=@x", "offline; -a; a.link=@x; x.leads=@a",
        ("#snapshots/0/memory={\"file\": \"m.qcow2\", \"tag\": \"s1\"}; a.backing=vm/base.qcow2; "
         "a.leads=@gone; base.s9.qcow2.leads=@base; base.s9.qcow2.empty=true")};

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct state *s = state_new("disk0: base* <- a(named); + base <- old*~", changes[i]);
        json_t *lie;

        json_auto_t *truth = json_deep_copy(s->picture->chain.doc);
        for (size_t at = 0; (lie = lie_next(truth, &at)); json_decref(lie))
            look_at(s, lie, s->survey);
        for (size_t at = 0; (lie = lie_next(s->survey, &at)); json_decref(lie))
            look_at(s, truth, lie);
        state_free(s);
    }
}
