//! The processor of an ESP32-C3: RV32IMC with Zicsr, machine mode only, interrupts by number.

mod compressed;
mod csr;
mod execute;
#[cfg(test)]
mod tests;

use compressed::expand;
pub use csr::Csrs;

/// How many bytes an access is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One.
    Byte,
    /// Two.
    Half,
    /// Four.
    Word,
}

/// What the processor is connected to. `None` is a bus error, which the firmware sees as an
/// exception.
pub trait Bus {
    /// Reads; the bytes above the width are zero.
    fn load(&mut self, address: u32, width: Width) -> Option<u32>;
    /// Writes; the bytes above the width do not matter.
    fn store(&mut self, address: u32, width: Width, value: u32) -> Option<()>;
    /// Reads half an instruction.
    fn fetch(&mut self, address: u32) -> Option<u16>;
}

/// What an instruction ran into. The firmware's handler is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// Nothing to execute at this address.
    Fetch(u32),
    /// No instruction that the processor has.
    Illegal(u32),
    /// `ebreak`, at this address.
    Breakpoint(u32),
    /// Nothing to read at this address.
    Load(u32),
    /// Nothing to write at this address.
    Store(u32),
    /// `ecall`.
    EnvironmentCall,
}

impl Exception {
    /// Of `mcause` and `mtval`.
    fn cause(self) -> (u32, u32) {
        match self {
            Self::Fetch(address) => (1, address),
            Self::Illegal(instruction) => (2, instruction),
            Self::Breakpoint(address) => (3, address),
            Self::Load(address) => (5, address),
            Self::Store(address) => (7, address),
            Self::EnvironmentCall => (11, 0),
        }
    }
}

/// Registers and state.
#[derive(Clone, Debug, Hash)]
pub struct Cpu {
    registers: [u32; 32],
    /// The next instruction's address.
    pub pc: u32,
    /// Control and status registers.
    pub csrs: Csrs,
    /// Whether it sleeps, in `wfi`; an interrupt wakes it, taken or not.
    pub asleep: bool,
}

impl Cpu {
    /// A processor about to execute here, as the mask ROM leaves it: interrupts enabled, which
    /// firmware relies on.
    #[must_use]
    pub fn starting_at(pc: u32) -> Self {
        Self {
            registers: [0; 32],
            pc,
            csrs: Csrs::default(),
            asleep: false,
        }
    }

    /// Register `x0` to `x31`.
    #[must_use]
    pub fn register(&self, number: usize) -> u32 {
        self.registers[number & 31]
    }

    /// Sets a register; `x0` stays zero.
    pub fn set_register(&mut self, number: usize, value: u32) {
        self.registers[number & 31] = value;
        self.registers[0] = 0;
    }

    /// Executes an instruction. An exception has been entered already when it is returned.
    pub fn step(&mut self, bus: &mut impl Bus) -> Option<Exception> {
        let exception = self.execute_next(bus).err()?;
        let (cause, value) = exception.cause();
        self.trap(cause, value);
        Some(exception)
    }

    /// Enters the handler of an interrupt, if interrupts are enabled. Wakes the processor if not.
    pub fn interrupt(&mut self, number: u32) -> bool {
        self.asleep = false;
        let enabled = self.csrs.interrupts_enabled();
        if enabled {
            self.trap(1 << 31 | number, 0);
        }
        enabled
    }

    fn trap(&mut self, cause: u32, value: u32) {
        self.pc = self.csrs.enter(cause, value, self.pc);
        self.asleep = false;
    }

    fn execute_next(&mut self, bus: &mut impl Bus) -> Result<(), Exception> {
        let pc = self.pc;
        let low = bus.fetch(pc).ok_or(Exception::Fetch(pc))?;
        if low & 3 != 3 {
            let instruction = expand(low).ok_or(Exception::Illegal(u32::from(low)))?;
            return self.execute(bus, instruction, 2);
        }
        let second = pc.wrapping_add(2);
        let high = bus.fetch(second).ok_or(Exception::Fetch(second))?;
        self.execute(bus, u32::from(high) << 16 | u32::from(low), 4)
    }
}
