//! What a bank holds of an image, envelope and digest table: writing it, and writing it anew.

use ota_image::{BootKeys, Crypto, Digest, Distribution, ENVELOPE_LEN, Envelope, Verified};

use crate::image::Image;
use crate::io::{At, Bad, ENVELOPE, erase, holds, program};
use crate::journal::SETTLED;
use crate::map::Strategy;
use crate::record::Record;
use crate::storage::{Index, Region, Storage};
use crate::updater::Updater;

/// Length of a digest in the table.
const DIGEST: u32 = 32;

/// The envelope is not in its bank any more, and has to be fetched and admitted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BankLost;

const fn start_of(bank: Index) -> At {
    At {
        region: Region::Bank(bank),
        offset: 0,
    }
}

/// Erases a bank for `len` bytes and writes an envelope into it; the digest table is to follow.
pub(crate) fn write_bank<S: Storage>(
    storage: &mut S,
    bank: Index,
    envelope: &[u8; ENVELOPE_LEN],
    len: u32,
) -> Result<(), BankLost> {
    let at = start_of(bank);
    erase(storage, at, len).map_err(|_| BankLost)?;
    program(storage, at, envelope).map_err(|_| BankLost)?;
    if holds(storage, at, envelope) {
        Ok(())
    } else {
        Err(BankLost)
    }
}

impl<S: Storage, C: Crypto> Updater<'_, S, C> {
    /// Writes the envelope that a bank holds into it again, if it is this manifest's; the digest
    /// table is to follow.
    pub(crate) fn rewrite_bank(
        &mut self,
        bank: Index,
        manifest: &Verified<Distribution>,
        buffer: &mut [u8],
    ) -> Result<(), BankLost> {
        let envelope = buffer.first_chunk_mut::<ENVELOPE_LEN>().ok_or(BankLost)?;
        let mut io = self.io();
        io.read_envelope(start_of(bank), envelope)
            .map_err(|Bad| BankLost)?;
        let id: Digest = match Envelope::parse(&*envelope) {
            Ok(frame) => frame.release_id(io.crypto).digest(),
            Err(_) => return Err(BankLost),
        };
        if id != manifest.id().digest() {
            return Err(BankLost);
        }
        write_bank(&mut self.storage, bank, envelope, manifest.payload_offset())
    }

    /// Images change places by their digest tables. If that of the active image has rotted, it is
    /// computed anew from the image. Its bank is not touched, for it has the only signature of
    /// what runs: the other bank, which `record` says is free, becomes the active one.
    ///
    /// Returns the active bank.
    pub(crate) fn mend_table(
        &mut self,
        keys: &BootKeys<'_>,
        record: &Record,
    ) -> Result<Index, BankLost> {
        let (active, other) = (record.active, record.active.other());
        if self.product.map.strategy() == Strategy::Ab {
            // Nothing changes places, and each bank belongs to its slot.
            return Ok(active);
        }
        let Some(manifest) = self.load(keys, active, record.revoked) else {
            return Ok(active);
        };
        let mut image = Image::new(manifest, active);
        let at = self.product.active_at(active);
        if image.has_table(&mut self.io()) || !image.is_whole(&mut self.io(), at) {
            return Ok(active);
        }
        self.copy_envelope(keys, record.revoked, &image, other)?;
        self.write_table(&image, at, other)?;
        let copy = self.load(keys, other, record.revoked).ok_or(BankLost)?;
        if !Image::new(copy, other).has_table(&mut self.io()) {
            return Err(BankLost);
        }
        let next = Record {
            active: other,
            ..*record
        };
        // The bank that the records before this one name is about to be erased.
        self.journal
            .write(&mut self.storage, &next, SETTLED)
            .map_err(|_| BankLost)?;
        Ok(other)
    }

    #[inline(never)] // One kilobyte of stack.
    fn copy_envelope<L>(
        &mut self,
        keys: &BootKeys<'_>,
        revoked: u8,
        image: &Image<L>,
        to: Index,
    ) -> Result<(), BankLost> {
        let mut envelope = [0; ENVELOPE_LEN];
        let mut io = self.io();
        io.read_envelope(start_of(image.bank()), &mut envelope)
            .map_err(|Bad| BankLost)?;
        // What is written is what was verified, not what an earlier read came to.
        Envelope::parse(&envelope)
            .ok()
            .and_then(|frame| frame.verify_boot(io.crypto, keys, revoked).ok())
            .filter(|manifest| manifest.id() == image.manifest.id())
            .ok_or(BankLost)?;
        let len = image.manifest.payload_offset();
        write_bank(&mut self.storage, to, &envelope, len)
    }

    /// Programs the digests of an image's chunks behind the envelope of a bank.
    fn write_table<L>(
        &mut self,
        image: &Image<L>,
        image_at: At,
        bank: Index,
    ) -> Result<(), BankLost> {
        let manifest = &image.manifest;
        let (size, table) = (manifest.chunk_size.bytes(), start_of(bank).plus(ENVELOPE));
        for chunk in 0..manifest.chunk_count() {
            let len = manifest.chunk_len(chunk).ok_or(BankLost)?;
            let leaf = self.io().leaf(image_at.plus(chunk * size), len);
            let leaf = leaf.map_err(|Bad| BankLost)?;
            program(&mut self.storage, table.plus(chunk * DIGEST), &leaf.0)
                .map_err(|_| BankLost)?;
        }
        Ok(())
    }
}
