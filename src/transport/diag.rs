//! What the kernel knows of one TCP socket of this host, by `INET_DIAG` (`sock_diag(7)`; needs no privilege).

use std::io;
use std::net::SocketAddr;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, TCP_LISTEN, TCP_SYN_RECV};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_sys::{Socket, protocols::NETLINK_SOCK_DIAG};

/// Where `tcpi_bytes_received` stands in `struct tcp_info` (`linux/tcp.h`; Linux 4.1 and later).
const BYTES_RECEIVED: usize = 128;

/// An answer about one socket is far smaller (a header and one `tcp_info`).
const ANSWER: usize = 8192;

/// An answer to an earlier question is passed over, so many times at most.
const STALE: usize = 8;

/// A line to the kernel.
#[derive(Debug)]
pub(super) struct Diag {
    socket: Socket,
    questions: u32,
    answer: Vec<u8>,
}

/// What the kernel says of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It stands.
    Socket {
        /// Bytes that came and were not taken by its owner.
        unread: u32,
        /// Bytes that its owner wrote and that were not acknowledged.
        unacked: u32,
        /// Bytes that came in all.
        received: u64,
        /// It has an owner: a connection that waits to be accepted has none.
        owned: bool,
    },
    /// The handshake is not complete on that side.
    Handshake,
    /// With no exact match, one that listens there.
    Listener {
        /// Connections that its owner has not accepted yet.
        waiting: u32,
        /// While there are more of them than this, the kernel lets nobody else in: it drops the SYN.
        backlog: u32,
    },
    /// No such socket on this host (or in this network namespace): never was, or is closed.
    Nothing,
}

impl Diag {
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_SOCK_DIAG)?;
        // The kernel answers before `send` returns; were it ever not so, an error is better than a stop.
        socket.set_non_blocking(true)?;
        Ok(Self { socket, questions: 0, answer: Vec::with_capacity(ANSWER) })
    }

    /// Looks up the one socket that has `local` as its own address and `remote` as its peer's. Two system
    /// calls, some 20 µs.
    pub(super) fn find(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<Found> {
        self.questions = self.questions.wrapping_add(1);
        self.socket.send(&question(self.questions, local, remote), 0)?;
        for _ in 0..STALE {
            self.answer.clear();
            self.socket.recv(&mut self.answer, 0)?;
            let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&self.answer).map_err(io::Error::other)?;
            if answer.header.sequence_number == self.questions {
                return found(answer.payload);
            }
        }
        Err(io::Error::other("no answer to this question"))
    }
}

/// Whether a socket of this host listens at an address; nothing where the kernel does not say. No connection is made, which
/// some servers take amiss.
pub fn listens(address: SocketAddr) -> Option<bool> {
    let found = Diag::open().and_then(|mut diag| diag.find(address, anybody(address))).ok()?;
    Some(matches!(found, Found::Listener { .. }))
}

/// The peer of a socket that listens at an address.
pub(super) fn anybody(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0; 16], 0)),
    }
}

fn question(number: u32, local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let socket_id = SocketId {
        source_port: local.port(),
        destination_port: remote.port(),
        source_address: local.ip(),
        destination_address: remote.ip(),
        // A socket on a link-local address is bound to its interface, and found only by it.
        interface_id: match remote {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(remote) => remote.scope_id(),
        },
        cookie: [0xff; 8], // INET_DIAG_NOCOOKIE
    };
    let request = InetRequest {
        family: if local.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO,
        states: StateFlags::all(),
        socket_id,
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST; // without NLM_F_DUMP: an exact match, one answer
    header.sequence_number = number;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn found(payload: NetlinkPayload<SockDiagMessage>) -> io::Result<Found> {
    match payload {
        NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => Ok(read(&response)),
        NetlinkPayload::Error(error) => match error.to_io() {
            error if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            error => Err(error),
        },
        _ => Err(io::Error::other("an answer of another kind")),
    }
}

fn read(response: &InetResponse) -> Found {
    let header = &response.header;
    match header.state {
        TCP_SYN_RECV => return Found::Handshake,
        TCP_LISTEN => return Found::Listener { waiting: header.recv_queue, backlog: header.send_queue },
        _ => {}
    }
    // A socket in TIME_WAIT, whose owner is gone, has no `tcp_info`.
    let info = response.nlas.iter().find_map(|nla| match nla {
        Nla::TcpInfo(info) => info.get(BYTES_RECEIVED..)?.first_chunk(),
        _ => None,
    });
    match info {
        Some(received) => Found::Socket {
            unread: header.recv_queue,
            unacked: header.send_queue,
            received: u64::from_ne_bytes(*received),
            owned: header.inode != 0,
        },
        None => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_full_queue_of_a_listener_is_seen() {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(1).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut diag = Diag::open().unwrap();
        let mut queue = || diag.find(address, anybody(address)).unwrap();
        assert_eq!(queue(), Found::Listener { waiting: 0, backlog: 1 });
        let clients = [(); 2].map(|()| std::net::TcpStream::connect(address).unwrap());
        assert_eq!(queue(), Found::Listener { waiting: 2, backlog: 1 });
        drop((clients, listener.accept().unwrap()));
        assert_eq!(queue(), Found::Listener { waiting: 1, backlog: 1 });
    }

    #[test]
    fn a_listener_is_seen_without_a_connection() {
        for (bound, asked) in
            [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "127.0.0.1"), ("[::1]:0", "::1")]
        {
            let listener = TcpListener::bind(bound).unwrap();
            let address = SocketAddr::new(asked.parse().unwrap(), listener.local_addr().unwrap().port());
            assert_eq!(listens(address), Some(true), "{bound}");
            listener.set_nonblocking(true).unwrap();
            assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
            drop(listener);
            assert_eq!(listens(address), Some(false), "{bound}");
        }
    }
}
