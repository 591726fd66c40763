/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases: the program and its documents; see cases.h. */
#include "tests/cases/cases.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

/* "create s1 --disk vda", for messages. New string. */
static char *join(const char *const *words)
{
    char *all = mem_strdup("");

    for (; *words; words++) {
        char *longer = mem_printf("%s%s%s", all, *all ? " " : "", *words);

        free(all);
        all = longer;
    }
    return all;
}

static void fill(const char *argv[static 64], struct lab *lab, const char *const *words)
{
    int n = 4;

    memcpy(argv, (const char *[]){"qrewind", "--socket", lab->socket, "--json"}, 4 * sizeof(*argv));
    while ((argv[n++] = *words++))
        cr_assert_lt(n, 64);
}

json_t *cases_run(struct lab *lab, int line, int status, const char *const *words)
{
    auto_free char *cwd = lab_path(lab, "client"), *command = join(words);
    auto_result struct lab_result r = {0};
    const char *argv[64];
    json_t *doc;

    fill(argv, lab, words);
    r = lab_exec(cwd, argv);
    doc = json_loads(r.out, 0, NULL);
    cr_assert_not_null(doc, "line %d: %s: exit %d, no document: %s%s", line, command, r.status,
                       r.out, r.err);
    cr_assert_eq(r.status, status, "line %d: %s: exit %d instead of %d: %s%s", line, command,
                 r.status, status, r.out, r.err);
    cr_assert_eq(json_is_true(json_object_get(doc, "ok")), status == 0, "line %d: %s: %s", line,
                 command, r.out);
    if (status == 0)
        return doc;
    json_t *error = json_incref(json_object_get(doc, "error"));
    json_decref(doc);
    cr_assert(json_is_object(error), "line %d: %s: %s", line, command, r.out);
    return error;
}

struct lab_process cases_begin(struct lab *lab, const char *id, const char *const *words)
{
    auto_free char *cwd = lab_path(lab, "client");
    const char *argv[64];
    struct lab_process p;

    fill(argv, lab, words);
    p = lab_spawn(cwd, argv);
    wait_for_job(lab, id, "running");
    return p;
}

struct lab *by_second_monitor(const struct lab *lab)
{
    static const char name[] = "/second.sock";
    struct lab *seen = mem_alloc(sizeof(*seen) + strlen(lab->folder) + sizeof(name));

    *seen = *lab;
    seen->socket = (char *)(seen + 1);
    strcpy(seen->socket, lab->folder);
    strcat(seen->socket, name);
    return seen;
}

void wait_for_job(struct lab *lab, const char *id, const char *status)
{
    for (;;) {
        json_auto_t *event = lab_event(lab, "JOB_STATUS_CHANGE");

        if (!strcmp(text(event, "data.id"), id) && !strcmp(text(event, "data.status"), status))
            return;
    }
}

/* ---- documents ---- */

json_t *at(const json_t *doc, const char *path)
{
    const json_t *found = doc;

    while (found && *path) {
        size_t n = strcspn(path, ".");
        auto_free char *key = mem_printf("%.*s", (int)n, path);

        found = json_is_array(found) ? json_array_get(found, strtoul(key, NULL, 10))
                                     : json_object_get(found, key);
        path += n + (path[n] == '.');
    }
    return (json_t *)found;
}

const char *text(const json_t *doc, const char *path)
{
    return json_string_value(at(doc, path));
}

long long number(const json_t *doc, const char *path)
{
    const json_t *n = at(doc, path);

    return json_is_integer(n) ? json_integer_value(n) : -1;
}

char *findings_of(const json_t *doc)
{
    char *all = mem_strdup("");
    json_t *f;
    size_t i;

    json_array_foreach(at(doc, "findings"), i, f) {
        const char *subject = text(f, "subject"), *slash = strrchr(subject, '/');
        auto_free char *before = all;

        all = mem_printf("%s%s%s %s", before, i ? ", " : "", text(f, "code"),
                         slash ? slash + 1 : subject);
    }
    return all;
}

bool mentions(const json_t *list, const char *part)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
        if (json_is_string(entry) && strstr(json_string_value(entry), part))
            return true;
    return false;
}

void cases_says(const json_t *doc, int line, const char *path, const char *expected)
{
    auto_free char *whole = json_dumps(doc, JSON_ENCODE_ANY);
    const char *found = text(doc, path);

    cr_assert(found && strstr(found, expected), "line %d: %s is not like '%s': %s", line, path,
              expected, whole);
}

json_t *sidecar_of(struct lab *lab, const char *image)
{
    auto_free char *name = mem_printf("%s.qrewind.json", image);
    auto_free char *path = lab_path(lab, name);

    return json_load_file(path, 0, NULL);
}

const char *status_of(struct lab *lab)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    return json_is_true(at(status, "running")) ? "running" : "stopped";
}
