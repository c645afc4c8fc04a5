//! What the ESP32-C3 promises, register by register, shown with programs of a few instructions.

mod boot;
mod cache;
mod calls;
mod flash;
mod forks;
mod power;
mod programs;
#[path = "../support/riscv.rs"]
mod riscv;
mod rules;
mod serial;
mod time;
