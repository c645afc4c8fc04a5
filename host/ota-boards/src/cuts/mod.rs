//! Power cuts on the firmware itself: at every flash operation of an update, torn in every way.
//!
//! A [`Story`] is run once, without a cut: the reference. At each of its flash operations the
//! board is forked, and the power of the fork goes in that operation. What the chip then holds is
//! powered up on another board, which runs until the story has ended, and is watched: see
//! [`recovery`](mod@recovery) for what it has to keep.
//!
//! - [`stage`]: the releases of a story, and the board at its beginning
//! - [`reference`](mod@reference): the run without a cut, and the flash that each cut leaves
//! - [`place`]: where in the flash an operation is, and whether it is its turn
//! - [`recovery`](mod@recovery): from there to the end, and what is checked on the way
//! - [`known`]: recoveries that meet go on together
//! - [`calls`](mod@crate::calls): what one of them has computed, no other does again
//! - [`sweep`]: which cuts, on all cores, and what came of them

pub mod known;
pub mod place;
pub mod recovery;
pub mod reference;
pub mod stage;
pub mod sweep;

use core::fmt;
use core::str::FromStr;

use anyhow::{Context as _, bail};
use ota_bootloader::{BootState, Phase as Trial};
use ota_sim::Cut;

/// What happens to the board, but for the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Story {
    /// A release is downloaded, swapped in, tried and confirmed. Cut from the first byte staged
    /// to the confirmation.
    Good,
    /// A release that crashes is rolled back. Cut from its swap to the finished rollback.
    Bad,
}

impl Story {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Good, Self::Bad];
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Bad => "bad",
        })
    }
}

impl FromStr for Story {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let story = Self::ALL
            .into_iter()
            .find(|known| known.to_string() == text);
        story.context("the stories are good and bad")
    }
}

/// What an update was doing when the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// The application stages what it downloads.
    Download,
    /// All of it is staged: the application verifies it, and asks the bootloader for it.
    Request,
    /// The images change places.
    Swap,
    /// A start on trial is counted.
    Trial,
    /// The new application says that it is healthy.
    Confirm,
    /// The images change places back.
    Revert,
}

impl Phase {
    /// All of them, in the order of an update.
    pub const ALL: [Self; 6] = [
        Self::Download,
        Self::Request,
        Self::Swap,
        Self::Trial,
        Self::Confirm,
        Self::Revert,
    ];

    /// What an operation belongs to that leads from one state to another. The end of a download does not
    /// show in the state: see [`reference`](mod@reference).
    fn of(story: Story, from: BootState, to: BootState) -> anyhow::Result<Self> {
        Ok(match from {
            BootState::Swapping if matches!(to, BootState::Trial(_)) => Self::Trial,
            BootState::Confirmed(_) | BootState::Downloading => Self::Download,
            BootState::Staged | BootState::Swapping => Self::Swap,
            BootState::Trial(trial) if trial.phase == Trial::Running && story == Story::Good => {
                Self::Confirm
            }
            BootState::Trial(_) => Self::Trial,
            BootState::Reverting(_) => Self::Revert,
            BootState::Unknown | BootState::Restoring(..) => {
                bail!("without a cut, no update is ever in {from:?}")
            }
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Download => "download",
            Self::Request => "request",
            Self::Swap => "swap",
            Self::Trial => "trial",
            Self::Confirm => "confirm",
            Self::Revert => "revert",
        })
    }
}

/// Names a cut: `good:17:mixed` is the cut `17:mixed` in the story `good`. The same firmware,
/// server and id give the same cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id {
    /// What would have happened.
    pub story: Story,
    /// Where the power goes: 1 is the story's first operation.
    pub cut: Cut,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.story, self.cut)
    }
}

impl FromStr for Id {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (story, cut) = text
            .split_once(':')
            .context("write STORY:OPERATION:TEAR, for instance good:17:mixed")?;
        Ok(Self {
            story: story.parse()?,
            cut: cut.parse()?,
        })
    }
}

/// Operations of a story that follow each other: `good:100-131`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Of which story.
    pub story: Story,
    /// The first of them.
    pub first: u64,
    /// And the last.
    pub last: u64,
}

impl Part {
    /// Whether the operation is one of them.
    #[must_use]
    pub fn holds(&self, story: Story, operation: u64) -> bool {
        self.story == story && (self.first..=self.last).contains(&operation)
    }
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text
            .split_once(':')
            .and_then(|(story, rest)| Some((story, rest.split_once('-')?)));
        let (story, (first, last)) =
            parts.context("write STORY:FIRST-LAST, for instance good:100-131")?;
        Ok(Self {
            story: story.parse()?,
            first: first.parse()?,
            last: last.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ota_sim::Tear;

    #[test]
    fn an_id_is_parsed_from_its_text() -> anyhow::Result<()> {
        for story in Story::ALL {
            for tear in Tear::ALL.into_iter().chain([Tear::Random(7)]) {
                let cut = Cut::new(12, tear);
                let id = Id { story, cut };
                assert_eq!(id.to_string().parse::<Id>()?, id);
            }
        }
        assert!("17:mixed".parse::<Id>().is_err());
        Ok(())
    }

    #[test]
    fn a_part_holds_its_operations_and_no_others() -> anyhow::Result<()> {
        let part: Part = "bad:17-19".parse()?;
        let held = (0..100).filter(|&operation| part.holds(Story::Bad, operation));
        assert_eq!(held.collect::<Vec<_>>(), [17, 18, 19]);
        assert!(!part.holds(Story::Good, 17));
        assert!("bad:17".parse::<Part>().is_err());
        Ok(())
    }
}
