//! The chunks of the image: into units that were erased for them in this power cycle.

use ota_image::{Crypto, VerifiedChunk};

use crate::io::{Bad, erase, holds, program};
use crate::staging::error::{AcceptError, WorkError};
use crate::staging::{Look, Need, Phase, Place, Staging, Work};
use crate::storage::Storage;
use crate::updater::Updater;

impl<S: Storage, C: Crypto> Updater<'_, S, C> {
    pub(super) fn poll_chunk(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
        window: u32,
    ) -> Result<Work, WorkError> {
        let start = staging.next.saturating_mul(staging.chunk_size());
        if staging.next == staging.window_end && staging.next != staging.position {
            self.record_position(staging)?;
            return Ok(Work::Busy);
        }
        if start >= staging.clean_to && staging.look != Look::No {
            return self.look_at_chunk(staging, buffer);
        }
        if staging.next >= staging.window_end {
            let mut end = staging.next.saturating_add(window);
            if staging.hole.is_none() {
                // Behind a cut a unit without a hole is fetched anew: windows end where units do.
                end = end.next_multiple_of(staging.chunks_per_unit());
            }
            staging.window_end = end.min(staging.manifest.chunk_count());
        }
        if staging.look == Look::All {
            // Behind this unit there may be chunks that are good.
            let unit = staging.first_of_unit(staging.next) + staging.chunks_per_unit();
            staging.window_end = staging.window_end.min(unit);
        }
        let end = staging.chunk_end(staging.window_end.saturating_sub(1));
        if staging.clean_to < end {
            let clean = staging.clean_to.max(start);
            erase(&mut self.storage, staging.base.plus(clean), 1).map_err(|_| WorkError::Flash)?;
            staging.clean_to = clean.saturating_add(staging.unit);
            return Ok(Work::Busy);
        }
        let offset = staging.manifest.payload_offset().saturating_add(start);
        Ok(Work::Fetch(Need {
            offset,
            piece: staging.chunk_len(staging.next),
            length: end - start,
            package_len: staging.manifest.package_len(),
        }))
    }

    /// Erases the unit that begins with the next chunk, so that it is fetched and not looked at.
    /// One that was renewed in part is left as it is.
    fn erase_unit(&mut self, staging: &mut Staging) -> Result<(), WorkError> {
        let start = staging.next.saturating_mul(staging.chunk_size());
        if staging.clean_to <= start {
            erase(&mut self.storage, staging.at(staging.next), 1).map_err(|_| WorkError::Flash)?;
            staging.clean_to = start.saturating_add(staging.unit);
        }
        Ok(())
    }

    fn record_position(&mut self, staging: &mut Staging) -> Result<(), WorkError> {
        self.acknowledge(staging.manifest.page_count().saturating_add(staging.next))
            .map_err(|_| WorkError::Journal)?;
        staging.position = staging.next;
        Ok(())
    }

    /// Is the next chunk there already? At the first that is not: clean up behind the cut.
    pub(super) fn look_at_chunk(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
    ) -> Result<Work, WorkError> {
        let chunk = staging.next;
        let Some(digest) = staging.digest(&mut self.io(), chunk) else {
            staging.phase = Phase::Table {
                page: 0,
                place: Place::Unknown,
            };
            return Ok(Work::Busy);
        };
        let there = self
            .io()
            .leaf(staging.at(chunk), digest.len())
            .is_ok_and(|leaf| digest.matches_digest(leaf));
        if there {
            staging.next += 1;
            let all = staging.next == staging.manifest.chunk_count();
            match staging.look {
                Look::UntilMissing if all => self.clean_up(staging, buffer)?,
                // The cut may have been in a repair, with good chunks behind it.
                Look::UntilMissing if staging.next == staging.end_of_position() => {
                    self.renew_last(staging, buffer)?;
                    if staging.next < staging.end_of_position() {
                        self.erase_unit(staging)?;
                    }
                }
                Look::UntilMissing | Look::All | Look::No => {}
            }
            return Ok(Work::Busy);
        }
        match staging.look {
            Look::UntilMissing => self.clean_up(staging, buffer)?,
            Look::All | Look::No => {
                staging.next = staging.first_of_unit(chunk);
                // Behind a cut, that is where to look for what was written last.
                self.record_position(staging)?;
                staging.clean_to = staging.next.saturating_mul(staging.chunk_size());
                self.erase_unit(staging)?;
            }
        }
        Ok(Work::Busy)
    }

    pub(super) fn accept_chunk(
        &mut self,
        staging: &mut Staging,
        bytes: &[u8],
    ) -> Result<(), AcceptError> {
        if staging.chunk_end(staging.next) > staging.clean_to {
            return Err(AcceptError::NothingNeeded);
        }
        let Some(digest) = staging.digest(&mut self.io(), staging.next) else {
            staging.phase = Phase::Table {
                page: 0,
                place: Place::Unknown,
            };
            return Err(AcceptError::TableDamaged);
        };
        let verified = digest
            .verify(&mut self.crypto, bytes)
            .map_err(|_| AcceptError::Mismatch)?;
        if self.program_chunk(staging, &verified).is_err() {
            staging.give_up_place();
            return Err(AcceptError::Flash);
        }
        staging.next += 1;
        Ok(())
    }

    pub(super) fn program_chunk(
        &mut self,
        staging: &Staging,
        chunk: &VerifiedChunk<'_>,
    ) -> Result<(), Bad> {
        let at = staging.at(chunk.index());
        program(&mut self.storage, at, chunk.bytes()).map_err(|_| Bad)?;
        if holds(&mut self.storage, at, chunk.bytes()) {
            Ok(())
        } else {
            Err(Bad)
        }
    }
}
