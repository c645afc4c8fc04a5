//! What the board promises, shown with programs of a few instructions.

mod flash;
mod resets;
mod rules;
mod thumb;
mod time;
