//! What the application knows to be refused, by the bootloader or by itself: it costs nothing.

use ota_bootloader::{BootState, Fallback, FlashMap, Layout, OpenError, Product};
use ota_testkit::{Build, Release, Stop};

use crate::disagreement::{
    AGREED, BOTH, OFFERED, OTHER, RELEASE, RUNNING, assert_quiet, boot, installs, release, revoked,
};

/// Releases that the application knows to be refused, by the bootloader or by itself.
fn foreseen() -> [(&'static str, Release, u16); 4] {
    let mut later = release(OFFERED);
    later.manifest.lowest_boot_format = 2;
    [
        (
            "a field that is critical for the bootloader alone",
            release(OFFERED).field(0x4005),
            0x030B,
        ),
        (
            "a field that is critical for the client alone",
            release(OFFERED).field(0x8005),
            0x030B,
        ),
        (
            "a key that is revoked for the application alone",
            release(OFFERED).signed_by(&[RELEASE, OTHER]),
            0x0205,
        ),
        ("a later boot format", later, 0x040C),
    ]
}

#[test]
fn a_refusal_that_the_application_foresees_costs_nothing_not_even_the_former_image() {
    for strategy in BOTH {
        for (name, offered, code) in foreseen() {
            let mut rig = revoked(strategy);
            assert_eq!(boot(&mut rig), Some(false));
            let record = rig.record();
            let available = BootState::Confirmed(Fallback::Available);
            assert_eq!(record.state, available, "{name}");
            let stop = Stop::Refused(code);
            assert_quiet(&mut rig, &offered, &stop, name);
            assert_eq!(rig.record(), record, "{name}");
            installs(&mut rig, OFFERED - 1, name);
        }
    }
}

type MapChange = (&'static str, fn(&mut Layout));

/// Maps that the bootloader's limits would follow from.
fn other_maps() -> [MapChange; 3] {
    [
        ("smaller slots", |layout| {
            layout.slots[0].size -= 2048;
            layout.slots[1].size -= 2048;
        }),
        ("smaller banks", |layout| layout.banks[1].size -= 1024),
        ("larger steps", |layout| layout.step = 2048),
    ]
}

#[test]
fn an_application_of_another_map_leaves_the_journal_and_everything_else_alone() {
    for strategy in BOTH {
        for (name, change) in other_maps() {
            let mut rig = AGREED.device(strategy);
            let mut layout = *rig.product.map.layout();
            change(&mut layout);
            let map = FlashMap::new(layout).expect(name);
            let product = Product { map, ..rig.product };
            let boot_keys = rig.boot_keys.clone();
            rig.other_bootloader = Some(Build { product, boot_keys });
            // The journal becomes the bootloader's, a unit a boot.
            for _ in 0..2 {
                assert_eq!(boot(&mut rig), Some(false), "{name}");
            }
            let stop = Stop::Open(OpenError::OtherMap);
            assert_quiet(&mut rig, &release(OFFERED), &stop, name);
            assert!(rig.runs(&release(RUNNING).image), "{name}");
        }
    }
}
