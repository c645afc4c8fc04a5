//! Every state that the real code can make of a small flash, found by breadth-first search.
//!
//! From each state, everything that can happen happens: boots after every kind of reset,
//! confirmation, downloads of a good and of a bad release, whole and in part, forged offers, and
//! a power cut at each flash operation of all that, torn in every way that makes a difference.
//! What comes out is a state again, until there are no new ones. Two flashes are in the same
//! state if the code cannot tell them apart: what that means is in `view.rs`.
//!
//! Held against every edge and state are the promises of `check.rs`; from each state a healthy
//! release is installed.

mod act;
mod check;
mod replay;
mod report;
mod search;
mod view;
mod world;

pub use replay::replay;
pub use report::Report;
pub use search::{search, whole};
pub use world::{Extent, Shape};
