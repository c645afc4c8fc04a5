//! Tiny programs for a RISC-V core, written as instructions, that run without a toolchain.

pub(crate) const RA: u32 = 1;
pub(crate) const SP: u32 = 2;
pub(crate) const T0: u32 = 5;
pub(crate) const T1: u32 = 6;
pub(crate) const A0: u32 = 10;

pub(crate) const WFI: u32 = 0x1050_0073;
pub(crate) const MRET: u32 = 0x3020_0073;
pub(crate) const EBREAK: u32 = 0x0010_0073;
/// `j .`
pub(crate) const FOR_EVER: u32 = 0x0000_006F;
/// `csrci mstatus, 8`: interrupts wake, and are not taken.
pub(crate) const MASK: u32 = 0x3004_7073;

/// A program under construction.
#[derive(Clone, Default)]
pub(crate) struct Program(Vec<u32>);

impl Program {
    /// Any instruction.
    pub(crate) fn op(mut self, instruction: u32) -> Self {
        self.0.push(instruction);
        self
    }

    /// All of another program.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The same so many times.
    pub(crate) fn times(self, count: usize, part: &Self) -> Self {
        (0..count).fold(self, |program, _| program.then(part.clone()))
    }

    /// `li register, value`.
    pub(crate) fn load(self, register: u32, value: u32) -> Self {
        let upper = value.wrapping_add(0x800) & !0xFFF;
        let lower = value.wrapping_sub(upper) & 0xFFF;
        // lui; addi
        self.op(upper | register << 7 | 0x37)
            .op(lower << 20 | register << 15 | register << 7 | 0x13)
    }

    /// `lw register, 0(address)`, by way of t1.
    pub(crate) fn fetch(self, register: u32, address: u32) -> Self {
        self.load(T1, address)
            .op(T1 << 15 | 2 << 12 | register << 7 | 0x03)
    }

    /// `sw register, 0(address)`, by way of t1.
    pub(crate) fn put(self, register: u32, address: u32) -> Self {
        self.load(T1, address)
            .op(register << 20 | T1 << 15 | 2 << 12 | 0x23)
    }

    /// Stores a value, by way of t0 and t1.
    pub(crate) fn store(self, address: u32, value: u32) -> Self {
        self.load(T0, value).put(T0, address)
    }

    /// `csrr register, number`.
    pub(crate) fn control(self, register: u32, number: u32) -> Self {
        self.op(number << 20 | 2 << 12 | register << 7 | 0x73)
    }

    /// `csrw number, register`.
    pub(crate) fn set_control(self, number: u32, register: u32) -> Self {
        self.op(number << 20 | register << 15 | 1 << 12 | 0x73)
    }

    /// Calls a function with these arguments, by way of t0.
    pub(crate) fn call<const N: usize>(self, function: u32, arguments: [u32; N]) -> Self {
        let program = (A0..)
            .zip(arguments)
            .fold(self, |program, (register, value)| {
                program.load(register, value)
            });
        program.load(T0, function).op(T0 << 15 | RA << 7 | 0x67)
    }

    /// Jumps to an address.
    pub(crate) fn jump(self, address: u32) -> Self {
        self.load(T0, address).op(T0 << 15 | 0x67)
    }

    /// `ebreak`, at which a run ends.
    pub(crate) fn done(self) -> Self {
        self.op(EBREAK)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_iter().flat_map(u32::to_le_bytes).collect()
    }
}
