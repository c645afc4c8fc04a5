//! What happens during a run, for whoever watches: a person, a program, a test.

use serde::Serialize;

/// Something that happened. As JSON, an object with the field `event`; fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The processor comes out of reset, and the bootloader begins.
    PowerUp {
        /// Counts the power cycles of this run from 1.
        cycle: u32,
        /// `power`, `watchdog` or `software`.
        cause: &'static str,
    },
    /// The bootloader finished an update: the new image is in its place.
    Swap,
    /// The bootloader did not take the staged release.
    Rejected {
        /// Why: a stable code.
        code: u16,
    },
    /// A trial spent its attempts, and the former image is back.
    Rollback {
        /// The sequence of the release that failed.
        sequence: u64,
        /// How it failed last.
        reason: String,
    },
    /// The bootloader's decision: this image runs.
    Boot {
        /// Its version.
        version: Option<String>,
        /// The slot it lies in.
        slot: u8,
        /// Whether it is on trial.
        trial: bool,
    },
    /// It is on trial.
    Trial {
        /// Its version.
        version: Option<String>,
        /// Starts that remain after this one.
        attempts_left: u8,
    },
    /// The firmware does what it was told to.
    Behaves {
        /// Its version.
        version: String,
        /// `crash`, `hang` or `unhealthy`.
        behaviour: &'static str,
    },
    /// A health check of a trial has an answer.
    Health {
        /// The check.
        check: &'static str,
        /// The answer.
        passed: bool,
    },
    /// The trial ended well: the image stays.
    Confirm {
        /// Its version.
        version: Option<String>,
        /// The lowest security counter that boots from now on.
        floor: u32,
        /// Whether the former image can still be gone back to.
        fallback: bool,
    },
    /// The firmware says that it is not healthy.
    GiveUp {
        /// The check that failed.
        check: String,
    },
    /// Bytes are asked of the server.
    Request {
        /// The first byte of the package.
        offset: u32,
        /// How many.
        length: u32,
        /// What it is for: `update` or `health`.
        purpose: &'static str,
        /// Bytes asked for in this run so far, these included.
        bytes_asked: u64,
    },
    /// A download begins, or goes on where it was.
    Download {
        /// Which.
        phase: Phase,
        /// Bytes of the package that are there.
        done: u32,
        /// Bytes of the whole package.
        total: u32,
    },
    /// More of the package arrived.
    Progress {
        /// Bytes of the package that are there.
        done: u32,
        /// Bytes of the whole package.
        total: u32,
    },
    /// A request failed; there will be another.
    Retry {
        /// The kind of fault: a stable code.
        code: u16,
        /// Why, in words.
        reason: String,
        /// Milliseconds to wait before.
        wait_ms: u32,
    },
    /// The whole release is in staging, and the bootloader is asked to take it.
    Staged {
        /// Bytes asked for in this run so far.
        bytes_asked: u64,
    },
    /// Updates have come to nothing here: a device waits before the reset. This one does not.
    Pause {
        /// How long it would wait, in seconds.
        seconds: u32,
    },
    /// The server offers what is running.
    UpToDate {
        /// Its version.
        version: Option<String>,
    },
    /// The device does not take what the server offers.
    Refused {
        /// Why: a stable code.
        code: u16,
        /// Why, in words.
        reason: String,
    },
    /// The update could not be looked for, or not be downloaded.
    Failed {
        /// Why: a stable code.
        code: u16,
        /// Why, in words.
        reason: String,
    },
    /// There is nothing that can be booted.
    Recovery {
        /// Why: a stable code.
        code: u16,
        /// Why, in words.
        reason: String,
    },
    /// The power is gone.
    PowerCut {
        /// The id of the cut.
        cut: String,
        /// The operation that it tore: `erase`, `program`, or `nothing`.
        during: &'static str,
        /// Its first byte in the flash.
        offset: Option<u32>,
    },
    /// The run is over.
    End {
        /// `up-to-date`, `stopped`, `refused`, `failed`, `recovery` or `power-cut`.
        result: &'static str,
        /// Power cycles of this run.
        cycles: u32,
        /// Requests of this run.
        requests: u64,
        /// Bytes that they asked for.
        bytes_asked: u64,
        /// Flash operations of this run: pages programmed, units erased.
        operations: u64,
    },
}

/// How a download begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// From the start.
    Start,
    /// Where an earlier attempt ended.
    Resume,
}
