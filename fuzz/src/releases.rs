//! Releases that devices in the targets meet, packed and signed once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};

use ota_bootloader::{Decision, ReleaseTag, ResetCause, Strategy};
use ota_image::{ENVELOPE_LEN, Envelope, Role, SoftwareCrypto};
use ota_testkit::{
    BOOT_SEED, Geometry, OTHER_SEED, RELEASE_SEED, Release, Rig, public_key, random_image,
};

use crate::input::Input;

/// A package and what is in it.
pub(crate) struct Packed {
    pub(crate) sequence: u64,
    pub(crate) counter: u32,
    pub(crate) image: Vec<u8>,
    pub(crate) package: Vec<u8>,
}

impl Packed {
    /// Envelope and digest table.
    pub(crate) fn head(&self) -> &[u8] {
        &self.package[..self.package.len() - self.image.len()]
    }

    /// As journal records name it.
    pub(crate) fn tag(&self) -> ReleaseTag {
        let envelope = Envelope::parse(&self.package[..ENVELOPE_LEN]).expect("an envelope");
        let id = envelope.release_id(&mut SoftwareCrypto).digest().0;
        ReleaseTag {
            id: std::array::from_fn(|i| id[i]),
            sequence: self.sequence,
        }
    }
}

/// Erase units and chunks.
pub(crate) const STEP: u32 = 1024;

/// The smallest flash that can swap images of three steps.
pub(crate) const SWAP: Geometry = Geometry {
    strategy: Strategy::Swap,
    write_size: 4,
    erase_size: STEP,
    erased: 0xFF,
    ecc: false,
    step: STEP,
    slot: 3 * STEP,
    bank: 2 * STEP,
    journal_units: 2,
    external: None,
};

/// The same with two slots to run from, units of 256 bytes, error correction and zeros when erased.
pub(crate) const AB: Geometry = Geometry {
    strategy: Strategy::Ab,
    write_size: 8,
    erase_size: 256,
    erased: 0x00,
    ecc: true,
    journal_units: 3,
    ..SWAP
};

fn packed(sequence: u64, len: u32, counter: u32) -> Packed {
    let release = Release::new(sequence, random_image(len, sequence), STEP).counter(counter);
    Packed {
        sequence,
        counter,
        package: release.package(),
        image: release.image,
    }
}

/// Good releases, in ascending order. Devices run the first one at first.
pub(crate) static GOOD: LazyLock<Vec<Packed>> = LazyLock::new(|| {
    vec![
        packed(1, 2500, 1),
        packed(2, 3000, 1),
        packed(3, 700, 2),
        packed(4, 2048, 2),
        packed(5, 3072, 4),
    ]
});

/// Packages that no device may take: without a signature, with another's, with the roles
/// exchanged, and too large for its slots.
pub(crate) static BAD: LazyLock<Vec<Packed>> = LazyLock::new(|| {
    let signers = [
        vec![(Role::Release, RELEASE_SEED)],
        vec![(Role::Boot, BOOT_SEED)],
        vec![(Role::Release, OTHER_SEED), (Role::Boot, BOOT_SEED)],
        vec![(Role::Release, RELEASE_SEED), (Role::Boot, OTHER_SEED)],
        vec![(Role::Release, BOOT_SEED), (Role::Boot, RELEASE_SEED)],
    ];
    let mut bad: Vec<_> = signers
        .iter()
        .zip(20..)
        .map(|(signers, n)| {
            let release = Release::new(n, random_image(1500, n), STEP).signed_by(signers);
            Packed {
                sequence: n,
                counter: 1,
                package: release.package(),
                image: release.image,
            }
        })
        .collect();
    bad.push(packed(30, 3073, 1));
    bad
});

/// A blank device whose slots take every image that has a boot signature, and nothing else: such
/// an image may be copied even if it may not run.
pub(crate) fn blank(geometry: Geometry) -> Rig {
    let rig = Rig::new(geometry);
    for packed in GOOD.iter().chain(BAD.iter()) {
        if has_boot_signature(&packed.package) {
            rig.approve(&packed.image);
        }
    }
    rig
}

/// A device that runs and has confirmed the first good release; its slots take good releases.
pub(crate) fn device(geometry: Geometry) -> Rig {
    let mut rig = Rig::new(geometry);
    GOOD.iter().for_each(|packed| rig.approve(&packed.image));
    rig.provision(&GOOD[0].package);
    let decision = rig.boot(ResetCause::Power);
    assert!(matches!(decision, Decision::Boot(_)), "{decision:?}");
    rig
}

/// Devices of both geometries, made once and cloned. Clones share a memory of verified
/// signatures, so they are made anew before it grows large.
pub(crate) struct Stock {
    make: fn(Geometry) -> Rig,
    uses: Cell<u32>,
    rigs: RefCell<Vec<Rig>>,
}

impl Stock {
    pub(crate) const fn new(make: fn(Geometry) -> Rig) -> Self {
        Self {
            make,
            uses: Cell::new(0),
            rigs: RefCell::new(Vec::new()),
        }
    }

    /// A device of the geometry that the input names, and that geometry.
    pub(crate) fn take(&self, input: &mut Input<'_>) -> (Rig, Geometry) {
        let uses = self.uses.get();
        self.uses.set(uses.wrapping_add(1));
        if uses.is_multiple_of(10_000) {
            self.rigs.replace(vec![(self.make)(SWAP), (self.make)(AB)]);
        }
        let number = usize::from(input.byte() % 2);
        (self.rigs.borrow()[number].clone(), [SWAP, AB][number])
    }
}

/// Whether a package carries a boot signature of the devices' key: asked of another library, with
/// the message put together here.
pub(crate) fn has_boot_signature(package: &[u8]) -> bool {
    static SIGNED: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
    let envelope = &package[..ENVELOPE_LEN];
    let mut signed = SIGNED.lock().expect("nothing panics while it holds this");
    if signed.contains(envelope) {
        return true;
    }
    let good = verifies(envelope);
    if good {
        signed.insert(envelope.to_vec());
    }
    good
}

fn verifies(envelope: &[u8]) -> bool {
    let len = usize::from(u16::from_le_bytes([envelope[10], envelope[11]]));
    if len == 0 || len > ota_image::MAX_BODY {
        return false;
    }
    let body = &envelope[12..12 + len];
    let entries = envelope[13 + len..].chunks_exact(70);
    let count = usize::from(envelope[12 + len]);
    let mut message = b"ota-v1\x02\x01\x01\x00".to_vec();
    message.extend_from_slice(&envelope[10..12]);
    message.extend_from_slice(body);
    let ota_image::PublicKey::Ed25519(key) = public_key(BOOT_SEED) else {
        return false;
    };
    let key = ed25519_compact::PublicKey::new(key);
    entries.take(count).any(|entry| {
        let signature = ed25519_compact::Signature::from_slice(&entry[6..70]);
        entry[..2] == [2, 1] && signature.is_ok_and(|found| key.verify(&message, &found).is_ok())
    })
}
