//! What the applications of this example share: updates, trial, watchdog, and what becomes of failures.
//! Each brings its [`Link`] to a server.
#![no_std]

use defmt_rtt as _;

mod failing;
mod health;
mod protection;
mod settings;
mod update;
mod watchdog;
mod work;

pub use update::{Device, Link};
pub use watchdog::Watchdog;
pub use work::{begin, run};

defmt::timestamp!("{=u64:us}", embassy_time::Instant::now().as_micros());
