//! Connections are kept where that is safe, and made anew where it is not.

mod support;

use ota_client::{Fault, Range, Source, SourceError};
use ota_http::{HttpError, HttpSource, Url};
use support::{After, Answer, Server, Std, content, fetch, heard, honest, source};

const SIZE: usize = 5000;

const fn range(offset: u32, length: u32) -> Range {
    Range { offset, length }
}

fn bytes(range: Range) -> Vec<u8> {
    content(SIZE)[range.offset as usize..range.end() as usize].to_vec()
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = Server::honest(content(SIZE));
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    for offset in (0..5000).step_by(500) {
        let range = range(offset, 500);
        assert_eq!(
            fetch(&mut source, range).await.expect("bytes"),
            bytes(range)
        );
    }
    assert_eq!(server.requests().len(), 10);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_that_closes_is_connected_to_again() {
    type Trick = fn(Answer) -> Answer;
    let tricks: [Trick; 4] = [
        |answer| answer.then(After::Close),
        |answer| {
            answer
                .replace("ETag", "Connection: close\r\nETag")
                .then(After::Close)
        },
        |answer| {
            answer
                .replace("ETag", "Connection: close\r\nETag")
                .then(After::Keep)
        },
        |answer| answer.replace("HTTP/1.1", "HTTP/1.0").then(After::Close),
    ];
    for trick in tricks {
        let server = Server::start(move |request| trick(honest(request, &content(SIZE), "\"v1\"")));
        let url = server.url();
        let mut buffer = [0; 1024];
        let mut source = source(&server, &url, &mut buffer);
        for offset in [0, 1000, 2000] {
            let range = range(offset, 1000);
            assert_eq!(
                fetch(&mut source, range).await.expect("bytes"),
                bytes(range)
            );
        }
        assert_eq!(server.connections(), 3);
        assert_eq!(
            server.requests().len(),
            3,
            "no request is lost on a closed connection"
        );
    }
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_cannot_leak_into_the_next() {
    let server = Server::honest(content(SIZE));
    let url = server.url();
    for read in [0, 1, 100, 999] {
        let mut buffer = [0; 1024];
        let mut source = source(&server, &url, &mut buffer);
        source.open(range(0, 1000)).await.expect("an answer");
        let mut some = vec![0; read];
        let mut filled = 0;
        while filled < read {
            filled += source.read(&mut some[filled..]).await.expect("bytes");
        }
        let next = range(3000, 1000);
        assert_eq!(fetch(&mut source, next).await.expect("bytes"), bytes(next));
    }
    assert_eq!(server.connections(), 8);
}

#[tokio::test]
async fn an_abandoned_read_cannot_leak_into_the_next_answer() {
    let server = Server::tricky_once(content(SIZE), |request| {
        honest(request, &content(SIZE), "\"v1\"")
            .cut(300)
            .then(After::Stall)
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    source.open(range(0, 1000)).await.expect("an answer");
    let mut some = [0; 1000];
    tokio::select! {
        () = async { while source.read(&mut some).await.is_ok() {} } => panic!("stalled"),
        () = heard(&server, 1) => {}
    }
    let next = range(2000, 1000);
    assert_eq!(fetch(&mut source, next).await.expect("bytes"), bytes(next));
    assert_eq!(server.connections(), 2);
}

/// Every place where a link can be lost while an answer comes: nothing wrong is handed out, the
/// error says that the link was at fault, and the next attempt succeeds.
#[tokio::test]
async fn a_link_lost_at_any_byte_is_an_error_and_no_more() {
    let asked = range(1000, 40);
    let whole = honest(&support::request(asked), &content(SIZE), "\"v1\"")
        .bytes
        .len();
    let mut faults = std::collections::BTreeMap::new();
    for cut in 0..whole {
        let server = Server::tricky_once(content(SIZE), move |request| {
            honest(request, &content(SIZE), "\"v1\"").cut(cut)
        });
        let url = server.url();
        let mut buffer = [0; 1024];
        let mut source = source(&server, &url, &mut buffer);
        let error = fetch(&mut source, asked)
            .await
            .expect_err("the link was cut");
        match error {
            HttpError::Closed | HttpError::Read(_) => assert!(cut < whole - 40, "{cut}"),
            HttpError::ShortBody(missing) => assert_eq!(missing as usize, whole - cut),
            error => panic!("{cut}: {error:?}"),
        }
        *faults.entry(format!("{:?}", error.fault())).or_insert(0) += 1;
        assert_eq!(
            fetch(&mut source, asked).await.expect("bytes"),
            bytes(asked),
            "{cut}"
        );
    }
    assert_eq!(faults.get("Short"), Some(&40));
    assert_eq!(faults.get("Link"), Some(&(whole - 40)));
}

#[tokio::test]
async fn a_link_lost_inside_the_head_of_a_later_answer_is_no_surplus() {
    let server = Server::start(|request| {
        let answer = honest(request, &content(SIZE), "\"v1\"");
        if request.number == 1 {
            answer.cut(20)
        } else {
            answer
        }
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    fetch(&mut source, range(0, 100)).await.expect("bytes");
    let error = fetch(&mut source, range(100, 100))
        .await
        .expect_err("the link was cut");
    assert_eq!(error.fault(), Fault::Link);
    assert_eq!(
        server.requests().len(),
        2,
        "a begun answer is not asked for again by itself"
    );
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_without_a_word() {
    let server = Server::start(|request| {
        let answer = honest(request, &content(SIZE), "\"v1\"");
        if request.number == 1 {
            answer.cut(0)
        } else {
            answer
        }
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    fetch(&mut source, range(0, 100)).await.expect("bytes");
    fetch(&mut source, range(100, 100))
        .await
        .expect("bytes, over a second connection");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn answers_may_come_in_any_pieces() {
    let asked = range(7, 100);
    let server = Server::honest(content(SIZE));
    let url = server.url();
    for size in [1, 3, 99, 100, 101] {
        let mut buffer = [0; 1024];
        let mut source = source(&server, &url, &mut buffer);
        source.open(asked).await.expect("an answer");
        let mut all = Vec::new();
        let mut piece = vec![0; size];
        loop {
            match source.read(&mut piece).await.expect("bytes") {
                0 => break,
                count => all.extend_from_slice(&piece[..count]),
            }
        }
        assert_eq!(all, bytes(asked));
    }
}

#[tokio::test]
async fn further_fields_are_sent_with_every_request() {
    let server = Server::honest(content(SIZE));
    let url = server.url();
    let mut buffer = [0; 1024];
    let fields = [("Authorization", "Bearer abc")];
    let mut source = source(&server, &url, &mut buffer)
        .with_fields(&fields)
        .expect("clean fields");
    fetch(&mut source, range(0, 10)).await.expect("bytes");
    fetch(&mut source, range(10, 10)).await.expect("bytes");
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.head.contains("\r\nAuthorization: Bearer abc\r\n"))
    );
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn a_buffer_too_small_for_the_request_is_an_error() {
    let server = Server::honest(content(SIZE));
    let url = server.url();
    let mut buffer = [0; 60];
    let mut source = source(&server, &url, &mut buffer);
    let error = fetch(&mut source, range(0, 10))
        .await
        .expect_err("too small");
    assert!(matches!(error, HttpError::RequestTooLarge), "{error:?}");
}

#[test]
fn blocking_connections_do_as_well() {
    let server = Server::honest(content(SIZE));
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = HttpSource::new(
        Std(server.address),
        Url::parse(&url).expect("an address"),
        &mut buffer,
    );
    let asked = range(500, 2000);
    let got = embassy_futures::block_on(fetch(&mut source, asked)).expect("bytes");
    assert_eq!(got, bytes(asked));
}
