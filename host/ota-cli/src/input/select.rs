//! Which of a file's bytes are wanted: `--only`, `--skip`.

use std::ops::Range;
use std::str::FromStr;

use anyhow::{Context as _, Result, ensure};

use super::Part;
use crate::map::Map;
use crate::number::parse_u32;

/// Addresses: a region of the map by its name, or from the first to the one after the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Area {
    /// `slot0`
    Region(String),
    /// `0x0802_0000..0x0808_0000`
    Range(Range<u64>),
}

/// Which bytes to take, of those that a file has addresses for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those in one of these areas; all, if there is none.
    pub only: Vec<Area>,
    /// But not those in one of these.
    pub skip: Vec<Area>,
}

impl FromStr for Area {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((from, to)) = text.split_once("..") else {
            let named = text.starts_with(|c: char| c.is_ascii_alphabetic());
            return if named {
                Ok(Self::Region(text.to_owned()))
            } else {
                Err("write a region of the map, or addresses as 0x1000..0x2000".into())
            };
        };
        let (from, to) = (parse_u32(from)?, crate::number::parse(to)?);
        if u64::from(from) >= to || to > 1 << 32 {
            return Err("the second address comes after the last byte".into());
        }
        Ok(Self::Range(from.into()..to))
    }
}

impl Area {
    fn range(&self, map: Option<&Map>) -> Result<Range<u64>> {
        match self {
            Self::Range(range) => Ok(range.clone()),
            Self::Region(name) => {
                let map = map.with_context(|| {
                    format!("{name} is a region of a map: give --map, or addresses")
                })?;
                map.region(name)
            }
        }
    }
}

impl Selection {
    /// Whether it is everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }

    /// What is wanted, and what is not. A part that an area ends in is cut there.
    pub(crate) fn apply(
        &self,
        parts: Vec<Part>,
        map: Option<&Map>,
    ) -> Result<(Vec<Part>, Vec<Part>)> {
        let ranges = |areas: &[Area]| -> Result<Vec<_>> {
            areas.iter().map(|area| area.range(map)).collect()
        };
        let (only, skip) = (ranges(&self.only)?, ranges(&self.skip)?);
        let mut cuts: Vec<u64> = only
            .iter()
            .chain(&skip)
            .flat_map(|r| [r.start, r.end])
            .collect();
        cuts.sort_unstable();
        let has = |ranges: &[Range<u64>], part: &Part| {
            let at = u64::from(part.address);
            ranges.iter().any(|range| range.contains(&at))
        };
        let pieces = parts.into_iter().flat_map(|part| split(part, &cuts));
        let (wanted, left): (Vec<_>, Vec<_>) =
            pieces.partition(|part| (only.is_empty() || has(&only, part)) && !has(&skip, part));
        ensure!(
            !wanted.is_empty(),
            "--only and --skip leave nothing: the file has {}",
            super::list(&left)
        );
        Ok((wanted, left))
    }
}

/// Cuts a part at these addresses, which ascend.
fn split(mut part: Part, cuts: &[u64]) -> Vec<Part> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let inside = u64::from(part.address) < *cut && *cut < part.end();
        if let (true, Ok(address)) = (inside, u32::try_from(*cut)) {
            let bytes = part.bytes.split_off((address - part.address) as usize);
            pieces.push(std::mem::replace(&mut part, Part { address, bytes }));
        }
    }
    pieces.push(part);
    pieces
}
