//! When the power goes, what it leaves behind, and the id that replays it.

use core::fmt;
use core::str::FromStr;

/// What a cut leaves of the operation in flight: a page of a program, or the erase of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tear {
    /// Nothing happened yet.
    Before,
    /// Everything happened; only the answer did not get back.
    After,
    /// The first half is done, the rest untouched.
    Front,
    /// The last half is done, the rest untouched.
    Back,
    /// Some words are done, others untouched.
    Patches,
    /// The first word is a mixture of old and new bits, the rest untouched.
    FirstWord,
    /// The last word is a mixture of old and new bits, the rest done.
    LastWord,
    /// Every word is a mixture of old and new bits.
    Mixed,
    /// Every bit is random.
    Noise,
    /// Every bit is the opposite of erased.
    Saturated,
    /// Everything reads blank, and programming it fails.
    BlankWeak,
    /// Everything reads blank, programming it reports success and reads back wrong.
    BlankSpoiled,
    /// Everything reads blank, takes a program that reads back right, and is wrong from the
    /// power-up after that program on.
    BlankFading,
    /// Everything reads blank, takes a program that reads back right, and reads blank again from
    /// the power-up after that program on, [spoiled](Self::BlankSpoiled) now.
    BlankVanishing,
    /// Everything reads as if done until the power-up after the next one, and wrong from then on.
    Fading,
    /// Everything reads as if untouched until the power-up after the next one, and as done then.
    Late,
    /// Everything reads random, and differently after every power-up.
    Unstable,
    /// Reading it is an error where there is error correction, and noise elsewhere.
    Unreadable,
    /// Any of these, word by word, drawn from the seed.
    Random(u64),
}

const NAMES: [(Tear, &str); 18] = [
    (Tear::Before, "before"),
    (Tear::After, "after"),
    (Tear::Front, "front"),
    (Tear::Back, "back"),
    (Tear::Patches, "patches"),
    (Tear::FirstWord, "first-word"),
    (Tear::LastWord, "last-word"),
    (Tear::Mixed, "mixed"),
    (Tear::Noise, "noise"),
    (Tear::Saturated, "saturated"),
    (Tear::BlankWeak, "blank-weak"),
    (Tear::BlankSpoiled, "blank-spoiled"),
    (Tear::Fading, "fading"),
    (Tear::Late, "late"),
    (Tear::Unstable, "unstable"),
    (Tear::Unreadable, "unreadable"),
    (Tear::BlankFading, "blank-fading"),
    (Tear::BlankVanishing, "blank-vanishing"),
];

impl Tear {
    /// Every fixed pattern: all but [`Tear::Random`].
    pub const ALL: [Self; NAMES.len()] = {
        let mut all = [Self::Before; NAMES.len()];
        let mut i = 0;
        while i < all.len() {
            all[i] = NAMES[i].0;
            i += 1;
        }
        all
    };

    /// A number that tells the patterns' random choices apart.
    pub(crate) fn seed(self) -> u64 {
        match self {
            Self::Random(seed) => seed,
            fixed => {
                !(NAMES
                    .iter()
                    .position(|(tear, _)| *tear == fixed)
                    .unwrap_or(0) as u64)
            }
        }
    }
}

impl fmt::Display for Tear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(tear, _)| tear == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "r{}", self.seed()),
        }
    }
}

impl FromStr for Tear {
    type Err = ParseCutError;

    fn from_str(text: &str) -> Result<Self, ParseCutError> {
        if let Some((tear, _)) = NAMES.iter().find(|(_, name)| *name == text) {
            return Ok(*tear);
        }
        let seed = text.strip_prefix('r').ok_or(ParseCutError)?;
        Ok(Self::Random(seed.parse().map_err(|_| ParseCutError)?))
    }
}

/// A power cut: in which operation from now on, and how it tears it.
///
/// Its text, `17:blank-weak` or `17:r123`, is the id to replay it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// 1 is the next operation. 0 is now, before any operation.
    pub operation: u64,
    /// What is left of that operation.
    pub tear: Tear,
}

impl Cut {
    /// A cut in the `operation`-th operation from now.
    #[must_use]
    pub const fn new(operation: u64, tear: Tear) -> Self {
        Self { operation, tear }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.operation, self.tear)
    }
}

impl FromStr for Cut {
    type Err = ParseCutError;

    fn from_str(text: &str) -> Result<Self, ParseCutError> {
        let (operation, tear) = text.split_once(':').ok_or(ParseCutError)?;
        let operation = operation.parse().map_err(|_| ParseCutError)?;
        Ok(Self {
            operation,
            tear: tear.parse()?,
        })
    }
}

/// Cuts one after the other: each counts from the power-up after the one before.
///
/// Its text is the cuts' joined by `+`, as in `17:blank-weak+3:r5`; no cut at all is `-`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan(pub Vec<Cut>);

impl From<Cut> for Plan {
    fn from(cut: Cut) -> Self {
        Self(vec![cut])
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        for (i, cut) in self.0.iter().enumerate() {
            let joint = if i == 0 { "" } else { "+" };
            write!(f, "{joint}{cut}")?;
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = ParseCutError;

    fn from_str(text: &str) -> Result<Self, ParseCutError> {
        if text == "-" {
            return Ok(Self::default());
        }
        text.split('+')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The text is no cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseCutError;

impl fmt::Display for ParseCutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a cut: write OPERATION:TEAR, for instance 17:mixed or 17:r123")
    }
}

impl core::error::Error for ParseCutError {}

/// The operation that a cut interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// A page of a program.
    Program {
        /// First byte of the page.
        offset: u32,
        /// Bytes of the page, 256 at most.
        len: u32,
    },
    /// The erase of one unit.
    Erase {
        /// First byte of the unit.
        offset: u32,
    },
    /// A write of the status register.
    Status,
    /// None: the power went between two operations.
    Nothing,
}
