//! One TCP connection, non-blocking: what the socket does, in the words of the session.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::gate::Watch;
use super::host::Host;
use crate::session::{Conn, Failure, Input, Outgoing};

/// How long a handshake may take before the target counts as silent.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);

/// At most so many bytes are written in one go, so that reading gets its turn.
const WRITE_AT_ONCE: usize = 256 * 1024;

/// Connecting goes on (`asm-generic/errno.h`); the standard library has no stable name for it.
const EINPROGRESS: i32 = 115;

/// An open connection.
#[derive(Debug)]
pub(super) struct Line {
    conn: Conn,
    stream: TcpStream,
    pub(super) watch: Watch,
    /// Bytes written since the connection stands.
    pub(super) written: u64,
    corked: bool,
    /// Bytes have come since something was last sent: the kernel may keep the acknowledgement back for 40 ms.
    owes_ack: bool,
    /// Connecting or writing has met the target's RST, and the kernel tells it only once.
    reset: bool,
    trickle: Trickle,
}

/// Replies that come in crumbs: being woken for each of them would cost us, and the target that has to wake us, far more than
/// the bytes do.
#[derive(Debug, Default)]
struct Trickle {
    /// So many in a row.
    crumbs: u32,
    /// Until then more of them gather.
    gathers: Option<Duration>,
}

impl Trickle {
    /// No more bytes than this are a crumb.
    const CRUMB: usize = 64;
    /// So many without anything sent between them are a trickle.
    const MANY: u32 = 256;
    /// So long they may gather: the least that a timer can wait for.
    const GATHERING: Duration = Duration::from_millis(1);

    fn came(&mut self, bytes: usize, now: Duration) {
        // What gathered is no crumb, but neither is it the end of the trickle.
        if bytes > Self::CRUMB && self.gathers.is_none() {
            self.crumbs = 0;
        } else {
            self.crumbs = self.crumbs.saturating_add(1);
        }
        self.gathers = (self.crumbs >= Self::MANY).then_some(now + Self::GATHERING);
    }
}

/// Whether a target can be connected to; the connection is closed again.
pub async fn reach(address: SocketAddr) -> Result<(), Failure> {
    open(Conn(0), address, None).await.map(drop)
}

/// Opens a connection with `TCP_NODELAY`; `receive_buffer` is `SO_RCVBUF` in bytes, which the kernel doubles.
pub(super) async fn open(conn: Conn, address: SocketAddr, receive_buffer: Option<u32>) -> Result<Line, Failure> {
    let connecting = connect(conn, address, receive_buffer);
    match tokio::time::timeout(HANDSHAKE, connecting).await {
        Ok(Ok(line)) if line.is_itself() => Err(Failure::Refused),
        Ok(connected) => connected.map_err(|error| failure(&error)),
        Err(_) => Err(Failure::Timeout),
    }
}

/// Accepts the connection that a client makes.
pub(super) async fn accept(conn: Conn, host: Arc<Host>) -> Result<Line, Failure> {
    let stream = host.accept().await?;
    let told = |error: io::Error| failure(&error);
    stream.set_nodelay(true).map_err(told)?;
    let (ours, theirs) = (stream.local_addr().map_err(told)?, stream.peer_addr().map_err(told)?);
    Ok(Line {
        conn,
        stream,
        watch: Watch::new(ours, theirs),
        written: 0,
        corked: false,
        owes_ack: false,
        reset: false,
        trickle: Trickle::default(),
    })
}

/// Not by `TcpStream::connect`, which drops the socket, with all that was sent to it, when a target resets at once.
async fn connect(conn: Conn, address: SocketAddr, receive_buffer: Option<u32>) -> io::Result<Line> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes as usize)?; // before connecting: the handshake fixes the window's scale
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => return Err(error),
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    let reset = match stream.take_error()? {
        // Before the handshake is complete, RST means "refused": this one came after it.
        Some(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => true,
        Some(error) => return Err(error),
        None => false,
    };
    let ours = stream.local_addr()?;
    Ok(Line {
        conn,
        stream,
        watch: Watch::new(ours, address),
        written: 0,
        corked: false,
        owes_ack: false,
        reset,
        trickle: Trickle::default(),
    })
}

impl Line {
    /// Connecting to a free port of this host may, by chance, draw that very port as our own: then the two ends are one
    /// socket (simultaneous open, RFC 9293 3.5), which would echo perfectly. Nobody listens there.
    fn is_itself(&self) -> bool {
        let [ours, asked_for] = [self.watch.ours(), self.watch.theirs()];
        ours.port() == asked_for.port() && self.stream.peer_addr().is_ok_and(|theirs| ours == theirs)
    }

    /// Until when what comes in crumbs is left to gather.
    pub(super) fn gathers(&self) -> Option<Duration> {
        self.trickle.gathers
    }

    /// Reads once, into `buffer`.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, buffer: &mut [MaybeUninit<u8>], now: Duration) -> Poll<Input> {
        let mut buffer = ReadBuf::uninit(buffer);
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) if !buffer.filled().is_empty() => {
                self.owes_ack = true;
                self.watch.hear();
                self.trickle.came(buffer.filled().len(), now);
                Input::Received(self.conn, Bytes::copy_from_slice(buffer.filled()))
            }
            Ok(()) if !self.reset => Input::Fin(self.conn),
            Ok(()) | Err(_) => Input::Reset(self.conn),
        })
    }

    /// Writes once.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, outgoing: &Outgoing) -> Poll<Input> {
        if outgoing.hold && !self.corked {
            // The FIN shares a packet with the last byte only if that waits for it. Without a cork it goes alone: no error.
            self.corked = SockRef::from(&self.stream).set_tcp_cork(true).is_ok();
        }
        let bytes = &outgoing.bytes[..outgoing.bytes.len().min(WRITE_AT_ONCE)];
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_write(cx, bytes)) {
            Ok(len) => {
                self.written += len as u64;
                self.owes_ack = false;
                self.trickle = Trickle::default();
                Input::Wrote(self.conn, len)
            }
            Err(error) => {
                self.reset |= error.kind() == ErrorKind::ConnectionReset;
                Input::WriteFailed(self.conn, failure(&error))
            }
        })
    }

    /// Acknowledges what has come. A target that writes its replies in pieces, and has not turned Nagle's algorithm off,
    /// sends the next piece only then.
    pub(super) fn acknowledge(&mut self) {
        if std::mem::take(&mut self.owes_ack) {
            let _ = self.stream.set_quickack(true); // where it cannot be had, the kernel does it later
        }
    }

    /// Sends FIN. Fails only on a connection that is dead already, which reading tells.
    pub(super) fn shutdown(&self) {
        let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
    }

    /// Sends a byte of urgent data, if there is room for it.
    pub(super) fn urgent(&self) {
        let _ = SockRef::from(&self.stream).send_out_of_band(b"!");
    }

    /// Closes with RST.
    pub(super) fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// What an error of a socket says of the target; [`Failure::Ours`] where it says nothing.
pub(super) fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Failure::Reset,
        ErrorKind::BrokenPipe | ErrorKind::NotConnected => Failure::Broken,
        ErrorKind::TimedOut => Failure::Timeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::PermissionDenied => {
            Failure::Unreachable
        }
        _ => Failure::Ours, // EMFILE, ENFILE, ENOBUFS, EADDRNOTAVAIL, no such address family
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_met_itself_is_known() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let stream = socket.connect(address).await.unwrap();
        let watch = Watch::new(address, address);
        assert!(
            Line {
                conn: Conn(0),
                stream,
                watch,
                written: 0,
                corked: false,
                owes_ack: false,
                reset: false,
                trickle: Trickle::default()
            }
            .is_itself()
        );
    }

    #[test]
    fn crumbs_gather_once_there_are_many_of_them_until_something_larger_comes() {
        let (mut trickle, now) = (Trickle::default(), Duration::from_secs(1));
        for _ in 1..Trickle::MANY {
            trickle.came(1, now);
            assert_eq!(trickle.gathers, None);
        }
        trickle.came(1, now);
        assert_eq!(trickle.gathers, Some(now + Trickle::GATHERING));
        trickle.came(1000, now * 2); // crumbs that have gathered
        assert_eq!(trickle.gathers, Some(now * 2 + Trickle::GATHERING));
        let mut trickle = Trickle { crumbs: Trickle::MANY - 1, gathers: None };
        trickle.came(1000, now);
        trickle.came(1, now);
        assert_eq!(trickle.gathers, None);
    }

    #[test]
    fn errors_of_our_own_are_not_the_targets() {
        let those = [
            ("EMFILE", 24, Failure::Ours),
            ("ENFILE", 23, Failure::Ours),
            ("EADDRNOTAVAIL", 99, Failure::Ours),
            ("ENOBUFS", 105, Failure::Ours),
            ("ECONNREFUSED", 111, Failure::Refused),
            ("ECONNRESET", 104, Failure::Reset),
            ("EPIPE", 32, Failure::Broken),
            ("EHOSTUNREACH", 113, Failure::Unreachable),
            ("ENETUNREACH", 101, Failure::Unreachable),
            ("ETIMEDOUT", 110, Failure::Timeout),
        ];
        for (name, code, why) in those {
            assert_eq!(failure(&io::Error::from_raw_os_error(code)), why, "{name}");
        }
    }
}
