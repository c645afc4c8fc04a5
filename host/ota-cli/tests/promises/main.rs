//! What the tool promises, one module for each part of it. One test binary, linked once.

mod bench;
#[cfg(unix)]
mod cable;
mod cli;
mod cuts;
mod desk;
mod devices;
mod elf;
mod esp32c3;
mod files;
mod guarding;
mod hostile;
mod images;
mod keys;
mod kinds;
mod linker;
mod packages;
mod places;
mod refusals;
mod selections;
mod sequences;
mod serving;
mod shop;
mod tricks;
mod vectors;
