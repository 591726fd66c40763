/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_GUEST_INTERNAL_H
#define TESTS_GUEST_INTERNAL_H

/* Make the image @path, in which there is an ext4 file system. */
void guest_make_disk(const char *path, const char *format);

#endif
