/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cppcheck cannot see from where it is: the macros of jansson, of
 * <sys/queue.h>, of criterion, and ours.
 */
#define json_array_foreach(a, i, v)                                                                \
    for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)
#define json_object_foreach(o, k, v)                                                               \
    for (k = json_key_of(o, 0); k && (v = json_object_get(o, k)); k = json_key_of(o, k))
#define TAILQ_FOREACH(v, head, field) for (v = queue_first(head); v; v = queue_next(v))
#define json_auto_t json_t
#define auto_free
#define auto_close
#define auto_result
#define TestSuite(suite, ...)
#define Test(suite, name, ...) void suite##_##name(void)
