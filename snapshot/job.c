/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* job: see job.h. */
#include "snapshot/job.h"

#include <string.h>

enum job_then job_then(const char *word)
{
    static const char *const words[] = {
        [JOB_COMPLETE] = "complete",
        [JOB_FINISH] = "finish",
        [JOB_HOLD] = "hold",
        [JOB_FINALIZE] = "finalize",
    };

    for (size_t i = JOB_COMPLETE; word && i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(words[i], word))
            return (enum job_then)i;
    return JOB_JUST_END;
}

enum job_phase job_phase(const struct graph_job *seen)
{
    if (!seen || !strcmp(seen->status, "null"))
        return JOB_GONE;
    if (!strcmp(seen->status, "concluded"))
        return seen->error ? JOB_ENDED_BADLY : JOB_ENDED_WELL;
    if (!strcmp(seen->status, "pending"))
        return JOB_PENDING;
    return strcmp(seen->status, "ready") ? JOB_RUNNING : JOB_READY;
}

bool job_at_rest(enum job_phase phase, enum job_then then)
{
    if (phase == JOB_READY || phase == JOB_PENDING)
        return then == JOB_HOLD;
    return phase != JOB_RUNNING;
}

bool job_wants(enum job_phase phase, enum job_then then)
{
    const char *id_argument;

    return job_at_rest(phase, then) || job_command(phase, then, &id_argument);
}

const char *job_command(enum job_phase phase, enum job_then then, const char **id_argument)
{
    *id_argument = "id";
    if (phase == JOB_PENDING && then == JOB_FINALIZE)
        return "job-finalize";
    if (phase != JOB_READY)
        return NULL;
    if (then == JOB_COMPLETE)
        return "job-complete";
    if (then != JOB_FINISH)
        return NULL;
    /* the only way to a graceful end without switching; job-cancel is forced since 6.2 */
    *id_argument = "device";
    return "block-job-cancel";
}
