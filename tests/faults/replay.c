/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay: see replay.h. */
#include "tests/faults/replay.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/scratch/scratch.h"

enum { INODES = 256, OPS_MOST = 10, NOBODY = -1 };

/* Which file has a name; an index into inodes, or NOBODY. */
struct space {
    int of[REPLAY_NAMES];
};

/* A name that comes, goes, or both: a rename. */
struct op {
    int from, to, inode;
};

struct inode {
    char last[256];   /* while no name leads to it: a copy of it */
    char synced[256]; /* a copy of it as it was synced, or as it was before it all; "": never */
    bool dirty, lock;
};

struct tape {
    const char *root, *taken;
    int point;
    bool ended;
    char *names[REPLAY_NAMES];
    struct inode inodes[INODES];
    int ninodes;
    struct space now, durable;
    struct op ops[OPS_MOST]; /* that the folder was not synced after */
    int nops;
    uint64_t *seen;
    int nseen;
    replay_fn *fn;
    void *arg;
};

/* ---- the recording ---- */

static int name_index(struct tape *t, const char *name)
{
    for (int i = 0; i < REPLAY_NAMES; i++) {
        if (!t->names[i])
            t->names[i] = mem_strdup(name);
        if (!strcmp(t->names[i], name))
            return i;
    }
    cr_assert_fail("too many names");
    return NOBODY;
}

/* The index of a file in the folder; NOBODY: it is elsewhere. */
static int name_of(struct tape *t, const char *path)
{
    size_t n = strlen(t->root);

    if (strncmp(path, t->root, n) || path[n] != '/' || strchr(path + n + 1, '/'))
        return NOBODY;
    return name_index(t, path + n + 1);
}

static void copy_of(const struct tape *t, int name, char path[static 256])
{
    snprintf(path, 256, "%s/%d/%s", t->taken, t->point, t->names[name]);
}

static int new_inode(struct tape *t, int name)
{
    const char *s = t->names[name];
    size_t n = strlen(s);

    cr_assert_lt(t->ninodes, INODES);
    t->inodes[t->ninodes].lock = n > 5 && !strcmp(s + n - 5, ".lock");
    return t->ninodes++;
}

static void begin(struct tape *t)
{
    auto_free char *first = mem_printf("%s/1", t->taken);
    DIR *d = opendir(first);

    cr_assert(d, "%s: %m", first);
    t->point = 1;
    memset(&t->now, NOBODY, sizeof(t->now));
    for (const struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        int name = name_index(t, e->d_name);
        t->now.of[name] = new_inode(t, name);
        copy_of(t, name, t->inodes[t->now.of[name]].synced);
    }
    closedir(d);
    t->durable = t->now;
}

static void apply(struct space *s, const struct op *op)
{
    if (op->from != NOBODY && s->of[op->from] == op->inode)
        s->of[op->from] = NOBODY;
    if (op->to != NOBODY)
        s->of[op->to] = op->inode;
}

static void change_names(struct tape *t, int from, int to, int inode)
{
    struct op *op = &t->ops[t->nops];
    int gone = to != NOBODY ? t->now.of[to] : inode;

    if (inode == NOBODY)
        return; /* there was nothing to remove */
    cr_assert_lt(t->nops++, OPS_MOST, "call %d: too much is not synced", t->point);
    *op = (struct op){from, to, inode};
    if (gone != NOBODY)
        copy_of(t, to != NOBODY ? to : from, t->inodes[gone].last);
    apply(&t->now, op);
}

static void sync_folder(struct tape *t)
{
    t->durable = t->now;
    t->nops = 0;
}

static void sync_file(struct tape *t, int name)
{
    struct inode *f = &t->inodes[t->now.of[name]];

    f->dirty = false;
    copy_of(t, name, f->synced);
}

static void take(struct tape *t, const char *call, const char *a, const char *b)
{
    int one = name_of(t, a), other = name_of(t, b);
    int inode = one == NOBODY ? NOBODY : t->now.of[one];

    if (!strcmp(call, "fsync") && !strcmp(a, t->root))
        sync_folder(t);
    else if (!strcmp(call, "symlink") && other != NOBODY)
        change_names(t, NOBODY, other, new_inode(t, other));
    else if (one == NOBODY)
        return;
    else if (!strcmp(call, "create"))
        change_names(t, NOBODY, one, new_inode(t, one));
    else if (!strcmp(call, "rename"))
        change_names(t, one, other, inode);
    else if (!strcmp(call, "unlink"))
        change_names(t, one, NOBODY, inode);
    else if (inode == NOBODY)
        return;
    else if (!strcmp(call, "fsync") || !strcmp(call, "fdatasync"))
        sync_file(t, one);
    else if (!strcmp(call, "write") || !strcmp(call, "pwrite") || !strcmp(call, "ftruncate"))
        t->inodes[inode].dirty = !t->inodes[inode].lock;
}

/* ---- the states ---- */

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

static bool is_new(struct tape *t, const struct replay_state *s)
{
    uint64_t h = 14695981039346656037u + s->ended;

    for (int i = 0; i < REPLAY_NAMES; i++) {
        size_t n;
        bool link;

        if (!s->files[i].name)
            continue;
        auto_free char *bytes = read_file(&s->files[i], &n, &link);
        h = mix(h, &i, sizeof(i));
        h = mix(h, bytes, n);
    }
    for (int i = 0; i < t->nseen; i++)
        if (t->seen[i] == h)
            return false;
    t->seen = mem_grow(t->seen, (size_t)t->nseen + 1, sizeof(h));
    t->seen[t->nseen++] = h;
    return true;
}

/* The names from @i on in all the ways that their data may be there. */
static void vary(struct tape *t, const struct space *space, struct replay_state *s, int i)
{
    while (i < REPLAY_NAMES && space->of[i] == NOBODY)
        s->files[i++].name = NULL;
    if (i == REPLAY_NAMES) {
        if (is_new(t, s))
            t->fn(s, t->arg);
        return;
    }
    const struct inode *f = &t->inodes[space->of[i]];
    struct replay_file *out = &s->files[i];
    int live = 0;

    while (live < REPLAY_NAMES && t->now.of[live] != space->of[i])
        live++;
    *out = (struct replay_file){.name = t->names[i], .part = REPLAY_WHOLE};
    if (live < REPLAY_NAMES)
        copy_of(t, live, out->from);
    else
        memcpy(out->from, f->last, sizeof(out->from));
    vary(t, space, s, i + 1);
    if (f->dirty && f->synced[0]) {
        memcpy(out->from, f->synced, sizeof(out->from));
        vary(t, space, s, i + 1);
    }
    for (int part = REPLAY_EMPTY; f->dirty && !f->synced[0] && part < REPLAY_WHOLE; part++) {
        out->part = part;
        vary(t, space, s, i + 1);
    }
}

static void states_here(struct tape *t)
{
    struct replay_state s = {.point = t->point, .ended = t->ended};

    for (unsigned done = 0; done < 1u << t->nops; done++) {
        struct space space = t->durable;

        for (int i = 0; i < t->nops; i++)
            if (done & 1u << i)
                apply(&space, &t->ops[i]);
        vary(t, &space, &s, 0);
    }
}

int replay(const char *root, const char *log, const char *taken, replay_fn *fn, void *arg)
{
    struct tape t = {.root = root, .taken = taken, .fn = fn, .arg = arg};
    FILE *lines = fopen(log, "re");
    char line[2048];

    cr_assert(lines, "%s: %m", log);
    begin(&t);
    while (fgets(line, sizeof(line), lines)) {
        char call[32], a[1000] = "", b[1000] = "";

        cr_assert_geq(sscanf(line, "%d %31s %999s %999s", &t.point, call, a, b), 2);
        states_here(&t);
        take(&t, call, a, b);
    }
    fclose(lines);
    t.point++;
    t.ended = true;
    states_here(&t);
    for (int i = 0; i < REPLAY_NAMES; i++)
        free(t.names[i]);
    free(t.seen);
    return t.nseen;
}

void replay_lay_out(const struct replay_state *s)
{
    cr_assert_eq(system("rm -f ./*"), 0);
    for (int i = 0; i < REPLAY_NAMES; i++) {
        const struct replay_file *f = &s->files[i];
        size_t n;
        bool link;

        if (!f->name)
            continue;
        auto_free char *bytes = read_file(f, &n, &link);
        if (link)
            cr_assert(!symlink(bytes, f->name));
        else
            scratch_write(f->name, bytes, n);
    }
}
