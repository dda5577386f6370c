/* What the U-Boot tests start instead of Linux: prints the device tree's text as it was handed over, the
 * command line among it, and restarts the machine. For QEMU's virt board: PL011, PSCI by hvc. With PI
 * defined, for its raspi3b: the mini UART, and the watchdog, which is how a Pi restarts. */
        .globl _start
_start: b       1f
        .word   0
        .quad   0               // text offset
        .quad   0x10000         // size of the image in memory
        .quad   0xa             // 4 KiB pages, anywhere in RAM
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0
        .ifdef  PI
        .equ    UART, 0x3f215040
        .else
        .equ    UART, 0x09000000
        .endif
1:      ldr     x1, =UART
        ldr     w2, [x0, #8]    // off_dt_struct
        rev     w2, w2
        ldr     w3, [x0, #36]   // size_dt_struct
        rev     w3, w3
        add     x2, x0, x2
2:      ldrb    w4, [x2], #1
        cmp     w4, #0x20
        b.ge    3f
        mov     w4, #0x0a
3:
        .ifdef  PI
5:      ldr     w5, [x1, #0x14] // AUX_MU_LSR: room for an octet
        tbz     w5, #5, 5b
        .endif
        strb    w4, [x1]
        subs    w3, w3, #1
        b.ne    2b
        .ifdef  PI
        ldr     x1, =0x3f100000
        ldr     w0, =0x5a00000a // PM_WDOG: in 10 ticks
        str     w0, [x1, #0x24]
        ldr     w0, =0x5a000020 // PM_RSTC: all of it
        str     w0, [x1, #0x1c]
        .else
        ldr     w0, =0x84000009 // PSCI SYSTEM_RESET
        hvc     #0
        .endif
4:      b       4b
