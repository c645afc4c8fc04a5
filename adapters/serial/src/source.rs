//! The device's end of the line: asks for a block, waits, asks again.

use core::ops::Range as Span;

use embassy_futures::select::{Either, select};
use embedded_hal_async::delay::DelayNs;
use embedded_io::Error as _;
use embedded_io_async::{Read, Write};
use ota_client::{Range, Reply, Source};

use crate::frame::{self, Deframer, FRAME_OVERHEAD};
use crate::message::{Answer, DATA_OVERHEAD, MAX_REQUEST, Problem, Request, is_name};
use crate::{SerialError, frame_length};

/// The smallest block that is worth a frame, in bytes.
const SMALLEST_BLOCK: usize = 16;
/// After so many times the longest answer without one, no answer is expected any more.
const MOST_NOISE: usize = 4;

/// How long an answer may take, and how often the same is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Milliseconds from a request to the end of its answer: the time that a block takes on the
    /// line, and what the server needs.
    pub answer_ms: u32,
    /// How often a request is made before it is an error; at least 1.
    pub tries: u8,
}

impl Patience {
    /// Two seconds, enough for blocks of 1 KiB at 9,600 baud, four times.
    pub const DEFAULT: Self = Self {
        answer_ms: 2_000,
        tries: 4,
    };
}

/// Why there is no source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// The name is not 1 to 64 visible ASCII characters: choose another.
    Name,
    /// The buffer is shorter than 38 bytes: give it more.
    Buffer,
}

/// A package at the other end of a line, read block by block.
///
/// Each block is asked for: while the device erases and programs flash, and its receiver may lose
/// bytes, nothing comes.
#[derive(Debug)]
pub struct SerialSource<'a, P, D> {
    port: P,
    delay: D,
    name: &'a str,
    buffer: &'a mut [u8],
    patience: Patience,
    sequence: u8,
    /// Of the file that the download is about; 0: not known.
    tag: u64,
    /// Bytes of `buffer` that came and were not handed out.
    unread: Span<usize>,
    /// Bytes of the package that were asked for and did not come yet.
    missing: Range,
}

/// An answer's data: what it says of the file, and where in the buffer its bytes are.
struct Block {
    tag: u64,
    total: u32,
    bytes: Span<usize>,
}

impl<'a, P, D> SerialSource<'a, P, D> {
    /// A source for the file of this name. `buffer` holds a block: 22 bytes more than are to be
    /// asked for at once, and not more than the port receives while nobody reads it.
    ///
    /// # Errors
    /// A name that cannot be asked for, or a buffer that is too small.
    pub fn new(port: P, delay: D, name: &'a str, buffer: &'a mut [u8]) -> Result<Self, SetupError> {
        if !is_name(name) {
            return Err(SetupError::Name);
        }
        if buffer.len() < DATA_OVERHEAD + FRAME_OVERHEAD + SMALLEST_BLOCK {
            return Err(SetupError::Buffer);
        }
        Ok(Self {
            port,
            delay,
            name,
            buffer,
            patience: Patience::DEFAULT,
            sequence: 0,
            tag: 0,
            unread: 0..0,
            missing: Range {
                offset: 0,
                length: 0,
            },
        })
    }

    /// With another patience than [`Patience::DEFAULT`].
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Takes what an answer says of the file, if it is still the same one.
    fn learn(&mut self, block: &Block, range: Range) -> Result<(), SerialError> {
        if self.tag != 0 && self.tag != block.tag {
            return Err(SerialError::Problem(Problem::Changed));
        }
        if block.total < range.end() {
            return Err(SerialError::TooShort);
        }
        self.tag = block.tag;
        self.unread = block.bytes.clone();
        let came = u32::try_from(block.bytes.len()).unwrap_or(u32::MAX);
        self.missing = Range {
            offset: range.offset.saturating_add(came),
            length: range.length.saturating_sub(came),
        };
        Ok(())
    }
}

impl<P: Read + Write, D: DelayNs> SerialSource<'_, P, D> {
    /// The first bytes of a range: as many as fit a block.
    async fn fetch(&mut self, range: Range) -> Result<Block, SerialError> {
        let room = self
            .buffer
            .len()
            .saturating_sub(DATA_OVERHEAD + FRAME_OVERHEAD);
        let room = u16::try_from(room).unwrap_or(u16::MAX);
        let length = u16::try_from(range.length).unwrap_or(u16::MAX).min(room);
        self.sequence = self.sequence.wrapping_add(1);
        let request = Request {
            sequence: self.sequence,
            tag: self.tag,
            offset: range.offset,
            length,
            name: self.name,
        };
        let mut result = Err(SerialError::NoAnswer);
        for _ in 0..self.patience.tries.max(1) {
            let time = self.delay.delay_ms(self.patience.answer_ms);
            let answer = ask(&mut self.port, &request, self.buffer);
            result = match select(answer, time).await {
                Either::First(result) => result,
                Either::Second(()) => Err(SerialError::NoAnswer),
            };
            match result {
                Ok(_) | Err(SerialError::Problem(_)) => break,
                Err(_) => {}
            }
        }
        result
    }
}

/// Asks once.
async fn ask<P: Read + Write>(
    port: &mut P,
    request: &Request<'_>,
    buffer: &mut [u8],
) -> Result<Block, SerialError> {
    let mut bytes = [0; frame_length(MAX_REQUEST)];
    let length = frame::frame(&[&request.head(), request.name.as_bytes()], &mut bytes)
        .map_err(|_| SerialError::Nonsense)?;
    let bytes = bytes.get(..length).unwrap_or_default();
    let failed = |error: P::Error| SerialError::Write(error.kind());
    port.write_all(bytes).await.map_err(failed)?;
    port.flush().await.map_err(failed)?;

    let mut deframer = Deframer::new();
    // A line that never rests does not keep a blocking port here for ever.
    let mut passed_over = 0;
    while passed_over < MOST_NOISE * frame_length(buffer.len()) {
        let mut some = [0; 32];
        let count = match port.read(&mut some).await {
            Ok(0) => return Err(SerialError::Closed),
            Ok(count) => count,
            Err(error) => return Err(SerialError::Read(error.kind())),
        };
        for byte in some.iter().take(count) {
            let message = deframer.push(*byte, buffer);
            if let Some(result) = message.and_then(|length| judge(buffer.get(..length)?, request)) {
                return result;
            }
        }
        passed_over += count;
    }
    Err(SerialError::NoAnswer)
}

/// What a message means as an answer to this request; `None` if it answers another one.
fn judge(message: &[u8], request: &Request<'_>) -> Option<Result<Block, SerialError>> {
    match Answer::parse(message)? {
        Answer::Problem { sequence, problem } if sequence == request.sequence => {
            Some(Err(SerialError::Problem(problem)))
        }
        Answer::Data {
            sequence,
            tag,
            offset,
            total,
            bytes,
        } if sequence == request.sequence && offset == request.offset => {
            let wanted = usize::from(request.length);
            let left = total.saturating_sub(offset);
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            if tag == 0 || bytes.is_empty() || bytes.len() > wanted.min(left) {
                return Some(Err(SerialError::Nonsense));
            }
            Some(Ok(Block {
                tag,
                total,
                bytes: DATA_OVERHEAD..DATA_OVERHEAD + bytes.len(),
            }))
        }
        Answer::Problem { .. } | Answer::Data { .. } => None,
    }
}

impl<P: Read + Write, D: DelayNs> Source for SerialSource<'_, P, D> {
    type Error = SerialError;

    async fn open(&mut self, range: Range) -> Result<Reply, SerialError> {
        if range.offset == 0 {
            self.tag = 0;
        }
        self.unread = 0..0;
        self.missing.length = 0;
        let block = self.fetch(range).await?;
        self.learn(&block, range)?;
        Ok(Reply {
            offset: range.offset,
            length: range.length,
            total: Some(block.total),
        })
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SerialError> {
        if self.unread.is_empty() && self.missing.length > 0 && !buffer.is_empty() {
            let range = self.missing;
            let block = self.fetch(range).await?;
            self.learn(&block, range)?;
        }
        let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let mut count = 0;
        for (to, from) in buffer.iter_mut().zip(unread) {
            *to = *from;
            count += 1;
        }
        self.unread.start += count;
        Ok(count)
    }
}
