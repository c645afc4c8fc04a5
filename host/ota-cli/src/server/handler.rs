//! One request, one answer.

use std::convert::Infallible;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use http_serve::ChunkedReadFile;
use hyper::body::{Body as _, Bytes};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use hyper::{Method, Response, StatusCode};

use super::Observer;
use super::resolve::open_url;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = http_serve::Body<Bytes, BoxError>;

/// What is served, and who hears of it.
pub(super) struct Site {
    pub(super) root: PathBuf,
    pub(super) observer: Observer,
}

/// A request and the answer it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asked.
    pub peer: SocketAddr,
    /// GET, HEAD, or one that was refused.
    pub method: String,
    /// The path as it was asked for, not decoded.
    pub path: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer's body; fewer may arrive if the client goes away.
    pub bytes: u64,
}

impl Site {
    pub(super) fn answer<B>(
        &self,
        peer: SocketAddr,
        request: &hyper::Request<B>,
    ) -> Result<Response<Body>, Infallible> {
        let response = self.respond(request).unwrap_or_else(plain);
        (self.observer)(&Request {
            peer,
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            range: request
                .headers()
                .get(RANGE)
                .map(|v| String::from_utf8_lossy(v.as_bytes()).into()),
            status: response.status().as_u16(),
            bytes: response.body().size_hint().exact().unwrap_or_default(),
        });
        Ok(response)
    }

    fn respond<B>(&self, request: &hyper::Request<B>) -> Result<Response<Body>, StatusCode> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        // The file system answers at once, or the thread pool's other threads go on meanwhile.
        let file = tokio::task::block_in_place(|| {
            let file = open_url(&self.root, request.uri().path())?;
            serveable(file).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
        })?;
        Ok(http_serve::serve(file, &with_sound_range(request)))
    }
}

fn serveable(file: File) -> anyhow::Result<ChunkedReadFile<Bytes, BoxError>> {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    let time = file.metadata()?.modified()?;
    // The library's ETag takes it for granted.
    time.duration_since(std::time::UNIX_EPOCH)
        .context("the file is older than 1970")?;
    Ok(ChunkedReadFile::new(file, headers)?)
}

/// The request as the library needs it: without a `Range` that has numbers of 19 digits and more,
/// on which its arithmetic overflows. A server may ignore any `Range`.
fn with_sound_range<B>(request: &hyper::Request<B>) -> hyper::Request<()> {
    let mut sound = hyper::Request::new(());
    *sound.method_mut() = request.method().clone();
    *sound.headers_mut() = request.headers().clone();
    let absurd = |range: &HeaderValue| {
        range
            .as_bytes()
            .split(|byte| !byte.is_ascii_digit())
            .any(|digits| digits.len() > 18)
    };
    if sound.headers().get(RANGE).is_some_and(absurd) {
        sound.headers_mut().remove(RANGE);
    }
    sound
}

/// An answer for people, with the status's own words.
fn plain(status: StatusCode) -> Response<Body> {
    let text = format!("{status}\n");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
