//! What the board promises, shown with programs of a few instructions.

#[path = "../support/assembler.rs"]
mod assembler;
mod calls;
mod flash;
#[path = "../support/functions.rs"]
mod functions;
mod resets;
mod rules;
mod thumb;
mod time;
