//! How much was asked of servers, counted for the whole life of a device.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::files;

/// Requests, and the bytes that they asked for. Kept beside the flash, not on it: a device itself
/// does not count. Written before each request, so that one that is killed counts as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Traffic {
    /// All requests.
    pub requests: u64,
    /// Bytes of all ranges that were asked for.
    pub bytes_asked: u64,
    /// Those of them that no download needed: health checks, and envelopes after which there was
    /// nothing to download.
    pub bytes_asked_for_checks: u64,
}

impl Traffic {
    pub(super) fn load(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        serde_json::from_str(&files::read_text(path)?)
            .with_context(|| format!("{} is damaged: remove it", path.display()))
    }

    /// Atomic for a process that is killed, which is what happens to devices.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        files::write_often(path, &serde_json::to_vec(self)?)
    }

    /// For downloads alone.
    #[must_use]
    pub fn for_downloads(&self) -> u64 {
        self.bytes_asked.saturating_sub(self.bytes_asked_for_checks)
    }
}
