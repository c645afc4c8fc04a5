//! The network and the clock that a virtual device has: those of this machine.

use std::io;
use std::time::Duration;

use embedded_hal_async::delay::DelayNs;
use embedded_io_adapters::tokio_1::FromTokio;
use ota_http::{Connect, Url};
use tokio::net::TcpStream;

/// Connections to one server, plain TCP.
pub(super) struct Tcp {
    host: String,
    port: u16,
}

impl Tcp {
    pub(super) fn to(url: &Url<'_>) -> Self {
        Self {
            host: url.host().to_owned(),
            port: url.port(),
        }
    }
}

impl Connect for Tcp {
    type Connection = FromTokio<TcpStream>;
    type Error = io::Error;

    async fn connect(&mut self) -> io::Result<Self::Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(FromTokio::new(stream))
    }
}

/// Real time.
pub(super) struct Clock;

impl DelayNs for Clock {
    async fn delay_ns(&mut self, ns: u32) {
        tokio::time::sleep(Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        tokio::time::sleep(Duration::from_micros(us.into())).await;
    }

    async fn delay_ms(&mut self, ms: u32) {
        tokio::time::sleep(Duration::from_millis(ms.into())).await;
    }
}
