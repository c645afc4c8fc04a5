//! The command line itself.

use crate::bench::{Bench, ota};

const COMMANDS: [&str; 12] = [
    "keygen",
    "pack",
    "sign",
    "inspect",
    "verify",
    "image",
    "serve",
    "device",
    "device new",
    "device run",
    "device show",
    "demo",
];

#[test]
fn every_command_has_help_with_examples() {
    let bench = Bench::new();
    assert!(bench.ok(&["--help"]).contains("Exit status"));
    for command in COMMANDS {
        let args: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = bench.ok(&args);
        assert!(help.contains(&format!("\n  ota {command} ")), "{help}");
    }
}

#[test]
fn wrong_usage_is_status_2_and_writes_nothing() {
    let bench = Bench::new();
    bench.write("app.bin", b"x");
    let pack = "pack app.bin -o app.ota --version 1 --vendor v --class c --load-address 0";
    for usage in [
        "",
        "frobnicate",
        "keygen",
        "keygen --role admin --out x",
        "keygen --role boot --alg rsa --out x",
        "pack app.bin",
        &format!("{pack} --counter -1"),
        &format!("{pack} --counter 4294967296"),
        &format!("{pack} --counter 1 --chunk-size 512"),
        &format!("{pack} --counter 1 --chunk-size 3000"),
        &format!("{pack} --counter 1 --chunk-size 32768"),
        &format!("{pack} --counter 1 --hw 3-1"),
        &format!("{pack} --counter 1 --revoke-boot-key 8"),
        "verify app.ota --release r.pub",
        "image --app app.ota -o x.bin",
        "serve . --listen nowhere",
        "demo --board toaster",
    ] {
        let args: Vec<_> = usage.split_whitespace().collect();
        assert_eq!(bench.run(&args).status, 2, "{usage}");
    }
    assert_eq!(bench.files(), ["app.bin"]);
}

#[test]
fn outside_of_the_repository_a_demo_says_that_it_needs_it() {
    let bench = Bench::new();
    for args in [&["demo"][..], &["demo", "--board", "rp2040"]] {
        let output = ota()
            .args(args)
            .current_dir(bench.path("."))
            .env_remove("CARGO_MANIFEST_DIR")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let reason = String::from_utf8(output.stderr).unwrap();
        assert!(reason.contains("run it in the repository"), "{reason}");
    }
    assert!(bench.files().is_empty());
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let bench = Bench::with_package();
    let mut child = std::process::Command::new(ota().get_program())
        .args(["inspect", "app.ota", "--json"])
        .current_dir(bench.path("."))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}
