//! What may be written where: protected ranges and guards that judge every program.

use core::fmt;
use core::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

type Judge = dyn FnMut(u32, &[u8]) -> bool + Send;

/// A range in which every program needs approval. Clones of a flash share the judge.
#[derive(Clone)]
pub(crate) struct Guard {
    range: Range<u32>,
    judge: Arc<Mutex<Judge>>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({:#x}..{:#x})", self.range.start, self.range.end)
    }
}

impl Guard {
    pub(crate) fn new(
        range: Range<u32>,
        judge: impl FnMut(u32, &[u8]) -> bool + Send + 'static,
    ) -> Self {
        Self {
            range,
            judge: Arc::new(Mutex::new(judge)),
        }
    }

    /// Shows the judge the part of the program inside the range.
    pub(crate) fn approves(&self, offset: u32, bytes: &[u8]) -> bool {
        let end = offset + len32(bytes);
        let (from, to) = (self.range.start.max(offset), self.range.end.min(end));
        if from >= to {
            return true;
        }
        let part = &bytes[(from - offset) as usize..(to - offset) as usize];
        // A judge that panicked did so in a test that expected it.
        let mut judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        judge(from, part)
    }
}

/// The length of a slice whose bounds were checked against the flash.
pub(crate) fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Where `range` and `offset..end` first meet.
pub(crate) fn overlap(range: &Range<u32>, offset: u32, end: u32) -> Option<u32> {
    let from = range.start.max(offset);
    (from < range.end.min(end)).then_some(from)
}
