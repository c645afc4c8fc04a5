//! Where the mask ROM enters.

use core::arch::global_asm;

// The stack begins anew: that of the mask ROM is not needed any more. Interrupts stay as they are,
// enabled in the processor, which is what applications expect, and none in the interrupt matrix.
global_asm!(
    ".section .init, \"ax\"",
    ".global _start",
    "_start:",
    "la sp, _stack_top",
    "la t0, _bss_start",
    "la t1, _bss_end",
    "0: bgeu t0, t1, 1f",
    "sw zero, 0(t0)",
    "addi t0, t0, 4",
    "j 0b",
    "1: j {main}",
    main = sym crate::main,
);
