//! What the STM32 board promises, register by register, shown with programs of a few
//! instructions.

#[path = "../support/assembler.rs"]
mod assembler;
mod banks;
mod calls;
mod ecc;
mod flash;
mod forks;
#[path = "../support/functions.rs"]
mod functions;
mod options;
mod pins;
mod power;
mod rules;
mod serial;
mod thumb;
mod time;
