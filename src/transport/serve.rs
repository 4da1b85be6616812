//! The reference server on a port: accepts, and drives a [`Connection`] for each client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::peer::fault::Machine;
use crate::peer::{Connection, Ending, Endpoint, Service, Settings};

/// What is read from a client at once.
const READ_AT_ONCE: usize = 64 * 1024;

/// How often a server with a fault looks whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// A connection that waits for nothing is looked at this often.
const IDLE: Duration = Duration::from_secs(3600);

/// How long connections may take to end after the server was told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    service: Service,
    connections: Arc<Semaphore>,
}

impl Server {
    /// Listens on `address` for at most `connections` clients at once; further ones wait in the backlog.
    pub fn bind(address: SocketAddr, settings: Settings, connections: usize) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM.nonblocking(),
            Some(socket2::Protocol::TCP),
        )?;
        let service = Service::new(settings);
        // A server that is started again at once must get its port back.
        socket.set_reuse_address(service.machine() != Some(Machine::AddressKept))?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        let listener = TcpListener::from_std(socket.into())?;
        let connections = service.capacity().unwrap_or(connections).min(Semaphore::MAX_PERMITS);
        Ok(Self { listener, service, connections: Arc::new(Semaphore::new(connections)) })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` turns true or its sender is gone; then lets connections end for a moment. A server that dies
    /// of its fault takes its connections with it, and returns.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let (mut clients, started) = (JoinSet::new(), Instant::now());
        let mut look = tokio::time::interval(LOOK);
        let ends = self.service.machine() == Some(Machine::SignalsEnd);
        let mut signals = ends.then(|| signal(SignalKind::window_change()).ok()).flatten();
        while !self.service.is_gone() {
            tokio::select! {
                biased;
                () = told(&mut stop) => break,
                Some(_) = clients.join_next(), if !clients.is_empty() => {}
                () = heard(signals.as_mut()) => clients.abort_all(),
                _ = look.tick(), if self.service.fault().is_some() => {}
                accepted = self.accept(), if self.service.accepts() => match accepted {
                    Ok((stream, permit)) => {
                        let connection = self.service.accept(started.elapsed());
                        clients.spawn(async move {
                            // Whatever ends a connection ends it alone.
                            let _ = drive(stream, connection, started).await;
                            drop(permit);
                        });
                    }
                    // Out of descriptors: those who are here must end before others can come.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                },
            }
        }
        drop(self.listener);
        if self.service.is_gone() {
            clients.abort_all();
        }
        let _ = tokio::time::timeout(GRACE, async { while clients.join_next().await.is_some() {} }).await;
    }

    async fn accept(&self) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.connections).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, permit))
    }
}

/// Until one of these signals comes.
async fn heard(signals: Option<&mut Signal>) {
    match signals {
        Some(signals) => _ = signals.recv().await,
        None => std::future::pending().await,
    }
}

/// Until `stop` turns true or its sender is gone.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, which tells as much.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves one client to its end.
async fn drive(mut stream: TcpStream, mut connection: Connection, start: Instant) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if carry(&mut stream, &mut connection, start).await? == Ending::Reset {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    }
    Ok(())
}

/// Carries bytes and time between a socket and one end of a connection, both directions at once; `start` is time zero.
pub(super) async fn carry(
    stream: &mut TcpStream,
    connection: &mut impl Endpoint,
    start: Instant,
) -> io::Result<Ending> {
    let stream = &*stream; // several things are waited for on it at once
    let mut buffer = vec![0; READ_AT_ONCE];
    let mut ended = false;
    loop {
        match connection.ending() {
            Some(Ending::Fin) => {
                socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write)?;
                connection.sent_fin(start.elapsed());
                continue;
            }
            Some(ending) => return Ok(ending),
            None => {}
        }
        let deadline = connection.deadline().unwrap_or(start.elapsed() + IDLE);
        tokio::select! {
            read = read(stream, &mut buffer), if connection.reads() && !ended => match read {
                Ok(0) => {
                    ended = true;
                    connection.received_fin(start.elapsed());
                }
                Ok(len) => connection.received(start.elapsed(), &buffer[..len]),
                Err(error) => {
                    connection.lost(start.elapsed());
                    return Err(error);
                }
            },
            wrote = write(stream, connection.outgoing()), if !connection.outgoing().is_empty() => {
                match wrote {
                    Ok(len) => connection.wrote(start.elapsed(), len),
                    Err(error) => {
                        connection.lost(start.elapsed());
                        return Err(error);
                    }
                }
            }
            _ = stream.ready(Interest::PRIORITY), if connection.heeds_urgent() => connection.urgent(start.elapsed()),
            () = tokio::task::yield_now(), if connection.spins() => connection.tick(start.elapsed()),
            () = sleep_until(start + deadline) => connection.tick(start.elapsed()),
        }
    }
}

async fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    stream.async_io(Interest::READABLE, || stream.try_read(buffer)).await
}

async fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    stream.async_io(Interest::WRITABLE, || stream.try_write(bytes)).await
}
