//! Tiny programs, written as instructions, that run without a toolchain.

/// A program under construction: instructions, then the words it loads.
#[derive(Default)]
pub(crate) struct Program {
    code: Vec<u16>,
    /// Where a literal is loaded, and its value.
    literals: Vec<(usize, u32)>,
}

impl Program {
    /// `ldr rN, =value`.
    pub(crate) fn load(mut self, register: u16, value: u32) -> Self {
        self.literals.push((self.code.len(), value));
        self.code.push(0x4800 | register << 8);
        self
    }

    /// `str value, [address]`, by way of r6 and r7.
    pub(crate) fn store(self, address: u32, value: u32) -> Self {
        self.load(6, value).load(7, address).op(0x603E)
    }

    /// `ldr rN, [address]`, by way of r7.
    pub(crate) fn fetch(self, register: u16, address: u32) -> Self {
        self.load(7, address).op(0x6838 | register)
    }

    /// Any instruction.
    pub(crate) fn op(mut self, instruction: u16) -> Self {
        self.code.push(instruction);
        self
    }

    /// All of another program.
    pub(crate) fn then(mut self, other: Self) -> Self {
        let behind = self.code.len();
        let literals = other.literals.into_iter();
        self.literals
            .extend(literals.map(|(at, value)| (behind + at, value)));
        self.code.extend(other.code);
        self
    }

    /// `bkpt`, at which a run ends.
    pub(crate) fn done(self) -> Self {
        self.op(0xBE00)
    }

    /// The bytes, literals after the code.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        if !self.code.len().is_multiple_of(2) {
            self.code.push(0xBF00);
        }
        let pool = self.code.len() * 2;
        for (i, &(at, _)) in self.literals.iter().enumerate() {
            let base = (at * 2 + 4) & !3;
            let words = (pool + i * 4 - base) / 4;
            self.code[at] |= u16::try_from(words).expect("the literal is near");
        }
        assert!(pool + self.literals.len() * 4 < 1024, "one pool reaches");
        let code = self.code.iter().flat_map(|op| op.to_le_bytes());
        let words = self
            .literals
            .iter()
            .flat_map(|(_, value)| value.to_le_bytes());
        code.chain(words).collect()
    }
}
