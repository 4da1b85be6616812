//! `--exec`: a target that we start ourselves, in a process group of its own that does not outlive us.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::exit::Failure;
use super::leftovers;
use super::usage::Tree;
use crate::campaign::{Process, Restarted};
use crate::session::Usage;
use crate::transport::listens;

/// How long it may take until it accepts, at a time scale of 1.
const READY: Duration = Duration::from_secs(10);
/// How long a restart may fail because the address is still taken (CLO-12), at a time scale of 1.
const RETRIED: Duration = Duration::from_secs(5);
/// Between two looks at a process that starts or ends.
const LOOK: Duration = Duration::from_millis(20);
/// How long it may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// So much of its standard error is kept, in bytes.
const KEPT: usize = 64 * 1024;
/// So many of its last lines are shown.
const SHOWN: usize = 10;

/// A command line in which `{port}` stands for the port to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandLine(Vec<String>);

impl FromStr for CommandLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match shlex::split(text) {
            None => Err("a quote is not closed".into()),
            Some(words) if words.is_empty() => Err("the command is missing, as in 'python3 server.py {port}'".into()),
            Some(words) => Ok(Self(words)),
        }
    }
}

impl CommandLine {
    /// Whether it is told where to listen.
    pub(super) fn takes_port(&self) -> bool {
        self.0.iter().any(|word| word.contains("{port}"))
    }

    /// As one word of a shell's command line.
    pub(super) fn quoted(&self) -> String {
        shlex::try_quote(&self.joined()).map(Into::into).unwrap_or_default()
    }

    /// As a shell would take it.
    pub(super) fn joined(&self) -> String {
        shlex::try_join(self.0.iter().map(String::as_str)).unwrap_or_default()
    }

    fn with_port(&self, port: u16) -> Vec<String> {
        self.0.iter().map(|word| word.replace("{port}", &port.to_string())).collect()
    }
}

/// A loopback address on which nothing listens.
pub(super) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A target that was started here. Ends with its whole process group when it goes out of scope.
#[derive(Debug)]
pub(super) struct Exec {
    words: Vec<String>,
    address: SocketAddr,
    time_scale: f64,
    group: Mutex<Option<Group>>,
    watched: Mutex<Option<Tree>>,
}

impl Exec {
    /// Starts the command and waits until it accepts.
    pub(super) async fn start(line: &CommandLine, address: SocketAddr, time_scale: f64) -> Result<Self, Failure> {
        let exec = Self {
            words: line.with_port(address.port()),
            address,
            time_scale,
            group: Mutex::default(),
            watched: Mutex::default(),
        };
        if accepts(address).await {
            let taken = format!("something else listens at {address} already; end it, or give another TARGET");
            return Err(Failure::Untested(taken));
        }
        exec.launch(Duration::ZERO).await.map_err(Failure::Untested)?;
        Ok(exec)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it again if it has ended between two framings.
    pub(super) async fn ensure(&self) -> Result<(), Failure> {
        if self.ended() { self.restart().await.again.map_err(Failure::Untested) } else { Ok(()) }
    }

    fn running(&self) -> MutexGuard<'_, Option<Group>> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it, again for so long if it ends at once, and waits until it accepts.
    async fn launch(&self, retried: Duration) -> Result<(), String> {
        let (began, name) = (Instant::now(), self.words.join(" "));
        loop {
            let group = Group::start(&self.words).map_err(|error| format!("cannot start `{name}`: {error}"))?;
            *self.running() = Some(group);
            match self.ready().await {
                Ok(()) => return Ok(()),
                Err(Unready::Ended(_)) if began.elapsed() < retried => tokio::time::sleep(LOOK * 10).await,
                Err(why) => {
                    let said = self.stop();
                    return Err(why.told(&name, self.address, &said));
                }
            }
        }
    }

    async fn ready(&self) -> Result<(), Unready> {
        let limit = READY.mul_f64(self.time_scale);
        let began = Instant::now();
        loop {
            let accepts = accepts(self.address).await;
            if let Some(status) = self.running().as_mut().and_then(Group::status) {
                return Err(Unready::Ended(told(status)));
            }
            if accepts {
                return Ok(());
            }
            if began.elapsed() >= limit {
                return Err(Unready::Deaf(limit));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends it. Returns its last lines.
    fn stop(&self) -> Vec<String> {
        let group = self.running().take();
        group.map(Group::end).unwrap_or_default()
    }

    async fn start_again(&self) -> Restarted {
        // A process that closes its sockets may need a moment until it has ended.
        for _ in 0..25 {
            if self.ended() {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let status = self.running().as_mut().and_then(Group::status);
        let how = status.map_or("it no longer answered".into(), told);
        let last_words = self.stop();
        let again = self.launch(RETRIED.mul_f64(self.time_scale)).await;
        Restarted { how, last_words, again }
    }
}

impl Process for Exec {
    fn ended(&self) -> bool {
        self.running().as_mut().is_none_or(|group| group.status().is_some())
    }

    fn restart(&self) -> BoxFuture<'_, Restarted> {
        self.start_again().boxed()
    }

    fn signal(&self) {
        if let Some(group) = self.running().as_ref() {
            _ = kill_process_group(group.id, Signal::WINCH);
            _ = kill_process_group(group.id, Signal::CHILD);
        }
    }

    fn watch(&self) -> Option<Usage> {
        let tree = self.running().as_ref().map(|group| Tree::of(group.id));
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = tree;
        self.usage()
    }

    fn usage(&self) -> Option<Usage> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.usage()
    }
}

/// Why it does not accept.
enum Unready {
    /// It has ended already: how.
    Ended(String),
    /// It did not listen for so long.
    Deaf(Duration),
}

impl Unready {
    fn told(&self, name: &str, address: SocketAddr, said: &[String]) -> String {
        let why = match self {
            Self::Ended(how) => format!("`{name}` ended before it accepted a connection at {address}: {how}"),
            Self::Deaf(limit) => {
                let seconds = limit.as_secs_f64();
                format!(
                    "`{name}` did not accept a connection at {address} within {seconds} s (--time-scale gives it longer)"
                )
            }
        };
        match said {
            [] => why,
            said => format!("{why}\n  its standard error:\n    {}", said.join("\n    ")),
        }
    }
}

/// Whether something accepts connections there. Where the kernel says so, nobody has to connect: that alone ends some
/// servers, and is what a case is about (SES-12).
async fn accepts(address: SocketAddr) -> bool {
    if let Some(listens) = listens(address) {
        return listens;
    }
    let connecting = tokio::net::TcpStream::connect(address);
    tokio::time::timeout(Duration::from_secs(1), connecting).await.is_ok_and(|connected| connected.is_ok())
}

fn told(status: ExitStatus) -> String {
    if let Some(code) = status.code() {
        return format!("exit code {code}");
    }
    let text = status.to_string(); // `signal: 6 (SIGABRT) (core dumped)`
    let name = text.split(['(', ')']).find(|word| word.starts_with("SIG"));
    format!("killed by signal {}", name.unwrap_or(&text))
}

/// A command in a process group of its own.
#[derive(Debug)]
struct Group {
    leader: Child,
    id: Pid,
    status: Option<ExitStatus>,
    said: Arc<Mutex<VecDeque<u8>>>,
    listening: Option<std::thread::JoinHandle<()>>,
}

impl Group {
    fn start(words: &[String]) -> io::Result<Self> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        leftovers::mark(&mut command);
        let mut leader = command.spawn()?;
        let (said, from) = (Arc::default(), leader.stderr.take());
        let kept = Arc::clone(&said);
        let listening = from.map(|from| std::thread::spawn(move || listen(from, &kept)));
        let id = Pid::from_child(&leader);
        Ok(Self { leader, id, status: None, said, listening })
    }

    /// How the leader ended, if it did.
    fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.leader.try_wait().ok().flatten();
        }
        self.status
    }

    /// Ends all of it. Returns the last lines of its standard error.
    fn end(mut self) -> Vec<String> {
        self.finish();
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = said.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        lines[lines.len().saturating_sub(SHOWN)..].to_vec()
    }

    fn finish(&mut self) {
        for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, GRACE)] {
            _ = kill_process_group(self.id, signal);
            if self.is_gone_within(patience) {
                break;
            }
        }
        // Whoever has left the group may still hold the pipe: that is not waited for.
        let began = Instant::now();
        while self.listening.as_ref().is_some_and(|thread| !thread.is_finished()) && began.elapsed() < LOOK * 10 {
            std::thread::sleep(LOOK / 10);
        }
    }

    fn is_gone_within(&mut self, patience: Duration) -> bool {
        let began = Instant::now();
        loop {
            // The leader must be taken note of, or else it stays in the group.
            let ended = self.status().is_some();
            if ended && test_kill_process_group(self.id).is_err() {
                return true;
            }
            if began.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(LOOK / 4);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.status().is_none() || test_kill_process_group(self.id).is_ok() {
            self.finish();
        }
    }
}

/// Keeps the last of what comes.
fn listen(mut from: impl Read, kept: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&buffer[..count]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}
