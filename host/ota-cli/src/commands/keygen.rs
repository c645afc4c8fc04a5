//! `ota keygen`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::files::{self, Access, Existing};
use crate::keys::{AlgorithmArg, PrivateKey, RoleArg, algorithm_name, key_id, role_name};

const EXAMPLES: &str = "\
Examples:
  ota keygen --role release --out release        release.key, release.pub
  ota keygen --role boot --alg p256 --out boot   for a chip with a P-256 engine

Keep the .key files off the server and off each other's machine; build the .pub files into the
firmware: both into the application, boot.pub into the bootloader.";

/// Make a key pair for one role
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What a signature by this key says
    #[arg(long)]
    role: RoleArg,
    /// The signature algorithm
    #[arg(long, default_value = "ed25519")]
    alg: AlgorithmArg,
    /// Writes PREFIX.key (PKCS#8, readable by you alone) and PREFIX.pub
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
    /// Replace files that exist: what was signed with the old key stays signed, and you cannot
    /// sign with it again
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let (private, public) = (
        with_extension(&args.out, ".key"),
        with_extension(&args.out, ".pub"),
    );
    let existing = if args.force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    if existing == Existing::Keep {
        for path in [&private, &public] {
            // Looked at first so that no key is left without its public half; that nothing is
            // overwritten is ensured when it is written.
            ensure!(
                !path.exists(),
                "{} exists: choose another name, or --force",
                path.display()
            );
        }
    }
    let key = PrivateKey::generate(args.role.into(), args.alg.into())?;
    let labelled = key.public()?;
    files::write(&private, key.to_pem()?.as_bytes(), Access::Owner, existing)?;
    files::write(
        &public,
        labelled.to_pem()?.as_bytes(),
        Access::Everyone,
        existing,
    )?;
    super::print(&format!(
        "{} and {}: {} key {}, {}",
        private.display(),
        public.display(),
        role_name(key.role()),
        key_id(&labelled.key),
        algorithm_name(labelled.key.algorithm()),
    ))
}

/// Appends, so that `release-1.4` becomes `release-1.4.key`.
fn with_extension(prefix: &Path, extension: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(extension);
    name.into()
}
