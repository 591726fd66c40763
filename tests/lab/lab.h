/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab: a real QEMU for a test, paused and cheap: some 30 ms to start.
 *
 *     struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});
 *     struct lab_result r = lab_run(lab, "create", "s1", NULL);
 *
 *     cr_assert_eq(r.status, 0, "%s", r.err);
 *     lab_stop(lab);
 *
 * Which QEMU that is, PATH says (make check-matrix puts other releases first).
 * Everything lives in a temporary folder, which is QEMU's working folder too. Folder and QEMU are
 * gone after lab_stop(), and also when the test just ends or crashes.
 *
 * What the lab itself cannot do ends the test: a message on stderr, then abort().
 */
#ifndef TESTS_LAB_LAB_H
#define TESTS_LAB_LAB_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

/* A deadline for things that take a moment, long enough for a loaded machine. */
enum { LAB_PATIENCE_MS = 30000 };

enum lab_bus { LAB_VIRTIO, LAB_VIRTIO_IOTHREAD, LAB_SCSI, LAB_IDE, LAB_NVME };

/*
 * Disk N (0, 1, …) is the file vda.qcow2, vdb.qcow2, … (or .raw) in the folder, and
 *   legacy: -drive id=vda, a device without an id, node names "#blockNNN";
 *   modern: -blockdev node names "vda-fmt" and "vda-file", device id "disk0".
 */
struct lab_options {
    int disks;
    const char *format; /* "qcow2" (NULL) or "raw" */
    const char *size;   /* as for qemu-img; NULL: "16M" */
    enum lab_bus bus;   /* ide: up to 4 disks, the others up to 26 */
    bool modern;
    bool relative;           /* QEMU knows the files as "vda.qcow2" */
    bool running;            /* without -S; there is nothing to boot, the firmware idles */
    const char *const *args; /* more arguments for QEMU, NULL at the end; may be NULL */

    /* Called before the start, may be NULL: make images for args. One that is called
     * vda.qcow2 … is taken as it is. */
    void (*prepare)(const char *folder, void *arg);
    void *prepare_arg;
};

struct lab {
    char *folder; /* absolute */
    char *socket; /* the monitor for the program under test, a path */
    char *log;    /* file with what QEMU printed */
    pid_t pid;    /* QEMU's */
    bool modern;
    int monitor; /* the test's own monitor, a connected socket */
    json_t *greeting;
    json_t *events; /* those that came on it and nobody asked for yet, an array */
    struct lab_input *input;
    struct lab *next;
};

struct lab *lab_start(const struct lab_options *options);

/* Kill QEMU, remove the folder. NULL is fine. */
void lab_stop(struct lab *lab);

/* Stop QEMU as a debugger would, every thread of it: SIGCONT lets it go on. */
void lab_halt(const struct lab *lab);

/* Kill QEMU as if by accident and wait for its end; the folder stays until lab_stop(). */
void lab_kill(struct lab *lab);

/* A new folder in $TMPDIR. New string. */
char *lab_new_folder(void);

/* Has QEMU ended by itself, or by somebody else's hand? */
bool lab_has_ended(const struct lab *lab);

/* FOLDER/@name; the caller frees. */
char *lab_path(const struct lab *lab, const char *name);

/* Print the message, clean up, abort. */
void lab_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- Talking to QEMU behind the program's back, on a second monitor. ---- */

/*
 * Run a command and return what QEMU returned (the caller's reference). Arguments as
 * for json_pack(), or NULL: lab_qmp(lab, "block-commit", "{s:s}", "device", "vda").
 * An error ends the test.
 */
json_t *lab_qmp(struct lab *lab, const char *command, const char *fmt, ...);

/* The same, but return the whole reply: "return" or "error". */
json_t *lab_ask(struct lab *lab, const char *command, const char *fmt, ...);

/* The next event called @name, awaited where needed (the caller's reference). */
json_t *lab_event(struct lab *lab, const char *name);

/* Run a command line of the human monitor; the caller frees the text. */
char *lab_human(struct lab *lab, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Write or compare @length bytes of the value @pattern at @offset of disk number
 * @disk, through QEMU as the guest would. Sizes as for qemu-io: "64k".
 */
void lab_write(struct lab *lab, int disk, int pattern, const char *offset, const char *length);
bool lab_reads(struct lab *lab, int disk, int pattern, const char *offset, const char *length);

/* ---- Programs. ---- */

struct lab_result {
    int status; /* exit status; 128 + N after signal N */
    char *out;
    char *err;
};

/* Free what is in it; the struct is the caller's. */
void lab_result_done(struct lab_result *r);
#define auto_result __attribute__((cleanup(lab_result_done), unused))

/* The path of the program under test, absolute: it runs in another folder. New string. */
char *lab_program(void);

/*
 * Run "qrewind --socket SOCKET ARG…" (NULL at the end) to its end. Its working folder
 * is FOLDER/client, which is not QEMU's. The program is $QREWIND, else build/qrewind.
 */
struct lab_result lab_run(struct lab *lab, ...) __attribute__((sentinel));

/* lab_run() with --json; return the document (the caller's reference). @status may be NULL. */
json_t *lab_json(struct lab *lab, int *status, ...) __attribute__((sentinel));

/* Run any program, found by PATH; argv[0] "qrewind" is the one under test. @cwd may be NULL. */
struct lab_result lab_exec(const char *cwd, const char *const *argv);

/* A program that runs meanwhile: write to @in, read from @out, send it signals. */
struct lab_process {
    pid_t pid;
    int in, out, err;
};

struct lab_process lab_begin(struct lab *lab, ...) __attribute__((sentinel));
struct lab_process lab_spawn(const char *cwd, const char *const *argv);

/* Wait until it has said @words on stderr. */
void lab_hears(const struct lab_process *p, const char *words);

/* Close its input, wait for its end; the result has what was not read from it yet. */
struct lab_result lab_finish(struct lab_process *p);

/* Make an image with qemu-img. @backing (with its format) may be NULL. */
void lab_image(const char *path, const char *format, const char *size, const char *backing,
               const char *backing_format);

#endif
