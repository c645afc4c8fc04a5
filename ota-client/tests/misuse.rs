//! Calls in any order, with any values: no panic, nothing unsigned written, and the machine still
//! works afterwards.

mod support;

use ota_client::{Download, Fault, Next, Range, Reply};
use ota_testkit::Geometry;
use support::{CONFIG, End, Server, assert_runs, attempt, device, release};

/// The same numbers for the same seed (xorshift).
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }

    /// A number near one that matters.
    fn number(&mut self) -> u32 {
        let base = [0, 1, 517, 1023, 1024, 1025, 4096, 9000, u32::MAX - 1];
        let index = usize::try_from(self.roll(9)).expect("small");
        base[index].wrapping_add(self.roll(3))
    }
}

const FAULTS: [Fault; 6] = [
    Fault::Link,
    Fault::Changed,
    Fault::Damaged,
    Fault::NotFound,
    Fault::Excess,
    Fault::RangeRefused,
];

fn any_call(download: &mut Download<'_>, dice: &mut Dice, package: &[u8], asked: Option<Range>) {
    match dice.roll(6) {
        0 => download.on_reply(Reply {
            offset: dice.number(),
            length: dice.number(),
            total: (dice.roll(2) == 0).then(|| dice.number()),
        }),
        1 => download.received(dice.number() as usize),
        2 => download.on_fault(FAULTS[dice.roll(6) as usize]),
        3 => download.abandon(),
        4 => {
            if let Some(range) = asked {
                download.on_reply(Reply {
                    offset: range.offset,
                    length: range.length,
                    total: None,
                });
            }
        }
        _ => {
            // Genuine bytes, from a place that is right or not.
            let from = dice.roll(2) * dice.roll(package.len().try_into().expect("small"));
            let from = asked.map_or(0, |range| range.offset as usize) + from as usize;
            let source = package.get(from..).unwrap_or_default();
            let space = download.space();
            let count = space.len().min(source.len());
            space[..count].copy_from_slice(&source[..count]);
            download.received(count);
        }
    }
}

#[test]
fn calls_in_any_order_do_no_harm() {
    let release = release(2, 9000, 1024);
    let package = release.package();
    let (mut staged, mut ended) = (0, 0);
    for seed in 1..400 {
        let mut rig = device(Geometry::small(4));
        rig.approve(&release.image);
        let mut dice = Dice(seed);
        let mut buffer = [0; 1024];
        rig.updater(|updater, anchors| {
            let mut download = Download::new(CONFIG, &mut buffer);
            let mut asked = None;
            for _ in 0..600 {
                match download.poll(updater, anchors) {
                    Ok(Next::Request(range)) => {
                        assert!(range.length > 0);
                        asked = Some(range);
                    }
                    Ok(Next::Receive) => assert!(!download.space().is_empty()),
                    Ok(Next::Working | Next::Wait { .. }) => continue,
                    Ok(Next::Done(_)) => staged += 1,
                    Err(_) => ended += 1,
                }
                any_call(&mut download, &mut dice, &package, asked);
            }
        })
        .expect("the journal is there");
        let end = attempt(&mut rig, &mut Server::new(&package), CONFIG);
        assert!(matches!(end, Ok(End::Requested)), "{end:?}, seed {seed}");
        assert_runs(&mut rig, &release.image);
    }
    assert!(
        ended > 100 && staged < ended,
        "{staged} staged, {ended} ended"
    );
}
