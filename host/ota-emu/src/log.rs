//! What the firmware says: `defmt` frames and plain text over RTT, and the UART.

use crate::memory::Memory;
use crate::rtt;
use anyhow::Context as _;
use core::ops::Range;
use defmt_decoder::{Encoding, Table};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often the logs are collected, in instructions.
pub(crate) const COLLECT: u64 = 8192;
/// How often RAM is searched for log buffers that no ELF file told of, in collections.
const SEARCH: u64 = 64;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `defmt`, over RTT.
    Defmt,
    /// Plain text over RTT.
    Rtt,
    /// The board's UART.
    Uart,
    /// The chip's USB, as a serial line.
    Usb,
    /// The board itself: resets.
    Board,
}

/// A line that the firmware logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was collected: microseconds of the board's time.
    pub at: u64,
    /// Where it came from.
    pub source: Source,
    /// The level, for `defmt`: `info`, `warn` and so on.
    pub level: Option<&'static str>,
    /// The text, without a line end.
    pub text: String,
}

impl core::fmt::Display for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (seconds, rest) = (self.at / 1_000_000, self.at % 1_000_000);
        let level = self.level.unwrap_or(match self.source {
            Source::Board => "board",
            _ => "",
        });
        write!(f, "{seconds:5}.{rest:06} {level:5} {}", self.text)
    }
}

/// A firmware whose `defmt` frames can be decoded.
#[derive(Debug, Clone)]
struct Program {
    table: Arc<Table>,
    /// Where its RTT control block is.
    block: u32,
    /// Where its code is.
    code: Range<u64>,
    /// What of it is executed from flash: addresses and bytes.
    flash: Vec<(u32, Vec<u8>)>,
}

impl Program {
    /// Whether this is the one that runs at `pc`. Versions of one firmware lie in the same place:
    /// the flash tells which it is.
    fn runs(&self, pc: u32, holds: impl Fn(u32, &[u8]) -> bool) -> bool {
        let mut flash = self.flash.iter();
        self.code.contains(&pc.into()) && flash.all(|(address, bytes)| holds(*address, bytes))
    }
}

/// Collects lines.
#[derive(Debug, Clone)]
pub struct Log {
    /// The addresses of code in flash.
    window: Range<u32>,
    programs: Vec<Program>,
    lines: Vec<Line>,
    /// Bytes that do not make a line yet: of UART and USB, and of each RTT control block.
    uart: Vec<u8>,
    usb: Vec<u8>,
    rtt: BTreeMap<u32, Vec<u8>>,
    /// RTT control blocks that were found in RAM.
    found: Vec<u32>,
    /// Lines that were looked at.
    looked_at: usize,
}

impl Log {
    /// Of a board that executes flash at these addresses.
    pub(crate) const fn new(window: Range<u32>) -> Self {
        Self {
            window,
            programs: Vec::new(),
            lines: Vec::new(),
            uart: Vec::new(),
            usb: Vec::new(),
            rtt: BTreeMap::new(),
            found: Vec::new(),
            looked_at: 0,
        }
    }

    /// Learns to read the frames of the firmware in an ELF file.
    pub(crate) fn load_defmt(&mut self, elf: &[u8]) -> anyhow::Result<()> {
        let table = Table::parse(elf)?.context("the firmware does not log with defmt")?;
        let file = object::File::parse(elf)?;
        let block = file
            .symbol_by_name("_SEGGER_RTT")
            .context("the firmware has no RTT control block")?;
        let code = file
            .symbols()
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text)
            .map(|symbol| symbol.address());
        let code: Vec<u64> = code.collect();
        let last = code.iter().max().unwrap_or(&0);
        let code = *code.iter().min().unwrap_or(&0)..last + 1;
        let mut flash = Vec::new();
        for segment in file.segments() {
            let address = u32::try_from(segment.address())?;
            if self.window.contains(&address) {
                flash.push((address, segment.data()?.to_vec()));
            }
        }
        self.programs.push(Program {
            table: Arc::new(table),
            block: u32::try_from(block.address())?,
            code,
            flash,
        });
        Ok(())
    }

    /// Whether `text` is in a line that was not looked at before.
    pub(crate) fn seen(&mut self, text: &str) -> bool {
        let new = self.lines.get(self.looked_at..).unwrap_or_default();
        let seen = new.iter().any(|line| line.text.contains(text));
        self.look_away();
        seen
    }

    /// What was logged so far is not looked at any more.
    pub(crate) fn look_away(&mut self) {
        self.looked_at = self.lines.len();
    }

    /// Takes what is in the firmware's RTT buffers: now, with the core at `pc` after so many
    /// instructions. `holds` tells whether these bytes are in the flash at that address now. The answer is
    /// whether RAM was changed by that.
    pub(crate) fn drain_rtt(
        &mut self,
        (now, pc, instructions): (u64, u32, u64),
        memory: &mut Memory,
        holds: impl Fn(u32, &[u8]) -> bool,
    ) -> bool {
        let mut changes = false;
        let mut blocks: Vec<u32> = self.programs.iter().map(|program| program.block).collect();
        // Only if no ELF file told of any: what looks like a buffer may also be a part of an
        // image that is being downloaded, and must be left as it is.
        let known = !blocks.is_empty();
        if !known {
            if (instructions / COLLECT).is_multiple_of(SEARCH) {
                self.found = rtt::find(memory);
            }
            blocks.extend(&self.found);
        }
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            if known {
                changes |= rtt::wait_for_room(memory, block);
            }
            let bytes = rtt::drain(memory, block);
            if !bytes.is_empty() {
                changes = true;
                self.rtt(now, block, pc, &holds, &bytes);
            }
        }
        changes
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn note(&mut self, now: u64, text: impl Into<String>) {
        self.push(now, Source::Board, None, text.into());
    }

    /// What belongs to no whole line any more: the chip was reset.
    pub(crate) fn cut_off(&mut self) {
        self.uart.clear();
        self.usb.clear();
        self.rtt.clear();
    }

    fn push(&mut self, now: u64, source: Source, level: Option<&'static str>, text: String) {
        let at = now / 1000;
        self.lines.push(Line {
            at,
            source,
            level,
            text,
        });
    }

    pub(crate) fn uart(&mut self, now: u64, bytes: &[u8]) {
        self.uart.extend_from_slice(bytes);
        for text in whole_lines(&mut self.uart) {
            self.push(now, Source::Uart, None, text);
        }
    }

    pub(crate) fn usb(&mut self, now: u64, bytes: &[u8]) {
        self.usb.extend_from_slice(bytes);
        for text in whole_lines(&mut self.usb) {
            self.push(now, Source::Usb, None, text);
        }
    }

    /// Bytes from the control block at `block`, logged while the core was at `pc`.
    fn rtt(
        &mut self,
        now: u64,
        block: u32,
        pc: u32,
        holds: &impl Fn(u32, &[u8]) -> bool,
        bytes: &[u8],
    ) {
        let mut rest = self.rtt.remove(&block).unwrap_or_default();
        rest.extend_from_slice(bytes);
        let here = |program: &&Program| program.block == block;
        let running = |program: &&Program| here(program) && program.runs(pc, holds);
        let program = self.programs.iter().find(running);
        match program.or_else(|| self.programs.iter().find(here)).cloned() {
            Some(program) => self.frames(now, &program.table, &mut rest),
            None => {
                for text in whole_lines(&mut rest) {
                    self.push(now, Source::Rtt, None, text);
                }
            }
        }
        self.rtt.insert(block, rest);
    }

    fn frames(&mut self, now: u64, table: &Table, bytes: &mut Vec<u8>) {
        if table.encoding() == Encoding::Raw {
            while let Ok((frame, used)) = table.decode(bytes) {
                self.frame(now, &frame);
                drop(frame);
                bytes.drain(..used);
            }
            return;
        }
        while let Some(end) = bytes.iter().position(|&byte| byte == 0) {
            let encoded: Vec<u8> = bytes.drain(..=end).collect();
            let mut decoder = table.new_stream_decoder();
            decoder.received(&encoded);
            while let Ok(frame) = decoder.decode() {
                self.frame(now, &frame);
            }
        }
    }

    fn frame(&mut self, now: u64, frame: &defmt_decoder::Frame<'_>) {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the decoder does not export the type"
        )]
        let level = frame.level().map(|level| level.as_str());
        let text = frame.display_message().to_string();
        self.push(now, Source::Defmt, level, text);
    }
}

/// Takes the whole lines from the front of `bytes`.
fn whole_lines(bytes: &mut Vec<u8>) -> Vec<String> {
    let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else {
        return Vec::new();
    };
    let whole: Vec<u8> = bytes.drain(..=end).collect();
    String::from_utf8_lossy(&whole)
        .lines()
        .map(str::to_owned)
        .collect()
}
