//! Where a client under test finds its server: a listener, and the moment at which nobody will come any more.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::session::Failure;

/// How long it may take to hear of a connection that stands already.
const QUEUED: Duration = Duration::from_millis(50);

/// A place at which one client connects.
#[derive(Debug)]
pub struct Host {
    listener: TcpListener,
    /// Whether the client has left.
    left: watch::Receiver<bool>,
    /// How long it may take to come.
    patience: Duration,
    /// Accepted already, to see what it sends.
    previewed: Mutex<Option<TcpStream>>,
}

/// How much of a connection is seen beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Preview {
    /// So many bytes.
    pub most: usize,
    /// Each of them is waited for so long.
    pub within: Duration,
}

/// Between two looks at what has come.
const LOOK: Duration = Duration::from_millis(1);

impl Host {
    /// Listens at `address`. `receive_buffer` is `SO_RCVBUF` in bytes, which accepted connections inherit; `left` turns
    /// true when the client is gone.
    pub fn bind(
        address: SocketAddr,
        receive_buffer: Option<u32>,
        left: watch::Receiver<bool>,
        patience: Duration,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes as usize)?; // before listening: the handshake fixes the window's scale
        }
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if address.port() != 0 {
            socket.set_reuse_address(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(16)?;
        Ok(Self { listener: TcpListener::from_std(socket.into())?, left, patience, previewed: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection. A client that leaves without one has refused to come.
    pub(super) async fn accept(&self) -> Result<TcpStream, Failure> {
        if let Some(stream) = self.previewed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(stream);
        }
        tokio::select! {
            biased;
            accepted = self.listener.accept() => accepted.map(|(stream, _)| stream).map_err(|_| Failure::Ours),
            // It may have come and gone: then its connection waits in the backlog.
            () = self.left() => self.waiting(QUEUED).await.ok_or(Failure::Refused),
            () = tokio::time::sleep(self.patience) => Err(Failure::Timeout),
        }
    }

    /// What the next connection begins with, until that is enough. It is not taken: whoever accepts gets the connection, and all of
    /// it.
    pub async fn preview(&self, preview: Preview, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let Ok(stream) = self.accept().await else { return Vec::new() };
        let mut buffer = vec![0; preview.most];
        let (mut seen, mut waited) = (0, Duration::ZERO);
        while waited < preview.within && seen < preview.most && !is_enough(&buffer[..seen]) {
            let looking = tokio::time::timeout(LOOK, stream.peek(&mut buffer)).await;
            let count = match looking {
                Err(_) => seen,
                Ok(Ok(count @ 1..)) => count,
                Ok(_) => break, // it has ended
            };
            if count == seen {
                tokio::time::sleep(LOOK).await;
            }
            waited = if count == seen { waited + 2 * LOOK } else { Duration::ZERO };
            seen = count;
        }
        buffer.truncate(seen);
        *self.previewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        buffer
    }

    /// Until the client has left.
    pub(super) async fn client_left(self: Arc<Self>) {
        self.left().await;
    }

    async fn left(&self) {
        let left = self.left.clone().wait_for(|left| *left).await.map(drop);
        if left.is_err() {
            std::future::pending::<()>().await; // nobody watches it
        }
    }

    /// A connection that waits to be accepted, if there is one within so long.
    pub async fn waiting(&self, within: Duration) -> Option<TcpStream> {
        let accepted = tokio::time::timeout(within, self.listener.accept()).await;
        accepted.ok()?.ok().map(|(stream, _)| stream)
    }
}
