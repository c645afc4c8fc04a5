//! How much of the cuts is tried: all, or a sample that a seed draws.

use ota_sim::{Cut, Tear};

use super::chains::Chain;
use super::configurations::Depth;
use super::cuts::Choice;

/// Random tears at each first cut, besides the fixed ones.
const RANDOM_TEARS: u64 = 8;

/// How much of the cuts is tried.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// One of so many first cuts; 1: all.
    pub firsts: u64,
    /// One of so many second cuts behind each.
    pub seconds: u64,
    /// Draws the sample, the random tears, and the tear of a second cut where only one is tried.
    pub seed: u64,
}

impl Extent {
    /// All of it.
    pub const WHOLE: Self = Self {
        firsts: 1,
        seconds: 1,
        seed: 0,
    };
}

/// The choice of an extent for one configuration.
pub(super) struct Drawn {
    pub(super) extent: Extent,
    pub(super) depth: Depth,
    /// Tells configurations apart.
    pub(super) salt: u64,
}

/// A number that depends on all parts, each bit on each (splitmix64's finisher).
pub(crate) fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |state: u64, part| {
        let mut z = (state ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

fn tears(random: u64, seed: u64) -> impl Iterator<Item = Tear> {
    let random = (0..random).map(move |i| Tear::Random(seed * RANDOM_TEARS + i));
    Tear::ALL.into_iter().chain(random)
}

impl Drawn {
    fn draw(&self, parts: &[u64]) -> u64 {
        hash(&[self.extent.seed, self.salt, hash(parts)])
    }

    /// The chains of cuts to try, of which `part` of `of` has these.
    pub(super) fn chains(&self, part: u64, of: u64) -> impl Iterator<Item = Chain> + use<> {
        let most = match self.depth {
            Depth::Singles(_) => 16,
            Depth::Pairs(256) => 8,
            Depth::Pairs(_) | Depth::Every => 192,
        };
        let step = usize::try_from(of).unwrap_or(1);
        let numbers = (part..most).step_by(step);
        let kept = numbers.filter(|number| self.keeps(self.extent.firsts.div_ceil(10), &[*number]));
        let seeds: Vec<_> = kept.map(|number| self.draw(&[!number])).collect();
        let tears: Vec<_> = tears(RANDOM_TEARS, self.extent.seed).collect();
        seeds.into_iter().map(move |seed| Chain {
            seed,
            tears: tears.clone(),
        })
    }

    /// Whether this is one of the one in `of`.
    fn keeps(&self, of: u64, parts: &[u64]) -> bool {
        self.draw(parts).is_multiple_of(of.max(1))
    }
}

impl Choice for Drawn {
    fn first(&self, operation: u64) -> Vec<Tear> {
        let of = self.extent.firsts * self.depth.firsts();
        (0..)
            .zip(tears(RANDOM_TEARS, self.extent.seed))
            .filter(|(number, _)| self.keeps(of, &[operation, *number]))
            .map(|(_, tear)| tear)
            .collect()
    }

    fn second(&self, first: Cut, operation: u64) -> Vec<Tear> {
        let tear = u64::from_le_bytes(first.tear.to_string().bytes().fold([0; 8], fold));
        let here = [first.operation, tear, operation];
        let drawn = self.draw(&here);
        match self.depth {
            Depth::Every => (0..)
                .zip(tears(2, self.extent.seed))
                .filter(|(number, _)| self.keeps(self.extent.seconds, &[hash(&here), *number]))
                .map(|(_, tear)| tear)
                .collect(),
            Depth::Pairs(of) if drawn.is_multiple_of(self.extent.seconds * of) => {
                let choice = hash(&[drawn]);
                let fixed = Tear::ALL.len() as u64;
                let number = choice % (fixed + RANDOM_TEARS);
                tears(RANDOM_TEARS, self.extent.seed)
                    .nth(usize::try_from(number).unwrap_or(0))
                    .into_iter()
                    .collect()
            }
            Depth::Pairs(_) | Depth::Singles(_) => Vec::new(),
        }
    }

    fn pairs(&self) -> bool {
        !matches!(self.depth, Depth::Singles(_))
    }
}

/// Folds a name into eight bytes.
fn fold(mut bytes: [u8; 8], byte: u8) -> [u8; 8] {
    bytes.rotate_left(1);
    bytes[0] = bytes[0].wrapping_mul(31) ^ byte;
    bytes
}
