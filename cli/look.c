/* SPDX-License-Identifier: GPL-2.0-or-later */
/* look: see look.h. The handler may do next to nothing: what it says is made before. */
#include "cli/look.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"

static struct {
    char *words;
    size_t length;
    int to, code;
} end;

static void leave(int number)
{
    if (write(end.to, end.words, end.length) < 0)
        _exit(end.code);
    _exit(end.code);
}

void look_leaves_at(const int *numbers, int n, bool json, const char *verb)
{
    struct sigaction sa = {.sa_handler = leave};
    struct qmp_error err = {0};

    qmp_error_set(&err, QMP_ERR_CANCELLED, "interrupted");
    end.words = out_error_text(json, verb, &err);
    end.length = strlen(end.words);
    end.to = json ? STDOUT_FILENO : STDERR_FILENO;
    end.code = out_exit_code(err.kind);
    for (int i = 0; i < n; i++)
        sigaction(numbers[i], &sa, NULL);
}
