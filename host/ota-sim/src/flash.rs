//! The flash: reading, programming, erasing, and the rules for them.

use crate::config::Config;
use crate::cut::Interrupted;
use crate::error::{FlashError, OnViolation, Violation};
use crate::fault::Faults;
use crate::file::Backing;
use crate::guard::{Guard, len32, overlap};
use crate::nor::Nor;
use crate::power::Power;
use crate::rng::Rng;
use crate::stats::Stats;
use crate::unit::Unit;
use core::ops::Range;
use std::sync::{Arc, OnceLock};

/// A NOR flash that power cuts can tear.
///
/// A clone is a snapshot: it costs a few words per erase unit, shares the contents until one of
/// the two writes, and is never backed by a file. Clones keep counters, armed cuts, protected
/// ranges and violations, and share their guards.
#[derive(Debug)]
pub struct Flash {
    pub(crate) config: Config,
    pub(crate) units: Vec<Arc<Unit>>,
    pub(crate) blank: Arc<Unit>,
    /// The contents in one piece, made when somebody asks for it.
    flat: OnceLock<Box<[u8]>>,
    pub(crate) power: Power,
    pub(crate) stats: Stats,
    pub(crate) status: Option<u16>,
    pub(crate) protected: Vec<Range<u32>>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) failing: Vec<Range<u32>>,
    pub(crate) faults: Faults,
    pub(crate) violations: Vec<Violation>,
    pub(crate) on_violation: OnViolation,
    pub(crate) backing: Option<Backing>,
}

impl Clone for Flash {
    fn clone(&self) -> Self {
        Self {
            config: self.config,
            units: self.units.clone(),
            blank: Arc::clone(&self.blank),
            flat: OnceLock::new(),
            power: self.power.clone(),
            stats: self.stats.clone(),
            status: self.status,
            protected: self.protected.clone(),
            guards: self.guards.clone(),
            failing: self.failing.clone(),
            faults: self.faults.clone(),
            violations: self.violations.clone(),
            on_violation: self.on_violation,
            backing: None,
        }
    }
}

/// The part of a range that lies in one erase unit.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) unit: usize,
    /// First byte within the unit.
    pub(crate) at: usize,
    pub(crate) len: usize,
    /// First byte within the range.
    pub(crate) from: usize,
}

impl Flash {
    /// A blank flash.
    ///
    /// # Panics
    /// If the sizes in `config` do not fit each other.
    #[must_use]
    pub fn new(config: Config) -> Self {
        config.check();
        let unit = Unit::blank(
            config.erase_size as usize,
            config.write_size as usize,
            config.erased,
        );
        let blank = Arc::new(unit);
        let units = config.units() as usize;
        Self {
            config,
            units: vec![Arc::clone(&blank); units],
            blank,
            flat: OnceLock::new(),
            power: Power::default(),
            stats: Stats {
                erases_per_unit: vec![0; units],
                ..Stats::default()
            },
            status: None,
            protected: Vec::new(),
            guards: Vec::new(),
            failing: Vec::new(),
            faults: Faults::default(),
            violations: Vec::new(),
            on_violation: OnViolation::default(),
            backing: None,
        }
    }

    /// The geometry.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The `embedded-storage` view. Panics if the sizes are not those of the flash.
    pub fn nor<const WRITE: usize, const ERASE: usize>(&mut self) -> Nor<'_, WRITE, ERASE> {
        Nor::new(self)
    }

    /// Reads `bytes.len()` bytes from `offset` on; any alignment.
    ///
    /// # Errors
    /// [`PowerCut`](FlashError::PowerCut), [`Unreadable`](FlashError::Unreadable) if a word in the
    /// range is (the buffer then holds rubbish), [`ReadFailed`](FlashError::ReadFailed),
    /// [`OutOfBounds`](FlashError::OutOfBounds).
    pub fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.powered()?;
        self.in_bounds("read", offset, bytes.len())?;
        self.stats.reads += 1;
        self.stats.bytes_read += bytes.len() as u64;
        let mut readable = true;
        for piece in self.pieces(offset, bytes.len()) {
            let unit = &self.units[piece.unit];
            let part = &mut bytes[piece.from..][..piece.len];
            part.copy_from_slice(&unit.data[piece.at..][..piece.len]);
            readable &= !unit.unreadable(piece.at, piece.len);
        }
        if readable {
            self.disturb_read(bytes)
        } else {
            Err(FlashError::Unreadable)
        }
    }

    /// Programs `bytes` at `offset`; both multiples of the write size. Each 256 bytes, counted
    /// from `offset`, are one operation.
    ///
    /// # Errors
    /// [`PowerCut`](FlashError::PowerCut), before or during; [`ProgramFailed`](FlashError::ProgramFailed)
    /// if a word did not take it (those before it did); [`File`](FlashError::File); the rest are
    /// violations, and nothing was programmed.
    pub fn program(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.powered()?;
        self.may_program(offset, bytes)?;
        self.stats.programs += 1;
        let mut at = offset;
        for page in bytes.chunks(self.config.page_size()) {
            self.stats.words += page.len() as u64 / u64::from(self.config.write_size);
            self.stats.bytes += page.len() as u64;
            self.change();
            if let Some(cut) = self.power.operation() {
                self.tear_program(cut, at, page);
                self.power.interrupted = Interrupted::Program {
                    offset: at,
                    len: len32(page),
                };
                return self
                    .persist_torn(at, page.len())
                    .and(Err(FlashError::PowerCut));
            }
            if self.takes_program(at, page)? {
                self.program_page(at, page)?;
            }
            at += len32(page);
        }
        Ok(())
    }

    /// Erases the units in `from..to`, both multiples of the erase size. Each unit is one
    /// operation.
    ///
    /// # Errors
    /// [`PowerCut`](FlashError::PowerCut), before or during;
    /// [`EraseFailed`](FlashError::EraseFailed); [`File`](FlashError::File); the rest are violations,
    /// and nothing was erased.
    pub fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.powered()?;
        self.may_erase(from, to)?;
        for unit in from / self.config.erase_size..to / self.config.erase_size {
            self.stats.erases += 1;
            self.stats.erases_per_unit[unit as usize] += 1;
            self.change();
            let offset = unit * self.config.erase_size;
            if let Some(cut) = self.power.operation() {
                self.tear_erase(cut, offset);
                self.power.interrupted = Interrupted::Erase { offset };
                let len = self.config.erase_size as usize;
                return self
                    .persist_torn(offset, len)
                    .and(Err(FlashError::PowerCut));
            }
            self.takes_erase(offset)?;
            self.erase_unit(offset)?;
        }
        Ok(())
    }

    fn program_page(&mut self, offset: u32, page: &[u8]) -> Result<(), FlashError> {
        let mut rng = Rng::from_parts(&[self.power.operations, u64::from(offset)]);
        let failing = self
            .failing
            .iter()
            .any(|range| overlap(range, offset, offset + len32(page)).is_some());
        let mut done = if failing {
            Err(FlashError::ProgramFailed)
        } else {
            Ok(())
        };
        for piece in self.pieces(offset, page.len()) {
            let unit = Arc::make_mut(&mut self.units[piece.unit]);
            let part = &page[piece.from..][..piece.len];
            done = done.and_then(|()| unit.program(piece.at, part, &mut rng));
        }
        self.persist(offset, page.len())?;
        done
    }

    fn erase_unit(&mut self, offset: u32) -> Result<(), FlashError> {
        let index = (offset / self.config.erase_size) as usize;
        let was_faulty = self.units[index].faulty;
        self.units[index] = Arc::clone(&self.blank);
        let end = offset + self.config.erase_size;
        self.power.forget_moving(&(offset..end));
        self.persist(offset, self.config.erase_size as usize)?;
        if was_faulty {
            self.persist_cells()
        } else {
            Ok(())
        }
    }

    /// The whole contents as a read would see them, unreadable words included. Not counted as a
    /// read; works with the power off. After a change the first call copies the whole flash.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.flat.get_or_init(|| {
            let mut flat = Vec::with_capacity(self.config.size as usize);
            for unit in &self.units {
                flat.extend_from_slice(&unit.data);
            }
            flat.into_boxed_slice()
        })
    }

    /// Operations that began so far: pages programmed, units erased, and writes of the status
    /// register, torn ones included.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.power.operations
    }

    /// A copy of the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats.clone()
    }

    /// The contents in one piece are out of date.
    pub(crate) fn change(&mut self) {
        self.flat = OnceLock::new();
    }

    pub(crate) const fn powered(&self) -> Result<(), FlashError> {
        if self.power.off {
            Err(FlashError::PowerCut)
        } else {
            Ok(())
        }
    }

    /// Splits a range, which lies inside the flash, at the borders of the erase units.
    pub(crate) fn pieces(&self, offset: u32, len: usize) -> impl Iterator<Item = Piece> + use<> {
        let (size, offset) = (self.config.erase_size as usize, offset as usize);
        let mut from = 0;
        core::iter::from_fn(move || {
            let (unit, at) = ((offset + from) / size, (offset + from) % size);
            let piece = Piece {
                unit,
                at,
                len: (size - at).min(len - from),
                from,
            };
            from += piece.len;
            (piece.len > 0).then_some(piece)
        })
    }
}
