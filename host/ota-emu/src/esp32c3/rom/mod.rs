//! Stand-in for the mask ROM: functions that the host serves, and the boot.
//!
//! The chip's own ROM cannot be handed on. Its functions are at addresses that never change, which
//! `esp32c3.rom.ld` of ESP-IDF lists; what they do is in the headers beside it. A function that
//! takes time, such as one that erases flash, does a part of its work each time it is served: in
//! between the devices go on, watchdogs bite, and interrupts are taken.

pub(crate) mod boot;
mod cache;
mod flash;
mod floats;
mod integers;
mod memory;
mod system;

use super::bus::Bus;
use super::cpu::Cpu;
use crate::exit::Fault;
use core::hash::{Hash as _, Hasher};
use std::collections::BTreeMap;

pub(crate) use flash::changes_flash;

/// Where the ROM is: code, and constants.
pub(crate) const START: u32 = 0x4000_0000;
const LEN: u32 = 0x6_0000;
/// Whose chip and revision it is for.
const CHIP_ID: (u32, u32) = (START + 0x10, 5);
const REVISION: (u32, u32) = (START + 0x14, 3);

/// What came of serving a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done, and this is its result.
    Returns(u32),
    /// A result of 64 bits.
    Wide(u64),
    /// It is not done: it goes on at this time.
    Waits(u64),
    /// There is no such function.
    Unknown,
}

/// A function that is under way.
#[derive(Debug, Clone, Copy)]
struct Call {
    function: u32,
    /// The caller's stack and return address, which tell it from another call.
    stack: u32,
    from: u32,
    began: u64,
    /// How much of the work is done.
    done: u32,
}

/// What the ROM keeps.
#[derive(Debug, Clone)]
pub(crate) struct Rom {
    call: Option<Call>,
    /// Registers of the analog parts, by block and number.
    analog: BTreeMap<(u32, u32), u32>,
    cpu_mhz: u32,
}

impl Rom {
    pub(crate) const fn new() -> Self {
        Self {
            call: None,
            analog: BTreeMap::new(),
            cpu_mhz: 20,
        }
    }

    /// What decides how a function goes on: not when it began.
    pub(crate) fn hash(&self, hasher: &mut impl Hasher) {
        let call = self.call.map(|call| (call.function, call.done));
        call.hash(hasher);
    }

    /// Whether a function has done a part of its work.
    pub(crate) const fn is_under_way(&self) -> bool {
        self.call.is_some()
    }
}

/// What the function that the core is at does, if that is to compute, to move memory, and to read
/// these bytes of the flash.
pub(super) fn computes(cpu: &Cpu) -> Option<core::ops::Range<u32>> {
    let function = cpu.pc - START;
    let arguments = core::array::from_fn(|i| cpu.register(10 + i));
    let computes = memory::has(function) || integers::RANGE.contains(&function);
    flash::reads(function, arguments).or(computes.then_some(0..0))
}

/// Whether an address is in the ROM's code.
pub(crate) const fn contains(address: u32) -> bool {
    address.wrapping_sub(START) < LEN
}

/// A constant in the ROM.
pub(crate) fn constant(address: u32) -> Option<u32> {
    let constants = [CHIP_ID, REVISION].into_iter();
    constants
        .filter(|(at, _)| *at == address)
        .map(|(_, value)| value)
        .next()
}

/// Arguments, and where to return to.
struct Frame {
    function: u32,
    arguments: [u32; 8],
    stack: u32,
    from: u32,
}

impl Frame {
    fn of(cpu: &Cpu) -> Self {
        Self {
            function: cpu.pc - START,
            arguments: core::array::from_fn(|i| cpu.register(10 + i)),
            stack: cpu.register(2),
            from: cpu.register(1),
        }
    }
}

/// Who serves functions: the first that knows one.
const FUNCTIONS: [fn(&Frame, &mut Bus) -> Outcome; 6] = [
    memory::serve,
    integers::serve,
    floats::serve,
    flash::serve,
    cache::serve,
    system::serve,
];

/// Serves the function that the core is at. When to go on with it, if it is not done.
pub(crate) fn serve(cpu: &mut Cpu, bus: &mut Bus) -> Option<u64> {
    let frame = Frame::of(cpu);
    let outcome = FUNCTIONS
        .iter()
        .map(|serve| serve(&frame, bus))
        .find(|outcome| *outcome != Outcome::Unknown)
        .unwrap_or(Outcome::Unknown);
    let result = match outcome {
        Outcome::Waits(until) => return Some(until),
        Outcome::Unknown => {
            let (address, from) = (cpu.pc, frame.from);
            bus.fail(Fault::MaskRom { address, from });
            return None;
        }
        Outcome::Returns(result) => result,
        Outcome::Wide(result) => {
            cpu.set_register(11, (result >> 32) as u32);
            (result & 0xFFFF_FFFF) as u32
        }
    };
    cpu.set_register(10, result);
    cpu.pc = frame.from;
    None
}

impl Frame {
    /// This call, begun before or now. `None` if another one is under way: one of the functions
    /// that cannot be done twice at once was interrupted by a call of one.
    fn call(&self, bus: &mut Bus) -> Option<Call> {
        let new = Call {
            function: self.function,
            stack: self.stack,
            from: self.from,
            began: bus.now,
            done: 0,
        };
        let call = *bus.rom.call.get_or_insert(new);
        let same = (call.function, call.stack, call.from) == (new.function, new.stack, new.from);
        same.then_some(call)
    }
}
