//! RAM, and which parts of it code was executed from.

/// Bytes that are remembered together as "holds code".
const CODE_PAGE: usize = 256;

#[derive(Debug, Clone)]
pub(crate) struct Memory {
    start: u32,
    bytes: Box<[u8]>,
    code: Box<[bool]>,
    /// Stores into pages that hold code, since the last look: the core has to decode anew.
    changed_code: Vec<u32>,
}

impl Memory {
    /// Filled with rubbish, as after a power-up: nobody may rely on zeros.
    pub(crate) fn new(start: u32, len: usize) -> Self {
        let mut state = 0x9E37_79B9_u32;
        let rubbish = core::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        });
        Self {
            start,
            bytes: rubbish.take(len).collect(),
            code: vec![false; len / CODE_PAGE].into(),
            changed_code: Vec::new(),
        }
    }

    /// Its first address.
    pub(crate) const fn start(&self) -> u32 {
        self.start
    }

    const fn index(&self, address: u32) -> usize {
        address.wrapping_sub(self.start) as usize
    }

    pub(crate) fn read<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let at = self.index(address);
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// Whether there is memory at the address.
    pub(crate) fn write<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> bool {
        let at = self.index(address);
        let Some(place) = at
            .checked_add(N)
            .and_then(|end| self.bytes.get_mut(at..end))
        else {
            return false;
        };
        place.copy_from_slice(&bytes);
        if self.code[at / CODE_PAGE] {
            self.changed_code.push(address & !3);
        }
        true
    }

    /// Stores any number of bytes; none if they do not all exist.
    pub(crate) fn put(&mut self, address: u32, bytes: &[u8]) -> bool {
        let at = self.index(address);
        let Some(place) = at
            .checked_add(bytes.len())
            .and_then(|end| self.bytes.get_mut(at..end))
        else {
            return false;
        };
        place.copy_from_slice(bytes);
        for word in (address & !3..address + u32::try_from(bytes.len()).unwrap_or(0)).step_by(4) {
            if self.code[self.index(word.max(address)) / CODE_PAGE] {
                self.changed_code.push(word);
            }
        }
        true
    }

    /// Any number of bytes; none if they do not all exist.
    pub(crate) fn slice(&self, address: u32, len: usize) -> Option<&[u8]> {
        let at = self.index(address);
        self.bytes.get(at..at.checked_add(len)?)
    }

    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// The core is about to execute from here.
    pub(crate) fn execute(&mut self, address: u32) {
        let page = self.index(address) / CODE_PAGE;
        if let Some(code) = self.code.get_mut(page) {
            *code = true;
        }
    }

    pub(crate) fn take_changed_code(&mut self) -> Option<Vec<u32>> {
        (!self.changed_code.is_empty()).then(|| core::mem::take(&mut self.changed_code))
    }
}
