//! A proxy on a port: accepts, connects to the target, and carries what a [`Flow`] lets through, in both directions.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::proxy::{Flow, Parcel, Toxic};

/// What is read at once.
const READ_AT_ONCE: usize = 64 * 1024;

/// How long the two sides may take to end after a connection was closed in the middle.
const GRACE: Duration = Duration::from_secs(2);

/// A connection that waits for nothing is looked at this often.
const IDLE: Duration = Duration::from_secs(3600);

/// What happens on the way, in each direction.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// From the client to the target.
    pub up: Vec<Toxic>,
    /// From the target to the client.
    pub down: Vec<Toxic>,
    /// Everything random follows from it and from the number of the connection.
    pub seed: u64,
}

/// A proxy that listens.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    to: SocketAddr,
    ways: Ways,
}

impl Proxy {
    /// Listens on `address` on behalf of the target at `to`.
    pub async fn bind(address: SocketAddr, to: SocketAddr, ways: Ways) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, to, ways })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Carries until `stop` turns true or its sender is gone; what is on its way then is dropped.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let (mut connections, mut number) = (JoinSet::new(), 0);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((client, _)) => {
                        number += 1;
                        connections.spawn(carry(client, self.to, self.ways.clone(), number));
                    }
                    // Out of descriptors: those who are here must end before others can come.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                },
            }
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Each side was told by FIN.
    Close,
    /// Each side is told by RST.
    Reset,
}

/// Carries one connection to its end. A target that cannot be reached is a reset to the client.
async fn carry(mut client: TcpStream, to: SocketAddr, ways: Ways, number: u64) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut target = match TcpStream::connect(to).await {
        Ok(target) => target,
        Err(error) => {
            reset(&client)?;
            return Err(error);
        }
    };
    target.set_nodelay(true)?;
    let flows = [(&ways.up, true), (&ways.down, false)];
    let flows = flows.map(|(toxics, upstream)| Flow::new(toxics, ways.seed, number, upstream));
    match pass(&mut client, &mut target, flows).await {
        Ending::Close => tokio::join!(part(&mut client), part(&mut target)),
        Ending::Reset => (reset(&client)?, reset(&target)?),
    };
    Ok(())
}

/// Ends a connection with FIN: what still comes is read, since closing would turn unread bytes into RST.
async fn part(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    let drained = async {
        stream.shutdown().await?;
        while stream.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(GRACE, drained).await;
}

/// From now on closing means RST.
fn reset(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

async fn pass(client: &mut TcpStream, target: &mut TcpStream, [up, down]: [Flow; 2]) -> Ending {
    let (from_client, to_client) = client.split();
    let (from_target, to_target) = target.split();
    let start = Instant::now();
    let mut up = Way { from: from_client, to: to_target, flow: up, writing: Bytes::new(), heard: false, ended: false };
    let mut down =
        Way { from: from_target, to: to_client, flow: down, writing: Bytes::new(), heard: false, ended: false };
    let mut buffers = [vec![0; READ_AT_ONCE], vec![0; READ_AT_ONCE]];
    let [up_buffer, down_buffer] = &mut buffers;
    while !(up.ended && down.ended) {
        let step = tokio::select! {
            step = up.step(start, up_buffer) => step,
            step = down.step(start, down_buffer) => step,
        };
        if let Some(ending) = step {
            return ending;
        }
    }
    Ending::Close
}

/// One direction of a connection.
struct Way<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    flow: Flow,
    /// What is being written.
    writing: Bytes,
    /// Nothing more will come.
    heard: bool,
    /// FIN was passed on.
    ended: bool,
}

impl Way<'_> {
    /// Does one thing. Says how the connection ends, if it does. Losing it half-way loses nothing.
    async fn step(&mut self, start: Instant, buffer: &mut [u8]) -> Option<Ending> {
        if self.writing.is_empty() && !self.ended {
            match self.flow.take(start.elapsed()) {
                Some(Parcel::Data(bytes)) => self.writing = bytes,
                Some(Parcel::Fin) => {
                    self.ended = true;
                    return self.to.shutdown().await.err().map(|_| Ending::Reset);
                }
                Some(Parcel::Close) => return Some(Ending::Close),
                Some(Parcel::Reset) => return Some(Ending::Reset),
                None => {}
            }
        }
        let due = self.flow.next().filter(|_| self.writing.is_empty() && !self.ended);
        tokio::select! {
            read = self.from.read(buffer), if !self.heard && self.flow.has_room() => {
                self.heard = !matches!(read, Ok(1..));
                self.flow.put(start.elapsed(), match read {
                    Ok(0) => Parcel::Fin,
                    Ok(len) => Parcel::Data(Bytes::copy_from_slice(&buffer[..len])),
                    Err(_) => Parcel::Reset,
                });
            }
            wrote = self.to.write(&self.writing), if !self.writing.is_empty() => match wrote {
                Ok(len) => self.writing.advance(len),
                Err(_) => return Some(Ending::Reset),
            },
            () = sleep_until(due.map_or_else(|| Instant::now() + IDLE, |due| start + due)) => {}
        }
        None
    }
}
