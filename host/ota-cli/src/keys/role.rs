//! The line in a key file that says what the key is for.

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use ota_image::{Algorithm, Role};

const LABEL: &str = "ota-role:";

/// A role as it is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// "This may be distributed": checked by the client before it downloads.
    Release,
    /// "This may run": checked by the client, and by the bootloader at every boot.
    Boot,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Release => Self::Release,
            RoleArg::Boot => Self::Boot,
        }
    }
}

/// The role's name, as in key files and on the command line.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Release => "release",
        Role::Boot => "boot",
    }
}

/// The algorithm's name, as on the command line.
#[must_use]
pub fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::P256 => "p256",
    }
}

/// The line, to stand before the PEM block.
pub(super) fn line(role: Role) -> String {
    format!("{LABEL} {}\n", role_name(role))
}

/// Finds the line before the PEM block, if there is one.
pub(super) fn find(text: &str) -> Result<Option<Role>> {
    let mut found = None;
    for line in text
        .lines()
        .take_while(|line| !line.starts_with("-----BEGIN"))
    {
        let Some(name) = line.trim().strip_prefix(LABEL) else {
            continue;
        };
        if found.is_some() {
            bail!("two {LABEL} lines: keep one");
        }
        found = Some(match name.trim() {
            "release" => Role::Release,
            "boot" => Role::Boot,
            other => bail!("{LABEL} {other:?} is not a role: write release or boot"),
        });
    }
    Ok(found)
}

/// The role that the file says or that was asked for; they must not contradict each other.
pub(super) fn settle(in_file: Option<Role>, asked: Option<Role>) -> Result<Option<Role>> {
    if let (Some(file), Some(asked)) = (in_file, asked)
        && file != asked
    {
        bail!(
            "this is a {} key, not a {} key",
            role_name(file),
            role_name(asked)
        );
    }
    Ok(in_file.or(asked))
}

/// As [`settle`], for uses that need a role.
pub(super) fn require(role: Option<Role>) -> Result<Role> {
    role.with_context(|| format!("no {LABEL} line before the PEM block: give --role"))
}
