//! The order of releases: guards against a slip of the pen, and against a clock that is wrong.
//!
//! A device takes no release that is not above the one it has. One sequence that is far too high
//! is in the way of all releases after it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// The highest sequence that is packed. Any order of releases that people or clocks make stays far
/// below; above it there soon is no room.
pub const HIGHEST: u64 = i64::MAX.cast_unsigned();

/// The day of the toolchain that builds this tool, 2026-04-16, in milliseconds since 1970: an earlier
/// clock is wrong.
const EARLIEST: u64 = 1_776_297_600_000;
const DAY: u64 = 86_400_000;
/// Nobody uses a tool for so long; a clock without its battery may say anything.
const LATEST: u64 = EARLIEST + 20 * 365 * DAY;

/// The sequence of a release that is packed now: the time since 1970 in milliseconds.
///
/// # Errors
/// If the clock cannot be right.
pub fn from_clock(now: Duration) -> Result<u64> {
    let now = milliseconds(now)?;
    ensure!(
        now >= EARLIEST,
        "the clock reads {now} ms since 1970, and this tool is of {EARLIEST}: set the clock, or give \
         --sequence"
    );
    ensure!(
        now <= LATEST,
        "the clock reads {now} ms since 1970, {} years after this tool's {EARLIEST}: set the clock, \
         or give --sequence",
        (now - EARLIEST) / (365 * DAY)
    );
    Ok(now)
}

/// Refuses a sequence after which there would be no room.
///
/// # Errors
/// If it is above [`HIGHEST`].
pub fn check(sequence: u64) -> Result<()> {
    ensure!(
        sequence <= HIGHEST,
        "the sequence {sequence} is above {HIGHEST}, the highest that leaves room for the releases \
         after it: check it for a slip"
    );
    Ok(())
}

/// What is to be said of a sequence that was given, if it is ahead of the clock.
#[must_use]
pub fn ahead(sequence: u64, now: Duration) -> Option<String> {
    let now = milliseconds(now).ok()?;
    let days = sequence.checked_sub(now)? / DAY;
    (days > 0).then(|| {
        format!(
            "the sequence {sequence} is {days} days ahead of this machine's clock, {now} (ms since \
             1970): a device that has it takes no lower one, so every later release needs one above \
             it. If it is meant, give --allow-future-sequence"
        )
    })
}

fn milliseconds(time: Duration) -> Result<u64> {
    u64::try_from(time.as_millis()).context("the clock is beyond all sequences: give --sequence")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = EARLIEST + 100 * DAY;

    #[test]
    fn only_a_clock_that_can_be_right_gives_a_sequence() {
        for (now, good) in [
            (0, false),
            (946_684_800_000, false), // 2000, where clocks begin that lost their battery
            (EARLIEST - 1, false),
            (EARLIEST, true),
            (NOW, true),
            (LATEST, true),
            (LATEST + 1, false),
            (4_102_444_800_000, false), // 2100
            (u64::MAX, false),
        ] {
            let sequence = from_clock(Duration::from_millis(now));
            assert_eq!(sequence.is_ok(), good, "{now}");
            match sequence {
                Ok(sequence) => assert_eq!(sequence, now),
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.contains(&now.to_string()), "{said}");
                    assert!(said.contains(&EARLIEST.to_string()), "{said}");
                    assert!(said.contains("--sequence"), "{said}");
                }
            }
        }
    }

    #[test]
    fn a_sequence_ahead_of_the_clock_is_named_with_the_clock() {
        let said = |sequence| ahead(sequence, Duration::from_millis(NOW));
        for quiet in [0, 1, 100, NOW, NOW + DAY - 1] {
            assert_eq!(said(quiet), None, "{quiet}");
        }
        for loud in [NOW + DAY, 4_102_444_800_000, HIGHEST] {
            let said = said(loud).unwrap();
            assert!(said.contains(&loud.to_string()), "{said}");
            assert!(said.contains(&NOW.to_string()), "{said}");
        }
    }

    #[test]
    fn a_sequence_leaves_room() {
        assert!(check(0).is_ok() && check(HIGHEST).is_ok());
        for none in [HIGHEST + 1, u64::MAX - 1, u64::MAX] {
            let said = check(none).unwrap_err().to_string();
            assert!(said.contains(&none.to_string()), "{said}");
            assert!(said.contains(&HIGHEST.to_string()), "{said}");
        }
    }
}
