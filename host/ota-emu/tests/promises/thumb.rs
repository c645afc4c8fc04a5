//! Programs on the board: from RAM, from flash, or as its second stage.

pub(crate) use crate::assembler::Program;
use ota_emu::Exit;
use ota_emu::rp2040::{Board, flash};

/// Where programs are put.
const PROGRAM: u32 = 0x1000_0200;
/// Where their stack begins.
const STACK: u32 = 0x2004_0000;

impl Program {
    /// Looks a function of the boot ROM up by its code: r0.
    pub(crate) fn rom_address(self, code: &[u8; 2]) -> Self {
        let code = u32::from(u16::from_le_bytes(*code));
        // blx r4
        self.load(0, 0x200).load(1, code).load(4, 0x181).op(0x47A0)
    }

    /// `str r0, [address]`, by way of r7.
    pub(crate) fn store_result(self, address: u32) -> Self {
        self.load(7, address).op(0x6038)
    }

    /// Calls a function of the boot ROM by its code, r0 to r3 being loaded with `arguments`.
    pub(crate) fn rom(self, code: &[u8; 2], arguments: &[u32]) -> Self {
        // mov r4, r0
        let mut program = self.rom_address(code).op(0x0004);
        for (register, &argument) in (0..).zip(arguments) {
            program = program.load(register, argument);
        }
        program.op(0x47A0)
    }

    /// A board that runs it from flash.
    pub(crate) fn in_flash(self) -> Board {
        self.at(PROGRAM)
    }

    /// A board that runs it from RAM, where it may change the flash.
    pub(crate) fn in_ram(self) -> Board {
        // The copy begins in flash: a loop that carries 1 KiB to RAM and jumps there.
        let (source, target) = (0x1000_0400, 0x2000_0000);
        let start = Self::default()
            .load(0, source)
            .load(1, target)
            .load(2, 1024)
            // 1: ldr r3, [r0]; str r3, [r1]; adds r0, 4; adds r1, 4; subs r2, 4; bne 1b
            .op(0x6803)
            .op(0x600B)
            .op(0x3004)
            .op(0x3104)
            .op(0x3A04)
            .op(0xD1F9)
            .load(0, target | 1)
            .op(0x4700);
        let mut board = start.at(PROGRAM);
        board.edit_flash(|flash| flash.load(source & 0xFF_FFFF, &[0xA5; 1024]));
        board.edit_flash(|flash| flash.load(source & 0xFF_FFFF, &self.bytes()));
        board
    }

    /// A board whose second stage it is: the boot ROM copies it to RAM and jumps there.
    pub(crate) fn in_second_stage(self) -> Board {
        let mut stage = self.bytes();
        assert!(stage.len() <= 252, "a second stage is short");
        stage.resize(252, 0);
        stage.extend(checksum(&stage).to_le_bytes());
        let mut flash = flash();
        flash.load(0, &stage);
        Board::new(flash)
    }

    fn at(self, address: u32) -> Board {
        let mut flash = flash();
        let vectors = [STACK, address | 1].map(u32::to_le_bytes).concat();
        flash.load(0x100, &vectors);
        flash.load(address & 0xFF_FFFF, &self.bytes());
        let mut board = Board::new(flash);
        board.start_at(0x1000_0100);
        board
    }
}

/// The checksum of a second stage: CRC-32 as in MPEG-2.
fn checksum(bytes: &[u8]) -> u32 {
    let mut remainder = u32::MAX;
    for bit in bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
    {
        let top = remainder >> 31 ^ u32::from(bit);
        remainder = (remainder << 1) ^ (0x04C1_1DB7 * top);
    }
    remainder
}

/// Runs to the `bkpt` of [`Program::done`].
pub(crate) fn run_to_end(board: &mut Board) {
    let exit = board.run(1_000_000);
    assert!(
        matches!(exit, Exit::Fault(ota_emu::Fault::Breakpoint { .. })),
        "{exit:?}"
    );
}
