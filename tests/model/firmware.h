/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firmware: wait until it has started the disks.
 *
 * A disk that has an iothread goes there when the guest's driver starts it. If a job of its images
 * ends in these microseconds, QEMU (7.2, 10.0, 11.1) ends itself: "job_set_aio_context: Assertion
 * `job->paused || job_is_completed_locked(job)' failed". Nobody but the guest could avoid it; who
 * does forty things to guests that have just been reset meets it once in an hour.
 */
#ifndef TESTS_MODEL_FIRMWARE_H
#define TESTS_MODEL_FIRMWARE_H

#include "tests/lab/lab.h"

/* Nothing is waited for where the guest stands. */
void firmware_wait(struct lab *lab);

#endif
