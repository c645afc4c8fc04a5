//! The way to a failure, walked again.

use core::fmt::Write;

use ota_bootloader::ResetCause;
use ota_sim::Cut;
use ota_testkit::Rig;

use crate::states::act::Act;
use crate::states::view::View;
use crate::states::world::{Extent, Shape, World};

/// Walks the acts of a path, as a failure prints it, and says what the device is in after each.
///
/// # Panics
/// If the text is no path.
#[must_use]
pub fn replay(shape: Shape, path: &str) -> String {
    let world = World::new(Extent::Sample, shape);
    let mut rig = world.start.clone();
    let mut story = String::new();
    for text in path.split(" > ").skip(1) {
        let (act, rest) = text.split_once('@').expect("ACT@PLACE");
        let (place, cut) = rest.split_once('!').map_or((rest, None), |(place, cut)| {
            (place, Some(cut.parse::<Cut>().expect("a cut")))
        });
        world.settle_journal(&mut rig, place.parse().expect("a place"));
        let done = match cut {
            None => world.perform(&mut rig, parse(act)),
            Some(cut) => {
                rig.flash.arm(cut);
                let done = world.perform(&mut rig, parse(act));
                let what = rig.flash.interrupted();
                writeln!(story, "  {what:?}").expect("a string");
                rig.flash.power_up();
                done
            }
        };
        writeln!(story, "{text}: {done:?}\n{}", tell(&world, &rig)).expect("a string");
    }
    story
}

fn tell(world: &World, rig: &Rig) -> String {
    let (mut now, mut later) = (rig.clone(), rig.clone());
    later.flash.power_up();
    let show = |rig: &mut Rig| {
        let (view, record) = (View::of(world, rig), rig.record());
        format!(
            "{:?} active {:?} position {} banks {:?} slots {:?}",
            record.state, record.active, record.position, view.banks, view.slots
        )
    };
    let (now, later) = (show(&mut now), show(&mut later));
    if now == later {
        format!("  {now}")
    } else {
        format!("  {now}\n  later: {later}")
    }
}

fn parse(act: &str) -> Act {
    let numbers: Vec<u32> = act
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok())
        .collect();
    match (act.split('(').next(), &numbers[..]) {
        (Some("confirm"), _) => Act::Confirm,
        (Some("give-up"), _) => Act::GiveUp,
        (Some("offend"), _) => Act::Offend,
        (Some("power-cycle"), _) => Act::PowerCycle,
        (Some("download"), [release]) => Act::Download(u64::from(*release)),
        (Some("begin"), [release, pieces]) => Act::Begin(u64::from(*release), *pieces),
        (Some("rot"), _) => Act::Rot(act[4..act.len() - 1].parse().expect("what rots")),
        (Some("boot"), _) => Act::Boot(match act {
            "boot(Power)" => ResetCause::Power,
            "boot(Watchdog)" => ResetCause::Watchdog,
            "boot(Software)" => ResetCause::Software,
            _ => ResetCause::Unknown,
        }),
        _ => panic!("no act: {act}"),
    }
}
