//! The target `live`: the input of `session`, played over TCP.

use std::env::{self, VarError};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::LazyLock;
use std::time::Duration;

use thiserror::Error;

use super::account::Trust;
use super::cursor::Code;
use super::plan::Plan;
use super::session::contradicts_itself;
use super::shrinking::shrunk;
use super::staging::script;
use super::telling::scenario_of;
use crate::framing::Framing;
use crate::oracle::{Judgement, judge};
use crate::peer::Settings;
use crate::profile::Tempo;
use crate::transport::{Tcp, Transport};

/// The environment variable that names the server: `PORT` or `HOST:PORT`.
const TARGET: &str = "ECHOSPEC_TARGET";
/// The environment variable that names its framing.
const FRAMING: &str = "ECHOSPEC_FRAMING";

/// What rests on time alone must happen so often more, with this many times the time.
const CONFIRMATIONS: usize = 2;
const MORE_TIME: f64 = 4.0;

/// How long to wait the first time.
const QUICK: Tempo = Tempo { reply: Duration::from_secs(1), quiet: Duration::from_millis(10), ..Tempo::PATIENT };

/// A failure is shrunk in so many sessions.
const SHRINKING: usize = 300;

/// A server to play with, and how it frames messages.
#[derive(Debug)]
pub struct Live {
    tcp: Tcp,
    settings: Settings,
    runtime: tokio::runtime::Runtime,
}

/// Why nothing can be played.
#[derive(Debug, Error)]
pub enum LiveError {
    /// A variable is missing or not text.
    #[error("{0} must be set: ECHOSPEC_TARGET=7000 ECHOSPEC_FRAMING=length:u32be cargo fuzz run live ({1})")]
    Unset(&'static str, VarError),
    /// It names no address.
    #[error("ECHOSPEC_TARGET is PORT or HOST:PORT: {0}")]
    Target(std::io::Error),
    /// It names no framing.
    #[error("ECHOSPEC_FRAMING: {0}")]
    Framing(#[from] crate::framing::SyntaxError),
    /// The machine gives us no event loop.
    #[error("no event loop: {0}")]
    Runtime(std::io::Error),
}

impl Live {
    /// The server that the environment names.
    pub fn from_env() -> Result<Self, LiveError> {
        let variable = |name| env::var(name).map_err(|error| LiveError::Unset(name, error));
        Self::new(address(&variable(TARGET)?)?, variable(FRAMING)?.parse()?)
    }

    /// The server at an address.
    pub fn new(address: SocketAddr, framing: Framing) -> Result<Self, LiveError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LiveError::Runtime)?;
        Ok(Self { tcp: Tcp::new(address), settings: Settings::new(framing), runtime })
    }

    /// Plays the session that the input stands for, in the server's framing. The first failure, shrunk, as a scenario
    /// with what was wrong above it.
    pub fn play(&self, data: &[u8]) -> Result<(), String> {
        let plan = Plan { framing: self.settings.framing.clone(), ..Plan::decode(data) };
        let Some(rule) = self.broken(&plan).filter(|_| !contradicts_itself(&plan.framing)) else { return Ok(()) };
        let small = shrunk(plan, SHRINKING, |plan| self.broken(plan).as_ref() == Some(&rule));
        let script = script(&small, &self.settings, Trust::Declared, Tempo::PATIENT);
        let scenario = scenario_of(&script, &small.framing, "what the fuzz target live found");
        Err(format!("# {rule}, in {}\n{}", small.framing, scenario.to_yaml()))
    }

    /// The first rule that is broken, each time if it rests on time.
    fn broken(&self, plan: &Plan) -> Option<String> {
        let mut judgement = self.judged(plan, QUICK);
        for _ in 0..CONFIRMATIONS {
            if judgement.rests_on_time() {
                judgement = self.judged(plan, QUICK.scaled(MORE_TIME));
            }
        }
        judgement.breaches.first().map(|breach| breach.rule.clone())
    }

    fn judged(&self, plan: &Plan, tempo: Tempo) -> Judgement {
        let script = script(plan, &self.settings, Trust::Declared, tempo);
        let trace = self.runtime.block_on(self.tcp.run(script.clone()));
        judge(&script, &trace)
    }
}

fn address(target: &str) -> Result<SocketAddr, LiveError> {
    let found = match target.parse::<u16>() {
        Ok(port) => ("127.0.0.1", port).to_socket_addrs(),
        Err(_) => target.to_socket_addrs(),
    };
    let nothing = || std::io::Error::other(format!("`{target}` names no address"));
    found.and_then(|mut all| all.next().ok_or_else(nothing)).map_err(LiveError::Target)
}

/// The law of the target `live`: the server that `ECHOSPEC_TARGET` names, framing as `ECHOSPEC_FRAMING` says, breaks no
/// rule. It has to serve four connections at once. Panics with the shrunk scenario.
pub fn live(data: &[u8]) {
    static SERVER: LazyLock<Live> = LazyLock::new(|| Live::from_env().unwrap_or_else(|error| panic!("{error}")));
    if let Err(finding) = SERVER.play(data) {
        panic!("{finding}");
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::thread;

    use super::*;
    use crate::transport::Server;

    /// A reference server on a port of its own, for as long as the process lives.
    fn served(framing: &str) -> SocketAddr {
        let settings = Settings::new(framing.parse().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), settings, 16).unwrap();
                tell.send(server.address().unwrap()).unwrap();
                let (_keep, stop) = tokio::sync::watch::channel(false);
                server.serve(stop).await;
            });
        });
        told.recv().unwrap()
    }

    #[test]
    fn a_right_server_breaks_no_rule() {
        let live = Live::new(served("length:u32be"), "length:u32be".parse().unwrap()).unwrap();
        for (at, data) in (0..24_u8).map(|n| (n, [[n, 0, 0, 2, 2, 3].as_slice(), &[n.wrapping_mul(37); 40]].concat())) {
            assert_eq!(live.play(&data), Ok(()), "{at}");
        }
    }

    #[test]
    fn a_wrong_server_is_told_of_in_a_small_scenario() {
        let live = Live::new(served("delimiter:lf,reply=crlf"), "lf".parse().unwrap()).unwrap();
        let finding = live.play(&[0, 0, 0, 1, 2, 5, b'h', b'e', b'l', b'l', b'o', 2, b'h', b'o', 0]).unwrap_err();
        assert!(finding.contains("send:") && finding.lines().count() < 30, "{finding}");
        assert!(finding.starts_with("# "), "{finding}");
    }
}
