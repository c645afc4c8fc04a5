//! The source: one connection, one request at a time.

use core::ops::Range as Span;
use core::task::Poll;

use embassy_futures::poll_once;
use embedded_io::Error as _;
use embedded_io_async::{Read, Write};
use ota_client::{Range, Reply, Source};

use crate::{
    Connect, HttpError, Url,
    answer::judge,
    head::{self, Head, HeadError},
    request::{self, Fields},
    tag::Tag,
};

/// Interim answers (1xx) put up with before the real one.
const MAX_INTERIM: u8 = 4;
/// When the tag changed this often, it says nothing about the content (a server behind a load
/// balancer, each node with its own tags) and is no longer looked at: the digests still are.
const MAX_CHANGES: u8 = 3;

/// A package on an HTTP server, read with `Range` requests.
///
/// Keeps the connection open between requests as long as the server does, and makes a new one
/// when it is needed. Remembers the entity tag of the file, sends it as `If-Range`, and reports
/// a file that changed. Follows no redirect.
#[derive(Debug)]
pub struct HttpSource<'a, C: Connect> {
    connect: C,
    url: Url<'a>,
    fields: Fields<'a>,
    buffer: &'a mut [u8],
    connection: Option<C::Connection>,
    /// Where in `buffer` the bytes of the body are that came together with the head.
    early: Span<usize>,
    /// How many bytes of the body have not been handed out, the early ones included.
    left: u32,
    keep_alive: bool,
    /// Whether any byte of the answer to the last request came.
    heard: bool,
    tag: Tag,
    changes: u8,
}

type Failure<C> = HttpError<<C as Connect>::Error>;

impl<'a, C: Connect> HttpSource<'a, C> {
    /// A source for the package at `url`.
    ///
    /// `buffer` holds the request and then the answer's head: 1024 bytes suffice for plain file
    /// servers, 2048 or more for CDNs, which send many fields. A head that does not fit is an
    /// error, never cut.
    #[must_use]
    pub const fn new(connect: C, url: Url<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            connect,
            url,
            fields: &[],
            buffer,
            connection: None,
            early: 0..0,
            left: 0,
            keep_alive: false,
            heard: false,
            tag: Tag::NONE,
            changes: 0,
        }
    }

    /// Sends these fields (name, value) with each request: `Authorization`, say.
    ///
    /// `None` if one of them has characters that cannot stand in a field.
    #[must_use]
    pub fn with_fields(mut self, fields: &'a [(&'a str, &'a str)]) -> Option<Self> {
        if !request::fields_are_clean(fields) {
            return None;
        }
        self.fields = fields;
        Some(self)
    }

    /// The old connection, if its last answer was read to the end and it may be used again.
    fn take_idle(&mut self) -> Option<C::Connection> {
        let idle = self.left == 0 && self.keep_alive;
        self.left = 0;
        self.early = 0..0;
        // From here on the source has no connection: if this future is dropped halfway, so is
        // the connection, and the next request cannot meet the rest of this one.
        self.connection.take().filter(|_| idle)
    }

    fn known_tag(&self) -> Tag {
        if self.changes < MAX_CHANGES {
            self.tag
        } else {
            Tag::NONE
        }
    }

    /// Sends the request and waits for the head of the answer; nothing is judged here.
    async fn exchange(
        &mut self,
        connection: &mut C::Connection,
        range: Range,
    ) -> Result<Head, Failure<C>> {
        self.heard = false;
        check_silence::<C>(connection).await?;
        let tag = self.known_tag();
        let length = request::compose(self.buffer, &self.url, self.fields, range, &tag)
            .map_err(|_| HttpError::RequestTooLarge)?;
        let request = self.buffer.get(..length).unwrap_or_default();
        let write_failed = |error: <C::Connection as embedded_io::ErrorType>::Error| {
            HttpError::Write(error.kind())
        };
        connection.write_all(request).await.map_err(write_failed)?;
        connection.flush().await.map_err(write_failed)?;
        self.receive_head(connection).await
    }

    async fn receive_head(&mut self, connection: &mut C::Connection) -> Result<Head, Failure<C>> {
        let mut filled = 0;
        let mut interim = 0;
        loop {
            let space = self.buffer.get_mut(filled..).unwrap_or_default();
            if space.is_empty() {
                return Err(HttpError::HeadTooLarge);
            }
            match connection.read(space).await {
                Ok(0) => return Err(HttpError::Closed),
                Ok(count) => filled += count,
                Err(error) => return Err(HttpError::Read(error.kind())),
            }
            self.heard = true;
            while let Some((head, end)) = self.parse(filled)? {
                if !(100..200).contains(&head.status) || head.status == 101 {
                    self.early = end..filled;
                    return Ok(head);
                }
                interim += 1;
                if interim > MAX_INTERIM {
                    return Err(HttpError::NotHttp);
                }
                self.buffer.copy_within(end..filled, 0);
                filled -= end;
            }
        }
    }

    fn parse(&self, filled: usize) -> Result<Option<(Head, usize)>, Failure<C>> {
        let bytes = self.buffer.get(..filled).unwrap_or_default();
        head::parse(bytes).map_err(|error| match error {
            HeadError::NotHttp => HttpError::NotHttp,
            HeadError::TooManyFields => HttpError::HeadTooLarge,
        })
    }

    /// Takes the answer over, or says why it cannot be used.
    fn settle(&mut self, head: &Head, range: Range) -> Result<Reply, Failure<C>> {
        let reply = judge(head, range, &self.known_tag()).inspect_err(|error| {
            if matches!(error, HttpError::Changed) {
                self.changes = self.changes.saturating_add(1);
                self.tag = Tag::NONE;
            }
        })?;
        if self.early.len() > usize::try_from(reply.length).unwrap_or(usize::MAX) {
            return Err(HttpError::Excess);
        }
        if self.tag.is_none() {
            self.tag = head.tag;
        }
        self.left = reply.length;
        self.keep_alive = head.keep_alive;
        Ok(reply)
    }

    /// Bytes of the body that came with the head.
    fn take_early(&mut self, buffer: &mut [u8]) -> usize {
        let early = self.buffer.get(self.early.clone()).unwrap_or_default();
        let count = early.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), early.get(..count)) {
            to.copy_from_slice(from);
        }
        self.early.start += count;
        count
    }

    /// Bytes of the body straight from the connection into the caller's buffer; its end by way of
    /// the source's own, where there is room for a byte that should not follow it.
    async fn take_late(&mut self, buffer: &mut [u8]) -> Result<usize, Failure<C>> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let is_end = left < self.buffer.len();
        let space = if is_end {
            self.buffer.get_mut(..=left)
        } else {
            let limit = buffer.len().min(left.saturating_sub(1).max(1));
            buffer.get_mut(..limit)
        };
        let connection = self.connection.as_mut().ok_or(HttpError::Closed)?;
        let result = match connection.read(space.unwrap_or_default()).await {
            Ok(0) => Err(HttpError::ShortBody(self.left)),
            Ok(count) if count > left => Err(HttpError::Excess),
            Ok(count) => Ok(count),
            Err(error) => Err(HttpError::Read(error.kind())),
        };
        let count = result.inspect_err(|_| self.connection = None)?;
        if !is_end {
            return Ok(count);
        }
        self.early = 0..count;
        Ok(self.take_early(buffer))
    }
}

/// Nothing was asked for, so nothing may be there: what came before the request is no answer to it.
async fn check_silence<C: Connect>(connection: &mut C::Connection) -> Result<(), Failure<C>> {
    let mut byte = [0];
    match poll_once(connection.read(&mut byte)) {
        Poll::Pending => Ok(()),
        Poll::Ready(Ok(0)) => Err(HttpError::Closed),
        Poll::Ready(Ok(_)) => Err(HttpError::Excess),
        Poll::Ready(Err(error)) => Err(HttpError::Read(error.kind())),
    }
}

impl<C: Connect> Source for HttpSource<'_, C> {
    type Error = Failure<C>;

    async fn open(&mut self, range: Range) -> Result<Reply, Self::Error> {
        if range.offset == 0 {
            self.tag = Tag::NONE;
        }
        if let Some(mut connection) = self.take_idle() {
            match self.exchange(&mut connection, range).await {
                Ok(head) => {
                    let reply = self.settle(&head, range)?;
                    self.connection = Some(connection);
                    return Ok(reply);
                }
                // On a connection that served well before, this is what it sent too much.
                Err(HttpError::NotHttp) => return Err(HttpError::Excess),
                // A kept connection may be gone by now: usual after a pause, and no reason to
                // trouble the caller, as long as the server has not begun to answer.
                Err(HttpError::Closed | HttpError::Write(_) | HttpError::Read(_))
                    if !self.heard => {}
                Err(error) => return Err(error),
            }
        }
        let mut connection = self.connect.connect().await.map_err(HttpError::Connect)?;
        let head = self.exchange(&mut connection, range).await?;
        let reply = self.settle(&head, range)?;
        self.connection = Some(connection);
        Ok(reply)
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        if buffer.is_empty() || self.left == 0 {
            return Ok(0);
        }
        let count = if self.early.is_empty() {
            self.take_late(buffer).await?
        } else {
            self.take_early(buffer)
        };
        self.left = self
            .left
            .saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        if self.left == 0 && !self.keep_alive {
            self.connection = None;
        }
        Ok(count)
    }
}
