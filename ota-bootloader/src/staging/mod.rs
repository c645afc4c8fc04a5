//! Writing a release into staging: what to ask for next, and what to do with it.
//!
//! Nothing is written but pieces (pages of the digest table, chunks of the image) that match
//! a digest under the signed manifest. Where the work stands is found on flash itself; the
//! position in the journal only saves looking at what is known to be good.

mod chunks;
mod error;
mod renew;
mod table;

use ota_image::{ChunkDigest, Crypto, Distribution, ENVELOPE_LEN, Verified};

use crate::io::{At, ENVELOPE, Io, read_flash};
use crate::map::Strategy;
use crate::product::Product;
use crate::record::ReleaseTag;
use crate::state::BootState;
use crate::storage::{Index, Region, Storage};
use crate::updater::Updater;

pub use error::{AcceptError, WorkError};

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

    /// The chunk behind the unit that the position is in.
    fn end_of_position(&self) -> u32 {
        self.first_of_unit(self.position)
            .saturating_add(self.chunks_per_unit())
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
                read_flash(storage, region, offset.saturating_add(ENVELOPE), bytes)
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
        if !self.is_current(staging) {
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

    /// Whether this staging is what the journal says is being downloaded.
    fn is_current(&self, staging: &Staging) -> bool {
        let record = self.record();
        record.state == BootState::Downloading
            && record.candidate == ReleaseTag::of(&staging.manifest)
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
        if !self.is_current(staging) {
            return Err(AcceptError::Superseded);
        }
        match staging.phase {
            Phase::Table { page, .. } => self.accept_page(staging, page, bytes),
            Phase::Chunks => self.accept_chunk(staging, bytes),
            Phase::Whole => Err(AcceptError::NothingNeeded),
        }
    }
}
