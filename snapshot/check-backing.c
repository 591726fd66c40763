/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-backing: does each header name the layer that it is recorded to build on?  PURE
 *
 * What is to be believed where they differ: QEMU, if it has the image open; the record, if
 * the header leads nowhere or in a circle; else nobody, and the user is asked. A layer that
 * somebody put between two of ours is recorded, and no header is touched.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

struct link {
    const char *id, *file;
    const json_t *entry;
    const char *below; /* the recorded backing layer's id, NULL: none */
    char *meant;       /* its file, NULL: none */
};

/* Following the headers from @file, is @wanted reached? No way is longer than there are files. */
static bool leads_to(const struct check *k, const char *file, const char *wanted)
{
    size_t left = json_object_size(k->files);

    for (; file && left; left--, file = text(check_file(k, file), "leads"))
        if (check_same_file(k, file, wanted))
            return true;
    return false;
}

/* How the header names the layer below: by its name alone where both lie in one folder, so
 * that the folder can be moved. New string. */
static char *spelled(const struct link *l)
{
    auto_free char *folder = path_folder(l->file);
    auto_free char *other = path_folder(l->meant);

    return !strcmp(folder, other) ? chain_spell(folder, l->meant) : mem_strdup(l->meant);
}

/*
 * What writes the right name into the header. QEMU does it for images that it has open, but
 * then says that the format below is that of the image itself. NULL: it must be off first.
 */
static json_t *rewrite(const struct check *k, const struct link *l)
{
    /* where there is nothing below, it must only be a word */
    const char *format = l->meant ? text(chain_layer(k->c, l->below), "format") : "qcow2";
    const struct graph_disk *d = NULL;
    const struct graph_layer *live = check_live(k, l->file, &d);
    const char *touches = check_change(k, l->id, l->entry) ? NULL : l->id;
    auto_free char *name = l->meant ? spelled(l) : mem_strdup("");

    if (!live)
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "do", "backing", "file", l->file,
                         "format", "qcow2", "backing", name, "backing_format", format, "touches",
                         touches);
    if (!l->meant || !live->node || !d->node || !same(format, live->format))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "do", "backing-live", "file", l->file,
                     "device", d->node, "node", live->node, "backing", name, "touches", touches);
}

static void add(struct check *k, const struct link *l, const char *code, bool ask,
                const char *words)
{
    bool there = !l->meant || check_file(k, l->meant);
    json_t *mend = there ? rewrite(k, l) : NULL;
    auto_free char *repair = !mend ? NULL
                                   : mem_printf("name %s in its header",
                                                l->meant ? path_name(l->meant) : "no backing file");

    check_add(k, &(struct finding){code, l->file, repair, mend, ask}, "%s%s", words,
              there && !mend ? "; stop the VM, then it can be mended" : "");
}

/* Does QEMU have the image on top of the recorded layer? */
static bool is_so_in_qemu(const struct check *k, const struct link *l)
{
    const struct graph_disk *d = NULL;
    const struct graph_layer *live = check_live(k, l->file, &d);

    return live && live + 1 < d->layers + d->nlayers &&
           (same(live[1].file, l->meant) || check_same_file(k, live[1].file, l->meant));
}

/* Does QEMU have nothing below the image? Then it is the record that is wrong, and check_graph()
 * says so. */
static bool is_lowest_in_qemu(const struct check *k, const struct link *l)
{
    const struct graph_disk *d = NULL;
    const struct graph_layer *live = check_live(k, l->file, &d);

    return live && live + 1 == d->layers + d->nlayers;
}

/* Is the right file meant, but seen from another folder than the image's? */
static bool is_misleading(const struct link *l, const char *string)
{
    size_t n = l->meant ? strlen(l->meant) : 0, m = strlen(string);

    return *string != '/' && n > m && l->meant[n - m - 1] == '/' &&
           !strcmp(l->meant + n - m, string);
}

static void elsewhere(struct check *k, const struct link *l, const char *string, const char *leads)
{
    const struct graph_disk *d = NULL;
    const struct graph_layer *live = check_live(k, l->file, &d);
    const char *shown = leads ? leads : string;
    bool there = check_file(k, leads) != NULL;
    auto_free char *words =
        mem_printf("its header names %s%s, it builds on %s", shown,
                   there ? "" : ", which is not there", l->meant ? l->meant : "nothing");

    /* QEMU agrees with the header: it is the record that is wrong, and check_graph() says so */
    if (live && live + 1 < d->layers + d->nlayers && same(live[1].file, leads))
        return;
    if (check_same_file(k, leads, l->file))
        add(k, l, "self-backing", false, "its header names the image itself");
    else if (there && leads_to(k, leads, l->file))
        add(k, l, "backing-loop", false, "following the headers leads back to it");
    else if (there && !chain_layer_by_file(k->c, leads) && leads_to(k, leads, l->meant))
        check_add(k,
                  &(struct finding){"foreign-layer", leads, "record it",
                                    json_pack("{s:s, s:s, s:s, s:I}", "do", "insert", "layer",
                                              l->id, "file", leads, "size",
                                              json_integer_value(json_object_get(
                                                  check_file(k, leads), "virtual"))),
                                    false},
                  "somebody put it between %s and %s", path_name(l->file), path_name(l->meant));
    else
        add(k, l, is_misleading(l, string) ? "misleading-backing" : "wrong-backing",
            (there || !l->meant) && !is_so_in_qemu(k, l), words);
}

/* Nobody has said what format is below: what its content looks like, a guest may have written. */
static bool is_guessed(const struct check *k, const char *file)
{
    const struct graph *g = k->s->graph;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_layer *l = graph_layer(&g->disks[i], file);

        if (l)
            return l->guessed;
    }
    return false;
}

static void unsaid(struct check *k, const struct link *l)
{
    static const char words[] =
        "its header does not say what format its backing file has: QEMU would have to guess";

    if (!is_guessed(k, l->meant)) {
        add(k, l, "no-backing-format", false, words);
        return;
    }
    auto_free char *image = path_quote(l->file), *backing = path_quote(text(l->entry, "backing"));
    check_add(k, &(struct finding){.code = "no-backing-format", .subject = l->file},
              "%s; say it: qemu-img rebase -u -f qcow2 -b %s -F FORMAT %s", words, backing, image);
}

/* The header names the right file: also as it should? */
static void wording(struct check *k, const struct link *l)
{
    const char *recorded = text(chain_layer(k->c, l->below), "format");
    const char *format = text(l->entry, "backing_format");

    if (!format) {
        unsaid(k, l);
    } else if (!same(format, recorded)) {
        const bool begins = json_object_get(check_file(k, l->meant), "virtual") != NULL;
        const bool doubtful = same(recorded, "qcow2") != begins;
        auto_free char *words =
            mem_printf("its header says that its backing file is %s, %s %s%s", format,
                       doubtful ? "the sidecar that it is" : "it is", recorded,
                       doubtful && begins ? "; that file begins as a qcow2 image does" : "");

        add(k, l, "wrong-backing-format", doubtful, words);
    }
}

/* Does @file build on itself, by the headers alone? Nobody knows which of them is wrong. */
static bool goes_round(const struct check *k, const char *file)
{
    const struct graph *g = k->s->graph;

    if (!json_is_true(json_object_get(k->survey, "unrecorded")))
        return false;
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];
        const size_t last = graph_is_loop(d) ? d->nlayers - 1 : 0;
        bool within = false;

        for (size_t n = 0; n < last; n++) {
            within = within || same(d->layers[n].file, d->layers[last].file);
            if (within && same(d->layers[n].file, file))
                return true;
        }
    }
    return false;
}

static void in_a_circle(struct check *k, const char *file, bool itself)
{
    auto_free char *quoted = path_quote(file);

    check_add(
        k, &(struct finding){.code = itself ? "self-backing" : "backing-loop", .subject = file},
        "%s; if it builds on nothing, this ends it: qemu-img rebase -u -f qcow2 -b '' %s",
        itself ? "its header names the image itself" : "following the headers leads back to it",
        quoted);
}

bool check_may_be_flat(const struct check *k, const char *id)
{
    const json_t *layer = chain_layer(k->c, id), *entry = check_entry(k, id);
    const char *below = text(layer, "backing");
    auto_free char *meant = chain_layer_file(k->c, below);

    return below && entry && same(text(layer, "format"), "qcow2") && !text(entry, "problem") &&
           !text(entry, "backing") && check_is_gone(k, below) && !check_live(k, meant, NULL);
}

/* What is recorded below is not there. Was the image made flat, it needs that no more, but for what
 * lies inside of it; only its user knows. So it is done only where he asks for this alone. */
static void may_be_flat(struct check *k, const struct link *l)
{
    json_t *mend = json_pack("{s:s, s:s, s:b}", "do", "flat", "layer", l->id, "named", true);
    auto_free char *drop = NULL;

    check_drop_inside(k, l->id, mend);
    drop = check_dropped(mend);
    auto_free char *words = mem_printf("record that it builds on nothing%s", drop);
    json_object_set_new(mend, "words", json_string(words));
    check_add(
        k,
        &(struct finding){.code = "wrong-backing", .subject = l->file, .mend = mend, .ask = true},
        "its header names no backing file, and %s, which is recorded, is not there: put that "
        "back; or, if it was made flat (qemu-img rebase, convert) and is whole without it, "
        "%s: qrewind repair --yes --only wrong-backing",
        l->meant, words);
}

void check_backing(struct check *k, const char *id, const char *file, const json_t *entry)
{
    const char *string = text(entry, "backing"), *leads = text(entry, "leads");
    struct link l = {id, file, entry, text(chain_layer(k->c, id), "backing"), NULL};

    if (!same(text(chain_layer(k->c, id), "format"), "qcow2") || text(entry, "problem") ||
        check_tell_merged(k, id, file))
        return;
    if (l.below && !check_is_file(k, l.below))
        return;
    if (goes_round(k, file)) {
        in_a_circle(k, file, check_same_file(k, leads, file));
        return;
    }
    auto_free char *meant = l.meant = chain_layer_file(k->c, l.below);

    if (meant && !string && is_lowest_in_qemu(k, &l))
        return;
    if (check_may_be_flat(k, id)) {
        may_be_flat(k, &l);
    } else if (meant && !string) {
        const bool so = is_so_in_qemu(k, &l);

        add(k, &l, "wrong-backing", !so,
            so ? "its header names no backing file"
               : "its header names no backing file; if that was lost, repair writes it; an image "
                 "that was made flat by copying (qemu-img convert, an export) would show what "
                 "lies there wherever it has nothing itself: then qrewind forget, and adopt");
    } else if (string && !same(leads, meant) && !check_same_file(k, leads, meant)) {
        elsewhere(k, &l, string, leads);
    } else if (meant) {
        wording(k, &l);
    }
}
