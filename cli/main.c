/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main: the loop, the signals, the VM, and what the program ends with.
 *
 *   argv ──cmdline──> verb, args ──run()──> document ──print() or JSON──> stdout, exit code
 */
#include "cli/main.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmdline.h"
#include "cli/help.h"
#include "cli/look.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/socket.h"
#include "cli/trace.h"

static void on_note(int level, const char *text, void *arg)
{
    struct app *app = arg;

    if (app->globals->quiet || (level > 0 && !app->globals->verbose))
        return;
    progress_clear(&app->progress);
    out_note(app->globals->json, text);
}

/* ---- signals ---- */

static const int numbers[] = {SIGINT, SIGTERM};

/* Nothing is under way that would have to be brought to an end. */
static void leave(const struct app *app)
{
    struct qmp_error err = {0};

    if (app->endless)
        exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
    qmp_error_set(&err, QMP_ERR_CANCELLED, "interrupted");
    out_error(app->globals->json, app->verb->name, &err);
    exit(out_exit_code(err.kind));
}

/* While it saves or loads a memory, or its storage hangs. */
static void on_delay(evutil_socket_t fd, short what, void *arg)
{
    on_note(0,
            "QEMU has not answered yet; interrupt again to leave at once, and then: qrewind repair",
            arg);
}

static void on_interrupt(evutil_socket_t number, short what, void *arg)
{
    static const struct timeval soon = {1, 0};
    struct app *app = arg;

    progress_clear(&app->progress);
    if (!app->vm)
        leave(app);
    for (int i = 0; i < 2; i++)
        signal(numbers[i], SIG_DFL);
    qrw_interrupt(app->vm);
    event_base_once(app->base, -1, EV_TIMEOUT, on_delay, app, &soon);
}

/* libevent's handler, but only for the first signal: the second one kills, whatever blocks. */
static void once(int number)
{
    struct sigaction sa;

    sigaction(number, NULL, &sa);
    sa.sa_flags |= (int)SA_RESETHAND;
    sigaction(number, &sa, NULL);
}

static void open_loop(struct app *app)
{
    app->base = event_base_new();
    if (!app->base)
        abort();
    if (app->looks && !app->globals->trace) {
        look_leaves_at(numbers, 2, app->globals->json, app->verb->name);
        return;
    }
    for (int i = 0; i < 2; i++) {
        app->interrupt[i] = evsignal_new(app->base, numbers[i], on_interrupt, app);
        if (!app->interrupt[i] || event_add(app->interrupt[i], NULL))
            abort();
        once(numbers[i]);
    }
}

/* ---- the VM ---- */

static void on_progress(const struct qrw_progress *now, void *arg)
{
    struct app *app = arg;

    progress_show(&app->progress, now);
}

/* The monitor that was given; NULL: none. */
static const char *monitor_of(const struct globals *g)
{
    const char *socket = g->socket ? g->socket : getenv("QREWIND_SOCKET");

    return socket && *socket ? socket : NULL;
}

static int no_monitor(struct qmp_error *err, bool offline)
{
    qmp_error_set(err, QMP_ERR_USAGE, "no monitor given");
    return qmp_error_hint(err,
                          "--socket ADDRESS or $QREWIND_SOCKET; QEMU opens one with "
                          "-qmp unix:/tmp/vm.sock,server=on,wait=off%s",
                          offline ? "; without a VM: --image FILE" : "");
}

/* Whoever can connect to a monitor can read and write every file that QEMU can. */
static void warn_of(struct app *app, const char *socket)
{
    const char *who = socket ? socket_open_to(socket) : NULL;
    char text[256];

    if (!who)
        return;
    snprintf(text, sizeof(text), "%s may connect to %.160s, and do all that QEMU may do", who,
             socket);
    on_note(0, text, app);
}

/* Everything that both ways to connect need: the trace, the loop, the bar. @socket may be NULL. */
static int prepare(struct app *app, const char *socket, struct qmp_client_options *client,
                   struct qmp_error *err)
{
    const struct globals *g = app->globals;

    if (g->trace) {
        app->trace = trace_open(g->trace, err);
        if (!app->trace)
            return -1;
        client->trace = trace_line;
        client->trace_arg = app->trace;
    }
    client->insecure = g->insecure;
    open_loop(app);
    progress_init(&app->progress, g->json, g->quiet);
    warn_of(app, socket);
    return 0;
}

struct qrw_vm *app_vm(struct app *app, struct qmp_error *err)
{
    const struct globals *g = app->globals;
    struct qrw_options o = {.sidecar = g->sidecar,
                            .images = g->images,
                            .qemu = getenv("QREWIND_QEMU"),
                            .agent = g->agent,
                            .timeout_ms = g->timeout_ms,
                            .progress = on_progress,
                            .note = on_note,
                            .arg = app};

    if (app->vm)
        return app->vm;
    /* who names images means them, whatever VM the environment speaks of */
    bool of_a_vm = app->verb->globals & GLOBAL_SOCKET;
    o.socket = !of_a_vm || (g->images && !g->socket) ? NULL : monitor_of(g);
    if (of_a_vm && !o.socket && !g->images && !g->sidecar) {
        no_monitor(err, true);
        return NULL;
    }
    if (prepare(app, o.socket, &o.client, err))
        return NULL;
    o.base = app->base;
    app->vm = qrw_open(&o, err);
    return app->vm;
}

struct qrw_vm *app_vm_to_look(struct app *app, struct qmp_error *err)
{
    app->looks = true;
    return app_vm(app, err);
}

struct qmp_client *app_monitor(struct app *app, struct qmp_error *err)
{
    const char *socket = monitor_of(app->globals);
    struct qmp_client_options o = {0};

    if (!socket) {
        no_monitor(err, false);
        return NULL;
    }
    if (prepare(app, socket, &o, err))
        return NULL;
    app->monitor = qmp_client_new(app->base, &o);
    if (qmp_connect(app->monitor, socket, app->globals->timeout_ms, err))
        return NULL;
    qmp_client_set_patience(app->monitor, app->globals->timeout_ms);
    qmp_client_be_patient(app->monitor);
    return app->monitor;
}

json_t *app_run(struct app *app, const struct qrw_operation *op, const void *args, unsigned flags,
                struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm(app, err);

    if (!vm)
        return NULL;
    return qrw_run(vm, op, args, flags | (app->globals->dry_run ? QRW_DRY_RUN : 0), err);
}

/* ---- stdin ---- */

static void on_input(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = arg;

    app->on_input(app->on_input_arg);
}

/* A file, or /dev/null, cannot be waited for: it always has something to read, or its end. */
static bool can_wait_for(int fd)
{
    struct stat st;

    return !fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

void app_watch_input(struct app *app, void (*fn)(void *arg), void *arg)
{
    static const struct timeval at_once = {0, 1}; /* 0 would be once, not again and again */
    bool wait = can_wait_for(STDIN_FILENO);

    app->on_input = fn;
    app->on_input_arg = arg;
    app->input = event_new(app->base, wait ? STDIN_FILENO : -1, EV_PERSIST | (wait ? EV_READ : 0),
                           on_input, app);
    if (!app->input || event_add(app->input, wait ? NULL : &at_once))
        abort();
}

void app_ignore_input(struct app *app)
{
    if (app->input)
        event_free(app->input);
    app->input = NULL;
}

/* ---- the way through ---- */

static void close_all(struct app *app)
{
    progress_clear(&app->progress);
    app_ignore_input(app);
    qrw_close(app->vm);
    qmp_client_free(app->monitor);
    for (int i = 0; i < 2; i++)
        if (app->interrupt[i])
            event_free(app->interrupt[i]);
    if (app->base)
        event_base_free(app->base);
    trace_close(app->trace);
}

static void show(const struct app *app, const json_t *doc, const void *args)
{
    const struct globals *g = app->globals;

    if (app->verb->streams)
        return;
    if (g->json) {
        out_result(doc);
        return;
    }
    if (!g->quiet)
        print_notes(doc, g->verbose);
    if (!json_object_get(doc, "plan"))
        app->verb->print(doc, args);
    else if (json_array_size(json_object_get(doc, "plan")) ||
             !json_array_size(json_object_get(doc, "findings")))
        print_plan(doc);
    else
        print_findings(doc); /* what repair would do nothing about */
}

static int run(const struct cmdline *c)
{
    struct app app = {.globals = &c->globals, .verb = c->verb};
    struct qmp_error err = {0};
    json_auto_t *doc = c->verb->run(&app, c->args, &err);

    progress_clear(&app.progress);
    if (doc)
        show(&app, doc, c->args);
    else
        out_error(c->globals.json, c->verb->name, &err);
    close_all(&app);
    if (doc && c->verb->finds && json_array_size(json_object_get(doc, "findings")))
        return EXIT_FINDINGS;
    return out_exit_code(doc ? QMP_ERR_NONE : err.kind);
}

static int start(struct cmdline *c, int argc, char *const *argv)
{
    struct qmp_error err = {0};
    int rc = cmdline_parse(c, argc, argv, &err);

    if (c->globals.help)
        c->verb ? help_verb(c->verb) : help_program();
    else if (rc)
        out_error(c->globals.json, c->verb ? c->verb->name : NULL, &err);
    else if (c->globals.version)
        puts("qrewind " QREWIND_VERSION);
    else
        return run(c);
    return c->globals.help ? 0 : out_exit_code(rc ? err.kind : QMP_ERR_NONE);
}

/* It was done, as @code says, but nobody can be told what: exit code 1 would say that nothing has
 * changed. A reader that went away did not want to know. */
static int unwritten(const struct cmdline *c, int code, int why)
{
    const struct globals *g = &c->globals;
    bool changed = !code && c->verb && c->verb->globals & GLOBAL_DRY_RUN && !c->verb->finds &&
                   !g->dry_run && !g->help && !g->version;

    if (why != EPIPE)
        fprintf(stderr, "qrewind: %sthe result cannot be written: %s\n",
                changed ? "it is done, but " : "", strerror(why));
    if (code || (changed && why == EPIPE))
        return code;
    return changed ? out_exit_code(QRW_ERR_UNKNOWN) : EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
    struct cmdline c;
    int code;

    /* a reader that went away must not kill us in the middle of an operation */
    signal(SIGPIPE, SIG_IGN);
    /* nor a limit on the size of files: writing then fails, and what was begun is undone */
    signal(SIGXFSZ, SIG_IGN);
    /* where that is ignored nobody hears how qemu-img ended */
    signal(SIGCHLD, SIG_DFL);
    code = start(&c, argc, argv);
    cmdline_done(&c);
    return fflush(stdout) || ferror(stdout) ? unwritten(&c, code, errno) : code;
}
