//! What the server does not give, and does not let be taken: private keys, and all of its connections.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use ota_cli::server::Limits;

use crate::serving::{Connection, Site};

/// A private key in every form that there is, and whatever it is called.
#[test]
fn private_keys_are_known_by_what_they_contain() {
    let site = Site::new();
    let bench = &site.bench;
    bench.ok(&["keygen", "--role", "boot", "--out", "boot"]);
    bench.ok(&[
        "keygen", "--role", "boot", "--alg", "p256", "--out", "other",
    ]);
    std::fs::create_dir(bench.path("folder")).unwrap();
    let mut names = Vec::new();
    for name in ["x.pem", "x.key.bak", "key", "firmware.bin", "folder/x.txt"] {
        std::fs::copy(bench.path("boot.key"), bench.path(name)).unwrap();
        names.push(name);
    }
    std::fs::copy(bench.path("other.key"), bench.path("p256.pem")).unwrap();
    std::fs::hard_link(bench.path("boot.key"), bench.path("hard.ota")).unwrap();
    let pem = bench.text("boot.key");
    let utf_16: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let der = base64(&pem);
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let chain = block("CERTIFICATE").repeat(50) + &pem;
    let files: [(&'static str, Vec<u8>); 9] = [
        ("chain.pem", chain.into_bytes()),
        ("encrypted.pem", block("ENCRYPTED PRIVATE KEY").into()),
        ("ec.pem", block("EC PRIVATE KEY").into()),
        ("rsa.pem", block("RSA PRIVATE KEY").into()),
        ("ssh", block("OPENSSH PRIVATE KEY").into()),
        ("dos.pem", pem.replace('\n', "\r\n").into_bytes()),
        ("utf-16.txt", [&[0xFF, 0xFE], &utf_16[..]].concat()),
        ("pkcs8.der", der),
        // SEC1: version 1, an octet string.
        (
            "sec1.der",
            [&[0x30, 0x25, 2, 1, 1, 4, 32][..], &[7; 32]].concat(),
        ),
    ];
    for (name, bytes) in &files {
        bench.write(name, bytes);
        names.push(name);
    }
    names.extend(["boot.key", "hard.ota", "p256.pem"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("boot.key", bench.path("soft.ota")).unwrap();
        names.push("soft.ota");
    }
    let mut connection = site.connect();
    for name in names {
        let reply = connection.get(&format!("/{name}"), &[]);
        assert_eq!(reply.status, 403, "{name}");
        let range = connection.get(&format!("/{name}"), &[("range", "bytes=1-9")]);
        assert_eq!(range.status, 403, "{name}");
    }
    // And these are none.
    let text = "Keep what begins with -----BEGIN PRIVATE off the server.";
    let firmware = [&[0, 1, 2, 3][..], pem.as_bytes()].concat();
    for (name, bytes) in [
        ("notes.txt", text.as_bytes()),
        ("public.pem", bench.text("boot.pub").as_bytes()),
        ("with-a-key-of-its-own.bin", &firmware),
        ("empty", b""),
    ] {
        bench.write(name, bytes);
        assert!(
            connection.get(&format!("/{name}"), &[]).body == bytes,
            "{name}"
        );
    }
}

/// The bytes between the lines of a PEM block.
fn base64(pem: &str) -> Vec<u8> {
    let lines = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"));
    let digits = lines.skip(1).take_while(|line| !line.starts_with('-'));
    let digits = digits.flat_map(str::bytes).filter(|digit| *digit != b'=');
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = digits
        .flat_map(|digit| (0..6).rev().map(move |bit| value(digit) >> bit & 1))
        .collect();
    bits.chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

#[test]
fn no_more_connections_are_open_at_once_than_may_be() {
    let site = Site::with(Limits {
        connections: 2,
        ..Limits::DEFAULT
    });
    let (mut one, mut two) = (site.connect(), site.connect());
    one.get("/app.ota", &[]);
    two.get("/app.ota", &[]);
    let address = site.server.address();
    let waits = std::thread::spawn(move || Connection::to(address).get("/late", &[]).status);
    let others = |site: &Site| {
        let heard = site.heard.lock().unwrap();
        heard
            .iter()
            .filter(|request| request.path == "/late")
            .count()
    };
    // Many answers later it has still not been let in.
    for _ in 0..200 {
        assert_eq!(one.get("/app.ota", &[]).status, 200);
    }
    assert_eq!(others(&site), 0);
    drop(two);
    assert_eq!(waits.join().unwrap(), 404);
    assert_eq!(others(&site), 1);
}

/// What a client can do with a connection, other than to use it.
#[test]
fn connections_that_come_to_nothing_make_room_for_others() {
    // More than the system's buffers hold.
    const LARGE: usize = 32 * 1024 * 1024;
    let site = Site::with(Limits {
        connections: 2,
        request: Duration::from_millis(100),
        answer: Duration::from_millis(100),
    });
    site.bench.write("large.ota", &vec![7; LARGE]);
    let address = site.server.address();
    let large = "GET /large.ota HTTP/1.1\r\nhost: here\r\n";
    for (what, said) in [
        ("says nothing", String::new()),
        (
            "says half of what it wants",
            "GET /app.ota HTTP/1.1\r\nho".into(),
        ),
        (
            "says nothing more",
            "GET /missing HTTP/1.1\r\nhost: here\r\n\r\n".into(),
        ),
        ("never reads", format!("{large}\r\n")),
        (
            "does not send the body that it announced",
            format!("{large}content-length: 9\r\n\r\n"),
        ),
    ] {
        let held: Vec<_> = (0..6)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(said.as_bytes()).unwrap();
                stream
            })
            .collect();
        // Waits for its turn, after all of them.
        assert_eq!(site.connect().get("/app.ota", &[]).status, 200, "{what}");
        drop(held);
    }
}
