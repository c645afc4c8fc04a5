//! What the board promises, shown with programs of a few instructions.

#[path = "../support/assembler.rs"]
mod assembler;
mod flash;
mod resets;
mod rules;
mod thumb;
mod time;
