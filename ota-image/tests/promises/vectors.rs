//! Golden vectors, made here and compared with the files: whoever changes the format by mistake
//! finds out here. `OTA_IMAGE_BLESS=1 cargo test -p ota-image vectors` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use ota_image::{
    BootKeys, Envelope, PublicKey, Role, SignatureEntry, SoftwareCrypto, Tlv, TrustAnchors,
    VerifyError, signing_header,
};
use serde_json::{Value, json};

use crate::common::{
    BOOT_ED, BOOT_ED_NEXT, BOOT_P256, BOTH_ED, BOTH_P256, Package, RELEASE_ED, RELEASE_P256,
    TestKey, parse,
};
use crate::errors;
use crate::manifest::parts;
use crate::vector_cases::{Case, cases};

const ALL_KEYS: [TestKey; 5] = [RELEASE_ED, BOOT_ED, BOOT_ED_NEXT, RELEASE_P256, BOOT_P256];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn blessing() -> bool {
    std::env::var_os("OTA_IMAGE_BLESS").is_some()
}

/// Compares a file with what it should be, or makes it so.
fn golden(path: &Path, expected: &[u8]) {
    if blessing() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    }
    let found = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        found == expected,
        "{} is not what this crate makes",
        path.display()
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |i| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// `ed25519:` or `p256:`, and the public key in hexadecimal.
fn key_text(key: &PublicKey) -> String {
    let algorithm = match key {
        PublicKey::Ed25519(_) => "ed25519",
        PublicKey::P256(_) => "p256",
    };
    format!("{algorithm}:{}", hex(key.as_bytes()))
}

fn key_of(text: &Value) -> PublicKey {
    match text.as_str().unwrap().split_once(':').unwrap() {
        ("ed25519", key) => PublicKey::Ed25519(unhex(key).try_into().unwrap()),
        ("p256", key) => PublicKey::P256(unhex(key).try_into().unwrap()),
        (other, _) => panic!("{other}"),
    }
}

fn keys_of(list: &Value) -> Vec<PublicKey> {
    list.as_array().unwrap().iter().map(key_of).collect()
}

/// A package of the vectors: its file, its parts, its signatures and the keys that verify it.
struct Sample {
    file: &'static str,
    package: Package,
    envelope: [u8; 1024],
    release: Vec<TestKey>,
    boot: Vec<TestKey>,
}

fn samples() -> [Sample; 3] {
    let simple = |file, package: Package, keys: [(Role, TestKey); 2]| Sample {
        file,
        envelope: package.sign(&keys),
        package,
        release: vec![keys[0].1],
        boot: vec![keys[1].1],
    };
    [
        simple("ed25519.ota", Package::new(2_500, 1024), BOTH_ED),
        simple("p256.ota", Package::new(33 * 1024 + 1, 1024), BOTH_P256),
        mixed(),
    ]
}

/// Everything the envelope has room for: four signatures, two algorithms, a key that this very
/// release revokes, a signature of an unknown role, a field that is not known.
fn mixed() -> Sample {
    let mut package = Package::new(1, 4096);
    package.manifest.revoked_boot_keys = 0b01;
    let package = package.with_tlvs(&[Tlv {
        tag: 0x0123,
        value: b"from the future",
    }]);
    let unknown = SignatureEntry {
        role: 9,
        algorithm: 77,
        key_id: *b"hint",
        signature: [0x5A; 64],
    };
    let entries = [
        unknown,
        BOOT_P256.sign(Role::Boot, &package.body),
        BOOT_ED_NEXT.sign(Role::Boot, &package.body),
        RELEASE_ED.sign(Role::Release, &package.body),
    ];
    Sample {
        file: "mixed.ota",
        envelope: ota_image::write_envelope(&package.body, &entries).unwrap(),
        package,
        release: vec![RELEASE_ED],
        boot: vec![BOOT_P256, BOOT_ED_NEXT],
    }
}

fn key_json(key: &TestKey) -> Value {
    json!({
        "name": key.name,
        "secret": hex(key.secret),
        "secret_as_text": String::from_utf8_lossy(key.secret),
        "public": key_text(&key.public()),
        "key_id": hex(&key.public().key_id(&mut SoftwareCrypto)),
    })
}

fn public_texts(keys: &[TestKey]) -> Vec<String> {
    keys.iter().map(|key| key_text(&key.public())).collect()
}

fn package_json(sample: &Sample) -> Value {
    let Sample {
        package,
        release,
        boot,
        ..
    } = sample;
    let m = &package.manifest;
    let body_len = u16::try_from(package.body.len()).unwrap();
    let header = |role, key: &TestKey| hex(&signing_header(role, key.algorithm, body_len));
    let digests = |bytes: &[u8]| bytes.chunks(32).map(hex).collect::<Vec<_>>();
    json!({
        "file": sample.file,
        "release_keys": public_texts(release),
        "boot_keys": public_texts(boot),
        "body_length": body_len,
        "release_signing_header": header(Role::Release, &release[0]),
        "boot_signing_header": header(Role::Boot, &boot[0]),
        "release_id": parse(&sample.envelope).release_id(&mut SoftwareCrypto).to_string(),
        "chunk_digests": digests(&package.table),
        "manifest": {
            "vendor": hex(&m.vendor),
            "class": hex(&m.class),
            "hardware_min": m.hardware_min,
            "hardware_max": m.hardware_max,
            "component": m.component,
            "load_address": m.load_address,
            "version": m.version.as_str(),
            "sequence": m.sequence,
            "security_counter": m.security_counter,
            "image_length": m.image_length,
            "image_digest": m.image_digest.to_string(),
            "chunk_size": m.chunk_size.bytes(),
            "page_digests": m.pages.as_slice().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "payload_format": m.payload_format,
            "lowest_boot_format": m.lowest_boot_format,
            "revoked_boot_keys": m.revoked_boot_keys,
        },
    })
}

fn case_json(case: &Case) -> Value {
    let result = case
        .result
        .map_err(|error| (errors::name(&error), error.code()));
    let (name, code) = result.err().unwrap_or_else(|| ("Ok".into(), 0));
    json!({
        "name": case.name,
        "reader": if case.release.is_some() { "client" } else { "bootloader" },
        "release_keys": case.release.iter().map(key_text).collect::<Vec<_>>(),
        "boot_keys": case.boot.iter().map(key_text).collect::<Vec<_>>(),
        "revoked": case.revoked,
        "envelope": hex(&case.envelope),
        "result": name,
        "code": format!("{code:#06x}"),
    })
}

#[test]
fn the_vectors_are_what_this_crate_makes() {
    for sample in samples() {
        golden(
            &vectors().join(sample.file),
            &sample.package.file(&sample.envelope),
        );
    }
    let text = serde_json::to_string_pretty(&json!({
        "about": "Vectors of package format 1. The keys are test keys: their secrets stand here \
                  for everyone to read. Each envelope is shown to the reader named, with the keys \
                  and the mask of revoked boot keys named, and gives the result named.",
        "keys": ALL_KEYS.iter().map(key_json).collect::<Vec<_>>(),
        "packages": samples().iter().map(package_json).collect::<Vec<_>>(),
        "envelopes": cases().iter().map(case_json).collect::<Vec<_>>(),
    }));
    golden(
        &vectors().join("vectors.json"),
        (text.unwrap() + "\n").as_bytes(),
    );
}

fn from_disk() -> Value {
    let path = vectors().join("vectors.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn verify(case: &Value) -> Result<(), VerifyError> {
    let bytes = unhex(case["envelope"].as_str().unwrap());
    let (release, boot) = (keys_of(&case["release_keys"]), keys_of(&case["boot_keys"]));
    let revoked = u8::try_from(case["revoked"].as_u64().unwrap()).unwrap();
    let envelope = Envelope::parse(&bytes)?;
    if release.is_empty() {
        let keys = BootKeys::new(&boot).unwrap();
        envelope.verify_boot(&mut SoftwareCrypto, &keys, revoked)?;
    } else {
        let anchors = TrustAnchors::new(&release, &boot).unwrap();
        envelope.verify(&mut SoftwareCrypto, &anchors, revoked)?;
    }
    Ok(())
}

#[test]
fn every_envelope_of_the_vectors_gives_the_result_it_says() {
    let vectors = from_disk();
    let cases = vectors["envelopes"].as_array().unwrap();
    for case in cases {
        let (name, code) = match verify(case) {
            Ok(()) => ("Ok".into(), 0),
            Err(error) => (errors::name(&error), error.code()),
        };
        let expected = (
            case["result"].as_str().unwrap(),
            case["code"].as_str().unwrap(),
        );
        let found = (&*name, &*format!("{code:#06x}"));
        assert_eq!(found, expected, "{}", case["name"]);
    }
    assert!(cases.len() >= 40);
}

#[test]
fn every_package_of_the_vectors_verifies_to_the_last_byte() {
    let vectors_json = from_disk();
    for entry in vectors_json["packages"].as_array().unwrap() {
        let file = fs::read(vectors().join(entry["file"].as_str().unwrap())).unwrap();
        let (release, boot) = (
            keys_of(&entry["release_keys"]),
            keys_of(&entry["boot_keys"]),
        );
        let anchors = TrustAnchors::new(&release, &boot).unwrap();
        let crypto = &mut SoftwareCrypto;
        let verified = parse(&file[..1024]).verify(crypto, &anchors, 0).unwrap();
        assert_eq!(file.len(), verified.package_len() as usize);
        assert_eq!(
            verified.id().to_string(),
            entry["release_id"].as_str().unwrap()
        );

        let table = &file[1024..verified.payload_offset() as usize];
        let payload = &file[verified.payload_offset() as usize..];
        assert_eq!(ota_image::sha256_of(crypto, payload), verified.image_digest);
        for (page, bytes) in (0..).zip(table.chunks(verified.chunk_size.bytes() as usize)) {
            verified.verify_page(crypto, page, bytes).unwrap();
        }
        for (index, bytes) in (0..).zip(payload.chunks(verified.chunk_size.bytes() as usize)) {
            let mut digest = [None];
            let read = |offset: u32, buffer: &mut [u8]| {
                buffer.copy_from_slice(&table[offset as usize..][..buffer.len()]);
                Ok::<_, ()>(())
            };
            verified
                .read_digests(crypto, index, &mut digest, read)
                .unwrap();
            digest[0].unwrap().verify(crypto, bytes).unwrap();
        }
    }
}

/// The table of offsets for the document: the frame and the body's fields of `ed25519.ota`.
fn offsets() -> String {
    let sample = &samples()[0];
    let body_len = sample.package.body.len();
    let mut rows = vec![("magic", 8), ("format version", 2), ("body length", 2)];
    rows.extend(
        parts(&sample.package.manifest)
            .iter()
            .map(|(name, bytes)| (*name, bytes.len())),
    );
    rows.push(("signature count", 1));
    for _ in 0..2 {
        rows.extend([
            ("role", 1),
            ("algorithm", 1),
            ("key id", 4),
            ("signature", 64),
        ]);
    }
    let used: usize = rows.iter().map(|(_, len)| len).sum();
    assert_eq!(used, 12 + body_len + 1 + 2 * 70);
    rows.push(("zeros", 1024 - used));
    rows.push(("digest table", sample.package.table.len()));
    rows.push(("payload", sample.package.image.len()));

    let file = sample.package.file(&sample.envelope);
    let mut text = String::from("| offset | length | what | bytes |\n|---|---|---|---|\n");
    let mut at = 0;
    for (name, len) in rows {
        let bytes = &file[at..at + len];
        let shown = if len > 18 {
            format!("{} ...", hex(&bytes[..8]))
        } else {
            hex(bytes)
        };
        text += &format!("| {at} | {len} | {name} | `{shown}` |\n");
        at += len;
    }
    assert_eq!(at, file.len());
    text
}

fn error_table() -> String {
    let mut rows = errors::all();
    rows.sort();
    let row = |(code, name, text): &errors::Row| format!("| `{code:#06x}` | {name} | {text} |\n");
    let rows: String = rows.iter().map(row).collect();
    format!("| code | name | line |\n|---|---|---|\n{rows}")
}

/// Replaces what stands between the two marks of a generated table.
fn with_table(document: &str, name: &str, table: &str) -> String {
    let (start, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
    let (before, rest) = document.split_once(&start).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{start}\n{table}\n{end}{after}")
}

#[test]
fn the_tables_of_the_document_are_what_this_crate_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/image-format.md");
    let document = fs::read_to_string(&path).unwrap();
    let document = with_table(&document, "offsets of ed25519.ota", &offsets());
    let document = with_table(&document, "errors", &error_table());
    golden(&path, document.as_bytes());
}
