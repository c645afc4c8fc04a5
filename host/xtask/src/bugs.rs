//! `cargo xtask bugs`: bugs that are put back in, one after the other; a test has to catch each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail, ensure};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PATCHES: &str = "host/ota-proof/bugs";

/// Puts bugs back into a copy of the tree: the test that each names has to fail.
#[derive(clap::Args)]
pub(crate) struct Bugs {
    /// Only look whether the patches still apply
    #[arg(long)]
    check: bool,
    /// Only bugs whose file name contains TEXT
    #[arg(long, default_value = "", value_name = "TEXT")]
    matching: String,
}

/// A patch and what its head says.
struct Bug {
    patch: PathBuf,
    what: String,
    /// Package, test target, test.
    test: [String; 3],
}

impl Bug {
    fn read(patch: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(patch)?;
        let field = |name| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.with_context(|| format!("no line {name:?} in {}", patch.display()))
        };
        let words: Vec<_> = field("Test: ")?.split(' ').map(str::to_owned).collect();
        Ok(Self {
            patch: patch.to_owned(),
            what: field("Bug: ")?.to_owned(),
            test: words.try_into().ok().context("three words make a test")?,
        })
    }

    /// `cargo test` for the one test, with arguments before its name.
    fn cargo_test(&self, tree: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
        let [package, target, test] = &self.test;
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--quiet", "--package", package]);
        match target.as_str() {
            "--lib" => cargo.arg("--lib"),
            target => cargo.args(["--test", target]),
        };
        cargo.args(arguments).arg(test);
        cargo.env("CARGO_TARGET_DIR", tree.with_file_name("target"));
        cargo.current_dir(tree).output().context("cargo")
    }

    /// Whether the test catches the bug, which is in the tree.
    fn is_caught(&self, tree: &Path) -> anyhow::Result<bool> {
        let built = self.cargo_test(tree, &["--no-run"])?;
        ensure!(
            built.status.success(),
            "{} does not build:\n{}",
            self.patch.display(),
            String::from_utf8_lossy(&built.stderr)
        );
        let run = self.cargo_test(tree, &[])?;
        let said = String::from_utf8_lossy(&run.stdout);
        Ok(!run.status.success() && said.contains("test result: FAILED. 0 passed; 1 failed"))
    }
}

pub(crate) fn run(arguments: &Bugs) -> anyhow::Result<()> {
    let mut patches: Vec<_> = fs::read_dir(Path::new(ROOT).join(PATCHES))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    patches.retain(|patch| patch.to_string_lossy().contains(&arguments.matching));
    patches.sort();
    let tree = copy_tree()?;
    let mut missed = 0;
    println!("| bug | test | caught |\n|---|---|---|");
    for patch in patches {
        let bug = Bug::read(&patch)?;
        let caught = if arguments.check {
            apply(&tree, &patch, &["--check"])?;
            "applies"
        } else {
            apply(&tree, &patch, &[])?;
            let caught = bug.is_caught(&tree);
            apply(&tree, &patch, &["--reverse"])?;
            if caught? { "yes" } else { "NO" }
        };
        missed += u32::from(caught == "NO");
        println!("| {} | `{}` | {caught} |", bug.what, bug.test[2]);
    }
    if missed > 0 {
        bail!("{missed} bugs are not caught");
    }
    Ok(())
}

/// Applies a patch to the tree.
fn apply(tree: &Path, patch: &Path, how: &[&str]) -> anyhow::Result<()> {
    let mut git = Command::new("git");
    git.arg("apply").args(how).arg(patch).current_dir(tree);
    // The copy lies inside a repository, and is none of its folders.
    git.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    let done = git.output().context("git")?;
    ensure!(
        done.status.success(),
        "{} does not apply any more: {}",
        patch.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

/// Brings the copy of the tree up to date; what has not changed is not built again.
fn copy_tree() -> anyhow::Result<PathBuf> {
    let root = fs::canonicalize(ROOT)?;
    let tree = root.join("target/bugs/tree");
    fs::create_dir_all(&tree)?;
    let list = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(&root)
        .output()
        .context("git")?;
    ensure!(list.status.success(), "git ls-files");
    for name in String::from_utf8(list.stdout)?.split_terminator('\0') {
        let Ok(bytes) = fs::read(root.join(name)) else {
            continue; // Deleted, and not committed yet.
        };
        let copy = tree.join(name);
        if fs::read(&copy).ok().as_deref() != Some(&bytes) {
            fs::create_dir_all(copy.parent().unwrap_or(&tree))?;
            fs::write(copy, bytes)?;
        }
    }
    Ok(tree)
}
