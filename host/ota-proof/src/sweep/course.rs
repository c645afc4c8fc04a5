//! One run of a story, power cycle after power cycle, and what must hold in each.

use ota_bootloader::{
    BootState, ConfirmError, Decision, Fallback, Index, Record, ResetCause, Start as Jump, Strategy,
};
use ota_client::{Config, Download, Outcome};
use ota_sim::Plan;
use ota_testkit::Rig;

use super::source::{Memory, NoDelay};
use super::story::{Firmware, Story};

/// More power cycles than any story takes.
const MOST_BOOTS: u32 = 40;
/// Power cycles at the end in which nothing may change any more: what a cut left in the balance
/// tips by then.
const QUIET: u32 = 3;

pub(crate) const CLIENT: Config = Config {
    window: 2,
    ..Config::DEFAULT
};

/// A run of a story.
#[derive(Clone)]
pub(super) struct Course<'s> {
    story: &'s Story,
    pub(super) rig: Rig,
    cause: ResetCause,
    boots: u32,
    /// Starts of the new firmware on trial.
    pub(super) starts: u32,
    pub(super) cuts: u32,
    /// Bytes asked of the server.
    pub(super) asked: u64,
    /// Attempts and forgiven interruptions that were left at the last start of the trial.
    left: Option<u32>,
    /// A floor that the application was told.
    floor: u32,
    confirming: bool,
    confirmed: bool,
    quiet: u32,
}

/// A promise that was not kept.
pub(super) type Broken = String;

impl<'s> Course<'s> {
    pub(super) fn new(story: &'s Story) -> Self {
        let mut rig = story.start.clone();
        // Operations count from here.
        rig.arm(Plan::default(), 0);
        let record = rig.record();
        Self {
            story,
            rig,
            cause: ResetCause::Power,
            boots: 0,
            starts: 0,
            cuts: 0,
            asked: 0,
            left: None,
            floor: record.floor,
            confirming: record.floor > 0,
            confirmed: false,
            quiet: 0,
        }
    }

    /// One boot, and what the application then does. `true`: the story has ended.
    pub(super) fn cycle(&mut self) -> Result<bool, Broken> {
        self.boots += 1;
        if self.boots > MOST_BOOTS {
            return Err(format!("no end in {:?}", self.rig.record()));
        }
        let decision = self.rig.boot(self.cause);
        self.cause = ResetCause::Software;
        let reached = !self.rig.is_off() && self.application(decision)?;
        if let Some(violation) = self.rig.chips().flat_map(ota_sim::Flash::violations).next() {
            return Err(format!("{violation}"));
        }
        self.quiet = if reached { self.quiet + 1 } else { 0 };
        if self.rig.is_off() {
            self.cuts += 1;
            self.quiet = 0;
        }
        if self.rig.is_off() || reached {
            self.rig.power_up();
            self.cause = ResetCause::Power;
        }
        if self.quiet == QUIET {
            self.check_end()?;
        }
        Ok(self.quiet == QUIET)
    }

    /// `true`: the story is where it should end.
    fn application(&mut self, decision: Decision) -> Result<bool, Broken> {
        let record = self.rig.record();
        let Decision::Boot(jump) = decision else {
            return Err(format!("{decision:?} in {record:?}"));
        };
        let running = self.rig.running();
        self.check_image(jump, running)?;
        self.check_record(&record)?;
        match (running == Some(2), jump.trial) {
            (true, true) => self.trial(&record).map(|()| false),
            (true, false) => self.confirmed(),
            (false, true) => Err("the old image is on trial".into()),
            (false, false) if record.failed.iter().any(Option::is_some) => Ok(true),
            (false, false) => self.download().map(|()| false),
        }
    }

    fn check_image(&mut self, jump: Jump, running: Option<u64>) -> Result<(), Broken> {
        let image = match running {
            Some(1) => &self.story.old,
            Some(2) => &self.story.new,
            other => return Err(format!("release {other:?} boots")),
        };
        if self.rig.holds(jump.slot, 0, image) {
            Ok(())
        } else {
            Err(format!("release {running:?} boots, and is not whole"))
        }
    }

    fn check_record(&self, record: &Record) -> Result<(), Broken> {
        if record.floor < self.floor {
            return Err(format!("the floor fell from {}: {record:?}", self.floor));
        }
        if record.floor > 0 && !self.confirming {
            return Err(format!("the floor rose before confirmation: {record:?}"));
        }
        if self.confirmed && !matches!(record.state, BootState::Confirmed(_)) {
            return Err(format!("the confirmation was taken back: {record:?}"));
        }
        let blamed = record.failed.iter().any(Option::is_some);
        if blamed && self.story.plot.firmware == Firmware::Healthy {
            return Err(format!("a healthy release is blamed: {record:?}"));
        }
        let due = self.story.plot.firmware.starts();
        if blamed && self.starts + self.cuts.min(due - 1) < due {
            return Err(format!(
                "blamed after {} starts and {} cuts",
                self.starts, self.cuts
            ));
        }
        Ok(())
    }

    fn trial(&mut self, record: &Record) -> Result<(), Broken> {
        let BootState::Trial(trial) = record.state else {
            return Err(format!("on trial, it says, in {record:?}"));
        };
        self.starts += 1;
        if self.starts > self.story.plot.firmware.starts() + self.cuts {
            return Err(format!("{} starts, {} cuts", self.starts, self.cuts));
        }
        // Each start costs an attempt; what a power cut gives back, it takes from the
        // interruptions.
        let left = u32::from(trial.attempts_left) + u32::from(trial.interruptions_left);
        if self.left.is_some_and(|before| left >= before) {
            return Err(format!("{:?} attempts left, then {left}", self.left));
        }
        self.left = Some(left);
        match self.story.plot.firmware {
            Firmware::Healthy | Firmware::Reverts | Firmware::Relapses => self.confirm(),
            Firmware::Crashes => Ok(()),
            Firmware::Unplugged => {
                self.rig.power_up();
                self.cause = ResetCause::Power;
                Ok(())
            }
            Firmware::Hangs => {
                self.cause = ResetCause::Watchdog;
                Ok(())
            }
            Firmware::GivesUp => {
                let given_up = self.rig.updater(|updater, _| updater.give_up());
                self.unless_off("giving up", given_up)
            }
        }
    }

    /// What the new image does once it is confirmed. `true`: it stays.
    fn confirmed(&mut self) -> Result<bool, Broken> {
        match self.story.plot.firmware {
            Firmware::Healthy => Ok(true),
            // Crashes at once.
            Firmware::Relapses => Ok(false),
            Firmware::Reverts => {
                let asked = self
                    .rig
                    .updater(|updater, anchors| updater.revert(&anchors.boot()));
                self.unless_off("reverting", asked).map(|()| false)
            }
            Firmware::Crashes | Firmware::Hangs | Firmware::GivesUp | Firmware::Unplugged => {
                Err("an unhealthy image was confirmed".into())
            }
        }
    }

    fn confirm(&mut self) -> Result<(), Broken> {
        self.confirming = true;
        let confirmed: Result<_, ConfirmError> = self.rig.confirm();
        if let Ok(confirmation) = &confirmed
            && !self.rig.is_off()
        {
            self.floor = confirmation.floor;
            self.confirmed = true;
        }
        self.unless_off("confirming", Ok::<_, ConfirmError>(confirmed.map(|_| ())))
    }

    fn download(&mut self) -> Result<(), Broken> {
        let mut server = Memory::new(&self.story.package);
        let mut buffer = [0; 16 * 1024];
        let done = self.rig.updater(|updater, anchors| {
            let mut download = Download::new(CLIENT, &mut buffer);
            let outcome =
                ota_client::blocking::run(&mut download, updater, anchors, &mut server, NoDelay);
            match outcome.map_err(|error| format!("{error:?}"))? {
                Outcome::Staged(image) => {
                    updater.request(image).map_err(|error| format!("{error:?}"))
                }
                Outcome::AlreadyStaged => Ok(()),
                Outcome::UpToDate => Err("it says that the old release is up to date".into()),
            }
        });
        self.asked += server.asked;
        self.unless_off("download", done)
    }

    /// Errors are for the cut.
    fn unless_off<O: core::fmt::Debug, E: core::fmt::Debug>(
        &mut self,
        what: &str,
        result: Result<Result<(), E>, O>,
    ) -> Result<(), Broken> {
        match result {
            Ok(Ok(())) => Ok(()),
            _ if self.rig.is_off() => Ok(()),
            Ok(Err(error)) => Err(format!("{what}: {error:?} in {:?}", self.rig.record())),
            Err(error) => Err(format!("{what}: {error:?}")),
        }
    }

    fn check_end(&mut self) -> Result<(), Broken> {
        let record = self.rig.record();
        let BootState::Confirmed(fallback) = record.state else {
            return Err(format!("ends in {record:?}"));
        };
        if self.story.plot.firmware != Firmware::Healthy {
            return Ok(());
        }
        let place = match self.rig.product.map.strategy() {
            Strategy::Swap => Index::One,
            Strategy::Ab => record.active.other(),
        };
        let whole = self.rig.holds(place, 0, &self.story.old);
        match (whole, fallback) {
            (true, Fallback::Available) => Ok(()),
            _ => Err(format!("fallback whole: {whole}, by record: {fallback:?}")),
        }
    }
}
