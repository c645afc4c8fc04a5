//! Programs on the board, with their exception handlers, from flash or RAM.

pub(crate) use crate::assembler::Program;
use ota_emu::stm32::{Board, FLASH_START, flash};
use ota_emu::{Exit, Fault};

/// Where programs and what belongs to them are put, as offsets in the flash.
const DEFAULT_HANDLER: u32 = 0x200;
const PROGRAM: u32 = 0x400;
const HANDLERS: u32 = 0x800;
const FOR_RAM: u32 = 0x1000;
/// Exceptions that have a place in the vector table.
const VECTORS: u32 = 16 + 82;
const STACK: u32 = 0x2001_0000;
/// Where a program that runs from RAM lies.
pub(crate) const IN_RAM: u32 = 0x2000_0000;
/// Where programs leave what they saw.
pub(crate) const SEEN: u32 = 0x2000_8000;

pub(crate) const RCC: u32 = 0x4002_1000;
pub(crate) const FLASH: u32 = 0x4002_2000;
pub(crate) const SR: u32 = FLASH + 0x10;
pub(crate) const CR: u32 = FLASH + 0x14;
pub(crate) const ENABLE_INTERRUPTS: u32 = 0xE000_E100;
/// `b .`
pub(crate) const FOR_EVER: u16 = 0xE7FE;
pub(crate) const WFI: u16 = 0xBF30;

impl Program {
    /// Leaves a register of a device as the `nth` word of [`SEEN`].
    pub(crate) fn note(self, nth: u32, register: u32) -> Self {
        // str r5, [r7]
        self.fetch(5, register).load(7, SEEN + 4 * nth).op(0x603D)
    }

    /// With the flash unlocked.
    pub(crate) fn unlocked() -> Self {
        Self::default()
            .store(FLASH + 8, 0x4567_0123)
            .store(FLASH + 8, 0xCDEF_89AB)
    }

    /// Programs a double word.
    pub(crate) fn program(self, offset: u32, low: u32, high: u32) -> Self {
        let address = FLASH_START + offset;
        self.store(CR, 1)
            .store(address, low)
            .store(address + 4, high)
    }

    /// Starts to erase a page.
    pub(crate) fn erase(self, page: u32) -> Self {
        let bank = page / 256;
        self.store(CR, 1 << 16 | bank << 11 | (page % 256) << 3 | 2)
    }

    /// Empties the data cache, as must be done after an erase.
    pub(crate) fn empty_cache(self) -> Self {
        self.store(FLASH, 0)
            .store(FLASH, 1 << 12)
            .store(FLASH, 0x600)
    }

    /// A board that runs it from flash.
    pub(crate) fn in_flash(self) -> Board {
        self.with_handlers([])
    }

    /// A board that runs it from flash, with handlers for these exceptions.
    pub(crate) fn with_handlers<const N: usize>(self, handlers: [(u32, Self); N]) -> Board {
        let mut vectors = vec![FLASH_START + DEFAULT_HANDLER + 1; VECTORS as usize];
        vectors[0] = STACK;
        vectors[1] = FLASH_START + PROGRAM + 1;
        let mut flash = flash();
        flash.load(DEFAULT_HANDLER, &0xBEFF_u16.to_le_bytes());
        flash.load(PROGRAM, &self.bytes());
        for (at, (exception, handler)) in (HANDLERS..).step_by(0x200).zip(handlers) {
            vectors[exception as usize] = FLASH_START + at + 1;
            flash.load(at, &handler.bytes());
        }
        let vectors: Vec<u8> = vectors.into_iter().flat_map(u32::to_le_bytes).collect();
        flash.load(0, &vectors);
        Board::new(flash)
    }

    /// A board that runs it from RAM.
    pub(crate) fn in_ram(self) -> Board {
        // A loop that carries 1 KiB to RAM and jumps there.
        let start = Self::default()
            .load(0, FLASH_START + FOR_RAM)
            .load(1, IN_RAM)
            .load(2, 1024)
            // 1: ldr r3, [r0]; str r3, [r1]; adds r0, 4; adds r1, 4; subs r2, 4; bne 1b
            .op(0x6803)
            .op(0x600B)
            .op(0x3004)
            .op(0x3104)
            .op(0x3A04)
            .op(0xD1F9)
            .load(0, IN_RAM | 1)
            .op(0x4700);
        let mut board = start.in_flash();
        board.edit_flash(|flash| flash.load(FOR_RAM, &[0xA5; 1024]));
        board.edit_flash(|flash| flash.load(FOR_RAM, &self.bytes()));
        board
    }
}

/// The words that a program left behind.
pub(crate) fn seen<const N: usize>(board: &Board) -> [u32; N] {
    let at = core::array::from_fn(|i| SEEN + 4 * u32::try_from(i).expect("a few words"));
    at.map(|at| board.word(at).expect("it is in RAM"))
}

/// Runs to the `bkpt` of [`Program::done`].
#[track_caller]
pub(crate) fn run_to_end(board: &mut Board) {
    let exit = board.run(1_000_000);
    let default = FLASH_START + DEFAULT_HANDLER;
    assert!(
        matches!(exit, Exit::Fault(Fault::Breakpoint { pc }) if pc != default),
        "{exit:?}"
    );
}
