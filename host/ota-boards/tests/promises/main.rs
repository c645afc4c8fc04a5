//! What the example firmware promises, on the board: as it is, against the real server. One test
//! binary, so that each firmware is built once, and what the stories have in common is run once.

mod common;
mod downloads;
mod failures;
mod refusals;
mod sources;
mod updates;
