//! `echospec send`: the reference client.

use std::io::{self, Read};
use std::time::Duration;

use super::Console;
use super::engine::runtime;
use super::exit::{Exit, Failure};
use super::parse;
use super::target::{PLACES, Target};
use crate::framing::Framing;
use crate::peer::{ClientFault, Farewell, Task};
use crate::session;
use crate::transport::{NoVisit, visit};

/// Send one message as the reference client does, and print what comes back
///
/// It connects, sends, listens for the reply and closes. The payload of the reply goes to standard output as it is. Exit code 0: it is the message; 1: it is not; 3: nobody
/// could be connected to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[arg(value_parser = Target::to_connect, help = PLACES)]
    target: Target,

    /// The message; without it, or as `-`, standard input is the message
    message: Option<String>,

    /// How messages are framed (see `echospec list framings`)
    #[arg(long, value_name = "F", value_parser = parse::framing)]
    framing: Framing,

    /// How long nothing may come while the reply is due
    #[arg(long, value_name = "D", default_value = "10s", value_parser = parse::duration)]
    timeout: Duration,

    /// With one known fault (see `echospec list faults`), to see that `check-client` finds it
    #[arg(long, value_name = "NAME", value_parser = parse::client_fault)]
    fault: Option<&'static ClientFault>,
}

const EXAMPLES: &str = "\
Examples:
  echospec send 7000 hello --framing lines
  head -c 1000000 /dev/urandom | echospec send 7000 --framing length:u32be > reply";

/// The largest message, in bytes: what the reference server takes.
const LARGEST: u64 = crate::peer::Settings::DEFAULT_MAX;

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let message = message(args)?;
    let task = Task { framing: args.framing.without_keep(), message, patience: args.timeout, fault: args.fault };
    let (addresses, runtime) = (args.target.addresses()?, runtime()?);
    match runtime.block_on(visit(&addresses, task.clone())) {
        Ok(farewell) => {
            if farewell.again {
                let _ = runtime.block_on(visit(&addresses, task)); // what comes of it is of no interest
            }
            say(&farewell, console)
        }
        Err(NoVisit::Unencodable(error)) => {
            Err(Failure::usage(format!("{} cannot carry this message: {error}", args.framing)))
        }
        Err(NoVisit::Refused(why, farewell)) => refused(args, why, farewell, &runtime, console),
    }
}

/// Nobody could be connected to, which a client with a fault may take otherwise.
fn refused(
    args: &Args,
    why: session::Failure,
    farewell: Option<Farewell>,
    runtime: &tokio::runtime::Runtime,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    match (args.fault, farewell) {
        (None, _) => Err(Failure::Untested(format!("cannot connect to {}: {why}", args.target))),
        (Some(_), Some(farewell)) => say(&farewell, console),
        (Some(_), None) => runtime.block_on(std::future::pending()),
    }
}

fn message(args: &Args) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match args.message.as_deref() {
        Some(text) if text != "-" => bytes.extend_from_slice(text.as_bytes()),
        _ => {
            let read = io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| Failure::System("cannot read standard input".into(), error))?;
        }
    }
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::usage(format!("a message has at most {LARGEST} bytes")));
    }
    Ok(bytes)
}

/// Prints the reply, and on standard error what was wrong with it.
fn say(farewell: &Farewell, console: &mut Console<'_>) -> Result<Exit, Failure> {
    console.print(&farewell.output)?;
    if let Some(why) = &farewell.why {
        console.remark(why);
    }
    Ok(match farewell.exit {
        session::Exit::Success(_) => Exit::Conforms,
        session::Exit::Signal(_) => std::process::abort(),
        _ => Exit::Nonconforming,
    })
}
