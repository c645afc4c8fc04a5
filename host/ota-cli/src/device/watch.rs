//! Makes events of what the download does.

use ota_client::{Download, Next};
use ota_image::ENVELOPE_LEN;

use super::log::Log;
use super::{Event, Phase};

/// Of one attempt.
pub(super) struct Watch<'a, 'l> {
    log: &'a mut Log<'l>,
    /// Bytes of envelopes that were asked for, and have not led to a download yet.
    envelopes: u64,
    /// The download was told of, and so far with these bytes.
    told: Option<u32>,
}

impl<'a, 'l> Watch<'a, 'l> {
    pub(super) fn new(log: &'a mut Log<'l>) -> Self {
        Self {
            log,
            envelopes: 0,
            told: None,
        }
    }

    pub(super) fn see(&mut self, download: &Download<'_>, next: &Next) {
        self.progress(download);
        match next {
            Next::Request(range) => {
                if range.offset == 0 {
                    self.envelopes += u64::from(range.length);
                    self.told = None;
                }
                self.log.ask(*range, "update");
            }
            Next::Wait { ms, fault } => self.log.tell(&Event::Retry {
                code: fault.code(),
                reason: fault.to_string(),
                wait_ms: *ms,
            }),
            Next::Working | Next::Receive | Next::Done(_) => {}
        }
    }

    fn progress(&mut self, download: &Download<'_>) {
        let Some(progress) = download.progress() else {
            return;
        };
        let (done, total) = (progress.done, progress.total);
        if self.told.is_none() {
            let begins = self.envelopes > 0 && done as usize <= ENVELOPE_LEN;
            let phase = if begins { Phase::Start } else { Phase::Resume };
            self.log.tell(&Event::Download { phase, done, total });
            self.envelopes = 0;
        } else if self.told != Some(done) {
            self.log.tell(&Event::Progress { done, total });
        }
        self.told = Some(done);
    }

    pub(super) fn finish(self) {
        if self.envelopes > 0 {
            self.log.was_a_check(self.envelopes);
        }
    }
}
