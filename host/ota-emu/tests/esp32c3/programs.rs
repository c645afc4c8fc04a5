//! Programs on the board, as the second stage that the mask ROM loads.

use crate::riscv::FOR_EVER;
pub(crate) use crate::riscv::{A0, Program};
use ota_emu::esp32c3::{Board, flash};
use ota_emu::{Exit, Fault};

/// Where a program runs, and where programs leave what they saw.
pub(crate) const ENTRY: u32 = 0x4039_0000;
pub(crate) const SEEN: u32 = 0x3FC9_8000;
/// Where the table of handlers is, and the handler.
const VECTORS: u32 = 0x4039_4000;
const HANDLER: u32 = 0x4039_5000;

pub(crate) const ROM: u32 = 0x4000_0000;
pub(crate) const RTC: u32 = 0x6000_8000;
pub(crate) const RWDT: u32 = RTC + 0x90;
pub(crate) const RWDT_FEED: u32 = RTC + 0xA4;
pub(crate) const RWDT_KEY: u32 = RTC + 0xA8;
pub(crate) const SUPER: u32 = RTC + 0xAC;
pub(crate) const SUPER_KEY: u32 = RTC + 0xB0;
pub(crate) const MWDT: u32 = 0x6001_F048;
pub(crate) const KEY: u32 = 0x50D8_3AA1;
pub(crate) const MATRIX: u32 = 0x600C_2000;

/// Segments, each with its address.
pub(crate) type Segments = Vec<(u32, Vec<u8>)>;

/// An image as the mask ROM takes it.
pub(crate) fn image(entry: u32, segments: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let count = u8::try_from(segments.len()).expect("a few segments");
    let mut image = vec![0xE9, count, 2, 0x20];
    image.extend(entry.to_le_bytes());
    image.extend([0xEE, 0, 0, 0, 5, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0]);
    let mut sum = 0xEF;
    for (address, bytes) in segments {
        let len = u32::try_from(bytes.len()).expect("it is short");
        image.extend(address.to_le_bytes());
        image.extend(len.to_le_bytes());
        image.extend(bytes);
        sum = bytes.iter().fold(sum, |sum, byte| sum ^ byte);
    }
    image.resize(image.len() | 15, 0);
    image.push(sum);
    image
}

/// A board with these bytes at the start of its flash.
pub(crate) fn board_with(image: &[u8]) -> Board {
    let mut flash = flash();
    flash.load(0, image);
    Board::new(flash)
}

impl Program {
    /// With all watchdogs off that run after a reset.
    pub(crate) fn quiet() -> Self {
        Self::default()
            .store(RWDT_KEY, KEY)
            .store(RWDT, 0)
            .store(SUPER_KEY, 0x8F1D_312A)
            .store(SUPER, 1 << 31)
            .store(MWDT, 0)
    }

    /// Leaves a register of the core as the `nth` word of [`SEEN`].
    pub(crate) fn keep(self, nth: u32, register: u32) -> Self {
        self.put(register, SEEN + 4 * nth)
    }

    /// The same with a register of a device, or a word of memory.
    pub(crate) fn note(self, nth: u32, address: u32) -> Self {
        self.fetch(7, address).keep(nth, 7)
    }

    /// Calls a function of the mask ROM.
    pub(crate) fn rom<const N: usize>(self, function: u32, arguments: [u32; N]) -> Self {
        self.call(ROM + function, arguments)
    }

    /// Lets a source interrupt as number 1, and sets up the handlers' table.
    pub(crate) fn interrupted_by(self, source: u32) -> Self {
        self.load(5, VECTORS)
            .set_control(0x305, 5)
            .store(MATRIX + 4 * source, 1)
            .store(MATRIX + 0x114 + 4, 5)
            .store(MATRIX + 0x194, 1)
            .store(MATRIX + 0x104, 1 << 1)
    }

    /// A board that runs it.
    pub(crate) fn on_board(self) -> Board {
        board_with(&image(ENTRY, &[(ENTRY, self.bytes())]))
    }

    /// A board that runs it, and something else for interrupt 1.
    pub(crate) fn with_handler(self, handler: Self) -> Board {
        self.with_entry(1, handler)
    }

    /// The same for exceptions.
    pub(crate) fn with_exception_handler(self, handler: Self) -> Board {
        self.with_entry(0, handler)
    }

    fn with_entry(self, number: u32, handler: Self) -> Board {
        let table = (0..2).fold(Self::default(), |table, entry| {
            let offset = HANDLER - (VECTORS + 4 * entry);
            let jump =
                0x6F | (offset & 0xF_F000) | (offset >> 11 & 1) << 20 | (offset >> 1 & 0x3FF) << 21;
            table.op(if entry == number { jump } else { FOR_EVER })
        });
        let segments = [
            (ENTRY, self.bytes()),
            (VECTORS, table.bytes()),
            (HANDLER, handler.bytes()),
        ];
        board_with(&image(ENTRY, &segments))
    }
}

/// The words that a program left behind.
pub(crate) fn seen<const N: usize>(board: &Board) -> [u32; N] {
    let at = core::array::from_fn(|i| SEEN + 4 * u32::try_from(i).expect("a few words"));
    at.map(|at| board.word(at).expect("it is in RAM"))
}

/// Runs to the `ebreak` of [`Program::done`].
#[track_caller]
pub(crate) fn run_to_end(board: &mut Board) {
    let exit = board.run(10_000_000);
    assert!(
        matches!(exit, Exit::Fault(Fault::Breakpoint { .. })),
        "{exit:?}"
    );
}

/// How long that takes, in microseconds.
#[track_caller]
pub(crate) fn took(board: &mut Board) -> u64 {
    let start = board.now();
    run_to_end(board);
    board.now() - start
}

/// What ends the run of a program by mistake.
#[track_caller]
pub(crate) fn fault(mut board: Board) -> Fault {
    let exit = board.run(1_000_000);
    let Exit::Fault(fault) = exit else {
        panic!("no fault but {exit:?}");
    };
    assert_eq!(board.run(1), Exit::Fault(fault), "it does not go on");
    fault
}
