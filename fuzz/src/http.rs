//! HTTP answers, head and body, in segments of any size: the source hands out the bytes of the body that the
//! server sent, no more than it announced, or an error.

use core::convert::Infallible;
use std::cell::RefCell;
use std::rc::Rc;

use embassy_futures::yield_now;
use embedded_io::ErrorKind;
use embedded_io_async::{ErrorType, Read, Write};
use ota_client::{Range, Source};
use ota_http::{Connect, HttpError, HttpSource, Url};

use crate::input::Input;

/// Said before a read: nothing is there yet.
pub(crate) const NOTHING_NOW: u8 = 3;

/// What the server will send, over however many connections.
struct Server<'a> {
    input: Input<'a>,
    /// Everything sent on the present connection.
    sent: Vec<u8>,
    /// The last request.
    request: Vec<u8>,
    /// How much had been sent when it was made.
    sent_before: usize,
    connections: u32,
}

type Shared<'a> = Rc<RefCell<Server<'a>>>;

struct Connection<'a>(Shared<'a>);

impl ErrorType for Connection<'_> {
    type Error = ErrorKind;
}

impl Read for Connection<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(!buffer.is_empty(), "an empty read says nothing");
        let control = self.0.borrow_mut().input.byte();
        if control == NOTHING_NOW {
            // Something may come the next time that somebody looks.
            yield_now().await;
        }
        let mut server = self.0.borrow_mut();
        let count = match control {
            0 => return Ok(0),
            1 => return Err(ErrorKind::TimedOut),
            2 => return Err(ErrorKind::ConnectionReset),
            3..=63 => 1,
            64..=127 => 16,
            _ => 4096,
        };
        let bytes = server.input.bytes(buffer.len().min(count));
        buffer[..bytes.len()].copy_from_slice(bytes);
        server.sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Connection<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let mut server = self.0.borrow_mut();
        server.request.extend_from_slice(bytes);
        server.sent_before = server.sent.len();
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

struct Dial<'a>(Shared<'a>);

impl<'a> Connect for Dial<'a> {
    type Connection = Connection<'a>;
    type Error = Infallible;

    async fn connect(&mut self) -> Result<Connection<'a>, Infallible> {
        let mut server = self.0.borrow_mut();
        server.sent.clear();
        server.sent_before = 0;
        server.connections += 1;
        Ok(Connection(Rc::clone(&self.0)))
    }
}

/// Input: length of the source's buffer, four ranges (offset 1, length 1), then what the server
/// sends: before each read a byte that says how much of it comes at once. An input that begins
/// with zero is an address instead.
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let size = input.byte();
    if size == 0 {
        return check_address(input.rest());
    }
    let ranges: [[u8; 2]; 4] = core::array::from_fn(|_| input.array());
    let server = Rc::new(RefCell::new(Server {
        input,
        sent: Vec::new(),
        request: Vec::new(),
        sent_before: 0,
        connections: 0,
    }));
    let mut buffer = vec![0; 64 + usize::from(size) * 8];
    let url = Url::parse("http://host/file").expect("an address");
    let mut source = HttpSource::new(Dial(Rc::clone(&server)), url, &mut buffer);
    for [offset, length] in ranges {
        let range = Range {
            offset: u32::from(offset),
            length: 1 + u32::from(length),
        };
        embassy_futures::block_on(fetch(&mut source, range, &server));
    }
}

async fn fetch<'a>(source: &mut HttpSource<'_, Dial<'a>>, range: Range, server: &Shared<'a>) {
    let (connections, start) = {
        let mut server = server.borrow_mut();
        server.request.clear();
        (server.connections, server.sent.len())
    };
    let opened = source.open(range).await;
    if opened.as_ref().err() == Some(&HttpError::RequestTooLarge) {
        assert!(server.borrow().request.is_empty(), "half a request");
        return;
    }
    if opened.is_err() && server.borrow().request.is_empty() {
        // The connection was given up before anything was asked for.
        return;
    }
    check_request(&server.borrow(), range);
    let Ok(reply) = opened else { return };
    assert_eq!((reply.offset, reply.length), (range.offset, range.length));
    assert!(reply.total.is_none_or(|total| total >= range.end()));
    let mut body = Vec::new();
    let (complete, end) = loop {
        let mut piece = [0; 100];
        let end = server.borrow().sent.len();
        match source.read(&mut piece).await {
            Ok(0) => break (true, end),
            Ok(count) => body.extend_from_slice(&piece[..count]),
            // What came with the fault was not handed out.
            Err(_) => break (false, end),
        }
        assert!(body.len() <= range.length as usize, "more than announced");
    };
    assert_eq!(
        complete,
        body.len() == range.length as usize,
        "an end that is none"
    );
    let server = server.borrow();
    let start = if server.connections == connections {
        start
    } else {
        0
    };
    assert_eq!(
        server.sent_before, start,
        "an answer that was there before its request"
    );
    let answer = &server.sent[start..end];
    assert!(answer.ends_with(&body), "not what was sent");
    let head = &answer[..answer.len() - body.len()];
    assert!(
        head.ends_with(b"\n"),
        "the body does not begin behind a head"
    );
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    assert!(text.contains(" 206") && text.contains("content-range:"));
    // Behind the interim ones.
    let last = text.trim_end().rsplit("\n\r\n").next().unwrap_or_default();
    for framing in [
        "\ntransfer-encoding:",
        "\ncontent-encoding: gzip",
        "\ncontent-type: multipart/byteranges",
    ] {
        assert!(!last.contains(framing), "{framing} was not undone");
    }
}

/// Each request asks for the range and ends as a request does, whatever tag the server gave.
fn check_request(server: &Server<'_>, range: Range) {
    let text = core::str::from_utf8(&server.request).expect("text");
    let asked = format!("Range: bytes={}-{}\r\n", range.offset, range.end() - 1);
    let requests: Vec<_> = text.split_terminator("\r\n\r\n").collect();
    assert!((1..=2).contains(&requests.len()), "{text:?}");
    for request in requests {
        assert!(
            request.starts_with("GET /file HTTP/1.1\r\nHost: host\r\n"),
            "{text:?}"
        );
        assert!(request.contains(&asked), "{text:?}");
        let fields = request.lines().count();
        assert!(
            fields == 5 || (fields == 6 && request.contains("\r\nIf-Range: \"")),
            "{text:?}"
        );
    }
}

fn check_address(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    let Ok(url) = Url::parse(text) else { return };
    assert!(text.contains(url.authority()) && url.authority().contains(url.host()));
    let shown = text.split('#').next().unwrap_or(text);
    assert!(shown.ends_with(url.path()) && !url.host().is_empty());
    let clean = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(
        clean(url.authority()) && clean(url.path()),
        "a request could be split"
    );
}
