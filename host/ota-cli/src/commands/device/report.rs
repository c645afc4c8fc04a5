//! Events, for people and for programs.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::device::{Event, Phase};

/// Prints events to standard output, and a progress bar to standard error if it is a terminal.
pub(in crate::commands) struct Report {
    json: bool,
    bar: Option<ProgressBar>,
    /// Why standard output cannot be written; told at the end, as a device does not stop for it.
    trouble: Option<std::io::Error>,
}

impl Report {
    /// One JSON object a line.
    pub(super) fn json() -> Self {
        Self {
            json: true,
            bar: None,
            trouble: None,
        }
    }

    /// A line for what matters.
    pub(super) fn lines() -> Self {
        Self {
            json: false,
            ..Self::json()
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        if self.json {
            // Events are plain structs, which always have JSON.
            let line = serde_json::to_string(event).unwrap_or_default();
            return self.print(&line);
        }
        self.move_bar(event);
        if let Some(line) = line(event) {
            match self.bar.clone() {
                Some(bar) => bar.suspend(|| self.print(&line)),
                None => self.print(&line),
            }
        }
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.trouble {
            Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(error).context("cannot print")
            }
            _ => Ok(()),
        }
    }

    fn print(&mut self, line: &str) {
        if let Err(error) = writeln!(std::io::stdout(), "{line}") {
            self.trouble.get_or_insert(error);
        }
    }

    fn move_bar(&mut self, event: &Event) {
        match event {
            Event::Download { done, total, .. } if std::io::stderr().is_terminal() => {
                self.bar = Some(bar(*done, *total));
            }
            Event::Progress { done, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(u64::from(*done));
                }
            }
            Event::Staged { .. }
            | Event::Failed { .. }
            | Event::Refused { .. }
            | Event::PowerCut { .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}

/// A bar for a download that has `done` bytes already.
pub(crate) fn bar(done: u32, total: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("    {bar:32} {bytes:>10} of {total_bytes}");
    let bar = ProgressBar::new(u64::from(total)).with_position(u64::from(done));
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// What a person wants to know of an event.
pub(crate) fn line(event: &Event) -> Option<String> {
    let name = |version: &Option<String>| match version {
        Some(version) => version.clone(),
        None => "an unknown version".to_owned(),
    };
    Some(match event {
        Event::PowerUp { cycle, cause } => format!("reset {cycle}: {cause}"),
        Event::Swap => "bootloader: the new image is in its place".to_owned(),
        Event::Rejected { code } => {
            format!("bootloader: the staged release is refused (code {code:#06x})")
        }
        Event::Rollback { sequence, reason } => {
            format!("bootloader: release {sequence} failed ({reason}); the former image is back")
        }
        Event::Boot {
            version,
            slot,
            trial: false,
        } => format!("boots {} from slot {slot}", name(version)),
        Event::Boot { .. } => return None,
        Event::Trial {
            version,
            attempts_left,
        } => format!(
            "boots {} on trial, attempts left after this one: {attempts_left}",
            name(version)
        ),
        Event::Behaves { version, behaviour } => format!("{version}: {behaviour}"),
        Event::Health { check, passed } => format!(
            "health: {check} {}",
            if *passed { "passed" } else { "failed" }
        ),
        Event::Confirm {
            version,
            floor,
            fallback,
        } => format!(
            "confirmed {}, floor {floor}, {}",
            name(version),
            if *fallback {
                "the former image is kept"
            } else {
                "no way back"
            }
        ),
        Event::GiveUp { check } => format!("gives up: {check}"),
        Event::Request { .. } | Event::Progress { .. } => return None,
        Event::Download { phase, done, total } => match phase {
            Phase::Start => format!("download: {total} bytes"),
            Phase::Resume => format!("download: goes on at {done} of {total} bytes"),
        },
        Event::Retry {
            code,
            reason,
            wait_ms,
        } => format!("{reason} (code {code:#06x}); next try in {wait_ms} ms"),
        Event::Staged { bytes_asked } => {
            format!("staged and checked; bytes asked for in this run: {bytes_asked}")
        }
        Event::Pause { seconds } => {
            format!("updates have come to nothing here: a device would wait {seconds} s now")
        }
        Event::UpToDate { version } => format!("up to date: {}", name(version)),
        // The last line on standard error says it.
        Event::Refused { .. }
        | Event::Failed { .. }
        | Event::Recovery { .. }
        | Event::PowerCut { .. }
        | Event::End { .. } => return None,
    })
}
