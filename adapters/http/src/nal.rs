//! Connections from any stack that implements the traits of `embedded-nal-async`, as embassy-net
//! does.

use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use embedded_nal_async::{AddrType, Dns, TcpConnect};

use crate::{Connect, Url};

/// Plain TCP to the host of an address, resolved anew for each connection.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a, T, D> {
    stack: &'a T,
    dns: &'a D,
    host: &'a str,
    port: u16,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpError<T> {
    /// The name of the host could not be resolved.
    Dns,
    /// The stack could not connect.
    Connect(T),
}

impl<T: fmt::Display> fmt::Display for TcpError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns => {
                f.write_str("the host's name cannot be resolved: check it and the network")
            }
            Self::Connect(error) => error.fmt(f),
        }
    }
}

impl<T: core::error::Error> core::error::Error for TcpError<T> {}

impl<'a, T: TcpConnect, D: Dns> Tcp<'a, T, D> {
    /// Connections to this address.
    ///
    /// `None` if it is `https`: this is plain TCP.
    #[must_use]
    pub fn new(stack: &'a T, dns: &'a D, url: &Url<'a>) -> Option<Self> {
        if url.is_secure() {
            return None;
        }
        Some(Self {
            stack,
            dns,
            host: url.host(),
            port: url.port(),
        })
    }

    async fn resolve(&self) -> Result<IpAddr, TcpError<T::Error>> {
        if let Ok(address) = self.host.parse() {
            return Ok(address);
        }
        self.dns
            .get_host_by_name(self.host, AddrType::Either)
            .await
            .map_err(|_| TcpError::Dns)
    }
}

impl<'a, T: TcpConnect, D: Dns> Connect for Tcp<'a, T, D> {
    type Connection = T::Connection<'a>;
    type Error = TcpError<T::Error>;

    async fn connect(&mut self) -> Result<Self::Connection, Self::Error> {
        let remote = SocketAddr::new(self.resolve().await?, self.port);
        self.stack.connect(remote).await.map_err(TcpError::Connect)
    }
}
