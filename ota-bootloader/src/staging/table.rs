//! The pages of the digest table: into the bank, behind the envelope.

use ota_image::{Crypto, VerifiedPage};

use crate::io::{At, Bad, holds, program};
use crate::staging::error::{AcceptError, WorkError};
use crate::staging::{Need, Phase, Place, Staging, Work, place_after};
use crate::storage::Storage;
use crate::updater::Updater;

impl<S: Storage, C: Crypto> Updater<'_, S, C> {
    pub(super) fn poll_table(
        &mut self,
        staging: &mut Staging,
        page: u32,
        place: Place,
        buffer: &mut [u8],
        window: u32,
    ) -> Result<Work, WorkError> {
        let pages = staging.manifest.page_count();
        let (Some(len), Some(offset)) = (
            staging.manifest.page_len(page),
            staging.manifest.page_offset(page),
        ) else {
            return self.end_table(staging, pages, buffer);
        };
        let first = page * staging.manifest.chunk_size.digests_per_page();
        if place == Place::Unknown && staging.digest(&mut self.io(), first).is_some() {
            staging.old_table = true;
            staging.phase = Phase::Table {
                page: page + 1,
                place: Place::Unknown,
            };
            return Ok(Work::Busy);
        }
        if place != Place::Clean {
            self.renew_bank(staging, buffer)?;
            return Ok(Work::Busy);
        }
        let last = page.saturating_add(window).min(pages) - 1;
        let end = staging
            .manifest
            .page_offset(last)
            .zip(staging.manifest.page_len(last));
        Ok(Work::Fetch(Need {
            offset,
            piece: len,
            length: end.map_or(len, |(start, len)| start + len - offset),
            package_len: staging.manifest.package_len(),
        }))
    }

    /// All pages are there. That is recorded, so that a cut later on does not cast doubt on them.
    pub(super) fn end_table(
        &mut self,
        staging: &mut Staging,
        pages: u32,
        buffer: &mut [u8],
    ) -> Result<Work, WorkError> {
        let recorded = self.record().position >= pages;
        if staging.old_table && !recorded {
            self.renew_bank(staging, buffer)?;
            return Ok(Work::Busy);
        }
        if !recorded {
            self.acknowledge(pages).map_err(|_| WorkError::Journal)?;
        }
        staging.phase = Phase::Chunks;
        Ok(Work::Busy)
    }

    /// Behind a cut, what was written last into the bank may be marginal, and what is missing may
    /// only read blank; its unit holds the envelope or other pages as well. All of the bank is
    /// written again: the envelope from RAM, the pages from the server.
    pub(super) fn renew_bank(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
    ) -> Result<(), WorkError> {
        self.rewrite_bank(staging.bank, &staging.manifest, buffer)
            .map_err(|_| WorkError::ManifestLost)?;
        staging.old_table = false;
        staging.phase = Phase::Table {
            page: 0,
            place: Place::Clean,
        };
        Ok(())
    }

    pub(super) fn accept_page(
        &mut self,
        staging: &mut Staging,
        page: u32,
        bytes: &[u8],
    ) -> Result<(), AcceptError> {
        let verified = staging
            .manifest
            .verify_page(&mut self.crypto, page, bytes)
            .map_err(|_| AcceptError::Mismatch)?;
        let offset = staging
            .manifest
            .page_offset(page)
            .ok_or(AcceptError::NothingNeeded)?;
        staging.phase = Phase::Table {
            page,
            place: Place::Dirty,
        };
        self.program_page(staging.bank_at(offset), &verified)
            .map_err(|Bad| AcceptError::Flash)?;
        staging.phase = Phase::Table {
            page: page + 1,
            place: place_after(staging.look),
        };
        Ok(())
    }

    pub(super) fn program_page(&mut self, at: At, page: &VerifiedPage<'_>) -> Result<(), Bad> {
        program(&mut self.storage, at, page.bytes()).map_err(|_| Bad)?;
        if holds(&mut self.storage, at, page.bytes()) {
            Ok(())
        } else {
            Err(Bad)
        }
    }
}
