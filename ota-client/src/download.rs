//! The machine: what to ask for, what to do with the bytes, what to do after a fault.

use ota_bootloader::{AcceptError, Judgement, Need, Staging, Storage, Updater, Work, WorkError};
use ota_image::{Crypto, ENVELOPE_LEN, TrustAnchors};

use crate::{
    Config, Failure, Fault, Next, Outcome, Progress, Range, Recovery, Reply, config::Backoff,
};

/// The envelope: the first request, known without knowing anything of the package.
const ENVELOPE: Range = Range {
    offset: 0,
    length: 1024,
};
const _: () = assert!(ENVELOPE.length as usize == ENVELOPE_LEN);

/// A download without I/O of its own: it says what it needs, and is told what happened.
///
/// It owns one buffer, borrowed for its whole life, of a chunk's size and at least 1024 bytes:
/// bytes from the network land in it, are checked in it, and are programmed from it. Everything
/// else it knows is in the struct (see `size_of`) and on flash.
///
/// [`run`](crate::run) and [`blocking::run`](crate::blocking::run) drive it. To drive it
/// yourself, call [`poll`](Self::poll) and do what it says.
pub struct Download<'b> {
    config: Config,
    buffer: &'b mut [u8],
    staging: Option<Staging>,
    phase: Phase,
    want: Want,
    /// How many bytes of the wanted piece are in the buffer.
    filled: u32,
    /// The answer that is being read.
    stream: Stream,
    /// The file's length as the server said when it sent the envelope of this attempt.
    file_len: Option<u32>,
    backoff: Backoff,
    /// How far the package was here at best, for the release of the highest `sequence`.
    furthest: u32,
    sequence: u64,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Look on flash for what was begun before.
    Begin,
    /// Let the updater work until it needs bytes.
    Work,
    /// A piece is wanted and no answer is open.
    Ask,
    /// The piece is coming.
    Receive,
    Wait {
        ms: u32,
        fault: Fault,
    },
    Failed(Fault),
}

/// The piece that is wanted next. Without staging it is the envelope.
#[derive(Clone, Copy)]
struct Want {
    offset: u32,
    /// Bytes of this piece.
    piece: u32,
    /// Bytes of the run that begins with this piece; one request asks for all of it.
    run: u32,
    package_len: u32,
}

const WANT_ENVELOPE: Want = Want {
    offset: ENVELOPE.offset,
    piece: ENVELOPE.length,
    run: ENVELOPE.length,
    package_len: ENVELOPE.length,
};

/// What is still to come of an answer; nothing if `left` is 0.
#[derive(Clone, Copy)]
struct Stream {
    next: u32,
    left: u32,
}

const NO_STREAM: Stream = Stream { next: 0, left: 0 };

impl<'b> Download<'b> {
    /// A download that has not begun.
    ///
    /// `buffer`: at least 1024 bytes, and at least the largest chunk that the device accepts.
    #[must_use]
    pub const fn new(config: Config, buffer: &'b mut [u8]) -> Self {
        Self {
            backoff: Backoff::new(config.seed),
            config,
            buffer,
            staging: None,
            phase: Phase::Begin,
            want: WANT_ENVELOPE,
            filled: 0,
            stream: NO_STREAM,
            file_len: None,
            furthest: 0,
            sequence: 0,
        }
    }

    /// How far the download is; `None` as long as nothing is known about the package.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.staging.as_ref()?;
        (self.want.package_len > ENVELOPE.length).then_some(Progress {
            done: self.want.offset.saturating_add(self.filled),
            total: self.want.package_len,
        })
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Takes the next step, and says what has to happen before the one after it.
    ///
    /// # Errors
    ///
    /// The attempt is over. Nothing that was verified is lost: polling again, now or after a
    /// reset, begins another attempt where this one ended.
    pub fn poll<S: Storage, C: Crypto>(
        &mut self,
        updater: &mut Updater<'_, S, C>,
        anchors: &TrustAnchors<'_>,
    ) -> Result<Next, Failure> {
        let result = self.step(updater, anchors);
        if matches!(result, Err(_) | Ok(Next::Done(_))) {
            self.restart();
        }
        result
    }

    fn step<S: Storage, C: Crypto>(
        &mut self,
        updater: &mut Updater<'_, S, C>,
        anchors: &TrustAnchors<'_>,
    ) -> Result<Next, Failure> {
        match self.phase {
            Phase::Begin if self.buffer.len() < ENVELOPE_LEN => {
                Err(Failure::Work(WorkError::BufferTooSmall))
            }
            Phase::Begin => {
                self.staging = updater.resume(anchors, self.buffer);
                self.phase = if self.staging.is_some() {
                    Phase::Work
                } else {
                    Phase::Ask
                };
                Ok(Next::Working)
            }
            Phase::Work => self.work(updater),
            Phase::Ask => Ok(Next::Request(self.missing())),
            Phase::Receive if self.filled < self.want.piece => Ok(Next::Receive),
            Phase::Receive => self.take_piece(updater, anchors),
            Phase::Wait { ms, fault } => {
                self.phase = Phase::Ask;
                Ok(Next::Wait { ms, fault })
            }
            Phase::Failed(fault) => Err(Failure::Fault(fault)),
        }
    }

    /// What is announced by a source: the answer begins.
    pub fn on_reply(&mut self, reply: Reply) {
        let missing = self.missing();
        if reply.offset != missing.offset || reply.length != missing.length {
            return self.on_fault(Fault::WrongRange);
        }
        if self.staging.is_none() {
            self.file_len = reply.total;
        } else if reply
            .total
            .is_some_and(|total| total != self.want.package_len)
        {
            return self.on_fault(Fault::Changed);
        }
        self.stream = Stream {
            next: reply.offset,
            left: reply.length,
        };
        self.phase = Phase::Receive;
    }

    /// Where the next bytes of the answer belong. Empty unless bytes are wanted.
    pub fn space(&mut self) -> &mut [u8] {
        let range = match self.phase {
            Phase::Receive => self.filled as usize..self.want.piece as usize,
            _ => 0..0,
        };
        self.buffer.get_mut(range).unwrap_or_default()
    }

    /// `count` bytes were put into the beginning of [`space`](Self::space); 0 means that the
    /// answer has ended.
    pub fn received(&mut self, count: usize) {
        let room = self.space().len();
        if room == 0 {
            return;
        }
        // Also false for a source that claims more than there was room for.
        let Some(count) = u32::try_from(count).ok().filter(|_| count <= room) else {
            return self.on_fault(Fault::Excess);
        };
        if count == 0 {
            return self.on_fault(Fault::Short);
        }
        self.filled = self.filled.saturating_add(count);
        self.stream = Stream {
            next: self.stream.next.saturating_add(count),
            left: self.stream.left.saturating_sub(count),
        };
    }

    /// The request failed, or its answer cannot be used: decides what comes next.
    pub fn on_fault(&mut self, fault: Fault) {
        self.stream = NO_STREAM;
        let recovery = match fault.recovery() {
            // Asking for the envelope again is no news after the envelope.
            Recovery::Recheck if self.staging.is_none() => match fault {
                Fault::Changed => Recovery::Retry,
                _ => Recovery::GiveUp,
            },
            recovery => recovery,
        };
        if recovery == Recovery::GiveUp {
            self.phase = Phase::Failed(fault);
            return;
        }
        let Some(ms) = self.backoff.fault(&self.config) else {
            self.phase = Phase::Failed(fault);
            return;
        };
        if recovery == Recovery::Recheck || self.staging.is_none() {
            self.want_envelope();
        }
        self.phase = Phase::Wait { ms, fault };
    }

    /// What is staged stays on flash; `admit` finds it again if it is the same release. And
    /// never is half an envelope of one file put together with half of another.
    fn want_envelope(&mut self) {
        self.staging = None;
        self.want = WANT_ENVELOPE;
        self.filled = 0;
    }

    /// There is no answer to go on reading any more, and nobody is to blame: the source is a new
    /// one, or was in use elsewhere. What came of it is kept.
    pub fn abandon(&mut self) {
        self.stream = NO_STREAM;
        if matches!(self.phase, Phase::Receive) && self.filled < self.want.piece {
            self.phase = Phase::Ask;
        }
    }

    /// What is missing of the wanted run: after a lost link, what came of a piece is kept.
    fn missing(&self) -> Range {
        Range {
            offset: self.want.offset.saturating_add(self.filled),
            length: self.want.run.saturating_sub(self.filled),
        }
    }

    fn work<S: Storage, C: Crypto>(
        &mut self,
        updater: &mut Updater<'_, S, C>,
    ) -> Result<Next, Failure> {
        let Some(staging) = self.staging.as_mut() else {
            self.phase = Phase::Ask;
            return Ok(Next::Working);
        };
        let window = self.config.window.max(1);
        match updater.poll(staging, self.buffer, window) {
            Ok(Work::Busy) => {}
            Ok(Work::Fetch(need)) => self.fetch(&need),
            Ok(Work::Complete(image)) => return Ok(Next::Done(Outcome::Staged(image))),
            Err(error) => return Err(Failure::Work(error)),
        }
        Ok(Next::Working)
    }

    /// Goes on reading the open answer if it brings what is needed, or asks anew.
    fn fetch(&mut self, need: &Need) {
        self.want = Want {
            offset: need.offset,
            piece: need.piece,
            run: need.length.max(need.piece),
            package_len: need.package_len,
        };
        self.filled = 0;
        let goes_on = self.stream.next == need.offset && self.stream.left >= need.piece;
        self.phase = if goes_on { Phase::Receive } else { Phase::Ask };
    }

    /// The buffer holds the whole piece.
    fn take_piece<S: Storage, C: Crypto>(
        &mut self,
        updater: &mut Updater<'_, S, C>,
        anchors: &TrustAnchors<'_>,
    ) -> Result<Next, Failure> {
        let bytes = self
            .buffer
            .get(..self.want.piece as usize)
            .unwrap_or_default();
        let Some(staging) = self.staging.as_mut() else {
            self.stream = NO_STREAM;
            let offer = match updater.judge(anchors, bytes).map_err(Failure::Admit)? {
                Judgement::UpToDate => return Ok(Next::Done(Outcome::UpToDate)),
                Judgement::AlreadyStaged => return Ok(Next::Done(Outcome::AlreadyStaged)),
                Judgement::Wanted(offer) => offer,
            };
            // Before anything is recorded: beginning costs the former image.
            let manifest = offer.manifest();
            if self.buffer.len() < manifest.chunk_size.bytes() as usize {
                return Err(Failure::Work(WorkError::BufferTooSmall));
            }
            if self
                .file_len
                .take()
                .is_some_and(|len| len != manifest.package_len())
            {
                self.on_fault(Fault::WrongTotal);
                return Ok(Next::Working);
            }
            let staging = updater.begin(anchors, offer).map_err(Failure::Admit)?;
            self.begin(staging);
            self.phase = Phase::Work;
            return Ok(Next::Working);
        };
        match updater.accept(staging, bytes) {
            Ok(()) => self.gained(),
            Err(AcceptError::Mismatch) => {
                self.on_fault(Fault::Damaged);
                return Ok(Next::Working);
            }
            // The updater asks again for what the flash did not take.
            Err(AcceptError::Flash | AcceptError::TableDamaged)
                if self.backoff.fault(&self.config).is_some() => {}
            Err(error) => return Err(Failure::Accept(error)),
        }
        self.phase = Phase::Work;
        Ok(Next::Working)
    }

    fn begin(&mut self, staging: Staging) {
        // A server that offers two releases in turn gains nothing by it: for the lower one, only
        // what goes beyond the higher one counts as progress.
        if staging.manifest().sequence > self.sequence {
            self.sequence = staging.manifest().sequence;
            self.furthest = 0;
        }
        self.staging = Some(staging);
    }

    /// Faults are forgiven for what was not here before, and for nothing else: a server that
    /// makes the device fetch the same piece again and again (by an envelope whose signatures
    /// change places, say) comes to the end of the retries.
    fn gained(&mut self) {
        let end = self.want.offset.saturating_add(self.want.piece);
        if end > self.furthest {
            self.furthest = end;
            self.backoff.progress();
        }
    }

    fn restart(&mut self) {
        self.want_envelope();
        self.phase = Phase::Begin;
        self.stream = NO_STREAM;
        self.file_len = None;
        self.furthest = 0;
        self.sequence = 0;
        self.backoff.progress();
    }
}
