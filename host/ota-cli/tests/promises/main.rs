//! What the tool promises, one module for each part of it. One test binary, linked once.

mod bench;
#[cfg(unix)]
mod cable;
mod cli;
mod cuts;
mod devices;
mod elf;
mod esp32c3;
mod files;
mod guarding;
mod hostile;
mod images;
mod keys;
mod packages;
mod refusals;
mod serving;
mod shop;
mod tricks;
