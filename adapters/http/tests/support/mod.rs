//! An HTTP server whose every byte a test chooses, on real TCP.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file includes it and uses its part"
)]

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use embedded_io_adapters::{std::FromStd, tokio_1::FromTokio};
use ota_client::{Range, Source};
use ota_http::{Blocking, Connect, HttpSource, Url};

/// What came after the method.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counts all requests to this server from 0.
    pub number: usize,
    /// The whole head as text.
    pub head: String,
    pub range: Range,
    pub if_range: Option<String>,
}

/// What goes back, byte by byte.
#[derive(Clone, Debug)]
pub struct Answer {
    pub bytes: Vec<u8>,
    pub after: After,
}

#[derive(Clone, Debug)]
pub enum After {
    /// The connection waits for another request.
    Keep,
    /// The connection is closed in order.
    Close,
    /// The connection stays open and silent.
    Stall,
    /// These bytes again and again, until the client has had enough.
    Endless(Vec<u8>),
}

impl Answer {
    pub fn new(bytes: impl Into<Vec<u8>>, after: After) -> Self {
        Self {
            bytes: bytes.into(),
            after,
        }
    }

    /// The first bytes of this answer only, and then the end of the connection.
    pub fn cut(mut self, length: usize) -> Self {
        self.bytes.truncate(length);
        self.after = After::Close;
        self
    }

    pub fn then(mut self, after: After) -> Self {
        self.after = after;
        self
    }

    /// The answer with a piece of text in its head replaced; the text must be there.
    pub fn replace(self, from: &str, to: &str) -> Self {
        let end = self
            .bytes
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .unwrap()
            + 4;
        let head = std::str::from_utf8(&self.bytes[..end]).unwrap();
        assert!(head.contains(from), "{from:?} is not in {head:?}");
        let mut bytes = head.replace(from, to).into_bytes();
        bytes.extend_from_slice(&self.bytes[end..]);
        Self { bytes, ..self }
    }
}

/// The right answer to a request, for content `file` with entity tag `tag`.
pub fn honest(request: &Request, file: &[u8], tag: &str) -> Answer {
    if request
        .if_range
        .as_deref()
        .is_some_and(|known| known != tag)
    {
        return whole(file, tag);
    }
    let total = file.len();
    let first = request.range.offset as usize;
    if first >= total {
        let text = format!(
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nContent-Range: bytes */{total}\r\n\r\n"
        );
        return Answer::new(text, After::Keep);
    }
    let body = &file[first..(request.range.end() as usize).min(total)];
    let mut bytes = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{}/{total}\r\nETag: {tag}\r\n\r\n",
        body.len(),
        first + body.len() - 1,
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Answer::new(bytes, After::Keep)
}

/// The whole file with status 200.
pub fn whole(file: &[u8], tag: &str) -> Answer {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: {tag}\r\n\r\n",
        file.len()
    )
    .into_bytes();
    bytes.extend_from_slice(file);
    Answer::new(bytes, After::Keep)
}

/// A status without a body.
pub fn status(status: u16, fields: &str) -> Answer {
    let text = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n{fields}\r\n");
    Answer::new(text, After::Keep)
}

/// A running server; ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

impl Server {
    /// Answers each request with what `script` says.
    pub fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            stop: Arc::default(),
        };
        let script: Arc<Script> = Arc::new(script);
        let (connections, requests, stop) = (
            server.connections.clone(),
            server.requests.clone(),
            server.stop.clone(),
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, requests) = (script.clone(), requests.clone());
                thread::spawn(move || serve(&mut stream.unwrap(), &*script, &requests));
            }
        });
        server
    }

    /// A server with nothing but honest answers.
    pub fn honest(file: Vec<u8>) -> Self {
        Self::start(move |request| honest(request, &file, "\"v1\""))
    }

    /// `trick` for the first request, honest answers after it.
    pub fn tricky_once(
        file: Vec<u8>,
        trick: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |request| match request.number {
            0 => trick(request),
            _ => honest(request, &file, "\"v1\""),
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/app.ota", self.address)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// All bytes asked for so far.
    pub fn bytes_asked(&self) -> u64 {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| u64::from(request.range.length))
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &mut TcpStream, script: &Script, requests: &Mutex<Vec<Request>>) {
    stream.set_nodelay(true).unwrap();
    while let Some(head) = read_head(stream) {
        let request = {
            let mut requests = requests.lock().unwrap();
            let request = parse(head, requests.len());
            requests.push(request.clone());
            request
        };
        let answer = script(&request);
        if stream.write_all(&answer.bytes).is_err() {
            return;
        }
        match answer.after {
            After::Keep => {}
            After::Close => {
                let _ = stream.shutdown(Shutdown::Write);
                drain(stream);
                return;
            }
            After::Stall => return drain(stream),
            After::Endless(bytes) => while stream.write_all(&bytes).is_ok() {},
        }
    }
}

/// Until the client is gone.
fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer), Ok(count) if count > 0) {}
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8(head).unwrap())
}

fn parse(head: String, number: usize) -> Request {
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|value| value.trim().to_owned())
    };
    let range = field("Range: bytes=").expect("every request names a range");
    let (first, last) = range.split_once('-').unwrap();
    let first: u32 = first.parse().unwrap();
    let last: u32 = last.parse().unwrap();
    Request {
        number,
        range: Range {
            offset: first,
            length: last - first + 1,
        },
        if_range: field("If-Range:"),
        head,
    }
}

/// Connections through tokio.
#[derive(Clone, Copy, Debug)]
pub struct Tokio(pub SocketAddr);

impl Connect for Tokio {
    type Connection = FromTokio<tokio::net::TcpStream>;
    type Error = std::io::Error;

    async fn connect(&mut self) -> Result<Self::Connection, Self::Error> {
        Ok(FromTokio::new(
            tokio::net::TcpStream::connect(self.0).await?,
        ))
    }
}

/// Blocking connections of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct Std(pub SocketAddr);

impl Connect for Std {
    type Connection = Blocking<FromStd<TcpStream>>;
    type Error = std::io::Error;

    async fn connect(&mut self) -> Result<Self::Connection, Self::Error> {
        let stream = TcpStream::connect(self.0)?;
        stream.set_nodelay(true)?;
        Ok(Blocking(FromStd::new(stream)))
    }
}

/// A source for this server's file.
pub fn source<'a>(server: &Server, url: &'a str, buffer: &'a mut [u8]) -> HttpSource<'a, Tokio> {
    HttpSource::new(Tokio(server.address), Url::parse(url).unwrap(), buffer)
}

/// Reads the whole answer to one request.
pub async fn fetch<S: Source>(source: &mut S, range: Range) -> Result<Vec<u8>, S::Error> {
    let reply = source.open(range).await?;
    assert_eq!((reply.offset, reply.length), (range.offset, range.length));
    let mut bytes = vec![0; range.length as usize + 64];
    let mut filled = 0;
    loop {
        match source.read(&mut bytes[filled..]).await? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    assert_eq!(bytes.len(), range.length as usize);
    Ok(bytes)
}

/// Until the server has heard this many requests, and a little longer.
pub async fn heard(server: &Server, requests: usize) {
    let moment = std::time::Duration::from_millis(10);
    while server.requests().len() < requests {
        tokio::time::sleep(moment).await;
    }
    tokio::time::sleep(moment).await;
}

/// Bytes that differ from their neighbours.
pub fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A request as the server would see it.
pub fn request(range: Range) -> Request {
    Request {
        number: 0,
        head: String::new(),
        range,
        if_range: None,
    }
}
