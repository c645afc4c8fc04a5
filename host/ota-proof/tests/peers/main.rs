//! The situations in which other bootloaders fail, by name, each made to happen here. What is said of
//! others was read in their sources, or seen with their own code.

mod bench;
mod records;
mod swaps;
mod wishes;
