/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tape: see tape.h. */
#include "tests/faults/tape.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"

/* ---- names ---- */

static int name_index(struct tape *t, int folder, const char *name)
{
    for (int i = 0; i < TAPE_NAMES; i++) {
        struct tape_name *n = &t->names[i];

        if (!n->name)
            *n = (struct tape_name){folder, mem_strdup(name)};
        if (n->folder == folder && !strcmp(n->name, name))
            return i;
    }
    cr_assert_fail("too many names");
    return NOBODY;
}

/* The index of a file's name; NOBODY: it is elsewhere. */
static int name_of(struct tape *t, const char *path)
{
    const size_t n = strlen(t->root);

    if (strncmp(path, t->root, n) || path[n] != '/')
        return NOBODY;
    const char *name = path + n + 1, *slash = strchr(name, '/');
    if (!slash)
        return name_index(t, TAPE_ROOT, name);
    auto_free char *folder = mem_printf("%.*s", (int)(slash - name), name);
    int inode = t->now.of[name_index(t, TAPE_ROOT, folder)];
    return inode == NOBODY || strchr(slash + 1, '/') ? NOBODY : name_index(t, inode, slash + 1);
}

/* The first name of inode @i, NOBODY: it has none. */
static int live_name(const struct tape *t, const struct tape_space *s, int i)
{
    for (int name = 0; name < TAPE_NAMES && t->names[name].name; name++)
        if (s->of[name] == i)
            return name;
    return NOBODY;
}

bool tape_path(const struct tape *t, const struct tape_space *s, int i, char path[TAPE_NAME])
{
    const struct tape_name *n = &t->names[i];
    int folder = n->folder == TAPE_ROOT ? NOBODY : live_name(t, s, n->folder);

    if (n->folder != TAPE_ROOT && folder == NOBODY)
        return false;
    snprintf(path, TAPE_NAME, "%s%s%s", folder == NOBODY ? "" : t->names[folder].name,
             folder == NOBODY ? "" : "/", n->name);
    return true;
}

void tape_copy(const struct tape *t, int i, char path[TAPE_PATH])
{
    int name = live_name(t, &t->now, i);
    char at[TAPE_NAME];

    if (name == NOBODY)
        memcpy(path, t->inodes[i].last, TAPE_PATH);
    else if (tape_path(t, &t->now, name, at))
        snprintf(path, TAPE_PATH, "%s/%d/%s", t->taken, t->point, at);
}

/* ---- changes of names ---- */

static int new_inode(struct tape *t, int name, bool folder)
{
    const char *s = t->names[name].name;
    const size_t n = strlen(s);

    cr_assert_lt(t->ninodes, TAPE_INODES);
    t->inodes[t->ninodes].lock = n > 5 && !strcmp(s + n - 5, ".lock");
    t->inodes[t->ninodes].folder = folder;
    return t->ninodes++;
}

void tape_apply(struct tape_space *s, const struct tape_change *change)
{
    if (change->from != NOBODY && s->of[change->from] == change->inode)
        s->of[change->from] = NOBODY;
    if (change->to != NOBODY)
        s->of[change->to] = change->inode;
}

static void change_names(struct tape *t, int from, int to, int inode)
{
    int gone = to != NOBODY ? t->now.of[to] : inode;

    if (inode == NOBODY)
        return; /* there was nothing to remove */
    cr_assert_lt(t->nchanges, TAPE_CHANGES, "call %d: too much is not synced", t->point);
    struct tape_change *change = &t->changes[t->nchanges++];
    *change = (struct tape_change){from, to, inode};
    if (gone != NOBODY)
        tape_copy(t, gone, t->inodes[gone].last);
    tape_apply(&t->now, change);
}

static bool is_in(const struct tape *t, int name, int folder)
{
    return name != NOBODY && t->names[name].folder == folder;
}

/* A rename from one folder into another is done when either of them is synced. */
static void sync_folder(struct tape *t, int folder)
{
    int left = 0;

    for (int i = 0; i < t->nchanges; i++) {
        const struct tape_change c = t->changes[i];

        if (is_in(t, c.from, folder) || is_in(t, c.to, folder))
            tape_apply(&t->durable, &c);
        else
            t->changes[left++] = c;
    }
    t->nchanges = left;
}

/* ---- the recording ---- */

static void found(struct tape *t, int folder, const struct dirent *e)
{
    int name = name_index(t, folder, e->d_name);

    if (t->now.of[name] != NOBODY)
        return;
    int inode = new_inode(t, name, e->d_type == DT_DIR);
    t->inodes[inode].dirty = !t->inodes[inode].folder;
    change_names(t, NOBODY, name, inode);
    if (t->point == 1) {
        t->inodes[inode].dirty = false;
        tape_copy(t, inode, t->inodes[inode].synced);
        sync_folder(t, folder);
    }
}

/* See what is in the copy of the folder that is called @path in it. */
static void look(struct tape *t, int folder, const char *path)
{
    auto_free char *full = mem_printf("%s/%d/%s", t->taken, t->point, path);
    DIR *d = opendir(full);

    cr_assert(d, "%s: %m", full);
    for (const struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            found(t, folder, e);
    closedir(d);
}

static void sync_file(struct tape *t, int inode)
{
    struct tape_inode *f = &t->inodes[inode];

    if (f->folder) {
        sync_folder(t, inode);
        return;
    }
    f->dirty = false;
    tape_copy(t, inode, f->synced);
}

/* Has somebody written to the file since, who did not say so? */
static void look_at(struct tape *t, int inode)
{
    struct tape_inode *f = &t->inodes[inode];
    char copy[TAPE_PATH];
    struct stat st;

    tape_copy(t, inode, copy);
    cr_assert(!stat(copy, &st), "%s: %m", copy);
    if (f->settled)
        sync_file(t, inode);
    else if (memcmp(&f->written, &st.st_mtim, sizeof(st.st_mtim)) != 0 && t->point > 1)
        f->dirty = true;
    f->settled = false;
    f->written = st.st_mtim;
}

void tape_reach(struct tape *t, int point)
{
    t->point = point;
    look(t, TAPE_ROOT, "");
    for (int i = 0; i < TAPE_NAMES && t->names[i].name; i++) {
        int inode = t->now.of[i];

        if (inode != NOBODY && t->inodes[inode].folder)
            look(t, inode, t->names[i].name);
        else if (inode != NOBODY && t->live && !t->inodes[inode].lock)
            look_at(t, inode);
    }
}

void tape_begin(struct tape *t, const char *root, const char *taken, bool live)
{
    *t = (struct tape){.root = root, .taken = taken, .live = live, .ninodes = TAPE_ROOT + 1};
    memset(&t->now, NOBODY, sizeof(t->now));
    t->durable = t->now;
    tape_reach(t, 1);
}

void tape_done(struct tape *t)
{
    for (int i = 0; i < TAPE_NAMES; i++)
        free(t->names[i].name);
}

static bool is_one_of(const char *call, const char *list)
{
    auto_free char *word = mem_printf(" %s ", call);

    return strstr(list, word);
}

void tape_take(struct tape *t, const char *call, const char *a, const char *b)
{
    int one = name_of(t, a), other = name_of(t, b);
    int inode = one == NOBODY ? NOBODY : t->now.of[one];

    if (is_one_of(call, " fsync ") && !strcmp(a, t->root))
        sync_folder(t, TAPE_ROOT);
    else if (is_one_of(call, " symlink ") && other != NOBODY)
        change_names(t, NOBODY, other, new_inode(t, other, false));
    else if (one == NOBODY)
        return;
    else if (is_one_of(call, " create mkdir ") && inode == NOBODY)
        change_names(t, NOBODY, one, new_inode(t, one, call[0] == 'm'));
    else if (is_one_of(call, " rename renameat2 "))
        change_names(t, one, other, inode);
    else if (is_one_of(call, " unlink unlinkat rmdir "))
        change_names(t, one, NOBODY, inode);
    else if (inode == NOBODY)
        return;
    else if (is_one_of(call, " fsync fdatasync "))
        sync_file(t, inode);
    else if (is_one_of(call, " write pwrite ftruncate truncate "))
        t->inodes[inode].dirty = !t->inodes[inode].lock;
}

void tape_hear(struct tape *t, const char *request, const char *path)
{
    int name = name_of(t, path), inode = name == NOBODY ? NOBODY : t->now.of[name];

    if (inode != NOBODY && strcmp(request, "reading") != 0)
        t->inodes[inode].settled = !strcmp(request, "syncing");
}
