//! Who is under test: a server at an address, one that is started, the built-in one; or a client.

use super::client::ClientCommand;
use super::exec::CommandLine;
use super::exit::Failure;
use super::parse;
use super::target::{PLACES, Target};
use crate::framing::Framing;
use crate::profile::Side;

/// Options that say which server is meant.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[arg(value_parser = Target::to_connect, help = PLACES)]
    pub(super) target: Option<Target>,

    /// Start the target: CMD, in which {port} stands for the port to listen on; it is watched, and ended after the run
    ///
    /// The port is TARGET's, or a free one of loopback. The command runs without a shell (for one write sh -c '…'), and must
    /// stay in the foreground. When it ends during a case, that case has failed; it is started again and the run goes on.
    /// On Linux what its process takes (memory, descriptors, processor time) is judged, too.
    #[arg(long, value_name = "CMD")]
    pub(super) exec: Option<CommandLine>,

    /// How messages are framed: length:u32be, lines, fixed:32, close, … (see `echospec list framings`)
    ///
    /// Needed with a TARGET, because nothing that could be seen from outside tells it. May be repeated. A framing can
    /// also declare behaviour, whose breach then is a failure: length:u32be,max=64KiB,over=close.
    #[arg(long, value_name = "F", value_parser = parse::framing)]
    pub(super) framing: Vec<Framing>,
}

impl Args {
    /// Which server it is.
    pub(super) fn server(&self) -> Result<Subject, Failure> {
        Subject::server(self.exec.as_ref(), self.target.as_ref())
    }

    /// What a command line that plays something again says of it.
    pub(super) fn again(&self) -> String {
        let target = self.target.as_ref().map(ToString::to_string);
        let exec = self.exec.as_ref().map(|line| format!("--exec {}", line.quoted()));
        let words: Vec<_> = target.into_iter().chain(exec).collect();
        if words.is_empty() { "TARGET".into() } else { words.join(" ") }
    }

    /// How its messages are framed; the built-in server speaks one framing of each strategy.
    pub(super) fn framings(&self) -> Result<Vec<Framing>, Failure> {
        let is_ours = self.target.is_none() && self.exec.is_none();
        match self.framing.as_slice() {
            [] if is_ours => REFERENCE.iter().map(|text| text.parse().map_err(Failure::usage)).collect(),
            [] => Err(Failure::usage(NO_FRAMING)),
            asked => Ok(each_once(asked)),
        }
    }
}

/// The framings in the order in which they are first asked for.
pub(super) fn each_once(asked: &[Framing]) -> Vec<Framing> {
    let mut framings: Vec<Framing> = Vec::new();
    for framing in asked {
        if !framings.contains(framing) {
            framings.push(framing.clone());
        }
    }
    framings
}

/// What the reference server is judged in: one of each strategy.
const REFERENCE: [&str; 4] = ["close", "fixed:16", "length:u32be", "delimiter:crlf"];

const NO_PORT: &str = "\
nothing says where the command of --exec listens: write {port} in it, or give a TARGET

  for example  --exec 'python3 server.py {port}'";

const NO_FRAMING: &str = "\
with a TARGET or --exec, --framing says how messages are framed there

  for example  --framing length:u32be   a length of 4 bytes, then the message
               --framing lines          lines that end in LF or CRLF
               --framing raw            bytes that come back as they are (RFC 862)

`echospec list framings` shows all that there are.";

/// Who is judged.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// The built-in reference server.
    Reference,
    /// The server at an address.
    Server(Target),
    /// A server that is started, at an address or at a free port.
    Command(CommandLine, Option<Target>),
    /// A client that is started once a case.
    Client(ClientCommand),
    /// Clients that somebody else starts, at this address.
    Visitors(Target),
}

impl Subject {
    /// A server, as it is asked for. Refuses a command that cannot know where to listen.
    pub(super) fn server(exec: Option<&CommandLine>, target: Option<&Target>) -> Result<Self, Failure> {
        match (exec, target) {
            (Some(line), None) if !line.takes_port() => Err(Failure::usage(NO_PORT)),
            (Some(line), target) => Ok(Self::Command(line.clone(), target.cloned())),
            (None, Some(target)) => Ok(Self::Server(target.clone())),
            (None, None) => Ok(Self::Reference),
        }
    }

    /// Which end of a session it is.
    pub(super) fn side(&self) -> Side {
        match self {
            Self::Client(_) | Self::Visitors(_) => Side::Client,
            Self::Reference | Self::Server(_) | Self::Command(..) => Side::Server,
        }
    }

    /// Where it listens, or where it is listened for.
    pub(super) fn target(&self) -> Option<&Target> {
        match self {
            Self::Server(target) | Self::Visitors(target) => Some(target),
            Self::Command(_, target) => target.as_ref(),
            Self::Reference | Self::Client(_) => None,
        }
    }

    /// So many cases are played at once, where nothing is said. Processes are dearer than connections.
    pub(super) fn jobs(&self) -> usize {
        match self {
            Self::Client(_) => 16,
            Self::Visitors(_) => 1,
            _ => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_framing_that_is_asked_for_twice_counts_once_and_the_first_stays_first() {
        let asked: Vec<Framing> = ["lf", "raw", "delimiter:lf"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(each_once(&asked), asked[..2]);
    }
}
