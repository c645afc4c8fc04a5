//! Power cycles: the bootloader decides, the application lives, until there is nothing to do.

use anyhow::{Context as _, Result, bail};
use ota_bootloader::{BootState, Bootloader, Decision, Index, Record, ResetCause, Start, Updater};
use ota_http::Url;
use ota_image::SoftwareCrypto;
use ota_sim::{Flash, Interrupted};

use super::app::{App, Life};
use super::flash::{self, Power};
use super::log::Log;
use super::status::{attempts_left, manifest};
use super::{Device, End, Event, Options};
use crate::refusal::Refusal;

/// A device that is not done after so many power cycles never will be.
const MOST_CYCLES: u32 = 50;

/// Powers a device up and lets it run until there is nothing more to do, or the power is cut.
///
/// # Errors
/// If its files cannot be read or written, another process runs it, the address is none, or it
/// has not come to an end after 50 power cycles.
pub fn run(device: &Device, options: &Options, on_event: &mut dyn FnMut(&Event)) -> Result<End> {
    let _lock = device.lock()?;
    let url = Url::parse(&options.url)?;
    let mut flash = device.power_up()?;
    if let Some(cut) = options.cut {
        flash.arm(cut);
    }
    let log = Log::new(device, on_event)?;
    let mut machine = Machine {
        device,
        options,
        url,
        flash,
        power: Power::default(),
        log,
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the network")?
        .block_on(machine.run())
}

/// A device with its power on.
struct Machine<'a> {
    device: &'a Device,
    options: &'a Options,
    url: Url<'a>,
    flash: Flash,
    power: Power,
    log: Log<'a>,
}

impl Machine<'_> {
    async fn run(&mut self) -> Result<End> {
        let mut cause = ResetCause::Power;
        let mut cycle = 0;
        let end = loop {
            if self.options.cycles.is_some_and(|most| cycle >= most) {
                break End::Stopped;
            }
            if cycle >= MOST_CYCLES && self.options.cycles.is_none() {
                bail!("no end after {cycle} power cycles: the firmware resets again and again");
            }
            cycle += 1;
            let life = self.cycle(cycle, cause).await?;
            self.check_rules()?;
            match life {
                _ if self.flash.is_off() => break self.power_cut()?,
                Life::Reset(next) => cause = next,
                Life::Over(end) => break end,
            }
        };
        self.finish(&end, cycle);
        Ok(end)
    }

    async fn cycle(&mut self, cycle: u32, cause: ResetCause) -> Result<Life> {
        self.log.tell(&Event::PowerUp {
            cycle,
            cause: cause_name(cause),
        });
        match self.boot(cause)? {
            _ if self.flash.is_off() => Ok(Life::Reset(ResetCause::Power)),
            Decision::Boot(start) => self.live(start).await,
            Decision::Recovery(reason) => Ok(Life::Over(End::Recovery(Refusal::new(
                reason.code(),
                &reason,
            )))),
        }
    }

    fn boot(&mut self, cause: ResetCause) -> Result<Decision> {
        let (product, anchors) = (&self.device.product, self.device.anchors.get()?);
        let storage = flash::storage(&mut self.flash, &self.power, product.map)?;
        let mut bootloader = Bootloader::new(product, anchors.boot(), storage, SoftwareCrypto);
        let before = *bootloader.record();
        let decision = bootloader.boot(cause);
        let after = *bootloader.record();
        if self.flash.is_off() {
            return Ok(decision);
        }
        self.tell_changes(&before, &after);
        if let Decision::Boot(start) = decision {
            let version = self.version(after.active)?;
            self.log.tell(&Event::Boot {
                version: version.clone(),
                slot: start.slot.number(),
                trial: start.trial,
            });
            if let Some(attempts_left) = attempts_left(after.state) {
                self.log.tell(&Event::Trial {
                    version,
                    attempts_left,
                });
            }
        }
        Ok(decision)
    }

    fn tell_changes(&mut self, before: &Record, after: &Record) {
        let pending = matches!(before.state, BootState::Staged | BootState::Swapping);
        match after.state {
            BootState::Trial(_) if pending => self.log.tell(&Event::Swap),
            BootState::Confirmed(_) if pending => self.log.tell(&Event::Rejected {
                code: after.last_problem,
            }),
            _ => {}
        }
        let ([new, ..], [old, ..]) = (after.failed, before.failed);
        if let Some(failed) = new.filter(|_| new != old) {
            self.log.tell(&Event::Rollback {
                sequence: failed.release.sequence,
                reason: failed.reason.to_string(),
            });
        }
    }

    fn version(&mut self, bank: Index) -> Result<Option<String>> {
        let keys = self.device.anchors.get()?.boot();
        let manifest = manifest(&self.device.product, &keys, &mut self.flash, bank);
        Ok(manifest.map(|manifest| manifest.version.to_string()))
    }

    async fn live(&mut self, start: Start) -> Result<Life> {
        let product = &self.device.product;
        let storage = flash::storage(&mut self.flash, &self.power, product.map)?;
        let app = App {
            device: self.device,
            options: self.options,
            url: self.url,
            anchors: self.device.anchors.get()?,
            updater: Updater::open(product, storage, SoftwareCrypto)?,
            power: self.power.clone(),
            log: &mut self.log,
        };
        let life = app.live(start.trial).await?;
        self.log.check()?;
        Ok(life)
    }

    /// The device's code must not do what a flash forbids, whatever happens to it.
    fn check_rules(&self) -> Result<()> {
        match self.flash.violations().first() {
            Some(violation) => bail!("the device broke a rule of its flash: {violation}"),
            None => Ok(()),
        }
    }

    fn power_cut(&self) -> Result<End> {
        let cut = self.options.cut.context("the power went by itself")?;
        Ok(End::PowerCut(cut))
    }

    fn finish(&mut self, end: &End, cycles: u32) {
        let words = |refusal: &Refusal| (refusal.code(), refusal.reason().to_owned());
        match end {
            // Told by the application, which knows the version.
            End::UpToDate | End::Stopped => {}
            End::Refused(refusal) => {
                let (code, reason) = words(refusal);
                self.log.tell(&Event::Refused { code, reason });
            }
            End::Failed(refusal) => {
                let (code, reason) = words(refusal);
                self.log.tell(&Event::Failed { code, reason });
            }
            End::Recovery(refusal) => {
                let (code, reason) = words(refusal);
                self.log.tell(&Event::Recovery { code, reason });
            }
            End::PowerCut(cut) => {
                let (during, offset) = match self.flash.interrupted() {
                    Interrupted::Program { offset, .. } => ("program", Some(offset)),
                    Interrupted::Erase { offset } => ("erase", Some(offset)),
                    Interrupted::Status => ("status", None),
                    Interrupted::Nothing => ("nothing", None),
                };
                let cut = cut.to_string();
                self.log.tell(&Event::PowerCut {
                    cut,
                    during,
                    offset,
                });
            }
        }
        self.log.tell(&Event::End {
            result: end.name(),
            cycles,
            requests: self.log.requests,
            bytes_asked: self.log.bytes_asked,
            operations: self.flash.operations(),
        });
    }
}

fn cause_name(cause: ResetCause) -> &'static str {
    match cause {
        ResetCause::Power => "power",
        ResetCause::Watchdog => "watchdog",
        ResetCause::Software => "software",
        ResetCause::Unknown => "unknown",
    }
}
