//! What the tool promises, one module for each part of it. One test binary, linked once.

mod bench;
mod cli;
mod elf;
mod images;
mod keys;
mod packages;
mod refusals;
mod serving;
