//! A folder to work in, and the tool.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ota_cli::map::{ImageFormat, Map};
use tempfile::TempDir;

/// A temporary folder in which the tool is run.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a run of the tool left.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With a key pair for each role: `release`, `boot` (both Ed25519).
    pub(crate) fn with_keys() -> Self {
        let bench = Self::new();
        bench.ok(&["keygen", "--role", "release", "--out", "release"]);
        bench.ok(&["keygen", "--role", "boot", "--out", "boot"]);
        bench
    }

    /// With keys and `app.ota`: 10,000 bytes for the RP2040 map, signed by both.
    pub(crate) fn with_package() -> Self {
        let bench = Self::with_keys();
        bench.write("app.bin", &image(10_000));
        bench.pack("app.bin", "app.ota", &[]);
        bench.ok(&["sign", "app.ota", "--key", "release.key"]);
        bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
        bench
    }

    /// Packs with values that no test cares about; `more` may override none of them.
    pub(crate) fn pack(&self, image: &str, out: &str, more: &[&str]) {
        let mut args = vec![
            "pack", image, "-o", out, "--vendor", "acme", "--class", "sensor",
        ];
        args.extend(["--version", "1.4.2", "--counter", "7", "--sequence", "100"]);
        args.extend(["--hw", "1-3", "--load-address", "0x10020000"]);
        args.extend(more);
        self.ok(&args);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Everything in the folder, sorted: to see that nothing was left behind.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|e| name(e).into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        let output = ota()
            .args(args)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        Outcome {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the tool, which must do what it is asked; returns what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let outcome = self.run(args);
        assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr, "", "{args:?}");
        outcome.stdout
    }

    /// Runs the tool, which must do what it is asked, with these things to say about it.
    #[track_caller]
    pub(crate) fn warned(&self, args: &[&str], remarks: &[&str]) {
        let outcome = self.run(args);
        assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
        let lines: Vec<_> = outcome.stderr.lines().collect();
        assert_eq!(lines.len(), remarks.len(), "{args:?}: {lines:?}");
        for (line, remark) in lines.iter().zip(remarks) {
            assert!(
                line.starts_with("warning: ") && line.contains(remark),
                "{line}"
            );
        }
    }

    /// Runs the tool, which must refuse, with one line that contains `reason`.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], reason: &str) -> String {
        let outcome = self.run(args);
        assert_eq!(
            outcome.status, 1,
            "{args:?}: {}{}",
            outcome.stdout, outcome.stderr
        );
        let line = outcome
            .stderr
            .strip_prefix("error: ")
            .and_then(|l| l.strip_suffix('\n'));
        let line = line.unwrap_or_else(|| panic!("{args:?}: not a reason: {:?}", outcome.stderr));
        assert!(
            !line.contains('\n') && line.contains(reason),
            "{args:?}: {line}"
        );
        line.to_owned()
    }

    /// `ota verify` of a package against the bench's keys.
    pub(crate) fn verify<'a>(&self, package: &'a str) -> Vec<&'a str> {
        vec![
            "verify",
            package,
            "--release",
            "release.pub",
            "--boot",
            "boot.pub",
        ]
    }
}

pub(crate) fn ota() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("ota"))
}

/// A firmware for a Cortex-M at this address: a vector table, then as in [`image`].
pub(crate) fn firmware(address: u32, length: usize) -> Vec<u8> {
    let vectors = [0x2000_1000_u32, address + 9].map(u32::to_le_bytes);
    let mut bytes = [vectors.concat(), image(length)].concat();
    bytes.truncate(length);
    bytes
}

/// A firmware that the map's chip could run; for an ESP32-C3 one that the vendor's tool made.
pub(crate) fn firmware_for(map: &Map, length: usize) -> Vec<u8> {
    match map.image_format {
        ImageFormat::Esp32c3 => std::fs::read(here("tests/vectors/esp32c3/app.bin")).unwrap(),
        _ => firmware(map.load_addresses()[0], length),
    }
}

/// An image in which no two chunks are the same.
pub(crate) fn image(length: usize) -> Vec<u8> {
    (1_u32..)
        .flat_map(|word| word.wrapping_mul(0x9E37_79B9).to_le_bytes())
        .take(length)
        .collect()
}

/// The repository's file, from this crate's folder.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
