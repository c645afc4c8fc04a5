//! The rules of the flash, and what happens to a call that breaks one.

use crate::error::{FlashError, OnViolation, Violation, ViolationKind};
use crate::flash::Flash;
use crate::guard::{Guard, len32, overlap};
use core::ops::Range;

impl Flash {
    /// From now on, a program or an erase that touches the range is a violation.
    pub fn protect(&mut self, range: Range<u32>) {
        self.protected.push(range);
    }

    /// From now on, `judge` is shown each program's part inside the range (offset in the flash,
    /// bytes), before anything is programmed; what it does not approve is a violation.
    pub fn guard(
        &mut self,
        range: Range<u32>,
        judge: impl FnMut(u32, &[u8]) -> bool + Send + 'static,
    ) {
        self.guards.push(Guard::new(range, judge));
    }

    /// What a violation does; by default it panics.
    pub const fn on_violation(&mut self, what: OnViolation) {
        self.on_violation = what;
    }

    /// Every violation so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(crate) fn may_program(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let call = "program";
        self.in_bounds(call, offset, bytes.len())?;
        let end = offset + len32(bytes);
        self.aligned(call, offset..end, self.config.write_size)?;
        self.unprotected(call, offset..end)?;
        let twice = self.pieces(offset, bytes.len()).find_map(|piece| {
            let word = self.units[piece.unit].programmed(piece.at, piece.len)?;
            let word = u32::try_from(word).ok()? * self.config.write_size;
            Some(u32::try_from(piece.unit).ok()? * self.config.erase_size + word)
        });
        if let Some(at) = twice {
            return self.violation(ViolationKind::ProgrammedTwice, call, at, bytes.len());
        }
        if !self
            .guards
            .iter()
            .all(|guard| guard.approves(offset, bytes))
        {
            return self.violation(ViolationKind::NotApproved, call, offset, bytes.len());
        }
        Ok(())
    }

    pub(crate) fn may_erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let call = "erase";
        let Some(len) = to.checked_sub(from) else {
            return self.violation(ViolationKind::OutOfBounds, call, from, 0);
        };
        self.in_bounds(call, from, len as usize)?;
        self.aligned(call, from..to, self.config.erase_size)?;
        self.unprotected(call, from..to)
    }

    pub(crate) fn in_bounds(
        &mut self,
        call: &'static str,
        offset: u32,
        len: usize,
    ) -> Result<(), FlashError> {
        if offset as usize + len <= self.config.size as usize {
            return Ok(());
        }
        self.violation(ViolationKind::OutOfBounds, call, offset, len)
    }

    fn aligned(
        &mut self,
        call: &'static str,
        range: Range<u32>,
        to: u32,
    ) -> Result<(), FlashError> {
        if range.start.is_multiple_of(to) && range.end.is_multiple_of(to) {
            return Ok(());
        }
        let len = (range.end - range.start) as usize;
        self.violation(ViolationKind::NotAligned, call, range.start, len)
    }

    fn unprotected(&mut self, call: &'static str, range: Range<u32>) -> Result<(), FlashError> {
        let touched = self
            .protected
            .iter()
            .find_map(|p| overlap(p, range.start, range.end));
        match touched {
            None => Ok(()),
            Some(at) => {
                let len = (range.end - range.start) as usize;
                self.violation(ViolationKind::Protected, call, at, len)
            }
        }
    }

    /// Records a violation, and panics unless told not to.
    fn violation(
        &mut self,
        kind: ViolationKind,
        call: &'static str,
        offset: u32,
        len: usize,
    ) -> Result<(), FlashError> {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let operation = self.power.operations;
        let violation = Violation {
            kind,
            call,
            offset,
            len,
            operation,
        };
        let text = violation.to_string();
        self.violations.push(violation);
        match self.on_violation {
            OnViolation::Record => Err(kind.error()),
            OnViolation::Panic => panic!("flash violation: {text} (cuts: {})", self.history()),
        }
    }
}
