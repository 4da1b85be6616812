//! Starts a client once a script, and accepts its connection.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;
use tokio::sync::watch;

use super::process::Process;
use super::{ClientCommand, Stdin, hex};
use crate::framing::Framing;
use crate::profile::Told;
use crate::session::{Conn, Departure, Errand, Event, Failure as Refusal, Host as Place, Record, Script, Step, Trace};
use crate::transport::{Host, Tcp, Transport};

/// How long a client may take to connect, at a time scale of 1.
const COMES_WITHIN: Duration = Duration::from_secs(10);

/// Each mebibyte of its message may take it so long more to hear, before it connects.
const HEARS: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0 * 1024.0;

/// A second connection is looked for so long.
const AGAIN: Duration = Duration::from_millis(2);

/// A client that has connected a second time may take so long to leave.
const PARTING: Duration = Duration::from_millis(300);

/// Starts the client once a script, and accepts its connection.
#[derive(Debug)]
pub(in crate::cli) struct Launcher<'a> {
    command: &'a ClientCommand,
    framing: &'a Framing,
    time_scale: f64,
    /// Why it could not be started, if so.
    unstarted: Mutex<Option<String>>,
}

impl<'a> Launcher<'a> {
    pub(in crate::cli) fn new(command: &'a ClientCommand, framing: &'a Framing, time_scale: f64) -> Self {
        Self { command, framing, time_scale, unstarted: Mutex::default() }
    }

    /// Why the client could not be started, if so.
    pub(in crate::cli) fn unstarted(&self) -> Option<String> {
        self.unstarted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A listener where the errand has one, and where the client is sent.
    fn listen(&self, script: &Script, errand: &Errand, left: watch::Receiver<bool>) -> std::io::Result<Server> {
        let told = HEARS.mul_f64(errand.message.len() as f64 / MIB);
        let patience = (COMES_WITHIN + told).mul_f64(self.time_scale.max(1.0));
        let receive_buffer = script.steps.iter().find_map(|step| match step {
            Step::Connect { receive_buffer, .. } => *receive_buffer,
            _ => None,
        });
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        match errand.host {
            Place::Listening => {
                let host = Host::bind(any, receive_buffer, left, patience)?;
                let port = host.address()?.port();
                Ok(Server { host: Some(Arc::new(host)), _reserved: None, name: any.ip().to_string(), port })
            }
            Place::Refusing => {
                let reserved = reserve(any)?;
                let port = reserved.local_addr()?.as_socket().map_or(0, |address| address.port());
                Ok(Server { host: None, _reserved: Some(reserved), name: any.ip().to_string(), port })
            }
            Place::SecondFamily => {
                has_two_families()?;
                let reserved = reserve(any)?;
                let port = reserved.local_addr()?.as_socket().map_or(0, |address| address.port());
                let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
                let host = Some(Arc::new(Host::bind(address, receive_buffer, left, patience)?));
                Ok(Server { host, _reserved: Some(reserved), name: LOCAL_NAME.into(), port })
            }
        }
    }

    fn start(&self, server: &Server, errand: &Errand) -> Result<Process, String> {
        let command = self.command;
        let written = |error: std::io::Error| format!("the message cannot be written to a file: {error}");
        let file = command.holds("{message-file}").then(|| file_of(&errand.message)).transpose().map_err(written)?;
        let words = command.words(&server.name, server.port, &errand.message, file.as_ref());
        let mut environment = vec![("ECHOSPEC_HOST", server.name.clone()), ("ECHOSPEC_PORT", server.port.to_string())];
        if Told::Hex.objection(&errand.message).is_none() {
            environment.push(("ECHOSPEC_MESSAGE_HEX", hex(&errand.message)));
        }
        if let (None, Ok(text)) = (Told::Text.objection(&errand.message), std::str::from_utf8(&errand.message)) {
            environment.push(("ECHOSPEC_MESSAGE", text.to_owned()));
        }
        let named = ["{message-file}", "{message-hex}", "{message}"].iter().any(|what| command.holds(what));
        let input = match command.stdin {
            Stdin::Message if named => Vec::new(),
            Stdin::Nothing => Vec::new(),
            Stdin::Message => errand.message.to_vec(),
            Stdin::Frame => {
                let mut frame = Vec::new();
                let encoded = self.framing.encode_unlimited(&errand.message, &mut frame);
                encoded.map_or_else(|_| errand.message.to_vec(), |()| frame)
            }
        };
        Process::start(&words, environment, input, command.output.most(errand.message.len()), file)
            .map_err(|error| format!("cannot start `{}`: {error}", words.join(" ")))
    }
}

/// Where a client is sent.
struct Server {
    /// `None`: nobody listens.
    host: Option<Arc<Host>>,
    /// Keeps the port from others, and refuses whoever connects to it.
    _reserved: Option<socket2::Socket>,
    name: String,
    port: u16,
}

/// A name that has an address of either family.
const LOCAL_NAME: &str = "localhost";

/// Whether the name of this machine has an address of either family.
pub(in crate::cli) fn has_two_families() -> std::io::Result<()> {
    let addresses: Vec<_> = (LOCAL_NAME, 1).to_socket_addrs()?.collect();
    let both = addresses.iter().any(SocketAddr::is_ipv4) && addresses.iter().any(SocketAddr::is_ipv6);
    if both { Ok(()) } else { Err(std::io::Error::other("localhost has one address only")) }
}

/// Binds without listening: whoever connects is refused.
fn reserve(address: SocketAddr) -> std::io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn file_of(message: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::with_prefix("echospec-message-")?;
    file.write_all(message)?;
    Ok(file)
}

/// Nothing could be played: the fault is ours.
fn unplayed() -> Trace {
    let record = Record { at: Duration::ZERO, conn: Conn(0), event: Event::ConnectFailed(Refusal::Ours) };
    Trace { records: vec![record] }
}

impl Transport for Launcher<'_> {
    async fn run(&self, script: Script) -> Trace {
        let Some(errand) = script.errand.clone() else { return unplayed() };
        let (leaving, left) = watch::channel(false);
        let Ok(server) = self.listen(&script, &errand, left) else { return unplayed() };
        let (began, left_at) = (Instant::now(), OnceLock::new());
        let mut process = match self.start(&server, &errand) {
            Ok(process) => process,
            Err(why) => {
                *self.unstarted.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                return unplayed();
            }
        };
        let session = async {
            match &server.host {
                Some(host) => Tcp::from_client(Arc::clone(host)).play(script).await,
                None => Default::default(),
            }
        };
        let watched = async {
            process.watch_until_left().await;
            let _ = left_at.set(began.elapsed()); // it leaves once
            let _ = leaving.send(true); // nobody may be there any more to hear it
        };
        let second = AtomicBool::new(false);
        let again = async {
            match &server.host {
                Some(host) if host.waiting(errand.leaves_within).await.is_some() => {
                    second.store(true, Ordering::Relaxed);
                    tokio::time::sleep(PARTING).await;
                }
                _ => std::future::pending().await,
            }
        };
        let (mut trace, held) = both(session, watched, again, errand.leaves_within).await;
        let at = left_at.get().copied().unwrap_or_else(|| began.elapsed().max(trace.duration()));
        let came = trace.records.iter().any(|record| record.event == Event::Connected);
        let mut add = |event| trace.insert(Record { at, conn: Conn(0), event });
        let is_second = match &server.host {
            Some(host) => second.into_inner() || host.waiting(AGAIN).await.is_some(),
            None => false,
        };
        // One that was too slow has come for the first time.
        if is_second && came {
            add(Event::Again);
        }
        let ended = process.end().await;
        if let Some(output) = ended.output.filter(|_| self.command.prints()) {
            add(Event::Output(self.command.printed(output).into()));
        }
        if !ended.errors.is_empty() {
            add(Event::Errors(ended.errors.into()));
        }
        add(Event::Left(Departure {
            how: self.command.status(ended.how),
            memory: ended.memory,
            space: ended.space,
            cpu: ended.cpu,
            held: Some(held.as_millis() as u64).filter(|millis| *millis > 0),
        }));
        trace
    }
}

/// The session to its end, and then the process, for so long at most, and not beyond what ends the wait for it.
async fn both<T>(
    session: impl Future<Output = T>,
    process: impl Future<Output = ()>,
    enough: impl Future<Output = ()>,
    grace: Duration,
) -> T {
    let (mut session, mut process) = (std::pin::pin!(session), std::pin::pin!(process));
    tokio::select! {
        played = &mut session => {
            let gone = async {
                tokio::select! { () = process => {} () = enough => {} }
            };
            let _ = tokio::time::timeout(grace, gone).await; // one that is still there is ended
            played
        }
        () = &mut process => session.await,
    }
}
