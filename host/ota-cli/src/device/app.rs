//! The application: proves itself if it is on trial, then looks for an update.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Result;
use ota_bootloader::{
    AdmitError, ConfirmError, HealthWindow, OneFlash, ResetCause, Updater, Verdict,
};
use ota_client::{
    Config, Download, Failure, Fault, Next, Outcome, Range, RunError, Source as _, SourceError,
};
use ota_http::{HttpSource, Url};
use ota_image::{ENVELOPE_LEN, SoftwareCrypto, TrustAnchors};

use super::flash::{Chip, Power};
use super::log::Log;
use super::net::{Clock, Tcp};
use super::watch::Watch;
use super::{Behaviour, Device, End, Event, Options};
use crate::refusal::Refusal;

/// For an answer's head.
const HEAD_LEN: usize = 4096;
/// The checks of a trial: the image's own manifest reads right, it says of itself that it works,
/// and the server answers.
const CHECKS: [&str; 3] = [MANIFEST, SELF_TEST, SERVER];
const MANIFEST: &str = "manifest";
const SELF_TEST: &str = "self-test";
const SERVER: &str = "server";

/// What becomes of the device when the application ends.
pub(super) enum Life {
    /// It is reset.
    Reset(ResetCause),
    /// There is nothing more to do.
    Over(End),
}

/// The power went: what is returned is not looked at any more.
const DEAD: Life = Life::Reset(ResetCause::Power);

pub(super) struct App<'a, 'd, 'l> {
    pub(super) device: &'d Device,
    pub(super) options: &'d Options,
    pub(super) url: Url<'d>,
    pub(super) anchors: TrustAnchors<'d>,
    pub(super) updater: Updater<'d, OneFlash<Chip<'a>>, SoftwareCrypto>,
    pub(super) power: Power,
    pub(super) log: &'a mut Log<'l>,
}

impl App<'_, '_, '_> {
    pub(super) async fn live(mut self, trial: bool) -> Result<Life> {
        let version = self.version();
        let behaviour = self.behaviour(version.as_deref());
        match behaviour {
            Some(Behaviour::Crash) => return Ok(Life::Reset(ResetCause::Software)),
            Some(Behaviour::Hang) => return Ok(Life::Reset(ResetCause::Watchdog)),
            Some(Behaviour::Unhealthy) | None => {}
        }
        if trial && let Some(life) = self.prove(behaviour, &version).await? {
            return Ok(life);
        }
        if self.power.is_off() {
            return Ok(DEAD);
        }
        self.update(version).await
    }

    fn version(&mut self) -> Option<String> {
        let manifest = self.updater.running(&self.anchors.boot())?;
        Some(manifest.version.to_string())
    }

    fn behaviour(&mut self, version: Option<&str>) -> Option<Behaviour> {
        let version = version?;
        let behave = self.options.behave.iter().find(|b| b.version == version)?;
        self.log.tell(&Event::Behaves {
            version: version.to_owned(),
            behaviour: behave.behaviour.name(),
        });
        Some(behave.behaviour)
    }

    /// `None`: it is healthy, and confirmed.
    async fn prove(
        &mut self,
        behaviour: Option<Behaviour>,
        version: &Option<String>,
    ) -> Result<Option<Life>> {
        let opened = Instant::now();
        let now = || u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut window = HealthWindow::open(CHECKS, 0, self.device.settings.health_window_ms);
        for (check, passed) in [
            (MANIFEST, version.is_some()),
            (SELF_TEST, behaviour != Some(Behaviour::Unhealthy)),
        ] {
            self.log.tell(&Event::Health { check, passed });
            if !passed {
                return self.give_up(check).map(Some);
            }
            window.pass(check, now());
        }
        loop {
            match window.verdict(now()) {
                Verdict::Healthy => break,
                Verdict::Unhealthy(check) => {
                    self.log.tell(&Event::Health {
                        check,
                        passed: false,
                    });
                    return self.give_up(check).map(Some);
                }
                Verdict::Waiting(left) => {
                    let left = Duration::from_millis(left.into());
                    if self.reach_server(left).await {
                        window.pass(SERVER, now());
                        self.log.tell(&Event::Health {
                            check: SERVER,
                            passed: true,
                        });
                    } else {
                        tokio::time::sleep(self.options.client.backoff.min(left)).await;
                    }
                }
            }
        }
        self.confirm(version)
    }

    /// Asks the server for one byte. Any answer will do: that there is no update is no fault of
    /// the firmware.
    async fn reach_server(&mut self, patience: Duration) -> bool {
        let mut head = [0; HEAD_LEN];
        let mut source = HttpSource::new(Tcp::to(&self.url), self.url, &mut head);
        let range = Range {
            offset: 0,
            length: 1,
        };
        self.log.ask(range, "health");
        self.log.was_a_check(range.length.into());
        let patience = patience.min(self.options.client.stall);
        match tokio::time::timeout(patience, source.open(range)).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => !matches!(
                error.fault(),
                Fault::Link | Fault::Stalled | Fault::Short | Fault::Malformed
            ),
            Err(_) => false,
        }
    }

    fn confirm(&mut self, version: &Option<String>) -> Result<Option<Life>> {
        match self.updater.confirm(&self.anchors) {
            _ if self.power.is_off() => Ok(Some(DEAD)),
            Ok(confirmation) => {
                self.log.tell(&Event::Confirm {
                    version: version.clone(),
                    floor: confirmation.floor,
                    fallback: confirmation.fallback == ota_bootloader::Fallback::Available,
                });
                Ok(None)
            }
            // It runs, and goes on; at a reset the former image comes back.
            Err(error @ ConfirmError::Flash) => {
                self.log.tell(&Event::Failed {
                    code: error.code(),
                    reason: error.to_string(),
                });
                Ok(None)
            }
            Err(error) => self.give_up(&error.to_string()).map(Some),
        }
    }

    fn give_up(&mut self, check: &str) -> Result<Life> {
        match self.updater.give_up() {
            _ if self.power.is_off() => return Ok(DEAD),
            // Without a record of it, the reset counts as a crash: it fails all the same.
            Ok(()) | Err(ConfirmError::Flash) => {}
            Err(error) => return Err(error.into()),
        }
        let check = check.to_owned();
        self.log.tell(&Event::GiveUp { check });
        Ok(Life::Reset(ResetCause::Software))
    }

    async fn update(mut self, version: Option<String>) -> Result<Life> {
        let chunk = self.device.product.map.largest_chunk() as usize;
        let mut buffer = vec![0; chunk.max(ENVELOPE_LEN)];
        let mut head = [0; HEAD_LEN];
        let mut download = Download::new(self.config(), &mut buffer);
        let source = HttpSource::new(Tcp::to(&self.url), self.url, &mut head);
        let mut watch = Watch::new(self.log);
        let result = {
            let (updater, anchors) = (&mut self.updater, &self.anchors);
            let see = |download: &Download<'_>, next: &Next| watch.see(download, next);
            let work =
                ota_client::run_observed(&mut download, updater, anchors, source, Clock, see);
            tokio::select! {
                biased;
                // Looked at whenever the work yields, which it does after every flash operation.
                () = gone(&self.power) => return Ok(DEAD),
                result = work => result,
            }
        };
        watch.finish();
        if self.power.is_off() {
            return Ok(DEAD);
        }
        match result {
            Ok(Outcome::UpToDate) => {
                self.log.tell(&Event::UpToDate { version });
                Ok(Life::Over(End::UpToDate))
            }
            Ok(Outcome::AlreadyStaged) => Ok(self.reset()),
            Ok(Outcome::Staged(image)) => {
                if let Err(error) = self.updater.request(image) {
                    let refusal = Refusal::new(error.code(), &error);
                    return Ok(Life::Over(End::Failed(refusal)));
                }
                self.log.tell(&Event::Staged {
                    bytes_asked: self.log.bytes_asked,
                });
                Ok(self.reset())
            }
            Err(error) => Ok(Life::Over(judge(&error))),
        }
    }

    /// Into what is staged.
    fn reset(&mut self) -> Life {
        let seconds = self.updater.reset_pause_s();
        if seconds > 0 {
            self.log.tell(&Event::Pause { seconds });
        }
        Life::Reset(ResetCause::Software)
    }

    fn config(&self) -> Config {
        let client = &self.options.client;
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Config {
            window: self.device.settings.window,
            retries: client.retries,
            backoff_initial_ms: ms(client.backoff),
            stall_timeout_ms: ms(client.stall),
            ..Config::DEFAULT
        }
    }
}

/// Never ready while there is power.
async fn gone(power: &Power) {
    poll_fn(|_| {
        if power.is_off() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Whether the device said no, or the attempt came to nothing.
fn judge<E: SourceError>(error: &RunError<E>) -> End {
    let refusal = Refusal::new(error.code(), error);
    match error.failure {
        Failure::Admit(
            AdmitError::Flash | AdmitError::NotConfirmed | AdmitError::RunningUnknown,
        ) => End::Failed(refusal),
        Failure::Admit(_) => End::Refused(refusal),
        Failure::Work(_) | Failure::Accept(_) | Failure::Fault(_) => End::Failed(refusal),
    }
}
