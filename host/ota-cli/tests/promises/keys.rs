//! What the tool promises about keys.
use std::process::{Command, Stdio};

use crate::bench::{Bench, image};

#[cfg(unix)]
fn mode(bench: &Bench, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(bench.path(name))
        .unwrap()
        .permissions()
        .mode()
        & 0o777
}

#[cfg(unix)]
#[test]
fn a_private_key_is_readable_by_its_owner_alone() {
    let bench = Bench::with_keys();
    assert_eq!(mode(&bench, "release.key"), 0o600);
    bench.ok(&["keygen", "--role", "release", "--out", "release", "--force"]);
    assert_eq!(mode(&bench, "release.key"), 0o600);
    assert_eq!(mode(&bench, "release.pub") & 0o400, 0o400);
}

#[test]
fn a_key_is_never_overwritten_without_force() {
    let bench = Bench::with_keys();
    let before = (bench.read("release.key"), bench.read("release.pub"));
    let again = ["keygen", "--role", "release", "--out", "release"];
    bench.refused(&again, "release.key exists");
    assert_eq!(
        (bench.read("release.key"), bench.read("release.pub")),
        before
    );

    std::fs::remove_file(bench.path("release.key")).unwrap();
    bench.refused(&again, "release.pub exists");
    assert!(
        !bench.path("release.key").exists(),
        "no private key without its public half"
    );

    bench.ok(&[again.as_slice(), &["--force"]].concat());
    assert_ne!(bench.read("release.pub"), before.1);
    assert_eq!(
        bench.files(),
        ["boot.key", "boot.pub", "release.key", "release.pub"]
    );
}

#[test]
fn the_role_stands_before_the_pem_block() {
    let bench = Bench::with_keys();
    for (name, block) in [("boot.key", "PRIVATE"), ("boot.pub", "PUBLIC")] {
        let expected = format!("ota-role: boot\n-----BEGIN {block} KEY-----\n");
        assert!(
            bench.text(name).starts_with(&expected),
            "{}",
            bench.text(name)
        );
    }
}

#[test]
fn two_keys_are_never_the_same() {
    let bench = Bench::with_keys();
    let body = |name| bench.text(name).lines().nth(2).unwrap().to_owned();
    assert_ne!(body("release.pub"), body("boot.pub"));
}

/// `openssl`, or `None` where it is not installed.
fn openssl(bench: &Bench, args: &[&str]) -> Option<String> {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(bench.path("."))
        .stdin(Stdio::null())
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn firmware_reads_public_keys_of_both_algorithms_as_the_tool_does() {
    let bench = Bench::new();
    for algorithm in ["ed25519", "p256"] {
        bench.ok(&[
            "keygen", "--role", "boot", "--alg", algorithm, "--out", algorithm,
        ]);
        let file = bench.text(&format!("{algorithm}.pub"));
        let tool = ota_cli::keys::LabelledKey::parse(&file).unwrap().key;
        assert_eq!(ota_image::PublicKey::from_pem(file.as_bytes()), Ok(tool));
        let private = bench.read(&format!("{algorithm}.key"));
        let refused = Err(ota_image::KeyError::Encoding);
        assert_eq!(ota_image::PublicKey::from_pem(&private), refused);
    }
}

#[test]
fn openssl_reads_both_files_of_both_algorithms() {
    let bench = Bench::new();
    for algorithm in ["ed25519", "p256"] {
        bench.ok(&[
            "keygen", "--role", "boot", "--alg", algorithm, "--out", algorithm,
        ]);
        let (private, public) = (format!("{algorithm}.key"), format!("{algorithm}.pub"));
        let Some(derived) = openssl(&bench, &["pkey", "-in", &private, "-pubout"]) else {
            return;
        };
        // The same public key, and not merely one.
        assert_eq!(bench.text(&public), format!("ota-role: boot\n{derived}"));
        openssl(&bench, &["pkey", "-in", &private, "-check", "-noout"]);
        openssl(&bench, &["pkey", "-pubin", "-in", &public, "-noout"]);
    }
}

#[test]
fn keys_made_by_openssl_sign_once_their_role_is_said() {
    let bench = Bench::with_keys();
    bench.write("app.bin", &image(3000));
    for args in [
        &["genpkey", "-algorithm", "ed25519", "-out", "own.key"][..],
        &[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            "own.key",
        ],
    ] {
        if openssl(&bench, args).is_none() {
            return;
        }
        openssl(
            &bench,
            &["pkey", "-in", "own.key", "-pubout", "-out", "own.pub"],
        );
        bench.pack("app.bin", "app.ota", &[]);
        bench.refused(&["sign", "app.ota", "--key", "own.key"], "give --role");
        bench.ok(&["sign", "app.ota", "--key", "own.key", "--role", "boot"]);
        bench.ok(&["sign", "app.ota", "--key", "release.key"]);
        bench.ok(&[
            "verify",
            "app.ota",
            "--release",
            "release.pub",
            "--boot",
            "own.pub",
        ]);
    }
}

#[test]
fn a_key_of_another_kind_is_refused_with_what_to_do() {
    let bench = Bench::with_package();
    let sign = |key: &str, reason: &str| bench.refused(&["sign", "app.ota", "--key", key], reason);
    sign(
        "release.pub",
        "release.pub: this is a public key: give the .key file",
    );
    sign("missing.key", "missing.key");
    bench.write("text.key", b"ota-role: boot\nnothing here\n");
    sign("text.key", "no private key in PEM");
    bench.write("binary.key", &[0xFF; 100]);
    sign("binary.key", "not a text file");
    bench.write("cut.key", &bench.read("boot.key")[..80]);
    sign("cut.key", "no private key in PEM");
    bench.write(
        "odd.key",
        bench.text("boot.key").replace("boot", "root").as_bytes(),
    );
    sign("odd.key", "\"root\" is not a role");
    bench.write(
        "two.key",
        format!("ota-role: release\n{}", bench.text("boot.key")).as_bytes(),
    );
    sign("two.key", "two ota-role: lines");
    bench.refused(
        &["sign", "app.ota", "--key", "boot.key", "--role", "release"],
        "is a boot key",
    );

    if openssl(&bench, &["version"]).is_some() {
        openssl(&bench, &["genpkey", "-algorithm", "RSA", "-out", "rsa.key"]);
        bench.refused(
            &["sign", "app.ota", "--key", "rsa.key", "--role", "boot"],
            "neither an Ed25519",
        );
        let curve = [
            "ecparam",
            "-name",
            "prime256v1",
            "-genkey",
            "-noout",
            "-out",
            "old.key",
        ];
        openssl(&bench, &curve);
        bench.refused(
            &["sign", "app.ota", "--key", "old.key", "--role", "boot"],
            "openssl pkcs8 -topk8",
        );
        let p384 = [
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
        ];
        openssl(&bench, &[&p384[..], &["-out", "p384.key"]].concat());
        bench.refused(
            &["sign", "app.ota", "--key", "p384.key", "--role", "boot"],
            "neither an Ed25519",
        );
        let encrypt = [
            "pkcs8", "-topk8", "-in", "boot.key", "-passout", "pass:x", "-out", "e.key",
        ];
        openssl(&bench, &encrypt);
        bench.refused(
            &["sign", "app.ota", "--key", "e.key", "--role", "boot"],
            "encrypted",
        );
    }
}

#[test]
fn a_command_can_sign_in_place_of_a_key_file() {
    let bench = Bench::with_keys();
    bench.ok(&["keygen", "--role", "boot", "--alg", "p256", "--out", "hsm"]);
    bench.write("app.bin", &image(3000));
    bench.pack("app.bin", "app.ota", &[]);
    bench.ok(&["sign", "app.ota", "--key", "release.key"]);
    if openssl(&bench, &["version"]).is_none() {
        return;
    }
    // OpenSSL prints DER, and any of the two values of s: often enough the one to be turned over.
    let sign = [
        "sign",
        "app.ota",
        "--key",
        "hsm.pub",
        "--sign-with",
        "openssl dgst -sha256 -sign hsm.key",
    ];
    for _ in 0..8 {
        bench.ok(&sign);
        bench.ok(&[
            "verify",
            "app.ota",
            "--release",
            "release.pub",
            "--boot",
            "hsm.pub",
        ]);
    }
}

#[cfg(unix)]
#[test]
fn what_a_command_prints_is_checked_before_it_is_written() {
    let bench = Bench::with_package();
    let before = bench.read("app.ota");
    let sign = |command: &str, reason: &str| {
        bench.refused(
            &[
                "sign",
                "app.ota",
                "--key",
                "boot.pub",
                "--sign-with",
                command,
            ],
            reason,
        );
        assert_eq!(bench.read("app.ota"), before, "{command}");
    };
    sign(
        "head -c 64 /dev/zero",
        "printed 64 bytes that are no signature by this key",
    );
    sign("cat", "no signature by this key");
    sign("true", "printed 0 bytes");
    sign("exit 3", "failed (exit status: 3)");
    sign("no-such-command-anywhere 2>/dev/null", "failed");
}
