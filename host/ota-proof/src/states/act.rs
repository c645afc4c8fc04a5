//! What can happen to the device: each is done by the real bootloader and the real updater.

use core::fmt;

use ota_bootloader::{
    AcceptError, Admission, BootState, ConfirmError, Decision, Fallback, Index, OpenError, Region,
    RequestError, ResetCause, Staging, Work,
};
use ota_image::ENVELOPE_LEN;
use ota_testkit::Rig;

use crate::states::view::View;
use crate::states::world::{LAST, World};

/// Pieces asked for at once.
const WINDOW: u32 = 2;
/// More polls than any download takes.
const MOST_POLLS: u32 = 200;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A reset, and the bootloader's work.
    Boot(ResetCause),
    /// The application says that it is healthy.
    Confirm,
    /// The application says that it is not.
    GiveUp,
    /// The application is offered a release, fetches what is missing, and asks for it.
    Download(u64),
    /// The same, but only so many pieces are fetched; each comes damaged first.
    Begin(u64, u32),
    /// The application is offered what it must not take.
    Offend,
    /// The power goes for a moment between two operations.
    PowerCycle,
    /// Something rots.
    Rot(Rotten),
}

/// What rots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotten {
    /// A step of a slot.
    Step(Index, u32),
    /// The envelope in a bank.
    Envelope(Index),
    /// The digest table in a bank.
    Table(Index),
    /// The newest journal record.
    Record,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot(cause) => write!(f, "boot({cause:?})"),
            Self::Confirm => f.write_str("confirm"),
            Self::GiveUp => f.write_str("give-up"),
            Self::Download(release) => write!(f, "download({release})"),
            Self::Begin(release, pieces) => write!(f, "begin({release},{pieces})"),
            Self::Offend => f.write_str("offend"),
            Self::PowerCycle => f.write_str("power-cycle"),
            Self::Rot(what) => write!(f, "rot({what})"),
        }
    }
}

impl fmt::Display for Rotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(slot, step) => write!(f, "step {} {step}", slot.number()),
            Self::Envelope(bank) => write!(f, "envelope {}", bank.number()),
            Self::Table(bank) => write!(f, "table {}", bank.number()),
            Self::Record => f.write_str("record"),
        }
    }
}

impl core::str::FromStr for Rotten {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let index = match words.get(1) {
            Some(&"0") | None => Index::Zero,
            Some(_) => Index::One,
        };
        match words[..] {
            ["record"] => Ok(Self::Record),
            ["envelope", _] => Ok(Self::Envelope(index)),
            ["table", _] => Ok(Self::Table(index)),
            ["step", _, step] => Ok(Self::Step(index, step.parse().map_err(|_| ())?)),
            _ => Err(()),
        }
    }
}

/// What an act came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// A boot.
    Booted(Decision),
    /// Anything else that went well.
    Well,
    /// The crates refused, with this code.
    Refused(u16),
}

impl World {
    /// Does it. The flash may be armed.
    pub(crate) fn perform(&self, rig: &mut Rig, act: Act) -> Done {
        match act {
            Act::Boot(cause) => Done::Booted(rig.boot(cause)),
            Act::Confirm => done(rig.confirm().map(|_| ()).map_err(ConfirmError::code)),
            Act::GiveUp => done(
                rig.updater(|updater, _| updater.give_up().map_err(ConfirmError::code))
                    .unwrap_or_else(|error| Err(error.code())),
            ),
            Act::Download(release) => done(self.download(rig, release, u32::MAX)),
            Act::Begin(release, pieces) => done(self.download(rig, release, pieces)),
            Act::Offend => done(self.offend(rig)),
            Act::PowerCycle => {
                rig.flash.power_up();
                Done::Well
            }
            Act::Rot(what) => {
                rot(rig, what);
                Done::Well
            }
        }
    }

    /// As a client does: goes on with what was begun, if it is this release, else offers it.
    fn download(&self, rig: &mut Rig, release: u64, mut pieces: u32) -> Result<(), u16> {
        let package = &self.release(release).package;
        let work = rig.updater(|updater, anchors| {
            let mut buffer = vec![0; 4096];
            let resumed = updater.resume(anchors, &mut buffer);
            let is_it = |staging: &Staging| staging.manifest().sequence == release;
            let mut staging = match resumed.filter(is_it) {
                Some(staging) => staging,
                None => match updater.admit(anchors, &package[..ENVELOPE_LEN]) {
                    Ok(Admission::Download(staging)) => staging,
                    Ok(Admission::UpToDate | Admission::AlreadyStaged) => return Ok(()),
                    Err(error) => return Err(error.code()),
                },
            };
            let damaged = pieces != u32::MAX;
            let mut torn_places = 3;
            for _ in 0..MOST_POLLS {
                match updater.poll(&mut staging, &mut buffer, WINDOW) {
                    Ok(Work::Busy) => {}
                    Ok(Work::Fetch(_)) if pieces == 0 => return Ok(()),
                    Ok(Work::Fetch(need)) => {
                        let piece = &package[need.offset as usize..][..need.piece as usize];
                        if damaged {
                            let mut other = piece.to_vec();
                            other[0] ^= 1;
                            let answer = updater.accept(&mut staging, &other);
                            assert_eq!(answer, Err(AcceptError::Mismatch));
                        }
                        pieces -= 1;
                        match updater.accept(&mut staging, piece) {
                            Err(AcceptError::Flash) if torn_places > 0 => torn_places -= 1,
                            answer => answer.map_err(AcceptError::code)?,
                        }
                    }
                    Ok(Work::Complete(_)) if damaged => return Ok(()),
                    Ok(Work::Complete(staged)) => {
                        return updater.request(staged).map_err(RequestError::code);
                    }
                    Err(error) => return Err(error.code()),
                }
            }
            Err(0xFFFF)
        });
        work.unwrap_or_else(|error| Err(error.code()))
    }

    /// Offers a forged envelope, a damaged one, and the oldest release (which may help if nothing is
    /// known of what runs, and there is no fallback).
    fn offend(&self, rig: &mut Rig) -> Result<(), u16> {
        let mut damaged = self.releases.last().expect("one").package[..ENVELOPE_LEN].to_vec();
        damaged[100] ^= 0x10;
        let mut offers = vec![&self.forged[..ENVELOPE_LEN], &damaged];
        let falls_back = rig.record().state == BootState::Confirmed(Fallback::Available);
        if falls_back || rig.running().is_some() {
            offers.push(&self.releases[0].package[..ENVELOPE_LEN]);
        }
        let before = rig.flash.operations();
        let taken = rig
            .updater(|updater, anchors| {
                offers.iter().any(|envelope| {
                    matches!(
                        updater.admit(anchors, envelope),
                        Ok(Admission::Download(_) | Admission::AlreadyStaged)
                    )
                })
            })
            .map_err(OpenError::code)?;
        if taken || rig.flash.operations() != before {
            Err(0xFFFE)
        } else {
            Ok(())
        }
    }

    /// What can happen next.
    pub(crate) fn acts(&self, rig: &mut Rig, running: bool, rot_left: bool) -> Vec<Act> {
        let mut acts = vec![];
        if !running {
            acts.extend([Act::Boot(ResetCause::Power), Act::PowerCycle]);
        } else if let BootState::Trial(_) = rig.record().state {
            acts.extend([Act::Boot(ResetCause::Software), Act::PowerCycle]);
            acts.extend([ResetCause::Watchdog, ResetCause::Unknown].map(Act::Boot));
            acts.push(Act::GiveUp);
            let healthy = rig.running().is_some_and(|n| self.release(n).healthy);
            if healthy {
                acts.push(Act::Confirm);
            }
        } else {
            acts.extend([Act::Boot(ResetCause::Software), Act::PowerCycle]);
            acts.extend([Act::Confirm, Act::Offend]);
            acts.push(Act::Begin(LAST, 1));
            for release in [2, 3] {
                acts.push(Act::Download(release));
                acts.extend((0..4).map(|pieces| Act::Begin(release, pieces)));
            }
        }
        if rot_left {
            acts.extend(self.rots(rig).into_iter().map(Act::Rot));
        }
        acts
    }

    fn rots(&self, rig: &mut Rig) -> Vec<Rotten> {
        let view = View::of(self, rig);
        let mut rots = vec![Rotten::Record];
        for index in [Index::Zero, Index::One] {
            let at = usize::from(index.number());
            let [envelope, table] = view.banks[at];
            if envelope != 0 {
                rots.push(Rotten::Envelope(index));
            }
            if table != 0 {
                rots.push(Rotten::Table(index));
            }
            let held = (0..).zip(&view.slots[at]).filter(|(_, step)| **step != 0);
            rots.extend(held.map(|(step, _)| Rotten::Step(index, step)));
        }
        rots
    }
}

fn done(result: Result<(), u16>) -> Done {
    match result {
        Ok(()) => Done::Well,
        Err(code) => Done::Refused(code),
    }
}

fn rot(rig: &mut Rig, what: Rotten) {
    let map = rig.product.map;
    let start = |region| map.area(region).offset;
    let at = match what {
        Rotten::Step(slot, index) => start(Region::Slot(slot)) + index * map.step() + 100,
        Rotten::Envelope(bank) => start(Region::Bank(bank)) + 100,
        Rotten::Table(bank) => start(Region::Bank(bank)) + 1024 + 10,
        Rotten::Record => {
            let newest = crate::states::view::newest_place(rig);
            start(Region::Journal) + 128 * newest + 50
        }
    };
    let byte = rig.flash.bytes()[at as usize];
    rig.flash.corrupt(at, byte ^ 0x42);
}
