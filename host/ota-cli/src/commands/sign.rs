//! `ota sign`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ota_image::{PublicKey, Role};

use crate::files;
use crate::keys::{LabelledKey, PrivateKey, RoleArg, key_id, role_name, sign_with};
use crate::package::{Package, Signed};

const EXAMPLES: &str = "\
Examples:
  ota sign app-1.4.2.ota --key release.key
  ota sign app-1.4.2.ota --key boot.pub --sign-with 'openssl dgst -sha256 -sign token.pem'

COMMAND gets the message on its standard input and prints the signature: 64 raw bytes, or DER for
P-256. Ed25519 signs the message itself, P-256 its SHA-256. The package's digests are checked
before it is signed, and the signature before it is written.";

/// Add the signature of a key, in its role
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The package, which is replaced by the signed one
    package: PathBuf,
    /// PREFIX.key; with --sign-with, PREFIX.pub
    #[arg(long)]
    key: PathBuf,
    /// Let a command sign: for keys on a token, in an HSM, in a signing service
    #[arg(long, value_name = "COMMAND")]
    sign_with: Option<String>,
    /// The key's role, if its file does not say it
    #[arg(long)]
    role: Option<RoleArg>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let mut package = Package::load(&args.package)?;
    let (role, key, signed) = sign(args, &mut package)?;
    package.save(&args.package)?;
    if args.sign_with.is_none() {
        warn_of_others(&args.key);
    }
    let done = match signed {
        Signed::Added => "signed",
        Signed::Replaced => "signed again",
    };
    super::print(&format!(
        "{}: {done} by {} key {}",
        args.package.display(),
        role_name(role),
        key_id(&key)
    ))
}

/// It works all the same: whoever could read it has done so.
fn warn_of_others(key: &Path) {
    if files::others_can_read(key) {
        let key = key.display();
        super::note(&format!("warning: others can read {key}: chmod 600 {key}"));
    }
}

fn sign(args: &Args, package: &mut Package) -> Result<(Role, PublicKey, Signed)> {
    let name = || args.package.display().to_string();
    let asked = args.role.map(Role::from);
    let Some(command) = &args.sign_with else {
        let key = PrivateKey::load(&args.key, asked)?;
        let signed = package.sign(&key).with_context(name)?;
        return Ok((key.role(), key.public()?.key, signed));
    };
    let labelled = LabelledKey::load(&args.key)?;
    let role = labelled
        .role_or(asked)
        .with_context(|| args.key.display().to_string())?;
    package
        .check_before_signing(role, &labelled.key)
        .with_context(name)?;
    let message = package.message(role, labelled.key.algorithm())?;
    let signature = sign_with(command, &labelled.key, &message)?;
    let signed = package
        .add_signature(role, &labelled.key, &signature)
        .with_context(name)?;
    Ok((role, labelled.key, signed))
}
