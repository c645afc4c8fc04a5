//! A life with each fault that flash has besides power cuts: a program that is ignored, an erase
//! or a read that fails, a unit that dies, a bit that turns round; on devices of many shapes, at
//! every moment of an update.
//!
//! A [`Kind`] of fault strikes a story once; [`Promise`] is what may be broken then, and
//! [`Promise::holds`] says which promises no fault of that kind may break. The others are only
//! counted. [`run`] does it on all cores.

mod kinds;
mod life;
mod places;
mod promises;
mod workers;

pub use kinds::Kind;
pub use promises::{Broken, Promise};
pub use workers::{Row, is_id, replay, run};
