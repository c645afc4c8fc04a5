//! What the audience of a demo sees: short lines, a tick for every check, colour only on a terminal.

use std::fmt::Debug;
use std::io::{IsTerminal as _, Stdout, Write as _};
use std::time::Duration;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result, ensure};
use indicatif::ProgressBar;

use crate::commands::device::{bar, line};
use crate::device::Event;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// Standard output, and how many checks were shown on it.
pub struct Screen {
    out: AutoStream<Stdout>,
    /// Somebody is watching: lines come at a pace that can be read.
    pub(crate) watched: bool,
    checks: u32,
    chapters: u32,
    bar: Option<ProgressBar>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen {
    /// Standard output, with nothing on it yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            watched: std::io::stdout().is_terminal(),
            out: AutoStream::auto(std::io::stdout()),
            checks: 0,
            chapters: 0,
            bar: None,
        }
    }

    /// How many checks held so far.
    #[must_use]
    pub const fn checks(&self) -> u32 {
        self.checks
    }

    /// What it is all about.
    ///
    /// # Errors
    /// Here and below: if standard output cannot be written.
    pub fn title(&mut self, text: &str) -> Result<()> {
        self.put(&format!("\n{BOLD}{text}{BOLD:#}"), 0)
    }

    /// The next part of the story.
    ///
    /// # Errors
    /// See [`title`](Self::title).
    pub fn chapter(&mut self, text: &str) -> Result<()> {
        self.chapters += 1;
        let number = self.chapters;
        self.put(&format!("\n{BOLD}{number}. {text}{BOLD:#}"), 300)
    }

    /// What somebody does.
    ///
    /// # Errors
    /// See [`title`](Self::title).
    pub fn says(&mut self, text: &str) -> Result<()> {
        self.put(&format!("  {text}"), 100)
    }

    /// What the device says.
    ///
    /// # Errors
    /// See [`title`](Self::title).
    pub fn device(&mut self, text: &str) -> Result<()> {
        self.put(&format!("    {DIM}{text}{DIM:#}"), 80)
    }

    /// What happens to a virtual device.
    pub(crate) fn event(&mut self, event: &Event) -> Result<()> {
        self.move_bar(event);
        match line(event) {
            Some(text) => self.device(&text),
            None => Ok(()),
        }
    }

    /// A check: shown as done if it holds, an error if not.
    ///
    /// # Errors
    /// If it does not hold, and as for [`title`](Self::title).
    pub fn check(&mut self, text: &str, holds: bool) -> Result<()> {
        ensure!(holds, "this is not so: {text}");
        self.checks += 1;
        self.put(&format!("  {GOOD}✓{GOOD:#} {text}"), 200)
    }

    /// A check of a value.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn same<T: PartialEq + Debug>(&mut self, text: &str, is: T, must: T) -> Result<()> {
        ensure!(is == must, "{text}: it is {is:?}, and must be {must:?}");
        self.check(text, true)
    }

    /// The last line.
    ///
    /// # Errors
    /// See [`title`](Self::title).
    pub fn end(&mut self, text: &str) -> Result<()> {
        self.put(&format!("\n{GOOD}{text}{GOOD:#}\n"), 0)
    }

    fn put(&mut self, text: &str, pause_ms: u64) -> Result<()> {
        let out = &mut self.out;
        let mut write = || writeln!(out, "{text}").and_then(|()| out.flush());
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
        .context("cannot print")?;
        if self.watched {
            std::thread::sleep(Duration::from_millis(pause_ms));
        }
        Ok(())
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
            Event::Staged { .. } | Event::End { .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}
