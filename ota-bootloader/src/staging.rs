//! Writing a release into staging: what to ask for next, and what to do with it.
//!
//! Nothing is written but pieces (pages of the digest table, chunks of the image) that match
//! a digest under the signed manifest. Where the work stands is found on flash itself; the
//! position in the journal only saves looking at what is known to be good.

use ota_image::{
    ChunkDigest, Crypto, Distribution, ENVELOPE_LEN, Verified, VerifiedChunk, VerifiedPage,
};

use crate::io::{At, Bad, ENVELOPE, Io, erase, holds, is_blank, program};
use crate::map::Strategy;
use crate::product::Product;
use crate::record::ReleaseTag;
use crate::state::BootState;
use crate::storage::{Index, Region, Storage};
use crate::updater::Updater;

/// What to get next. Offsets and lengths are bytes of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Where the piece begins.
    pub offset: u32,
    /// Length of the piece to hand to [`Updater::accept`].
    pub piece: u32,
    /// Length of this piece and those that will be needed right after it: what to ask for in one
    /// request.
    pub length: u32,
    /// Length of the whole package.
    pub package_len: u32,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Work {
    /// Something was done; poll again.
    Busy,
    /// A piece is needed.
    Fetch(Need),
    /// The whole image is there, and its SHA-256 was read back: request it.
    Complete(StagedImage),
}

/// Proof that a whole, verified image is in staging.
#[derive(Debug, PartialEq, Eq)]
pub struct StagedImage {
    release: ReleaseTag,
}

impl StagedImage {
    /// Which release.
    #[must_use]
    pub const fn release(&self) -> ReleaseTag {
        self.release
    }
}

/// Why staging cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// Erase, program or read-back failed.
    Flash,
    /// The journal cannot be written.
    Journal,
    /// The manifest is gone from its bank: offer the envelope to [`Updater::admit`] again.
    ManifestLost,
    /// Every chunk matches its digest, but the image does not have the SHA-256 of the manifest:
    /// the release was made wrong.
    WrongImage,
    /// The buffer is smaller than 1024 bytes or than a chunk.
    BufferTooSmall,
    /// Another release was begun since, or this one has been requested.
    Superseded,
}

impl WorkError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Flash => 0x1131,
            Self::Journal => 0x1132,
            Self::ManifestLost => 0x1133,
            Self::WrongImage => 0x1134,
            Self::BufferTooSmall => 0x1135,
            Self::Superseded => 0x1136,
        }
    }
}

impl core::fmt::Display for WorkError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Flash => "staging cannot be written; check the flash",
            Self::Journal => "the journal cannot be written; check the flash",
            Self::ManifestLost => "the manifest on flash is damaged; fetch the envelope again",
            Self::WrongImage => {
                "the image does not have the SHA-256 of its manifest; pack it again"
            }
            Self::BufferTooSmall => {
                "the buffer is smaller than a chunk; enlarge it or pack with smaller chunks"
            }
            Self::Superseded => "this staging is not the current one; resume or admit again",
        })
    }
}

impl core::error::Error for WorkError {}

/// Why a piece was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// No piece was asked for.
    NothingNeeded,
    /// It is not the one that was signed. Nothing was written.
    Mismatch,
    /// It is, but could not be written.
    Flash,
    /// It cannot be judged: its page of the digest table does not read back any more. Poll; the
    /// page will be asked for again.
    TableDamaged,
}

impl AcceptError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NothingNeeded => 0x1141,
            Self::Mismatch => 0x1142,
            Self::Flash => 0x1143,
            Self::TableDamaged => 0x1144,
        }
    }
}

impl core::fmt::Display for AcceptError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NothingNeeded => "no piece was asked for; poll first",
            Self::Mismatch => "the bytes do not match the signed digest; fetch them again",
            Self::Flash => "the piece could not be written; poll to try again",
            Self::TableDamaged => "the digest table on flash is damaged; poll to fetch it again",
        })
    }
}

impl core::error::Error for AcceptError {}

/// How chunks that may be there already are told from those that are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// They are not: staging was begun in this power cycle.
    No,
    /// Up to the first that is missing; behind it there is nothing.
    UntilMissing,
    /// All of them: the image came out wrong, so one of them must have changed.
    All,
}

/// What is known of the place of the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its bank was erased in this power cycle.
    Clean,
    /// The page may be there.
    Unknown,
    /// It does not take the page.
    Dirty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Pages of the digest table.
    Table { page: u32, place: Place },
    /// Chunks.
    Chunks,
    /// All chunks are there.
    Whole,
}

/// One release on its way into staging. Made by [`Updater::admit`] and [`Updater::resume`].
#[derive(Debug)]
pub struct Staging {
    manifest: Verified<Distribution>,
    bank: Index,
    base: At,
    /// Erase unit of staging.
    unit: u32,
    /// The free step that units can be saved in, if there is one.
    hole: Option<At>,
    phase: Phase,
    look: Look,
    /// The chunk to look at or to get next.
    next: u32,
    /// Chunks below are known good from the journal.
    position: u32,
    /// The image's bytes from `next` up to here lie in units erased in this power cycle.
    clean_to: u32,
    /// The chunk that ends the window under way.
    window_end: u32,
    /// The digest table was found, not written in this power cycle.
    old_table: bool,
    /// The image came out wrong once already.
    second_look: bool,
}

const fn place_after(look: Look) -> Place {
    match look {
        Look::No => Place::Clean,
        Look::UntilMissing | Look::All => Place::Unknown,
    }
}

impl Staging {
    pub(crate) fn begun(manifest: Verified<Distribution>, bank: Index, product: &Product) -> Self {
        Self::new(manifest, bank, product, 0, Look::No)
    }

    pub(crate) fn mended(manifest: Verified<Distribution>, bank: Index, product: &Product) -> Self {
        Self::new(manifest, bank, product, 0, Look::All)
    }

    pub(crate) fn resumed(
        manifest: Verified<Distribution>,
        bank: Index,
        position: u32,
        product: &Product,
    ) -> Self {
        Self::new(manifest, bank, product, position, Look::UntilMissing)
    }

    fn new(
        manifest: Verified<Distribution>,
        bank: Index,
        product: &Product,
        position: u32,
        look: Look,
    ) -> Self {
        let base = product.staged_at(bank);
        let hole = match product.map.strategy() {
            Strategy::Swap => Some(At {
                region: base.region,
                offset: 0,
            }),
            Strategy::Ab => None,
        };
        let mut staging = Self {
            bank,
            base,
            unit: product.map.geometry(base.region).erase_size,
            hole,
            phase: Phase::Table {
                page: 0,
                place: place_after(look),
            },
            look,
            next: 0,
            position: position
                .saturating_sub(manifest.page_count())
                .min(manifest.chunk_count()),
            clean_to: 0,
            window_end: 0,
            old_table: false,
            second_look: false,
            manifest,
        };
        // A unit that was being repaired may lack chunks that the journal counts.
        staging.next = staging.first_of_unit(staging.position);
        staging
    }

    /// The manifest, both signatures checked.
    #[must_use]
    pub const fn manifest(&self) -> &Verified<Distribution> {
        &self.manifest
    }

    /// Chunks that are in staging, as far as is known.
    #[must_use]
    pub const fn chunks_done(&self) -> u32 {
        if self.next < self.position {
            self.position
        } else {
            self.next
        }
    }

    fn chunk_size(&self) -> u32 {
        self.manifest.chunk_size.bytes()
    }

    fn at(&self, chunk: u32) -> At {
        self.base.plus(chunk.saturating_mul(self.chunk_size()))
    }

    fn chunk_len(&self, chunk: u32) -> u32 {
        self.manifest.chunk_len(chunk).unwrap_or(0)
    }

    /// Chunks that share an erase unit: 1 where a chunk has units of its own.
    fn chunks_per_unit(&self) -> u32 {
        (self.unit / self.chunk_size()).max(1)
    }

    /// The first chunk in the unit of this one.
    fn first_of_unit(&self, chunk: u32) -> u32 {
        chunk - chunk % self.chunks_per_unit()
    }

    /// The next chunk's place does not take it, whatever it reads as. Alone in its units it is
    /// erased; with others, these are saved in the hole as after a cut, or fetched again.
    fn give_up_place(&mut self) {
        if self.chunks_per_unit() > 1 && self.hole.is_some() && self.look == Look::No {
            self.look = Look::UntilMissing;
            self.clean_to = 0;
        } else {
            self.next = self.first_of_unit(self.next);
            self.clean_to = self.next.saturating_mul(self.chunk_size());
        }
    }

    fn chunk_end(&self, chunk: u32) -> u32 {
        chunk
            .saturating_mul(self.chunk_size())
            .saturating_add(self.chunk_len(chunk))
    }

    fn bank_at(&self, offset: u32) -> At {
        At {
            region: Region::Bank(self.bank),
            offset,
        }
    }

    fn digest<S: Storage, C: Crypto>(
        &self,
        io: &mut Io<'_, S, C>,
        chunk: u32,
    ) -> Option<ChunkDigest> {
        let (storage, region) = (&mut *io.storage, Region::Bank(self.bank));
        let mut found = [None];
        self.manifest
            .read_digests(io.crypto, chunk, &mut found, |offset, bytes| {
                storage.read(region, offset.saturating_add(ENVELOPE), bytes)
            })
            .ok()?;
        let [digest] = found;
        digest
    }

    fn chunk_matches<S: Storage, C: Crypto>(
        &self,
        io: &mut Io<'_, S, C>,
        chunk: u32,
        at: At,
    ) -> bool {
        self.digest(io, chunk).is_some_and(|digest| {
            io.leaf(at, digest.len())
                .is_ok_and(|leaf| digest.matches_digest(leaf))
        })
    }

    /// How many chunks from `first` on lie at `at` one after another, `most` at most.
    fn run_at<S: Storage, C: Crypto>(
        &self,
        io: &mut Io<'_, S, C>,
        first: u32,
        most: u32,
        at: At,
    ) -> u32 {
        let size = self.chunk_size();
        let mut run = 0;
        while run < most && self.chunk_matches(io, first + run, at.plus(run * size)) {
            run += 1;
        }
        run
    }
}

impl<S: Storage, C: Crypto> Updater<'_, S, C> {
    /// Does a small piece of work (at most one erase unit, or one chunk of hashing, but for the
    /// last step, which hashes the image; see [`Fed`](crate::Fed)) and says what is next.
    ///
    /// `buffer` has at least 1024 bytes and at least one chunk; its contents are not kept.
    /// `window` is how many pieces one request may ask for (A/B: rounded up to whole erase units);
    /// everything that such a request needs
    /// erased is erased before it is asked for.
    ///
    /// # Errors
    /// [`WorkError`]; polling again tries again.
    pub fn poll(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
        window: u32,
    ) -> Result<Work, WorkError> {
        let needed = (staging.chunk_size() as usize).max(ENVELOPE_LEN);
        let buffer = buffer.get_mut(..needed).ok_or(WorkError::BufferTooSmall)?;
        let record = self.record();
        if record.state != BootState::Downloading
            || record.candidate != ReleaseTag::of(&staging.manifest)
        {
            return Err(WorkError::Superseded);
        }
        match staging.phase {
            Phase::Table { page, place } => {
                self.poll_table(staging, page, place, buffer, window.max(1))
            }
            Phase::Chunks if staging.next >= staging.manifest.chunk_count() => {
                staging.phase = Phase::Whole;
                Ok(Work::Busy)
            }
            Phase::Chunks => self.poll_chunk(staging, buffer, window.max(1)),
            Phase::Whole => self.poll_whole(staging),
        }
    }

    fn poll_table(
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

    fn poll_chunk(
        &mut self,
        staging: &mut Staging,
        buffer: &mut [u8],
        window: u32,
    ) -> Result<Work, WorkError> {
        let start = staging.next.saturating_mul(staging.chunk_size());
        if staging.next == staging.window_end && staging.next != staging.position {
            self.acknowledge(staging.manifest.page_count().saturating_add(staging.next))
                .map_err(|_| WorkError::Journal)?;
            staging.position = staging.next;
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

    /// All pages are there. That is recorded, so that a cut later on does not cast doubt on them.
    fn end_table(
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
    fn renew_bank(&mut self, staging: &mut Staging, buffer: &mut [u8]) -> Result<(), WorkError> {
        self.rewrite_bank(staging.bank, &staging.manifest, buffer)
            .map_err(|_| WorkError::ManifestLost)?;
        staging.old_table = false;
        staging.phase = Phase::Table {
            page: 0,
            place: Place::Clean,
        };
        Ok(())
    }

    /// Is the next chunk there already? At the first that is not: clean up behind the cut.
    fn look_at_chunk(
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
            if staging.look == Look::UntilMissing && staging.next == staging.manifest.chunk_count()
            {
                self.clean_up(staging, buffer)?;
            }
            return Ok(Work::Busy);
        }
        match staging.look {
            Look::UntilMissing => self.clean_up(staging, buffer)?,
            Look::All | Look::No => {
                staging.next = staging.first_of_unit(chunk);
                staging.clean_to = staging.next.saturating_mul(staging.chunk_size());
                // The unit as a whole: erase it now, so that it is fetched and not looked at.
                erase(&mut self.storage, staging.at(staging.next), 1)
                    .map_err(|_| WorkError::Flash)?;
                staging.clean_to = staging.clean_to.saturating_add(staging.unit);
            }
        }
        Ok(Work::Busy)
    }

    /// Behind a cut: the last chunk found may be marginal and is written again, and the places
    /// behind it in its unit have to be clean.
    fn clean_up(&mut self, staging: &mut Staging, buffer: &mut [u8]) -> Result<(), WorkError> {
        self.renew_last(staging, buffer)?;
        staging.look = Look::No;
        Ok(())
    }

    fn renew_last(&mut self, staging: &mut Staging, buffer: &mut [u8]) -> Result<(), WorkError> {
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
    fn repair_unit(
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
        let check = |io: &mut Io<'_, S, C>, at: At| staging.run_at(io, first, kept, at) == kept;
        if in_hole < in_place {
            io.copy(staging.at(first), hole, len, check)?;
        }
        io.copy(hole, staging.at(first), len, check)?;
        Ok(kept)
    }

    /// Writes a chunk that has its units to itself again, from RAM.
    fn renew_chunk(
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
            if self.storage.read(at.region, offset, block).is_err() {
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

    fn poll_whole(&mut self, staging: &mut Staging) -> Result<Work, WorkError> {
        let base = staging.base;
        let digest = self.io().sha256(base, staging.manifest.image_length);
        if digest == Ok(staging.manifest.image_digest) {
            return Ok(Work::Complete(StagedImage {
                release: ReleaseTag::of(&staging.manifest),
            }));
        }
        if staging.second_look {
            return Err(WorkError::WrongImage);
        }
        staging.second_look = true;
        staging.phase = Phase::Table {
            page: 0,
            place: Place::Unknown,
        };
        staging.look = Look::All;
        (
            staging.next,
            staging.position,
            staging.window_end,
            staging.clean_to,
        ) = (0, 0, 0, 0);
        Ok(Work::Busy)
    }

    /// Takes exactly the piece that [`poll`](Self::poll) asked for: checks it, writes it, reads
    /// it back.
    ///
    /// # Errors
    /// [`AcceptError`]; a piece that does not match is not written, in part or whole.
    pub fn accept(&mut self, staging: &mut Staging, bytes: &[u8]) -> Result<(), AcceptError> {
        match staging.phase {
            Phase::Table { page, .. } => self.accept_page(staging, page, bytes),
            Phase::Chunks => self.accept_chunk(staging, bytes),
            Phase::Whole => Err(AcceptError::NothingNeeded),
        }
    }

    fn accept_page(
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

    fn accept_chunk(&mut self, staging: &mut Staging, bytes: &[u8]) -> Result<(), AcceptError> {
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

    fn program_page(&mut self, at: At, page: &VerifiedPage<'_>) -> Result<(), Bad> {
        program(&mut self.storage, at, page.bytes()).map_err(|_| Bad)?;
        if holds(&mut self.storage, at, page.bytes()) {
            Ok(())
        } else {
            Err(Bad)
        }
    }

    fn program_chunk(&mut self, staging: &Staging, chunk: &VerifiedChunk<'_>) -> Result<(), Bad> {
        let at = staging.at(chunk.index());
        program(&mut self.storage, at, chunk.bytes()).map_err(|_| Bad)?;
        if holds(&mut self.storage, at, chunk.bytes()) {
            Ok(())
        } else {
            Err(Bad)
        }
    }
}
