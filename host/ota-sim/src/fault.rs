//! What goes wrong without a power cut: flash that wears out, does not answer, or forgets.

use crate::error::FlashError;
use crate::flash::Flash;
use crate::guard::len32;
use crate::rng::Rng;
use core::fmt;
use core::str::FromStr;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The program reports success and changes nothing. Counted in operations.
    IgnoredProgram,
    /// The erase fails and changes nothing, this once. Counted in operations.
    FailedErase,
    /// The erase fails and changes nothing, as does every later one of that unit; it can still be
    /// programmed. Counted in operations.
    WornUnit,
    /// The unit takes no erase and no program any more, and keeps what it holds. Counted in
    /// operations.
    DeadUnit,
    /// The same, and one of its bits changes at every power-up. Counted in operations.
    RottingUnit,
    /// So many reads in a row fail. Counted in reads.
    FailedReads(u32),
    /// One bit of what is read is wrong, this once. Counted in reads.
    FlippedRead,
    /// This bit of this byte is the opposite of what it was. Counted in power-ups.
    FlippedBit {
        /// The byte.
        offset: u32,
        /// The bit, 0 to 7.
        bit: u8,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IgnoredProgram => f.write_str("ignored-program"),
            Self::FailedErase => f.write_str("failed-erase"),
            Self::WornUnit => f.write_str("worn-unit"),
            Self::DeadUnit => f.write_str("dead-unit"),
            Self::RottingUnit => f.write_str("rotting-unit"),
            Self::FailedReads(reads) => write!(f, "failed-reads@{reads}"),
            Self::FlippedRead => f.write_str("flipped-read"),
            Self::FlippedBit { offset, bit } => write!(f, "flipped-bit@{offset}.{bit}"),
        }
    }
}

impl FromStr for Trouble {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let number = |text: &str| text.parse().map_err(|_| ParseFaultError);
        match text.split_once('@') {
            None => Ok(match text {
                "ignored-program" => Self::IgnoredProgram,
                "failed-erase" => Self::FailedErase,
                "worn-unit" => Self::WornUnit,
                "dead-unit" => Self::DeadUnit,
                "rotting-unit" => Self::RottingUnit,
                "flipped-read" => Self::FlippedRead,
                _ => return Err(ParseFaultError),
            }),
            Some(("failed-reads", reads)) => Ok(Self::FailedReads(number(reads)?)),
            Some(("flipped-bit", place)) => {
                let (offset, bit) = place.split_once('.').ok_or(ParseFaultError)?;
                let bit = bit.parse().map_err(|_| ParseFaultError)?;
                let offset = number(offset)?;
                (bit < 8)
                    .then_some(Self::FlippedBit { offset, bit })
                    .ok_or(ParseFaultError)
            }
            Some(_) => Err(ParseFaultError),
        }
    }
}

/// A trouble and when it comes: 1 is the next operation, read or power-up, whichever the trouble
/// is counted in.
///
/// Its text, `17:dead-unit` or `3:flipped-bit@8192.5`, is the id to replay it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// When.
    pub at: u64,
    /// What.
    pub trouble: Trouble,
}

impl Fault {
    /// A trouble in the `at`-th operation, read or power-up from now.
    #[must_use]
    pub const fn new(at: u64, trouble: Trouble) -> Self {
        Self { at, trouble }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.at, self.trouble)
    }
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let (at, trouble) = text.split_once(':').ok_or(ParseFaultError)?;
        Ok(Self {
            at: at.parse().map_err(|_| ParseFaultError)?,
            trouble: trouble.parse()?,
        })
    }
}

/// The text is no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseFaultError;

impl fmt::Display for ParseFaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a fault: write AT:TROUBLE, for instance 17:dead-unit")
    }
}

impl core::error::Error for ParseFaultError {}

/// The faults to come, counted from when the flash was made, and the units that are worn out.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Faults {
    armed: Vec<Fault>,
    /// First bytes of the units that take no erase.
    worn: Vec<u32>,
    /// Those that take no program either.
    dead: Vec<u32>,
    /// Those of them that rot.
    rotting: Vec<u32>,
    power_ups: u64,
    struck: u64,
}

impl Faults {
    pub(crate) const fn is_empty(&self) -> bool {
        self.armed.is_empty() && self.worn.is_empty()
    }

    fn has(&self, at: u64, trouble: Trouble) -> bool {
        self.armed.contains(&Fault { at, trouble })
    }
}

impl Flash {
    /// Arms a fault besides those that are armed, and besides cuts.
    pub fn arm_fault(&mut self, fault: Fault) {
        let done = match fault.trouble {
            Trouble::FailedReads(_) | Trouble::FlippedRead => self.stats.reads,
            Trouble::FlippedBit { .. } => self.faults.power_ups,
            _ => self.power.operations,
        };
        self.faults.armed.push(Fault {
            at: done + fault.at,
            ..fault
        });
    }

    /// The unit that begins at `offset` is worn out: it takes no erase any more, nor, if it is
    /// dead, a program.
    pub fn wear_out(&mut self, offset: u32, dead: bool) {
        self.faults.worn.push(offset);
        if dead {
            self.faults.dead.push(offset);
        }
    }

    /// Everything that wore out is as new, and no fault is to come any more.
    pub fn mend(&mut self) {
        self.faults = Faults {
            power_ups: self.faults.power_ups,
            struck: self.faults.struck,
            ..Faults::default()
        };
    }

    /// How often a fault has shown so far: an erase or a program that failed or was ignored, a
    /// read that failed or was wrong, a bit that turned round.
    #[must_use]
    pub const fn struck(&self) -> u64 {
        self.faults.struck
    }

    /// Wears units out in the operation that begins now, on these units.
    fn wear(&mut self, units: impl Iterator<Item = u32> + Clone) {
        let now = self.power.operations;
        let faults = &mut self.faults;
        let (rots, dies) = (
            faults.has(now, Trouble::RottingUnit),
            faults.has(now, Trouble::DeadUnit),
        );
        if rots {
            faults.rotting.extend(units.clone());
        }
        if rots || dies {
            faults.dead.extend(units.clone());
        }
        if rots || dies || faults.has(now, Trouble::WornUnit) {
            faults.worn.extend(units);
        }
    }

    /// What becomes of the program of a page: `Ok(false)`, nothing, silently.
    pub(crate) fn takes_program(&mut self, offset: u32, page: &[u8]) -> Result<bool, FlashError> {
        if self.faults.is_empty() {
            return Ok(true);
        }
        let (size, end) = (self.config.erase_size, offset + len32(page));
        let first = offset / size * size;
        let units = (first..end).step_by(size as usize);
        self.wear(units.clone());
        if units.clone().any(|unit| self.faults.dead.contains(&unit)) {
            self.faults.struck += 1;
            return Err(FlashError::ProgramFailed);
        }
        let ignored = self
            .faults
            .has(self.power.operations, Trouble::IgnoredProgram);
        self.faults.struck += u64::from(ignored);
        Ok(!ignored)
    }

    /// Whether the unit at `offset` can be erased.
    pub(crate) fn takes_erase(&mut self, offset: u32) -> Result<(), FlashError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        self.wear(core::iter::once(offset));
        let now = self.power.operations;
        let fails =
            self.faults.worn.contains(&offset) || self.faults.has(now, Trouble::FailedErase);
        self.faults.struck += u64::from(fails);
        if fails {
            Err(FlashError::EraseFailed)
        } else {
            Ok(())
        }
    }

    /// What becomes of a read that went well so far.
    pub(crate) fn disturb_read(&mut self, bytes: &mut [u8]) -> Result<(), FlashError> {
        let now = self.stats.reads;
        for fault in &self.faults.armed {
            match fault.trouble {
                Trouble::FailedReads(reads)
                    if (fault.at..fault.at + u64::from(reads)).contains(&now) =>
                {
                    self.faults.struck += 1;
                    return Err(FlashError::ReadFailed);
                }
                Trouble::FlippedRead if fault.at == now && !bytes.is_empty() => {
                    self.faults.struck += 1;
                    let mut rng = Rng::from_parts(&[fault.at, bytes.len() as u64]);
                    let byte = rng.below(bytes.len());
                    bytes[byte] ^= 1 << rng.below(8);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a power-up does to cells at rest.
    pub(crate) fn disturb_rest(&mut self) {
        self.faults.power_ups += 1;
        let now = self.faults.power_ups;
        let flips = self.faults.armed.iter().filter(|fault| fault.at == now);
        let mut flips: Vec<_> = flips
            .filter_map(|fault| match fault.trouble {
                Trouble::FlippedBit { offset, bit } => Some((offset, bit)),
                _ => None,
            })
            .collect();
        for unit in &self.faults.rotting {
            let mut rng = Rng::from_parts(&[now, u64::from(*unit)]);
            let byte = u32::try_from(rng.below(self.config.erase_size as usize)).unwrap_or(0);
            flips.push((unit + byte, rng.byte() % 8));
        }
        self.faults.struck += flips.len() as u64;
        for (offset, bit) in flips {
            self.flip(offset, bit);
        }
    }
}
