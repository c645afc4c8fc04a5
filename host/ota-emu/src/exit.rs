//! How a run ends, and what silicon would not have forgiven.

use core::fmt;

/// Why [`Board::run`](crate::Board::run) came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// The power went, in the flash operation that was armed. [`Board::power_up`] goes on.
    ///
    /// [`Board::power_up`]: crate::Board::power_up
    PowerCut,
    /// The chip has been reset; the next run starts in the boot ROM.
    Reset(Reset),
    /// The firmware did what no board forgives. The board is of no use until it is powered up.
    Fault(Fault),
    /// The core is locked up (a fault in the hard fault handler), and no watchdog is running.
    LockedUp {
        /// Where the second fault happened.
        pc: u32,
    },
    /// The core sleeps, or goes round in a loop that does nothing, and nothing is left that could
    /// wake it.
    Asleep,
    /// The boot ROM found no valid second stage at the start of the flash and waits for USB.
    NoSecondStage,
    /// The firmware is about to erase or program flash: see
    /// [`Board::run_to_flash_call`](crate::Board::run_to_flash_call).
    FlashCall,
    /// The next instruction is one that [`Board::run_to`](crate::Board::run_to) waited for.
    Reached,
    /// The text that [`Board::run_until`](crate::Board::run_until) waited for was logged.
    Seen,
    /// As many instructions as allowed were executed.
    Limit,
}

/// What reset the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// The watchdog was not fed in time.
    WatchdogTimeout,
    /// The firmware pulled the watchdog's trigger.
    WatchdogForced,
    /// The firmware asked for a reset (`SCB::sys_reset`): on the RP2040 that of the core only.
    System,
    /// The firmware had the option bytes loaded.
    OptionBytes,
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WatchdogTimeout => "the watchdog was not fed",
            Self::WatchdogForced => "the watchdog was triggered",
            Self::System => "the core was asked for it",
            Self::OptionBytes => "the option bytes are loaded",
        })
    }
}

/// Something that a real chip answers with damage, rubbish or silence. Addresses are the
/// core's, offsets count from the start of the flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A store into the flash window, which is read-only.
    XipStore {
        /// Where the store went.
        address: u32,
    },
    /// The flash window was read or executed while it was not in XIP mode: the SSI is set up
    /// for commands.
    NotInXip {
        /// What was read.
        address: u32,
    },
    /// The flash window was read or executed while the flash was erasing or programming.
    XipWhileBusy {
        /// What was read.
        address: u32,
    },
    /// The flash was changed and is read through a cache that was not flushed.
    StaleCache {
        /// What was read.
        address: u32,
    },
    /// A program would have to turn a 0 into a 1.
    ZeroToOne {
        /// The first such byte.
        offset: u32,
    },
    /// A byte that was programmed since its erase is programmed again.
    ProgrammedTwice {
        /// Where the program began.
        offset: u32,
    },
    /// A program or an erase touched a protected range, or any while the flash chip protects itself:
    /// the chip ignores it.
    Protected {
        /// Where the operation began.
        offset: u32,
    },
    /// A guard of the flash did not approve a program.
    NotApproved {
        /// Where the program began.
        offset: u32,
    },
    /// The range of a program or an erase is not made of whole pages or sectors: the chip would
    /// wrap around inside the page, or erase more than was asked for.
    FlashRange {
        /// Where the range begins.
        offset: u32,
        /// Its length in bytes.
        len: u32,
    },
    /// The file behind the flash could not be written.
    FlashFile,
    /// A program or an erase without a write enable before it: the chip ignores it.
    NotWriteEnabled,
    /// A command to the flash chip while it was busy: the chip ignores it.
    CommandWhileBusy {
        /// The command.
        command: u8,
    },
    /// A command to the flash chip while it took every byte for an address, because the
    /// continuous read mode was not left (`flash_exit_xip`).
    CommandInContinuousRead {
        /// The first byte.
        command: u8,
    },
    /// A command that the flash chip does not have.
    UnknownCommand {
        /// The command.
        command: u8,
    },
    /// A flash function of the boot ROM was called while the SSI was still in XIP mode.
    RomNeedsCommandMode,
    /// A function of the boot ROM that the stand-in does not have.
    RomFunction {
        /// The two letters of its code.
        code: [u8; 2],
    },
    /// A load or store whose address is not a multiple of its size.
    Unaligned {
        /// The instruction.
        pc: u32,
    },
    /// An instruction that the core does not have.
    Undefined {
        /// The instruction.
        pc: u32,
    },
    /// A breakpoint without a debugger, which is a hard fault.
    Breakpoint {
        /// The instruction.
        pc: u32,
    },
    /// A load, a store or a jump to where there is nothing.
    Nothing {
        /// Where there is nothing.
        address: u32,
    },
    /// The firmware uses a device that is not modelled.
    NotModelled {
        /// A register of the device.
        address: u32,
    },
    /// A register of a device that was not given its clock.
    NoClock {
        /// The register.
        address: u32,
    },
    /// A step that the flash interface does not allow here.
    FlashSequence {
        /// What was to be changed.
        offset: u32,
        /// The chip's name for it, and what it means.
        error: &'static str,
    },
    /// A register of a device that is held in reset.
    HeldInReset {
        /// The register.
        address: u32,
    },
    /// The banks of the flash changed places while code ran in them: what follows is other code.
    CodeExchanged {
        /// The instruction that did it.
        pc: u32,
    },
    /// The watchdog fires, but `PSM.WDSEL` does not select the core: nothing is reset.
    WatchdogSelectsNothing,
    /// The flash window was read or executed while the cache, or its bus, was off.
    CacheOff {
        /// What was read.
        address: u32,
    },
    /// The flash window was read or executed where the MMU shows nothing.
    NotMapped {
        /// What was read.
        address: u32,
    },
    /// A device was used in a way that it ignores, or that gives rubbish.
    Misuse {
        /// The register.
        register: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// A function of the mask ROM that the stand-in does not have.
    MaskRom {
        /// Where it would be.
        address: u32,
        /// Where it was called from, or rather where it would have returned to.
        from: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::XipStore { address } => {
                write!(f, "a store into the flash window at {address:#010x}")
            }
            Self::NotInXip { address } => {
                write!(
                    f,
                    "{address:#010x} was read while the flash was not in XIP mode"
                )
            }
            Self::XipWhileBusy { address } => {
                write!(f, "{address:#010x} was read while the flash was busy")
            }
            Self::StaleCache { address } => {
                write!(
                    f,
                    "{address:#010x} was read through a cache that was not flushed"
                )
            }
            Self::ZeroToOne { offset } => {
                write!(
                    f,
                    "a program cannot turn 0 into 1, at flash offset {offset:#x}"
                )
            }
            Self::ProgrammedTwice { offset } => {
                write!(
                    f,
                    "flash offset {offset:#x} was programmed twice without an erase"
                )
            }
            Self::Protected { offset } => {
                write!(
                    f,
                    "flash offset {offset:#x} is protected and was to be changed"
                )
            }
            Self::NotApproved { offset } => {
                write!(f, "a guard refused the bytes for flash offset {offset:#x}")
            }
            Self::FlashRange { offset, len } => {
                write!(
                    f,
                    "{len} bytes at flash offset {offset:#x} are not whole pages or sectors"
                )
            }
            Self::FlashFile => f.write_str("the file behind the flash could not be written"),
            Self::NotWriteEnabled => f.write_str("the flash was not write enabled"),
            Self::CommandWhileBusy { command } => {
                write!(f, "flash command {command:#04x} while the flash was busy")
            }
            Self::CommandInContinuousRead { command } => {
                write!(f, "flash command {command:#04x} in continuous read mode")
            }
            Self::UnknownCommand { command } => write!(f, "unknown flash command {command:#04x}"),
            Self::RomNeedsCommandMode => {
                f.write_str("a flash function of the boot ROM was called without flash_exit_xip")
            }
            Self::RomFunction { code } => {
                let [a, b] = code.map(char::from);
                write!(f, "the stand-in boot ROM has no function {a}{b}")
            }
            Self::Unaligned { pc } => write!(f, "an unaligned access at pc {pc:#010x}"),
            Self::Undefined { pc } => write!(f, "an undefined instruction at pc {pc:#010x}"),
            Self::Breakpoint { pc } => write!(f, "a breakpoint at pc {pc:#010x}"),
            Self::Nothing { address } => write!(f, "there is nothing at {address:#010x}"),
            Self::NotModelled { address } => {
                write!(f, "the device at {address:#010x} is not modelled")
            }
            Self::NoClock { address } => {
                write!(f, "the device at {address:#010x} has no clock")
            }
            Self::FlashSequence { offset, error } => {
                write!(f, "{error}, at flash offset {offset:#x}")
            }
            Self::HeldInReset { address } => {
                write!(f, "the device at {address:#010x} is held in reset")
            }
            Self::CodeExchanged { pc } => {
                write!(
                    f,
                    "the banks changed places under the code at pc {pc:#010x}"
                )
            }
            Self::WatchdogSelectsNothing => {
                f.write_str("the watchdog fires, but PSM.WDSEL selects nothing to reset")
            }
            Self::CacheOff { address } => {
                write!(f, "{address:#010x} was read while the cache was off")
            }
            Self::NotMapped { address } => {
                write!(f, "{address:#010x} was read, where the MMU shows nothing")
            }
            Self::Misuse { register, what } => {
                write!(f, "the device at {register:#010x}: {what}")
            }
            Self::MaskRom { address, from } => {
                write!(
                    f,
                    "the stand-in mask ROM has no function at {address:#010x}, called from {from:#010x}"
                )
            }
        }
    }
}

impl core::error::Error for Fault {}

/// Why an operation of a device ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    PowerCut,
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
