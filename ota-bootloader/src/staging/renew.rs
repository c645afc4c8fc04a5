//! Behind a cut: the last chunk found may be marginal and is written again, and the places behind
//! it in its unit have to be clean.

use ota_image::Crypto;

use crate::io::{At, Bad, Io, Part, erase, is_blank, read_flash};
use crate::staging::error::WorkError;
use crate::staging::{Look, Staging};
use crate::storage::Storage;
use crate::updater::Updater;

impl<S: Storage, C: Crypto> Updater<'_, S, C> {
    /// Behind a cut: the last chunk found may be marginal and is written again, and the places
    /// behind it in its unit have to be clean.
    pub(super) fn clean_up(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
    ) -> Result<(), WorkError> {
        self.renew_last(staging, buffer)?;
        staging.look = Look::No;
        Ok(())
    }

    pub(super) fn renew_last(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
    ) -> Result<(), WorkError> {
        if staging.chunks_per_unit() == 1 {
            if staging.next > staging.position {
                self.renew_chunk(staging, staging.next - 1, buffer)?;
            }
            staging.clean_to = staging.next.saturating_mul(staging.chunk_size());
            return Ok(());
        }
        let missing = staging.next;
        let first = staging.first_of_unit(if missing > staging.position {
            missing.saturating_sub(1)
        } else {
            missing
        });
        let in_place = missing - first;
        let marginal = missing > staging.position;
        let unit_at = staging.at(first);
        let unit_len = staging.unit.min(
            staging
                .manifest
                .image_length
                .saturating_sub(first * staging.chunk_size()),
        );
        let most = staging
            .chunks_per_unit()
            .min(staging.manifest.chunk_count().saturating_sub(first));
        let in_hole = staging
            .hole
            .map_or(0, |hole| staging.run_at(&mut self.io(), first, most, hole));
        let used = in_place * staging.chunk_size();
        let clean = is_blank(
            &mut self.storage,
            unit_at.plus(used),
            unit_len.saturating_sub(used),
        );
        // Places that read blank may have been torn: a unit with a hole to save it in is renewed.
        let kept = if staging.hole.is_none() && !marginal && clean {
            in_place
        } else {
            self.repair_unit(staging, first, in_place, in_hole)
                .map_err(|Bad| WorkError::Flash)?
        };
        staging.next = first + kept;
        let begun = if kept == 0 { 0 } else { staging.unit };
        staging.clean_to = (first * staging.chunk_size()).saturating_add(begun);
        Ok(())
    }

    /// Rewrites a unit with what is left of its leading chunks, through the hole. Returns how
    /// many there are; 0: the unit has to be erased and fetched.
    pub(super) fn repair_unit(
        &mut self,
        staging: &Staging,
        first: u32,
        in_place: u32,
        in_hole: u32,
    ) -> Result<u32, Bad> {
        let Some(hole) = staging.hole else {
            return Ok(0);
        };
        let kept = in_place.max(in_hole);
        if kept == 0 {
            return Ok(0);
        }
        let len = staging.chunk_end(first + kept - 1) - first * staging.chunk_size();
        let mut io = self.io();
        let mut check = |io: &mut Io<'_, S, C>, at: At, part: Part| {
            let count = part.len.div_ceil(staging.chunk_size());
            let from = first + part.offset / staging.chunk_size();
            staging.run_at(io, from, count, at) == count
        };
        if in_hole < in_place {
            io.copy(staging.at(first), hole, len, &mut check)?;
        }
        io.copy(hole, staging.at(first), len, &mut check)?;
        Ok(kept)
    }

    /// Writes a chunk that has its units to itself again, from RAM.
    pub(super) fn renew_chunk(
        &mut self,
        staging: &mut Staging,
        chunk: u32,
        buffer: &mut [u8],
    ) -> Result<(), WorkError> {
        let at = staging.at(chunk);
        let len = staging.chunk_len(chunk) as usize;
        let read = buffer
            .get_mut(..len.next_multiple_of(32))
            .ok_or(WorkError::BufferTooSmall)?;
        let Some(digest) = staging.digest(&mut self.io(), chunk) else {
            return Err(WorkError::ManifestLost);
        };
        staging.next = chunk;
        let mut offset = at.offset;
        for block in read.chunks_mut(256) {
            if read_flash(&mut self.storage, at.region, offset, block).is_err() {
                return Ok(());
            }
            offset = offset.saturating_add(256);
        }
        let Ok(verified) = digest.verify(&mut self.crypto, buffer.get(..len).unwrap_or_default())
        else {
            // Marginal indeed: it is fetched again.
            return Ok(());
        };
        erase(&mut self.storage, at, digest.len()).map_err(|_| WorkError::Flash)?;
        self.program_chunk(staging, &verified)
            .map_err(|_| WorkError::Flash)?;
        staging.next = chunk + 1;
        Ok(())
    }
}
