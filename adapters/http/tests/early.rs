//! An answer belongs to the request that was sent before it. One that is there already is refused,
//! well-formed or not, and the next attempt has a connection of its own.

mod support;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use embassy_futures::block_on;
use embedded_io::{ErrorKind, ErrorType};
use embedded_io_async::{Read, Write};
use ota_client::{Range, Source};
use ota_http::{Blocking, Connect, HttpError, HttpSource, Url};
use support::{content, honest, request};

const SIZE: usize = 5000;
const FIRST: Range = Range {
    offset: 0,
    length: 1024,
};
const SECOND: Range = Range {
    offset: 1024,
    length: 1024,
};

fn answer(range: Range) -> Vec<u8> {
    honest(&request(range), &content(SIZE), "\"v1\"").bytes
}

/// What is on its way to the client, and what is sent for each request.
#[derive(Default)]
struct Wire {
    incoming: VecDeque<u8>,
    answers: VecDeque<Vec<u8>>,
    requests: usize,
    connections: usize,
}

type Shared = Rc<RefCell<Wire>>;

/// An end of it, blocking or not.
struct End(Shared);

impl End {
    fn take(&self, buffer: &mut [u8]) -> usize {
        let mut wire = self.0.borrow_mut();
        let count = buffer.len().min(wire.incoming.len());
        for (to, from) in buffer.iter_mut().zip(wire.incoming.drain(..count)) {
            *to = from;
        }
        count
    }

    fn send(&self, bytes: &[u8]) -> usize {
        let mut wire = self.0.borrow_mut();
        if bytes.ends_with(b"\r\n\r\n") {
            wire.requests += 1;
            let answer = wire.answers.pop_front().expect("a request too many");
            wire.incoming.extend(answer);
        }
        bytes.len()
    }
}

impl ErrorType for End {
    type Error = ErrorKind;
}

impl Read for End {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| match self.take(buffer) {
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        })
        .await
    }
}

impl Write for End {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        Ok(self.send(bytes))
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl embedded_io::Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        match self.take(buffer) {
            0 => Err(ErrorKind::TimedOut),
            count => Ok(count),
        }
    }
}

impl embedded_io::Write for End {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        Ok(self.send(bytes))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

struct Dial(Shared);

impl Dial {
    fn dial(&self) -> End {
        let mut wire = self.0.borrow_mut();
        wire.connections += 1;
        if wire.connections > 1 {
            wire.incoming.clear();
        }
        End(Rc::clone(&self.0))
    }
}

impl Connect for Dial {
    type Connection = End;
    type Error = Infallible;

    async fn connect(&mut self) -> Result<End, Infallible> {
        Ok(self.dial())
    }
}

struct BlockingDial(Dial);

impl Connect for BlockingDial {
    type Connection = Blocking<End>;
    type Error = Infallible;

    async fn connect(&mut self) -> Result<Blocking<End>, Infallible> {
        Ok(Blocking(self.0.dial()))
    }
}

/// Reads a whole answer; what the driver does, in pieces of this size.
fn fetch<S: Source>(source: &mut S, range: Range, piece: usize) -> Result<Vec<u8>, S::Error> {
    block_on(async {
        let mut bytes = Vec::new();
        source.open(range).await?;
        while bytes.len() < range.length as usize {
            let mut some = vec![0; piece.min(range.length as usize - bytes.len())];
            let count = source.read(&mut some).await?;
            assert!(count > 0);
            bytes.extend_from_slice(&some[..count]);
        }
        Ok(bytes)
    })
}

fn url() -> Url<'static> {
    Url::parse("http://here/app.ota").expect("an address")
}

/// The first fault, after which all goes well on another connection.
fn is_excess_once<S: Source<Error = HttpError<Infallible>>>(
    source: &mut S,
    wire: &Shared,
    piece: usize,
    between: impl Fn(&mut Wire),
) {
    let first = fetch(source, FIRST, piece);
    if let Ok(bytes) = &first {
        assert_eq!(bytes[..], content(SIZE)[..1024]);
    }
    between(&mut wire.borrow_mut());
    let error = first
        .and_then(|_| fetch(source, SECOND, piece).map(drop))
        .expect_err("nobody had asked");
    assert_eq!(error, HttpError::Excess);
    assert_eq!(wire.borrow().requests, 1, "the request was sent after all");
    let bytes = fetch(source, SECOND, piece).expect("the next attempt");
    assert_eq!(bytes, content(SIZE)[1024..2048]);
    assert_eq!(wire.borrow().connections, 2);
}

fn wire(answers: &[Vec<u8>]) -> Shared {
    Rc::new(RefCell::new(Wire {
        answers: answers.iter().cloned().collect(),
        ..Wire::default()
    }))
}

/// Of other content, so that nothing but the order gives it away.
fn forged() -> Vec<u8> {
    let mut bytes = answer(SECOND);
    let end = bytes.len();
    bytes[end - 1024..].fill(b'!');
    bytes
}

#[test]
fn an_answer_that_comes_with_the_one_before_it_is_refused() {
    for piece in [1, 100, 1000, 1024, 5000] {
        for head in [300, 1024, 4096] {
            let both = [answer(FIRST), forged()].concat();
            let wire_ = wire(&[both.clone(), answer(SECOND)]);
            let mut buffer = vec![0; head];
            let mut source = HttpSource::new(Dial(Rc::clone(&wire_)), url(), &mut buffer);
            is_excess_once(&mut source, &wire_, piece, |_| {});

            let wire = wire(&[both, answer(SECOND)]);
            let dial = BlockingDial(Dial(Rc::clone(&wire)));
            let mut buffer = vec![0; head];
            let mut source = HttpSource::new(dial, url(), &mut buffer);
            is_excess_once(&mut source, &wire, piece, |_| {});
        }
    }
}

#[test]
fn an_answer_that_comes_between_two_requests_is_refused() {
    for piece in [1, 1024, 5000] {
        let wire = wire(&[answer(FIRST), answer(SECOND)]);
        let mut buffer = [0; 1024];
        let mut source = HttpSource::new(Dial(Rc::clone(&wire)), url(), &mut buffer);
        is_excess_once(&mut source, &wire, piece, |wire| {
            wire.incoming.extend(forged());
        });
    }
}

#[test]
fn an_answer_that_waits_on_a_new_connection_is_refused() {
    let wire = wire(&[answer(FIRST)]);
    wire.borrow_mut().incoming.extend(answer(FIRST));
    let mut buffer = [0; 1024];
    let mut source = HttpSource::new(Dial(Rc::clone(&wire)), url(), &mut buffer);
    let error = fetch(&mut source, FIRST, 1024).expect_err("nobody had asked");
    assert_eq!(error, HttpError::Excess);
    assert_eq!(wire.borrow().requests, 0);
    let bytes = fetch(&mut source, FIRST, 1024).expect("the next attempt");
    assert_eq!(bytes, content(SIZE)[..1024]);
}

#[test]
fn answers_that_come_in_their_turn_are_taken_on_one_connection() {
    for piece in [1, 100, 1024, 5000] {
        let wire = wire(&[answer(FIRST), answer(SECOND)]);
        let mut buffer = [0; 1024];
        let mut source = HttpSource::new(Dial(Rc::clone(&wire)), url(), &mut buffer);
        for range in [FIRST, SECOND] {
            let bytes = fetch(&mut source, range, piece).expect("bytes");
            let from = range.offset as usize;
            assert_eq!(bytes, content(SIZE)[from..from + 1024]);
        }
        assert_eq!(wire.borrow().connections, 1);
    }
}
