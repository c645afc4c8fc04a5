//! A server that does what a test tells it to, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) first: usize,
    pub(crate) length: usize,
    pub(crate) if_range: Option<String>,
}

/// What comes after the bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next request.
    Keep,
    /// The end of the connection.
    Close,
    /// Nothing, for ever.
    Silence,
}

pub(crate) type Answer = (Vec<u8>, Then);
type Trick = Box<dyn FnMut(&Ask, &Offer) -> Option<Answer> + Send>;

/// The file that is served, and its tag.
#[derive(Clone, Default)]
pub(crate) struct Offer {
    pub(crate) file: Arc<Vec<u8>>,
    pub(crate) tag: u32,
}

#[derive(Default)]
struct State {
    offer: Offer,
    trick: Option<Trick>,
    asked: Vec<Ask>,
    delay: Duration,
    ended: bool,
}

/// A server on this machine; ends when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().unwrap().ended {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&mut stream.unwrap(), &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/app.ota", self.address)
    }

    /// Serves this file from now on, honestly.
    pub(crate) fn offer(&self, file: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state.offer = Offer {
            file: Arc::new(file.to_vec()),
            tag: state.offer.tag + 1,
        };
        state.trick = None;
    }

    /// Answers so instead, where the trick has an answer.
    pub(crate) fn trick(&self, trick: impl FnMut(&Ask, &Offer) -> Option<Answer> + Send + 'static) {
        self.state.lock().unwrap().trick = Some(Box::new(trick));
    }

    /// Takes so long for each answer.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// What it was asked for since this was last called.
    pub(crate) fn asked(&self) -> Vec<Ask> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.lock().unwrap().ended = true;
        let _ = TcpStream::connect(self.address);
    }
}

/// The right answer.
pub(crate) fn honest(ask: &Ask, offer: &Offer) -> Answer {
    let tag = format!("\"{}\"", offer.tag);
    if ask.if_range.as_deref().is_some_and(|known| known != tag) {
        return whole(offer);
    }
    let total = offer.file.len();
    if ask.first >= total {
        return status(416, &format!("Content-Range: bytes */{total}\r\n"));
    }
    let body = &offer.file[ask.first..total.min(ask.first + ask.length)];
    let last = ask.first + body.len() - 1;
    let range = format!("bytes {}-{last}/{total}", ask.first);
    (part(offer, &range, body.len(), body), Then::Keep)
}

/// `206` with this `Content-Range`, this `Content-Length`, and this body.
pub(crate) fn part(offer: &Offer, range: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: {length}\r\n\
         ETag: \"{}\"\r\n\r\n",
        offer.tag
    );
    [head.as_bytes(), body].concat()
}

/// The whole file.
pub(crate) fn whole(offer: &Offer) -> Answer {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"{}\"\r\n\r\n",
        offer.file.len(),
        offer.tag
    );
    ([head.as_bytes(), &offer.file].concat(), Then::Close)
}

/// A status, without a body.
pub(crate) fn status(status: u16, fields: &str) -> Answer {
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n{fields}\r\n");
    (head.into_bytes(), Then::Keep)
}

fn serve(stream: &mut TcpStream, state: &Mutex<State>) {
    stream.set_nodelay(true).unwrap();
    while let Some(ask) = read_request(stream) {
        let ((bytes, then), delay) = {
            let mut state = state.lock().unwrap();
            state.asked.push(ask.clone());
            let offer = state.offer.clone();
            let tricked = state.trick.as_mut().and_then(|trick| trick(&ask, &offer));
            (tricked.unwrap_or_else(|| honest(&ask, &offer)), state.delay)
        };
        thread::sleep(delay);
        // A client that has gone is no fault of the server's.
        if stream.write_all(&bytes).is_err() {
            return;
        }
        match then {
            Then::Keep => {}
            Then::Close => {
                let _ = stream.shutdown(Shutdown::Write);
                return drain(stream);
            }
            Then::Silence => return drain(stream),
        }
    }
}

fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer), Ok(count) if count > 0) {}
}

fn read_request(stream: &mut TcpStream) -> Option<Ask> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let (first, last) = field("Range: bytes=").unwrap().split_once('-').unwrap();
    let first = first.parse().unwrap();
    Some(Ask {
        first,
        length: last.parse::<usize>().unwrap() + 1 - first,
        if_range: field("If-Range: ").map(str::to_owned),
    })
}
