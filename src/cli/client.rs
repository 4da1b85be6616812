//! A client under test: how it is started, told its message, and seen to leave.

mod options;
mod placeholders;
mod process;

use std::borrow::Cow;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tempfile::NamedTempFile;
use tokio::sync::watch;

use super::exit::Failure;
use crate::campaign::Introduction;
use crate::framing::Framing;
use crate::profile::Told;
use crate::session::{
    Conn, Departure, Errand, Event, Exit, Failure as Refusal, Host as Place, Record, Script, Step, Trace,
};
use crate::transport::{Host, Tcp, Transport};
pub(super) use options::Options;
use process::{Left, Process};

/// How long a client may take to connect, at a time scale of 1.
const COMES_WITHIN: Duration = Duration::from_secs(10);

/// A second connection is looked for so long.
const AGAIN: Duration = Duration::from_millis(2);

/// A client that has connected a second time may take so long to leave.
const PARTING: Duration = Duration::from_millis(300);

/// A client that somebody starts by hand may take so long to come, at a time scale of 1.
const VISITS_WITHIN: Duration = Duration::from_secs(60);

/// What is written to the client's standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Stdin {
    /// the message
    Message,
    /// the message in its frame
    Frame,
    /// nothing: it is empty
    Nothing,
}

/// How the reply stands on the client's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// as it is
    Raw,
    /// in hexadecimal digits
    Hex,
    /// not at all
    #[value(skip)]
    None,
}

/// So much of the standard output is kept in any case, in bytes.
const KEPT: usize = 64 * 1024;

impl Output {
    /// How many bytes of it can belong to a reply of so many. Digits may have white space between them, some of it in
    /// columns.
    fn most(self, reply: usize) -> usize {
        KEPT + reply * if self == Self::Hex { 8 } else { 2 }
    }
}

/// How to start a client.
#[derive(Clone, Debug)]
pub(super) struct ClientCommand {
    words: Vec<String>,
    stdin: Stdin,
    output: Output,
    ok: Vec<i32>,
    error: Vec<i32>,
}

impl ClientCommand {
    /// Refuses a command that cannot find its server, or that holds a placeholder that there is not.
    pub(super) fn new(
        words: Vec<String>,
        stdin: Stdin,
        output: Output,
        ok: Vec<i32>,
        error: Vec<i32>,
    ) -> Result<Self, Failure> {
        if let Some(name) = words.iter().find_map(|word| placeholders::unknown(word)) {
            return Err(Failure::usage(placeholders::complaint(name)));
        }
        let command = Self { words, stdin, output, ok, error };
        match command.words.first() {
            None => Err(Failure::usage("the command of the client is missing behind `--`")),
            Some(_) if !command.finds_server() => Err(Failure::usage(NO_PORT)),
            Some(_) => Ok(command),
        }
    }

    /// One that reads nothing from its standard input may read all from its environment.
    fn finds_server(&self) -> bool {
        self.stdin == Stdin::Nothing || self.holds("{port}") || self.holds("ECHOSPEC_PORT")
    }

    fn holds(&self, what: &str) -> bool {
        self.words.iter().any(|word| word.contains(what))
    }

    /// What it can be told.
    pub(super) fn told(&self) -> Told {
        match () {
            () if self.holds("{message-file}") => Told::Bytes,
            () if self.holds("{message-hex}") => Told::Hex,
            () if self.holds("{message}") => Told::Text,
            () if self.holds("ECHOSPEC_MESSAGE_HEX") => Told::Hex,
            () if self.holds("ECHOSPEC_MESSAGE") => Told::Text,
            () if self.stdin == Stdin::Nothing => Told::Environment,
            () => Told::Bytes,
        }
    }

    /// Whether its standard output is looked at.
    pub(super) fn prints(&self) -> bool {
        self.output != Output::None
    }

    /// What is known of it before it is measured.
    pub(super) fn introduction(&self) -> Introduction {
        let two_addresses = has_two_families().is_ok();
        Introduction { told: self.told(), prints: self.prints(), two_addresses }
    }

    /// As it would be typed behind `--`.
    pub(super) fn quoted(&self) -> String {
        shlex::try_join(self.words.iter().map(String::as_str)).unwrap_or_default()
    }

    /// The options that belong to it, as they would be typed.
    pub(super) fn options(&self) -> String {
        let list = |codes: &[i32]| codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut options = String::new();
        match self.stdin {
            Stdin::Message => {}
            Stdin::Frame => options.push_str(" --stdin frame"),
            Stdin::Nothing => options.push_str(" --stdin nothing"),
        }
        match self.output {
            Output::Raw => {}
            Output::Hex => options.push_str(" --output hex"),
            Output::None => options.push_str(" --no-output"),
        }
        if self.ok != [0] {
            options.extend([" --exit-ok ", &list(&self.ok)]);
        }
        if self.error.len() < 200 {
            options.extend([" --exit-error ", &list(&self.error)]);
        }
        options
    }

    fn words(&self, host: &str, port: u16, message: &[u8], file: Option<&NamedTempFile>) -> Vec<String> {
        let path = file.map(|file| file.path().display().to_string()).unwrap_or_default();
        let value = |name: &str| match name {
            "host" => Some(Cow::Borrowed(host)),
            "port" => Some(port.to_string().into()),
            "message" => Some(String::from_utf8_lossy(message)),
            "message-hex" => Some(hex(message).into()),
            "message-file" => Some(path.as_str().into()),
            _ => None,
        };
        self.words.iter().map(|word| placeholders::filled(word, value)).collect()
    }

    fn status(&self, left: Left) -> Exit {
        match left {
            Left::Code(code) if self.ok.contains(&code) => Exit::Success(code),
            Left::Code(code) if self.error.contains(&code) => Exit::Failure(code),
            Left::Code(code) => Exit::Unknown(code),
            Left::Signal(number) => Exit::Signal(number),
            Left::Ended => Exit::Ended,
        }
    }

    fn printed(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.output == Output::Hex { unhex(&bytes).unwrap_or(bytes) } else { bytes }
    }
}

const NO_PORT: &str = "\
nothing says how the client finds its server: write {port} in its command, and {host} where it takes a host

  for example  -- ./my-client {host} {port}
  or           --stdin nothing -- ./my-client
               for one that reads ECHOSPEC_HOST, ECHOSPEC_PORT and ECHOSPEC_MESSAGE_HEX from its environment";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('?'));
        }
        text
    })
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Starts the client once a script, and accepts its connection.
#[derive(Debug)]
pub(super) struct Launcher<'a> {
    command: &'a ClientCommand,
    framing: &'a Framing,
    time_scale: f64,
    /// Why it could not be started, if so.
    unstarted: Mutex<Option<String>>,
}

impl<'a> Launcher<'a> {
    pub(super) fn new(command: &'a ClientCommand, framing: &'a Framing, time_scale: f64) -> Self {
        Self { command, framing, time_scale, unstarted: Mutex::default() }
    }

    /// Why the client could not be started, if so.
    pub(super) fn unstarted(&self) -> Option<String> {
        self.unstarted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A listener where the errand has one, and where the client is sent.
    fn listen(&self, script: &Script, errand: &Errand, left: watch::Receiver<bool>) -> std::io::Result<Server> {
        let patience = COMES_WITHIN.mul_f64(self.time_scale.max(1.0));
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
pub(super) fn has_two_families() -> std::io::Result<()> {
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

/// Accepts clients that somebody else starts, one after another.
#[derive(Debug)]
pub(super) struct Visitors {
    host: Arc<Host>,
    _never: watch::Sender<bool>,
}

impl Visitors {
    pub(super) fn bind(address: SocketAddr, time_scale: f64) -> std::io::Result<Self> {
        let (never, left) = watch::channel(false);
        let host = Arc::new(Host::bind(address, None, left, VISITS_WITHIN.mul_f64(time_scale))?);
        Ok(Self { host, _never: never })
    }

    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.host.address()
    }
}

impl Transport for Visitors {
    async fn run(&self, script: Script) -> Trace {
        let (mut trace, held) = Tcp::from_client(Arc::clone(&self.host)).play(script).await;
        let left = Departure { held: Some(held.as_millis() as u64), ..Departure::of(Exit::Unseen) };
        trace.records.push(Record { at: trace.duration(), conn: Conn(0), event: Event::Left(left) });
        trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], stdin: Stdin) -> ClientCommand {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        ClientCommand::new(words, stdin, Output::Raw, vec![0], vec![1]).unwrap()
    }

    #[test]
    fn what_a_message_holds_is_not_filled_in_again() {
        let command = command(&["client", "--to={host}:{port}", "{message}", "{a b}", "{message-hex}"], Stdin::Message);
        let words = command.words("::1", 7, b"{port}", None);
        assert_eq!(words, ["client", "--to=::1:7", "{port}", "{a b}", "7b706f72747d"]);
    }

    #[test]
    fn what_a_client_can_be_told_follows_from_its_command() {
        for (word, told) in [("{message}", Told::Text), ("{message-hex}", Told::Hex), ("{message-file}", Told::Bytes)] {
            assert_eq!(command(&["client", "{port}", word], Stdin::Message).told(), told);
        }
        assert_eq!(command(&["client", "{port}"], Stdin::Message).told(), Told::Bytes);
        assert_eq!(command(&["client"], Stdin::Nothing).told(), Told::Environment);
        let script = |script| command(&["sh", "-c", script, "{port}"], Stdin::Nothing).told();
        assert_eq!(script("client $ECHOSPEC_PORT $ECHOSPEC_MESSAGE"), Told::Text);
        assert_eq!(script("client ${ECHOSPEC_MESSAGE:-$ECHOSPEC_MESSAGE_HEX}"), Told::Hex);
        assert!(Told::Text.objection(b"a\0b").is_some() && Told::Hex.objection(b"a\0b").is_none());
    }

    #[test]
    fn a_status_in_neither_list_says_nothing() {
        let command = command(&["client", "{port}"], Stdin::Message);
        let exits = [0, 1, 2].map(|code| command.status(Left::Code(code)));
        assert_eq!(exits, [Exit::Success(0), Exit::Failure(1), Exit::Unknown(2)]);
    }

    #[test]
    fn hexadecimal_output_is_read_and_other_output_is_left() {
        assert_eq!(unhex(b"68 65\n6C"), Some(b"hel".to_vec()));
        assert_eq!((unhex(b"6"), unhex(b"xy")), (None, None));
        let columns = b"0000  6 8\n".repeat(1 << 17); // eight bytes a byte
        assert!(Output::Hex.most(1 << 17) >= columns.len() - 2 * (1 << 17) && Output::Raw.most(1 << 17) < 1 << 19);
        assert_eq!(hex(b"\x00\xfe"), "00fe");
    }
}
