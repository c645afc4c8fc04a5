//! What a bootloader and an application can disagree on, and what the application then goes through.

use ota_bootloader::{AdmitError, Decision, ResetCause, Strategy};
use ota_image::{ENVELOPE_LEN, Role};
use ota_testkit::{
    BOOT_SEED, Build, Geometry, OTHER_SEED, RELEASE_SEED, Release, Rig, Stop, public_key,
    random_image,
};

pub const BOTH: [Strategy; 2] = [Strategy::Swap, Strategy::Ab];
/// The running release, and the one that is offered.
pub const RUNNING: u64 = 10;
pub const OFFERED: u64 = 20;
pub const RELEASE: (Role, [u8; 32]) = (Role::Release, RELEASE_SEED);
pub const BOOT: (Role, [u8; 32]) = (Role::Boot, BOOT_SEED);
pub const OTHER: (Role, [u8; 32]) = (Role::Boot, OTHER_SEED);

/// A release that both take, in every row that knows such releases.
pub fn release(n: u64) -> Release {
    Release::new(n, random_image(6_000, n), 1024)
        .counter(5)
        .signed_by(&[RELEASE, BOOT, OTHER])
}

/// One thing that bootloader and application do not agree on.
pub struct Disagreement {
    pub name: &'static str,
    /// What the bootloader was built with.
    pub bootloader: fn(&mut Build),
    /// What the application was built with.
    pub application: fn(&mut Build),
    /// Makes the running release one that the bootloader boots.
    pub running: fn(&mut Release),
    /// Makes the offered release one that the application takes and the bootloader does not.
    pub offered: fn(&mut Release),
    /// The bootloader's code.
    pub code: u16,
    /// Whether there are releases that both take.
    pub reconcilable: bool,
}

const SAME: fn(&mut Build) = |_| {};
pub const AGREED: Disagreement = Disagreement {
    name: "nothing",
    bootloader: SAME,
    application: SAME,
    running: |_| {},
    offered: |_| {},
    code: 0,
    reconcilable: true,
};

fn other_key(build: &mut Build) {
    build.boot_keys = vec![public_key(OTHER_SEED)];
}

pub fn keys(build: &mut Build, seeds: [[u8; 32]; 2]) {
    build.boot_keys = seeds.map(public_key).to_vec();
}

/// What the application cannot know.
pub fn unforeseen() -> [Disagreement; 8] {
    [
        Disagreement {
            name: "other boot keys",
            bootloader: other_key,
            offered: |release| release.signers = vec![RELEASE, BOOT],
            code: 0x0204,
            ..AGREED
        },
        Disagreement {
            name: "a key that the release revokes in the bootloader's order of keys alone",
            bootloader: |build| keys(build, [BOOT_SEED, OTHER_SEED]),
            application: |build| keys(build, [OTHER_SEED, BOOT_SEED]),
            offered: |release| {
                release.signers = vec![RELEASE, BOOT];
                release.manifest.revoked_boot_keys = 1;
            },
            code: 0x0205,
            ..AGREED
        },
        Disagreement {
            name: "vendor",
            bootloader: |build| build.product.vendor = [1; 16],
            running: |release| release.manifest.vendor = [1; 16],
            code: 0x0401,
            reconcilable: false,
            ..AGREED
        },
        Disagreement {
            name: "class",
            bootloader: |build| build.product.class = [1; 16],
            running: |release| release.manifest.class = [1; 16],
            code: 0x0402,
            reconcilable: false,
            ..AGREED
        },
        Disagreement {
            name: "hardware",
            application: |build| build.product.hardware = 3,
            offered: |release| release.manifest.hardware_min = 3,
            code: 0x0403,
            ..AGREED
        },
        Disagreement {
            name: "component",
            bootloader: |build| build.product.component = 1,
            running: |release| release.manifest.component = 1,
            code: 0x0404,
            reconcilable: false,
            ..AGREED
        },
        Disagreement {
            name: "load address",
            bootloader: |build| build.product.load_addresses = [0x2000; 2],
            running: |release| release.manifest.load_address = 0x2000,
            code: 0x0405,
            reconcilable: false,
            ..AGREED
        },
        Disagreement {
            name: "a floor in hardware",
            bootloader: |build| build.product.floor = 5,
            offered: |release| release.manifest.security_counter = 4,
            code: 0x0409,
            ..AGREED
        },
    ]
}

impl Disagreement {
    /// A device from the factory, booted once.
    pub fn device(&self, strategy: Strategy) -> Rig {
        let mut rig = Rig::new(Geometry {
            strategy,
            erase_size: 1024,
            step: 1024,
            slot: 8 * 1024,
            bank: 3 * 1024,
            ..Geometry::small(8)
        });
        let mut bootloader = rig.build();
        (self.bootloader)(&mut bootloader);
        rig.other_bootloader = Some(bootloader);
        let mut application = rig.build();
        (self.application)(&mut application);
        (rig.product, rig.boot_keys) = (application.product, application.boot_keys);
        rig.provision(&self.running_release().package());
        assert_eq!(boot(&mut rig), Some(false), "{}", self.name);
        rig
    }

    pub fn running_release(&self) -> Release {
        let mut running = release(RUNNING);
        (self.running)(&mut running);
        running
    }

    pub fn offered_release(&self) -> Release {
        let mut offered = release(OFFERED);
        (self.offered)(&mut offered);
        offered
    }
}

/// Boots; whether what boots is on trial, `None` in recovery.
pub fn boot(rig: &mut Rig) -> Option<bool> {
    match rig.boot(ResetCause::Software) {
        Decision::Boot(start) => Some(start.trial),
        Decision::Recovery(_) => None,
    }
}

/// The application is offered a release again and again, and resets whenever it could request it.
/// How many resets that are, and what it says in the end.
pub fn offer(rig: &mut Rig, offered: &Release, running: &Release, name: &str) -> (u32, Stop) {
    for resets in 0..5 {
        if let Err(stop) = rig.download(&offered.package(), 8) {
            return (resets, stop);
        }
        assert_eq!(boot(rig), Some(false), "{name}");
        assert!(rig.runs(&running.image), "{name}");
    }
    panic!("{name}: resets without end, {:?}", rig.record());
}

pub fn judged(rig: &mut Rig, release: &Release) -> Option<AdmitError> {
    let package = release.package();
    rig.updater(|updater, anchors| updater.judge(anchors, &package[..ENVELOPE_LEN]).err())
        .unwrap()
}

/// However often it is offered, boots included: nothing is written or erased.
pub fn assert_quiet(rig: &mut Rig, offered: &Release, stop: &Stop, name: &str) {
    let before = rig.operations();
    for _ in 0..3 {
        assert_eq!(boot(rig), Some(false), "{name}");
        let answer = rig.download(&offered.package(), 8);
        assert_eq!(answer.as_ref(), Err(stop), "{name}");
    }
    assert_eq!(rig.operations(), before, "{name}");
}

pub fn installs(rig: &mut Rig, n: u64, name: &str) {
    let other = release(n);
    rig.download(&other.package(), 8).expect(name);
    assert_eq!(boot(rig), Some(true), "{name}");
    assert!(rig.runs(&other.image), "{name}");
    rig.confirm().expect(name);
}

/// Boot keys in the bootloader's order, and in the application's.
const ORDERS: [[[u8; 32]; 2]; 2] = [[BOOT_SEED, OTHER_SEED], [OTHER_SEED, BOOT_SEED]];

/// A device with a former image, whose first boot key is revoked: for the bootloader that is one,
/// for the application the other.
pub fn revoked(strategy: Strategy) -> Rig {
    let row = Disagreement {
        bootloader: |build| keys(build, ORDERS[0]),
        application: |build| keys(build, ORDERS[1]),
        ..AGREED
    };
    let mut rig = row.device(strategy);
    let mut revoking = release(RUNNING + 1);
    revoking.manifest.revoked_boot_keys = 1;
    rig.download(&revoking.package(), 8).unwrap();
    assert_eq!(boot(&mut rig), Some(true));
    rig.confirm().unwrap();
    assert_eq!(rig.record().revoked, 1);
    rig
}
