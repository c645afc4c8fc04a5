//! `cargo demo` on a machine whose Rust has no targets: rustc, rustup and cargo are scripts.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// `$HERE/lib` has the targets that are there, `$HERE/log` what was run.
const RUSTC: &str = r#"echo "$HERE/lib/$4""#;
const CARGO: &str = r#"echo "cargo $*" >> "$HERE/log""#;
const RUSTUP: &str = r#"
echo "rustup $*" >> "$HERE/log"
test "$1" = target || exit 0
shift 2
for target; do mkdir -p "$HERE/lib/$target"; done"#;
const RUSTUP_OFFLINE: &str = r#"test "$1" = --version"#;
const RUSTUP_OF_ANOTHER_RUST: &str = "exit 0";

struct Machine(TempDir);

impl Machine {
    /// With this rustup, if any.
    fn new(rustup: Option<&str>) -> Self {
        let machine = Self(tempfile::tempdir().expect("a folder"));
        machine.script("rustc", RUSTC);
        machine.script("cargo", CARGO);
        if let Some(rustup) = rustup {
            machine.script("rustup", rustup);
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.path(&format!("bin/{name}"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let here = self.0.path().display();
        let text = format!("#!/bin/sh\nPATH=/usr/bin:/bin\nHERE='{here}'\n{text}\n");
        fs::write(&path, text).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    fn has(self, target: &str) -> Self {
        fs::create_dir_all(self.path("lib").join(target)).expect("a folder");
        self
    }

    fn demo(&self, arguments: &[&str]) -> Output {
        Command::new(Path::new(env!("CARGO_BIN_EXE_ota-demo")))
            .args(arguments)
            .env("PATH", self.path("bin"))
            .env_remove("CARGO")
            .env_remove("RUSTC")
            .output()
            .expect("it runs")
    }

    /// What was run, apart from the question whether there is a rustup.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines = log.lines().filter(|line| *line != "rustup --version");
        lines.map(str::to_owned).collect()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_missing_is_installed_before_anything_is_built_and_that_is_said() {
    for (arguments, target) in [
        (&[][..], "thumbv6m-none-eabi"),
        (&["--board", "rp2040"], "thumbv6m-none-eabi"),
        (&["--board", "stm32"], "thumbv7em-none-eabihf"),
        (&["--board=esp32c3"], "riscv32imc-unknown-none-elf"),
    ] {
        let machine = Machine::new(Some(RUSTUP));
        let output = machine.demo(arguments);
        assert!(output.status.success(), "{}", said(&output));
        let add = format!("rustup target add {target}");
        let run = format!(
            "cargo run --quiet --package ota-cli -- demo {}",
            arguments.join(" ")
        );
        assert_eq!(machine.log(), [add.clone(), run.trim_end().to_owned()]);
        assert!(said(&output).contains(&add), "{}", said(&output));
        // The next time, all is there.
        machine.demo(arguments);
        assert_eq!(machine.log().len(), 3, "{:?}", machine.log());
    }
}

#[test]
fn a_rust_that_has_the_target_needs_no_rustup() {
    let machine = Machine::new(None).has("thumbv6m-none-eabi");
    let output = machine.demo(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(
        machine.log(),
        ["cargo run --quiet --package ota-cli -- demo"]
    );
    assert_eq!(said(&output), "");
}

#[test]
fn what_cannot_be_installed_is_said_before_anything_is_built() {
    for (rustup, reason) in [
        (None, "get rustup from https://rustup.rs"),
        (Some(RUSTUP_OFFLINE), "rustup did not install it"),
        (Some(RUSTUP_OF_ANOTHER_RUST), "put rustup's first in PATH"),
    ] {
        let machine = Machine::new(rustup);
        let output = machine.demo(&["--board", "stm32"]);
        assert!(!output.status.success());
        let said = said(&output);
        assert!(
            said.contains(reason) && said.contains("thumbv7em-none-eabihf"),
            "{said}"
        );
        let built = machine.log().iter().any(|line| line.starts_with("cargo"));
        assert!(!built, "{:?}", machine.log());
    }
}

#[test]
fn what_builds_no_firmware_needs_no_target() {
    for arguments in [&["--help"][..], &["--board", "other"], &["--board"]] {
        let machine = Machine::new(None);
        assert!(machine.demo(arguments).status.success());
        assert_eq!(machine.log().len(), 1, "{arguments:?}");
    }
}
