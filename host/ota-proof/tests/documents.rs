//! The tests that the documents name exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const DOCUMENTS: [&str; 2] = ["docs/power-loss.md", "docs/threat-model.md"];

#[test]
fn every_test_that_a_document_names_is_there() {
    let mut tests = HashSet::new();
    for folder in [
        "adapters",
        "host",
        "ota-bootloader",
        "ota-client",
        "ota-image",
    ] {
        collect(&Path::new(ROOT).join(folder), &mut tests);
    }
    for document in DOCUMENTS {
        let text = fs::read_to_string(Path::new(ROOT).join(document)).expect(document);
        let named: Vec<_> = text.split('`').skip(1).step_by(2).filter(is_test).collect();
        assert!(named.len() > 5, "{document} names {} tests", named.len());
        for name in named {
            assert!(
                tests.contains(name),
                "{document} names {name}: no such test"
            );
        }
    }
}

/// Whether what stands between backticks is the name of a test: those are sentences.
fn is_test(quoted: &&str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    quoted.bytes().all(letters) && quoted.matches('_').count() >= 3
}

/// The functions below a folder that have an attribute before them, and those that a list of a
/// board's promises makes: `story => name`.
fn collect(folder: &Path, tests: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            collect(&path, tests);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("source");
            let mut lines = text.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if line == "#[test]" {
                    tests.extend(lines.by_ref().find_map(name));
                } else if let Some(promise) = line.strip_prefix("=> ") {
                    tests.insert(promise.trim_end_matches(',').to_owned());
                }
            }
        }
    }
}

fn name(line: &str) -> Option<String> {
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    Some(name.to_owned())
}
