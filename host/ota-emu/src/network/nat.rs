//! The host at 10.0.2.2: it accepts what the firmware opens, and opens the same to 127.0.0.1.

use super::Forwards;
use super::connection::Connection;
use super::link::Link;
use crate::devices::w5500::W5500;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpCidr, IpProtocol, Ipv4Packet,
    TcpPacket,
};

const ADDRESS: IpAddress = IpAddress::v4(10, 0, 2, 2);
const MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 0x02]);
/// How often the real connections are looked at, in the board's nanoseconds.
const INTERVAL: u64 = 200_000;
/// Buffers of a connection, each way.
const BUFFER: usize = 16 * 1024;

pub(crate) struct Nat {
    forwards: Forwards,
    link: Link,
    interface: Interface,
    sockets: SocketSet<'static>,
    connections: Vec<Connection>,
    /// Sockets whose connection is over, but who still have a last word to send.
    closing: Vec<SocketHandle>,
}

impl core::fmt::Debug for Nat {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nat")
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

impl Nat {
    pub(crate) fn new(forwards: Forwards) -> Self {
        let mut link = Link::default();
        let config = Config::new(MAC.into());
        let mut interface = Interface::new(config, &mut link, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // The list is empty: there is room.
            let _ = addresses.push(IpCidr::new(ADDRESS, 24));
        });
        Self {
            forwards,
            link,
            interface,
            sockets: SocketSet::new(Vec::new()),
            connections: Vec::new(),
            closing: Vec::new(),
        }
    }

    pub(crate) fn without_connections(&self) -> Self {
        Self::new(self.forwards.clone())
    }

    pub(crate) fn has_connections(&self) -> bool {
        !self.connections.is_empty()
    }

    pub(crate) fn next_event(&self, now: u64) -> Option<u64> {
        let idle =
            self.connections.is_empty() && self.closing.is_empty() && self.link.to_board.is_empty();
        (!idle).then_some(now + INTERVAL)
    }

    pub(crate) fn poll(&mut self, now: u64, chip: &mut W5500) {
        let time = Instant::from_micros(i64::try_from(now / 1000).unwrap_or(i64::MAX));
        while let Some(frame) = chip.take_outgoing() {
            if let Some(port) = opens_connection(&frame) {
                self.listen(port);
            }
            self.link.to_host.push_back(frame);
        }
        self.run(time);
        self.carry();
        self.run(time);
        while let Some(frame) = self.link.to_board.front()
            && chip.has_room(frame.len())
        {
            chip.deliver(frame);
            self.link.to_board.pop_front();
        }
    }

    fn run(&mut self, time: Instant) {
        self.interface.poll(time, &mut self.link, &mut self.sockets);
    }

    /// Gets ready for a connection to this port, if there is a server behind it. If not, the
    /// firmware's attempt is refused, as by a host without one.
    fn listen(&mut self, port: u16) {
        let waits = self.sockets.iter().any(|(_, socket)| {
            let smoltcp::socket::Socket::Tcp(socket) = socket;
            socket.state() == tcp::State::Listen && socket.listen_endpoint().port == port
        });
        let real = self.forwards.get(&port).copied().unwrap_or(port);
        let sockets = &mut self.sockets;
        if waits {
            return;
        }
        let connection = Connection::open(real, || {
            let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
            let mut socket = tcp::Socket::new(buffer(), buffer());
            // A fresh socket and a port that is not zero: it can listen.
            let _ = socket.listen(port);
            socket.set_ack_delay(None);
            socket.set_nagle_enabled(false);
            sockets.add(socket)
        });
        self.connections.extend(connection);
    }

    fn carry(&mut self) {
        let (sockets, closing) = (&mut self.sockets, &mut self.closing);
        self.connections.retain_mut(|connection| {
            let open = connection.carry(sockets.get_mut(connection.handle));
            if !open {
                closing.push(connection.handle);
            }
            open
        });
        closing.retain(|&handle| {
            let socket = sockets.get::<tcp::Socket<'_>>(handle);
            // A socket that was aborted sends its reset first.
            let over = socket.state() == tcp::State::Closed && socket.remote_endpoint().is_none();
            if over {
                sockets.remove(handle);
            }
            !over
        });
    }
}

/// The port of 10.0.2.2 that the frame wants a connection to.
fn opens_connection(frame: &[u8]) -> Option<u16> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    if packet.next_header() != IpProtocol::Tcp || IpAddress::Ipv4(packet.dst_addr()) != ADDRESS {
        return None;
    }
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    (segment.syn() && !segment.ack() && segment.dst_port() != 0).then(|| segment.dst_port())
}
