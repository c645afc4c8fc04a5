//! A device's life against a model: downloads, boots, power cuts, confirmations and bit rot in
//! any order.
//!
//! What holds after each step: only signed and whole images run; as long as no bit rotted, one
//! does, whatever was cut; the floor that a confirmation reported never falls; nothing counts as
//! failed that was never started. And in the end a healthy release can still be installed.

use std::collections::BTreeSet;

use ota_bootloader::{BootState, Decision, Index, Phase, Region, ResetCause};
use ota_client::Config;
use ota_sim::{Cut, Tear};
use ota_testkit::Rig;

use crate::boot::may_run;
use crate::download::attempt;
use crate::input::Input;
use crate::releases::{GOOD, Packed, Stock, device};

/// Longer lives show nothing that several short ones do not.
const MOST_STEPS: usize = 24;

struct Life {
    rig: Rig,
    /// What confirmations that came back reported.
    floor: u32,
    /// Releases that were on trial and running, by the record.
    started: BTreeSet<u64>,
    rotten: bool,
    /// The running image was started since the last reset.
    up: bool,
}

/// Input: geometry, then steps: kind, and what it takes.
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    thread_local!(static STOCK: Stock = const { Stock::new(device) });
    let mut input = Input::new(input);
    let (mut rig, _) = STOCK.with(|stock| stock.take(&mut input));
    let floor = rig.record().floor;
    let mut life = Life {
        rig,
        floor,
        started: BTreeSet::new(),
        rotten: false,
        up: true,
    };
    for _ in 0..MOST_STEPS {
        if input.is_over() {
            break;
        }
        life.step(&mut input);
    }
    if !life.rotten {
        life.ends_well();
    }
}

impl Life {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 8 {
            0 | 1 => {
                let packed = &GOOD[usize::from(input.byte()) % (GOOD.len() - 1)];
                self.download(packed, 1 + u32::from(input.byte() % 4));
            }
            2 => self.boot(input.of(&[
                ResetCause::Power,
                ResetCause::Watchdog,
                ResetCause::Software,
                ResetCause::Unknown,
            ])),
            3 => self.confirm(),
            4 => {
                if self.up {
                    let _ = self.rig.updater(|updater, _| updater.give_up());
                }
            }
            5 | 6 => {
                let operation = u64::from(input.byte());
                let tear = match input.byte() {
                    number @ 0..18 => Tear::ALL[usize::from(number)],
                    seed => Tear::Random(seed.into()),
                };
                self.rig.flash.arm(Cut::new(operation, tear));
            }
            _ => self.rot(input),
        }
        if self.rig.flash.is_off() {
            self.up = false;
            self.rig.flash.power_up();
        }
        self.look();
    }

    /// By an honest server; what it came to shows at the next boot.
    fn download(&mut self, packed: &'static Packed, window: u32) {
        if self.up {
            let config = Config {
                window,
                ..Config::DEFAULT
            };
            let _ = attempt(&mut self.rig, &mut Input::new(&[]), config, packed);
        }
    }

    fn confirm(&mut self) {
        if !self.up || self.rig.record().state == BootState::Unknown {
            return;
        }
        if let Ok(confirmation) = self.rig.confirm()
            && !self.rig.flash.is_off()
        {
            assert!(
                self.rotten || confirmation.floor >= self.floor,
                "the floor fell"
            );
            self.floor = self.floor.max(confirmation.floor);
        }
    }

    /// One bit, in any region that updates use.
    fn rot(&mut self, input: &mut Input<'_>) {
        let region = input.of(&[
            Region::Journal,
            Region::Bank(Index::Zero),
            Region::Bank(Index::One),
            Region::Slot(Index::Zero),
            Region::Slot(Index::One),
        ]);
        let area = self.rig.product.map.area(region);
        let offset = area.offset + u32::from(input.u16()) % area.size;
        let byte = self.rig.flash.bytes()[offset as usize] ^ (1 << (input.byte() % 8));
        self.rig.flash.corrupt(offset, byte);
        self.rotten = true;
    }

    /// What the record may say.
    fn look(&mut self) {
        let record = self.rig.record();
        if let BootState::Trial(trial) = record.state
            && trial.phase != Phase::Pending
        {
            self.started.insert(record.candidate.sequence);
        }
        if self.rotten {
            return;
        }
        assert!(record.floor >= self.floor, "the floor fell");
        for failed in record.failed.iter().flatten() {
            let sequence = failed.release.sequence;
            assert!(
                self.started.contains(&sequence),
                "{sequence} failed, untried"
            );
        }
    }

    fn boot(&mut self, cause: ResetCause) {
        // Without power in between, the firmware was reset while it ran.
        let cause = if self.up { cause } else { ResetCause::Power };
        self.up = false;
        let decision = self.rig.boot(cause);
        if self.rig.flash.is_off() {
            return;
        }
        match decision {
            Decision::Boot(start) => {
                let floor = if self.rotten { 0 } else { self.floor };
                may_run(&self.rig, &start, floor, 0);
                let sequence = self.rig.running();
                let known = GOOD.iter().find(|packed| Some(packed.sequence) == sequence);
                assert!(self.rotten || known.is_some_and(|packed| self.rig.runs(&packed.image)));
                self.up = true;
            }
            Decision::Recovery(why) => assert!(self.rotten, "nothing boots: {why}"),
        }
    }

    /// From wherever this life went, the healthiest release of all gets in.
    fn ends_well(&mut self) {
        self.rig.flash.disarm();
        let last = GOOD.last().expect("releases");
        for _ in 0..8 {
            self.rig.flash.power_up();
            self.up = false;
            self.boot(ResetCause::Power);
            assert!(self.up);
            if self.rig.is_confirmed() || self.rig.confirm().is_ok() {
                self.download(last, 3);
            }
            if self.rig.runs(&last.image) && self.rig.is_confirmed() {
                assert_eq!(self.rig.running(), Some(last.sequence));
                assert!(self.rig.record().floor >= last.counter);
                return;
            }
        }
        panic!("a dead end: {:?}", self.rig.record());
    }
}
