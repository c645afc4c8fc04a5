//! Whatever a server does wrong has its own error, and the next request can succeed.

mod support;

use ota_client::{Fault, Range, Recovery, Source, SourceError};
use ota_http::HttpError;
use support::{
    After, Answer, Request, Server, content, fetch, heard, honest, source, status, whole,
};

const FIRST: Range = Range {
    offset: 0,
    length: 1024,
};
const MIDDLE: Range = Range {
    offset: 1024,
    length: 2048,
};
const SIZE: usize = 9000;

type Error = HttpError<std::io::Error>;

/// The first answer is `trick`: the error it causes, after the next request succeeded.
async fn after_trick(
    range: Range,
    trick: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Error {
    let server = Server::tricky_once(content(SIZE), trick);
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    let result = fetch(&mut source, range).await;
    let again = fetch(&mut source, range).await.expect("the next attempt");
    let start = range.offset as usize;
    assert_eq!(again, content(SIZE)[start..start + again.len()]);
    assert_eq!(server.requests().len(), 2, "one request for each attempt");
    result.expect_err("the trick is noticed")
}

fn file_tag(request: &Request) -> Answer {
    honest(request, &content(SIZE), "\"v1\"")
}

macro_rules! hostile {
    ($($name:ident: $range:expr, $trick:expr => $error:pat, $fault:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let error = after_trick($range, $trick).await;
            assert!(matches!(error, $error), "{error:?}");
            assert_eq!(error.fault(), $fault);
            assert!(!error.to_string().contains('\n'));
        }
    )*};
}

hostile! {
    a_server_that_ignores_range_is_refused:
        MIDDLE, |_| whole(&content(SIZE), "\"v1\"") => HttpError::RangeIgnored, Fault::RangeIgnored;
    a_server_that_ignores_the_first_range_is_refused_too:
        FIRST, |_| whole(&content(SIZE), "\"v1\"") => HttpError::RangeIgnored, Fault::RangeIgnored;
    a_missing_file_is_named:
        FIRST, |_| status(404, "") => HttpError::NotFound, Fault::NotFound;
    a_missing_file_with_an_endless_page_is_named:
        FIRST, |_| Answer::new("HTTP/1.1 404 Gone\r\n\r\n", After::Endless(vec![b'x'; 4096]))
        => HttpError::NotFound, Fault::NotFound;
    a_range_outside_the_file_is_named:
        MIDDLE, |_| status(416, "Content-Range: bytes */10\r\n")
        => HttpError::RangeNotSatisfiable, Fault::RangeRefused;
    a_file_that_ends_inside_the_range_is_too_short:
        MIDDLE, |request| honest(request, &content(2000), "\"v1\"")
        => HttpError::RangeNotSatisfiable, Fault::RangeRefused;
    a_broken_server_is_named_with_its_status:
        FIRST, |_| status(500, "") => HttpError::Unavailable(500), Fault::Unavailable(500);
    an_overloaded_server_is_named_with_its_status:
        FIRST, |_| status(503, "Retry-After: 1\r\n")
        => HttpError::Unavailable(503), Fault::Unavailable(503);
    a_redirect_is_not_followed:
        FIRST, |_| status(302, "Location: http://127.0.0.1:1/evil.ota\r\n")
        => HttpError::Redirect(302), Fault::Redirected(302);
    a_permanent_redirect_is_not_followed:
        MIDDLE, |_| status(308, "Location: /elsewhere\r\n")
        => HttpError::Redirect(308), Fault::Redirected(308);
    missing_rights_are_named:
        FIRST, |_| status(403, "") => HttpError::Refused(403), Fault::Refused(403);
    a_body_that_ends_early_is_short:
        MIDDLE, |request| {
            let whole = file_tag(request);
            let length = whole.bytes.len() - 100;
            whole.cut(length)
        } => HttpError::ShortBody(100), Fault::Short;
    a_body_longer_than_announced_is_noticed:
        FIRST, |request| {
            let mut answer = file_tag(request).replace("ETag: \"v1\"", "X: y");
            answer.bytes.truncate(answer.bytes.len() - 1000);
            let mut answer = answer.replace("Length: 1024", "Length: 24").replace("0-1023", "0-23");
            answer.bytes.extend_from_slice(b"surplus");
            answer
        } => HttpError::WrongContentRange, Fault::WrongRange;
    a_length_that_contradicts_the_range_is_noticed:
        FIRST, |request| file_tag(request).replace("Length: 1024", "Length: 1025")
        => HttpError::WrongContentLength, Fault::WrongRange;
    two_lengths_are_refused:
        FIRST, |request| file_tag(request).replace("ETag", "Content-Length: 1024\r\nETag")
        => HttpError::WrongContentLength, Fault::WrongRange;
    another_range_is_refused:
        MIDDLE, |request| file_tag(request).replace("1024-3071", "0-2047")
        => HttpError::WrongContentRange, Fault::WrongRange;
    a_longer_range_is_refused:
        MIDDLE, |request| file_tag(request).replace("1024-3071", "1024-3072")
        => HttpError::WrongContentRange, Fault::WrongRange;
    a_range_without_its_name_is_refused:
        MIDDLE, |request| file_tag(request).replace("Content-Range", "X-Range")
        => HttpError::WrongContentRange, Fault::WrongRange;
    a_file_of_an_impossible_length_is_refused:
        MIDDLE, |request| file_tag(request).replace("/9000", "/4294968296")
        => HttpError::WrongContentRange, Fault::WrongRange;
    a_body_without_length_is_refused:
        MIDDLE, |request| file_tag(request).replace("Content-Length", "X-Length").then(After::Close)
        => HttpError::NoContentLength, Fault::Unsupported;
    a_chunked_body_is_refused:
        MIDDLE, |request| file_tag(request).replace("Content-Length: 2048", "Transfer-Encoding: chunked")
        => HttpError::TransferEncoding, Fault::Unsupported;
    a_chunked_body_with_a_length_is_refused:
        MIDDLE, |request| file_tag(request).replace("ETag", "Transfer-Encoding: chunked\r\nETag")
        => HttpError::TransferEncoding, Fault::Unsupported;
    a_compressed_body_is_refused:
        MIDDLE, |request| file_tag(request).replace("ETag", "Content-Encoding: gzip\r\nETag")
        => HttpError::ContentEncoding, Fault::Unsupported;
    a_compressed_body_that_says_identity_afterwards_is_refused:
        MIDDLE, |request| file_tag(request)
            .replace("ETag", "Content-Encoding: gzip\r\nContent-Encoding: identity\r\nETag")
        => HttpError::ContentEncoding, Fault::Unsupported;
    a_compressed_body_that_says_identity_before_is_refused:
        MIDDLE, |request| file_tag(request)
            .replace("ETag", "Content-Encoding: identity\r\nContent-Encoding: br\r\nETag")
        => HttpError::ContentEncoding, Fault::Unsupported;
    a_list_of_encodings_with_any_but_identity_is_refused:
        MIDDLE, |request| file_tag(request).replace("ETag", "Content-Encoding: gzip, identity\r\nETag")
        => HttpError::ContentEncoding, Fault::Unsupported;
    several_ranges_in_parts_are_refused:
        MIDDLE, |request| file_tag(request)
            .replace("ETag", "Content-Type: multipart/byteranges; boundary=x\r\nETag")
        => HttpError::Multipart, Fault::Unsupported;
    several_ranges_in_parts_are_refused_whatever_the_case_and_a_later_type:
        MIDDLE, |request| file_tag(request)
            .replace("ETag", "CONTENT-TYPE: Multipart/ByteRanges;boundary=x\r\nContent-Type: a/b\r\nETag")
        => HttpError::Multipart, Fault::Unsupported;
    several_ranges_in_parts_without_a_range_are_refused:
        MIDDLE, |request| file_tag(request)
            .replace("Content-Range", "Content-Type: multipart/byteranges; boundary=x\r\nX-Range")
        => HttpError::Multipart, Fault::Unsupported;
    garbage_is_not_http:
        FIRST, |_| Answer::new("SSH-2.0-x\r\n", After::Stall) => HttpError::NotHttp, Fault::Malformed;
    binary_garbage_is_not_http:
        FIRST, |_| Answer::new(vec![0xFF; 3000], After::Stall) => HttpError::NotHttp, Fault::Malformed;
    a_head_that_turns_into_garbage_is_not_http:
        FIRST, |_| Answer::new("HTTP/1.1 206 OK\r\n\0\0\0\r\n\r\n", After::Stall)
        => HttpError::NotHttp, Fault::Malformed;
    an_endless_field_is_too_large:
        FIRST, |_| Answer::new("HTTP/1.1 206 OK\r\nX: ", After::Endless(vec![b'x'; 100]))
        => HttpError::HeadTooLarge, Fault::Unsupported;
    an_endless_head_is_too_large:
        FIRST, |_| Answer::new("HTTP/1.1 206 OK\r\n", After::Endless(b"A: b\r\n".to_vec()))
        => HttpError::HeadTooLarge, Fault::Unsupported;
    endless_interim_answers_are_refused:
        FIRST, |_| Answer::new("", After::Endless(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()))
        => HttpError::NotHttp, Fault::Malformed;
    a_connection_closed_without_a_word_is_a_lost_link:
        FIRST, |_| Answer::new("", After::Close) => HttpError::Closed, Fault::Link;
}

#[tokio::test]
async fn bytes_beyond_the_announced_ones_are_noticed_at_once_or_at_the_next_request() {
    let server = Server::tricky_once(content(SIZE), |request| {
        let mut answer = file_tag(request);
        answer.bytes.extend_from_slice(b"more than announced");
        answer
    });
    let url = server.url();
    let mut buffer = [0; 4096];
    let mut source = source(&server, &url, &mut buffer);
    // Which of the two depends on how TCP cut the stream.
    let error = match fetch(&mut source, FIRST).await {
        Err(error) => error,
        Ok(bytes) => {
            assert_eq!(bytes, content(SIZE)[..1024]);
            fetch(&mut source, MIDDLE)
                .await
                .expect_err("the surplus is no answer")
        }
    };
    assert!(matches!(error, HttpError::Excess), "{error:?}");
    assert_eq!(error.fault(), Fault::Excess);
    let bytes = fetch(&mut source, MIDDLE).await.expect("the next attempt");
    assert_eq!(bytes, content(SIZE)[1024..3072]);
}

#[tokio::test]
async fn surplus_that_came_with_the_head_is_noticed_before_the_body_is_used() {
    let server = Server::tricky_once(content(SIZE), |request| {
        let mut answer = file_tag(request);
        answer.bytes.push(0);
        answer
    });
    let url = server.url();
    let mut buffer = [0; 4096];
    let mut source = source(&server, &url, &mut buffer);
    let tiny = Range {
        offset: 5,
        length: 3,
    };
    let error = source.open(tiny).await.expect_err("one byte too many");
    assert!(matches!(error, HttpError::Excess), "{error:?}");
}

#[tokio::test]
async fn a_body_that_is_identity_however_often_it_says_so_is_taken() {
    let server = Server::start(|request| {
        let twice = "Content-Encoding: identity\r\nContent-Encoding: Identity, identity\r\nETag";
        file_tag(request).replace("ETag", twice)
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    let bytes = fetch(&mut source, MIDDLE).await.expect("bytes");
    assert_eq!(bytes, content(SIZE)[1024..3072]);
}

#[tokio::test]
async fn a_file_that_changes_between_two_requests_is_noticed_by_its_tag() {
    let server = Server::start(|request| {
        let tag = if request.number == 0 {
            "\"v1\""
        } else {
            "\"v2\""
        };
        honest(request, &content(SIZE), tag)
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    fetch(&mut source, FIRST).await.expect("the first request");
    let error = fetch(&mut source, MIDDLE)
        .await
        .expect_err("the tag changed");
    assert!(matches!(error, HttpError::Changed), "{error:?}");
    assert_eq!(error.fault().recovery(), Recovery::Recheck);
    assert_eq!(server.requests()[1].if_range.as_deref(), Some("\"v1\""));
    fetch(&mut source, FIRST).await.expect("from the beginning");
    fetch(&mut source, MIDDLE)
        .await
        .expect("and on with the new tag");
    let last = server.requests().pop().expect("a request");
    assert_eq!(last.if_range.as_deref(), Some("\"v2\""));
}

#[tokio::test]
async fn a_changed_tag_on_a_partial_answer_is_noticed_even_if_the_condition_was_ignored() {
    let server = Server::start(|request| {
        let mut blind = request.clone();
        blind.if_range = None;
        honest(&blind, &content(SIZE), &format!("W/\"{}\"", request.number))
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    fetch(&mut source, FIRST).await.expect("the first request");
    let error = fetch(&mut source, MIDDLE)
        .await
        .expect_err("the tag changed");
    assert!(matches!(error, HttpError::Changed), "{error:?}");
    assert_eq!(
        server.requests()[1].if_range,
        None,
        "a weak tag is not sent"
    );
}

#[tokio::test]
async fn tags_that_never_hold_still_are_ignored_in_the_end() {
    let server = Server::start(|request| {
        honest(request, &content(SIZE), &format!("\"{}\"", request.number))
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    let mut changes = 0;
    loop {
        fetch(&mut source, FIRST).await.expect("the beginning");
        match fetch(&mut source, MIDDLE).await {
            Ok(_) => break,
            Err(HttpError::Changed) => changes += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(changes, 3);
    fetch(&mut source, MIDDLE)
        .await
        .expect("no tag is looked at any more");
}

#[tokio::test]
async fn an_interim_answer_is_passed_over() {
    let server = Server::start(|request| {
        let mut bytes =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n".to_vec();
        bytes.extend_from_slice(&file_tag(request).bytes);
        Answer::new(bytes, After::Keep)
    });
    let url = server.url();
    let mut buffer = [0; 1024];
    let mut source = source(&server, &url, &mut buffer);
    assert_eq!(
        fetch(&mut source, FIRST).await.expect("bytes"),
        content(SIZE)[..1024]
    );
}

/// What a driver does that lost patience: the future is dropped, then `open` is called again.
#[tokio::test]
async fn a_stalled_answer_can_be_abandoned_at_any_byte() {
    let request = "HTTP/1.1 206 Partial Content\r\nContent-Length: 1024";
    for length in [0, 1, request.len(), 120, 500, 1100] {
        let server = Server::tricky_once(content(SIZE), move |request| {
            file_tag(request).cut(length).then(After::Stall)
        });
        let url = server.url();
        let mut buffer = [0; 1024];
        let mut source = source(&server, &url, &mut buffer);
        tokio::select! {
            result = fetch(&mut source, FIRST) => panic!("{length}: {result:?}"),
            () = heard(&server, 1) => {}
        }
        let bytes = fetch(&mut source, FIRST).await.expect("the next attempt");
        assert_eq!(bytes, content(SIZE)[..1024]);
        assert_eq!(
            server.connections(),
            2,
            "the stalled connection is not used again"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_lost_link() {
    let server = Server::honest(content(SIZE));
    let url = server.url();
    let mut buffer = [0; 1024];
    let address = server.address;
    drop(server);
    let mut source = ota_http::HttpSource::new(
        support::Tokio(address),
        ota_http::Url::parse(&url).expect("an address"),
        &mut buffer,
    );
    loop {
        // The listener closes a moment after the server was dropped.
        match fetch(&mut source, FIRST).await {
            Err(HttpError::Connect(_)) => break,
            Err(error) => assert_eq!(error.fault(), Fault::Link),
            Ok(_) => {}
        }
    }
}

#[test]
fn every_error_has_its_own_code() {
    let errors: Vec<HttpError<std::fmt::Error>> = vec![
        HttpError::Connect(std::fmt::Error),
        HttpError::Write(embedded_io::ErrorKind::Other),
        HttpError::Read(embedded_io::ErrorKind::Other),
        HttpError::Closed,
        HttpError::ShortBody(1),
        HttpError::Excess,
        HttpError::NotHttp,
        HttpError::HeadTooLarge,
        HttpError::RequestTooLarge,
        HttpError::RangeIgnored,
        HttpError::Changed,
        HttpError::NotFound,
        HttpError::RangeNotSatisfiable,
        HttpError::Unavailable(500),
        HttpError::Redirect(301),
        HttpError::Refused(403),
        HttpError::WrongContentRange,
        HttpError::WrongContentLength,
        HttpError::NoContentLength,
        HttpError::TransferEncoding,
        HttpError::ContentEncoding,
        HttpError::Multipart,
    ];
    let codes: std::collections::BTreeSet<_> = errors.iter().map(HttpError::code).collect();
    let texts: std::collections::BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(codes.len(), errors.len());
    assert_eq!(texts.len(), errors.len());
    assert!(codes.iter().all(|code| code >> 12 == 3));
}

#[test]
fn the_front_page_lists_every_code() {
    let page = include_str!("../README.md");
    for code in 0x3001..=0x3016 {
        let cell = format!("{code:#06X}").replace("0X", "0x");
        let listed = page
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&cell));
        assert!(listed, "{cell}");
    }
}
