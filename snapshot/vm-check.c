/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-check: check and mend; the rules are in check.h.
 *
 *   document, survey, graph ──> findings ──> (repair) mend what may be mended ──> again
 *
 * One mend can bring the next one to light: a file that has moved is recorded under its new
 * name, and only then can the header above it be told that.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/adopt.h"
#include "snapshot/check.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/mend-record.h"
#include "snapshot/mend.h"
#include "snapshot/sidecar.h"
#include "snapshot/survey.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-preview.h"
#include "snapshot/vm-private.h"
#include "snapshot/vm-take-out.h"

enum { MAX_PASSES = 8 };

static bool has_memory(const struct chain *c)
{
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        if (json_is_object(json_object_get(s, "memory")))
            return true;
    return false;
}

static int deepen(struct qrw_vm *vm, const struct chain *c, json_t *found, struct qmp_error *err)
{
    struct qmp_client *loop = qmp_client_new(vm->options.base, &vm->options.client);
    struct runner r = vm_runner(vm, false);

    r.client = loop; /* it is there offline too, and nothing is asked of it */
    int rc = survey_deepen(found, c, &r, err);
    json_decref(r.jobs);
    qmp_client_free(loop);
    return rc;
}

static json_t *survey(struct qrw_vm *vm, const struct chain *c, const char *file, unsigned flags,
                      struct qmp_error *err)
{
    json_t *found = survey_take(c, &vm->graph, file, err);

    if (!found)
        return NULL;
    if (!vm->files_reachable) {
        vm_note(vm, 0, "QEMU's files are out of our reach: nothing is said of them");
        json_object_del(found, "files");
    }
    survey_away(found, c);
    json_object_set_new(found, "live", json_boolean(!vm->offline));
    if (file)
        json_object_set_new(found, "pointers", pointers_of(c, file));
    auto_free char *doubt = vm_doubt(vm, c, false);
    if (doubt)
        json_object_set_new(found, "doubt", json_string(doubt));
    json_object_set_new(found, "restarted", json_boolean(vm_is_another(vm, c, NULL)));
    if (!vm->offline && !graph_works(&vm->graph))
        vm_take_opened(vm, c, found);
    if (!(flags & QRW_DEEP) || !deepen(vm, c, found, err))
        return found;
    json_decref(found);
    return NULL;
}

/* Without a record only what is amiss in QEMU is mended, and what a killed save has left: all else
 * goes by what is recorded. */
static void promise_less(json_t *findings)
{
    json_t *f;
    size_t i;

    json_array_foreach(findings, i, f) {
        const char *how = text(json_object_get(f, "mend"), "do");
        const bool ask = json_is_true(json_object_get(f, "ask"));

        if (same(how, "close") || same(how, "settle") || (same(how, "unlink") && !ask))
            continue;
        json_object_set_new(f, "repair", json_null());
        json_object_set_new(f, "mend", json_null());
        json_object_set_new(f, "ask", json_false());
    }
}

/* What nothing is done on, and no rule has found. */
static void check_place(const struct qrw_vm *vm, const struct chain *c, const char *file,
                        json_t *findings)
{
    struct qmp_error why = {0};

    if (json_array_size(findings) || !vm_check_mixed(vm, c, file, false, &why))
        return;
    auto_free char *words = mem_printf("%s; %s", why.desc, why.hint);
    json_array_append_new(findings, check_finding("misleading-backing", file, words));
}

json_t *vm_examine(struct qrw_vm *vm, struct chain *c, const char *file, bool recorded,
                   unsigned flags, json_t **found, struct qmp_error *err)
{
    auto_free char *qemu = vm->offline ? NULL : vm_qemu_version(vm);
    struct scene s = {.graph = &vm->graph,
                      .chain = c,
                      .now = "1970-01-01T00:00:00.000Z",
                      .token = "000000",
                      .version = vm->offline ? 0 : qmp_client_version(vm->client),
                      .qemu = qemu,
                      .machine = &vm->machine,
                      .cwd = vm->cwd,
                      .files_reachable = vm->files_reachable,
                      .place = image_place};

    *found = NULL;
    if ((!vm->offline && has_memory(c) && vm_observe_machine(vm, false, err)) ||
        !(*found = survey(vm, c, file, flags, err)))
        return NULL;
    json_object_set_new(*found, "unrecorded", json_boolean(!recorded));
    json_t *findings = check_findings(&s, *found);
    if (recorded)
        check_place(vm, c, file, findings);
    else
        promise_less(findings);
    if (vm->files_reachable)
        vm_check_mends(vm, c, findings);
    return findings;
}

/* There is no sidecar: @c becomes what the images say by themselves. What was settled before may
 * have ended it. True: another one keeps all from being done that changes anything (@why). */
static bool without_record(struct qrw_vm *vm, struct chain *c, const char *foreign,
                           struct qmp_error *why)
{
    const bool refused = vm_check_elsewhere(vm, foreign, why);

    if (!refused && !chain_generation(c))
        vm_note(vm, 0,
                "there is no sidecar: only the images are looked at, and none is mended; "
                "qrewind adopt makes one");
    adopt(c, &vm->graph, NULL, "000000");
    return refused;
}

/* Where no rule has found that out, it is what is wrong. */
static void tell_elsewhere(struct qrw_vm *vm, const char *file, const struct qmp_error *why,
                           json_t *findings)
{
    auto_free char *words = mem_printf("%s; %s", why->desc, why->hint);

    if (json_array_size(findings))
        vm_note(vm, 0, "%s", words);
    else
        json_array_append_new(findings, check_finding("sidecar-conflict", file, words));
}

/* ---- check ---- */

/* The user is not shown how they are mended. Returns @findings. */
static json_t *bare(json_t *findings)
{
    json_t *f;
    size_t i;

    json_array_foreach(findings, i, f)
        json_object_del(f, "mend");
    return findings;
}

static json_t *shown(const char *file, json_t *findings)
{
    return json_pack("{s:o, s:s?}", "findings", bare(findings), "sidecar", file);
}

/* A first look at the whole of the layers is remembered, if nobody works on the VM meanwhile. */
static void remember(struct qrw_vm *vm, const char *file, const json_t *found)
{
    struct qmp_error why = {0};
    struct journal j;

    if (!journal_open(&j, vm, JOURNAL_WRITE, &why) && !chain_pending(&j.chain) &&
        fingerprints_hash(&j.chain, found) && journal_save(&j, vm, &why))
        vm_note(vm, 0, "the hashes could not be recorded: %s", why.desc);
    journal_close(&j, vm);
}

static json_t *broken(const char *file, const char *subject, const struct qmp_error *why)
{
    auto_free char *words = mem_printf("%s%s%s", why->desc, why->hint[0] ? "; " : "", why->hint);

    return shown(file, json_pack("[o]", check_finding("broken-sidecar", subject, words)));
}

/* Without a VM the sidecar says which images there are: then this is all that can be said. */
static json_t *unreadable(struct qrw_vm *vm, const struct qmp_error *why, struct qmp_error *err)
{
    const char *file = vm->sidecar_option ? vm->sidecar_option : why->context;

    if (vm->offline && why->kind == QRW_ERR_INVALID)
        return broken(NULL, *file == '/' ? file : "sidecar", why);
    if (err)
        *err = *why;
    return NULL;
}

json_t *qrw_check(struct qrw_vm *vm, unsigned flags, struct qmp_error *err)
{
    struct qmp_error why = {0};
    json_auto_t *found = NULL;
    json_t *findings = NULL;
    struct chain c = {0};
    bool exists;

    if (vm_observe(vm, GRAPH_NODES, &why))
        return unreadable(vm, &why, err);
    auto_free char *file = NULL, *foreign = NULL;
    if (vm_sidecar_file(vm, &file, &exists, &foreign, err))
        return NULL;
    if (vm_load(vm, file, &c, &why))
        return broken(file, file, &why);
    vm_adopt_names(vm, &c);
    const bool refused = !exists && without_record(vm, &c, foreign, &why);
    findings = vm_examine(vm, &c, exists ? file : NULL, exists, flags, &found, err);
    if (findings && exists && flags & QRW_DEEP && !(flags & QRW_DRY_RUN) &&
        fingerprints_hash(&c, found))
        remember(vm, file, found);
    if (findings && refused)
        tell_elsewhere(vm, file, &why, findings);
    chain_done(&c);
    return findings ? shown(exists ? file : NULL, findings) : NULL;
}

/* ---- repair ---- */

/* Carry out @f; what went wrong is said in it. Returns whether it is mended. */
static bool mend(struct qrw_vm *vm, struct journal *j, json_t *f)
{
    const json_t *how = json_object_get(f, "mend");
    struct qmp_error why = {0};
    char words[sizeof(why.context) + sizeof(why.desc)];

    if (mend_record(&j->chain, &vm->graph, how)) {
        vm_take_out(vm, &j->chain, json_object_get(how, "inside"));
        return true;
    }
    if (!mend_outside(vm->client, how, &why))
        return true;
    json_object_set_new(f, "failed", json_string(qmp_error_text(&why, words, sizeof(words))));
    return false;
}

bool vm_may_mend(const json_t *f, unsigned flags)
{
    const json_t *how = json_object_get(f, "mend");

    return json_is_object(how) && !same(text(how, "do"), "settle") &&
           (flags & QRW_YES || !json_is_true(json_object_get(f, "ask")));
}

/* Killed in the middle, what we have written ourselves is not found to be changed. */
static int forget_touched(struct qrw_vm *vm, struct journal *j, const json_t *findings,
                          unsigned flags, struct qmp_error *err)
{
    bool any = false;
    const json_t *f;
    size_t i;

    json_array_foreach(findings, i, f) {
        const json_t *how = json_object_get(f, "mend"), *at;
        const char *layer = text(how, "touches");
        size_t n;

        if (!vm_may_mend(f, flags))
            continue;
        chain_touch(&j->chain, layer);
        json_array_foreach(json_object_get(how, "inside"), n, at)
            chain_touch(&j->chain, text(at, "layer"));
        any = any || layer || n;
    }
    return any ? journal_save(j, vm, err) : 0;
}

/* Mend all of @findings that may be; they go to @mended. Returns how many, -1: @err. */
static int pass(struct qrw_vm *vm, struct journal *j, json_t *findings, unsigned flags,
                json_t *mended, struct qmp_error *err)
{
    int n = 0;

    if (forget_touched(vm, j, findings, flags, err))
        return -1;
    for (size_t i = 0; i < json_array_size(findings); i++) {
        json_t *f = json_array_get(findings, i);

        if (vm_may_mend(f, flags) && mend(vm, j, f)) {
            json_array_append(mended, f);
            json_array_remove(findings, i--);
            n++;
        }
    }
    return n;
}

/* The record alone has said which images are meant, and there is nothing to record any more. */
static bool is_all(const struct qrw_vm *vm, const struct journal *j)
{
    const char *const *images = vm->options.images;

    return vm->offline && vm->sidecar_option && !(images && *images) && !sidecar_exists(j->file);
}

json_t *vm_mend(struct qrw_vm *vm, struct journal *j, qrw_strings only, unsigned flags,
                struct qmp_error *err)
{
    json_t *mended = json_array(), *findings = NULL;
    int n = 1;

    /* what was settled before was looked at less deep: layers of ours would seem to be leaked */
    const bool again = vm->engine || vm->graph.level != GRAPH_NODES;

    if (vm->engine)
        vm_stop(vm);
    if (again && vm_observe(vm, GRAPH_NODES, err)) {
        json_decref(mended);
        return NULL;
    }
    const bool recorded = sidecar_exists(j->file);
    struct qmp_error why;
    const bool refused = !recorded && without_record(vm, &j->chain, NULL, &why);
    for (int i = 0; n > 0 && i < MAX_PASSES; i++) {
        json_auto_t *found = NULL;

        json_decref(findings);
        findings = vm_examine(vm, &j->chain, j->file, recorded, flags, &found, err);
        check_choose(findings, only);
        if (!findings || flags & QRW_DRY_RUN)
            break;
        n = pass(vm, j, findings, flags, mended, err);
        if (n > 0 && recorded)
            fingerprints_take(&j->chain);
        if (n > 0 && recorded && journal_save(j, vm, err))
            n = -1;
        if (n > 0 && is_all(vm, j)) {
            json_array_clear(findings);
            break;
        }
        if (n > 0 && vm_observe(vm, GRAPH_NODES, err))
            n = -1;
    }
    if (n < 0) {
        json_decref(findings);
        findings = NULL;
    }
    if (findings && refused)
        tell_elsewhere(vm, j->file, &why, findings);
    json_t *plan =
        findings && flags & QRW_DRY_RUN ? vm_preview(vm, j, only, flags, findings) : NULL;
    json_t *result = findings ? shown(recorded ? j->file : NULL, findings) : NULL;
    if (plan) {
        json_object_set_new(result, "plan", plan);
    } else if (result) {
        json_object_set(result, "mended", bare(mended));
        vm_sweep(vm, j->file);
    }
    json_decref(mended);
    return result;
}
