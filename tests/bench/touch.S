/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * touch: a guest that makes all of its memory above 2 MiB its own, no two pages alike,
 * writes a byte to port 0xe9 and then sleeps for ever. qemu -kernel starts it (multiboot).
 */
        .equ    magic, 0x1badb002
        .equ    flags, 2                /* tell how much memory there is */

        .section .text
        .long   magic, flags, -(magic + flags)

        .globl  _start
_start: mov     8(%ebx), %ecx           /* KiB above 1 MiB */
        shl     $10, %ecx
        add     $0x100000, %ecx
        and     $~4095, %ecx
        mov     $0x200000, %edi
1:      cmp     %ecx, %edi
        jae     3f
        mov     %edi, %eax
2:      mov     %eax, (%edi)
        imul    $1103515245, %eax, %eax
        add     $12345, %eax
        add     $64, %edi
        test    $4095, %edi
        jnz     2b
        jmp     1b
3:      mov     $'!', %al
        out     %al, $0xe9
4:      cli
        hlt
        jmp     4b
        .section .note.GNU-stack, "", @progbits
