//! What becomes of each word of the operation in flight.

use crate::cut::Tear;
use crate::rng::Rng;

/// What a cut makes of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not reached.
    Old,
    /// Done.
    New,
    /// The first half of its bits is done.
    FrontHalf,
    /// The last half of its bits is done.
    BackHalf,
    /// Each bit is old or new.
    Mixed,
    /// Each bit is random.
    Noise,
    /// Each bit is the opposite of erased.
    Saturated,
    /// Looks blank, refuses a program.
    BlankWeak,
    /// Looks blank, takes a program and holds something else.
    BlankSpoiled,
    /// Looks blank, takes a program and holds something else later.
    BlankFading,
    /// Looks blank, takes a program and looks blank again later.
    BlankVanishing,
    /// Looks done, fades.
    Fading,
    /// Looks untouched, and turns out done.
    Late,
    /// Random after every power-up.
    Unstable,
    /// An error to read, with error correction.
    Unreadable,
}

/// What a random tear chooses from; half of what looks blank shows what it is only later.
const PALETTE: [Fate; 11] = [
    Fate::Old,
    Fate::New,
    Fate::Mixed,
    Fate::Noise,
    Fate::Saturated,
    Fate::BlankWeak,
    Fate::BlankSpoiled,
    Fate::Fading,
    Fate::Late,
    Fate::Unstable,
    Fate::Unreadable,
];

/// The fates of `words` words, in order.
pub(crate) fn draw(tear: Tear, words: usize, rng: &mut Rng) -> Vec<Fate> {
    match tear {
        Tear::Random(_) => random(words, rng),
        fixed => (0..words)
            .map(|index| fate(fixed, index, words, rng))
            .collect(),
    }
}

fn fate(tear: Tear, index: usize, words: usize, rng: &mut Rng) -> Fate {
    let done_if = |done| if done { Fate::New } else { Fate::Old };
    match tear {
        Tear::Before => Fate::Old,
        Tear::After => Fate::New,
        Tear::Front if words == 1 => Fate::FrontHalf,
        Tear::Front => done_if(index < words / 2),
        Tear::Back if words == 1 => Fate::BackHalf,
        Tear::Back => done_if(index >= words - words / 2),
        Tear::Patches if words == 1 => Fate::Mixed,
        Tear::Patches => done_if(rng.coin()),
        Tear::FirstWord if index > 0 => Fate::Old,
        Tear::LastWord if index + 1 < words => Fate::New,
        Tear::FirstWord | Tear::LastWord | Tear::Mixed => Fate::Mixed,
        Tear::Noise => Fate::Noise,
        Tear::Saturated => Fate::Saturated,
        Tear::BlankWeak => Fate::BlankWeak,
        Tear::BlankSpoiled => Fate::BlankSpoiled,
        Tear::BlankFading => Fate::BlankFading,
        Tear::BlankVanishing => Fate::BlankVanishing,
        Tear::Fading => Fate::Fading,
        Tear::Late => Fate::Late,
        Tear::Unstable => Fate::Unstable,
        Tear::Unreadable => Fate::Unreadable,
        Tear::Random(_) => pick(rng),
    }
}

fn pick(rng: &mut Rng) -> Fate {
    let number = rng.below(2 * PALETTE.len());
    let later = number >= PALETTE.len();
    match PALETTE[number % PALETTE.len()] {
        Fate::BlankWeak if later => Fate::BlankFading,
        Fate::BlankSpoiled if later => Fate::BlankVanishing,
        fate => fate,
    }
}

/// One word in flight, all of them alike, or patches of up to three kinds.
fn random(words: usize, rng: &mut Rng) -> Vec<Fate> {
    match rng.below(4) {
        0 | 1 => one_in_flight(words, rng),
        2 => vec![pick(rng); words],
        _ => {
            let few = [pick(rng), pick(rng), pick(rng)];
            (0..words).map(|_| few[rng.below(few.len())]).collect()
        }
    }
}

/// Words before it are done and words after it untouched, or the other way round.
fn one_in_flight(words: usize, rng: &mut Rng) -> Vec<Fate> {
    let place = match rng.below(4) {
        0 => 0,
        1 => words - 1,
        _ => rng.below(words),
    };
    let (before, after) = if rng.below(4) == 0 {
        (Fate::Old, Fate::New)
    } else {
        (Fate::New, Fate::Old)
    };
    let mut fates = vec![before; words];
    fates[place..].fill(after);
    fates[place] = pick(rng);
    fates
}
