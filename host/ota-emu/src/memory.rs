//! RAM: 264 KiB, and which parts of it code was executed from.

/// Where it begins.
pub(crate) const RAM_START: u32 = 0x2000_0000;
const RAM_LEN: usize = 264 * 1024;
/// Bytes that are remembered together as "holds code".
const CODE_PAGE: usize = 256;

#[derive(Debug, Clone)]
pub(crate) struct Memory {
    bytes: Box<[u8]>,
    code: Box<[bool]>,
    /// Stores into pages that hold code, since the last look: the core has to decode anew.
    changed_code: Vec<u32>,
}

impl Memory {
    /// Filled with rubbish, as after a power-up: nobody may rely on zeros.
    pub(crate) fn new() -> Self {
        let mut state = 0x9E37_79B9_u32;
        let rubbish = core::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        });
        Self {
            bytes: rubbish.take(RAM_LEN).collect(),
            code: vec![false; RAM_LEN / CODE_PAGE].into(),
            changed_code: Vec::new(),
        }
    }

    fn index(address: u32) -> usize {
        address.wrapping_sub(RAM_START) as usize
    }

    pub(crate) fn read<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let at = Self::index(address);
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// Whether there is memory at the address.
    pub(crate) fn write<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> bool {
        let at = Self::index(address);
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

    /// Any number of bytes; none if they do not all exist.
    pub(crate) fn slice(&self, address: u32, len: usize) -> Option<&[u8]> {
        let at = Self::index(address);
        self.bytes.get(at..at.checked_add(len)?)
    }

    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// The core is about to execute from here.
    pub(crate) fn execute(&mut self, address: u32) {
        if let Some(code) = self.code.get_mut(Self::index(address) / CODE_PAGE) {
            *code = true;
        }
    }

    pub(crate) fn take_changed_code(&mut self) -> Option<Vec<u32>> {
        (!self.changed_code.is_empty()).then(|| core::mem::take(&mut self.changed_code))
    }
}
