//! One TCP connection of the firmware, and the real one that it is continued by.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

/// Bytes carried at a time.
const PORTION: usize = 4096;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) handle: SocketHandle,
    stream: TcpStream,
    /// The server has said all it had to say.
    server_done: bool,
    /// The firmware has.
    board_done: bool,
    /// What the board's side could not take yet.
    waiting: Vec<u8>,
}

impl Connection {
    /// Connects to a server on this machine, and to no other.
    pub(crate) fn open(port: u16, handle: impl FnOnce() -> SocketHandle) -> Option<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.set_nonblocking(true).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self {
            handle: handle(),
            stream,
            server_done: false,
            board_done: false,
            waiting: Vec::new(),
        })
    }

    /// Carries bytes both ways; false: the connection is over.
    pub(crate) fn carry(&mut self, socket: &mut tcp::Socket<'_>) -> bool {
        let carried = self.upload(socket).and_then(|()| self.download(socket));
        if carried.is_err() {
            socket.abort();
        }
        socket.is_open() && carried.is_ok()
    }

    fn upload(&mut self, socket: &mut tcp::Socket<'_>) -> std::io::Result<()> {
        while socket.can_recv() {
            let stream = &mut self.stream;
            let taken = socket.recv(|bytes| match stream.write(bytes) {
                Ok(count) => (count, Ok(count)),
                Err(error) => (0, Err(error)),
            });
            match taken {
                Ok(Ok(1..)) => {}
                Ok(Err(error)) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => break,
            }
        }
        let said_all = !socket.may_recv() && socket.state() == tcp::State::CloseWait;
        if said_all && !self.board_done {
            self.board_done = true;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    fn download(&mut self, socket: &mut tcp::Socket<'_>) -> std::io::Result<()> {
        while socket.can_send() {
            if self.waiting.is_empty() && !self.fill()? {
                break;
            }
            let Ok(sent) = socket.send_slice(&self.waiting) else {
                break;
            };
            self.waiting.drain(..sent);
        }
        if self.server_done && self.waiting.is_empty() {
            socket.close();
        }
        Ok(())
    }

    /// Whether the server had something to say.
    fn fill(&mut self) -> std::io::Result<bool> {
        let mut portion = [0; PORTION];
        match self.stream.read(&mut portion) {
            Ok(0) => {
                self.server_done = true;
                Ok(false)
            }
            Ok(count) => {
                self.waiting.extend_from_slice(&portion[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}
