/* What the U-Boot tests start instead of Linux: prints the device tree's text as it was handed over, the
 * command line among it, and restarts the machine. For QEMU's virt board: PL011, PSCI by hvc. */
        .globl _start
_start: b       1f
        .word   0
        .quad   0               // text offset
        .quad   0x10000         // size of the image in memory
        .quad   0xa             // 4 KiB pages, anywhere in RAM
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0
1:      ldr     x1, =0x09000000
        ldr     w2, [x0, #8]    // off_dt_struct
        rev     w2, w2
        ldr     w3, [x0, #36]   // size_dt_struct
        rev     w3, w3
        add     x2, x0, x2
2:      ldrb    w4, [x2], #1
        cmp     w4, #0x20
        b.ge    3f
        mov     w4, #0x0a
3:      strb    w4, [x1]
        subs    w3, w3, #1
        b.ne    2b
        ldr     w0, =0x84000009 // PSCI SYSTEM_RESET
        hvc     #0
4:      b       4b
