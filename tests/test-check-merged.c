/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check finds where another tool has merged layers away: see tests/state/state.h. */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "snapshot/check.h"
#include "snapshot/mend-record.h"
#include "tests/scene/lie.h"
#include "tests/state/state.h"

#define TOWER "disk0: base* <- a* <- b* <- c"
#define ABOVE "disk0: base* <- a* <- b* <- c* <- d"
#define BENEATH "disk0[active=c]: base* <- a*; + a <- b* <- c"
#define SEVERAL "disk0: base* <- c; + base <- a* <- b*"
#define DOWN "#layers/L2/backing=L4; base.size=9"
#define INSIDE(layer) "#undo={\"disks\": {\"disk0\": {\"tag\": \"t\", \"inside\": \"" layer "\"}}}"
#define GONE "-b; c.leads=@a; c.backing=a"

/* clang-format off */
static const struct state_row rows[] = {
    {"up, into the active layer",
     TOWER, GONE "; offline", "stale-record c (merged?), broken-snapshot s3 (drop-snapshot?)"},
    {"what pins the layer that it went into is kept",
     ABOVE, GONE "; c.size=9; c.mtime_ns=2; offline",
     "stale-record c (merged?), broken-snapshot s3 (drop-snapshot?)"},
    {"several at once",
     TOWER, "-a; -b; c.leads=@base; c.backing=base; offline",
     "stale-record c (merged?), broken-snapshot s2 (drop-snapshot?), broken-snapshot s3 (drop-snapshot?)"},
    {"down: what the topmost showed is in the lower one now",
     TOWER, GONE "; a.size=9; a.mtime_ns=2; offline",
     "stale-record c (merged?), broken-snapshot s2 (drop-snapshot?)"},
    {"and its content says so, where its size does not",
     TOWER, GONE "; #layers/L2/sha256=aa; a.sha256=bb; a.mtime_ns=2; offline",
     "stale-record c (merged?), broken-snapshot s2 (drop-snapshot?)"},
    {"several at once, down",
     TOWER, "-a; -b; c.leads=@base; c.backing=base; base.size=9; offline",
     "stale-record c (merged?), broken-snapshot s1 (drop-snapshot?), broken-snapshot s2 (drop-snapshot?)"},
    {"by its time alone nobody can tell, and nothing is dropped",
     TOWER, GONE "; a.mtime_ns=2; offline", "stale-record c, broken-snapshot s3"},
    {"its content is known to be the same",
     TOWER, GONE "; #layers/L2/sha256=aa; a.sha256=aa; a.mtime_ns=2; offline",
     "stale-record c (merged?), broken-snapshot s3 (drop-snapshot?)"},
    {"both have grown", ABOVE, GONE "; a.size=9; c.size=9; offline", "stale-record c, broken-snapshot s3"},
    {"nothing is remembered of the lower one",
     TOWER, GONE "; #layers/L2/fingerprint=null; offline", "stale-record c, broken-snapshot s3"},
    {"it is shorter than it was",
     TOWER, GONE "; a.size=0; offline", "changed-base a, stale-record c, broken-snapshot s3"},
    {"of another size", TOWER, GONE "; a.virtual=512; offline", "stale-record c, broken-snapshot s3"},
    {"of another format", TOWER, GONE "; c.backing_format=raw; offline", "stale-record c, broken-snapshot s3"},
    {"somebody else builds on the lower one",
     TOWER "; + a <- x*s9 <- y~", GONE "; a.size=9; offline", "stale-record c, broken-snapshot s3"},
    {"that is nothing to what went up", TOWER "; + a <- x*s9 <- y~", GONE "; offline",
     "stale-record c (merged?), broken-snapshot s3 (drop-snapshot?)"},
    {"its header still says that it is needed",
     TOWER, "-b; offline", "missing-file b, broken-snapshot s3 (drop-snapshot?)"},
    {"that of another one does",
     TOWER "; + b <- x*s9 <- y~", GONE "; offline",
     "missing-file b, stale-record c (merged?), broken-snapshot s3 (drop-snapshot?), "
     "broken-snapshot s9 (drop-snapshot?), broken-undo undo (drop-undo?)"},
    {"then it did not go down",
     TOWER "; + b <- x*s9 <- y~", GONE "; a.size=9; offline",
     "missing-file b, stale-record c, broken-snapshot s3, broken-snapshot s9"},
    {"it is there", TOWER, "c.leads=@a; c.backing=a; offline", "wrong-backing c (backing?)"},
    {"it is there, and has gone down",
     TOWER, "c.leads=@a; c.backing=a; a.size=9; offline",
     "changed-base a (overwritten?), wrong-backing c (backing?), broken-snapshot s2 (drop-snapshot?)"},
    {"while QEMU has it so", "disk0: base* <- a* <- c; + a <- b*",
     "#layers/L3/backing=L4; #layers/L4/backing=L2; a.size=9",
     "stale-record c (follow?), changed-base a (overwritten?), broken-snapshot s2 (drop-snapshot?)"},
    {"what it showed may have been the size of it", "disk0: base* <- a* <- c; + a <- b*",
     "#layers/L3/backing=L4; #layers/L4/backing=L2; a.mtime_ns=2",
     "stale-record c (follow?), changed-base a (overwritten?), broken-snapshot s2 (drop-snapshot?)"},
    {"as long as the lower one is what it was, it went up", "disk0: base* <- a* <- c; + a <- b*",
     "#layers/L3/backing=L4; #layers/L4/backing=L2", "stale-record c (follow)"},
    {"several at once: what goes through the lower one, but not through all that went down",
     SEVERAL, DOWN,
     "stale-record c (follow?), changed-base base (overwritten?), "
     "broken-snapshot s1 (drop-snapshot?), broken-snapshot s2 (drop-snapshot?)"},
    {"a branch on the lower one, and one on what went down",
     SEVERAL "; + base <- x*s8; + b <- y*s9", DOWN,
     "stale-record c (follow?), changed-base base (overwritten?), "
     "broken-snapshot s1 (drop-snapshot?), broken-snapshot s2 (drop-snapshot?), "
     "broken-snapshot s8 (drop-snapshot?)"},
    {"the undo point on a branch",
     SEVERAL "; + base <- x~", DOWN,
     "stale-record c (follow?), changed-base base (overwritten?), "
     "broken-snapshot s1 (drop-snapshot?), broken-snapshot s2 (drop-snapshot?), "
     "broken-undo undo (drop-undo?)"},
    {"what lies inside of one that went down, as what that builds on has changed",
     "disk0: base <- c; + base <- a <- b*", INSIDE("L4") "; b.tags=[\"t\"]; " DOWN,
     "stale-record c (follow?), changed-base base (overwritten?), broken-undo undo (drop-undo?)"},
    {"but not inside of the one that they went into",
     "disk0: base <- c; + base <- a <- b*", INSIDE("L1") "; base.tags=[\"t\"]; " DOWN,
     "stale-record c (follow?), changed-base base (overwritten?)"},
    {"nor of what lies on them",
     "disk0: base <- c; + base <- a <- b*", INSIDE("L2") "; c.tags=[\"t\"]; " DOWN,
     "stale-record c (follow?), changed-base base (overwritten?)"},
    {"up, while something lies inside: what that sees is only in the record",
     "disk0: c^t1; + base <- a*; inside t1", "#layers/L1/backing=L3; c.tags=[\"t1\"]",
     "stale-record c, broken-snapshot t1"},
    {"into a layer below",
     "disk0: c <- d; + base <- a*", INSIDE("L1") "; #layers/L1/backing=L4; c.tags=[\"t\"]",
     "stale-record c, broken-undo undo"},
    {"not all of it",
     "disk0: base <- c^t1; + base <- a*; inside t1", "#layers/L2/backing=L3; c.tags=[\"t1\"]",
     "stale-record c, broken-snapshot t1"},
    {"and something new on top", "disk0: c^t1 <- x(unknown); + base <- a*; inside t1",
     "#layers/L1/backing=L3; c.tags=[\"t1\"]",
     "foreign-layer x, stale-record c, broken-snapshot t1"},
    {"and what was between is gone",
     TOWER, GONE "; " INSIDE("L4") "; c.tags=[\"t\"]; offline",
     "stale-record c, broken-snapshot s3 (drop-snapshot?)"},
    {"another name leads nowhere recorded", TOWER, "-b; c.leads=@x; c.backing=x; x.size=1; x.mtime_ns=9; offline",
     "missing-file b, wrong-backing c, broken-snapshot s3 (drop-snapshot?)"},
    {"it was moved", TOWER, GONE "; old/b.size=1; #layers/L3/fingerprint/size=5; old/b.size=5; offline",
     "moved-file b (rename), wrong-backing c"},
    {"the active one, into what is below it",
     TOWER, "-c; b.size=9; b.mtime_ns=2; offline",
     "stale-record c (committed?), broken-snapshot s3 (drop-snapshot?)"},
    {"several with it",
     TOWER, "-b; -c; a.size=9; a.mtime_ns=2; offline",
     "stale-record c (committed?), broken-snapshot s2 (drop-snapshot?), broken-snapshot s3 (drop-snapshot?)"},
    {"by the time of the lower one nobody can tell",
     TOWER, "-c; b.mtime_ns=2; offline", "changed-base b (touch?), missing-file c"},
    {"what else builds on it shows what came down, too",
     TOWER "; + b <- x*s9 <- y~", "-c; b.size=9; offline",
     "stale-record c (committed?), broken-snapshot s3 (drop-snapshot?), "
     "broken-snapshot s9 (drop-snapshot?), broken-undo undo (drop-undo?)"},
    {"what lies below it does not",
     TOWER "; + a <- x*s9", "-c; b.size=9; offline",
     "stale-record c (committed?), broken-snapshot s3 (drop-snapshot?)"},
    {"nor where another one is gone, that may be what was merged",
     TOWER "; + b <- x*s9", "-c; -x; b.size=9; offline",
     "changed-base b (touch?), missing-file c, missing-file x, broken-snapshot s9 (drop-snapshot?)"},
    {"nor where another one needs what went with it",
     TOWER "; + b <- x*s9", "-b; -c; a.size=9; offline",
     "changed-base a (touch?), missing-file b, missing-file c, broken-snapshot s3 (drop-snapshot?), "
     "broken-snapshot s9 (drop-snapshot?)"},
    {"nor where that is none of its size",
     TOWER, "-c; b.size=9; b.virtual=512; offline", "changed-base b (touch?), missing-file c"},
    {"the lower one is what it was", TOWER, "-c; offline", "missing-file c"},
    {"QEMU runs on what it was merged into, and has it open still",
     BENEATH, ".opened={\"/vm/c.qcow2\": true}; a.size=9",
     "stale-record c (committed?), broken-snapshot s2 (drop-snapshot?), "
     "broken-snapshot s3 (drop-snapshot?)"},
    {"which is proof where that has not changed",
     BENEATH, ".opened={\"/vm/c.qcow2\": true}",
     "stale-record c (committed?), broken-snapshot s2 (drop-snapshot?), "
     "broken-snapshot s3 (drop-snapshot?)"},
    {"or nothing of what lay above is there",
     BENEATH, "-b; -c; a.mtime_ns=2",
     "stale-record c (committed?), broken-snapshot s2 (drop-snapshot?), "
     "broken-snapshot s3 (drop-snapshot?)"},
    {"or of what lies on what keeps no time",
     BENEATH, "-b; -c; #layers/L2/fingerprint=null",
     "stale-record c (committed?), broken-snapshot s2 (drop-snapshot?), "
     "broken-snapshot s3 (drop-snapshot?)"},
    {"something of it is: nobody can tell, and the traces stay",
     BENEATH, "-c; a.size=9; .nodes=[\"qrw-1-0\"]",
     "wrong-active a, leaked-node qrw-1-0, changed-base a, missing-file c"},
    {"nor by the hash alone", BENEATH, "#layers/L2/sha256=aa; a.sha256=bb; a.mtime_ns=2",
     "wrong-active a, changed-base a"},
    {"it is what it was: an old image", BENEATH, "", "wrong-active a"},
    {"and what lay above is lost", BENEATH, "-b; -c",
     "wrong-active a, missing-file b, missing-file c, broken-snapshot s3 (drop-snapshot?)"},
    {"what else builds on it is lost with it",
     BENEATH "; + a <- x*s9", ".opened={\"/vm/c.qcow2\": true}; a.size=9",
     "stale-record c (committed?), broken-snapshot s2 (drop-snapshot?), "
     "broken-snapshot s3 (drop-snapshot?), broken-snapshot s9 (drop-snapshot?)"},
    {"somebody else builds on what lay between",
     BENEATH "; + b <- x*s9", ".opened={\"/vm/c.qcow2\": true}; a.size=9",
     "wrong-active a, changed-base a"},
    {"a snapshot inside of what is to go",
     BENEATH, ".opened={\"/vm/c.qcow2\": true}; a.size=9; c.tags=[\"t1\"]; "
     "#snapshots/0/disks={\"disk0\": {\"inside\": \"L4\", \"tag\": \"t1\"}}",
     "wrong-active a, changed-base a"},
    {"one inside of what it was merged into",
     "disk0[active=c]: base* <- a^t1; + a <- c; inside t1",
     ".opened={\"/vm/c.qcow2\": true}; a.size=9", "stale-record c (committed?)"},
    {"it is damaged", BENEATH, ".opened={\"/vm/c.qcow2\": true}; a.size=9; a.corrupt=true",
     "wrong-active a, corrupt-image a, changed-base a"},
    {"work is under way", BENEATH "; job x backup running", "-b; -c; a.size=9",
     "wrong-active a, changed-base a, missing-file b, missing-file c, "
     "broken-snapshot s3 (drop-snapshot?)"},
    {"something else lies below: to follow QEMU would hide the rest",
     "disk0[active=c]: base* <- x(unknown) <- a*; + a <- b* <- c", "a.size=9",
     "wrong-active a, changed-base a"},
    {"a disk runs on what nobody knows: on a copy, or with the image of another",
     "disk0[active=c]: base* <- x(unknown); + base <- c", "", "wrong-active x (copied?)"},
    {"not while work is under way",
     "disk0[active=c]: base* <- x(unknown); + base <- c; job j backup running", "", "wrong-active x"},
    {"a disk runs on a layer of another branch",
     "disk0[active=c]: base* <- a*; + base <- c", "a.size=9", "wrong-active a, changed-base a"},
    {"QEMU has it so, too", "disk0: base* <- a* <- c; + a <- b*",
     "#layers/L3/backing=L4; #layers/L4/backing=L2; -b", "stale-record c (merged?), broken-snapshot s3 (drop-snapshot?)"},
};
/* clang-format on */

Test(check_merged, what_its_findings_are)
{
    state_rows_hold(rows);
}

/* All that may be mended is. */
static char *mended(const char *picture, const char *changes)
{
    struct state *s = state_new(picture, changes);
    json_auto_t *findings = check_findings(&s->picture->scene, s->survey);
    const json_t *f;
    size_t i;

    json_array_foreach(findings, i, f)
        mend_record(&s->picture->chain, &s->picture->graph, json_object_get(f, "mend"));
    char *after = picture_draw(&s->picture->chain);
    state_free(s);
    return after;
}

Test(check_merged, the_record_is_what_the_headers_say)
{
    static const struct {
        const char *picture, *changes, *after;
    } is[] = {
        {TOWER, GONE "; offline", "disk0: base*s1 <- a*s2 <- c"},
        {ABOVE, GONE "; offline", "disk0: base*s1 <- a*s2 <- c*s4 <- d"},
        {TOWER, GONE "; a.size=9; offline", "disk0: base*s1 <- a*s3 <- c"},
        {ABOVE, GONE "; a.size=9; offline", "disk0: base*s1 <- a*s3 <- c*s4 <- d"},
        {TOWER, "-a; -b; c.leads=@base; base.size=9; c.backing=base; offline",
         "disk0: base*s3 <- c"},
        {TOWER, "-c; b.size=9; offline", "disk0: base*s1 <- a*s2 <- b"},
        {TOWER, "-b; -c; a.size=9; offline", "disk0: base*s1 <- a"},
        {BENEATH, ".opened={\"/vm/c.qcow2\": true}; a.size=9", "disk0: base*s1 <- a"},
        {"disk0[active=c]: base* <- a*; + a <- b*~ <- c", "-b; -c; a.size=9",
         "disk0: base*s1 <- a"},
        {BENEATH, "a.size=9", "disk0: base*s1 <- a*s2 <- b*s3 <- c"},
        {TOWER, "c.leads=@a; c.backing=a; a.size=9; offline", "disk0: base*s1 <- a <- b*s3 <- c"},
        {"disk0: base* <- a* <- c; + a <- b*",
         "#layers/L3/backing=L4; #layers/L4/backing=L2; a.size=9",
         "disk0: base*s1 <- a <- c; + a <- b*s3"},
        {SEVERAL, DOWN, "disk0: base <- c; + base <- a <- b*s3"},
        {"disk0[active=c]: base* <- x(unknown); + base <- c", "", "disk0: base*s1 <- x"},
        {"disk0[active=c]: x(unknown); + base* <- a* <- c", "", "disk0: x; + base*s1 <- a*s2"},
        {SEVERAL "; + base <- x*s9 <- y~", DOWN, "disk0: base <- c; + base <- a <- b*s3"},
    };

    for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
        auto_free char *after = mended(is[i].picture, is[i].changes);

        cr_expect_str_eq(after, is[i].after, "%s", after);
    }
}

/* Whatever @doc and @survey say, looking and mending harms nothing. */
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
    json_auto_t *after = json_deep_copy(c.doc);
    chain_done(&c);
    struct qmp_error why = {0};
    cr_expect_eq(chain_own(&c, "/vm", json_incref(after), &why), 0, "%s", why.desc);
    chain_done(&c);
}

static void no_lie_harms(const char *picture, const char *changes)
{
    struct state *s = state_new(picture, changes);
    json_auto_t *truth = json_deep_copy(s->picture->chain.doc);
    json_t *lie;

    for (size_t at = 0; (lie = lie_next(truth, &at)); json_decref(lie))
        look_at(s, lie, s->survey);
    for (size_t at = 0; (lie = lie_next(s->survey, &at)); json_decref(lie))
        look_at(s, truth, lie);
    state_free(s);
}

Test(check_merged, no_lie_makes_it_stumble)
{
    no_lie_harms(TOWER "; + b <- x~", GONE "; offline");
    no_lie_harms(TOWER "; + b <- x~", GONE "; a.size=9; offline");
    no_lie_harms(TOWER "; + b <- x~", "-c; b.size=9; offline");
    no_lie_harms(TOWER "; + b <- x~", "c.leads=@a; c.backing=a; a.size=9; offline");
    no_lie_harms(TOWER "; + b <- x~", "-a; -b; c.leads=@base; c.backing=base; base.size=9");
    no_lie_harms(TOWER "; + b <- x~", "-c; b.size=9");
    no_lie_harms(BENEATH, "-b; -c; a.size=9");
    no_lie_harms(BENEATH, ".opened={\"/vm/c.qcow2\": true}");
}
