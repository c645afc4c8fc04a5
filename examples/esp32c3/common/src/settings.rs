//! What was decided when this was built: see `build.rs` and the README.

use embassy_time::Duration;

/// How the application behaves; everything but healthy is for tests.
#[expect(dead_code, reason = "a build has one of them")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// As it should.
    Healthy,
    /// Panics at its start.
    Crash,
    /// Stops at its start.
    Hang,
    /// Never reaches its server.
    Offline,
}

include!(concat!(env!("OUT_DIR"), "/settings.rs"));
