//! The server's end of the line: everything but reading files and bytes.

use crate::frame::{self, NoRoom};
use crate::{Answer, Problem, Request};

/// A file that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Another one for every other contents; never 0.
    pub tag: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// Files by name.
pub trait Shelf {
    /// What there is of this name, now.
    ///
    /// # Errors
    /// [`Problem::NotFound`] or [`Problem::Unavailable`].
    fn find(&mut self, name: &str) -> Result<File, Problem>;

    /// Reads as many bytes as fit `buffer` from an offset on. They are there: `find` said so.
    ///
    /// # Errors
    /// [`Problem::Unavailable`].
    fn read(&mut self, name: &str, offset: u32, buffer: &mut [u8]) -> Result<(), Problem>;
}

/// Answers a message that a [`Deframer`](crate::Deframer) found: writes a frame to `out`, and says
/// how long it is; 0 if the message is no request. Reads at most `block.len()` bytes.
///
/// # Errors
/// If `out` is shorter than [`frame_length`](crate::frame_length) of the block and
/// [`DATA_OVERHEAD`](crate::DATA_OVERHEAD).
pub fn respond(
    message: &[u8],
    shelf: &mut impl Shelf,
    block: &mut [u8],
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let answer = match (Request::parse(message), message) {
        (Some(request), _) => answer(&request, shelf, block).unwrap_or_else(|problem| {
            let sequence = request.sequence;
            Answer::Problem { sequence, problem }
        }),
        // The top bit is set in answers: two servers on one line leave each other alone.
        (None, [kind, sequence, ..]) if kind & 0x80 == 0 => Answer::Problem {
            sequence: *sequence,
            problem: Problem::NotUnderstood,
        },
        (None, _) => return Ok(0),
    };
    let (head, length, bytes) = answer.parts();
    frame::frame(&[head.get(..length).unwrap_or_default(), bytes], out)
}

fn answer<'b>(
    request: &Request<'_>,
    shelf: &mut impl Shelf,
    block: &'b mut [u8],
) -> Result<Answer<'b>, Problem> {
    let file = shelf.find(request.name)?;
    if request.tag != 0 && request.tag != file.tag {
        return Err(Problem::Changed);
    }
    let left = file.length.saturating_sub(request.offset);
    if left == 0 {
        return Err(Problem::PastEnd);
    }
    let length = usize::try_from(left.min(request.length.into())).unwrap_or(usize::MAX);
    let length = length.min(block.len());
    let bytes = block.get_mut(..length).unwrap_or_default();
    shelf.read(request.name, request.offset, bytes)?;
    Ok(Answer::Data {
        sequence: request.sequence,
        tag: file.tag,
        offset: request.offset,
        total: file.length,
        bytes,
    })
}
