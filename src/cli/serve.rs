//! `echospec serve`: the reference server.

use std::time::Duration;

use tokio::sync::watch;

use super::Console;
use super::ending::asked_to_end;
use super::engine::runtime;
use super::exit::{Exit, Failure};
use super::parse;
use super::target::Target;
use crate::framing::Framing;
use crate::peer::{Fault, Settings};
use crate::transport::Server;

/// Run the reference server
///
/// An echo that keeps every requirement: to see what a right one does, or to put a proxy or a tunnel in front of it and
/// judge that. It prints `listening on ADDRESS` on standard output when clients can connect, and serves until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How messages are framed (see `echospec list framings`); its keys say what the server does: max=64KiB,over=skip
    #[arg(long, value_name = "F", default_value = "lines", value_parser = parse::framing)]
    framing: Framing,

    /// Where to listen: an address, or a port of this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7000")]
    listen: Target,

    /// Clients at once; further ones wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,

    /// Close a connection that moves nothing for so long, as in 30s; without it, none is closed
    #[arg(long, value_name = "D", value_parser = parse::duration)]
    idle: Option<Duration>,

    /// With one known fault (see `echospec list faults`), to see that it is found
    #[arg(long, value_name = "NAME", value_parser = parse::fault)]
    fault: Option<&'static Fault>,
}

const EXAMPLES: &str = "\
Examples:
  echospec serve --framing length:u32be,max=64KiB     on port 7000
  echospec serve --listen 0 --framing close           on a free port, which it prints
  echospec serve --framing lf --fault surplus-dropped  with a known fault";

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut settings = Settings::new(args.framing.clone());
    settings.idle = args.idle.or(settings.idle);
    if let Some(fault) = args.fault {
        settings = settings.with_fault(fault);
    }
    runtime()?.block_on(serve(args, settings, console))
}

async fn serve(args: &Args, settings: Settings, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let refused = |error| Failure::System(format!("cannot listen on {}", args.listen), error);
    let server = Server::bind(args.listen.resolve()?, settings, args.max_connections as usize).map_err(refused)?;
    let address = server.address().map_err(refused)?;
    let ended = asked_to_end(); // whoever reads the line may end it at once
    console.print(format!("listening on {address}\n").as_bytes())?;
    let (stop, stopped) = watch::channel(false);
    let mut serving = std::pin::pin!(server.serve(stopped));
    tokio::select! {
        // A server that dies of its fault.
        () = &mut serving => return Ok(Exit::Nonconforming),
        () = ended => {}
    }
    let _ = stop.send(true);
    serving.await;
    Ok(Exit::Conforms)
}
