/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stage: see stage.h. */
#include "tests/scene/stage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/sidecar.h"
#include "tests/fake-monitor/fake-monitor.h"
#include "tests/scene/internal.h"
#include "tests/scratch/scratch.h"

/* ---- images ---- */

void stage_make_images(const struct graph_disk *d)
{
    for (size_t i = d->nlayers; i-- > 0;) {
        const struct graph_layer *l = &d->layers[i], *below = l + 1;
        struct qcow2_options o = {.size = (uint64_t)l->size};
        struct qmp_error err;

        if (i + 1 < d->nlayers) {
            o.backing = below->file;
            o.backing_format = below->format;
        }
        if (access(l->file, F_OK))
            cr_assert_eq(image_create_overlay(l->file, &o, NULL, &err), 0, "%s", err.desc);
    }
}

static void close_images(struct stage *s)
{
    for (size_t i = 0; i < sizeof(s->open) / sizeof(s->open[0]); i++) {
        if (s->open[i] >= 0)
            close(s->open[i]);
        s->open[i] = -1;
    }
}

static void open_images(struct stage *s)
{
    size_t n = 0;

    close_images(s);
    for (size_t i = 0; i < s->now->graph.ndisks; i++)
        for (size_t k = 0; k < s->now->graph.disks[i].nlayers; k++)
            s->open[n++] = open(s->now->graph.disks[i].layers[k].file, O_RDONLY | O_CLOEXEC);
}

static void show(struct stage *s, const char *picture)
{
    if (!picture)
        return;
    picture_free(s->now);
    s->now = picture_new_in(scratch_folder(), picture);
    open_images(s);
}

/* ---- answers ---- */

static void dismiss(struct stage *s, const json_t *args)
{
    json_t *jobs = json_object_get(s->now->replies, "query-jobs"), *job;
    const char *id = picture_text(args, "id");
    size_t i;

    json_array_foreach(jobs, i, job)
        if (id && !strcmp(picture_text(job, "id"), id)) {
            json_array_remove(jobs, i);
            return;
        }
}

static const struct stage_act *find_act(struct stage *s, const char *command)
{
    for (size_t i = 0; s->acts && s->acts[i].on; i++)
        if (!(s->played >> i & 1) && !strcmp(s->acts[i].on, command)) {
            s->played |= (size_t)1 << i;
            return &s->acts[i];
        }
    return NULL;
}

static const char *answer(const char *command, json_t *args, void *arg)
{
    struct stage *s = arg;
    bool hang_up = s->hang_up_at && !--s->hang_up_at;
    const struct stage_act *act = hang_up ? NULL : find_act(s, command);
    const json_t *reply;

    if (hang_up)
        return "close";
    if (act) {
        show(s, act->then);
        return act->lines ? act->lines : "= {}";
    }
    reply = json_object_get(s->now->replies, command);
    if (!strcmp(command, "job-dismiss"))
        dismiss(s, args);
    if (!reply)
        return "= {}";
    auto_free char *value = json_dumps(reply, JSON_COMPACT);
    free(s->answer);
    s->answer = mem_printf("= %s", value);
    return s->answer;
}

/* ---- life ---- */

static void on_progress(const struct qrw_progress *p, void *arg)
{
    struct stage *s = arg;

    if (s->interrupt)
        qrw_interrupt(s->vm);
}

static void on_note(int level, const char *text, void *arg)
{
    struct stage *s = arg;
    auto_free char *before = s->notes;

    s->notes = mem_printf("%s%s\n", before ? before : "", text);
}

static void enter(struct stage *s, const struct stage_act *acts)
{
    struct qrw_options o = {
        .base = s->base, .timeout_ms = 5000, .progress = on_progress, .note = on_note, .arg = s};
    struct qmp_error err;

    s->acts = acts;
    s->played = 0;
    s->fake = fake_dispatch(s->base, NULL);
    fake_answer_with(s->fake, answer, s);
    o.socket = fake_address(s->fake);
    s->vm = qrw_open(&o, &err);
    cr_assert(s->vm, "%s", err.desc);
}

static void leave(struct stage *s)
{
    qrw_close(s->vm);
    fake_free(s->fake);
    free(s->notes);
    s->notes = NULL;
}

void stage_open(struct stage *s, const char *picture, const struct stage_act *acts)
{
    memset(s, 0, sizeof(*s));
    memset(s->open, -1, sizeof(s->open));
    s->base = event_base_new();
    s->now = picture_new_in(scratch_folder(), picture);
    for (size_t i = 0; i < s->now->graph.ndisks; i++)
        stage_make_images(&s->now->graph.disks[i]);
    open_images(s);
    enter(s, acts);
}

void stage_again(struct stage *s, const char *picture, const struct stage_act *acts)
{
    leave(s);
    show(s, picture);
    enter(s, acts);
}

void stage_close(struct stage *s)
{
    leave(s);
    event_base_free(s->base);
    close_images(s);
    picture_free(s->now);
    free(s->answer);
}

/* ---- what became of it ---- */

static char *join(char *list, const char *word)
{
    char *longer = list[0] ? mem_printf("%s %s", list, word) : mem_strdup(word);

    free(list);
    return longer;
}

static char *commands(const struct stage *s)
{
    auto_free char *log = mem_strdup(fake_log(s->fake));
    char *names = mem_strdup("");

    for (char *rest = log, *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, " ")] = '\0';
        if (line[0] && strncmp(line, "query-", 6) && strncmp(line, "x-debug-query-", 14))
            names = join(names, line);
    }
    return names;
}

static char *sidecar(const char *name)
{
    auto_free char *file = mem_printf("%s/%s.qcow2" SIDECAR_SUFFIX, scratch_folder(), name);
    struct chain c = {0};
    struct qmp_error err;

    if (access(file, F_OK))
        return mem_strdup("no sidecar");
    cr_assert_eq(sidecar_load(&c, file, NULL, NULL, &err), 0, "%s", err.desc);
    auto_free char *picture = picture_draw(&c);
    const char *pending = picture_text(chain_pending(&c), "operation");
    char *words =
        mem_printf("%s%s%s", picture, pending ? ", pending " : "", pending ? pending : "");
    chain_done(&c);
    return words;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static char *files(void)
{
    struct dirent **entries;
    int n = scandir(scratch_folder(), &entries, visible, alphasort);
    char *names = mem_strdup("");

    for (int i = 0; i < n; i++) {
        names = join(names, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return names;
}

/* ---- expectations ---- */

void stage_expect_commands(const struct stage *s, const char *names)
{
    auto_free char *came = commands(s);

    cr_expect_str_eq(came, names, "the commands were '%s', not '%s'", came, names);
}

void stage_expect_sidecar(const char *name, const char *document)
{
    auto_free char *found = sidecar(name);

    cr_expect_str_eq(found, document, "the sidecar has '%s', not '%s'", found, document);
}

void stage_expect_files(const char *names)
{
    auto_free char *found = files();

    cr_expect_str_eq(found, names, "the files are '%s', not '%s'", found, names);
}

json_t *stage_run(struct stage *s, const struct qrw_operation *op, const void *args, unsigned flags,
                  int kind, const char *words)
{
    struct qmp_error err = {0};
    json_t *result = qrw_run(s->vm, op, args, flags, &err);
    char text[1024];

    qmp_error_text(&err, text, sizeof(text));
    cr_expect_eq(err.kind, kind, "%s: %s", qrw_error_kind_name(err.kind), text);
    cr_expect_eq(result != NULL, kind == 0);
    if (words)
        cr_expect(strstr(text, words), "'%s' is not in '%s'", words, text);
    return result;
}

const char *stage_repair(struct stage *s)
{
    struct qmp_error err = {0};
    json_auto_t *result = qrw_repair(s->vm, NULL, 0, &err);

    cr_assert(result, "%s: %s", err.context, err.desc);
    strncpy(s->settled, picture_text(result, "settled"), sizeof(s->settled) - 1);
    return s->settled;
}
