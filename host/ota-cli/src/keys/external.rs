//! Signatures by a command: for keys that never leave a token, an HSM, or a signing service.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use ota_image::{Algorithm, Crypto as _, PublicKey, SoftwareCrypto};

/// More than any signature has, whatever a command prints around it.
const MAX_PRINTED: u64 = 4096;

/// Runs `command` in the shell: the message on its standard input, the signature on its standard
/// output, either the raw 64 bytes or (P-256) DER. Its standard error is ours, so that it can ask
/// for a PIN. The signature is checked before it is returned.
///
/// # Errors
/// If the command cannot be run, fails, or what it prints is no signature of this key.
pub fn sign_with(command: &str, key: &PublicKey, message: &[u8]) -> Result<[u8; 64]> {
    let output = run(command, message)?;
    let signature = candidates(key.algorithm(), &output)
        .into_iter()
        .find(|signature| SoftwareCrypto.verify(key, &[message], signature).is_ok());
    signature.with_context(|| {
        format!(
            "{command:?} printed {} bytes that are no signature by this key",
            output.len()
        )
    })
}

fn run(command: &str, message: &[u8]) -> Result<Vec<u8>> {
    let mut child = shell(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    // A message (at most 743 bytes) fits a pipe, so writing it before reading cannot block.
    let mut stdin = child.stdin.take().context("no standard input")?;
    let sent = stdin.write_all(message);
    drop(stdin);
    let printed = printed(&mut child);
    let status = child
        .wait()
        .with_context(|| format!("cannot run {command:?}"))?;
    let printed = printed.with_context(|| format!("cannot read what {command:?} prints"))?;
    ensure!(
        printed.len() as u64 <= MAX_PRINTED,
        "{command:?} printed more than any signature has"
    );
    ensure!(status.success(), "{command:?} failed ({status})");
    match sent {
        // It did not want all of it; whether what it printed is a signature is checked anyway.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot send"),
        _ => Ok(printed),
    }
}

/// All that it prints, or a byte more than a signature may have: then it is ended, if the end of the
/// pipe does not do that.
fn printed(child: &mut Child) -> io::Result<Vec<u8>> {
    let mut printed = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(MAX_PRINTED + 1).read_to_end(&mut printed)?;
    }
    if printed.len() as u64 > MAX_PRINTED {
        child.kill()?;
    }
    Ok(printed)
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

/// What the output can mean, the likelier first.
fn candidates(algorithm: Algorithm, output: &[u8]) -> Vec<[u8; 64]> {
    let raw: Option<[u8; 64]> = output.try_into().ok();
    match algorithm {
        Algorithm::Ed25519 => raw.into_iter().collect(),
        Algorithm::P256 => {
            let raw = raw.and_then(|raw| p256::ecdsa::Signature::from_slice(&raw).ok());
            let der = p256::ecdsa::Signature::from_der(output).ok();
            // HSMs give either of two valid values of `s`; devices take the lower one only.
            [raw, der]
                .into_iter()
                .flatten()
                .map(|s| s.normalize_s().to_bytes().into())
                .collect()
        }
    }
}
