//! What the tool promises about the files that it reads and writes.
#![cfg(unix)]

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use crate::bench::Bench;

/// Every place where a file is named as input.
fn inputs(file: &str) -> Vec<Vec<&str>> {
    let pack = "--vendor acme --class sensor --version 1.0.0 --counter 1 --load-address 0x10020000";
    let pack = |image, more: &[&'static str]| {
        let mut args = vec!["pack", image, "-o", "new.ota"];
        args.extend(pack.split(' '));
        args.extend(more);
        args
    };
    vec![
        vec!["inspect", file],
        vec![
            "verify",
            file,
            "--release",
            "release.pub",
            "--boot",
            "boot.pub",
        ],
        vec!["verify", "app.ota", "--release", file, "--boot", "boot.pub"],
        vec!["sign", file, "--key", "boot.key"],
        vec!["sign", "app.ota", "--key", file],
        vec!["sign", "app.ota", "--key", file, "--sign-with", "cat"],
        pack(file, &[]),
        [pack("app.bin", &[]), vec!["--map", file]].concat(),
        vec!["image", "--map", file, "--app", "app.ota", "-o", "x.bin"],
        vec!["image", "--map", "rp2040", "--app", file, "-o", "x.bin"],
        vec![
            "image",
            "--map",
            "rp2040",
            "--app",
            "app.ota",
            "--bootloader",
            file,
            "-o",
            "x.bin",
        ],
    ]
}

#[test]
fn a_device_without_end_is_no_input() {
    let bench = Bench::with_package();
    for args in inputs("/dev/zero") {
        bench.refused(&args, "/dev/zero is no file");
    }
    symlink("/dev/zero", bench.path("zero")).unwrap();
    bench.refused(&["inspect", "zero"], "zero is no file");
}

#[test]
fn a_pipe_without_end_is_read_as_far_as_a_file_may_be_long() {
    let bench = Bench::with_package();
    let pipe = bench.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for args in [
        ["sign", "app.ota", "--key", "pipe"].as_slice(),
        &[
            "verify",
            "app.ota",
            "--release",
            "pipe",
            "--boot",
            "boot.pub",
        ],
        &[
            "image", "--map", "./pipe", "--app", "app.ota", "-o", "x.bin",
        ],
    ] {
        let writing = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut pipe = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
                while pipe.write_all(&[b' '; 65_536]).is_ok() {}
            }
        });
        bench.refused(args, "more than any key, map or setting");
        writing.join().unwrap();
    }
}

#[test]
fn what_comes_through_a_pipe_is_an_input() {
    let bench = Bench::with_package();
    let shell = format!("cat app.ota | '{}' inspect /dev/stdin", ota());
    let output = Command::new("sh")
        .args(["-c", &shell])
        .current_dir(bench.path("."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn ota() -> String {
    crate::bench::ota()
        .get_program()
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_command_that_signs_without_end_is_refused() {
    let bench = Bench::with_package();
    let sign = ["sign", "app.ota", "--key", "boot.pub", "--sign-with"];
    let endless = [&sign[..], &["cat /dev/zero"]].concat();
    bench.refused(&endless, "printed more than any signature");
}

/// A link in the folder, to a file in another one by way of a second link.
fn linked(bench: &Bench, name: &str) {
    std::fs::create_dir(bench.path("store")).unwrap();
    if bench.path(name).exists() {
        std::fs::rename(bench.path(name), bench.path("store/real")).unwrap();
    }
    symlink("real", bench.path("store/second")).unwrap();
    symlink("store/second", bench.path(name)).unwrap();
}

fn is_still_linked(bench: &Bench, name: &str) {
    for link in [name, "store/second"] {
        let kind = std::fs::symlink_metadata(bench.path(link)).unwrap();
        assert!(kind.is_symlink(), "{link} was replaced");
    }
    assert_eq!(
        std::fs::read_dir(bench.path("store")).unwrap().count(),
        2,
        "something was left beside it"
    );
}

#[test]
fn signing_through_links_signs_what_they_lead_to() {
    let bench = Bench::with_keys();
    bench.write("app.bin", &crate::bench::image(10_000));
    bench.pack("app.bin", "app.ota", &[]);
    let before = bench.files();
    linked(&bench, "app.ota");
    let unsigned = bench.read("store/real");
    bench.ok(&["sign", "app.ota", "--key", "release.key"]);
    bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
    bench.ok(&bench.verify("app.ota"));
    is_still_linked(&bench, "app.ota");
    assert_ne!(bench.read("store/real"), unsigned);
    assert_eq!(bench.files(), [before, vec!["store".into()]].concat());
}

#[test]
fn every_output_goes_through_links_also_where_they_lead_to_nothing_yet() {
    let bench = Bench::with_package();
    linked(&bench, "new.ota");
    bench.pack("app.bin", "new.ota", &[]);
    is_still_linked(&bench, "new.ota");

    let bench = Bench::with_package();
    linked(&bench, "factory.bin");
    bench.ok(&[
        "image",
        "--map",
        "rp2040",
        "--app",
        "app.ota",
        "-o",
        "factory.bin",
    ]);
    is_still_linked(&bench, "factory.bin");

    let bench = Bench::with_keys();
    linked(&bench, "boot.key");
    bench.ok(&["keygen", "--role", "boot", "--out", "boot", "--force"]);
    is_still_linked(&bench, "boot.key");
    let mode = std::fs::metadata(bench.path("store/real"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn a_key_is_not_written_through_a_link_that_was_left_for_it() {
    let bench = Bench::new();
    symlink("elsewhere", bench.path("boot.key")).unwrap();
    bench.refused(&["keygen", "--role", "boot", "--out", "boot"], "boot.key");
    assert!(!bench.path("elsewhere").exists());
}

#[test]
fn links_in_a_circle_are_an_error() {
    let bench = Bench::with_package();
    symlink("two.bin", bench.path("one.bin")).unwrap();
    symlink("one.bin", bench.path("two.bin")).unwrap();
    let out = [
        "image", "--map", "rp2040", "--app", "app.ota", "-o", "one.bin",
    ];
    bench.refused(&out, "cannot write one.bin: too many links");
}

#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    let bench = Bench::with_package();
    let pipe = bench.path("pipe.bin");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let out = [
        "image", "--map", "rp2040", "--app", "app.ota", "-o", "pipe.bin",
    ];
    bench.refused(&out, "cannot write pipe.bin: it is no file");
}

#[test]
fn a_private_key_that_others_can_read_is_warned_of_where_it_is_used() {
    let bench = Bench::with_keys();
    bench.write("app.bin", &crate::bench::image(10_000));
    bench.pack("app.bin", "app.ota", &[]);
    for (mode, warns) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o644, true),
    ] {
        let mode_ = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(bench.path("boot.key"), mode_).unwrap();
        let outcome = bench.run(&["sign", "app.ota", "--key", "boot.key"]);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let warning = "warning: others can read boot.key: chmod 600 boot.key\n";
        let expected = if warns { warning } else { "" };
        assert_eq!(outcome.stderr, expected, "{mode:o}");
    }
}
