//! Builds the example firmware by its READMEs: their own lines, run by a shell.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::example::Example;
use crate::firmware::{self, Behaviour};

/// The ELF files of application and bootloader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elfs {
    /// The application.
    pub app: Vec<u8>,
    /// The bootloader.
    pub bootloader: Vec<u8>,
}

/// Builds both as the section "Build" of the application's README says. The settings that a person puts before `cargo` there give way to this version and the defaults.
///
/// # Errors
/// If there is no such section, or what it says does not work.
pub fn build(example: Example, version: &str) -> Result<Elfs> {
    let path = example.folder().join(firmware::APP).join("README.md");
    let readme = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let script = script(&readme).context("the README does not say how to build")?;

    let _lock = firmware::lock()?;
    let output = firmware::command("sh", &firmware::settings(version, Behaviour::Healthy))
        .args(["-e", "-c", &script])
        .current_dir(crate::root())
        .output()
        .context("cannot run a shell")?;
    ensure!(
        output.status.success(),
        "the README's lines do not work:\n{script}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Elfs {
        app: firmware::built(example, firmware::APP)?,
        bootloader: firmware::built(example, firmware::BOOTLOADER)?,
    })
}

/// The shell's lines in the section "Build", without settings.
fn script(readme: &str) -> Option<String> {
    let (_, section) = readme.split_once("\n## Build\n")?;
    let (_, block) = section.split_once("```sh\n")?;
    let (lines, _) = block.split_once("```")?;
    let lines = lines.replace("\\\n", " ");
    let without = lines.lines().map(|line| {
        let words = line.split_whitespace();
        words.filter(|word| !is_setting(word)).collect::<Vec<_>>()
    });
    Some(without.map(|words| words.join(" ") + "\n").collect())
}

/// Whether this is `NAME=value`.
fn is_setting(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}
