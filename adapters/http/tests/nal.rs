//! Connections from a stack with the traits of `embedded-nal-async`.

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use embedded_io_adapters::tokio_1::FromTokio;
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use ota_client::{Fault, Range, SourceError};
use ota_http::{HttpError, HttpSource, Tcp, TcpError, Url};
use support::{Server, content, fetch};

struct Stack;

impl TcpConnect for Stack {
    type Error = std::io::Error;
    type Connection<'a> = FromTokio<tokio::net::TcpStream>;

    async fn connect<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Result<Self::Connection<'a>, Self::Error> {
        Ok(FromTokio::new(
            tokio::net::TcpStream::connect(remote).await?,
        ))
    }
}

/// Knows one name.
struct Names;

impl Dns for Names {
    type Error = ();

    async fn get_host_by_name(&self, host: &str, _: AddrType) -> Result<IpAddr, ()> {
        (host == "updates.test")
            .then_some(Ipv4Addr::LOCALHOST.into())
            .ok_or(())
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, ()> {
        Err(())
    }
}

const ASKED: Range = Range {
    offset: 100,
    length: 200,
};

#[tokio::test]
async fn hosts_are_found_by_name_and_by_address() {
    let server = Server::honest(content(1000));
    let port = server.address.port();
    for host in ["updates.test", "127.0.0.1"] {
        let address = format!("http://{host}:{port}/app.ota");
        let url = Url::parse(&address).expect("an address");
        let mut buffer = [0; 1024];
        let tcp = Tcp::new(&Stack, &Names, &url).expect("plain TCP");
        let mut source = HttpSource::new(tcp, url, &mut buffer);
        assert_eq!(
            fetch(&mut source, ASKED).await.expect("bytes"),
            content(1000)[100..300]
        );
    }
    let heads: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.head)
        .collect();
    assert!(heads[0].contains(&format!("\r\nHost: updates.test:{port}\r\n")));
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_a_lost_link() {
    let url = Url::parse("http://nowhere.test/app.ota").expect("an address");
    let mut buffer = [0; 1024];
    let tcp = Tcp::new(&Stack, &Names, &url).expect("plain TCP");
    let mut source = HttpSource::new(tcp, url, &mut buffer);
    let error = fetch(&mut source, ASKED).await.expect_err("no such name");
    assert!(
        matches!(error, HttpError::Connect(TcpError::Dns)),
        "{error:?}"
    );
    assert_eq!(error.fault(), Fault::Link);
}

#[test]
fn an_encrypted_address_is_not_fetched_in_the_clear() {
    let url = Url::parse("https://updates.test/app.ota").expect("an address");
    assert!(Tcp::new(&Stack, &Names, &url).is_none());
}
