//! `rpemu`: runs a firmware on a board, from a file that is its flash.

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use ota_emu::{Board, Chip, Exit, Forwards, esp32c3, rp2040, stm32};
use ota_sim::{Cut, Flash};
use std::path::PathBuf;

/// Which board.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// A W5500-EVB-Pico.
    Rp2040,
    /// A NUCLEO-L476RG.
    Stm32,
    /// A module with an ESP32-C3.
    Esp32c3,
}

/// Runs firmware on a board in software.
#[derive(Debug, Parser)]
#[command(name = "rpemu")]
struct Arguments {
    /// The flash of the board; created if it does not exist.
    flash: PathBuf,
    /// Which board it is.
    #[arg(long, value_enum, default_value_t = Which::Rp2040)]
    chip: Which,
    /// Put a file into the flash first: PATH@OFFSET (a missing offset is 0).
    #[arg(long, value_name = "PATH@OFFSET")]
    image: Vec<String>,
    /// An ELF whose defmt logs are to be decoded.
    #[arg(long, value_name = "ELF")]
    elf: Vec<PathBuf>,
    /// Leave the network cable unplugged, where there is one.
    #[arg(long)]
    no_network: bool,
    /// Lead a port of 10.0.2.2 to another port of 127.0.0.1: 80=8000.
    #[arg(long, value_name = "PORT=PORT", value_parser = parse_forward)]
    forward: Vec<(u16, u16)>,
    /// Cut the power in a flash operation, as in 17:blank-weak or 17:r5, and power up again.
    #[arg(long, value_name = "OPERATION:TEAR")]
    cut: Option<Cut>,
    /// How many instructions to run.
    #[arg(long, default_value_t = 1_000_000_000)]
    limit: u64,
    /// Stop after this many resets.
    #[arg(long, default_value_t = 20)]
    resets: u32,
    /// Stop when a line with this text is logged.
    #[arg(long)]
    until: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let path = &arguments.flash;
    match arguments.chip {
        Which::Rp2040 => {
            let mut board = build(&arguments, rp2040::flash_file(path))?;
            if !arguments.no_network {
                let forwards: Forwards = arguments.forward.iter().copied().collect();
                rp2040::Board::attach_network(&mut board, forwards);
            }
            run_and_tell(board, &arguments);
        }
        Which::Stm32 => {
            let board: stm32::Board = build(&arguments, stm32::flash_file(path))?;
            run_and_tell(board, &arguments);
        }
        Which::Esp32c3 => {
            let board: esp32c3::Board = build(&arguments, esp32c3::flash_file(path))?;
            run_and_tell(board, &arguments);
        }
    }
    Ok(())
}

fn run_and_tell<C: Chip>(mut board: Board<C>, arguments: &Arguments) {
    let exit = run(&mut board, arguments);
    println!(
        "{exit:?} at pc {:#010x}, {} flash operations, {} instructions, cuts {}",
        board.pc(),
        board.operations(),
        board.instructions(),
        board.flash().history()
    );
}

fn build<C: Chip>(
    arguments: &Arguments,
    flash: std::io::Result<Flash>,
) -> anyhow::Result<Board<C>> {
    let mut flash = flash.context("the flash file")?;
    for image in &arguments.image {
        let (path, offset) = image.split_once('@').unwrap_or((image, "0"));
        let bytes = std::fs::read(path).with_context(|| path.to_owned())?;
        flash.load(parse_offset(offset)?, &bytes);
    }
    let mut board = Board::new(flash);
    for elf in &arguments.elf {
        let bytes = std::fs::read(elf).with_context(|| elf.display().to_string())?;
        board.load_defmt(&bytes)?;
    }
    if let Some(cut) = arguments.cut {
        board.cut_at(cut.operation, cut.tear);
    }
    Ok(board)
}

fn parse_forward(text: &str) -> anyhow::Result<(u16, u16)> {
    let (from, to) = text.split_once('=').context("write PORT=PORT")?;
    Ok((from.parse()?, to.parse()?))
}

fn parse_offset(text: &str) -> anyhow::Result<u32> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.with_context(|| format!("{text} is no offset in the flash"))
}

/// Runs in portions, so that lines appear while they are logged.
fn run<C: Chip>(board: &mut Board<C>, arguments: &Arguments) -> Exit {
    const PORTION: u64 = 1_000_000;
    let (mut printed, mut resets) = (0, 0);
    loop {
        let exit = match &arguments.until {
            Some(text) => board.run_until(text, PORTION),
            None => board.run(PORTION),
        };
        for line in &board.logs()[printed..] {
            println!("{line}");
        }
        printed = board.logs().len();
        match exit {
            Exit::Limit if board.instructions() < arguments.limit => {}
            Exit::Reset(_) if resets < arguments.resets => resets += 1,
            Exit::PowerCut => board.power_up(),
            exit => return exit,
        }
    }
}
