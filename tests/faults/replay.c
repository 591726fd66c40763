/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay: see replay.h. */
#include "tests/faults/replay.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/planted.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

/* What was read once: a copy does not change. */
struct known {
    char from[TAPE_PATH];
    int part;
    uint64_t hash;
};

struct tale {
    struct tape tape;
    bool ended;
    uint64_t *seen;
    int nseen;
    struct known *known;
    int nknown;
    replay_fn *fn;
    void *arg;
};

/* ---- recording ---- */

void replay_enter(void)
{
    cr_assert_eq(system("mkdir work taken"), 0);
    cr_assert(!chdir("work"));
}

void replay_leave(void)
{
    cr_assert(!chdir(".."));
    cr_assert_eq(system("rm -rf work taken log memory.* disk disk.log"), 0);
}

static char *shim(const char *name)
{
    auto_free char *program = lab_program();

    return mem_printf("%.*s/tests/%s.so", (int)(strrchr(program, '/') - program), program, name);
}

void replay_watch(bool on)
{
    auto_free char *disk = mem_printf("%s/disk", scratch_folder()), *preload = shim("disk");

    if (on) {
        cr_assert(!symlink("log", "../disk.log"), "%m");
        setenv("LD_PRELOAD", preload, 1);
        setenv("QRW_DISK", disk, 1);
    } else {
        unsetenv("LD_PRELOAD");
        unsetenv("QRW_DISK");
    }
}

static bool is_live(void)
{
    struct stat st;

    return !lstat("../disk.log", &st);
}

/* Is @call a request of QEMU's? */
static bool is_qemus(const char *call)
{
    const size_t n = strlen(call);

    return n > 3 && !strcmp(call + n - 3, "ing");
}

/* Run "qrewind @words" with the shim, which is to do what @told says. */
static struct lab_result run(const char *told, const char *words)
{
    auto_free char *program = lab_program(), *preload = shim("shim");

    return offline_run("env LD_PRELOAD=%s ASAN_OPTIONS=verify_asan_link_order=0 "
                       "QRW_FAULT_SET=change %s %s %s",
                       preload, told, program, words);
}

/* The same, and record it; *@calls is how many there were. */
static struct lab_result record(const char *told, const char *words, int *calls)
{
    auto_free char *all = mem_printf("%s QRW_FAULT_LOG=%s/log", told, scratch_folder());

    setenv("QRW_FAULT_EACH", "cp -a . ../taken/", 1);
    if (is_live())
        scratch_write("../disk", "0 0 0", 5); /* QEMU's shim looks for it */
    struct lab_result r = run(all, words);
    unsetenv("QRW_FAULT_EACH");
    auto_result struct lab_result made = offline_run("grep -c -v ing\\s ../log");
    *calls = atoi(made.out);
    offline_ok("cp -a . ../taken/%d", *calls + 1);
    return r;
}

int replay_record(const char *words)
{
    int calls;
    auto_result struct lab_result r = record("QRW_FAULT_AT=0", words, &calls);

    cr_assert_eq(r.status, 0, "%s: %s%s", words, r.out, r.err);
    return calls;
}

int replay_fail(const char *words, int call)
{
    auto_free char *told = mem_printf("QRW_FAULT=EIO QRW_FAULT_AT=%d", call);
    int calls;
    auto_result struct lab_result r = record(told, words, &calls);

    /* under this name it does nothing to the tape */
    offline_ok("sed -i /ing\\s/!s/^%d\\s\\S*/%d\\tfailed/ ../log", call, call);
    return r.status;
}

int replay_middle_sync(void)
{
    auto_result struct lab_result syncs =
        offline_run("grep -E ^[0-9]+\\sf(data)?sync\\s.*/work/ ../log");
    const char *at = syncs.out;
    int n = 0;

    for (const char *end = at; (end = strchr(end, '\n')); end++)
        n++;
    for (; n > 2; n -= 2)
        at = strchr(at, '\n') + 1;
    return atoi(at);
}

int replay_last_sync(void)
{
    auto_result struct lab_result syncs = offline_run("grep -E ^[0-9]+\\sfdatasync\\s ../log");
    const char *at = syncs.out;

    for (const char *end = at; (end = strchr(end, '\n')) && end[1]; end++)
        at = end + 1;
    return atoi(at);
}

void replay_kill(const char *words, int call)
{
    auto_free char *told = mem_printf("QRW_FAULT=killed QRW_FAULT_AT=%d", call);
    auto_result struct lab_result r = run(told, words);

    cr_assert_eq(r.status, 128 + SIGKILL, "%s, killed after call %d: exit %d: %s%s", words, call,
                 r.status, r.out, r.err);
}

/* ---- the states ---- */

#define BASIS 14695981039346656037u

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    for (const uint8_t *p = bytes; n--; p++)
        h = (h ^ *p) * 1099511628211u;
    return h;
}

/* What is there of a file's bytes; a link's target. The caller frees. */
static char *read_file(const struct replay_file *file, size_t *n, bool *link)
{
    const char *path = file->from;
    struct stat st;

    cr_assert(!lstat(path, &st), "%s: %m", path);
    char *bytes = mem_alloc((size_t)st.st_size + 1);
    *link = S_ISLNK(st.st_mode);
    if (*link) {
        cr_assert_eq(readlink(path, bytes, (size_t)st.st_size), st.st_size);
    } else {
        FILE *f = fopen(path, "re");
        cr_assert(f && fread(bytes, 1, (size_t)st.st_size, f) == (size_t)st.st_size, "%s", path);
        fclose(f);
    }
    *n = file->part == REPLAY_EMPTY ? 0 : (size_t)st.st_size / (file->part == REPLAY_HALF ? 2 : 1);
    memset(bytes, 0, file->part == REPLAY_ZEROS ? *n : 0);
    bytes[*n] = '\0';
    return bytes;
}

static uint64_t hash_of(struct tale *t, const struct replay_file *f)
{
    for (int i = 0; i < t->nknown; i++)
        if (t->known[i].part == (int)f->part && !strcmp(t->known[i].from, f->from))
            return t->known[i].hash;
    size_t n;
    bool link;
    auto_free char *bytes = read_file(f, &n, &link);

    t->known = mem_grow(t->known, (size_t)t->nknown + 1, sizeof(*t->known));
    struct known *k = &t->known[t->nknown++];
    memcpy(k->from, f->from, sizeof(k->from));
    k->part = f->part;
    k->hash = mix(BASIS, bytes, n);
    return k->hash;
}

static bool is_new(struct tale *t, const struct replay_state *s)
{
    uint64_t h = BASIS + s->ended;

    for (int i = 0; i < s->nfiles; i++) {
        const struct replay_file *f = &s->files[i];
        uint64_t content = f->folder ? 0 : hash_of(t, f);

        h = mix(h, f->name, strlen(f->name) + 1);
        h = mix(h, &content, sizeof(content));
    }
    for (int i = 0; i < t->nseen; i++)
        if (t->seen[i] == h)
            return false;
    t->seen = mem_grow(t->seen, (size_t)t->nseen + 1, sizeof(h));
    t->seen[t->nseen++] = h;
    return true;
}

/* The names from @i on in all the ways that their data may be there. */
static void vary(struct tale *t, const struct tape_space *space, struct replay_state *s, int i)
{
    struct replay_file *out = &s->files[s->nfiles];

    while (i < TAPE_NAMES && (space->of[i] == NOBODY || !tape_path(&t->tape, space, i, out->name)))
        i++;
    if (i == TAPE_NAMES) {
        if (is_new(t, s))
            t->fn(s, t->arg);
        return;
    }
    const struct tape_inode *f = &t->tape.inodes[space->of[i]];

    tape_copy(&t->tape, space->of[i], out->from);
    out->folder = f->folder;
    out->part = REPLAY_WHOLE;
    s->nfiles++;
    vary(t, space, s, i + 1);
    if (f->dirty && f->synced[0]) {
        memcpy(out->from, f->synced, sizeof(out->from));
        vary(t, space, s, i + 1);
    }
    for (int part = REPLAY_EMPTY; f->dirty && !f->synced[0] && part < REPLAY_WHOLE; part++) {
        out->part = part;
        vary(t, space, s, i + 1);
    }
    s->nfiles--;
}

static void states_here(struct tale *t)
{
    struct replay_state s = {.point = t->tape.point, .ended = t->ended};

    for (unsigned done = 0; done < 1u << t->tape.nchanges; done++) {
        struct tape_space space = t->tape.durable;

        for (int i = 0; i < t->tape.nchanges; i++)
            if (done & 1u << i)
                tape_apply(&space, &t->tape.changes[i]);
        vary(t, &space, &s, 0);
    }
}

void replay(replay_fn *fn, void *arg)
{
    struct tale t = {.fn = fn, .arg = arg};
    auto_free char *root = mem_printf("%s/work", scratch_folder());
    FILE *lines = fopen("../log", "re");
    char line[2048];

    cr_assert(lines, "../log: %m");
    tape_begin(&t.tape, root, "../taken", is_live());
    while (fgets(line, sizeof(line), lines)) {
        char call[32], a[1000] = "", b[1000] = "";
        int point;

        cr_assert_geq(sscanf(line, "%d %31s %999s %999s", &point, call, a, b), 2);
        if (is_qemus(call)) {
            tape_hear(&t.tape, call, a);
            continue;
        }
        tape_reach(&t.tape, point);
        states_here(&t);
        tape_take(&t.tape, call, a, b);
    }
    fclose(lines);
    tape_reach(&t.tape, t.tape.point + 1);
    t.ended = true;
    states_here(&t);
    tape_done(&t.tape);
    free(t.seen);
    free(t.known);
}

/* What is pending in it was begun in this file: a power cut copies nothing. */
static void sign(const char *name, const char *bytes, size_t n)
{
    json_auto_t *doc = json_loadb(bytes, n, 0, NULL);

    if (!json_is_object(json_object_get(doc, "pending")))
        return;
    planted_sign(doc, name);
    cr_assert(!json_dump_file(doc, name, JSON_INDENT(1)));
}

static void lay_out(const struct replay_file *f)
{
    struct stat st;
    size_t n;
    bool link;
    auto_free char *bytes = read_file(f, &n, &link);

    if (link) {
        cr_assert(!symlink(bytes, f->name));
        return;
    }
    scratch_write(f->name, bytes, n);
    sign(f->name, bytes, n);
    cr_assert(!stat(f->from, &st) && !chmod(f->name, st.st_mode & 0777), "%s: %m", f->name);
}

void replay_lay_out(const struct replay_state *s)
{
    cr_assert_eq(system("rm -rf ./*"), 0);
    for (int i = 0; i < s->nfiles; i++)
        if (s->files[i].folder)
            cr_assert(!mkdir(s->files[i].name, 0700));
    for (int i = 0; i < s->nfiles; i++)
        if (!s->files[i].folder)
            lay_out(&s->files[i]);
}

const struct replay_file *replay_file(const struct replay_state *s, const char *name)
{
    for (int i = 0; i < s->nfiles; i++)
        if (!strcmp(s->files[i].name, name))
            return &s->files[i];
    return NULL;
}

char *replay_describe(const struct replay_state *s)
{
    char *all = mem_printf("%s call %d:", s->ended ? "ended with" : "before",
                           s->ended ? s->point - 1 : s->point);

    for (int i = 0; i < s->nfiles; i++) {
        static const char *const parts[] = {" (empty)", " (half)", " (zeros)", ""};
        char *more = mem_printf("%s %s%s", all, s->files[i].name, parts[s->files[i].part]);

        free(all);
        all = more;
    }
    return all;
}
