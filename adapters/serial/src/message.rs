//! What device and server say to each other.

/// The longest name of a file, in bytes.
pub const MAX_NAME: usize = 64;
/// Bytes of a request besides the name.
const REQUEST_HEAD: usize = 16;
/// The longest request, in bytes.
pub const MAX_REQUEST: usize = REQUEST_HEAD + MAX_NAME;
/// Bytes of an answer with data, besides the data.
pub const DATA_OVERHEAD: usize = 18;

/// First bytes of messages. A change of what follows is another first byte.
const READ: u8 = 0x01;
const DATA: u8 = 0x81;
const PROBLEM: u8 = 0x82;

/// The device asks for bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Comes back in the answer: tells it from a late one.
    pub sequence: u8,
    /// The file has to be the one that an earlier answer had this tag for; 0: any.
    pub tag: u64,
    /// The first byte, from the start of the file.
    pub offset: u32,
    /// How many bytes, at most: fewer only at the file's end.
    pub length: u16,
    /// 1 to [`MAX_NAME`] visible ASCII characters.
    pub name: &'a str,
}

/// What the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Here they are.
    Data {
        /// The request's.
        sequence: u8,
        /// Another one for every other contents; never 0.
        tag: u64,
        /// The request's.
        offset: u32,
        /// Bytes of the whole file.
        total: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// They cannot be had.
    Problem {
        /// The request's.
        sequence: u8,
        /// Why.
        problem: Problem,
    },
}

/// Why a server has no bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such file.
    NotFound,
    /// The file is not the one of the tag any more.
    Changed,
    /// The file ends before the offset.
    PastEnd,
    /// The file cannot be read now.
    Unavailable,
    /// This is no request that the server understands.
    NotUnderstood,
}

impl Problem {
    const fn number(self) -> u8 {
        match self {
            Self::NotFound => 1,
            Self::Changed => 2,
            Self::PastEnd => 3,
            Self::Unavailable => 4,
            Self::NotUnderstood => 5,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::NotFound,
            2 => Self::Changed,
            3 => Self::PastEnd,
            4 => Self::Unavailable,
            5 => Self::NotUnderstood,
            _ => return None,
        })
    }
}

/// Whether a request can carry this name.
#[must_use]
pub const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        if !first.is_ascii_graphic() {
            return false;
        }
        rest = after;
    }
    !bytes.is_empty() && bytes.len() <= MAX_NAME
}

impl<'a> Request<'a> {
    /// Everything before the name.
    #[must_use]
    pub fn head(&self) -> [u8; REQUEST_HEAD] {
        let mut head = [0; REQUEST_HEAD];
        let fields: [&[u8]; 4] = [
            &[READ, self.sequence],
            &self.tag.to_le_bytes(),
            &self.offset.to_le_bytes(),
            &self.length.to_le_bytes(),
        ];
        fill(&mut head, &fields);
        head
    }

    /// From the bytes of a message. `None` if it is none, or of a version to come.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (&[READ, sequence], rest) = message.split_first_chunk()? else {
            return None;
        };
        let (tag, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (length, name) = rest.split_first_chunk()?;
        let name = core::str::from_utf8(name)
            .ok()
            .filter(|name| is_name(name))?;
        Some(Self {
            sequence,
            tag: u64::from_le_bytes(*tag),
            offset: u32::from_le_bytes(*offset),
            length: u16::from_le_bytes(*length),
            name,
        })
    }
}

impl<'a> Answer<'a> {
    /// The message: its head, how much of that array counts, and the data.
    #[must_use]
    pub fn parts(&self) -> ([u8; DATA_OVERHEAD], usize, &'a [u8]) {
        let mut head = [0; DATA_OVERHEAD];
        match *self {
            Self::Data {
                sequence,
                tag,
                offset,
                total,
                bytes,
            } => {
                let fields: [&[u8]; 4] = [
                    &[DATA, sequence],
                    &tag.to_le_bytes(),
                    &offset.to_le_bytes(),
                    &total.to_le_bytes(),
                ];
                fill(&mut head, &fields);
                (head, DATA_OVERHEAD, bytes)
            }
            Self::Problem { sequence, problem } => {
                fill(&mut head, &[&[PROBLEM, sequence, problem.number()]]);
                (head, 3, &[])
            }
        }
    }

    /// From the bytes of a message. `None` if it is none, or of a version to come.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        match message {
            [PROBLEM, sequence, number] => Some(Self::Problem {
                sequence: *sequence,
                problem: Problem::from_number(*number)?,
            }),
            [DATA, sequence, rest @ ..] => {
                let (tag, rest) = rest.split_first_chunk()?;
                let (offset, rest) = rest.split_first_chunk()?;
                let (total, bytes) = rest.split_first_chunk()?;
                Some(Self::Data {
                    sequence: *sequence,
                    tag: u64::from_le_bytes(*tag),
                    offset: u32::from_le_bytes(*offset),
                    total: u32::from_le_bytes(*total),
                    bytes,
                })
            }
            _ => None,
        }
    }
}

fn fill(head: &mut [u8], fields: &[&[u8]]) {
    let bytes = fields.iter().copied().flatten();
    for (place, byte) in head.iter_mut().zip(bytes) {
        *place = *byte;
    }
}
