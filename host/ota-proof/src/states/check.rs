//! What must hold, on every edge and in every state.

use ota_bootloader::{
    BootState, Decision, Index, Phase, Record, ResetCause, TrialState, Which, rescues,
};
use ota_testkit::Rig;

use crate::states::act::{Act, Done};
use crate::states::view::View;
use crate::states::world::{BAD, LAST, World};

/// More resets than any update takes.
const MOST_BOOTS: u32 = 24;

/// What the record says, now and after one more power-up.
pub(crate) struct Records(pub(crate) [Record; 2]);

impl Records {
    pub(crate) fn of(rig: &Rig) -> Self {
        let (mut now, mut later) = (rig.clone(), rig.clone());
        later.flash.power_up();
        Self([now.record(), later.record()])
    }

    fn floor(&self) -> u32 {
        self.0.iter().map(|record| record.floor).min().unwrap_or(0)
    }

    /// The trial, if it is one by both.
    fn trials(&self) -> Option<[(u64, TrialState); 2]> {
        let trial = |record: &Record| match record.state {
            BootState::Trial(trial) => Some((record.candidate.sequence, trial)),
            _ => None,
        };
        Some([trial(&self.0[0])?, trial(&self.0[1])?])
    }
}

fn total(trial: &TrialState) -> u32 {
    u32::from(trial.attempts_left) + u32::from(trial.interruptions_left)
}

impl World {
    /// What holds between a state and the next.
    pub(crate) fn check_edge(&self, before: &Records, after: &Records) -> Result<(), String> {
        if after.floor() < before.floor() {
            return Err("the floor fell".into());
        }
        if let (Some(was), Some(is)) = (before.trials(), after.trials()) {
            let most = was.iter().map(|(_, trial)| total(trial)).max();
            for (release, trial) in &is {
                if *release == was[0].0 && Some(total(trial)) > most {
                    return Err(format!("attempts came back: {was:?}, {is:?}"));
                }
            }
        }
        for release in self.releases.iter().map(|known| known.sequence) {
            let blamed = |records: &Records| records.0.map(|r| Self::blames(&r, release));
            let (was, is) = (blamed(before), blamed(after));
            if was == [true; 2] && is != [true; 2] {
                return Err(format!("release {release} is not blamed any more"));
            }
            if !was.contains(&true) && is.contains(&true) && !ran_out(before, release) {
                return Err(format!("release {release} is blamed and was not tried"));
            }
        }
        Ok(())
    }

    /// What holds when the bootloader has decided.
    pub(crate) fn check_boot(
        &self,
        rig: &mut Rig,
        decision: Decision,
        rotten: bool,
    ) -> Result<(), String> {
        let record = rig.record();
        let view = View::of(self, rig);
        match decision {
            Decision::Boot(start) => {
                let [envelope, _] = view.banks[usize::from(record.active.number())];
                if envelope == 0 {
                    return Err("what boots has no envelope".into());
                }
                let steps = self.steps_of(envelope);
                if !view.slots[usize::from(start.slot.number())].starts_with(&steps) {
                    return Err("what boots is not whole".into());
                }
                if start.trial != matches!(record.state, BootState::Trial(_)) {
                    return Err("a trial that is none, or none that is one".into());
                }
                let known = self.releases[usize::from(envelope) - 1].sequence;
                if known == BAD && !start.trial {
                    return Err("the bad release boots as confirmed".into());
                }
                let running = matches!(
                    record.state,
                    BootState::Trial(TrialState {
                        phase: Phase::Running,
                        ..
                    })
                );
                if start.trial && !running {
                    return Err("the attempt was not recorded before the jump".into());
                }
                Ok(())
            }
            Decision::Recovery(reason) if !rotten => Err(format!("{reason:?} without rot")),
            Decision::Recovery(reason) => match self.present(&record, &view) {
                Some(which) => Err(format!("{reason:?}, and image {which:?} is there")),
                None => Ok(()),
            },
        }
    }

    /// An image that may run and of which everything is where a swap can leave it.
    fn present(&self, record: &Record, view: &View) -> Option<Which> {
        let [active, staging] = &view.slots;
        let lies = |index: usize, step: u8| {
            let places = [
                active.get(index),
                staging.get(index),
                staging.get(index + 1),
            ];
            places.contains(&Some(&step)) || staging.last() == Some(&step)
        };
        rescues(record.state).iter().copied().find(|which| {
            let bank = match which {
                Which::Active => record.active,
                Which::Other => record.active.other(),
            };
            let [envelope, _] = view.banks[usize::from(bank.number())];
            envelope != 0
                && (0..)
                    .zip(self.steps_of(envelope))
                    .all(|(index, step)| lies(index, step))
        })
    }

    /// A healthy release can be installed from here, whatever has happened. `None`: nothing can
    /// be booted, since too much has rotted.
    pub(crate) fn probe(
        &self,
        start: &Rig,
        mut running: bool,
        rotten: bool,
    ) -> Result<Option<()>, String> {
        let mut rig = start.clone();
        rig.flash.disarm();
        for boots in 0..MOST_BOOTS {
            if running {
                let record = rig.record();
                let now = rig.running();
                let on_trial = matches!(record.state, BootState::Trial(_));
                if now == Some(LAST) && !on_trial {
                    return Ok(Some(()));
                }
                let healthy = now.is_none_or(|n| self.release(n).healthy);
                if on_trial && healthy {
                    self.perform(&mut rig, Act::Confirm);
                } else if !on_trial {
                    self.perform(&mut rig, Act::Download(LAST));
                }
            }
            let cause = if boots == 0 && !running {
                ResetCause::Power
            } else {
                ResetCause::Software
            };
            let Done::Booted(decision) = self.perform(&mut rig, Act::Boot(cause)) else {
                return Err("a boot that is none".into());
            };
            self.check_boot(&mut rig, decision, rotten)?;
            if matches!(decision, Decision::Recovery(_)) {
                return Ok(None);
            }
            running = true;
        }
        Err(format!("no way on from {:?}", rig.record().state))
    }

    /// The most units that one act may erase: two for each step of the larger image, the spare
    /// behind a cut, the way back, two banks, and the journal.
    pub(crate) fn most_erases(&self, rig: &Rig) -> u64 {
        let map = &rig.product.map;
        let unit = map
            .geometry(ota_bootloader::Region::Slot(Index::One))
            .erase_size;
        let steps = map.image_capacity() / self.step;
        u64::from((4 * steps + 4) * (self.step / unit) + 2 * 2048_u32.div_ceil(unit) + 3)
    }
}

/// Whether the release was on trial, started, and has no attempts left.
fn ran_out(before: &Records, release: u64) -> bool {
    before.0.iter().any(|record| {
        let BootState::Trial(trial) = record.state else {
            return false;
        };
        record.candidate.sequence == release
            && trial.attempts_left == 0
            && trial.phase != Phase::Pending
    })
}
