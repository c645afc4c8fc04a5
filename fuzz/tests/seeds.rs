//! What is kept in `seeds` passes, and is what `ota_fuzz::seeds` makes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target)
}

fn kept(target: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder(target))
        .expect("a folder for each target")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_passes() {
    for (target, check) in ota_fuzz::TARGETS {
        let files = kept(target);
        assert!(files.len() >= 8, "{target}: {} inputs", files.len());
        for file in files {
            println!("{}", file.display()); // Shown if it fails.
            check(&fs::read(&file).expect("a file"));
        }
    }
}

#[test]
fn seeds_are_kept_as_they_are_made() {
    let mut targets = BTreeSet::new();
    for (target, name, bytes) in ota_fuzz::seeds::all() {
        let file = folder(target).join(&name);
        assert_eq!(
            fs::read(file).ok(),
            Some(bytes),
            "{target}/{name}: write the seeds anew"
        );
        targets.insert(target);
    }
    assert_eq!(targets.len(), ota_fuzz::TARGETS.len());
}
