/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* job: see job.h. */
#include "snapshot/job.h"

#include <string.h>

enum job_then job_then(const char *word)
{
    if (!word)
        return JOB_JUST_END;
    if (!strcmp(word, "complete"))
        return JOB_COMPLETE;
    if (!strcmp(word, "finish"))
        return JOB_FINISH;
    return strcmp(word, "hold") ? JOB_JUST_END : JOB_HOLD;
}

enum job_phase job_phase(const struct graph_job *seen)
{
    if (!seen || !strcmp(seen->status, "null"))
        return JOB_GONE;
    if (!strcmp(seen->status, "concluded"))
        return seen->error ? JOB_ENDED_BADLY : JOB_ENDED_WELL;
    return strcmp(seen->status, "ready") ? JOB_RUNNING : JOB_READY;
}

bool job_at_rest(enum job_phase phase, enum job_then then)
{
    return phase != JOB_RUNNING && (phase != JOB_READY || then == JOB_HOLD);
}

const char *job_command(enum job_then then, const char **id_argument)
{
    switch (then) {
    case JOB_COMPLETE:
        *id_argument = "id";
        return "job-complete";
    case JOB_FINISH:
        /* the only way to a graceful end without switching; job-cancel is forced since 6.2 */
        *id_argument = "device";
        return "block-job-cancel";
    case JOB_JUST_END:
    case JOB_HOLD:
        break;
    }
    return NULL;
}
