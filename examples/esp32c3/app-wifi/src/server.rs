//! The server, by HTTP.

use embassy_net::Stack;
use embassy_net::dns::DnsSocket;
use embassy_net::tcp::client::{TcpClient, TcpClientState};
use esp32c3_common::Link;
use ota_http::{HttpSource, Tcp, Url};
use static_cell::StaticCell;

use crate::settings;

/// One connection at a time, and room for a few segments.
type Connections = TcpClientState<1, 1024, 8192>;
type Client = TcpClient<'static, 1, 1024, 8192>;
/// The head of an answer has to fit.
const HEAD: usize = 1024;

/// The way to the server: connections, and the names of hosts.
pub(crate) struct Server {
    tcp: Client,
    dns: DnsSocket<'static>,
    url: Url<'static>,
    head: [u8; HEAD],
}

impl Server {
    /// Through this stack, to where `OTA_URL` says.
    pub(crate) fn new(stack: Stack<'static>) -> Self {
        static CONNECTIONS: StaticCell<Connections> = StaticCell::new();
        let connections = CONNECTIONS.init_with(Connections::new);
        Self {
            tcp: TcpClient::new(stack, connections),
            dns: DnsSocket::new(stack),
            url: match Url::parse(settings::URL) {
                Ok(url) => url,
                Err(error) => panic!("{}: {error}", settings::URL),
            },
            head: [0; HEAD],
        }
    }
}

impl Link for Server {
    type Source<'s> = HttpSource<'s, Tcp<'s, Client, DnsSocket<'static>>>;

    fn source(&mut self) -> Self::Source<'_> {
        let Some(connect) = Tcp::new(&self.tcp, &self.dns, &self.url) else {
            panic!("{}: this example has no TLS", settings::URL);
        };
        HttpSource::new(connect, self.url, &mut self.head)
    }
}
