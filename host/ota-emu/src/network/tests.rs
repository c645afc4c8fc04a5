//! The chip and the host behind it, driven as a firmware drives them: register by register, with
//! a TCP/IP stack of its own.

use super::link::Link;
use super::{Forwards, Network};
use crate::devices::w5500::W5500;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// Blocks of the chip's address space.
const COMMON: u8 = 0;
const SOCKET: u8 = 1;
const TRANSMIT: u8 = 2;
const RECEIVE: u8 = 3;

/// A firmware: the chip, and the stack above it.
struct Guest {
    chip: W5500,
    network: Network,
    link: Link,
    interface: Interface,
    sockets: SocketSet<'static>,
    now: u64,
}

impl Guest {
    fn new(forwards: Forwards) -> Self {
        let mut network = Network::default();
        network.attach(forwards);
        let mut link = Link::default();
        let config = Config::new(EthernetAddress(MAC).into());
        let mut interface = Interface::new(config, &mut link, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24);
            addresses.push(address).expect("the list is empty");
        });
        let mut guest = Self {
            chip: W5500::new(),
            network,
            link,
            interface,
            sockets: SocketSet::new(Vec::new()),
            now: 0,
        };
        guest.open();
        guest
    }

    /// Own address, MACRAW with its filter, open.
    fn open(&mut self) {
        self.write(COMMON, 0x09, &MAC);
        self.write(SOCKET, 0x2C, &[1 << 2]);
        self.write(COMMON, 0x18, &[1]);
        self.write(SOCKET, 0x00, &[0x84]);
        self.write(SOCKET, 0x01, &[0x01]);
    }

    fn transfer(&mut self, block: u8, address: u16, writes: bool, bytes: &[u8]) -> Vec<u8> {
        self.chip.select(true);
        let [high, low] = address.to_be_bytes();
        for byte in [high, low, block << 3 | u8::from(writes) << 2] {
            self.chip.exchange(byte);
        }
        let answer = bytes.iter().map(|&byte| self.chip.exchange(byte)).collect();
        self.chip.select(false);
        answer
    }

    fn write(&mut self, block: u8, address: u16, bytes: &[u8]) {
        self.transfer(block, address, true, bytes);
    }

    fn read<const N: usize>(&mut self, block: u8, address: u16) -> [u8; N] {
        let bytes = self.transfer(block, address, false, &[0; N]);
        bytes.try_into().expect("as many as asked for")
    }

    fn word(&mut self, address: u16) -> u16 {
        u16::from_be_bytes(self.read(SOCKET, address))
    }

    fn send_frame(&mut self, frame: &[u8]) {
        let at = self.word(0x24);
        self.write(TRANSMIT, at, frame);
        let end = at.wrapping_add(u16::try_from(frame.len()).expect("a short frame"));
        self.write(SOCKET, 0x24, &end.to_be_bytes());
        self.write(SOCKET, 0x01, &[0x20]);
    }

    fn receive_frame(&mut self) -> Option<Vec<u8>> {
        if self.word(0x26) == 0 {
            return None;
        }
        let at = self.word(0x28);
        let len = u16::from_be_bytes(self.read(RECEIVE, at));
        let frame = self.transfer(
            RECEIVE,
            at.wrapping_add(2),
            false,
            &vec![0; usize::from(len) - 2],
        );
        self.write(SOCKET, 0x28, &at.wrapping_add(len).to_be_bytes());
        self.write(SOCKET, 0x01, &[0x40]);
        Some(frame)
    }

    /// A millisecond of everything.
    fn turn(&mut self) {
        self.now += 1_000_000;
        let time = Instant::from_millis(i64::try_from(self.now / 1_000_000).expect("early"));
        self.interface.poll(time, &mut self.link, &mut self.sockets);
        while let Some(frame) = self.link.to_board.pop_front() {
            self.send_frame(&frame);
        }
        self.network.poll(self.now, &mut self.chip);
        while let Some(frame) = self.receive_frame() {
            self.link.to_host.push_back(frame);
        }
        if self.network.has_connections() {
            self.network.wait(0);
        }
    }

    fn connect(&mut self, port: u16) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        let remote = (IpAddress::v4(10, 0, 2, 2), port);
        let local = 49152 + port % 1000;
        socket
            .connect(self.interface.context(), remote, local)
            .expect("a fresh socket connects");
        self.sockets.add(socket)
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn turn_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..20_000 {
            if done(self) {
                return;
            }
            self.turn();
        }
        panic!("it never happened");
    }
}

/// A server that answers one connection with everything it got, twice, and hangs up.
fn server() -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("what the guest says");
        stream.write_all(&got).expect("sent");
        stream.write_all(&got).expect("sent again");
    });
    (port, thread)
}

#[test]
fn bytes_go_to_a_real_server_and_come_back_whole() {
    let (port, thread) = server();
    let mut guest = Guest::new(Forwards::from([(80, port)]));
    let handle = guest.connect(80);
    let said: Vec<u8> = (0..50_000_u32)
        .map(|i| (i % 251).to_le_bytes()[0])
        .collect();
    let (mut sent, mut heard) = (0, Vec::new());
    guest.turn_until(|guest| {
        let socket = guest.socket(handle);
        if socket.can_send() && sent < said.len() {
            sent += socket.send_slice(&said[sent..]).expect("it can send");
            if sent == said.len() {
                socket.close();
            }
        }
        while socket.can_recv() {
            let part = socket.recv(|bytes| (bytes.len(), bytes.to_vec()));
            heard.extend(part.expect("it can receive"));
        }
        heard.len() == 2 * said.len()
    });
    assert!(heard == [&said[..], &said[..]].concat());
    thread.join().expect("the server is content");
    guest.turn_until(|guest| !guest.network.has_connections());
}

#[test]
fn a_port_without_a_server_refuses() {
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.local_addr().expect("its number").port()
    };
    let mut guest = Guest::new(Forwards::from([(80, port)]));
    let handle = guest.connect(80);
    guest.turn_until(|guest| guest.socket(handle).state() == tcp::State::SynSent);
    guest.turn_until(|guest| guest.socket(handle).state() == tcp::State::Closed);
    assert!(!guest.network.has_connections());
}

#[test]
fn a_copy_of_the_network_has_lost_its_connections() {
    let (port, _thread) = server();
    let mut guest = Guest::new(Forwards::from([(80, port)]));
    let handle = guest.connect(80);
    guest.turn_until(|guest| guest.socket(handle).may_send());
    assert!(guest.network.has_connections());
    guest.network = guest.network.clone();
    assert!(!guest.network.has_connections());
    guest
        .socket(handle)
        .send_slice(b"anybody there?")
        .expect("the guest does not know");
    guest.turn_until(|guest| !guest.socket(handle).is_open());
}

#[test]
fn without_a_link_nothing_passes_and_the_chip_says_so() {
    let mut guest = Guest::new(Forwards::new());
    assert_eq!(guest.read(COMMON, 0x2E).map(|phy| phy & 1), [1]);
    guest.chip.set_link(false);
    assert_eq!(guest.read(COMMON, 0x2E).map(|phy| phy & 1), [0]);
    let handle = guest.connect(80);
    (0..100).for_each(|_| guest.turn());
    assert_eq!(guest.socket(handle).state(), tcp::State::SynSent);
}

#[test]
fn the_interrupt_pin_goes_low_for_a_frame_and_high_when_it_was_read() {
    let mut guest = Guest::new(Forwards::new());
    let mut frame = [0; 60];
    frame[..6].copy_from_slice(&MAC);
    guest.chip.deliver(&frame);
    assert!(!guest.chip.interrupt_pin());
    guest.write(SOCKET, 0x02, &[1 << 2]);
    assert_eq!(guest.receive_frame().as_deref(), Some(&frame[..]));
    assert!(guest.chip.interrupt_pin());
}

#[test]
fn frames_for_others_are_filtered() {
    let mut guest = Guest::new(Forwards::new());
    guest.chip.deliver(&[0x02; 60]);
    assert_eq!(guest.receive_frame(), None);
    guest.chip.deliver(&[0xFF; 60]);
    assert!(guest.receive_frame().is_some(), "broadcasts are for all");
}
