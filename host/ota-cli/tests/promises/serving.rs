//! The server, over real connections.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use ota_cli::server::{Limits, Request, Server};

use crate::bench::{Bench, image, ota};

const LENGTH: usize = 200_000;

pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A connection that stays open between requests.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).unwrap()))
    }

    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let lines: String = headers
            .iter()
            .map(|(n, v)| format!("{n}: {v}\r\n"))
            .collect();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: here\r\n{lines}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = || {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        if method != "HEAD" && status != 304 {
            let length = reply
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            reply.body.resize(length, 0);
            self.0.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, headers)
    }
}

/// A server in this process, a connection to it, and what it heard.
pub(crate) struct Site {
    pub(crate) bench: Bench,
    pub(crate) server: Server,
    pub(crate) heard: Arc<Mutex<Vec<Request>>>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(Limits::DEFAULT)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let bench = Bench::new();
        bench.write("app.ota", &image(LENGTH));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let listen = "127.0.0.1:0".parse().unwrap();
        let observer =
            Arc::new(move |request: &Request| ears.lock().unwrap().push(request.clone()));
        let server = Server::start_with(&bench.path("."), listen, observer, limits).unwrap();
        Self {
            bench,
            server,
            heard,
        }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::to(self.server.address())
    }
}

#[test]
fn the_whole_file_comes_with_length_etag_and_ranges_offered() {
    let site = Site::new();
    let reply = site.connect().get("/app.ota", &[]);
    assert_eq!(reply.status, 200);
    assert!(reply.body == image(LENGTH));
    assert_eq!(reply.header("accept-ranges"), Some("bytes"));
    assert_eq!(reply.header("content-encoding"), None);
    let etag = reply.header("etag").unwrap();
    assert!(
        etag.starts_with('"') && etag.ends_with('"'),
        "not a strong one: {etag}"
    );
}

#[test]
fn a_range_is_exactly_what_was_asked_for() {
    let site = Site::new();
    let whole = image(LENGTH);
    let mut connection = site.connect();
    for (asked, from, to) in [
        ("bytes=0-1023", 0, 1024),
        ("bytes=1024-5119", 1024, 5120),
        ("bytes=70000-199999", 70_000, LENGTH),
        ("bytes=199999-199999", 199_999, LENGTH),
        ("bytes=199000-999999", 199_000, LENGTH),
        ("bytes=150000-", 150_000, LENGTH),
        ("bytes=-1000", 199_000, LENGTH),
    ] {
        let reply = connection.get("/app.ota", &[("range", asked)]);
        assert_eq!(reply.status, 206, "{asked}");
        assert!(reply.body == whole[from..to], "{asked}");
        let said = format!("bytes {from}-{}/{LENGTH}", to - 1);
        assert_eq!(
            reply.header("content-range"),
            Some(said.as_str()),
            "{asked}"
        );
    }
}

#[test]
fn a_range_past_the_end_is_416_and_says_how_long_the_file_is() {
    let site = Site::new();
    let reply = site
        .connect()
        .get("/app.ota", &[("range", "bytes=200000-200100")]);
    assert_eq!(reply.status, 416);
    assert_eq!(reply.header("content-range"), Some("bytes */200000"));
    assert_eq!(reply.body, b"");
}

#[test]
fn a_range_that_makes_no_sense_is_answered_with_the_whole_file() {
    let site = Site::new();
    let mut connection = site.connect();
    for range in [
        "bytes=",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-18446744073709551615",
        "bytes=99999999999999999999-",
        "bytes=-99999999999999999999",
    ] {
        let reply = connection.get("/app.ota", &[("range", range)]);
        assert_eq!((reply.status, reply.body.len()), (200, LENGTH), "{range}");
    }
}

#[test]
fn if_range_gives_the_part_while_the_file_is_the_same_and_all_of_it_after() {
    let site = Site::new();
    let mut connection = site.connect();
    let etag = connection
        .get("/app.ota", &[])
        .header("etag")
        .unwrap()
        .to_owned();
    let part = |connection: &mut Connection, etag: &str| {
        connection.get(
            "/app.ota",
            &[("range", "bytes=4096-8191"), ("if-range", etag)],
        )
    };
    let reply = part(&mut connection, &etag);
    assert_eq!(
        (reply.status, reply.header("etag")),
        (206, Some(etag.as_str()))
    );
    assert!(reply.body == image(LENGTH)[4096..8192]);

    // Not the same, or not known to be: the whole file.
    for other in [
        "\"another\"",
        &format!("W/{etag}"),
        "Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(part(&mut connection, other).status, 200, "{other}");
    }

    // Replaced, by a file of the same length, as the tool writes files.
    let mut other = image(LENGTH);
    other.reverse();
    site.bench.write("new", &other);
    std::fs::rename(site.bench.path("new"), site.bench.path("app.ota")).unwrap();
    let reply = part(&mut connection, &etag);
    assert_eq!(reply.status, 200);
    assert!(reply.body == other);
    assert_ne!(reply.header("etag"), Some(etag.as_str()));
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let site = Site::new();
    let mut connection = site.connect();
    let etag = connection
        .get("/app.ota", &[])
        .header("etag")
        .unwrap()
        .to_owned();
    let reply = connection.get("/app.ota", &[("if-none-match", &etag)]);
    assert_eq!(reply.status, 304);
}

#[test]
fn head_says_what_get_would() {
    let site = Site::new();
    let mut connection = site.connect();
    let get = connection.get("/app.ota", &[]);
    let head = connection.ask("HEAD", "/app.ota", &[]);
    assert_eq!(head.status, 200);
    for name in ["content-length", "etag", "accept-ranges", "content-type"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    // The connection is still in step: no body followed.
    assert_eq!(
        connection
            .get("/app.ota", &[("range", "bytes=0-0")])
            .body
            .len(),
        1
    );
}

#[test]
fn nothing_but_files_of_the_folder_is_served() {
    let site = Site::new();
    site.bench.write("release.key", b"secret");
    std::fs::create_dir(site.bench.path("folder")).unwrap();
    let mut connection = site.connect();
    for (path, status) in [
        ("/", 404),
        ("/folder", 404),
        ("/missing.ota", 404),
        ("/../Cargo.toml", 403),
        ("/%2e%2e/Cargo.toml", 403),
        ("/..%2f..%2fetc/passwd", 403),
        ("//etc/passwd", 404),
        ("/release.key", 403),
    ] {
        assert_eq!(connection.get(path, &[]).status, status, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let reply = connection.ask(method, "/app.ota", &[("content-length", "0")]);
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
}

#[test]
fn each_request_is_heard_of() {
    let site = Site::new();
    site.connect().get("/app.ota", &[("range", "bytes=0-1023")]);
    site.connect().get("/missing", &[]);
    let heard: Vec<_> = site
        .heard
        .lock()
        .unwrap()
        .iter()
        .map(|r| (r.path.clone(), r.status))
        .collect();
    assert_eq!(heard, [("/app.ota".into(), 206), ("/missing".into(), 404)]);
    let first = site.heard.lock().unwrap()[0].clone();
    assert_eq!(
        (first.range.as_deref(), first.bytes),
        (Some("bytes=0-1023"), 1024)
    );
}

#[test]
fn a_stopped_server_finishes_what_it_was_sending_and_takes_no_more() {
    // More than the system's buffers hold, so that it is under way when the server is stopped.
    const LARGE: usize = 32 * 1024 * 1024;
    let site = Site::new();
    site.bench.write("large.ota", &vec![7; LARGE]);
    let address = site.server.address();
    let idle = site.connect();
    let mut busy = TcpStream::connect(address).unwrap();
    busy.write_all(b"GET /large.ota HTTP/1.1\r\nhost: here\r\n\r\n")
        .unwrap();
    let mut first = [0; 1024];
    busy.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200 OK\r\n"));

    let stopping = std::thread::spawn(move || site.server.stop().unwrap());
    let mut rest = Vec::new();
    busy.read_to_end(&mut rest).unwrap();
    stopping.join().unwrap();
    let head = first
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    assert_eq!(first.len() - head + rest.len(), LARGE);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(
        idle.0.into_inner().read(&mut first).unwrap_or(0),
        0,
        "still open"
    );
}

#[test]
fn a_folder_that_is_none_and_an_address_in_use_are_refused() {
    let site = Site::new();
    let bench = &site.bench;
    bench.refused(
        &["serve", "missing", "--listen", "127.0.0.1:0"],
        "cannot serve missing",
    );
    bench.refused(
        &["serve", "app.ota", "--listen", "127.0.0.1:0"],
        "not a folder",
    );
    let taken = site.server.address().to_string();
    bench.refused(&["serve", ".", "--listen", &taken], "cannot listen on");
}

/// The tool itself, serving; ended when dropped.
struct Running(Child);

impl Running {
    fn start(bench: &Bench, more: &[&str]) -> (Self, SocketAddr) {
        let mut child = Command::new(ota().get_program())
            .args(["serve", ".", "--listen", "127.0.0.1:0"])
            .args(more)
            .current_dir(bench.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("http://")
            .and_then(|l| l.strip_suffix('/'));
        let address = address
            .unwrap_or_else(|| panic!("no URL: {line:?}"))
            .parse()
            .unwrap();
        (Self(child), address)
    }

    #[cfg(unix)]
    fn interrupt(mut self) -> (bool, String) {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let status = self.0.wait().unwrap();
        let mut log = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (status.success(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn the_tool_serves_until_interrupted_and_logs_each_request() {
    let bench = Bench::with_package();
    let (running, address) = Running::start(&bench, &[]);
    let mut connection = Connection::to(address);
    assert_eq!(
        connection
            .get("/app.ota", &[("range", "bytes=0-1023")])
            .status,
        206
    );
    assert_eq!(connection.get("/release.key", &[]).status, 403);
    let (success, log) = running.interrupt();
    assert!(success);
    assert!(
        log.contains(" GET /app.ota bytes=0-1023 206 1024\n"),
        "{log}"
    );
    assert!(log.contains(" GET /release.key - 403 "), "{log}");
    assert!(
        log.contains("warning: ./release.key is not served"),
        "{log}"
    );
}

#[cfg(unix)]
#[test]
fn a_quiet_server_logs_nothing() {
    let bench = Bench::new();
    bench.write("app.ota", b"x");
    let (running, address) = Running::start(&bench, &["--quiet"]);
    assert_eq!(Connection::to(address).get("/app.ota", &[]).body, b"x");
    let (success, log) = running.interrupt();
    assert!(success);
    assert_eq!(log, "");
}
