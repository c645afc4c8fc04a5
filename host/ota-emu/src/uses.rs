//! Which parts of a flash were used.

/// A bit for each erase unit: whether anything in it was read or changed.
#[derive(Debug, Clone)]
pub(crate) struct Uses {
    /// The binary logarithm of an erase unit's size.
    shift: u32,
    bits: Box<[u64]>,
}

impl Uses {
    /// Of a flash with so many bytes, in erase units of 2^n bytes.
    pub(crate) fn new(size: u32, unit: u32) -> Self {
        Self {
            shift: unit.trailing_zeros(),
            bits: vec![0; (size / unit).div_ceil(64) as usize].into(),
        }
    }

    /// Remembers that something is read or changed there.
    #[inline]
    pub(crate) fn note(&mut self, offset: u32) {
        let unit = (offset >> self.shift) as usize;
        if let Some(bits) = self.bits.get_mut(unit / 64) {
            *bits |= 1 << (unit % 64);
        }
    }

    /// Whether the unit at this offset was read or changed.
    pub(crate) fn has(&self, offset: u32) -> bool {
        let unit = (offset >> self.shift) as usize;
        let bits = self.bits.get(unit / 64);
        bits.is_some_and(|bits| bits >> (unit % 64) & 1 != 0)
    }

    /// The units that were, by offset.
    pub(crate) fn units(&self) -> impl Iterator<Item = u32> {
        let all = 64 * self.bits.len();
        let offsets = (0_u32..).take(all).map(|unit| unit << self.shift);
        offsets.filter(|offset| self.has(*offset))
    }

    /// A reset: nothing was used since.
    pub(crate) fn forget(&mut self) {
        self.bits.fill(0);
    }
}
