//! Releases, a server, and devices that look there for updates.

use std::collections::HashMap;
use std::path::Path;

use ota_cli::ids;
use ota_cli::keys::PrivateKey;
use ota_cli::package::{Package, Recipe};
use serde_json::Value;

use crate::bench::{Bench, Outcome};
use crate::tricks::Server;

/// The factory's release, and the one after it.
pub(crate) const OLD: &str = "1.0.0";
pub(crate) const NEW: &str = "1.1.0";
/// The counter of both, so the device's floor.
pub(crate) const FLOOR: u32 = 7;
/// Bytes of an image: three chunks of 4096, the last one short.
pub(crate) const LENGTH: usize = 10_000;

/// A bench with keys, a server, and the device `dev` with release 1.0.0.
pub(crate) struct Shop {
    pub(crate) bench: Bench,
    pub(crate) server: Server,
    map: String,
    keys: HashMap<&'static str, PrivateKey>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::with("rp2040", &[])
    }

    /// A device on this map, made with more options.
    pub(crate) fn with(map: &str, more: &[&str]) -> Self {
        let bench = Bench::with_keys();
        let load = |name: &str| PrivateKey::load(&bench.path(name), None).unwrap();
        let keys = HashMap::from([("release", load("release.key")), ("boot", load("boot.key"))]);
        let shop = Self {
            bench,
            server: Server::new(),
            map: map.to_owned(),
            keys,
        };
        shop.bench.write("old.ota", &shop.old());
        shop.make("dev", "old.ota", more);
        shop
    }

    /// `ota device new`, which must succeed.
    pub(crate) fn make(&self, name: &str, app: &str, more: &[&str]) {
        self.bench.ok(&[&self.new_args(name, app), more].concat());
    }

    pub(crate) fn new_args<'a>(&'a self, name: &'a str, app: &'a str) -> Vec<&'a str> {
        let mut args = vec!["device", "new", name, "--map", &self.map, "--app", app];
        args.extend(["--release", "release.pub", "--boot", "boot.pub"]);
        args
    }

    /// What a release says, if it is sound.
    pub(crate) fn recipe(&self, version: &str, sequence: u64) -> Recipe {
        let vendor = ids::vendor("acme").unwrap();
        let map = ota_cli::map::Map::load(Path::new(&self.map)).unwrap();
        Recipe {
            vendor,
            class: ids::class(vendor, "sensor").unwrap(),
            hardware: (1, 3),
            component: 0,
            load_address: map.load_addresses()[0],
            version: version.to_owned(),
            sequence,
            security_counter: FLOOR,
            chunk_size: 4096,
            lowest_boot_format: 1,
            revoked_boot_keys: 0,
        }
    }

    /// Signs by the keys of these roles.
    pub(crate) fn sign(&self, mut package: Package, roles: &[&str]) -> Vec<u8> {
        for role in roles {
            package.sign(&self.keys[role]).unwrap();
        }
        package.as_bytes().to_vec()
    }

    /// A sound release.
    pub(crate) fn release(&self, version: &str, sequence: u64, image: &[u8]) -> Vec<u8> {
        let package = Package::build(&self.recipe(version, sequence), image).unwrap();
        self.sign(package, &["release", "boot"])
    }

    pub(crate) fn old(&self) -> Vec<u8> {
        self.release(OLD, 100, &image_of(OLD, LENGTH))
    }

    pub(crate) fn new_release(&self) -> Vec<u8> {
        self.release(NEW, 110, &image_of(NEW, LENGTH))
    }

    /// `ota device run`, impatient.
    pub(crate) fn run(&self, device: &str, more: &[&str]) -> Outcome {
        let args = self.run_args(device, more);
        self.bench
            .run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn run_args(&self, device: &str, more: &[&str]) -> Vec<String> {
        let url = self.server.url();
        let args = ["device", "run", device, "--url", &url];
        let patience = ["--retries", "1", "--backoff-ms", "1", "--stall-ms", "300"];
        let all = args.iter().chain(&patience).chain(more);
        all.map(|arg| (*arg).to_owned()).collect()
    }

    /// A run that comes to a good end.
    #[track_caller]
    pub(crate) fn run_ok(&self, device: &str, more: &[&str]) -> Outcome {
        let outcome = self.run(device, more);
        assert_eq!(
            outcome.status, 0,
            "{device} {more:?}: {}{}",
            outcome.stdout, outcome.stderr
        );
        assert_eq!(outcome.stderr, "");
        outcome
    }

    /// A run that ends with status 1 and this on its one line of reason.
    #[track_caller]
    pub(crate) fn run_refused(&self, device: &str, more: &[&str], reason: &str) {
        let outcome = self.run(device, more);
        assert_eq!(
            outcome.status, 1,
            "{reason}: {}{}",
            outcome.stdout, outcome.stderr
        );
        assert!(
            outcome.stderr.starts_with("error: ")
                && outcome.stderr.trim_end().lines().count() == 1
                && outcome.stderr.contains(reason),
            "{reason}: {:?}",
            outcome.stderr
        );
    }

    /// `ota device show --json`.
    #[track_caller]
    pub(crate) fn show(&self, device: &str) -> Value {
        serde_json::from_str(&self.bench.ok(&["device", "show", device, "--json"])).unwrap()
    }

    /// That the device is confirmed with this version, and its image in the active slot.
    #[track_caller]
    pub(crate) fn assert_runs(&self, device: &str, version: &str, length: usize) {
        let status = self.show(device);
        assert_eq!(
            (&status["version"], &status["state"]),
            (&version.into(), &"confirmed".into()),
            "{status}"
        );
        let slots = self.slots(device);
        let [slot0, slot1] = &slots;
        let image = image_of(version, length);
        // Without copying, either slot may be the one that runs.
        assert!(
            slot0.starts_with(&image) || (slots_take_turns(&self.map) && slot1.starts_with(&image)),
            "{version} is not in its slot"
        );
    }

    /// The contents of both slots.
    pub(crate) fn slots(&self, device: &str) -> [Vec<u8>; 2] {
        let map = ota_cli::map::Map::load(Path::new(&self.map)).unwrap();
        let flash = self.bench.read(&format!("{device}/flash.bin"));
        [map.regions.slot0, map.regions.slot1]
            .map(|slot| flash[slot.offset as usize..][..slot.size as usize].to_vec())
    }

    /// A copy of a device, as it is.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let to = self.bench.path(to);
        if to.exists() {
            std::fs::remove_dir_all(&to).unwrap();
        }
        copy(&self.bench.path(from), &to);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let name = entry.unwrap().file_name();
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// An image that no other version has a chunk of.
pub(crate) fn image_of(version: &str, length: usize) -> Vec<u8> {
    let seed = version
        .bytes()
        .fold(1_u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte));
    (seed..)
        .flat_map(|word| word.wrapping_mul(0x9E37_79B9).to_le_bytes())
        .take(length)
        .collect()
}

/// The events of a `--json` run.
pub(crate) fn events(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Those of one kind.
pub(crate) fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|e| e["event"] == kind).collect()
}

/// Whether the new image stays where it was staged.
fn slots_take_turns(map: &str) -> bool {
    ["esp32c3", "stm32l476-dual-bank"].contains(&map)
}
