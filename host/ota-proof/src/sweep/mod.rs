//! The power goes at every flash operation of an update, in every way that the flash model knows,
//! once and twice, on devices of many shapes.
//!
//! A [`Story`] is an update on one device; a course one run of it; [`Sweep`] cuts it
//! everywhere. [`all`] lists what is swept, and [`run`] does it on all cores.

mod chains;
mod configurations;
mod cost;
mod course;
mod cuts;
mod extent;
mod source;
mod story;
mod workers;

pub(crate) use course::CLIENT;
pub(crate) use extent::hash;
pub(crate) use source::{Memory, NoDelay};

pub use configurations::{Configuration, Depth, all};
pub use cost::Cost;
pub use cuts::{Choice, Failure, Found, Sweep};
pub use extent::Extent;
pub use story::{Firmware, Images, Plot, Start, Story};
pub use workers::{Row, replay, run};
